#ifndef CONDENSE_KERNELS_REDUCTION_REDUCTION_HPP
#define CONDENSE_KERNELS_REDUCTION_REDUCTION_HPP

#include <limits>

#include "condense/kernels/operands.hpp"

namespace condense::kernels {

/// The smallest and the largest of some floats: two quiet NaNs if one of the floats is a NaN, +infinity and -infinity
/// if there are none. A zero is +0.
struct Extent {
  float min = std::numeric_limits<float>::infinity();
  float max = -std::numeric_limits<float>::infinity();
};

/// A matrix (rows x columns) whose columns are reduced one by one: channels that lie last.
struct ReductionColumns {
  const float* values = nullptr;
  Index rows = 0;
  Index columns = 0;
  Index row_stride = 0;
};

/// Values to be counted in `bins` equal bins, but for those that are 0: after ReLU or padding they are the most
/// frequent ones, and to increase one count again and again takes twice as long as to increase many. The bin of x is
///
///   clamp(floor((double(x) - origin) * inverse_width), first, first + bins - 1) - first
///
/// and that of a NaN 0. Difference and product are each rounded to double, and no product is added to anything, so that
/// no compiler makes one operation of two. Where the origin is 0 and the inverse width a power of two nothing is
/// rounded: the bins of `calibrate::Histogram`. Where the origin is the first edge, `first` is 0.
struct BinCounting {
  const float* values = nullptr;
  Index count = 0;
  double origin = 0;
  double inverse_width = 1;
  std::int32_t first = 0;           ///< first + bins - 1 fits int32.
  std::int32_t bins = 1;            ///< 1 or more.
  std::uint64_t* counts = nullptr;  ///< (bins): added to.
};

/// Statistics of floats, for calibrators and pruners, for the instruction set `Isa`. All are the same bit for bit on
/// every backend.
///
///   static Extent extent(const float* values, Index count) noexcept;
///   static void column_extents(const ReductionColumns&, float* minima, float* maxima) noexcept;
///   static double sum(const float* values, Index count) noexcept;
///   static double sum_of_absolutes(const float* values, Index count) noexcept;
///   static double sum_of_squares(const float* values, Index count) noexcept;
///   static void column_sums(const ReductionColumns&, double* sums) noexcept;
///   static void column_sums_of_absolutes(const ReductionColumns&, double* sums) noexcept;
///   static void column_sums_of_squares(const ReductionColumns&, double* sums) noexcept;
///   static Index count_bins(const BinCounting&) noexcept;
///
/// In double the square of a float is exact, so that only sums are rounded, whether or not they are contracted with the
/// squares. Of a row, partial sum l takes the elements l, l + 32, l + 64, ... in turn, l in [0, 32); then the upper
/// half of the sums is added to the lower half, of 16 sums, of 8, and so on. A column is summed up from the first row
/// to the last. The error is below 2^-53 of the sum of the magnitudes for each addition that an element goes through. A
/// sum over a NaN is a NaN.
///
/// `count_bins` returns how many values are 0, and so in no bin.
template <class Isa>
struct Reduction;

/// A backend's statistics, chosen at run time.
struct ReductionKernel {
  Extent (*extent)(const float*, Index) noexcept;
  void (*column_extents)(const ReductionColumns&, float*, float*) noexcept;
  double (*sum)(const float*, Index) noexcept;
  double (*sum_of_absolutes)(const float*, Index) noexcept;
  double (*sum_of_squares)(const float*, Index) noexcept;
  void (*column_sums)(const ReductionColumns&, double*) noexcept;
  void (*column_sums_of_absolutes)(const ReductionColumns&, double*) noexcept;
  void (*column_sums_of_squares)(const ReductionColumns&, double*) noexcept;
  Index (*count_bins)(const BinCounting&) noexcept;

  template <class Isa>
  static constexpr ReductionKernel of() noexcept {
    return {&Reduction<Isa>::extent,
            &Reduction<Isa>::column_extents,
            &Reduction<Isa>::sum,
            &Reduction<Isa>::sum_of_absolutes,
            &Reduction<Isa>::sum_of_squares,
            &Reduction<Isa>::column_sums,
            &Reduction<Isa>::column_sums_of_absolutes,
            &Reduction<Isa>::column_sums_of_squares,
            &Reduction<Isa>::count_bins};
  }
};

}  // namespace condense::kernels

#endif
