#ifndef CONDENSE_PRUNE_SCHEDULE_HPP
#define CONDENSE_PRUNE_SCHEDULE_HPP

#include <algorithm>
#include <cmath>
#include <functional>

#include "condense/core/shape.hpp"

namespace condense::prune {

/// Where pruning stands: `step` of the `total` steps or rounds in which sparsity grows are done. A step below 0 or
/// above `total` counts as that bound.
struct SparsityPoint {
  Index step = 0;
  Index total = 1;

  /// In [0, 1].
  double progress() const {
    require(total >= 1, "sparsity grows in 1 step or more, not {}", total);
    return static_cast<double>(std::clamp<Index>(step, 0, total)) / static_cast<double>(total);
  }
};

/// The share of weights (or channels) that is zero at a point. Any function of the point can be one; those below are.
using SparsitySchedule = std::function<double(const SparsityPoint&)>;

/// Throws unless a sparsity is in [0, 1).
inline double checked_sparsity(double sparsity) {
  require(sparsity >= 0 && sparsity < 1, "a sparsity is in [0, 1), not {}", sparsity);
  return sparsity;
}

/// Everything at once.
struct OneShotSparsity {
  double target = 0.5;

  double operator()(const SparsityPoint&) const { return checked_sparsity(target); }
};

/// Straight from `initial` to `target`.
struct LinearSparsity {
  double initial = 0;
  double target = 0.5;

  double operator()(const SparsityPoint& point) const {
    return checked_sparsity(initial) + (checked_sparsity(target) - initial) * point.progress();
  }
};

/// s = target + (initial - target) (1 - step / total)^3: fast while there is much to spare (Zhu & Gupta, "To prune, or
/// not to prune: exploring the efficacy of pruning for model compression", ICLR workshop 2018, equation 1).
struct CubicSparsity {
  double initial = 0;
  double target = 0.9;

  double operator()(const SparsityPoint& point) const {
    const double left = 1 - point.progress();
    return checked_sparsity(target) + (checked_sparsity(initial) - target) * left * left * left;
  }
};

/// Each step removes the same share of what is left, as iterative magnitude pruning does: 1 - s = (1 - initial)
/// ((1 - target) / (1 - initial))^(step / total).
struct ExponentialSparsity {
  double initial = 0;
  double target = 0.9;

  double operator()(const SparsityPoint& point) const {
    const double ratio = (1 - checked_sparsity(target)) / (1 - checked_sparsity(initial));
    return 1 - (1 - initial) * std::pow(ratio, point.progress());
  }
};

/// `first`, then `increment` more with every step, here a round of pruning and fine-tuning, up to `target`; whatever
/// `total` is. The rounds of progressive channel pruning: 20 %, then 5 % more each.
struct ProgressiveSparsity {
  double first = 0.2;
  double increment = 0.05;
  double target = 0.8;

  double operator()(const SparsityPoint& point) const {
    require(increment >= 0, "sparsity grows by 0 or more a round, not {}", increment);
    const auto rounds = static_cast<double>(std::max<Index>(0, point.step));
    return std::min(checked_sparsity(target), checked_sparsity(first) + increment * rounds);
  }
};

}  // namespace condense::prune

#endif
