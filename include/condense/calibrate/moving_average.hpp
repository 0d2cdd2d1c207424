#ifndef CONDENSE_CALIBRATE_MOVING_AVERAGE_HPP
#define CONDENSE_CALIBRATE_MOVING_AVERAGE_HPP

#include <cstddef>
#include <span>

#include "condense/calibrate/observer.hpp"
#include "condense/core/error.hpp"

namespace condense::calibrate {

/// Exponential moving averages of the smallest and of the largest value of each batch:
/// average = smoothing * average + (1 - smoothing) * batch, beginning with the first batch's.
///
/// A statistic of a sequence of batches, not of a set of values: the later weighs more. So it has no exact merge, and
/// `merge` is deleted; observe the whole stream with one observer. It depends on the batch size, too.
///
/// Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference",
/// CVPR 2018, section 3.1.
class MovingAverageMinMaxObserver {
 public:
  /// `smoothing` in [0, 1), "close to 1"; 0 keeps the last batch only.
  explicit MovingAverageMinMaxObserver(double smoothing = 0.99) : smoothing_(smoothing) {
    require(smoothing >= 0 && smoothing < 1, "the smoothing of a moving average is in [0, 1), not {}", smoothing);
  }

  void observe(std::span<const float> values) {
    if (values.empty()) return;
    const quantize::Range batch = detail::finite_extent(values);
    const double kept = seen_ ? smoothing_ : 0;
    min_ = kept * min_ + (1 - kept) * static_cast<double>(batch.min);
    max_ = kept * max_ + (1 - kept) * static_cast<double>(batch.max);
    seen_ = true;
  }

  quantize::Range range() const {
    detail::require_data(seen_);
    return {static_cast<float>(min_), static_cast<float>(max_)};
  }

  std::size_t bytes() const noexcept { return sizeof(*this); }

  void merge(const MovingAverageMinMaxObserver&) = delete;

  double smoothing() const noexcept { return smoothing_; }

  friend bool operator==(const MovingAverageMinMaxObserver&, const MovingAverageMinMaxObserver&) = default;

 private:
  double smoothing_;
  double min_ = 0;
  double max_ = 0;
  bool seen_ = false;
};

}  // namespace condense::calibrate

#endif
