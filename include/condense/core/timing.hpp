#ifndef CONDENSE_CORE_TIMING_HPP
#define CONDENSE_CORE_TIMING_HPP

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <utility>
#include <vector>

#include "condense/core/error.hpp"

namespace condense {

enum class Clock {
  thread,  ///< Time that this thread computes: not that in which the system lets somebody else have the core.
  wall,    ///< For work that other threads share.
};

/// Seconds since some moment of the past. The one on the wall takes some 20 ns to read, that of a thread ten times
/// that.
inline double seconds_now(Clock clock) noexcept {
  timespec time{};
  clock_gettime(clock == Clock::thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Seconds that `body()` takes.
template <class Body>
double seconds_of(Body&& body, Clock clock = Clock::thread) {
  const double start = seconds_now(clock);
  body();
  return seconds_now(clock) - start;
}

/// The value that a share of `values` is not above, from 0 for the smallest to 1 for the largest: of n values, the one
/// at floor(share * n) in their order. A share of 0.5 is the median, the upper one of two.
inline double quantile(std::vector<double> values, double share) {
  require(!values.empty(), "there is no quantile of no values");
  require(share >= 0 && share <= 1, "the share of a quantile is 0 to 1, not {}", share);
  const auto place = static_cast<std::size_t>(share * static_cast<double>(values.size()));
  const auto found = values.begin() + static_cast<std::ptrdiff_t>(std::min(place, values.size() - 1));
  std::nth_element(values.begin(), found, values.end());
  return *found;
}

/// The upper median of `values`, which are not empty.
inline double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

}  // namespace condense

#endif
