#ifndef CONDENSE_TRAIN_GRADIENTS_ACTIVATION_HPP
#define CONDENSE_TRAIN_GRADIENTS_ACTIVATION_HPP

#include <cmath>
#include <numbers>

#include "condense/graph/operators/activations.hpp"
#include "condense/graph/operators/clip.hpp"
#include "condense/graph/operators/hard_swish.hpp"
#include "condense/graph/operators/leaky_relu.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/graph/operators/sigmoid.hpp"
#include "condense/graph/reference/along_axis.hpp"
#include "condense/train/detail/backward.hpp"
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

/// Slope 1 for x >= 0, otherwise exp(x / alpha).
template <>
struct Gradient<graph::Celu> : detail::SlopeAtInput<graph::Celu> {
  template <class T>
  static T slope(const graph::Celu& op, T x) {
    return x < 0 ? std::exp(x / static_cast<T>(op.alpha)) : T{1};
  }
};

/// Slope 1 for x >= 0, otherwise alpha exp(x).
template <>
struct Gradient<graph::Elu> : detail::SlopeAtInput<graph::Elu> {
  template <class T>
  static T slope(const graph::Elu& op, T x) {
    return x < 0 ? static_cast<T>(op.alpha) * std::exp(x) : T{1};
  }
};

/// Slope P(X <= x) + x p(x) with the density p of a standard normal X, or that of the approximation by tanh.
template <>
struct Gradient<graph::Gelu> : detail::SlopeAtInput<graph::Gelu> {
  template <class T>
  static T slope(const graph::Gelu& op, T x) {
    using std::numbers::inv_sqrtpi_v;
    using std::numbers::sqrt2_v;
    if (op.approximate == graph::GeluApproximation::none) {
      const T density = inv_sqrtpi_v<T> / sqrt2_v<T> * std::exp(-x * x / T{2});
      return std::erfc(-x / sqrt2_v<T>) / T{2} + x * density;
    }
    constexpr T kFactor = sqrt2_v<T> * inv_sqrtpi_v<T>;
    constexpr auto kCubic = static_cast<T>(0.044715);
    const T t = std::tanh(kFactor * (x + kCubic * x * x * x));
    return (T{1} + t + x * (T{1} - t * t) * kFactor * (T{1} + T{3} * kCubic * x * x)) / T{2};
  }
};

/// Slope alpha between the bounds, otherwise 0.
template <>
struct Gradient<graph::HardSigmoid> : detail::SlopeAtInput<graph::HardSigmoid> {
  template <class T>
  static T slope(const graph::HardSigmoid& op, T x) {
    const T line = static_cast<T>(op.alpha) * x + static_cast<T>(op.beta);
    return line < 0 || line > 1 ? T{0} : static_cast<T>(op.alpha);
  }
};

/// dx = dy - exp(y) (sum of dy along the axis).
template <>
struct Gradient<graph::LogSoftmax> {
  static constexpr Reads kReads = Reads::outputs;

  static std::vector<Tensor> backward(const graph::LogSoftmax& op, const Backward& b) {
    return {differentiate(b, op.axis, b.output(), b.output_gradient())};
  }

  /// The gradient of the scores whose log-probabilities along an axis, with the gradient `dy`, are `y`.
  static Tensor differentiate(const Backward& b, Index axis, const Tensor& y, const Tensor& dy) {
    Tensor gradient = b.memory.make(dy.type(), dy.shape());
    graph::with_float_type(dy.type(), [&]<class T>() {
      const T* logarithms = y.data<T>();
      const T* from = dy.data<T>();
      T* dx = gradient.mutable_data<T>();
      graph::reference::for_each_vector(dy.shape(), axis, b.pool, [&](Index first, Index extent, Index stride) {
        const Index last = first + extent * stride;
        T sum = 0;
        for (Index k = first; k < last; k += stride) sum += from[k];
        for (Index k = first; k < last; k += stride) dx[k] = from[k] - std::exp(logarithms[k]) * sum;
      });
    });
    return gradient;
  }
};

/// Slope t + x (1 - t^2) / (1 + exp(-x)) with t = tanh(log(1 + exp(x))).
template <>
struct Gradient<graph::Mish> : detail::SlopeAtInput<graph::Mish> {
  template <class T>
  static T slope(const graph::Mish&, T x) {
    const T t = std::tanh(graph::reference::softplus(x));
    return t + x * (T{1} - t * t) * graph::reference::sigmoid(x);
  }
};

/// dx = dy for x >= 0, otherwise slope dy; dslope = the sum of x dy over the elements below 0 that it was for (He et
/// al. 2015, equation 3).
template <>
struct Gradient<graph::PRelu> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::PRelu&, const Backward& b) {
    std::vector<Tensor> gradients(2);
    if (b.wants(0)) {
      gradients[0] = detail::differentiate_broadcast(
          b, 0, b.input(0), b.input(1), []<class T>(T x, T slope, T dy) { return x < 0 ? slope * dy : dy; });
    }
    if (b.wants(1)) {
      gradients[1] = detail::differentiate_broadcast(b, 1, b.input(0), b.input(1),
                                                     []<class T>(T x, T, T dy) { return x < 0 ? x * dy : T{0}; });
    }
    return gradients;
  }
};

/// Slope gamma for x > 0, otherwise gamma alpha exp(x).
template <>
struct Gradient<graph::Selu> : detail::SlopeAtInput<graph::Selu> {
  template <class T>
  static T slope(const graph::Selu& op, T x) {
    return static_cast<T>(op.gamma) * (x > 0 ? T{1} : static_cast<T>(op.alpha) * std::exp(x));
  }
};

/// Slope 0 for |x| <= lambd, otherwise 1.
template <>
struct Gradient<graph::Shrink> : detail::SlopeAtInput<graph::Shrink> {
  template <class T>
  static T slope(const graph::Shrink& op, T x) {
    return x < static_cast<T>(-op.lambd) || x > static_cast<T>(op.lambd) ? T{1} : T{0};
  }
};

/// Slope 1 / (1 + exp(-x)).
template <>
struct Gradient<graph::Softplus> : detail::SlopeAtInput<graph::Softplus> {
  template <class T>
  static T slope(const graph::Softplus&, T x) {
    return graph::reference::sigmoid(x);
  }
};

/// Slope 1 / (1 + |x|)^2.
template <>
struct Gradient<graph::Softsign> : detail::SlopeAtInput<graph::Softsign> {
  template <class T>
  static T slope(const graph::Softsign&, T x) {
    const T denominator = T{1} + std::abs(x);
    return T{1} / (denominator * denominator);
  }
};

/// Slope s + alpha x s (1 - s) with s = 1 / (1 + exp(-alpha x)).
template <>
struct Gradient<graph::Swish> : detail::SlopeAtInput<graph::Swish> {
  template <class T>
  static T slope(const graph::Swish& op, T x) {
    const T argument = static_cast<T>(op.alpha) * x;
    const T s = graph::reference::sigmoid(argument);
    return s + argument * s * (T{1} - s);
  }
};

/// Slope 1 for x > alpha, otherwise 0.
template <>
struct Gradient<graph::ThresholdedRelu> : detail::SlopeAtInput<graph::ThresholdedRelu> {
  template <class T>
  static T slope(const graph::ThresholdedRelu& op, T x) {
    return x > static_cast<T>(op.alpha) ? T{1} : T{0};
  }
};

}  // namespace condense::train

#endif
