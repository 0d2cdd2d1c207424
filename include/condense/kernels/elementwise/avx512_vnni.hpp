#ifndef CONDENSE_KERNELS_ELEMENTWISE_AVX512_VNNI_HPP
#define CONDENSE_KERNELS_ELEMENTWISE_AVX512_VNNI_HPP

#if defined(__x86_64__)

#include "condense/kernels/detail/avx512.hpp"
#include "condense/kernels/elementwise/avx2.hpp"

// GCC 12 takes the undefined upper halves in its own AVX-512 headers for uninitialised variables.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace condense::kernels {

/// Elementwise kernels, 16 codes at a time.
template <>
struct Elementwise<simd::Avx512Vnni> {
  CONDENSE_TARGET_AVX512_VNNI static void add(const AddArguments& arguments) noexcept {
    const Differences a(arguments.a);
    const Differences b(arguments.b);
    const __m512 a_multiplier = _mm512_set1_ps(arguments.a_multiplier);
    const __m512 b_multiplier = _mm512_set1_ps(arguments.b_multiplier);
    store(arguments.output, arguments.count, [&](Index first, __mmask16 lanes) CONDENSE_TARGET_AVX512_VNNI {
      const __m512 product = _mm512_mul_ps(b.floats(first, lanes), b_multiplier);
      return _mm512_fmadd_ps(a.floats(first, lanes), a_multiplier, product);  // both products are exact
    });
  }

  CONDENSE_TARGET_AVX512_VNNI static void multiply(const MultiplyArguments& arguments) noexcept {
    const Differences a(arguments.a);
    const Differences b(arguments.b);
    const __m512 multiplier = _mm512_set1_ps(arguments.multiplier);
    store(arguments.output, arguments.count, [&](Index first, __mmask16 lanes) CONDENSE_TARGET_AVX512_VNNI {
      // Differences have 9 bits, so that their product is exact in floats.
      return _mm512_mul_ps(_mm512_mul_ps(a.floats(first, lanes), b.floats(first, lanes)), multiplier);
    });
  }

  CONDENSE_TARGET_AVX512_VNNI static void quantize(const float* input, float scale, const CodeOutput& output,
                                                   Index count) noexcept {
    const __m512 divisor = _mm512_set1_ps(scale);
    store(output, count, [&](Index first, __mmask16 lanes) CONDENSE_TARGET_AVX512_VNNI {
      return _mm512_div_ps(_mm512_maskz_loadu_ps(lanes, input + first), divisor);
    });
  }

  CONDENSE_TARGET_AVX512_VNNI static void dequantize(const Codes& input, float scale, Index count,
                                                     float* output) noexcept {
    const Differences codes(input);
    const __m512 multiplier = _mm512_set1_ps(scale);
    for (Index i = 0; i < count; i += kLanes) {
      const __mmask16 lanes = detail::avx512::first_lanes(count - i);
      _mm512_mask_storeu_ps(output + i, lanes, _mm512_mul_ps(codes.floats(i, lanes), multiplier));
    }
  }

  static void lookup(const std::uint8_t* input, const std::uint8_t* table, Index count, std::uint8_t* output) noexcept {
    static const bool permutes_bytes = simd::detail::processor().avx512_vbmi;
    const auto run = permutes_bytes ? &permute : &Elementwise<simd::Avx2>::lookup;
    run(input, table, count, output);
  }

  CONDENSE_TARGET_AVX512_VNNI static void requantize(const Codes& input, float multiplier, const CodeOutput& output,
                                                     Index count) noexcept {
    const Differences codes(input);
    const __m512 factor = _mm512_set1_ps(multiplier);
    store(output, count, [&](Index first, __mmask16 lanes) CONDENSE_TARGET_AVX512_VNNI {
      return _mm512_mul_ps(codes.floats(first, lanes), factor);
    });
  }

  static void quantize_rows(const QuantizeRowsArguments& arguments) noexcept {
    detail::quantize_rows(arguments, &with_zero, &quantize);
  }

 private:
  static constexpr Index kLanes = 16;

  /// `lookup` with VPERMI2B, which looks at 7 bits of an index: each half of the table by itself.
  CONDENSE_TARGET_AVX512_VBMI static void permute(const std::uint8_t* input, const std::uint8_t* table, Index count,
                                                  std::uint8_t* output) noexcept {
    __m512i quarters[4];
    for (Index q = 0; q < 4; ++q) quarters[q] = _mm512_loadu_si512(table + 64 * q);
    for (Index i = 0; i < count; i += 64) {
      const __mmask64 lanes = count - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (count - i)) - 1;
      const __m512i codes = _mm512_maskz_loadu_epi8(lanes, input + i);
      const __m512i low = _mm512_permutex2var_epi8(quarters[0], codes, quarters[1]);
      const __m512i high = _mm512_permutex2var_epi8(quarters[2], codes, quarters[3]);
      _mm512_mask_storeu_epi8(output + i, lanes, _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(codes), high));
    }
  }

  /// The differences of codes to their zero point. Signed codes are made unsigned, and so is their zero point, which
  /// leaves the differences as they were.
  struct Differences {
    const std::uint8_t* data;
    __m128i flip;
    __m512i zero_point;

    CONDENSE_TARGET_AVX512_VNNI explicit Differences(const Codes& codes) noexcept
        : data(static_cast<const std::uint8_t*>(codes.data)),
          flip(_mm_set1_epi8(codes.type == ElementType::int8 ? -128 : 0)),
          zero_point(_mm512_set1_epi32(codes.zero_point + (codes.type == ElementType::int8 ? 128 : 0))) {}

    CONDENSE_TARGET_AVX512_VNNI __m512 floats(Index first, __mmask16 lanes) const noexcept {
      const __m128i codes = _mm_xor_si128(_mm_maskz_loadu_epi8(lanes, data + first), flip);
      return _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_cvtepu8_epi32(codes), zero_point));
    }
  };

  /// The operands stand so that a NaN is left out. The zeros behind the last value change nothing.
  CONDENSE_TARGET_AVX512_VNNI static void with_zero(const float* values, Index count, float& min, float& max) noexcept {
    __m512 smallest = _mm512_setzero_ps();
    __m512 largest = _mm512_setzero_ps();
    for (Index i = 0; i < count; i += kLanes) {
      const __m512 x = _mm512_maskz_loadu_ps(detail::avx512::first_lanes(count - i), values + i);
      smallest = _mm512_min_ps(x, smallest);
      largest = _mm512_max_ps(x, largest);
    }
    min = _mm512_reduce_min_ps(smallest);
    max = _mm512_reduce_max_ps(largest);
  }

  /// Rounds `count` values to codes. `values(first, lanes)` has those from `first` on, 16 or the `lanes` that are left.
  template <class Values>
  CONDENSE_TARGET_AVX512_VNNI static void store(const CodeOutput& output, Index count, const Values& values) noexcept {
    const detail::avx512::Requantize requantize(output.zero_point, output.lowest, output.highest);
    auto* codes = static_cast<std::uint8_t*>(output.data);
    constexpr __mmask16 kAll = 0xFFFF;
    Index i = 0;
    for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
      const __m512i bytes = requantize.bytes(values(i, kAll), values(i + kLanes, kAll), values(i + 2 * kLanes, kAll),
                                             values(i + 3 * kLanes, kAll));
      _mm512_storeu_si512(codes + i, bytes);
    }
    for (; i < count; i += kLanes) {
      const __mmask16 lanes = detail::avx512::first_lanes(count - i);
      _mm_mask_storeu_epi8(codes + i, lanes, requantize.bytes(values(i, lanes)));
    }
  }
};

}  // namespace condense::kernels

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
#endif
