#ifndef CONDENSE_KERNELS_POOLING_SCALAR_HPP
#define CONDENSE_KERNELS_POOLING_SCALAR_HPP

#include <algorithm>
#include <limits>
#include <type_traits>

#include "condense/core/rounding.hpp"
#include "condense/kernels/pooling/pooling.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// The definition of pooling.
template <>
struct Pooling<simd::Scalar> {
  static void maximum(const PoolingArguments& p) noexcept {
    switch (p.type) {
      case ElementType::uint8: return maximum_of<std::uint8_t>(p);
      case ElementType::int8: return maximum_of<std::int8_t>(p);
      case ElementType::float32: return maximum_of<float>(p);
      default: return;
    }
  }

  static void average(const PoolingArguments& p) noexcept {
    switch (p.type) {
      case ElementType::uint8: return average_of<std::uint8_t, std::int32_t>(p);
      case ElementType::int8: return average_of<std::int8_t, std::int32_t>(p);
      case ElementType::float32: return average_of<float, float>(p);
      default: return;
    }
  }

 private:
  static constexpr Index kTile = 32;  ///< Channels kept in registers or L1 over the taps.

  /// Calls `combine(sums, piece, count)` for every piece of the window, and `finish(row, channel, sums, count,
  /// pieces)`.
  template <class Element, class Sum, class Combine, class Finish>
  static void for_windows(const PoolingArguments& p, Sum start, Combine&& combine, Finish&& finish) noexcept {
    const auto* data = static_cast<const Element*>(p.input.data);
    Sum sums[kTile];
    for (Index row = 0; row < p.input.rows; ++row) {
      for (Index channel = 0; channel < p.input.depth; channel += kTile) {
        const Index count = std::min(kTile, p.input.depth - channel);
        std::int32_t pieces = 0;
        std::fill_n(sums, kTile, start);
        for (Index tap = 0; tap < p.input.taps; ++tap) {
          const std::int32_t offset = p.input.offsets[row * p.input.taps + tap];
          if (offset < 0) continue;
          const Element* piece = data + offset + channel;
          for (Index c = 0; c < count; ++c) sums[c] = combine(sums[c], piece[c]);
          ++pieces;
        }
        finish(row, channel, count, sums, pieces);
      }
    }
  }

  template <class Element>
  static void maximum_of(const PoolingArguments& p) noexcept {
    constexpr bool kIsFloat = std::is_same_v<Element, float>;
    for_windows<Element, Element>(
        p, kIsFloat ? -std::numeric_limits<Element>::infinity() : static_cast<Element>(p.lowest),
        [](Element a, Element b) { return b > a ? b : a; },
        [&](Index row, Index channel, Index count, const Element* values, std::int32_t) {
          std::copy_n(values, count, static_cast<Element*>(p.output) + row * p.output_stride + channel);
        });
  }

  template <class Element, class Sum>
  static void average_of(const PoolingArguments& p) noexcept {
    for_windows<Element, Sum>(
        p, Sum{0}, [](Sum a, Element b) { return static_cast<Sum>(a + b); },
        [&](Index row, Index channel, Index count, const Sum* sums, std::int32_t pieces) {
          Element* out = static_cast<Element*>(p.output) + row * p.output_stride + channel;
          for (Index c = 0; c < count; ++c) {
            if constexpr (std::is_same_v<Element, float>) {
              out[c] = sums[c] * p.multipliers[row];
            } else {
              const float value = static_cast<float>(sums[c] - pieces * p.input_zero_point) * p.multipliers[row];
              out[c] = static_cast<Element>(round_to_code(value, p.zero_point, p.lowest, p.highest));
            }
          }
        });
  }
};

}  // namespace condense::kernels

#endif
