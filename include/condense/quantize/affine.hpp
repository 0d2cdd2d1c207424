#ifndef CONDENSE_QUANTIZE_AFFINE_HPP
#define CONDENSE_QUANTIZE_AFFINE_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "condense/core/error.hpp"
#include "condense/core/rounding.hpp"
#include "condense/quantize/integer_type.hpp"

namespace condense::quantize {

/// An interval of reals that integers are to cover. It may be given without 0; parameters derived from it widen it to
/// contain 0 first, so that 0 is represented exactly.
struct Range {
  float min = 0;
  float max = 0;

  friend constexpr bool operator==(const Range&, const Range&) = default;
};

/// The largest magnitude in a range.
inline float absolute_maximum(Range range) noexcept { return std::max(std::abs(range.min), std::abs(range.max)); }

/// Scale and zero point of an affine quantiser: x' = (q - zero_point) * scale. scale > 0 and finite.
struct Affine {
  float scale = 1;
  std::int32_t zero_point = 0;

  friend constexpr bool operator==(const Affine&, const Affine&) = default;
};

namespace detail {

inline void validate(Range range) {
  require(std::isfinite(range.min) && std::isfinite(range.max) && range.min <= range.max,
          "the range [{}, {}] cannot be quantised; give finite bounds, the lower one first", range.min, range.max);
}

/// A scale is a normal float: a smaller one, with which x / scale could overflow, is raised to the smallest, and one
/// above the largest, which few levels across all floats would need, is lowered to it.
inline float usable_scale(double scale) noexcept {
  if (scale == 0) return 1;
  constexpr double kSmallest = std::numeric_limits<float>::min();
  constexpr double kLargest = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(scale, kSmallest, kLargest));
}

}  // namespace detail

/// Symmetric parameters: zero point 0 and scale = max|x| / highest, so that 0 and -x are as exact as x. A range of zero
/// width gives scale 1. For an unsigned type the range must not be negative.
inline Affine symmetric(Range range, const IntegerType& type) {
  validate(type);
  detail::validate(range);
  require(type.is_signed || range.min >= 0,
          "the range [{}, {}] has negative values, the unsigned type {} with zero point 0 cannot hold them", range.min,
          range.max, type.name());
  return {detail::usable_scale(static_cast<double>(absolute_maximum(range)) / type.highest()), 0};
}

/// Asymmetric parameters: the range, widened to contain 0, is mapped onto [lowest, highest]:
/// scale = (max - min) / (highest - lowest), zero_point = saturate(round_half_even(lowest - min / scale)). A range of
/// zero width gives scale 1, zero point 0.
inline Affine asymmetric(Range range, const IntegerType& type) {
  validate(type);
  require(!type.is_binary(), "binary codes have no zero point; use the symmetric parameters");
  detail::validate(range);
  const double min = std::min(range.min, 0.0F);
  const double max = std::max(range.max, 0.0F);
  if (min == max) return {};
  const float scale = detail::usable_scale((max - min) / (type.highest() - type.lowest()));
  const auto offset = static_cast<float>(type.lowest() - min / static_cast<double>(scale));
  return {scale, round_to_code(offset, 0, type.lowest(), type.highest())};
}

/// q = saturate(round_half_even(x / scale) + zero_point). Saturates infinities; a NaN gives the lowest code. Binary
/// codes are the sign: 1 for x >= 0, otherwise -1.
inline std::int32_t quantize_value(float x, const Affine& affine, const IntegerType& type) noexcept {
  if (type.is_binary()) return x >= 0 ? 1 : -1;
  return round_to_code(x / affine.scale, affine.zero_point, type.lowest(), type.highest());
}

/// x' = (q - zero_point) * scale.
inline float dequantize_value(std::int32_t q, const Affine& affine) noexcept {
  return static_cast<float>(q - affine.zero_point) * affine.scale;
}

}  // namespace condense::quantize

#endif
