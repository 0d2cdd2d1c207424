#ifndef CONDENSE_TRAIN_DETAIL_ELEMENTWISE_HPP
#define CONDENSE_TRAIN_DETAIL_ELEMENTWISE_HPP

#include "condense/graph/reference/elementwise.hpp"
#include "condense/train/gradient.hpp"

namespace condense::train::detail {

/// dx[i] = function(value[i], dy[i]) for an operator that works on each element by itself; `value` is its input or its
/// output.
template <class Function>
Tensor differentiate_elementwise(const Backward& b, const Tensor& value, Function&& function) {
  Tensor gradient = b.like_input();
  graph::with_float_type(gradient.type(), [&]<class T>() {
    const T* from = value.data<T>();
    const T* dy = b.output_gradient().data<T>();
    T* dx = gradient.mutable_data<T>();
    parallel_for(b.pool, gradient.count(), graph::reference::kElementwiseGrain, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) dx[i] = function(from[i], dy[i]);
    });
  });
  return gradient;
}

}  // namespace condense::train::detail

#endif
