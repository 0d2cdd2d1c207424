#ifndef CONDENSE_QUANTIZE_WITH_SCHEME_HPP
#define CONDENSE_QUANTIZE_WITH_SCHEME_HPP

#include <cstddef>
#include <type_traits>
#include <utility>

#include "condense/core/error.hpp"
#include "condense/core/packing.hpp"
#include "condense/core/tensor.hpp"
#include "condense/quantize/additive_powers_of_two.hpp"
#include "condense/quantize/granularity.hpp"
#include "condense/quantize/logarithmic.hpp"
#include "condense/quantize/number_format.hpp"
#include "condense/quantize/quantize.hpp"
#include "condense/quantize/uniform.hpp"

namespace condense::quantize {

namespace detail {

/// Calls `function(std::integral_constant<int, bits>)`.
template <class Function>
auto with_bits(int bits, Function&& function) {
  switch (bits) {
    case 1: return function(std::integral_constant<int, 1>{});
    case 2: return function(std::integral_constant<int, 2>{});
    case 3: return function(std::integral_constant<int, 3>{});
    case 4: return function(std::integral_constant<int, 4>{});
    case 5: return function(std::integral_constant<int, 5>{});
    case 6: return function(std::integral_constant<int, 6>{});
    case 7: return function(std::integral_constant<int, 7>{});
    default: return function(std::integral_constant<int, 8>{});
  }
}

}  // namespace detail

/// Calls `function` with the scheme object of a format and returns what it returns, one type for all schemes. Throws
/// for float32, which has no scheme, and for options that the scheme refuses.
template <class Function>
auto with_scheme(const NumberFormat& format, Function&& function) {
  require(format.scheme != SchemeKind::float32, "float32 is not quantised and has no scheme");
  require(format.bits >= 1 && format.bits <= 8, "a quantised number has 1 to 8 bits, not {}", format.bits);
  return detail::with_bits(format.bits, [&](auto bits) {
    switch (format.scheme) {
      case SchemeKind::symmetric:
        return function(UniformSymmetric<bits()>{.is_signed = format.is_signed, .narrow = format.narrow});
      case SchemeKind::asymmetric: return function(UniformAsymmetric<bits()>{.is_signed = format.is_signed});
      case SchemeKind::logarithmic:
        return function(Logarithmic<bits()>({.base = format.base,
                                             .with_zero = format.with_zero,
                                             .is_signed = format.is_signed,
                                             .rounding = format.rounding}));
      default:
        return function(AdditivePowersOfTwo<bits()>({.term_bits = format.term_bits, .is_signed = format.is_signed}));
    }
  });
}

/// Quantises under a format chosen at run time, each slice over the range of its own values. Throws for float32, and as
/// `quantize` with the scheme does.
inline QuantizedTensor quantize(TensorRef<const float> values, const NumberFormat& format) {
  return with_scheme(format, [&](const auto& scheme) { return quantize(values, scheme, format.granularity); });
}

/// What a tensor becomes when it is stored in a format and read back; float32 gives it unchanged.
inline Tensor fake_quantize(TensorRef<const float> values, const NumberFormat& format) {
  if (format.scheme == SchemeKind::float32) return Tensor::of<float>(values.shape(), values.values());
  return with_scheme(format, [&](const auto& scheme) { return fake_quantize(values, scheme, format.granularity); });
}

/// Bytes of a tensor of this shape in a format: codes, scales, codebook, and zero points for every scale if the scheme
/// is asymmetric. The `bytes()` of the quantised tensor, which is less only where all zero points turn out to be 0.
inline std::size_t storage_bytes(const NumberFormat& format, const Shape& shape) {
  const auto count = static_cast<std::size_t>(shape.count());
  if (format.scheme == SchemeKind::float32) return count * sizeof(float);
  const auto scales = static_cast<std::size_t>(ScaleLayout(shape, format.granularity).scale_count());
  const std::size_t levels = with_scheme(format, [](const auto& scheme) { return scheme.levels().size(); });
  const std::size_t zero_points = format.scheme == SchemeKind::asymmetric ? scales : 0;
  return packed_bytes(count, format.bits) + (scales + levels) * sizeof(float) + packed_bytes(zero_points, format.bits);
}

}  // namespace condense::quantize

#endif
