#ifndef CONDENSE_KERNELS_FLOAT_GEMM_DETAIL_WEIGHT_BITS_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_DETAIL_WEIGHT_BITS_HPP

#include <bit>

#include "condense/kernels/float_gemm/float_gemm.hpp"

namespace condense::kernels::detail {

// Halves as `Float16` and `BFloat16` have them, for kernels, which do without Eigen. A test holds the two equal.

/// The binary16 nearest to a value, half to even. From 65520 on, which is half a step beyond the largest, infinity.
inline std::uint32_t float16_bits(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  const std::uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return sign | 0x7E00;   // a NaN
  if (magnitude >= 0x477FF000) return sign | 0x7C00;  // 65520
  if (magnitude < 0x38800000) {                       // below 2^-14: steps of 2^-24, as those of floats from 0.5 on
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    return sign | (std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0.5F));
  }
  const std::uint32_t rounded = magnitude + 0xFFF + (magnitude >> 13 & 1);
  return sign | (rounded - (112U << 23)) >> 13;  // the exponents' biases are 127 and 15
}

/// The value of a binary16.
inline float float16_value(std::uint32_t bits) noexcept {
  const std::uint32_t magnitude = (bits & 0x7FFF) << 13;
  const bool is_finite = magnitude < 31U << 23;
  const float value =
      is_finite ? std::bit_cast<float>(magnitude) * 0x1p112F : std::bit_cast<float>(magnitude | 0x7F800000);
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | (bits & 0x8000) << 16);
}

/// The upper half of the float nearest to a value among those whose lower half is zero, half to even.
inline std::uint32_t bfloat16_bits(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return bits >> 16 | 0x40;  // a NaN
  return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}

/// Element `i` of the weights as it is packed, in the low bits.
inline std::uint32_t weight_bits(WeightType type, const FloatWeightValues& values, Index i) noexcept {
  switch (type) {
    case WeightType::float32: return std::bit_cast<std::uint32_t>(values.floats[i]);
    case WeightType::float16: return float16_bits(values.floats[i]);
    case WeightType::bfloat16: return bfloat16_bits(values.floats[i]);
    default: return static_cast<std::uint8_t>(values.codes[i]) & ((1U << bits(type)) - 1);
  }
}

}  // namespace condense::kernels::detail

#endif
