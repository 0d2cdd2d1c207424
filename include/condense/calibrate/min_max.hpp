#ifndef CONDENSE_CALIBRATE_MIN_MAX_HPP
#define CONDENSE_CALIBRATE_MIN_MAX_HPP

#include <algorithm>
#include <cstddef>
#include <span>

#include "condense/calibrate/observer.hpp"

namespace condense::calibrate {

/// The smallest and the largest value seen. Nothing seen is clipped, so one outlier sets the step of everything else;
/// and as the extremes of a heavy tail grow with the number of samples, more data makes it worse.
class MinMaxObserver {
 public:
  void observe(std::span<const float> values) {
    if (values.empty()) return;
    const quantize::Range batch = detail::finite_extent(values);
    take(batch);
  }

  quantize::Range range() const {
    detail::require_data(seen_);
    return range_;
  }

  std::size_t bytes() const noexcept { return sizeof(*this); }

  void merge(const MinMaxObserver& other) noexcept {
    if (other.seen_) take(other.range_);
  }

  friend bool operator==(const MinMaxObserver&, const MinMaxObserver&) = default;

 private:
  void take(quantize::Range other) noexcept {
    range_ = seen_ ? quantize::Range{std::min(range_.min, other.min), std::max(range_.max, other.max)} : other;
    seen_ = true;
  }

  quantize::Range range_;
  bool seen_ = false;
};

}  // namespace condense::calibrate

#endif
