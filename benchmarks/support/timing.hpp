#ifndef CONDENSE_BENCHMARKS_SUPPORT_TIMING_HPP
#define CONDENSE_BENCHMARKS_SUPPORT_TIMING_HPP

#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <vector>

namespace condense::benchmarks {

/// Keeps this thread on one core, the last one that it may use: the first ones serve most interrupts. Does nothing
/// where the system cannot.
inline void pin_to_core() noexcept {
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  for (std::size_t core = CPU_SETSIZE; core-- > 0;) {
    if (!CPU_ISSET(core, &allowed)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof(one), &one);
    return;
  }
#endif
}

/// Seconds that this thread computes during `body()`: not those in which the system lets somebody else have the core.
template <class Body>
double seconds_of(Body&& body) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  body();
  return now() - start;
}

/// The upper median. `values` is not empty.
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// How often `body()` has to run so that the runs together take `seconds`; at least once.
template <class Body>
std::ptrdiff_t repetitions_for(double seconds, Body&& body) {
  std::ptrdiff_t repetitions = 1;
  while (true) {
    const double taken = seconds_of([&] {
      for (std::ptrdiff_t i = 0; i < repetitions; ++i) body();
    });
    if (taken >= seconds / 4) {
      return std::max<std::ptrdiff_t>(1,
                                      static_cast<std::ptrdiff_t>(static_cast<double>(repetitions) * seconds / taken));
    }
    repetitions *= 2;
  }
}

}  // namespace condense::benchmarks

#endif
