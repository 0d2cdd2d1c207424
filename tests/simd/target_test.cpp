// The target attributes must let a function use the instructions of its set, in a file compiled without any -m flag,
// and a machine on which the set is available must run them.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

#include "condense/simd/instruction_set.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace condense::simd {
namespace {

constexpr int kElements = 64;

struct Operands {
  std::array<std::uint8_t, kElements> activations;
  std::array<std::int8_t, kElements> weights;
  std::int32_t expected = 0;

  /// Only activations below 128, so that signed dot products take them too.
  Operands() {
    for (std::size_t i = 0; i < kElements; ++i) {
      activations[i] = static_cast<std::uint8_t>(i * 37 % 128);
      weights[i] = static_cast<std::int8_t>(static_cast<int>(i * 91 % 256) - 128);
      expected += std::int32_t{activations[i]} * std::int32_t{weights[i]};
    }
  }
};

template <std::size_t Size>
std::int32_t sum(const std::array<std::int32_t, Size>& lanes) {
  std::int32_t total = 0;
  for (const std::int32_t lane : lanes) total += lane;
  return total;
}

#define SKIP_UNLESS_AVAILABLE(isa) \
  if (!isa::available()) GTEST_SKIP() << "this machine has no " << isa::name

#if defined(__x86_64__)

CONDENSE_TARGET_AVX2 std::int32_t dot_avx2(const Operands& operands) {
  __m256i sums = _mm256_setzero_si256();
  for (std::size_t i = 0; i < kElements; i += 16) {
    const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(&operands.activations[i]));
    const __m128i w = _mm_loadu_si128(reinterpret_cast<const __m128i*>(&operands.weights[i]));
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_cvtepu8_epi16(a), _mm256_cvtepi8_epi16(w)));
  }
  std::array<std::int32_t, 8> lanes;
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes.data()), sums);
  return sum(lanes);
}

CONDENSE_TARGET_AVX_VNNI std::int32_t dot_avx_vnni(const Operands& operands) {
  __m256i sums = _mm256_setzero_si256();
  for (std::size_t i = 0; i < kElements; i += 32) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(&operands.activations[i]));
    const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(&operands.weights[i]));
    sums = _mm256_dpbusd_avx_epi32(sums, a, w);
  }
  std::array<std::int32_t, 8> lanes;
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes.data()), sums);
  return sum(lanes);
}

CONDENSE_TARGET_AVX512_VNNI std::int32_t dot_avx512_vnni(const Operands& operands) {
  const __m512i a = _mm512_loadu_si512(operands.activations.data());
  const __m512i w = _mm512_loadu_si512(operands.weights.data());
  std::array<std::int32_t, 16> lanes;
  _mm512_storeu_si512(lanes.data(), _mm512_dpbusd_epi32(_mm512_setzero_si512(), a, w));
  return sum(lanes);
}

CONDENSE_TARGET_AVX2 float fused_avx2(float a, float b, float c) {
  return _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c)));
}

TEST(Target, Avx2MultipliesAndAdds) {
  SKIP_UNLESS_AVAILABLE(Avx2);
  EXPECT_EQ(dot_avx2(Operands()), Operands().expected);
  EXPECT_EQ(fused_avx2(0x1.000002p0F, 0x1.000002p0F, -0x1.000004p0F), 0x1p-46F);  // 0 if the product were rounded
}

TEST(Target, AvxVnniTakesDotProducts) {
  SKIP_UNLESS_AVAILABLE(AvxVnni);
  EXPECT_EQ(dot_avx_vnni(Operands()), Operands().expected);
}

TEST(Target, Avx512VnniTakesDotProducts) {
  SKIP_UNLESS_AVAILABLE(Avx512Vnni);
  EXPECT_EQ(dot_avx512_vnni(Operands()), Operands().expected);
}

#elif defined(__aarch64__)

CONDENSE_TARGET_NEON std::int32_t dot_neon(const Operands& operands) {
  std::int32_t total = 0;
  for (std::size_t i = 0; i < kElements; i += 8) {
    const int8x8_t a = vreinterpret_s8_u8(vld1_u8(&operands.activations[i]));
    total += vaddlvq_s16(vmull_s8(a, vld1_s8(&operands.weights[i])));
  }
  return total;
}

TEST(Target, NeonMultipliesAndAdds) { EXPECT_EQ(dot_neon(Operands()), Operands().expected); }

#if !defined(__clang__) || __clang_major__ >= 16 || defined(__ARM_FEATURE_DOTPROD)
CONDENSE_TARGET_NEON_DOTPROD std::int32_t dot_neon_dotprod(const Operands& operands) {
  int32x4_t sums = vdupq_n_s32(0);
  for (std::size_t i = 0; i < kElements; i += 16) {
    sums = vdotq_s32(sums, vreinterpretq_s8_u8(vld1q_u8(&operands.activations[i])), vld1q_s8(&operands.weights[i]));
  }
  return vaddvq_s32(sums);
}

CONDENSE_TARGET_NEON_I8MM std::int32_t dot_neon_i8mm(const Operands& operands) {
  int32x4_t sums = vdupq_n_s32(0);
  for (std::size_t i = 0; i < kElements; i += 16) {
    sums = vusdotq_s32(sums, vld1q_u8(&operands.activations[i]), vld1q_s8(&operands.weights[i]));
  }
  return vaddvq_s32(sums);
}

TEST(Target, NeonDotprodTakesDotProducts) {
  SKIP_UNLESS_AVAILABLE(NeonDotprod);
  EXPECT_EQ(dot_neon_dotprod(Operands()), Operands().expected);
}

TEST(Target, NeonI8mmTakesMixedDotProducts) {
  SKIP_UNLESS_AVAILABLE(NeonI8mm);
  EXPECT_EQ(dot_neon_i8mm(Operands()), Operands().expected);
}
#endif

#endif

}  // namespace
}  // namespace condense::simd
