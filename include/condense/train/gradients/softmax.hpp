#ifndef CONDENSE_TRAIN_GRADIENTS_SOFTMAX_HPP
#define CONDENSE_TRAIN_GRADIENTS_SOFTMAX_HPP

#include <algorithm>

#include "condense/graph/operators/softmax.hpp"
#include "condense/train/gradient.hpp"

namespace condense::train {

/// dx = y (dy - sum of dy y along the axis).
template <>
struct Gradient<graph::Softmax> {
  static constexpr Reads kReads = Reads::outputs;

  static std::vector<Tensor> backward(const graph::Softmax& op, const Backward& b) {
    Tensor gradient = b.like_input();
    graph::with_float_type(gradient.type(), [&]<class T>() {
      const Shape& shape = b.input_shape();
      const int along = shape.axis(op.axis);
      const Index extent = shape[along];
      const Index inner = shape.count(along + 1, shape.rank());
      const Index grain = std::max<Index>(1, graph::reference::kElementwiseGrain / std::max<Index>(1, extent));
      const T* y = b.output().data<T>();
      const T* dy = b.output_gradient().data<T>();
      T* dx = gradient.mutable_data<T>();
      parallel_for(b.pool, shape.count(0, along) * inner, grain, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
          const Index first = i / inner * extent * inner + i % inner;
          const Index last = first + extent * inner;
          T mean = 0;
          for (Index k = first; k < last; k += inner) mean += dy[k] * y[k];
          for (Index k = first; k < last; k += inner) dx[k] = y[k] * (dy[k] - mean);
        }
      });
    });
    return {gradient};
  }
};

}  // namespace condense::train

#endif
