#ifndef CONDENSE_KERNELS_REDUCTION_SCALAR_HPP
#define CONDENSE_KERNELS_REDUCTION_SCALAR_HPP

#include <algorithm>
#include <cmath>

#include "condense/kernels/reduction/detail/parts.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// The definition of the reductions.
template <>
struct Reduction<simd::Scalar> {
  static Extent extent(const float* values, Index count) noexcept {
    Extent result;
    for (Index i = 0; i < count; ++i) detail::widen(result.min, result.max, values[i]);
    return detail::finished(result);
  }

  static void column_extents(const ReductionColumns& c, float* minima, float* maxima) noexcept {
    std::fill_n(minima, c.columns, Extent{}.min);
    std::fill_n(maxima, c.columns, Extent{}.max);
    for (Index row = 0; row < c.rows; ++row) {
      const float* values = c.values + row * c.row_stride;
      for (Index i = 0; i < c.columns; ++i) detail::widen(minima[i], maxima[i], values[i]);
    }
    detail::finish(c.columns, minima, maxima);
  }

  static double sum(const float* values, Index count) noexcept { return sum_row(values, count, itself); }
  static double sum_of_absolutes(const float* values, Index count) noexcept { return sum_row(values, count, absolute); }
  static double sum_of_squares(const float* values, Index count) noexcept { return sum_row(values, count, square); }

  static void column_sums(const ReductionColumns& c, double* sums) noexcept { sum_columns(c, sums, itself); }
  static void column_sums_of_absolutes(const ReductionColumns& c, double* sums) noexcept {
    sum_columns(c, sums, absolute);
  }
  static void column_sums_of_squares(const ReductionColumns& c, double* sums) noexcept { sum_columns(c, sums, square); }

  static Index count_bins(const BinCounting& b) noexcept {
    const double first = b.first;
    const double last = first + b.bins - 1;
    return detail::count_by_blocks(b, [&](const float* values, Index count, std::int32_t* bins) {
      Index found = 0;
      for (Index i = 0; i < count; ++i) {
        double position = (static_cast<double>(values[i]) - b.origin) * b.inverse_width;
        position = position > first ? position : first;  // the same before the floor, because the ends are integers
        position = position < last ? position : last;
        const auto truncated = static_cast<std::int32_t>(position);
        bins[found] = truncated - (static_cast<double>(truncated) > position ? 1 : 0) - b.first;
        found += values[i] == 0 ? 0 : 1;
      }
      return found;
    });
  }

 private:
  static double itself(double value) noexcept { return value; }
  static double absolute(double value) noexcept { return std::abs(value); }
  static double square(double value) noexcept { return value * value; }

  template <class Term>
  static double sum_row(const float* values, Index count, const Term& term) noexcept {
    double sums[detail::kSumLanes] = {};
    Index first = 0;
    for (; first + detail::kSumLanes <= count; first += detail::kSumLanes) {
      for (Index l = 0; l < detail::kSumLanes; ++l) sums[l] += term(static_cast<double>(values[first + l]));
    }
    for (Index l = 0; l < count - first; ++l) sums[l] += term(static_cast<double>(values[first + l]));
    for (Index half = detail::kSumLanes / 2; half > 0; half /= 2) {
      for (Index l = 0; l < half; ++l) sums[l] += sums[l + half];
    }
    return sums[0];
  }

  template <class Term>
  static void sum_columns(const ReductionColumns& c, double* sums, const Term& term) noexcept {
    std::fill_n(sums, c.columns, 0.0);
    for (Index row = 0; row < c.rows; ++row) {
      const float* values = c.values + row * c.row_stride;
      for (Index i = 0; i < c.columns; ++i) sums[i] += term(static_cast<double>(values[i]));
    }
  }
};

}  // namespace condense::kernels

#endif
