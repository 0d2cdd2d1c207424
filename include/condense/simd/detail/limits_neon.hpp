#ifndef CONDENSE_SIMD_DETAIL_LIMITS_NEON_HPP
#define CONDENSE_SIMD_DETAIL_LIMITS_NEON_HPP

#if defined(__aarch64__)

#include <arm_neon.h>

#include "condense/core/shape.hpp"
#include "condense/simd/instruction_set.hpp"

// Loops of independent multiply-adds on registers, for simd/limits.hpp. Assembly, so that the compiler takes nothing
// out of a loop and needs no flags for the dot products. Sixteen sums cover a latency of 4 cycles on four ports.

namespace condense::simd::detail::neon {

/// Calls `step(sum)` for each of 16 sums, `steps` times. Inlined by force, into functions of other targets too.
template <class Step>
[[gnu::always_inline]] inline void repeat(Index steps, const Step& step) noexcept {
  int8x16_t sums[16];
#pragma GCC unroll 16
  for (auto& sum : sums) {
    sum = vdupq_n_s8(0);
    __asm__ volatile("" : "+w"(sum));
  }
  for (Index i = 0; i < steps; ++i) {
#pragma GCC unroll 16
    for (auto& sum : sums) step(sum);
  }
}

inline void fmla(Index steps) noexcept {
  const float32x4_t a = vdupq_n_f32(0.5F);
  repeat(steps, [=](int8x16_t& sum) { __asm__ volatile("fmla %0.4s, %1.4s, %1.4s" : "+w"(sum) : "w"(a)); });
}

/// Integers of 16 bits: exact for all codes.
inline void smlal(Index steps) noexcept {
  const int16x8_t a = vdupq_n_s16(1);
  repeat(steps, [=](int8x16_t& sum) { __asm__ volatile("smlal %0.4s, %1.4h, %1.4h" : "+w"(sum) : "w"(a)); });
}

/// Products of 16 bits, added to sums of 32 in pairs.
inline void smull_sadalp(Index steps) noexcept {
  const int8x16_t a = vdupq_n_s8(1);
  repeat(steps, [=](int8x16_t& sum) {
    int8x16_t product;
    __asm__ volatile("smull %1.8h, %2.8b, %2.8b\n\tsadalp %0.4s, %1.8h" : "+w"(sum), "=&w"(product) : "w"(a));
  });
}

CONDENSE_TARGET_NEON_DOTPROD inline void sdot(Index steps) noexcept {
  const int8x16_t a = vdupq_n_s8(1);
  repeat(steps, [=](int8x16_t& sum) CONDENSE_TARGET_NEON_DOTPROD {
    __asm__ volatile("sdot %0.4s, %1.16b, %1.16b" : "+w"(sum) : "w"(a));
  });
}

CONDENSE_TARGET_NEON_I8MM inline void smmla(Index steps) noexcept {
  const int8x16_t a = vdupq_n_s8(1);
  repeat(steps, [=](int8x16_t& sum) CONDENSE_TARGET_NEON_I8MM {
    __asm__ volatile("smmla %0.4s, %1.16b, %1.16b" : "+w"(sum) : "w"(a));
  });
}

/// Loads `bytes` bytes, a multiple of 512.
inline void read(const char* data, Index bytes) noexcept {
  for (Index i = 0; i < bytes; i += 128) {
#pragma GCC unroll 8
    for (Index j = 0; j < 128; j += 16) {
      __asm__ volatile("" ::"w"(vld1q_s8(reinterpret_cast<const std::int8_t*>(data + i + j))));
    }
  }
}

}  // namespace condense::simd::detail::neon

#endif
#endif
