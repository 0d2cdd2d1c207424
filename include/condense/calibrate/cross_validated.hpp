#ifndef CONDENSE_CALIBRATE_CROSS_VALIDATED_HPP
#define CONDENSE_CALIBRATE_CROSS_VALIDATED_HPP

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "condense/calibrate/expected_error.hpp"
#include "condense/calibrate/observer.hpp"
#include "condense/calibrate/target.hpp"
#include "condense/core/error.hpp"

namespace condense::calibrate {

/// Corrects another observer's range by what held-out data say of it.
///
/// Batches go to k folds in turn. For each fold one observer has seen all batches but the fold's, and a histogram the
/// fold's alone. The ends of the range that the observer gives (widened to contain 0) are multiplied by factors, both
/// by the same or, for an asymmetric target and values of both signs, each by its own; the factors whose quantisers
/// have the least squared error on the fold held out, over all folds, are the answer. They are then applied to the
/// range of an observer that has seen everything. So an observer that is fooled by what will not come again (the one
/// outlier of one batch) is overruled, and one that was right is left alone: of equals the factor nearest to 1 wins.
///
/// Memory: k + 1 observers and k histograms. Observing costs as much as k observers and a histogram; a range, 9 or 81
/// evaluations of `ExpectedError` a fold. The folds depend on the order of the batches; `observe(values, fold)` names
/// them, and then merging is exact if the observer's is.
template <Observer Base>
class CrossValidated {
 public:
  /// What a range is multiplied by, the nearest to 1 first.
  static constexpr std::array<double, 9> kFactors = {1.0, 0.9, 1.1, 0.8, 1.25, 0.65, 1.5, 0.5, 0.35};

  /// `folds` is 2 to 64. `bins` are those of the held-out histograms.
  explicit CrossValidated(const Base& prototype = Base{}, Target target = {}, int folds = 4,
                          Index bins = Histogram::kDefaultBins)
      : target_(target), everything_(prototype) {
    validate(target);
    require(folds >= 2 && folds <= 64, "cross-validation has 2 to 64 folds, not {}", folds);
    folds_.assign(static_cast<std::size_t>(folds), Fold{prototype, Histogram(bins)});
  }

  int folds() const noexcept { return static_cast<int>(folds_.size()); }

  /// One batch, for the next fold in turn. Empty batches take no turn.
  void observe(std::span<const float> values) {
    if (values.empty()) return;
    observe(values, turn_);
    turn_ = (turn_ + 1) % folds();
  }

  /// One batch, for a fold that the caller names, 0 to `folds() - 1`.
  void observe(std::span<const float> values, int fold) {
    require(fold >= 0 && fold < folds(), "there is no fold {} among {}", fold, folds());
    everything_.observe(values);
    for (int i = 0; i < folds(); ++i) {
      Fold& other = folds_[static_cast<std::size_t>(i)];
      i == fold ? other.held_out.observe(values) : other.rest.observe(values);
    }
  }

  /// Throws unless batches of two folds were observed.
  quantize::Range range() const {
    const quantize::Range whole = with_zero(everything_.range());
    const bool two_ends = !target_.symmetric && whole.min < 0 && whole.max > 0;
    std::array<std::array<double, kFactors.size()>, kFactors.size()> errors{};
    int validated = 0;
    for (const Fold& fold : folds_) {
      if (fold.held_out.empty()) continue;
      const ExpectedError error(fold.held_out);
      const quantize::Range base = with_zero(rest_of(fold));
      for (std::size_t i = 0; i < kFactors.size(); ++i) {
        for (std::size_t j = two_ends ? 0 : i; j < (two_ends ? kFactors.size() : i + 1); ++j) {
          errors[i][j] += error.count() * error(stretched(base, kFactors[i], kFactors[j]), target_);
        }
      }
      ++validated;
    }
    assert(validated >= 2);
    std::size_t best_min = 0;
    std::size_t best_max = 0;
    for (std::size_t i = 0; i < kFactors.size(); ++i) {
      for (std::size_t j = two_ends ? 0 : i; j < (two_ends ? kFactors.size() : i + 1); ++j) {
        if (errors[i][j] < errors[best_min][best_max]) {
          best_min = i;
          best_max = j;
        }
      }
    }
    return stretched(whole, kFactors[best_min], kFactors[best_max]);
  }

  std::size_t bytes() const noexcept {
    std::size_t total = sizeof(*this) - sizeof(everything_) + everything_.bytes();
    for (const Fold& fold : folds_) total += fold.rest.bytes() + fold.held_out.bytes();
    return total;
  }

  /// Adds what `other` has seen, each batch keeping its fold. Exact and order-independent.
  void merge(const CrossValidated& other)
    requires MergeableObserver<Base>
  {
    require(target_ == other.target_ && folds() == other.folds(),
            "cross-validations of {} and {} folds, or of different targets, cannot be merged", folds(), other.folds());
    everything_.merge(other.everything_);
    for (std::size_t i = 0; i < folds_.size(); ++i) {
      folds_[i].rest.merge(other.folds_[i].rest);
      folds_[i].held_out.merge(other.folds_[i].held_out);
    }
    turn_ = (turn_ + other.turn_) % folds();
  }

  friend bool operator==(const CrossValidated&, const CrossValidated&) = default;

 private:
  struct Fold {
    Base rest;
    Histogram held_out;
    friend bool operator==(const Fold&, const Fold&) = default;
  };

  quantize::Range rest_of(const Fold& fold) const {
    std::uint64_t elsewhere = 0;
    for (const Fold& other : folds_) elsewhere += &other == &fold ? 0 : other.held_out.count();
    require(elsewhere > 0, "cross-validation has seen batches of 1 fold of {}; feed 2 batches or more", folds());
    return fold.rest.range();
  }

  static quantize::Range stretched(quantize::Range range, double min_factor, double max_factor) noexcept {
    const auto times = [](float bound, double factor) {
      constexpr double kLargest = std::numeric_limits<float>::max();
      return static_cast<float>(std::clamp(static_cast<double>(bound) * factor, -kLargest, kLargest));
    };
    return {times(range.min, min_factor), times(range.max, max_factor)};
  }

  Target target_;
  Base everything_;
  std::vector<Fold> folds_;
  int turn_ = 0;
};

}  // namespace condense::calibrate

#endif
