#ifndef CONDENSE_TRAIN_GRADIENTS_SOFTMAX_HPP
#define CONDENSE_TRAIN_GRADIENTS_SOFTMAX_HPP

#include "condense/graph/operators/softmax.hpp"
#include "condense/graph/reference/along_axis.hpp"
#include "condense/train/gradient.hpp"

namespace condense::train {

/// dx = y (dy - sum of dy y along the axis).
template <>
struct Gradient<graph::Softmax> {
  static constexpr Reads kReads = Reads::outputs;

  static std::vector<Tensor> backward(const graph::Softmax& op, const Backward& b) {
    Tensor gradient = b.like_input();
    graph::with_float_type(gradient.type(), [&]<class T>() {
      const T* y = b.output().data<T>();
      const T* dy = b.output_gradient().data<T>();
      T* dx = gradient.mutable_data<T>();
      const auto differentiate = [&](Index first, Index extent, Index stride) {
        const Index last = first + extent * stride;
        T mean = 0;
        for (Index k = first; k < last; k += stride) mean += dy[k] * y[k];
        for (Index k = first; k < last; k += stride) dx[k] = y[k] * (dy[k] - mean);
      };
      graph::reference::for_each_vector(b.input_shape(), op.axis, b.pool, differentiate);
    });
    return {gradient};
  }
};

}  // namespace condense::train

#endif
