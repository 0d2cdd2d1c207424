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
      for (Index i = 0; i < s.columns; i += kLanes) {
        const Index lanes = s.columns - i;
        detail::avx2::store_floats(out + i, exponential(_mm256_sub_ps(load(in + i, lanes), largest)), lanes);
      }
      const __m256 factor = _mm256_set1_ps(static_cast<float>(1 / Sums::sum(out, s.columns)));
      for (Index i = 0; i < s.columns; i += kLanes) {
        const Index lanes = s.columns - i;
        detail::avx2::store_floats(out + i, _mm256_mul_ps(load(out + i, lanes), factor), lanes);
      }
    }
  }

  CONDENSE_TARGET_AVX2 static void layer_normalization(const LayerNormalizationArguments& n) noexcept {
    const auto columns = static_cast<double>(n.columns);
    for (Index row = 0; row < n.rows; ++row) {
      const float* in = n.input + row * n.input_stride;
      float* out = n.output + row * n.output_stride;
      const __m256 mean = _mm256_set1_ps(static_cast<float>(Sums::sum(in, n.columns) / columns));
      for (Index i = 0; i < n.columns; i += kLanes) {
        const Index lanes = n.columns - i;
        detail::avx2::store_floats(out + i, _mm256_sub_ps(load(in + i, lanes), mean), lanes);
      }
      const double variance = Sums::sum_of_squares(out, n.columns) / columns;
      const __m256 factor =
          _mm256_set1_ps(static_cast<float>(1 / std::sqrt(variance + static_cast<double>(n.epsilon))));
      for (Index i = 0; i < n.columns; i += kLanes) {
        const Index lanes = n.columns - i;
        const __m256 scale = n.scale != nullptr ? load(n.scale + i, lanes) : _mm256_set1_ps(1);
        const __m256 bias = n.bias != nullptr ? load(n.bias + i, lanes) : _mm256_setzero_ps();
        const __m256 value = _mm256_fmadd_ps(_mm256_mul_ps(load(out + i, lanes), factor), scale, bias);
        detail::avx2::store_floats(out + i, value, lanes);
      }
    }
  }

 private:
  using Sums = Reduction<simd::Avx2>;
  static constexpr Index kLanes = 8;
  static constexpr float kNothing = -std::numeric_limits<float>::infinity();

  /// `detail::exponential::of`.
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
    for (; i < count; i += kLanes) {
      const __m256 lanes = _mm256_castsi256_ps(detail::avx2::first_lanes(count - i));
      largest[0] =
          _mm256_max_ps(_mm256_blendv_ps(_mm256_set1_ps(kNothing), load(values + i, count - i), lanes), largest[0]);
    }
    float lanes[kLanes];
    _mm256_storeu_ps(lanes,
                     _mm256_max_ps(_mm256_max_ps(largest[0], largest[1]), _mm256_max_ps(largest[2], largest[3])));
    return *std::max_element(lanes, lanes + kLanes);
  }

  /// The first `lanes` values, zeros behind them; all 8 if there are more.
  CONDENSE_TARGET_AVX2 static __m256 load(const float* values, Index lanes) noexcept {
    return lanes >= kLanes ? _mm256_loadu_ps(values) : _mm256_maskload_ps(values, detail::avx2::first_lanes(lanes));
  }
};

}  // namespace condense::kernels

#endif
#endif
