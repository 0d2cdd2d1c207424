#ifndef CONDENSE_TRAIN_GRADIENTS_ACTIVATION_HPP
#define CONDENSE_TRAIN_GRADIENTS_ACTIVATION_HPP

#include "condense/graph/operators/clip.hpp"
#include "condense/graph/operators/hard_swish.hpp"
#include "condense/graph/operators/leaky_relu.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/graph/operators/sigmoid.hpp"
#include "condense/train/detail/elementwise.hpp"

namespace condense::train {

/// dx = dy for x > 0, otherwise 0; at 0 the left derivative.
template <>
struct Gradient<graph::Relu> {
  static constexpr Reads kReads = Reads::outputs;

  static std::vector<Tensor> backward(const graph::Relu&, const Backward& b) {
    return {detail::differentiate_elementwise(b, b.output(), [](auto y, auto dy) { return y > 0 ? dy : 0; })};
  }
};

/// dx = dy for x >= 0, otherwise alpha dy.
template <>
struct Gradient<graph::LeakyRelu> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::LeakyRelu& op, const Backward& b) {
    return {detail::differentiate_elementwise(b, b.input(), [alpha = op.alpha](auto x, auto dy) {
      return x < 0 ? static_cast<decltype(x)>(alpha) * dy : dy;
    })};
  }
};

/// dx = dy within the bounds, themselves included, otherwise 0. The gradient of a bound is the sum of dy over the
/// elements that it has replaced, as clipping that is learned needs it (Choi et al., "PACT", 2018, equation 3).
template <>
struct Gradient<graph::Clip> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Clip&, const Backward& b) {
    std::vector<Tensor> gradients(b.inputs.size());
    graph::with_float_type(b.output_gradient().type(), [&]<class T>() {
      const T lowest = b.has(1) ? *b.input(1).data<T>() : -std::numeric_limits<T>::infinity();
      const T highest = b.has(2) ? *b.input(2).data<T>() : std::numeric_limits<T>::infinity();
      const auto is_low = [=](T x) { return x < lowest && lowest <= highest; };
      const auto is_high = [=](T x) { return x > highest || lowest > highest; };
      if (b.wants(0)) {
        gradients[0] = detail::differentiate_elementwise(b, b.input(), [=](auto x, auto dy) {
          return is_low(static_cast<T>(x)) || is_high(static_cast<T>(x)) ? 0 : dy;
        });
      }
      if (b.wants(1)) gradients[1] = sum_where<T>(b, 1, is_low);
      if (b.wants(2)) gradients[2] = sum_where<T>(b, 2, is_high);
    });
    return gradients;
  }

 private:
  template <class T, class Predicate>
  static Tensor sum_where(const Backward& b, std::size_t bound, Predicate&& predicate) {
    const T* x = b.input().data<T>();
    const T* dy = b.output_gradient().data<T>();
    double sum = 0;
    for (Index i = 0; i < b.input().count(); ++i) sum += predicate(x[i]) ? static_cast<double>(dy[i]) : 0.0;
    return Tensor::of<T>(b.input_shape(bound), {static_cast<T>(sum)});
  }
};

/// dx = dy y (1 - y).
template <>
struct Gradient<graph::Sigmoid> {
  static constexpr Reads kReads = Reads::outputs;

  static std::vector<Tensor> backward(const graph::Sigmoid&, const Backward& b) {
    return {detail::differentiate_elementwise(b, b.output(), [](auto y, auto dy) { return dy * y * (1 - y); })};
  }
};

/// dx = dy (2 x + 3) / 6 for |x| < 3; dy above and 0 below.
template <>
struct Gradient<graph::HardSwish> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::HardSwish&, const Backward& b) {
    return {detail::differentiate_elementwise(b, b.input(), [](auto x, auto dy) {
      return x <= -3 ? 0 : x >= 3 ? dy : dy * (2 * x + 3) / 6;
    })};
  }
};

}  // namespace condense::train

#endif
