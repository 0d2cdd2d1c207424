#ifndef CONDENSE_KERNELS_NORMALIZATION_AVX2_HPP
#define CONDENSE_KERNELS_NORMALIZATION_AVX2_HPP

#if defined(__x86_64__)

#include <algorithm>
#include <cmath>
#include <limits>

#include "condense/kernels/detail/avx2.hpp"
#include "condense/kernels/normalization/detail/exponential.hpp"
#include "condense/kernels/normalization/normalization.hpp"
#include "condense/kernels/reduction/avx2.hpp"

namespace condense::kernels {

/// Normalisation of 8 floats at a time.
template <>
struct Normalization<simd::Avx2> {
  CONDENSE_TARGET_AVX2 static void softmax(const SoftmaxArguments& s) noexcept {
    for (Index row = 0; row < s.rows; ++row) {
      const float* in = s.input + row * s.input_stride;
      float* out = s.output + row * s.output_stride;
      const __m256 largest = _mm256_set1_ps(maximum(in, s.columns));
      const double total = sum(s.columns, [&](Index i, Index lanes) CONDENSE_TARGET_AVX2 {
        const __m256 power = exponential(_mm256_sub_ps(load(in + i, lanes, kNothing), largest));
        detail::avx2::store_floats(out + i, power, lanes);
        return power;
      });
      const __m256 factor = _mm256_set1_ps(static_cast<float>(1 / total));
      for (Index i = 0; i < s.columns; i += kLanes) {
        const Index lanes = s.columns - i;
        detail::avx2::store_floats(out + i, _mm256_mul_ps(load(out + i, lanes, 0), factor), lanes);
      }
    }
  }

  CONDENSE_TARGET_AVX2 static void layer_normalization(const LayerNormalizationArguments& n) noexcept {
    const auto columns = static_cast<double>(n.columns);
    for (Index row = 0; row < n.rows; ++row) {
      const float* in = n.input + row * n.input_stride;
      float* out = n.output + row * n.output_stride;
      const auto mean = static_cast<float>(Reduction<simd::Avx2>::sum(in, n.columns) / columns);
      const __m256 means = _mm256_set1_ps(mean);
      const double squares = sum(n.columns, [&](Index i, Index lanes) CONDENSE_TARGET_AVX2 {
        const __m256 difference = _mm256_sub_ps(load(in + i, lanes, mean), means);
        return _mm256_mul_ps(difference, difference);
      });
      const double deviation = std::sqrt(squares / columns + static_cast<double>(n.epsilon));
      const __m256 factor = _mm256_set1_ps(static_cast<float>(1 / deviation));
      for (Index i = 0; i < n.columns; i += kLanes) {
        const Index lanes = n.columns - i;
        __m256 value = _mm256_mul_ps(_mm256_sub_ps(load(in + i, lanes, 0), means), factor);
        if (n.scale != nullptr) value = _mm256_mul_ps(value, load(n.scale + i, lanes, 0));
        if (n.bias != nullptr) value = _mm256_add_ps(value, load(n.bias + i, lanes, 0));
        detail::avx2::store_floats(out + i, value, lanes);
      }
    }
  }

 private:
  static constexpr Index kLanes = 8;
  static constexpr float kNothing = -std::numeric_limits<float>::infinity();

  /// exp(x) for x <= 0, within 1.01 units in the last place; 0 where it is below 2^-126.5. A NaN stays one.
  CONDENSE_TARGET_AVX2 static __m256 exponential(__m256 x) noexcept {
    namespace e = detail::exponential;
    x = _mm256_max_ps(_mm256_set1_ps(e::kLowest), x);  // a NaN as the second operand is the result
    const __m256i n = _mm256_cvtps_epi32(_mm256_mul_ps(x, _mm256_set1_ps(e::kInverseLn2)));
    const __m256 whole = _mm256_cvtepi32_ps(n);
    __m256 r = _mm256_fnmadd_ps(whole, _mm256_set1_ps(e::kLn2), x);
    r = _mm256_fnmadd_ps(whole, _mm256_set1_ps(e::kLn2Rest), r);
    __m256 p = _mm256_set1_ps(e::kCoefficients[4]);
#pragma GCC unroll 4
    for (int i = 3; i >= 0; --i) p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(e::kCoefficients[i]));
    p = _mm256_add_ps(_mm256_set1_ps(1), _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r));
    const __m256i exponent = _mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(p, _mm256_castsi256_ps(exponent));
  }

  /// The largest number of a row, NaNs left out; -infinity if there is none.
  CONDENSE_TARGET_AVX2 static float maximum(const float* values, Index count) noexcept {
    __m256 largest[4];
#pragma GCC unroll 4
    for (__m256& part : largest) part = _mm256_set1_ps(kNothing);
    Index i = 0;
    for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
#pragma GCC unroll 4
      for (Index v = 0; v < 4; ++v) largest[v] = _mm256_max_ps(_mm256_loadu_ps(values + i + v * kLanes), largest[v]);
    }
    for (; i < count; i += kLanes) largest[0] = _mm256_max_ps(load(values + i, count - i, kNothing), largest[0]);
    float lanes[kLanes];
    _mm256_storeu_ps(lanes,
                     _mm256_max_ps(_mm256_max_ps(largest[0], largest[1]), _mm256_max_ps(largest[2], largest[3])));
    return *std::max_element(lanes, lanes + kLanes);
  }

  /// The sum of `term(i, lanes)` for the vectors of a row, with nothing in the lanes that are not in it.
  template <class Term>
  CONDENSE_TARGET_AVX2 static double sum(Index count, const Term& term) noexcept {
    constexpr Index kBlock = 1024;  // so that a lane of floats sums up 32 terms
    double total = 0;
    for (Index begin = 0; begin < count; begin += kBlock) {
      const Index end = std::min(begin + kBlock, count);
      __m256 sums[4];
#pragma GCC unroll 4
      for (__m256& part : sums) part = _mm256_setzero_ps();
      Index i = begin;
      for (; i + 4 * kLanes <= end; i += 4 * kLanes) {
#pragma GCC unroll 4
        for (Index v = 0; v < 4; ++v) sums[v] = _mm256_add_ps(sums[v], term(i + v * kLanes, kLanes));
      }
      for (; i < end; i += kLanes) sums[0] = _mm256_add_ps(sums[0], term(i, end - i));
      const __m256 eights = _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3]));
      const __m256d fours = _mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(eights)),
                                          _mm256_cvtps_pd(_mm256_extractf128_ps(eights, 1)));
      const __m128d pair = _mm_add_pd(_mm256_castpd256_pd128(fours), _mm256_extractf128_pd(fours, 1));
      total += _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)));
    }
    return total;
  }

  /// The first `lanes` values, `filling` behind them; all 8 if there are more.
  CONDENSE_TARGET_AVX2 static __m256 load(const float* values, Index lanes, float filling) noexcept {
    if (lanes >= kLanes) return _mm256_loadu_ps(values);
    const __m256i mask = detail::avx2::first_lanes(lanes);
    return _mm256_blendv_ps(_mm256_set1_ps(filling), _mm256_maskload_ps(values, mask), _mm256_castsi256_ps(mask));
  }
};

}  // namespace condense::kernels

#endif
#endif
