#ifndef CONDENSE_CORE_ROUNDING_HPP
#define CONDENSE_CORE_ROUNDING_HPP

#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#else
#include <cmath>
#endif

namespace condense {

/// The nearest integer to `value`, ties to even. |value| < 2^31.
///
/// One instruction on x86-64 and aarch64. The usual trick of adding and subtracting 1.5 * 2^23 is not used: a compiler
/// that contracts a product and that addition into a fused multiply-add skips the rounding of the product.
inline std::int32_t round_half_even(float value) noexcept {
#if defined(__SSE2__)
  return _mm_cvtss_si32(_mm_set_ss(value));
#elif defined(__aarch64__)
  return vcvtns_s32_f32(value);
#else
  return static_cast<std::int32_t>(std::nearbyint(value));
#endif
}

/// `round_half_even(value) + zero_point`, saturated to [lowest, highest]; a NaN gives `lowest`.
///
/// The value is clamped before it is rounded, which is the same because the bounds are integers, and which keeps every
/// float in the range of the conversion. |lowest - zero_point| and |highest - zero_point| are at most 2^24.
inline std::int32_t round_to_code(float value, std::int32_t zero_point, std::int32_t lowest,
                                  std::int32_t highest) noexcept {
  const auto low = static_cast<float>(lowest - zero_point);
  const auto high = static_cast<float>(highest - zero_point);
  value = value > low ? value : low;
  value = value < high ? value : high;
  return round_half_even(value) + zero_point;
}

}  // namespace condense

#endif
