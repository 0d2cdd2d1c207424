#ifndef CONDENSE_KERNELS_GEMM_AVX_VNNI_HPP
#define CONDENSE_KERNELS_GEMM_AVX_VNNI_HPP

#if defined(__x86_64__)

#include "condense/kernels/gemm/detail/avx2_micro.hpp"

namespace condense::kernels {

namespace detail {

struct AvxVnniProducts {
  using Activation = std::uint8_t;
  static constexpr Index kStep = 4;
  static constexpr std::optional<ElementType> kFlipped = ElementType::int8;  // unsigned times signed

  CONDENSE_TARGET_AVX2 static __m256i weights(const std::int8_t* codes) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
  }
  CONDENSE_TARGET_AVX2 static __m256i activations(const std::uint8_t* codes, __m256i flip) noexcept {
    std::int32_t four;
    std::memcpy(&four, codes, sizeof(four));
    return _mm256_xor_si256(flip, _mm256_set1_epi32(four));
  }
  CONDENSE_TARGET_AVX2 static __m256i ones() noexcept { return _mm256_set1_epi8(1); }

  /// vpdpbusd. Through the intrinsic, GCC 12 copies every sum into another register and back in each step; and so the
  /// tiles around it need no target but AVX2.
  CONDENSE_TARGET_AVX2 static void add(__m256i& sums, __m256i activations, __m256i weights) noexcept {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sums) : "x"(activations), "x"(weights));
  }

  static constexpr int kShift = 4;
  CONDENSE_TARGET_AVX2 static void unpack_two(const std::int8_t* packed, __m256i (&weights)[2]) noexcept {
    const __m256i upper = _mm256_set1_epi8(static_cast<char>(0xF0));
    const __m256i raw = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(packed));
    weights[0] = _mm256_and_si256(_mm256_slli_epi16(raw, 4), upper);
    weights[1] = _mm256_and_si256(raw, upper);
  }

  template <class Code>
  static void copy(const Code* codes, Index count, std::uint8_t* out) noexcept {
    copy_bytes(codes, count, out);
  }
};

}  // namespace detail

/// Integer products by vpdpbusd on vectors of 32 bytes.
template <>
struct Gemm<simd::AvxVnni> : detail::TiledGemm<detail::Avx2Micro<detail::AvxVnniProducts>> {};

}  // namespace condense::kernels

#endif
#endif
