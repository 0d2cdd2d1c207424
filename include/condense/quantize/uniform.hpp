#ifndef CONDENSE_QUANTIZE_UNIFORM_HPP
#define CONDENSE_QUANTIZE_UNIFORM_HPP

#include <cstdint>
#include <span>

#include "condense/quantize/affine.hpp"
#include "condense/quantize/scheme.hpp"

namespace condense::quantize {

/// Uniform levels around a zero point of 0: scale = max|x| / highest. An x within [-max|x|, max|x|] is decoded with an
/// error of at most scale / 2, and -x is decoded to the negative of what x is decoded to. What weights use.
///
/// An unsigned type is for ranges without negative values. Of 1 signed bit are the levels -scale and scale, without 0:
/// the error is at most scale, and 0 itself is decoded to scale.
template <int Bits>
struct UniformSymmetric {
  static_assert(Bits >= 1 && Bits <= 8, "an integer type has 1 to 8 bits");
  static constexpr int kBits = Bits;

  bool is_signed = true;
  bool narrow = true;  ///< Leave out the most negative code, which has no positive counterpart. Signed types only.

  constexpr IntegerType type() const noexcept { return {Bits, is_signed, is_signed && narrow && Bits >= 2}; }
  Affine parameters(Range range) const { return symmetric(range, type()); }
  std::int32_t encode(float x, const Affine& affine) const noexcept { return quantize_value(x, affine, type()); }
  float decode(std::int32_t integer, const Affine& affine) const noexcept { return dequantize_value(integer, affine); }
  std::span<const float> levels() const noexcept { return {}; }
};

/// Uniform levels from the lower to the upper end of the range, widened to contain 0:
/// scale = (max - min) / (highest - lowest). An x within the range is decoded with an error of at most scale / 2, and 0
/// exactly. What activations use.
///
/// One signed bit has no zero point: `parameters` throws, use the unsigned type.
template <int Bits>
struct UniformAsymmetric {
  static_assert(Bits >= 1 && Bits <= 8, "an integer type has 1 to 8 bits");
  static constexpr int kBits = Bits;

  bool is_signed = false;

  constexpr IntegerType type() const noexcept { return {Bits, is_signed, false}; }
  Affine parameters(Range range) const { return asymmetric(range, type()); }
  std::int32_t encode(float x, const Affine& affine) const noexcept { return quantize_value(x, affine, type()); }
  float decode(std::int32_t integer, const Affine& affine) const noexcept { return dequantize_value(integer, affine); }
  std::span<const float> levels() const noexcept { return {}; }
};

using Ternary = UniformSymmetric<2>;  ///< {-scale, 0, scale}.
using Binary = UniformSymmetric<1>;   ///< {-scale, scale}: the sign, with 0 counted as positive.

static_assert(Scheme<UniformSymmetric<8>> && Scheme<UniformAsymmetric<8>>);
static_assert(Ternary{}.type() == kTernary && Binary{}.type() == kBinary);

}  // namespace condense::quantize

#endif
