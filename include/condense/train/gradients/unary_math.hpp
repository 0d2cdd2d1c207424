#ifndef CONDENSE_TRAIN_GRADIENTS_UNARY_MATH_HPP
#define CONDENSE_TRAIN_GRADIENTS_UNARY_MATH_HPP

#include <cmath>
#include <numbers>

#include "condense/graph/operators/unary_math.hpp"
#include "condense/train/detail/elementwise.hpp"

namespace condense::train {

/// Slope 1 above 0, -1 below, 0 at 0.
template <>
struct Gradient<graph::Abs> : detail::SlopeAtInput<graph::Abs> {
  template <class T>
  static T slope(const graph::Abs&, T x) {
    return x > 0 ? T{1} : x < 0 ? T{-1} : T{0};
  }
};

/// Slope -1 / sqrt(1 - x^2).
template <>
struct Gradient<graph::Acos> : detail::SlopeAtInput<graph::Acos> {
  template <class T>
  static T slope(const graph::Acos&, T x) {
    return T{-1} / std::sqrt(T{1} - x * x);
  }
};

/// Slope 1 / sqrt(x^2 - 1).
template <>
struct Gradient<graph::Acosh> : detail::SlopeAtInput<graph::Acosh> {
  template <class T>
  static T slope(const graph::Acosh&, T x) {
    return T{1} / std::sqrt(x * x - T{1});
  }
};

/// Slope 1 / sqrt(1 - x^2).
template <>
struct Gradient<graph::Asin> : detail::SlopeAtInput<graph::Asin> {
  template <class T>
  static T slope(const graph::Asin&, T x) {
    return T{1} / std::sqrt(T{1} - x * x);
  }
};

/// Slope 1 / sqrt(x^2 + 1).
template <>
struct Gradient<graph::Asinh> : detail::SlopeAtInput<graph::Asinh> {
  template <class T>
  static T slope(const graph::Asinh&, T x) {
    return T{1} / std::sqrt(x * x + T{1});
  }
};

/// Slope 1 / (1 + x^2).
template <>
struct Gradient<graph::Atan> : detail::SlopeAtInput<graph::Atan> {
  template <class T>
  static T slope(const graph::Atan&, T x) {
    return T{1} / (T{1} + x * x);
  }
};

/// Slope 1 / (1 - x^2).
template <>
struct Gradient<graph::Atanh> : detail::SlopeAtInput<graph::Atanh> {
  template <class T>
  static T slope(const graph::Atanh&, T x) {
    return T{1} / (T{1} - x * x);
  }
};

/// Slope -sin(x).
template <>
struct Gradient<graph::Cos> : detail::SlopeAtInput<graph::Cos> {
  template <class T>
  static T slope(const graph::Cos&, T x) {
    return -std::sin(x);
  }
};

/// Slope sinh(x).
template <>
struct Gradient<graph::Cosh> : detail::SlopeAtInput<graph::Cosh> {
  template <class T>
  static T slope(const graph::Cosh&, T x) {
    return std::sinh(x);
  }
};

/// Slope 2 / sqrt(pi) exp(-x^2).
template <>
struct Gradient<graph::Erf> : detail::SlopeAtInput<graph::Erf> {
  template <class T>
  static T slope(const graph::Erf&, T x) {
    return T{2} * std::numbers::inv_sqrtpi_v<T> * std::exp(-x * x);
  }
};

/// Slope y.
template <>
struct Gradient<graph::Exp> : detail::SlopeAtOutput<graph::Exp> {
  template <class T>
  static T slope(const graph::Exp&, T y) {
    return y;
  }
};

/// Slope 1 / x.
template <>
struct Gradient<graph::Log> : detail::SlopeAtInput<graph::Log> {
  template <class T>
  static T slope(const graph::Log&, T x) {
    return T{1} / x;
  }
};

/// Slope -y^2.
template <>
struct Gradient<graph::Reciprocal> : detail::SlopeAtOutput<graph::Reciprocal> {
  template <class T>
  static T slope(const graph::Reciprocal&, T y) {
    return -y * y;
  }
};

/// Slope cos(x).
template <>
struct Gradient<graph::Sin> : detail::SlopeAtInput<graph::Sin> {
  template <class T>
  static T slope(const graph::Sin&, T x) {
    return std::cos(x);
  }
};

/// Slope cosh(x).
template <>
struct Gradient<graph::Sinh> : detail::SlopeAtInput<graph::Sinh> {
  template <class T>
  static T slope(const graph::Sinh&, T x) {
    return std::cosh(x);
  }
};

/// Slope 1 / (2 y); infinite at 0.
template <>
struct Gradient<graph::Sqrt> : detail::SlopeAtOutput<graph::Sqrt> {
  template <class T>
  static T slope(const graph::Sqrt&, T y) {
    return T{1} / (T{2} * y);
  }
};

/// Slope 1 + y^2.
template <>
struct Gradient<graph::Tan> : detail::SlopeAtOutput<graph::Tan> {
  template <class T>
  static T slope(const graph::Tan&, T y) {
    return T{1} + y * y;
  }
};

/// Slope 1 - y^2.
template <>
struct Gradient<graph::Tanh> : detail::SlopeAtOutput<graph::Tanh> {
  template <class T>
  static T slope(const graph::Tanh&, T y) {
    return T{1} - y * y;
  }
};

/// dx = -dy.
template <>
struct Gradient<graph::Neg> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Neg&, const Backward& b) {
    return {detail::differentiate_elementwise(b, b.output_gradient(), [](auto, auto dy) { return -dy; })};
  }
};

}  // namespace condense::train

#endif
