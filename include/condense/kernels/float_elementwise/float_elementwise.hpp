#ifndef CONDENSE_KERNELS_FLOAT_ELEMENTWISE_FLOAT_ELEMENTWISE_HPP
#define CONDENSE_KERNELS_FLOAT_ELEMENTWISE_FLOAT_ELEMENTWISE_HPP

#include "condense/kernels/operands.hpp"

namespace condense::kernels {

/// A function of one float; `alpha` and `beta` are those of `FloatMap`.
enum class FloatFunction : std::uint8_t {
  clip,              ///< x < alpha ? alpha : x > beta ? beta : x; a NaN stays
  leaky_relu,        ///< x < 0 ? alpha x : x
  thresholded_relu,  ///< x <= alpha ? 0 : x
  shrink,            ///< x < -alpha ? x + beta : x > alpha ? x - beta : 0
  hard_sigmoid,      ///< alpha x + beta, rounded once, clamped to [0, 1]
  hard_swish,        ///< x times (x / 6 + 1/2 clamped to [0, 1])
  absolute,          ///< |x|
  negate,            ///< -x
  sign,              ///< -1, 0 or 1; zeros and NaNs stay
  square,            ///< x x
  cube,              ///< x x x
  square_root,       ///< NaN below 0
  power_half,        ///< The same but for +0 at -0 and +infinity at -infinity, as x to the power of 1/2 is defined.
  reciprocal,        ///< 1 / x
  floor,
  ceil,
  round,        ///< To the nearest integer, of two to the even one.
  softsign,     ///< x / (1 + |x|)
  exponential,  ///< exp(x)
  logarithm,    ///< log(x); -infinity at 0, NaN below.
  sigmoid,      ///< 1 / (1 + exp(-x))
  swish,        ///< x / (1 + exp(-alpha x))
  tanh,
  elu,       ///< x < 0 ? alpha (exp(x) - 1) : x
  celu,      ///< x < 0 ? alpha (exp(x / alpha) - 1) : x, with alpha > 0
  selu,      ///< beta (x > 0 ? x : alpha (exp(x) - 1))
  softplus,  ///< log(1 + exp(x))
  mish,      ///< x tanh(log(1 + exp(x)))
  error,     ///< erf(x)
  gelu,      ///< x times the probability that a standard normal variable is at most x
  gelu_tanh  ///< x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
};

inline constexpr int kFloatFunctions = static_cast<int>(FloatFunction::gelu_tanh) + 1;

/// A function of one float with its parameters.
struct FloatMap {
  FloatFunction function = FloatFunction::clip;
  float alpha = 0;
  float beta = 0;

  static void fields(auto& m, auto&& visit) { visit(m.function, m.alpha, m.beta); }

  friend bool operator==(const FloatMap&, const FloatMap&) = default;
};

/// output[i] = function(input[i]). The output may be the input.
struct FloatMapArguments {
  FloatMap map{};
  const float* input = nullptr;
  float* output = nullptr;
  Index count = 0;
};

/// A function of two floats.
enum class FloatPair : std::uint8_t {
  add,
  subtract,
  multiply,
  divide,
  minimum,    ///< A NaN wins.
  maximum,    ///< A NaN wins.
  leaky_relu  ///< a < 0 ? b a : a
};

inline constexpr int kFloatPairs = static_cast<int>(FloatPair::leaky_relu) + 1;

/// An operand that is repeated where the other one has more: element (row, column) is data[row * row_stride + column *
/// step]. A row stride of 0 repeats a row, a step of 0 a number.
struct FloatOperand {
  const float* data = nullptr;
  Index row_stride = 0;
  Index step = 1;  ///< 0 or 1; that of one of two operands is 1.
};

/// output[row][column] = operation(a(row, column), b(row, column)). The output may be an operand that is not repeated.
struct FloatPairArguments {
  FloatPair operation = FloatPair::add;
  FloatOperand a{};
  FloatOperand b{};
  float* output = nullptr;
  Index output_stride = 0;
  Index rows = 1;
  Index columns = 0;
};

/// Elementwise functions of floats for the instruction set `Isa`: `map(const FloatMapArguments&)` and
/// `pair(const FloatPairArguments&)`.
///
/// All give the same bytes on every backend, but for the payload of a NaN: each function is one sequence of operations
/// that IEEE 754 defines to the bit, fused wherever a product is added. Up to `softsign`, and for pairs, results are
/// those of the formulas above with every operation rounded. The others are within so many units in the last place of
/// the exact value:
///
///   exponential 1.1   logarithm 1.1   sigmoid 2.5   swish 3.3   tanh 2.6   elu, celu, selu 2.5   softplus 2   mish 4.5
///   error 2.3   gelu 7   gelu_tanh 3, and 2^-21 |x| beside that
///
/// Results below 2^-118 may be 0. Infinities and NaNs give what the formulas do.
template <class Isa>
struct FloatElementwise;

/// A backend's elementwise functions of floats, chosen at run time.
struct FloatElementwiseKernel {
  void (*map)(const FloatMapArguments&) noexcept;
  void (*pair)(const FloatPairArguments&) noexcept;

  template <class Isa>
  static constexpr FloatElementwiseKernel of() noexcept {
    return {&FloatElementwise<Isa>::map, &FloatElementwise<Isa>::pair};
  }
};

}  // namespace condense::kernels

#endif
