#ifndef CONDENSE_KERNELS_DETAIL_AVX2_HPP
#define CONDENSE_KERNELS_DETAIL_AVX2_HPP

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "condense/kernels/operands.hpp"
#include "condense/simd/instruction_set.hpp"

/// Building blocks of AVX2 kernels: vectors of 8 values.
namespace condense::kernels::detail::avx2 {

/// The lanes of a vector that hold its first `count` elements, 0 to 8, for masked loads and stores.
CONDENSE_TARGET_AVX2 inline __m256i first_lanes(Index count) noexcept {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
}

/// The first `count` bytes at `data`, 0 to 8, zeros behind them; nothing beyond is read.
CONDENSE_TARGET_AVX2 inline __m128i load_bytes(const void* data, Index count) noexcept {
  if (count >= 8) return _mm_loadl_epi64(static_cast<const __m128i*>(data));
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, data, static_cast<std::size_t>(count));
  return _mm_cvtsi64_si128(static_cast<long long>(bytes));
}

/// Stores the low `count` bytes of a vector, 0 to 8.
CONDENSE_TARGET_AVX2 inline void store_bytes(void* data, __m128i bytes, Index count) noexcept {
  if (count >= 8) return _mm_storel_epi64(static_cast<__m128i*>(data), bytes);
  const auto low = static_cast<std::uint64_t>(_mm_cvtsi128_si64(bytes));
  std::memcpy(data, &low, static_cast<std::size_t>(count));
}

/// `round_to_code` for 8 values at a time.
struct Requantize {
  __m256 low;
  __m256 high;
  __m256i zero_point;

  CONDENSE_TARGET_AVX2 Requantize(std::int32_t zero, std::int32_t lowest, std::int32_t highest) noexcept
      : low(_mm256_set1_ps(static_cast<float>(lowest - zero))),
        high(_mm256_set1_ps(static_cast<float>(highest - zero))),
        zero_point(_mm256_set1_epi32(zero)) {}

  /// The codes as 32-bit integers. The operands stand so that a NaN becomes `low`.
  CONDENSE_TARGET_AVX2 __m256i codes(__m256 values) const noexcept {
    const __m256 clamped = _mm256_min_ps(_mm256_max_ps(values, low), high);
    return _mm256_add_epi32(_mm256_cvtps_epi32(clamped), zero_point);
  }

  /// The codes as 8 bytes, in the low half. They fit, so that no pack saturates, signed or not: the low bytes are kept.
  CONDENSE_TARGET_AVX2 __m128i bytes(__m256 values) const noexcept {
    const __m256i low_bytes = _mm256_shuffle_epi8(
        codes(values), _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,  //
                                        0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
    return _mm_unpacklo_epi32(_mm256_castsi256_si128(low_bytes), _mm256_extracti128_si256(low_bytes, 1));
  }
};

}  // namespace condense::kernels::detail::avx2

#endif
#endif
