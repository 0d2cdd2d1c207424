#ifndef CONDENSE_TRAIN_GRADIENTS_MAT_MUL_HPP
#define CONDENSE_TRAIN_GRADIENTS_MAT_MUL_HPP

#include <algorithm>

#include "condense/graph/operators/mat_mul.hpp"
#include "condense/train/gradient.hpp"

namespace condense::train {

/// da = dy b^T and db = a^T dy for each pair of matrices, summed over the pairs that share one.
template <>
struct Gradient<graph::MatMul> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::MatMul&, const Backward& b) {
    std::vector<Tensor> gradients(2);
    graph::with_float_type(b.output_gradient().type(), [&]<class T>() {
      T* targets[2] = {};
      for (std::size_t i = 0; i < 2; ++i) {
        if (!b.wants(i)) continue;
        gradients[i] = b.like_input(i);
        targets[i] = gradients[i].mutable_data<T>();
        std::fill_n(targets[i], gradients[i].count(), T{0});
      }
      multiply<T>(b, targets[0], targets[1]);
    });
    return gradients;
  }

 private:
  static Shape batch_axes(const Shape& shape) {
    return Shape(shape.extents().first(static_cast<std::size_t>(std::max(0, shape.rank() - 2))));
  }

  template <class T>
  static void multiply(const Backward& b, T* left_gradient, T* right_gradient) {
    const Shape& left = b.input_shape(0);
    const Shape& right = b.input_shape(1);
    const Index depth = left[left.rank() - 1];
    const Index columns = right.rank() >= 2 ? right[right.rank() - 1] : 1;
    const bool one_matrix = right.rank() <= 2;  // all of the left input is then one tall matrix
    const Index rows = one_matrix ? left.count(0, left.rank() - 1) : left.rank() >= 2 ? left[left.rank() - 2] : 1;
    const T* dy = b.output_gradient().data<T>();
    const auto add_pair = [&](Index batch, Index left_batch, Index right_batch) {
      const T* gradient = dy + batch * rows * columns;
      const Index left_offset = left_batch * rows * depth;
      const Index right_offset = right_batch * depth * columns;
      if (left_gradient != nullptr) {
        graph::reference::add_product<T>({rows, depth, columns}, T{1}, {gradient, false},
                                         {b.input(1).data<T>() + right_offset, true}, left_gradient + left_offset,
                                         b.pool);
      }
      if (right_gradient != nullptr) {
        graph::reference::add_product<T>({depth, columns, rows}, T{1}, {b.input(0).data<T>() + left_offset, true},
                                         {gradient, false}, right_gradient + right_offset, b.pool);
      }
    };
    if (one_matrix) return add_pair(0, 0, 0);
    const Shape outer = graph::reference::broadcast_shape(batch_axes(left), batch_axes(right));
    const graph::reference::Broadcast batches(batch_axes(left), batch_axes(right), outer);
    for (Index batch = 0; batch < outer.count(); ++batch) {
      batches.for_each_run(batch, batch + 1, [&](Index, Index left_batch, Index right_batch, Index, Index, Index) {
        add_pair(batch, left_batch, right_batch);
      });
    }
  }
};

}  // namespace condense::train

#endif
