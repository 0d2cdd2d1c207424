#ifndef CONDENSE_KERNELS_POOLING_NEON_HPP
#define CONDENSE_KERNELS_POOLING_NEON_HPP

#if defined(__aarch64__)

#include <algorithm>
#include <limits>

#include "condense/kernels/detail/neon.hpp"
#include "condense/kernels/pooling/pooling.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// Pooling of up to 64 channels at a time. Signed codes are made unsigned, by flipping their highest bit, and back.
template <>
struct Pooling<simd::Neon> {
  static void maximum(const PoolingArguments& p) noexcept {
    if (p.type == ElementType::float32) {
      for_rows(p, [&](Index row) { maximum_of_floats(p, row); });
    } else {
      for_rows(p, [&](Index row) { maximum_of_codes(p, row); });
    }
  }

  static void average(const PoolingArguments& p) noexcept {
    if (p.type == ElementType::float32) {
      for_rows(p, [&](Index row) { average_of_floats(p, row); });
    } else {
      for_rows(p, [&](Index row) { average_of_codes(p, row); });
    }
  }

 private:
  template <class Body>
  static void for_rows(const PoolingArguments& p, Body&& body) noexcept {
    for (Index row = 0; row < p.input.rows; ++row) body(row);
  }

  static std::uint8_t flip(const PoolingArguments& p) noexcept { return p.type == ElementType::int8 ? 0x80 : 0; }

  /// Calls `body(piece)` for taps [first, last) of a row that are not left out; returns how many these are.
  template <class Element, class Body>
  static std::int32_t for_pieces(const PoolingArguments& p, Index row, Index first, Index last, Body&& body) noexcept {
    const std::int32_t* offsets = p.input.offsets + row * p.input.taps;
    std::int32_t pieces = 0;
    for (Index tap = first; tap < last; ++tap) {
      if (offsets[tap] < 0) continue;
      body(static_cast<const Element*>(p.input.data) + offsets[tap]);
      ++pieces;
    }
    return pieces;
  }

  static void maximum_of_codes(const PoolingArguments& p, Index row) noexcept {
    auto* out = static_cast<std::uint8_t*>(p.output) + row * p.output_stride;
    const uint8x16_t flips = vdupq_n_u8(flip(p));
    const uint8x16_t lowest = veorq_u8(vdupq_n_u8(static_cast<std::uint8_t>(p.lowest)), flips);
    detail::neon::for_tiles(p.input.depth, [&](Index channel, auto vectors, auto lanes) {
      constexpr Index kVectors = vectors;  // a condition that GCC unrolls
      detail::neon::Array<uint8x16_t, kVectors> largest;
#pragma GCC unroll 4
      for (Index v = 0; v < kVectors; ++v) largest[v] = lowest;
      for_pieces<std::uint8_t>(p, row, 0, p.input.taps, [&](const std::uint8_t* piece) {
#pragma GCC unroll 4
        for (Index v = 0; v < kVectors; ++v) {
          const uint8x16_t codes = detail::neon::load_bytes(piece + channel + v * detail::neon::kLanes, lanes);
          largest[v] = vmaxq_u8(largest[v], veorq_u8(codes, flips));
        }
      });
#pragma GCC unroll 4
      for (Index v = 0; v < kVectors; ++v) {
        detail::neon::store_bytes(out + channel + v * detail::neon::kLanes, veorq_u8(largest[v], flips), lanes);
      }
    });
  }

  /// Sums of up to 256 codes fit 16 bits.
  static void average_of_codes(const PoolingArguments& p, Index row) noexcept {
    constexpr Index kShortTaps = 256;
    const detail::neon::Requantize requantize(p.zero_point, p.lowest, p.highest);
    auto* out = static_cast<std::uint8_t*>(p.output) + row * p.output_stride;
    const uint8x16_t flips = vdupq_n_u8(flip(p));
    detail::neon::for_tiles(p.input.depth, [&](Index channel, auto vectors, auto lanes) {
      constexpr Index kVectors = vectors;  // a condition that GCC unrolls
      detail::neon::Array<uint32x4_t[4], kVectors> sums = {};
      std::int32_t pieces = 0;
      for (Index tap = 0; tap < p.input.taps; tap += kShortTaps) {
        detail::neon::Array<uint16x8_t[2], kVectors> short_sums = {};
        const Index last = std::min(tap + kShortTaps, p.input.taps);
        pieces += for_pieces<std::uint8_t>(p, row, tap, last, [&](const std::uint8_t* piece) {
#pragma GCC unroll 4
          for (Index v = 0; v < kVectors; ++v) {
            const uint8x16_t codes =
                veorq_u8(detail::neon::load_bytes(piece + channel + v * detail::neon::kLanes, lanes), flips);
            short_sums[v][0] = vaddw_u8(short_sums[v][0], vget_low_u8(codes));
            short_sums[v][1] = vaddw_high_u8(short_sums[v][1], codes);
          }
        });
#pragma GCC unroll 4
        for (Index v = 0; v < kVectors; ++v) {
#pragma GCC unroll 4
          for (Index half = 0; half < 2; ++half) {
            sums[v][2 * half] = vaddw_u16(sums[v][2 * half], vget_low_u16(short_sums[v][half]));
            sums[v][2 * half + 1] = vaddw_high_u16(sums[v][2 * half + 1], short_sums[v][half]);
          }
        }
      }
      const int32x4_t zeros = vdupq_n_s32(pieces * (p.input_zero_point + flip(p)));
#pragma GCC unroll 4
      for (Index v = 0; v < kVectors; ++v) {
        detail::neon::Floats values;
#pragma GCC unroll 4
        for (Index i = 0; i < 4; ++i) {
          const int32x4_t sum = vsubq_s32(vreinterpretq_s32_u32(sums[v][i]), zeros);
          values.part[i] = vmulq_n_f32(vcvtq_f32_s32(sum), p.multipliers[row]);
        }
        detail::neon::store_bytes(out + channel + v * detail::neon::kLanes, requantize.bytes(values), lanes);
      }
    });
  }

  /// Combines the pieces of a row with `combine(sum, piece)`, 16 channels at a time, from `start` on; each result is
  /// multiplied.
  template <class Combine>
  static void combine_floats(const PoolingArguments& p, Index row, float start, float multiplier,
                             Combine&& combine) noexcept {
    float* out = static_cast<float*>(p.output) + row * p.output_stride;
    detail::neon::for_vectors(p.input.depth, [&](Index channel, auto lanes) {
      detail::neon::Floats result;
#pragma GCC unroll 4
      for (float32x4_t& r : result.part) r = vdupq_n_f32(start);
      for_pieces<float>(p, row, 0, p.input.taps, [&](const float* piece) {
        const detail::neon::Floats values = detail::neon::load_floats(piece + channel, lanes);
#pragma GCC unroll 4
        for (Index i = 0; i < 4; ++i) result.part[i] = combine(result.part[i], values.part[i]);
      });
#pragma GCC unroll 4
      for (float32x4_t& r : result.part) r = vmulq_n_f32(r, multiplier);
      detail::neon::store_floats(out + channel, result, lanes);
    });
  }

  /// A comparison, because it leaves NaNs out as the definition does.
  static void maximum_of_floats(const PoolingArguments& p, Index row) noexcept {
    combine_floats(p, row, -std::numeric_limits<float>::infinity(), 1,
                   [](float32x4_t a, float32x4_t b) { return vbslq_f32(vcgtq_f32(b, a), b, a); });
  }

  static void average_of_floats(const PoolingArguments& p, Index row) noexcept {
    combine_floats(p, row, 0, p.multipliers[row], [](float32x4_t a, float32x4_t b) { return vaddq_f32(a, b); });
  }
};

}  // namespace condense::kernels

#endif
#endif
