#ifndef CONDENSE_SIMD_DETAIL_LIMITS_X86_HPP
#define CONDENSE_SIMD_DETAIL_LIMITS_X86_HPP

#if defined(__x86_64__)

#include <immintrin.h>

#include "condense/core/shape.hpp"
#include "condense/simd/instruction_set.hpp"

// Loops of independent multiply-adds on registers, for simd/limits.hpp. `hidden` tells the compiler that a register may
// have changed, so that no product can be taken out of a loop or shared. Twelve sums cover a latency of 4 to 6 cycles
// on two ports; where only the addition depends on the sum, six do.

namespace condense::simd::detail::x86 {

template <class Vector>
CONDENSE_TARGET_AVX2 inline Vector hidden(Vector vector) noexcept {
  __asm__ volatile("" : "+x"(vector));
  return vector;
}

/// Calls `step(sum)` for each of `kSums` sums, `steps` times.
template <unsigned kSums, class Vector, class Step>
CONDENSE_TARGET_AVX2 inline void repeat(Index steps, Vector zero, const Step& step) noexcept {
  Vector sums[kSums];
#pragma GCC unroll 12
  for (auto& sum : sums) sum = hidden(zero);
  for (Index i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = step(sum);
  }
#pragma GCC unroll 12
  for (auto& sum : sums) hidden(sum);
}

CONDENSE_TARGET_AVX2 inline void fma_ymm(Index steps) noexcept {
  const __m256 a = _mm256_set1_ps(0.5F);
  repeat<12>(steps, _mm256_setzero_ps(),
             [=](__m256 sum) CONDENSE_TARGET_AVX2 { return _mm256_fmadd_ps(hidden(a), a, sum); });
}

/// u8 x s8, which saturates sums of two products at 16 bits.
CONDENSE_TARGET_AVX2 inline void maddubs(Index steps) noexcept {
  const __m256i a = _mm256_set1_epi8(1);
  const __m256i ones = _mm256_set1_epi16(1);
  repeat<6>(steps, _mm256_setzero_si256(), [=](__m256i sum) CONDENSE_TARGET_AVX2 {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(hidden(_mm256_maddubs_epi16(hidden(a), a)), ones));
  });
}

/// Two products added in 16 bits before they are widened: for weights of 4 bits, or small neighbours.
CONDENSE_TARGET_AVX2 inline void maddubs_twice(Index steps) noexcept {
  const __m256i a = _mm256_set1_epi8(1);
  const __m256i ones = _mm256_set1_epi16(1);
  repeat<6>(steps, _mm256_setzero_si256(), [=](__m256i sum) CONDENSE_TARGET_AVX2 {
    const __m256i two = _mm256_add_epi16(_mm256_maddubs_epi16(hidden(a), a), _mm256_maddubs_epi16(hidden(a), a));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(hidden(two), ones));
  });
}

/// On integers widened to 16 bits: exact for all of them.
CONDENSE_TARGET_AVX2 inline void maddwd(Index steps) noexcept {
  const __m256i a = _mm256_set1_epi16(1);
  repeat<6>(steps, _mm256_setzero_si256(),
            [=](__m256i sum) CONDENSE_TARGET_AVX2 { return _mm256_add_epi32(sum, _mm256_madd_epi16(hidden(a), a)); });
}

CONDENSE_TARGET_AVX_VNNI inline void dpbusd_ymm(Index steps) noexcept {
  const __m256i a = _mm256_set1_epi8(1);
  repeat<12>(steps, _mm256_setzero_si256(), [=](__m256i sum) CONDENSE_TARGET_AVX2 {
    __asm__ volatile("%{vex%} vpdpbusd %1, %1, %0" : "+x"(sum) : "x"(a));
    return sum;
  });
}

/// `repeat` for 16 registers of 64 bytes.
template <class Vector, class Step>
CONDENSE_TARGET_AVX512_VNNI inline void repeat_zmm(Index steps, Vector zero, const Step& step) noexcept {
  Vector sums[16];
#pragma GCC unroll 16
  for (auto& sum : sums) {
    sum = zero;
    __asm__ volatile("" : "+v"(sum));
  }
  for (Index i = 0; i < steps; ++i) {
#pragma GCC unroll 16
    for (auto& sum : sums) step(sum);
  }
}

CONDENSE_TARGET_AVX512_VNNI inline void dpbusd_zmm(Index steps) noexcept {
  const __m512i a = _mm512_set1_epi8(1);
  repeat_zmm(steps, _mm512_setzero_si512(), [=](__m512i& sum) CONDENSE_TARGET_AVX512_VNNI {
    __asm__ volatile("vpdpbusd %1, %1, %0" : "+v"(sum) : "v"(a));
  });
}

CONDENSE_TARGET_AVX512_VNNI inline void fma_zmm(Index steps) noexcept {
  const __m512 a = _mm512_set1_ps(0.5F);
  repeat_zmm(steps, _mm512_setzero_ps(), [=](__m512& sum) CONDENSE_TARGET_AVX512_VNNI {
    __asm__ volatile("vfmadd231ps %1, %1, %0" : "+v"(sum) : "v"(a));
  });
}

/// Loads `bytes` bytes, a multiple of 512.
CONDENSE_TARGET_AVX2 inline void read_ymm(const char* data, Index bytes) noexcept {
  for (Index i = 0; i < bytes; i += 256) {
#pragma GCC unroll 8
    for (Index j = 0; j < 256; j += 32) {
      hidden(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + i + j)));
    }
  }
}

CONDENSE_TARGET_AVX512_VNNI inline void read_zmm(const char* data, Index bytes) noexcept {
  for (Index i = 0; i < bytes; i += 512) {
#pragma GCC unroll 8
    for (Index j = 0; j < 512; j += 64) {
      __asm__ volatile("" ::"v"(_mm512_loadu_si512(data + i + j)));
    }
  }
}

}  // namespace condense::simd::detail::x86

#endif
#endif
