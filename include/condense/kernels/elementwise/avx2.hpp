#ifndef CONDENSE_KERNELS_ELEMENTWISE_AVX2_HPP
#define CONDENSE_KERNELS_ELEMENTWISE_AVX2_HPP

#if defined(__x86_64__)

#include <algorithm>

#include "condense/kernels/detail/avx2.hpp"
#include "condense/kernels/elementwise/elementwise.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// Elementwise kernels, 32 codes at a time.
template <>
struct Elementwise<simd::Avx2> {
  CONDENSE_TARGET_AVX2 static void add(const AddArguments& arguments) noexcept {
    const Differences a(arguments.a);
    const Differences b(arguments.b);
    const __m256 a_multiplier = _mm256_set1_ps(arguments.a_multiplier);
    const __m256 b_multiplier = _mm256_set1_ps(arguments.b_multiplier);
    store(arguments.output, arguments.count, [&](Index first, Index lanes) CONDENSE_TARGET_AVX2 {
      const __m256 product = _mm256_mul_ps(b.floats(first, lanes), b_multiplier);
      return _mm256_fmadd_ps(a.floats(first, lanes), a_multiplier, product);  // both products are exact
    });
  }

  CONDENSE_TARGET_AVX2 static void multiply(const MultiplyArguments& arguments) noexcept {
    const Differences a(arguments.a);
    const Differences b(arguments.b);
    const __m256 multiplier = _mm256_set1_ps(arguments.multiplier);
    store(arguments.output, arguments.count, [&](Index first, Index lanes) CONDENSE_TARGET_AVX2 {
      // Differences have 9 bits, so that their product is exact in floats.
      return _mm256_mul_ps(_mm256_mul_ps(a.floats(first, lanes), b.floats(first, lanes)), multiplier);
    });
  }

  /// The table is taken in 16 rows of 16 bytes. VPSHUFB gives 0 for a negative index and otherwise looks at the low 4
  /// bits only: with rows that hold the difference (exclusive or) to the row before, all rows up to the wanted one add
  /// up to it. Codes from 128 on, negative until their highest bit is flipped, have a sum of their own.
  CONDENSE_TARGET_AVX2 static void lookup(const std::uint8_t* input, const std::uint8_t* table, Index count,
                                          std::uint8_t* output) noexcept {
    __m256i rows[16];
    for (Index row = 0; row < 16; ++row) rows[row] = table_row(table, row);
    for (Index row = 15; row > 0; --row) {
      if (row != 8) rows[row] = _mm256_xor_si256(rows[row], rows[row - 1]);
    }
    Index i = 0;
    for (; i + 64 <= count; i += 64) {
      __m256i codes[2] = {load(input + i), load(input + i + 32)};
      look_up<2>(rows, codes);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(output + i), codes[0]);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(output + i + 32), codes[1]);
    }
    for (; i < count; ++i) output[i] = table[input[i]];
  }

  CONDENSE_TARGET_AVX2 static void quantize(const float* input, float scale, const CodeOutput& output,
                                            Index count) noexcept {
    const __m256 divisor = _mm256_set1_ps(scale);
    store(output, count, [&](Index first, Index lanes) CONDENSE_TARGET_AVX2 {
      return _mm256_div_ps(load_floats(input + first, lanes), divisor);
    });
  }

  CONDENSE_TARGET_AVX2 static void dequantize(const Codes& input, float scale, Index count, float* output) noexcept {
    const Differences codes(input);
    const __m256 multiplier = _mm256_set1_ps(scale);
    Index i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      _mm256_storeu_ps(output + i, _mm256_mul_ps(codes.floats(i, kLanes), multiplier));
    }
    if (i < count) {
      const __m256 values = _mm256_mul_ps(codes.floats(i, count - i), multiplier);
      _mm256_maskstore_ps(output + i, detail::avx2::first_lanes(count - i), values);
    }
  }

  CONDENSE_TARGET_AVX2 static void requantize(const Codes& input, float multiplier, const CodeOutput& output,
                                              Index count) noexcept {
    const Differences codes(input);
    const __m256 factor = _mm256_set1_ps(multiplier);
    store(output, count, [&](Index first, Index lanes) CONDENSE_TARGET_AVX2 {
      return _mm256_mul_ps(codes.floats(first, lanes), factor);
    });
  }

  static void quantize_rows(const QuantizeRowsArguments& arguments) noexcept {
    detail::quantize_rows(arguments, &with_zero, &quantize);
  }

 private:
  static constexpr Index kLanes = 8;

  /// The differences of codes to their zero point. Signed codes are made unsigned, and so is their zero point, which
  /// leaves the differences as they were.
  struct Differences {
    const std::uint8_t* data;
    __m128i flip;
    __m256i zero_point;

    CONDENSE_TARGET_AVX2 explicit Differences(const Codes& codes) noexcept
        : data(static_cast<const std::uint8_t*>(codes.data)),
          flip(_mm_set1_epi8(codes.type == ElementType::int8 ? -128 : 0)),
          zero_point(_mm256_set1_epi32(codes.zero_point + (codes.type == ElementType::int8 ? 128 : 0))) {}

    CONDENSE_TARGET_AVX2 __m256 floats(Index first, Index lanes) const noexcept {
      const __m128i codes = _mm_xor_si128(detail::avx2::load_bytes(data + first, lanes), flip);
      return _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_cvtepu8_epi32(codes), zero_point));
    }
  };

  /// Rounds `count` values to codes. `values(first, lanes)` has those from `first` on, 8 or the `lanes` that are left.
  template <class Values>
  CONDENSE_TARGET_AVX2 static void store(const CodeOutput& output, Index count, const Values& values) noexcept {
    const detail::avx2::Requantize requantize(output.zero_point, output.lowest, output.highest);
    auto* codes = static_cast<std::uint8_t*>(output.data);
    Index i = 0;
    for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
      const __m256i bytes = requantize.bytes(values(i, kLanes), values(i + kLanes, kLanes),
                                             values(i + 2 * kLanes, kLanes), values(i + 3 * kLanes, kLanes));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i), bytes);
    }
    for (; i < count; i += kLanes) {
      detail::avx2::store_bytes(codes + i, requantize.bytes(values(i, count - i)), count - i);
    }
  }

  /// The operands stand so that a NaN is left out. The zeros behind the last value change nothing.
  CONDENSE_TARGET_AVX2 static void with_zero(const float* values, Index count, float& min, float& max) noexcept {
    __m256 smallest[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    __m256 largest[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (Index i = 0; i < count; i += 2 * kLanes) {
      const __m256 front = load_floats(values + i, count - i);
      const __m256 back = count - i > kLanes ? load_floats(values + i + kLanes, count - i - kLanes) : front;
      smallest[0] = _mm256_min_ps(front, smallest[0]);
      smallest[1] = _mm256_min_ps(back, smallest[1]);
      largest[0] = _mm256_max_ps(front, largest[0]);
      largest[1] = _mm256_max_ps(back, largest[1]);
    }
    float minima[kLanes];
    float maxima[kLanes];
    _mm256_storeu_ps(minima, _mm256_min_ps(smallest[0], smallest[1]));
    _mm256_storeu_ps(maxima, _mm256_max_ps(largest[0], largest[1]));
    min = *std::min_element(minima, minima + kLanes);
    max = *std::max_element(maxima, maxima + kLanes);
  }

  /// The first `lanes` values, zeros behind them; all 8 if there are more.
  CONDENSE_TARGET_AVX2 static __m256 load_floats(const float* data, Index lanes) noexcept {
    return lanes >= kLanes ? _mm256_loadu_ps(data) : _mm256_maskload_ps(data, detail::avx2::first_lanes(lanes));
  }

  CONDENSE_TARGET_AVX2 static __m256i load(const std::uint8_t* data) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data));
  }

  CONDENSE_TARGET_AVX2 static __m256i table_row(const std::uint8_t* table, Index row) noexcept {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table + 16 * row)));
  }

  /// Replaces codes by what the table has for them. Indices saturate at -128, so that a negative one stays negative.
  template <unsigned kVectors>
  CONDENSE_TARGET_AVX2 static void look_up(const __m256i* rows, __m256i* codes) noexcept {
    const __m256i row = _mm256_set1_epi8(16);
    __m256i low[kVectors];
    __m256i high[kVectors];
#pragma GCC unroll 4
    for (unsigned v = 0; v < kVectors; ++v) {
      low[v] = codes[v];
      high[v] = _mm256_xor_si256(codes[v], _mm256_set1_epi8(-128));
      codes[v] = _mm256_xor_si256(_mm256_shuffle_epi8(rows[0], low[v]), _mm256_shuffle_epi8(rows[8], high[v]));
    }
#pragma GCC unroll 8
    for (Index r = 1; r < 8; ++r) {
#pragma GCC unroll 4
      for (unsigned v = 0; v < kVectors; ++v) {
        low[v] = _mm256_subs_epi8(low[v], row);
        high[v] = _mm256_subs_epi8(high[v], row);
        codes[v] = _mm256_xor_si256(codes[v], _mm256_shuffle_epi8(rows[r], low[v]));
        codes[v] = _mm256_xor_si256(codes[v], _mm256_shuffle_epi8(rows[8 + r], high[v]));
      }
    }
  }
};

}  // namespace condense::kernels

#endif
#endif
