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

/// Looks up pieces for `find_pieces`, eight at a time; elements are of 2^kShift bytes.
template <unsigned kShift>
CONDENSE_TARGET_AVX512_VNNI inline void look_up(const void* data, const void* padding, const std::int32_t* offsets,
                                                Index count, const void** pieces) noexcept {
  const __m512i first = _mm512_set1_epi64(reinterpret_cast<std::intptr_t>(data));
  const __m512i outside = _mm512_set1_epi64(reinterpret_cast<std::intptr_t>(padding));
  for (Index i = 0; i < count; i += 8) {
    const auto exist = static_cast<__mmask8>(first_lanes(count - i));
    const __m256i eight = _mm256_maskz_loadu_epi32(exist, offsets + i);
    const __mmask8 inside = _mm256_cmpge_epi32_mask(eight, _mm256_setzero_si256());
    const __m512i bytes = _mm512_slli_epi64(_mm512_cvtepi32_epi64(eight), kShift);
    _mm512_mask_storeu_epi64(pieces + i, exist, _mm512_mask_add_epi64(outside, inside, first, bytes));
  }
}

/// `round_to_code` for 16 values at a time.
struct Requantize {
  __m512 low;
  __m512 high;
  __m512i zero_point;
  __m512i short_zero_point;
  __m512i lowest;
  bool is_signed;

  CONDENSE_TARGET_AVX512_VNNI Requantize(std::int32_t zero, std::int32_t lowest_code, std::int32_t highest) noexcept
      : low(_mm512_set1_ps(static_cast<float>(lowest_code - zero))),
        high(_mm512_set1_ps(static_cast<float>(highest - zero))),
        zero_point(_mm512_set1_epi32(zero)),
        short_zero_point(_mm512_set1_epi16(static_cast<short>(zero))),
        lowest(_mm512_set1_epi8(static_cast<char>(lowest_code))),
        is_signed(lowest_code < 0) {}

  /// The codes as 16 bytes. The operands stand so that a NaN becomes `low`.
  CONDENSE_TARGET_AVX512_VNNI __m128i bytes(__m512 values) const noexcept {
    const __m512 clamped = _mm512_min_ps(_mm512_max_ps(values, low), high);
    return _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(clamped), zero_point));
  }

  /// The codes of 64 values.
  CONDENSE_TARGET_AVX512_VNNI __m512i bytes(__m512 v0, __m512 v1, __m512 v2, __m512 v3) const noexcept {
    const __m512i in_line = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(in_line, bytes_by_fours(v0, v1, v2, v3));
  }

  /// The codes of 64 values as packs leave them, which work within 128 bits: 4 of v0, of v1, of v2, of v3, then the
  /// next 4 of v0. What lies below the range is clamped as codes: a conversion takes it, and a NaN, to the smallest
  /// integer, and every pack and sum saturates.
  CONDENSE_TARGET_AVX512_VNNI __m512i bytes_by_fours(__m512 v0, __m512 v1, __m512 v2, __m512 v3) const noexcept {
    const __m512i low_words = _mm512_adds_epi16(_mm512_packs_epi32(rounded(v0), rounded(v1)), short_zero_point);
    const __m512i high_words = _mm512_adds_epi16(_mm512_packs_epi32(rounded(v2), rounded(v3)), short_zero_point);
    return is_signed ? _mm512_max_epi8(_mm512_packs_epi16(low_words, high_words), lowest)
                     : _mm512_max_epu8(_mm512_packus_epi16(low_words, high_words), lowest);
  }

 private:
  CONDENSE_TARGET_AVX512_VNNI __m512i rounded(__m512 values) const noexcept {
    return _mm512_cvtps_epi32(_mm512_min_ps(high, values));
  }
};

}  // namespace condense::kernels::detail::avx512

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
#endif
