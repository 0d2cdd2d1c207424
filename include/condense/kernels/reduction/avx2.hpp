#ifndef CONDENSE_KERNELS_REDUCTION_AVX2_HPP
#define CONDENSE_KERNELS_REDUCTION_AVX2_HPP

#if defined(__x86_64__)

#include <algorithm>
#include <cstring>

#include "condense/kernels/detail/avx2.hpp"
#include "condense/kernels/detail/rows.hpp"
#include "condense/kernels/reduction/detail/parts.hpp"

namespace condense::kernels {

/// Reductions, 32 floats at a time.
template <>
struct Reduction<simd::Avx2> {
  CONDENSE_TARGET_AVX2 static Extent extent(const float* values, Index count) noexcept {
    if (count == 0) return {};
    Bounds bounds{_mm256_set1_ps(values[0]), _mm256_set1_ps(values[0])};
    Index i = 0;
    for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
      bounds.widen(_mm256_loadu_ps(values + i), _mm256_loadu_ps(values + i + kLanes),
                   _mm256_loadu_ps(values + i + 2 * kLanes), _mm256_loadu_ps(values + i + 3 * kLanes));
    }
    for (; i < count; i += kLanes) {
      const __m256i lanes = detail::avx2::first_lanes(count - i);
      const __m256 rest = _mm256_maskload_ps(values + i, lanes);
      bounds.widen(_mm256_blendv_ps(_mm256_set1_ps(values[0]), rest, _mm256_castsi256_ps(lanes)));
    }
    float minima[kLanes];
    float maxima[kLanes];
    _mm256_storeu_ps(minima, bounds.min);
    _mm256_storeu_ps(maxima, bounds.max);
    for (Index l = 1; l < kLanes; ++l) {
      detail::widen(minima[0], maxima[0], minima[l]);
      detail::widen(minima[0], maxima[0], maxima[l]);
    }
    return detail::finished({minima[0], maxima[0]});
  }

  /// By four rows, so that the bounds are loaded and stored once for four. The last row may be taken more than once.
  CONDENSE_TARGET_AVX2 static void column_extents(const ReductionColumns& c, float* minima, float* maxima) noexcept {
    std::fill_n(minima, c.columns, Extent{}.min);
    std::fill_n(maxima, c.columns, Extent{}.max);
    for (Index row = 0; row < c.rows; row += 4) {
      const float* rows[4];
      detail::spread_rows(c.values + row * c.row_stride, c.row_stride, c.rows - row, rows);
      for (Index i = 0; i < c.columns; i += kLanes) {
        const Index lanes = c.columns - i;
        Bounds bounds{load(minima + i, lanes), load(maxima + i, lanes)};
        bounds.widen(load(rows[0] + i, lanes), load(rows[1] + i, lanes), load(rows[2] + i, lanes),
                     load(rows[3] + i, lanes));
        detail::avx2::store_floats(minima + i, bounds.min, lanes);
        detail::avx2::store_floats(maxima + i, bounds.max, lanes);
      }
    }
    detail::finish(c.columns, minima, maxima);
  }

  CONDENSE_TARGET_AVX2 static double sum(const float* values, Index count) noexcept {
    return sum_row<Values>(values, count);
  }
  CONDENSE_TARGET_AVX2 static double sum_of_absolutes(const float* values, Index count) noexcept {
    return sum_row<Absolutes>(values, count);
  }
  CONDENSE_TARGET_AVX2 static double sum_of_squares(const float* values, Index count) noexcept {
    return sum_row<Squares>(values, count);
  }
  CONDENSE_TARGET_AVX2 static void column_sums(const ReductionColumns& c, double* sums) noexcept {
    sum_columns<Values>(c, sums);
  }
  CONDENSE_TARGET_AVX2 static void column_sums_of_absolutes(const ReductionColumns& c, double* sums) noexcept {
    sum_columns<Absolutes>(c, sums);
  }
  CONDENSE_TARGET_AVX2 static void column_sums_of_squares(const ReductionColumns& c, double* sums) noexcept {
    sum_columns<Squares>(c, sums);
  }

  CONDENSE_TARGET_AVX2 static Index count_bins(const BinCounting& b) noexcept {
    return detail::count_by_blocks(b, [&](const float* values, Index count, std::int32_t* bins) CONDENSE_TARGET_AVX2 {
      Index found = 0;
      for (Index i = 0; i < count; i += kLanes) {
        const __m256 x = load(values + i, count - i);  // the zeros behind the last value are left out as well
        const int mask = _mm256_movemask_ps(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_NEQ_UQ));
        found += store_packed(bins + found, bins_of(_mm256_cvtps_pd(_mm256_castps256_ps128(x)), b), mask & 0xF);
        found += store_packed(bins + found, bins_of(_mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)), b), mask >> 4);
      }
      return found;
    });
  }

 private:
  static constexpr Index kLanes = 8;

  /// Extents of which `min` remembers a NaN: the minimum of a NaN and the bound is the bound, so that one which is all
  /// ones stays, and a comparison makes it so.
  struct Bounds {
    __m256 min;
    __m256 max;

    CONDENSE_TARGET_AVX2 void widen(__m256 a, __m256 b, __m256 c, __m256 d) noexcept {
      const __m256 nan = _mm256_or_ps(_mm256_cmp_ps(a, b, _CMP_UNORD_Q), _mm256_cmp_ps(c, d, _CMP_UNORD_Q));
      min = _mm256_or_ps(_mm256_min_ps(_mm256_min_ps(_mm256_min_ps(a, b), _mm256_min_ps(c, d)), min), nan);
      max = _mm256_max_ps(_mm256_max_ps(_mm256_max_ps(a, b), _mm256_max_ps(c, d)), max);
    }
    CONDENSE_TARGET_AVX2 void widen(__m256 a) noexcept {
      min = _mm256_or_ps(_mm256_min_ps(a, min), _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
      max = _mm256_max_ps(a, max);
    }
  };

  // Sums are of products with 1, which round as sums do: additions would wait for the conversions, which many
  // processors do where they add but not where they multiply. 60 against 100 GB/s from the first-level cache.
  struct Values {
    CONDENSE_TARGET_AVX2 static __m256d add(__m256d sum, __m256d x) noexcept {
      return _mm256_fmadd_pd(x, _mm256_set1_pd(1), sum);
    }
  };
  struct Absolutes {
    CONDENSE_TARGET_AVX2 static __m256d add(__m256d sum, __m256d x) noexcept {
      return Values::add(sum, _mm256_andnot_pd(_mm256_set1_pd(-0.0), x));
    }
  };
  struct Squares {
    CONDENSE_TARGET_AVX2 static __m256d add(__m256d sum, __m256d x) noexcept { return _mm256_fmadd_pd(x, x, sum); }
  };

  template <class Term>
  CONDENSE_TARGET_AVX2 static double sum_row(const float* values, Index count) noexcept {
    __m256d sums[8];
#pragma GCC unroll 8
    for (__m256d& part : sums) part = _mm256_setzero_pd();
    Index i = 0;
    for (; i + detail::kSumLanes <= count; i += detail::kSumLanes) add<Term>(sums, values + i);
    if (i < count) {
      float rest[detail::kSumLanes] = {};
      std::memcpy(rest, values + i, static_cast<std::size_t>(count - i) * sizeof(float));
      add<Term>(sums, rest);
    }
#pragma GCC unroll 4
    for (Index v = 0; v < 4; ++v) sums[v] = _mm256_add_pd(sums[v], sums[v + 4]);
    sums[0] = _mm256_add_pd(_mm256_add_pd(sums[0], sums[2]), _mm256_add_pd(sums[1], sums[3]));
    const __m128d pair = _mm_add_pd(_mm256_castpd256_pd128(sums[0]), _mm256_extractf128_pd(sums[0], 1));
    return _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)));
  }

  template <class Term>
  [[gnu::always_inline]] CONDENSE_TARGET_AVX2 static void add(__m256d (&sums)[8], const float* values) noexcept {
#pragma GCC unroll 8
    for (Index v = 0; v < 8; ++v) sums[v] = Term::add(sums[v], _mm256_cvtps_pd(_mm_loadu_ps(values + 4 * v)));
  }

  template <class Term>
  CONDENSE_TARGET_AVX2 static void sum_columns(const ReductionColumns& c, double* sums) noexcept {
    std::fill_n(sums, c.columns, 0.0);
    for (Index row = 0; row < c.rows; ++row) {
      const float* values = c.values + row * c.row_stride;
      Index i = 0;
      for (; i + 4 <= c.columns; i += 4) {
        const __m256d x = _mm256_cvtps_pd(_mm_loadu_ps(values + i));
        _mm256_storeu_pd(sums + i, Term::add(_mm256_loadu_pd(sums + i), x));
      }
      for (; i < c.columns; ++i) {
        const __m256d x = _mm256_set1_pd(static_cast<double>(values[i]));
        sums[i] = _mm256_cvtsd_f64(Term::add(_mm256_set1_pd(sums[i]), x));
      }
    }
  }

  CONDENSE_TARGET_AVX2 static __m128i bins_of(__m256d x, const BinCounting& b) noexcept {
    const __m256d first = _mm256_set1_pd(b.first);
    const __m256d last = _mm256_add_pd(first, _mm256_set1_pd(b.bins - 1));
    const __m256d position = _mm256_mul_pd(_mm256_sub_pd(x, _mm256_set1_pd(b.origin)), _mm256_set1_pd(b.inverse_width));
    const __m256d clamped = _mm256_min_pd(_mm256_max_pd(position, first), last);  // a NaN becomes `first`
    return _mm_sub_epi32(_mm256_cvttpd_epi32(_mm256_floor_pd(clamped)), _mm_set1_epi32(b.first));
  }

  /// Stores the integers of a mask one behind the other, something behind them, and returns how many there are.
  CONDENSE_TARGET_AVX2 static Index store_packed(std::int32_t* to, __m128i integers, int mask) noexcept {
    const auto* order = reinterpret_cast<const __m128i*>(detail::kPacking.bytes[mask]);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_shuffle_epi8(integers, _mm_loadu_si128(order)));
    return detail::kPacking.count[mask];
  }

  /// The first `lanes` values, zeros behind them; all 8 if there are more.
  CONDENSE_TARGET_AVX2 static __m256 load(const float* values, Index lanes) noexcept {
    return lanes >= kLanes ? _mm256_loadu_ps(values) : _mm256_maskload_ps(values, detail::avx2::first_lanes(lanes));
  }
};

}  // namespace condense::kernels

#endif
#endif
