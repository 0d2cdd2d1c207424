#ifndef CONDENSE_KERNELS_NORMALIZATION_DETAIL_EXPONENTIAL_HPP
#define CONDENSE_KERNELS_NORMALIZATION_DETAIL_EXPONENTIAL_HPP

#include <bit>
#include <cmath>

#include "condense/core/rounding.hpp"

/// exp(x) = 2^n exp(r), n the integer nearest to x / ln 2, so that |r| <= ln(2) / 2, and
/// exp(r) = 1 + r + r^2 (c2 + c3 r + ... + c6 r^4), whose relative error there is 2^-28 at most: the coefficients are
/// the best ones in that sense (found by Lawson's iteration), rounded to float.
///
/// From x <= -126.5 ln 2 on, n is -127, which the exponent of a float turns into the factor 0.
///
/// J.-M. Muller, "Elementary Functions: Algorithms and Implementation", 3rd edition, 2016, sections 3.4 and 11.2
/// (reduction with ln 2 as a sum of two floats, W. J. Cody and W. Waite).
namespace condense::kernels::detail::exponential {

inline constexpr float kLowest = -88;  ///< n is -127 here; anything below is raised to it.
inline constexpr float kInverseLn2 = 0x1.715476p+0F;
inline constexpr float kLn2 = 0x1.62e43p-1F;
inline constexpr float kLn2Rest = -0x1.05c61p-29F;
inline constexpr float kCoefficients[] = {0x1.fffffcp-2F, 0x1.555492p-3F, 0x1.5558f2p-5F, 0x1.1239e2p-7F,
                                          0x1.6a2434p-10F};

/// exp(x) for x <= 0, within 1.01 units in the last place; 0 where it is below 2^-126.5. A NaN stays one. The
/// definition: every backend takes these operations in this order, so that all give the same bits.
inline float of(float x) noexcept {
  x = x < kLowest ? kLowest : x;
  const std::int32_t n = x == x ? round_half_even(x * kInverseLn2) : 0;
  const auto whole = static_cast<float>(n);
  float r = std::fma(-whole, kLn2, x);
  r = std::fma(-whole, kLn2Rest, r);
  float p = kCoefficients[4];
  for (int i = 3; i >= 0; --i) p = std::fma(p, r, kCoefficients[i]);
  p = 1 + std::fma(p, r * r, r);
  return p * std::bit_cast<float>(static_cast<std::uint32_t>(n + 127) << 23);
}

}  // namespace condense::kernels::detail::exponential

#endif
