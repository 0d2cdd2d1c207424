#ifndef CONDENSE_QUANTIZE_SCHEME_HPP
#define CONDENSE_QUANTIZE_SCHEME_HPP

#include <concepts>
#include <cstdint>
#include <span>

#include "condense/quantize/affine.hpp"
#include "condense/quantize/integer_type.hpp"

namespace condense::quantize {

/// A rule that maps reals to integers of `kBits` bits and back; it learns nothing, a range is given to it.
///
/// - `type()`: the integers that it produces.
/// - `parameters(range)`: scale and zero point with which those integers cover the range.
/// - `encode(x, affine)`: the integer that stands for x; never decreases as x grows and saturates outside the range.
/// - `decode(integer, affine)`: the real that the integer stands for; `encode(decode(q)) == q` for every q that
///   `encode` gives.
/// - `levels()`: empty for a uniform scheme, whose integers stand for (q - zero_point) * scale. Otherwise the integers
///   are indices into these ascending levels, and stand for level * scale.
template <class S>
concept Scheme = requires(const S& scheme, Range range, float x, std::int32_t integer, const Affine& affine) {
  { S::kBits } -> std::convertible_to<int>;
  { scheme.type() } -> std::same_as<IntegerType>;
  { scheme.parameters(range) } -> std::same_as<Affine>;
  { scheme.encode(x, affine) } -> std::same_as<std::int32_t>;
  { scheme.decode(integer, affine) } -> std::same_as<float>;
  { scheme.levels() } -> std::same_as<std::span<const float>>;
};

}  // namespace condense::quantize

#endif
