#ifndef CONDENSE_KERNELS_DETAIL_AVX512_HPP
#define CONDENSE_KERNELS_DETAIL_AVX512_HPP

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>

#include "condense/kernels/operands.hpp"
#include "condense/simd/instruction_set.hpp"

// GCC 12 takes the undefined upper halves in its own AVX-512 headers for uninitialised variables.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

/// Building blocks of AVX-512 kernels: vectors of 16 values.
namespace condense::kernels::detail::avx512 {

/// The lanes of a vector that hold its first `count` elements; all of them from 16 on.
CONDENSE_TARGET_AVX512_VNNI inline __mmask16 first_lanes(Index count) noexcept {
  return count >= 16 ? static_cast<__mmask16>(0xFFFF) : static_cast<__mmask16>((1U << count) - 1);
}

/// `round_to_code` for 16 values at a time.
struct Requantize {
  __m512 low;
  __m512 high;
  __m512i zero_point;

  CONDENSE_TARGET_AVX512_VNNI Requantize(std::int32_t zero, std::int32_t lowest, std::int32_t highest) noexcept
      : low(_mm512_set1_ps(static_cast<float>(lowest - zero))),
        high(_mm512_set1_ps(static_cast<float>(highest - zero))),
        zero_point(_mm512_set1_epi32(zero)) {}

  /// The codes as 16 bytes. The operands stand so that a NaN becomes `low`.
  CONDENSE_TARGET_AVX512_VNNI __m128i bytes(__m512 values) const noexcept {
    const __m512 clamped = _mm512_min_ps(_mm512_max_ps(values, low), high);
    return _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(clamped), zero_point));
  }
};

}  // namespace condense::kernels::detail::avx512

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
#endif
