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

/// The lanes of a vector that hold its first `count` elements, all of them from 8 on, for masked loads and stores.
CONDENSE_TARGET_AVX2 inline __m256i first_lanes(Index count) noexcept {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
}

/// The first `count` bytes at `data`, 0 to 8, zeros behind them; nothing beyond is read. A copy of a length that is not
/// known would be a call, which costs a loop the registers it has its sums in.
CONDENSE_TARGET_AVX2 inline __m128i load_bytes(const void* data, Index count) noexcept {
  if (count >= 8) return _mm_loadl_epi64(static_cast<const __m128i*>(data));
  const auto* from = static_cast<const std::uint8_t*>(data);
  std::uint64_t bytes = 0;
  Index done = 0;
  if (count >= 4) {
    std::uint32_t four = 0;
    std::memcpy(&four, from, 4);
    bytes = four;
    done = 4;
  }
  for (; done < count; ++done) bytes |= std::uint64_t{from[done]} << (8 * done);
  return _mm_cvtsi64_si128(static_cast<long long>(bytes));
}

/// Stores the low `count` bytes of a vector, 0 to 8.
CONDENSE_TARGET_AVX2 inline void store_bytes(void* data, __m128i bytes, Index count) noexcept {
  if (count >= 8) return _mm_storel_epi64(static_cast<__m128i*>(data), bytes);
  auto* to = static_cast<std::uint8_t*>(data);
  const auto low = static_cast<std::uint64_t>(_mm_cvtsi128_si64(bytes));
  Index done = 0;
  if (count >= 4) {
    std::memcpy(to, &low, 4);
    done = 4;
  }
  for (; done < count; ++done) to[done] = static_cast<std::uint8_t>(low >> (8 * done));
}

/// The first `count` bytes at `data`, zeros behind them; all 16 from 16 on, none below 1.
CONDENSE_TARGET_AVX2 inline __m128i load_bytes16(const std::uint8_t* data, Index count) noexcept {
  if (count >= 16) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(data));
  const __m128i low = count > 0 ? load_bytes(data, count) : _mm_setzero_si128();
  const __m128i high = count > 8 ? load_bytes(data + 8, count - 8) : _mm_setzero_si128();
  return _mm_unpacklo_epi64(low, high);
}

/// Stores the first `count` bytes of a vector; all 16 from 16 on, none below 1.
CONDENSE_TARGET_AVX2 inline void store_bytes16(std::uint8_t* data, __m128i bytes, Index count) noexcept {
  if (count >= 16) return _mm_storeu_si128(reinterpret_cast<__m128i*>(data), bytes);
  if (count > 0) store_bytes(data, bytes, count);
  if (count > 8) store_bytes(data + 8, _mm_unpackhi_epi64(bytes, bytes), count - 8);
}

/// Stores the first `count` floats of a vector; all of them from 8 on.
CONDENSE_TARGET_AVX2 inline void store_floats(float* data, __m256 values, Index count) noexcept {
  if (count >= 8) return _mm256_storeu_ps(data, values);
  _mm256_maskstore_ps(data, first_lanes(count), values);
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

  /// The codes of 32 values as 32 bytes.
  CONDENSE_TARGET_AVX2 __m256i bytes(__m256 a, __m256 b, __m256 c, __m256 d) const noexcept {
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    return _mm256_permutevar8x32_epi32(bytes_by_fours(a, b, c, d), order);
  }

  /// The codes of 32 values as packs leave them, which work within 128 bits: 4 of a, of b, of c, of d, then the next 4
  /// of a.
  CONDENSE_TARGET_AVX2 __m256i bytes_by_fours(__m256 a, __m256 b, __m256 c, __m256 d) const noexcept {
    const __m256i low_byte = _mm256_set1_epi16(0xFF);
    const __m256i front = _mm256_and_si256(_mm256_packs_epi32(codes(a), codes(b)), low_byte);
    const __m256i back = _mm256_and_si256(_mm256_packs_epi32(codes(c), codes(d)), low_byte);
    return _mm256_packus_epi16(front, back);
  }
};

}  // namespace condense::kernels::detail::avx2

#endif
#endif
