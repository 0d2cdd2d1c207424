#ifndef CONDENSE_CALIBRATE_HISTOGRAM_OBSERVER_HPP
#define CONDENSE_CALIBRATE_HISTOGRAM_OBSERVER_HPP

#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

#include "condense/calibrate/histogram.hpp"
#include "condense/calibrate/observer.hpp"
#include "condense/core/error.hpp"

namespace condense::calibrate {

/// How a range is read off a histogram: a value with its settings as public fields. `range` is given a histogram that
/// is not empty; `validate` throws if the settings, or the number of bins for them, are outside their domain.
template <class T>
concept ClippingRule =
    std::copyable<T> && std::equality_comparable<T> && requires(const T& rule, const Histogram& histogram, Index bins) {
      { rule.range(histogram) } -> std::same_as<quantize::Range>;
      rule.validate(bins);
    };

/// The observer of a clipping rule: a histogram of everything seen, and the rule that reads it.
template <ClippingRule Rule>
class HistogramObserver {
 public:
  /// Throws if a setting is outside its domain. `bins` as for `Histogram`.
  explicit HistogramObserver(Rule rule = {}, Index bins = Histogram::kDefaultBins)
      : rule_(std::move(rule)), histogram_(bins) {
    rule_.validate(bins);
  }

  void observe(std::span<const float> values) { histogram_.observe(values); }

  /// Not cached: it costs what the rule says.
  quantize::Range range() const {
    detail::require_data(!histogram_.empty());
    return rule_.range(histogram_);
  }

  std::size_t bytes() const noexcept { return sizeof(*this) - sizeof(histogram_) + histogram_.bytes(); }

  void merge(const HistogramObserver& other) {
    require(rule_ == other.rule_,
            "observers of different settings cannot be merged ({} and {} values seen); make both "
            "from one configuration",
            histogram_.count(), other.histogram_.count());
    histogram_.merge(other.histogram_);
  }

  const Rule& rule() const noexcept { return rule_; }
  const Histogram& histogram() const noexcept { return histogram_; }

  friend bool operator==(const HistogramObserver&, const HistogramObserver&) = default;

 private:
  Rule rule_;
  Histogram histogram_;
};

}  // namespace condense::calibrate

#endif
