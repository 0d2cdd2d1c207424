#ifndef CONDENSE_TRAIN_DETAIL_ELEMENTWISE_HPP
#define CONDENSE_TRAIN_DETAIL_ELEMENTWISE_HPP

#include "condense/graph/reference/elementwise.hpp"
#include "condense/train/detail/reduce.hpp"
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

/// dx = dy `Gradient<Op>::slope(op, x)`, the slope at x.
template <class Op>
struct SlopeAtInput {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const Op& op, const Backward& b) {
    return {differentiate_elementwise(b, b.input(),
                                      [&op]<class T>(T x, T dy) -> T { return dy * Gradient<Op>::slope(op, x); })};
  }
};

/// dx = dy `Gradient<Op>::slope(op, y)`, the slope where the result is y.
template <class Op>
struct SlopeAtOutput {
  static constexpr Reads kReads = Reads::outputs;

  static std::vector<Tensor> backward(const Op& op, const Backward& b) {
    return {differentiate_elementwise(b, b.output(),
                                      [&op]<class T>(T y, T dy) -> T { return dy * Gradient<Op>::slope(op, y); })};
  }
};

/// The gradient of input i of an operator on two tensors that broadcast: function(left, right, dy) for each element of
/// the result, summed over those that an element of the input stood for.
template <class Function>
Tensor differentiate_broadcast(const Backward& b, std::size_t i, const Tensor& left, const Tensor& right,
                               Function&& function) {
  const Tensor& output_gradient = b.output_gradient();
  Tensor terms = b.memory.make(output_gradient.type(), output_gradient.shape());
  graph::with_float_type(terms.type(), [&]<class T>() {
    const T* x = left.data<T>();
    const T* z = right.data<T>();
    const T* dy = output_gradient.data<T>();
    T* to = terms.mutable_data<T>();
    const graph::reference::Broadcast broadcast(left.shape(), right.shape(), terms.shape());
    parallel_for(b.pool, terms.count(), graph::reference::kElementwiseGrain, [&](Index begin, Index end) {
      broadcast.for_each_run(begin, end,
                             [&](Index first, Index a, Index c, Index length, Index a_stride, Index c_stride) {
                               for (Index k = 0; k < length; ++k) {
                                 to[first + k] = function(x[a + k * a_stride], z[c + k * c_stride], dy[first + k]);
                               }
                             });
    });
  });
  return sum_to_shape(terms, b.input_shape(i), b.memory);
}

}  // namespace condense::train::detail

#endif
