#ifndef CONDENSE_KERNELS_FLOAT_ELEMENTWISE_DETAIL_FUNCTIONS_HPP
#define CONDENSE_KERNELS_FLOAT_ELEMENTWISE_DETAIL_FUNCTIONS_HPP

#include <cstddef>
#include <cstdint>
#include <limits>

#include "condense/kernels/normalization/detail/exponential.hpp"

/// The functions of `FloatFunction` and `FloatPair`, written once for vectors `V` of any instruction set.
///
/// V has +, -, *, / and unary -, `fma`, `square_root`, `floor`, `ceil` and `round`, comparisons `less` and `is_nan`
/// whose result `select(mask, a, b)` takes, and `lesser(a, b)`, a < b ? a : b, and `greater(a, b)`, a > b ? a : b,
/// which give b where one of them is a NaN. `bits(v)` are its patterns, V::of(bits) the way back; on bits there are +,
/// -, &, | and shifts by constants.
///
/// No rounded product is ever added or subtracted: compilers may fuse that, and some do. Such sums are written as
/// `fma`. Vectors are passed by reference: passed as they are, their place would depend on the instruction set.
namespace condense::kernels::detail::float_functions {

template <class V>
using Bits = typename V::Bits;

template <class V>
struct Parameters {
  V alpha;
  V beta;
};

inline constexpr std::uint32_t kSignBit = 0x80000000U;

template <class V>
[[gnu::always_inline]] inline V absolute(const V& x) noexcept {
  return V::of(bits(x) & Bits<V>::all(~kSignBit));
}

/// `magnitude`, which is not negative, with the sign of x.
template <class V>
[[gnu::always_inline]] inline V with_sign_of(const V& magnitude, const V& x) noexcept {
  return V::of(bits(magnitude) | (bits(x) & Bits<V>::all(kSignBit)));
}

/// c[0] + c[1] x + ... by Horner's rule.
template <class V, std::size_t kCount>
[[gnu::always_inline]] inline V polynomial(const float (&c)[kCount], const V& x) noexcept {
  V sum = V::all(c[kCount - 1]);
#pragma GCC unroll 16
  for (std::size_t i = kCount - 1; i > 0; --i) sum = fma(sum, x, V::all(c[i - 1]));
  return sum;
}

/// exp(x) = 2^n (1 + fraction), see exponential.hpp. The low bits of `power` are those of n.
template <class V>
struct Exponential {
  V fraction;
  Bits<V> power;
};

/// |x| < 2^21. Adding 1.5 * 2^23 leaves an integer in the low bits.
template <class V>
[[gnu::always_inline]] inline Exponential<V> reduced_exponential(const V& x) noexcept {
  namespace e = detail::exponential;
  const V shift = V::all(0x1.8p23F);
  const V shifted = fma(x, V::all(e::kInverseLn2), shift);
  const V whole = shifted - shift;
  const V r = fma(-whole, V::all(e::kLn2Rest), fma(-whole, V::all(e::kLn2), x));
  return {fma(polynomial(e::kCoefficients, r), r * r, r), bits(shifted)};
}

/// 2^n for -127 <= n <= 127, with 0 for n = -127.
template <class V>
[[gnu::always_inline]] inline V power_of_two(const Bits<V>& n) noexcept {
  return V::of((n + Bits<V>::all(127)).template shift_left<23>());
}

/// exp(x) for x <= 0; 0 where it is below 2^-126.5.
template <class V>
[[gnu::always_inline]] inline V exponential_of_negative(const V& x) noexcept {
  const auto e = reduced_exponential(greater(V::all(detail::exponential::kLowest), x));
  return (V::all(1) + e.fraction) * power_of_two<V>(e.power);
}

/// exp(x) - 1 for x <= 0: 2^n - 1 is exact down to n = -24, and below nothing else of it is left.
template <class V>
[[gnu::always_inline]] inline V exponential_minus_1_of_negative(const V& x) noexcept {
  const auto e = reduced_exponential(greater(V::all(detail::exponential::kLowest), x));
  const V scale = power_of_two<V>(e.power);
  return fma(scale, e.fraction, scale - V::all(1));
}

/// log(1 + f) for 2^(-1/2) - 1 <= f <= 1. With s = f / (2 + f), it is 2 artanh(s) = 2 s + s^3 Q(s^2), and 2 s = f - s
/// f; Q is the best polynomial for |s| <= 1/3, where it costs a relative error of 2^-33.
///
/// P. T. P. Tang, "Table-driven implementation of the logarithm function in IEEE floating-point arithmetic", 1990 (the
/// form in s, which it has for arguments near 1).
template <class V>
[[gnu::always_inline]] inline V logarithm_of_1_plus(const V& f) noexcept {
  constexpr float kCoefficients[] = {0x1.555558p-1F, 0x1.9996d8p-2F, 0x1.250514p-2F, 0x1.b72ad8p-3F, 0x1.f090acp-3F};
  const V s = f / (V::all(2) + f);
  const V square = s * s;
  return fma(-s, fma(-square, polynomial(kCoefficients, square), f), f);
}

/// exp(exponent) (1 + rest) exp(z^2) erfc(z) for 0 <= z <= 10, exponent <= 0 and a small `rest`. With u = 1 / (1 + 7/16
/// z), exp(z^2) erfc(z) = u P(u), where the best polynomial P costs a relative error of 2^-26.4.
///
/// C. Hastings, "Approximations for digital computers", 1955, part II (polynomials in such a u).
template <class V>
[[gnu::always_inline]] inline V normal_tail(const V& z, const V& exponent, const V& rest) noexcept {
  constexpr float kCoefficients[] = {0x1.f980c0p-3F,  0x1.f9b202p-3F, 0x1.c83f28p-3F,  0x1.66ac0cp-3F, 0x1.09e8ecp-3F,
                                     -0x1.55e0a0p-5F, 0x1.aa2868p-3F, -0x1.608006p-2F, 0x1.90e82ap-3F, -0x1.427d06p-5F};
  const V u = V::all(1) / fma(z, V::all(0.4375F), V::all(1));
  const V tail = exponential_of_negative(exponent) * (polynomial(kCoefficients, u) * u);
  return fma(rest, tail, tail);
}

template <class V>
[[gnu::always_inline]] inline V sigmoid(const V& x) noexcept {
  const V small = exponential_of_negative(-absolute(x));
  return select(less(x, V::all(0)), small, V::all(1)) / (V::all(1) + small);
}

struct Clip {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>& p) noexcept {
    return lesser(p.beta, greater(p.alpha, x));
  }
};

struct LeakyRelu {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>& p) noexcept {
    return select(less(x, V::all(0)), p.alpha * x, x);
  }
};

struct ThresholdedRelu {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>& p) noexcept {
    const V kept = select(less(p.alpha, x), x, V::all(0));
    return select(is_nan(x), x, kept);
  }
};

struct Shrink {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>& p) noexcept {
    const V above = select(less(p.alpha, x), x - p.beta, V::all(0));
    return select(less(x, -p.alpha), x + p.beta, above);
  }
};

struct HardSigmoid {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>& p) noexcept {
    return lesser(V::all(1), greater(V::all(0), fma(p.alpha, x, p.beta)));
  }
};

struct HardSwish {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    return x * lesser(V::all(1), greater(V::all(0), x / V::all(6) + V::all(0.5F)));
  }
};

struct Absolute {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    return absolute(x);
  }
};

struct Negate {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    return -x;
  }
};

struct Sign {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    const V below = select(less(x, V::all(0)), V::all(-1), x);
    return select(less(V::all(0), x), V::all(1), below);
  }
};

struct Square {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    return x * x;
  }
};

struct Cube {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    return x * x * x;
  }
};

struct SquareRoot {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    return square_root(x);
  }
};

struct PowerHalf {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    const V lowest = V::all(std::numeric_limits<float>::lowest());
    return select(less(x, lowest), -x, square_root(x + V::all(0)));
  }
};

struct Reciprocal {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    return V::all(1) / x;
  }
};

struct Floor {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    return floor(x);
  }
};

struct Ceil {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    return ceil(x);
  }
};

struct Round {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    return round(x);
  }
};

struct Softsign {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    return x / (V::all(1) + absolute(x));
  }
};

/// Scaled in two steps, since 2^n is not a float for all n that occur. From -104 down everything is rounded to 0, from
/// 89 on to infinity.
struct ExponentialFunction {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    const auto e = reduced_exponential(lesser(V::all(89), greater(V::all(-104), x)));
    const Bits<V> n = e.power - bits(V::all(0x1.8p23F));
    const Bits<V> half = (n + Bits<V>::all(256)).template shift_right<1>() - Bits<V>::all(128);
    return (V::all(1) + e.fraction) * power_of_two<V>(half) * power_of_two<V>(n - half);
  }
};

/// x = 2^k (1 + f) with 1 + f in [2^(-1/2), 2^(1/2)); numbers below 2^-126 are multiplied by 2^25 first.
struct Logarithm {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    namespace e = detail::exponential;
    using Limits = std::numeric_limits<float>;
    const auto is_small = less(x, V::all(Limits::min()));
    const Bits<V> root_half = bits(V::all(0x1.6a09e6p-1F));
    const Bits<V> moved =
        bits(select(is_small, x * V::all(0x1p25F), x)) + (bits(V::all(1)) - root_half);  // exponent k, for 1 + f
    const V biased = V::of(moved.template shift_right<23>() | bits(V::all(0x1p23F)));    // 2^23 + k + 127
    const V k = biased - select(is_small, V::all(0x1p23F + 152), V::all(0x1p23F + 127));
    const V f = V::of((moved & Bits<V>::all(0x7FFFFFU)) + root_half) - V::all(1);
    const V logarithm = fma(k, V::all(e::kLn2), fma(k, V::all(e::kLn2Rest), logarithm_of_1_plus(f)));
    const V positive = select(less(V::all(Limits::max()), x), x, logarithm);
    const V others = select(less(x, V::all(0)), V::all(Limits::quiet_NaN()), V::all(-Limits::infinity()));
    return select(is_nan(x), x, select(less(V::all(0), x), positive, others));
  }
};

struct Sigmoid {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    return sigmoid(x);
  }
};

struct Swish {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>& p) noexcept {
    return x * sigmoid(p.alpha * x);
  }
};

/// tanh(|x|) = -m / (2 + m), with m = exp(-2 |x|) - 1.
struct Tanh {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    const V m = exponential_minus_1_of_negative(absolute(x) * V::all(-2));
    return with_sign_of(-m / (V::all(2) + m), x);
  }
};

struct Elu {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>& p) noexcept {
    const V curve = p.alpha * exponential_minus_1_of_negative(lesser(V::all(0), x));
    return select(less(x, V::all(0)), curve, x);
  }
};

struct Celu {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>& p) noexcept {
    const V curve = p.alpha * exponential_minus_1_of_negative(lesser(V::all(0), x) / p.alpha);
    return select(less(x, V::all(0)), curve, x);
  }
};

struct Selu {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>& p) noexcept {
    return p.beta * Elu::of(x, p);
  }
};

struct Softplus {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    return greater(V::all(0), x) + logarithm_of_1_plus(exponential_of_negative(-absolute(x)));
  }
};

/// tanh(log(t)) = (t^2 - 1) / (t^2 + 1): of t = 1 + exp(x) for x <= 0, and with e = exp(-x) in numerator and
/// denominator for x > 0, so that nothing overflows.
struct Mish {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    const V e = exponential_of_negative(-absolute(x));
    const auto is_negative = less(x, V::all(0));
    const V numerator = select(is_negative, fma(e, e, e + e), V::all(1) + (e + e));
    const V one_or_e = select(is_negative, V::all(1), e);
    return x * (numerator / fma(one_or_e + one_or_e, one_or_e, numerator));
  }
};

/// Below 3/4, where 1 - erfc(|x|) cancels, erf(x) = x + x E(x^2); the best polynomial E costs 2^-29.2.
struct ErrorFunction {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    constexpr float kCoefficients[] = {0x1.06eba8p-3F,  -0x1.81273ap-2F, 0x1.ce2acep-4F,
                                       -0x1.b7a75cp-6F, 0x1.4f188ap-8F,  -0x1.613e52p-11F};
    const V z = lesser(V::all(10), absolute(x));
    const V square = z * z;
    const V large = V::all(1) - normal_tail(z, -square, fma(-z, z, square));
    const V small = fma(polynomial(kCoefficients, square), z, z);
    return with_sign_of(select(less(z, V::all(0.75F)), small, large), x);
  }
};

/// x Phi(x), where Phi(-|x|) = erfc(|x| / sqrt(2)) / 2 has no cancellation.
struct Gelu {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    const V z = lesser(V::all(14), absolute(x));
    const V square = z * z;
    const V half = V::all(0.5F);
    const V tail = normal_tail(z * V::all(0x1.6a09e6p-1F), -half * square, half * fma(-z, z, square)) * half;
    return x * select(less(x, V::all(0)), tail, V::all(1) - tail);
  }
};

/// (1 + tanh(u)) / 2 is the sigmoid of 2 u.
struct GeluTanh {
  template <class V>
  [[gnu::always_inline]] static V of(const V& x, const Parameters<V>&) noexcept {
    constexpr double kTwoRoot = 1.5957691216057308;  // 2 sqrt(2 / pi)
    const V factor = fma(x * x, V::all(static_cast<float>(kTwoRoot * 0.044715)), V::all(static_cast<float>(kTwoRoot)));
    return x * sigmoid(x * factor);
  }
};

struct Add {
  template <class V>
  [[gnu::always_inline]] static V of(const V& a, const V& b) noexcept {
    return a + b;
  }
};

struct Subtract {
  template <class V>
  [[gnu::always_inline]] static V of(const V& a, const V& b) noexcept {
    return a - b;
  }
};

struct Multiply {
  template <class V>
  [[gnu::always_inline]] static V of(const V& a, const V& b) noexcept {
    return a * b;
  }
};

struct Divide {
  template <class V>
  [[gnu::always_inline]] static V of(const V& a, const V& b) noexcept {
    return a / b;
  }
};

struct Minimum {
  template <class V>
  [[gnu::always_inline]] static V of(const V& a, const V& b) noexcept {
    return select(is_nan(b), b, lesser(b, a));
  }
};

struct Maximum {
  template <class V>
  [[gnu::always_inline]] static V of(const V& a, const V& b) noexcept {
    return select(is_nan(b), b, greater(b, a));
  }
};

struct LeakyReluPair {
  template <class V>
  [[gnu::always_inline]] static V of(const V& a, const V& b) noexcept {
    return select(less(a, V::all(0)), a * b, a);
  }
};

}  // namespace condense::kernels::detail::float_functions

#endif
