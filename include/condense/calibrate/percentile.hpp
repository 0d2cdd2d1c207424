#ifndef CONDENSE_CALIBRATE_PERCENTILE_HPP
#define CONDENSE_CALIBRATE_PERCENTILE_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "condense/calibrate/histogram_observer.hpp"
#include "condense/core/error.hpp"

namespace condense::calibrate {

/// The value of a rank, 1 being the smallest and `histogram.count()` the largest, as the histogram knows it: the m-th
/// of the c values in a bin is put at the fraction (m - 1/2) / c of it. It lies in the bin of the exact value, so it is
/// off by less than one bin width; the smallest, the largest and 0 are exact. Monotone in the rank.
inline float order_statistic(const Histogram& histogram, std::uint64_t rank) {
  require(rank >= 1 && rank <= histogram.count(), "there is no value of rank {} among {}", rank, histogram.count());
  const quantize::Range extent = histogram.extent();
  if (rank == 1) return extent.min;
  if (rank == histogram.count()) return extent.max;
  std::uint64_t below = 0;
  bool zeros_passed = false;
  float found = 0;
  histogram.for_each_bin([&](const Histogram::Bin& bin) {
    if (below >= rank) return;
    if (!zeros_passed && bin.lower >= 0) {
      zeros_passed = true;
      below += histogram.zeros();
      if (below >= rank) return;  // one of the zeros
    }
    if (below + bin.count >= rank) {
      const double fraction = (static_cast<double>(rank - below) - 0.5) / static_cast<double>(bin.count);
      found = static_cast<float>(bin.lower + fraction * (bin.upper - bin.lower));
    }
    below += bin.count;
  });
  return found;
}

/// Leaves out a fixed share of the values at each end. Of n values floor(n * lower / 100) are cut at the lower end and
/// floor(n * (100 - upper) / 100) at the upper, and the range spans the rest, each bound within one bin width of the
/// exact order statistic. At 0 and 100 it is min-max.
///
/// H. Wu, P. Judd, X. Zhang, M. Isaev, P. Micikevicius, "Integer quantization for deep learning inference: principles
/// and empirical evaluation", 2020, section 3.3.
struct Percentile {
  double lower = 0.001;   ///< In [0, upper).
  double upper = 99.999;  ///< In (lower, 100].

  /// The same share at both ends: [100 - p, p], p in (50, 100].
  static Percentile two_sided(double p) {
    require(p > 50 && p <= 100, "a two-sided percentile is in (50, 100], not {}", p);
    return {100 - p, p};
  }

  void validate(Index) const {
    require(lower >= 0 && lower < upper && upper <= 100, "percentiles satisfy 0 <= lower < upper <= 100, not {} and {}",
            lower, upper);
  }

  /// One pass over the bins for each end.
  quantize::Range range(const Histogram& histogram) const {
    const std::uint64_t count = histogram.count();
    const std::uint64_t from = 1 + values_in(lower, count);
    const std::uint64_t to = count - values_in(100 - upper, count);
    return {order_statistic(histogram, std::min(from, count)), order_statistic(histogram, std::max(from, to))};
  }

  friend bool operator==(const Percentile&, const Percentile&) = default;

 private:
  /// The half unit added undoes the rounding of decimals such as 100 - 99.9, which is a little less than 0.1.
  static std::uint64_t values_in(double percent, std::uint64_t count) noexcept {
    const double values = std::floor((percent / 100 + 0x1p-53) * static_cast<double>(count));
    return std::min(static_cast<std::uint64_t>(values), count - 1);
  }
};

using PercentileObserver = HistogramObserver<Percentile>;

}  // namespace condense::calibrate

#endif
