#ifndef CONDENSE_TRAIN_GRADIENTS_ARITHMETIC_HPP
#define CONDENSE_TRAIN_GRADIENTS_ARITHMETIC_HPP

#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/train/detail/reduce.hpp"
#include "condense/train/gradient.hpp"

namespace condense::train {

/// da = dy and db = dy, each summed over the axes along which it was broadcast.
template <>
struct Gradient<graph::Add> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Add&, const Backward& b) {
    std::vector<Tensor> gradients(2);
    for (std::size_t i = 0; i < 2; ++i) {
      if (b.wants(i)) gradients[i] = detail::sum_to_shape(b.output_gradient(), b.input_shape(i), b.memory);
    }
    return gradients;
  }
};

/// da = dy b and db = dy a, each summed over the axes along which it was broadcast.
template <>
struct Gradient<graph::Mul> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Mul&, const Backward& b) {
    std::vector<Tensor> gradients(2);
    graph::with_float_type(b.output_gradient().type(), [&]<class T>() {
      if (b.wants(0)) gradients[0] = times<T>(b, 0, 1);
      if (b.wants(1)) gradients[1] = times<T>(b, 1, 0);
    });
    return gradients;
  }

 private:
  /// The gradient of input i: dy times the other input.
  template <class T>
  static Tensor times(const Backward& b, std::size_t i, std::size_t other) {
    Tensor result = b.like_input(i);
    const T* dy = b.output_gradient().data<T>();
    const T* factor = b.input(other).data<T>();
    T* to = result.mutable_data<T>();
    const Shape& shape = b.output_gradient().shape();
    const graph::reference::Broadcast broadcast(b.input_shape(i), b.input_shape(other), shape);
    const auto multiply = [&](Index begin, Index end) {
      broadcast.for_each_run(
          begin, end, [&](Index first, Index a, Index c, Index length, Index a_stride, Index c_stride) {
            const T* from = dy + first;
            if (a_stride == 0 && c_stride == 0) {
              to[a] += factor[c] * detail::ArrayView<T>(from, length).sum();
            } else if (a_stride == 0) {
              to[a] += (detail::ArrayView<T>(from, length) * detail::ArrayView<T>(factor + c, length)).sum();
            } else if (c_stride == 0) {
              for (Index k = 0; k < length; ++k) to[a + k] += from[k] * factor[c];
            } else {
              for (Index k = 0; k < length; ++k) to[a + k] += from[k] * factor[c + k];
            }
          });
    };
    std::fill_n(to, result.count(), T{0});
    if (b.input_shape(i) == shape) {  // no element is added to twice
      parallel_for(b.pool, shape.count(), graph::reference::kElementwiseGrain, multiply);
    } else {
      multiply(0, shape.count());
    }
    return result;
  }
};

}  // namespace condense::train

#endif
