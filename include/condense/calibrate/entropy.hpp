#ifndef CONDENSE_CALIBRATE_ENTROPY_HPP
#define CONDENSE_CALIBRATE_ENTROPY_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "condense/calibrate/histogram_observer.hpp"
#include "condense/calibrate/target.hpp"

namespace condense::calibrate {

namespace detail {

/// Kullback-Leibler divergences of clipped and quantised windows of one histogram, each in O(levels) by prefix sums.
class ClippedDivergence {
 public:
  /// `folded` joins the bins i and -1 - i, so that windows are of magnitudes.
  ClippedDivergence(const Histogram& histogram, bool folded) {
    const std::int64_t first = histogram.first_bin();
    const std::int64_t last = histogram.last_bin();
    first_ = !folded || first >= 0 ? first : last < 0 ? -1 - last : 0;
    last_ = !folded || first >= 0 ? last : std::max(last, -1 - first);
    const auto size = static_cast<std::size_t>(last_ - first_ + 1);
    counts_.resize(size);
    for (std::int64_t i = first; i <= last; ++i) {
      const std::int64_t bin = folded && i < 0 ? -1 - i : i;
      counts_[static_cast<std::size_t>(bin - first_)] += histogram[static_cast<std::int32_t>(i)];
    }
    sums_.resize(size + 1);
    for (std::size_t i = 0; i < size; ++i) {
      sums_[i + 1] = {sums_[i].count + counts_[i], sums_[i].bins + (counts_[i] > 0 ? 1 : 0),
                      sums_[i].entropy + weighted_log(counts_[i])};
    }
  }

  std::int64_t first() const noexcept { return first_; }
  std::int64_t last() const noexcept { return last_; }

  /// D(P || Q) in nats for the bins [begin, end), end - begin >= levels >= 2. P is their distribution with everything
  /// below put into the first bin and everything above into the last. Q joins the bins, without what was put there,
  /// into `levels` groups, and spreads each group evenly over its bins that are not empty in P. Infinite where Q is 0
  /// and P is not.
  double operator()(std::int64_t begin, std::int64_t end, int levels) const noexcept {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const std::uint64_t total = sums_.back().count;
    const std::uint64_t below = up_to(begin).count;
    const std::uint64_t above = total - up_to(end).count;
    const std::uint64_t inside = total - below - above;
    if (inside == 0) return kInfinity;
    const std::uint64_t first = count(begin);
    const std::uint64_t last = count(end - 1);
    const double reference = up_to(end).entropy - up_to(begin).entropy - weighted_log(first) - weighted_log(last) +
                             weighted_log(first + below) + weighted_log(last + above);
    double quantized = 0;
    std::int64_t group_begin = begin;
    for (int j = 0; j < levels; ++j) {
      const std::int64_t group_end = begin + (j + 1) * (end - begin) / levels;
      const std::uint64_t mass = up_to(group_end).count - up_to(group_begin).count;
      std::uint64_t clipped_mass = mass;
      std::int64_t bins = up_to(group_end).bins - up_to(group_begin).bins;
      if (j == 0) {
        clipped_mass += below;
        bins += below > 0 && first == 0 ? 1 : 0;
      }
      if (j == levels - 1) {
        clipped_mass += above;
        bins += above > 0 && last == 0 ? 1 : 0;
      }
      if (clipped_mass > 0 && mass == 0) return kInfinity;
      if (mass > 0) {
        quantized +=
            static_cast<double>(clipped_mass) * std::log(static_cast<double>(mass) / static_cast<double>(bins));
      }
      group_begin = group_end;
    }
    return (reference - quantized) / static_cast<double>(total) +
           std::log(static_cast<double>(inside) / static_cast<double>(total));
  }

 private:
  struct Sums {
    std::uint64_t count = 0;
    std::int64_t bins = 0;  // not empty
    double entropy = 0;     // of count * log(count)
  };

  static double weighted_log(std::uint64_t count) noexcept {
    const auto value = static_cast<double>(count);
    return count > 0 ? value * std::log(value) : 0;
  }

  std::uint64_t count(std::int64_t bin) const noexcept {
    return bin < first_ || bin > last_ ? 0 : counts_[static_cast<std::size_t>(bin - first_)];
  }
  /// Over the bins before `bin`.
  const Sums& up_to(std::int64_t bin) const noexcept {
    return sums_[static_cast<std::size_t>(std::clamp(bin, first_, last_ + 1) - first_)];
  }

  std::int64_t first_;
  std::int64_t last_;
  std::vector<std::uint64_t> counts_;
  std::vector<Sums> sums_;
};

}  // namespace detail

/// The range whose clipped and quantised distribution loses the least information: the least Kullback-Leibler
/// divergence D(P || Q), where P is the histogram's with the outliers put into the outermost bins kept, and Q that of
/// the bins kept, joined into as many groups as there are levels and expanded evenly over those not empty.
///
/// For a symmetric target this is TensorRT's calibration: a histogram of magnitudes, 128 levels for int8, every
/// threshold from 128 bins on. An asymmetric one has all levels between two ends. Both are first drawn in together, a
/// bin at a time, then each alone, in turn, until neither moves (four times at most); of equal candidates the widest
/// wins. Windows reach to 0 at least, have a bin or more for each level, and a sixteenth of all bins or more (the
/// published 128 of 2048: in a histogram of few values a window of few bins may hold one value, whose divergence is 0).
/// The zeros, exact under any range, are left out. There is no smoothing: where Q is 0 and P is not, the divergence is
/// infinite and the candidate loses.
///
/// Cost: a logarithm for each level and candidate, 5 ms for int8.
///
/// S. Migacz, "8-bit inference with TensorRT", GPU Technology Conference 2017.
struct Entropy {
  Target target;

  /// Four bins or more for each level.
  void validate(Index bins) const {
    calibrate::validate(target);
    require(!target.type.is_binary(),
            "{} codes have one magnitude, which entropy cannot choose; use the mean squared "
            "error",
            target.type.name());
    require(bins >= 4 * target.levels(), "{} levels need a histogram of {} bins or more, not {}", target.levels(),
            4 * target.levels(), bins);
  }

  /// Contains 0 and lies within the observed extent widened to contain 0.
  quantize::Range range(const Histogram& histogram) const {
    const quantize::Range full = with_zero(histogram.extent());
    require(!target.symmetric || target.type.is_signed || full.min == 0,
            "the values observed go down to {}, which {} with zero point 0 cannot hold; use a signed type or an "
            "asymmetric target",
            full.min, target.type.name());
    if (histogram.zeros() == histogram.count()) return full;
    const detail::ClippedDivergence divergence(histogram, target.symmetric);
    const Window window = target.symmetric ? magnitudes(divergence) : both_ends(divergence);
    // Half a bin beyond the window, as published.
    const double width = histogram.bin_width();
    const auto upper = static_cast<float>((static_cast<double>(window.end) + 0.5) * width);
    const auto lower = static_cast<float>((static_cast<double>(window.begin) - 0.5) * width);
    if (target.symmetric) return {std::max(full.min, -upper), std::min(full.max, upper)};
    return {std::max(full.min, lower), std::min(full.max, upper)};
  }

  friend bool operator==(const Entropy&, const Entropy&) = default;

 private:
  struct Window {
    std::int64_t begin;
    std::int64_t end;
    friend bool operator==(const Window&, const Window&) = default;
  };

  Window magnitudes(const detail::ClippedDivergence& divergence) const {
    Search search{divergence, target.levels(), {0, divergence.last() + 1}};
    for (std::int64_t end = divergence.last(); end > divergence.first(); --end) search.consider({0, end});
    return search.best;
  }

  Window both_ends(const detail::ClippedDivergence& divergence) const {
    const Window full{std::min<std::int64_t>(divergence.first(), 0), std::max<std::int64_t>(divergence.last() + 1, 0)};
    Search search{divergence, target.levels(), full};
    // A window that ends before the first value, or begins after the last, holds nothing.
    const std::int64_t least_end = std::max<std::int64_t>(divergence.first() + 1, 0);
    const std::int64_t greatest_begin = std::min<std::int64_t>(divergence.last(), 0);
    if (full.begin < 0 && full.end > 0) {
      const std::int64_t steps = std::max(full.end, -full.begin);
      for (std::int64_t i = steps; i > 0; --i) search.consider({full.begin * i / steps, full.end * i / steps});
    }
    for (int sweep = 0; sweep < 4; ++sweep) {
      const Window before = search.best;
      for (std::int64_t end = full.end; end >= least_end; --end) search.consider({before.begin, end});
      const std::int64_t end = search.best.end;
      for (std::int64_t begin = full.begin; begin <= greatest_begin; ++begin) search.consider({begin, end});
      if (search.best == before) break;
    }
    return search.best;
  }

  struct Search {
    Search(const detail::ClippedDivergence& measure, int level_count, Window full)
        : divergence(measure), levels(level_count), best(full) {
      const std::int64_t bins = full.end - full.begin;
      least_bins = std::max<std::int64_t>(levels, bins / 16);
      // With fewer bins than levels nothing is lost: the floats themselves are coarser than the grid.
      least = bins < levels ? 0 : divergence(full.begin, full.end, levels);
    }

    void consider(Window window) {
      if (window.end - window.begin < least_bins) return;
      const double loss = divergence(window.begin, window.end, levels);
      if (loss < least) {
        least = loss;
        best = window;
      }
    }

    const detail::ClippedDivergence& divergence;
    int levels;
    Window best;
    std::int64_t least_bins;
    double least;
  };
};

using EntropyObserver = HistogramObserver<Entropy>;

}  // namespace condense::calibrate

#endif
