#ifndef CONDENSE_KERNELS_REDUCTION_NEON_HPP
#define CONDENSE_KERNELS_REDUCTION_NEON_HPP

#if defined(__aarch64__)

#include <algorithm>
#include <cstring>

#include "condense/kernels/detail/neon.hpp"
#include "condense/kernels/detail/rows.hpp"
#include "condense/kernels/reduction/detail/parts.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// Reductions, 16 or 32 floats at a time. The minimum and the maximum of a NaN and a number is a NaN here.
template <>
struct Reduction<simd::Neon> {
  static Extent extent(const float* values, Index count) noexcept {
    if (count == 0) return {};
    float32x4_t min = vdupq_n_f32(values[0]);
    float32x4_t max = min;
    Index i = 0;
    for (; i + 16 <= count; i += 16) {
      const detail::neon::Floats x = detail::neon::load_floats(values + i, 16);
      min = vminq_f32(min, vminq_f32(vminq_f32(x.part[0], x.part[1]), vminq_f32(x.part[2], x.part[3])));
      max = vmaxq_f32(max, vmaxq_f32(vmaxq_f32(x.part[0], x.part[1]), vmaxq_f32(x.part[2], x.part[3])));
    }
    for (; i < count; ++i) {
      min = vminq_f32(min, vdupq_n_f32(values[i]));
      max = vmaxq_f32(max, vdupq_n_f32(values[i]));
    }
    return detail::finished({vminvq_f32(min), vmaxvq_f32(max)});
  }

  /// By four rows, so that the bounds are loaded and stored once for four. The last row may be taken more than once.
  static void column_extents(const ReductionColumns& c, float* minima, float* maxima) noexcept {
    std::fill_n(minima, c.columns, Extent{}.min);
    std::fill_n(maxima, c.columns, Extent{}.max);
    for (Index row = 0; row < c.rows; row += 4) {
      const float* rows[4];
      detail::spread_rows(c.values + row * c.row_stride, c.row_stride, c.rows - row, rows);
      detail::neon::for_vectors(c.columns, [&](Index first, auto lanes) {
        detail::neon::Floats min = detail::neon::load_floats(minima + first, lanes);
        detail::neon::Floats max = detail::neon::load_floats(maxima + first, lanes);
#pragma GCC unroll 4
        for (const float* values : rows) {
          const detail::neon::Floats x = detail::neon::load_floats(values + first, lanes);
#pragma GCC unroll 4
          for (Index p = 0; p < 4; ++p) {
            min.part[p] = vminq_f32(min.part[p], x.part[p]);
            max.part[p] = vmaxq_f32(max.part[p], x.part[p]);
          }
        }
        detail::neon::store_floats(minima + first, min, lanes);
        detail::neon::store_floats(maxima + first, max, lanes);
      });
    }
    detail::finish(c.columns, minima, maxima);
  }

  static double sum(const float* values, Index count) noexcept { return sum_row<Values>(values, count); }
  static double sum_of_absolutes(const float* values, Index count) noexcept {
    return sum_row<Absolutes>(values, count);
  }
  static double sum_of_squares(const float* values, Index count) noexcept { return sum_row<Squares>(values, count); }
  static void column_sums(const ReductionColumns& c, double* sums) noexcept { sum_columns<Values>(c, sums); }
  static void column_sums_of_absolutes(const ReductionColumns& c, double* sums) noexcept {
    sum_columns<Absolutes>(c, sums);
  }
  static void column_sums_of_squares(const ReductionColumns& c, double* sums) noexcept {
    sum_columns<Squares>(c, sums);
  }

  static Index count_bins(const BinCounting& b) noexcept {
    return detail::count_by_blocks(b, [&](const float* values, Index count, std::int32_t* bins) {
      Index found = 0;
      for (Index i = 0; i < count; i += 16) {
        const detail::neon::Floats x = detail::neon::load_floats(values + i, count - i);
#pragma GCC unroll 4
        for (const float32x4_t& v : x.part) {
          const int32x2_t low = bins_of(vcvt_f64_f32(vget_low_f32(v)), b);
          const int32x2_t high = bins_of(vcvt_high_f64_f32(v), b);
          found += store_packed(bins + found, vcombine_s32(low, high), vmvnq_u32(vceqzq_f32(v)));
        }
      }
      return found;  // without the zeros that were loaded behind the last value
    });
  }

 private:
  struct Values {
    static float64x2_t add(float64x2_t sum, float64x2_t x) noexcept { return vaddq_f64(sum, x); }
  };
  struct Absolutes {
    static float64x2_t add(float64x2_t sum, float64x2_t x) noexcept { return vaddq_f64(sum, vabsq_f64(x)); }
  };
  struct Squares {
    static float64x2_t add(float64x2_t sum, float64x2_t x) noexcept { return vfmaq_f64(sum, x, x); }
  };

  template <class Term>
  static double sum_row(const float* values, Index count) noexcept {
    float64x2_t sums[16];
#pragma GCC unroll 16
    for (float64x2_t& part : sums) part = vdupq_n_f64(0);
    Index i = 0;
    for (; i + detail::kSumLanes <= count; i += detail::kSumLanes) add<Term>(sums, values + i);
    if (i < count) {
      float rest[detail::kSumLanes] = {};
      std::memcpy(rest, values + i, static_cast<std::size_t>(count - i) * sizeof(float));
      add<Term>(sums, rest);
    }
#pragma GCC unroll 4
    for (Index half = 8; half > 0; half /= 2) {
#pragma GCC unroll 8
      for (Index v = 0; v < half; ++v) sums[v] = vaddq_f64(sums[v], sums[v + half]);
    }
    return vaddvq_f64(sums[0]);
  }

  template <class Term>
  [[gnu::always_inline]] static void add(float64x2_t (&sums)[16], const float* values) noexcept {
#pragma GCC unroll 8
    for (Index v = 0; v < 8; ++v) {
      const float32x4_t x = vld1q_f32(values + 4 * v);
      sums[2 * v] = Term::add(sums[2 * v], vcvt_f64_f32(vget_low_f32(x)));
      sums[2 * v + 1] = Term::add(sums[2 * v + 1], vcvt_high_f64_f32(x));
    }
  }

  template <class Term>
  static void sum_columns(const ReductionColumns& c, double* sums) noexcept {
    std::fill_n(sums, c.columns, 0.0);
    for (Index row = 0; row < c.rows; ++row) {
      const float* values = c.values + row * c.row_stride;
      Index i = 0;
      for (; i + 4 <= c.columns; i += 4) {
        const float32x4_t x = vld1q_f32(values + i);
        vst1q_f64(sums + i, Term::add(vld1q_f64(sums + i), vcvt_f64_f32(vget_low_f32(x))));
        vst1q_f64(sums + i + 2, Term::add(vld1q_f64(sums + i + 2), vcvt_high_f64_f32(x)));
      }
      for (; i < c.columns; ++i) {
        const float64x2_t x = vdupq_n_f64(static_cast<double>(values[i]));
        sums[i] = vgetq_lane_f64(Term::add(vdupq_n_f64(sums[i]), x), 0);
      }
    }
  }

  static int32x2_t bins_of(float64x2_t x, const BinCounting& b) noexcept {
    const double first = b.first;
    const float64x2_t position = vmulq_n_f64(vsubq_f64(x, vdupq_n_f64(b.origin)), b.inverse_width);
    // Of a NaN and a number this maximum is the number.
    const float64x2_t clamped = vminq_f64(vmaxnmq_f64(position, vdupq_n_f64(first)), vdupq_n_f64(first + b.bins - 1));
    return vsub_s32(vmovn_s64(vcvtmq_s64_f64(clamped)), vdup_n_s32(b.first));
  }

  /// Stores the integers of a mask one behind the other, something behind them, and returns how many there are.
  static Index store_packed(std::int32_t* to, int32x4_t integers, uint32x4_t mask) noexcept {
    constexpr std::uint32_t kBits[] = {1, 2, 4, 8};
    const std::uint32_t which = vaddvq_u32(vandq_u32(mask, vld1q_u32(kBits)));
    const uint8x16_t packed = vqtbl1q_u8(vreinterpretq_u8_s32(integers), vld1q_u8(detail::kPacking.bytes[which]));
    vst1q_s32(to, vreinterpretq_s32_u8(packed));
    return detail::kPacking.count[which];
  }
};

}  // namespace condense::kernels

#endif
#endif
