#ifndef CONDENSE_RUNTIME_MACHINE_LIMITS_HPP
#define CONDENSE_RUNTIME_MACHINE_LIMITS_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "condense/core/aligned_bytes.hpp"
#include "condense/core/parallel.hpp"

namespace condense::runtime {

/// The fastest that a number of bytes is read, over and over.
struct ReadLimit {
  std::size_t bytes = 0;
  double bytes_per_second = 0;
};

/// What this machine can do at most with a number of threads and a backend.
struct MachineLimits {
  double integer_operations = 0;      ///< Per second, on codes of 8 bits, a multiply-add being two; 0 where unknown.
  double float_operations = 0;        ///< The same on floats.
  std::vector<ReadLimit> reads = {};  ///< From few bytes, which lie in the nearest cache, to many.

  /// Bytes per second that a set of that size cannot exceed: of the largest measured one that is no larger, or of the
  /// smallest.
  double bytes_per_second(std::size_t bytes) const;
};

/// Measures the limits of a machine in rounds; each of them is the fastest of all rounds.
///
/// Operations are chains of multiply-adds on registers, of the fastest instructions that the backend may use
/// (`simd::arithmetic_limits`); one without any of them, such as "scalar", has no known limit. Bytes are loads by the
/// widest registers. All threads of the pool work at once, by the clock on the wall.
class LimitMeter {
 public:
  /// Reads are measured of 16 KiB, twice as much and so on up to `bytes`, at least 64 KiB and at most 256 MiB, which
  /// are allocated here for each thread. An unknown name of a backend stands for all instructions of the machine.
  LimitMeter(std::string_view backend, std::size_t bytes, ThreadPool pool);

  /// One round of some ten milliseconds.
  void measure_round();

  const MachineLimits& limits() const noexcept { return limits_; }

 private:
  bool may_use(std::string_view instruction_set) const;

  std::string backend_;
  ThreadPool pool_;
  std::vector<AlignedBytes> memory_;  ///< Of each thread.
  MachineLimits limits_;
};

}  // namespace condense::runtime

#ifndef CONDENSE_COMPILED
#include "condense/runtime/machine_limits.ipp"
#endif

#endif
