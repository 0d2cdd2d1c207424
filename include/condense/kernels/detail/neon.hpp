#ifndef CONDENSE_KERNELS_DETAIL_NEON_HPP
#define CONDENSE_KERNELS_DETAIL_NEON_HPP

#if defined(__aarch64__)

#include <arm_neon.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "condense/kernels/operands.hpp"

/// Building blocks of NEON kernels: vectors of 16 codes, and the 16 floats or sums that belong to them.
namespace condense::kernels::detail::neon {

inline constexpr Index kLanes = 16;
inline constexpr Index kTileVectors = 4;

template <class T, Index kCount>
using Array = T[static_cast<std::size_t>(kCount)];

/// Keeps loads behind it from being moved before it. GCC otherwise loads all operands of a step at once, and spills the
/// sums to make room: 84 accesses to the stack in a loop of 214 instructions instead of none in 132.
[[gnu::always_inline]] inline void hold_loads() noexcept { asm volatile("" ::: "memory"); }

/// 16 values of 32 bits.
struct Floats {
  float32x4_t part[4];
};
struct Sums {
  int32x4_t part[4];
};

/// Calls `body(first, lanes)` for each vector of `count` elements. Where a vector is whole, `lanes` is a constant, so
/// that the loads and stores below lose their branch.
template <class Body>
inline void for_vectors(Index count, Body&& body) noexcept {
  Index first = 0;
  for (; first + kLanes <= count; first += kLanes) body(first, std::integral_constant<Index, kLanes>{});
  if (first < count) body(first, count - first);
}

/// Calls `body(first, vectors, lanes)` for tiles of 4 vectors, a constant, as long as there are 4, and then of 1.
template <class Body>
inline void for_tiles(Index count, Body&& body) noexcept {
  constexpr std::integral_constant<Index, kTileVectors> kMany;
  Index first = 0;
  for (; first + kMany * kLanes <= count; first += kMany * kLanes) {
    body(first, kMany, std::integral_constant<Index, kLanes>{});
  }
  for_vectors(count - first,
              [&](Index rest, auto lanes) { body(first + rest, std::integral_constant<Index, 1>{}, lanes); });
}

/// The first `count` bytes at `data`, zeros behind them; 16 if there are more. Nothing beyond is read.
inline uint8x16_t load_bytes(const void* data, Index count) noexcept {
  if (count >= kLanes) return vld1q_u8(static_cast<const std::uint8_t*>(data));
  std::uint8_t bytes[kLanes] = {};
  std::memcpy(bytes, data, static_cast<std::size_t>(count));
  return vld1q_u8(bytes);
}

/// Stores the first `count` bytes of a vector, all 16 if there are more.
inline void store_bytes(void* data, uint8x16_t vector, Index count) noexcept {
  if (count >= kLanes) return vst1q_u8(static_cast<std::uint8_t*>(data), vector);
  std::uint8_t bytes[kLanes];
  vst1q_u8(bytes, vector);
  std::memcpy(data, bytes, static_cast<std::size_t>(count));
}

/// The first `count` values at `data`, zeros behind them; 16 if there are more.
inline Floats load_floats(const float* data, Index count) noexcept {
  if (count >= kLanes) return {{vld1q_f32(data), vld1q_f32(data + 4), vld1q_f32(data + 8), vld1q_f32(data + 12)}};
  float values[kLanes] = {};
  std::memcpy(values, data, static_cast<std::size_t>(count) * sizeof(float));
  return load_floats(values, kLanes);
}
inline Sums load_sums(const std::int32_t* data, Index count) noexcept {
  if (count >= kLanes) return {{vld1q_s32(data), vld1q_s32(data + 4), vld1q_s32(data + 8), vld1q_s32(data + 12)}};
  std::int32_t values[kLanes] = {};
  std::memcpy(values, data, static_cast<std::size_t>(count) * sizeof(std::int32_t));
  return load_sums(values, kLanes);
}

/// Stores the first `count` values, all 16 if there are more.
inline void store_floats(float* data, const Floats& floats, Index count) noexcept {
  if (count < kLanes) {
    float values[kLanes];
    store_floats(values, floats, kLanes);
    std::memcpy(data, values, static_cast<std::size_t>(count) * sizeof(float));
    return;
  }
#pragma GCC unroll 4
  for (Index i = 0; i < 4; ++i) vst1q_f32(data + 4 * i, floats.part[i]);
}

inline void store_sums(std::int32_t* data, const Sums& sums, Index count) noexcept {
  if (count < kLanes) {
    std::int32_t values[kLanes];
    store_sums(values, sums, kLanes);
    std::memcpy(data, values, static_cast<std::size_t>(count) * sizeof(std::int32_t));
    return;
  }
#pragma GCC unroll 4
  for (Index i = 0; i < 4; ++i) vst1q_s32(data + 4 * i, sums.part[i]);
}

/// Integers of 16 bits as floats.
inline Floats floats_of(int16x8_t front, int16x8_t back) noexcept {
  return {{vcvtq_f32_s32(vmovl_s16(vget_low_s16(front))), vcvtq_f32_s32(vmovl_high_s16(front)),
           vcvtq_f32_s32(vmovl_s16(vget_low_s16(back))), vcvtq_f32_s32(vmovl_high_s16(back))}};
}

/// min(max(value, low), high) for each value.
inline Floats clamp(Floats values, float low, float high) noexcept {
#pragma GCC unroll 4
  for (float32x4_t& v : values.part) v = vminq_f32(vmaxq_f32(v, vdupq_n_f32(low)), vdupq_n_f32(high));
  return values;
}

/// `round_to_code` for 16 values at a time.
struct Requantize {
  float32x4_t low;
  float32x4_t high;
  uint8x16_t zero_point;

  Requantize(std::int32_t zero, std::int32_t lowest, std::int32_t highest) noexcept
      : low(vdupq_n_f32(static_cast<float>(lowest - zero))),
        high(vdupq_n_f32(static_cast<float>(highest - zero))),
        zero_point(vdupq_n_u8(static_cast<std::uint8_t>(zero))) {}

  /// The codes as 16 bytes. Of a NaN and a number the maximum is the number. A rounded value or the zero point may need
  /// more than a byte, but their sum does not, so that it is right modulo 256.
  uint8x16_t bytes(const Floats& values) const noexcept {
    uint16x8_t words[4];
#pragma GCC unroll 4
    for (Index i = 0; i < 4; ++i) {
      const float32x4_t clamped = vminq_f32(vmaxnmq_f32(values.part[i], low), high);
      words[i] = vreinterpretq_u16_s32(vcvtnq_s32_f32(clamped));
    }
    const uint8x16_t front = vreinterpretq_u8_u16(vuzp1q_u16(words[0], words[1]));
    const uint8x16_t back = vreinterpretq_u8_u16(vuzp1q_u16(words[2], words[3]));
    return vaddq_u8(vuzp1q_u8(front, back), zero_point);
  }
};

}  // namespace condense::kernels::detail::neon

#endif
#endif
