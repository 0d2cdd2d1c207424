#ifndef CONDENSE_RUNTIME_BATCH_PLAN_HPP
#define CONDENSE_RUNTIME_BATCH_PLAN_HPP

#include <algorithm>
#include <chrono>
#include <span>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/core/shape.hpp"

namespace condense::runtime {

/// How waiting requests are put into batches, given what a run of 1, 2, 4, ... of them takes. Pure arithmetic: it looks
/// at no clock.
///
/// Let cost(n) be the least time in which one worker serves n waiting requests: in one run of the smallest program that
/// holds them, or in a run of the largest one that they fill and one or more of the rest.
///
/// Waiting pays if it serves more requests a second. With a request arriving every g, a worker that waits until n have
/// become m serves m of them in (m - n) g + cost(m), instead of n in cost(n); so it waits while, for some size m > n,
///
///     g < (m cost(n) / n - cost(m)) / (m - n),
///
/// whose largest value is `patience(n)`. If a run takes a + b m this is a / n: those that wait may lose together no
/// more than the run costs that is saved.
class BatchPlan {
 public:
  using Duration = std::chrono::nanoseconds;

  /// `times[i]` > 0 is what a run of 2^i requests takes. One that is less than the time of a smaller run is taken for
  /// noise, and raised to it.
  explicit BatchPlan(std::span<const Duration> times) {
    require(!times.empty() && times.size() < 31, "a plan is made from 1 to 30 batch sizes, not {}", times.size());
    std::vector<double> sizes;
    for (const Duration time : times) {
      require(time.count() > 0, "a run of {} requests takes {} ns; times are above 0", Index{1} << sizes.size(),
              time.count());
      sizes.push_back(std::max(static_cast<double>(time.count()), sizes.empty() ? 0.0 : sizes.back()));
    }
    largest_ = Index{1} << (sizes.size() - 1);
    entries_.resize(static_cast<std::size_t>(largest_) + 1);
    for (Index n = 1; n <= largest_; ++n) {
      const std::size_t above = size_index(n);
      entries_[index(n)] = {n, sizes[above], 0};
      const Index below = (Index{1} << above) / 2;
      if (n == Index{1} << above) continue;
      const double split = sizes[above - 1] + entries_[index(n - below)].cost;
      if (split < sizes[above]) entries_[index(n)] = {below, split, 0};
    }
    for (Index n = 1; n <= largest_; ++n) {
      Entry& entry = entries_[index(n)];
      for (std::size_t i = size_index(n + 1); i < sizes.size(); ++i) {
        const auto m = static_cast<double>(Index{1} << i);
        const auto have = static_cast<double>(n);
        entry.patience = std::max(entry.patience, (m * entry.cost / have - sizes[i]) / (m - have));
      }
    }
  }

  /// The largest batch.
  Index largest() const noexcept { return largest_; }

  /// Which program runs n requests, 1 <= n <= `largest()`: the smallest one with 2^result >= n.
  static std::size_t size_index(Index n) noexcept {
    std::size_t result = 0;
    while ((Index{1} << result) < n) ++result;
    return result;
  }

  /// How many of n >= 1 waiting requests the next run takes.
  Index next_run(Index n) const noexcept { return entry(n).next_run; }

  /// What n >= 1 waiting requests take, one run after the other; of more than `largest()` that many.
  Duration cost(Index n) const noexcept { return Duration(static_cast<Duration::rep>(entry(n).cost)); }

  /// The longest time until the next request for which waiting pays where n >= 1 wait already; 0 for a full batch.
  Duration patience(Index n) const noexcept { return Duration(static_cast<Duration::rep>(entry(n).patience)); }

 private:
  struct Entry {
    Index next_run = 0;
    double cost = 0;
    double patience = 0;
  };

  static std::size_t index(Index n) noexcept { return static_cast<std::size_t>(n); }
  const Entry& entry(Index n) const noexcept { return entries_[index(std::min(n, largest_))]; }

  Index largest_ = 0;
  std::vector<Entry> entries_;  ///< By the number of requests; the first is of none.
};

}  // namespace condense::runtime

#endif
