#ifndef CONDENSE_KERNELS_GEMM_AVX2_HPP
#define CONDENSE_KERNELS_GEMM_AVX2_HPP

#if defined(__x86_64__)

#include "condense/kernels/gemm/detail/avx2_micro.hpp"

namespace condense::kernels {

namespace detail {

/// Products of 16 bits, two of them added to 32 (vpmaddwd): exact for all codes, where vpmaddubsw saturates. The
/// activations are widened once for a block of rows, the weights as they are loaded.
struct Avx2Products {
  using Activation = std::int16_t;
  static constexpr Index kStep = 2;
  static constexpr std::optional<ElementType> kFlipped = std::nullopt;

  CONDENSE_TARGET_AVX2 static __m256i weights(const std::int8_t* codes) noexcept {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes)));
  }
  CONDENSE_TARGET_AVX2 static __m256i activations(const std::int16_t* codes, __m256i) noexcept {
    std::int32_t two;
    std::memcpy(&two, codes, sizeof(two));
    return _mm256_set1_epi32(two);
  }
  CONDENSE_TARGET_AVX2 static __m256i ones() noexcept { return _mm256_set1_epi16(1); }
  CONDENSE_TARGET_AVX2 static void add(__m256i& sums, __m256i activations, __m256i weights) noexcept {
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(activations, weights));
  }

  static constexpr int kShift = 0;
  CONDENSE_TARGET_AVX2 static void unpack_two(const std::int8_t* packed, __m256i (&weights)[2]) noexcept {
    const __m256i raw = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(packed)));
    weights[0] = _mm256_srai_epi16(_mm256_slli_epi16(raw, 12), 12);
    weights[1] = _mm256_srai_epi16(_mm256_slli_epi16(raw, 8), 12);
  }

  template <class Code>
  CONDENSE_TARGET_AVX2 static void copy(const Code* codes, Index count, std::int16_t* out) noexcept {
    Index i = 0;
    for (; i + 16 <= count; i += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i),
                          std::is_signed_v<Code> ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes));
    }
    for (; i < count; ++i) out[i] = codes[i];
  }
};

}  // namespace detail

/// Integer products of 16 bits: exact without instructions for 8.
template <>
struct Gemm<simd::Avx2> : detail::TiledGemm<detail::Avx2Micro<detail::Avx2Products>> {};

}  // namespace condense::kernels

#endif
#endif
