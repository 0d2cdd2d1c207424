#ifndef CONDENSE_TRAIN_GRADIENTS_GEMM_HPP
#define CONDENSE_TRAIN_GRADIENTS_GEMM_HPP

#include "condense/graph/operators/gemm.hpp"
#include "condense/train/detail/reduce.hpp"
#include "condense/train/gradient.hpp"

namespace condense::train {

/// With y = alpha a' b' + beta c: da' = alpha dy b'^T, db' = alpha a'^T dy, and dc = beta dy summed over the axes along
/// which c is broadcast.
template <>
struct Gradient<graph::Gemm> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Gemm& op, const Backward& b) {
    std::vector<Tensor> gradients(b.inputs.size());
    graph::with_float_type(b.output_gradient().type(), [&]<class T>() {
      using graph::reference::Factor;
      const Shape& result = b.output_gradient().shape();
      const Index rows = result[0], columns = result[1], depth = b.input_shape(0)[op.trans_a ? 0 : 1];
      const T* dy = b.output_gradient().data<T>();
      const T* x = b.input(0).data<T>();
      const T* y = b.input(1).data<T>();
      const auto product = [&](std::size_t i, const graph::reference::ProductSizes& sizes, const Factor<T>& left,
                               const Factor<T>& right) {
        gradients[i] = b.like_input(i);
        T* target = gradients[i].mutable_data<T>();
        std::fill_n(target, gradients[i].count(), T{0});
        graph::reference::add_product<T>(sizes, static_cast<T>(op.alpha), left, right, target, b.pool);
      };
      if (b.wants(0)) {
        if (op.trans_a) {
          product(0, {depth, rows, columns}, {y, op.trans_b}, {dy, true});
        } else {
          product(0, {rows, depth, columns}, {dy, false}, {y, !op.trans_b});
        }
      }
      if (b.wants(1)) {
        if (op.trans_b) {
          product(1, {columns, depth, rows}, {dy, true}, {x, op.trans_a});
        } else {
          product(1, {depth, columns, rows}, {x, !op.trans_a}, {dy, false});
        }
      }
      if (b.wants(2)) {
        gradients[2] = detail::sum_to_shape(b.output_gradient(), b.input_shape(2), b.memory);
        for (T& value : gradients[2].mutable_values<T>()) value *= static_cast<T>(op.beta);
      }
    });
    return gradients;
  }
};

}  // namespace condense::train

#endif
