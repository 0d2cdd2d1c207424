#ifndef CONDENSE_BENCHMARKS_SUPPORT_TIMING_HPP
#define CONDENSE_BENCHMARKS_SUPPORT_TIMING_HPP

#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <cstddef>

#include "condense/core/error.hpp"
#include "condense/core/timing.hpp"

namespace condense::benchmarks {

/// Keeps this thread, and those that it starts, on the last `count` of the cores that it may use: the first ones serve
/// most interrupts. Does nothing where the system cannot. Throws if there are fewer cores.
inline void pin_to_cores([[maybe_unused]] int count) {
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  require(count <= CPU_COUNT(&allowed), "{} threads need as many cores, and there are {} for this program", count,
          CPU_COUNT(&allowed));
  cpu_set_t last;
  CPU_ZERO(&last);
  for (std::size_t core = CPU_SETSIZE; core-- > 0 && CPU_COUNT(&last) < count;) {
    if (CPU_ISSET(core, &allowed)) CPU_SET(core, &last);
  }
  sched_setaffinity(0, sizeof(last), &last);
#endif
}

inline void pin_to_core() { pin_to_cores(1); }

/// How often `body()` has to run so that the runs together take `seconds`; at least once.
template <class Body>
std::ptrdiff_t repetitions_for(double seconds, Body&& body, Clock clock = Clock::thread) {
  std::ptrdiff_t repetitions = 1;
  while (true) {
    const double taken = seconds_of(
        [&] {
          for (std::ptrdiff_t i = 0; i < repetitions; ++i) body();
        },
        clock);
    if (taken >= seconds / 4) {
      return std::max<std::ptrdiff_t>(1,
                                      static_cast<std::ptrdiff_t>(static_cast<double>(repetitions) * seconds / taken));
    }
    repetitions *= 2;
  }
}

}  // namespace condense::benchmarks

#endif
