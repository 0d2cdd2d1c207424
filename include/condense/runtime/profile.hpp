#ifndef CONDENSE_RUNTIME_PROFILE_HPP
#define CONDENSE_RUNTIME_PROFILE_HPP

#include <string>
#include <vector>

#include "condense/runtime/energy.hpp"
#include "condense/runtime/machine_limits.hpp"
#include "condense/runtime/program.hpp"

namespace condense::runtime {

/// How a program is measured.
struct ProfileOptions {
  int rounds = 15;       ///< At least 1.
  int warm_up = 2;       ///< Runs before the first round.
  ThreadPool pool = {};  ///< What the program runs on.
};

/// What keeps a step from being faster.
enum class Bound { compute, memory };

constexpr std::string_view name(Bound bound) noexcept { return bound == Bound::compute ? "compute" : "memory"; }

/// One step: what it took, and the least that it could take on this machine.
struct StepProfile {
  StepInfo info = {};
  bool ran = true;  ///< False for one of a branch that these inputs do not take: it has no times.
  double seconds = 0;
  double compute_seconds = 0;  ///< Its multiply-accumulates at the fastest rate of the machine; 0 where it has none.
  double memory_seconds = 0;   ///< Its bytes at the fastest rate of the machine.

  std::size_t bytes() const noexcept { return info.weight_bytes + info.bytes_read + info.bytes_written; }
  /// A multiply-accumulate being two operations.
  double operations_per_second() const noexcept {
    return ran ? 2 * static_cast<double>(info.multiply_accumulates) / seconds : 0;
  }
  double bytes_per_second() const noexcept { return ran ? static_cast<double>(bytes()) / seconds : 0; }

  /// How close it comes to the limit that binds it: the larger one of those of compute and memory, 1 being reached
  /// (Williams, Waterman & Patterson, "Roofline: an insightful visual performance model for multicore architectures",
  /// CACM 52(4), 2009).
  double fraction_of_limit() const noexcept { return ran ? std::max(compute_seconds, memory_seconds) / seconds : 0; }
  Bound bound() const noexcept { return compute_seconds > memory_seconds ? Bound::compute : Bound::memory; }
};

/// What a program does with its time.
struct Profile {
  std::string backend = {};
  int threads = 1;
  int rounds = 0;
  double seconds = 0;  ///< Of one run, with nobody watching.
  std::vector<StepProfile> steps = {};
  MachineLimits limits = {};
  EnergyEstimate energy = {};
  std::size_t arena_bytes = 0;
  std::size_t arena_lower_bound = 0;
  std::size_t weight_bytes = 0;

  /// The steps together: `seconds` but for the copies of inputs and outputs and the looking at the clock.
  double seconds_of_steps() const noexcept;
  /// The least that all steps could take, each at the limit that binds it.
  double seconds_at_limit() const noexcept;
  std::int64_t multiply_accumulates() const noexcept { return energy.multiply_accumulates; }
};

/// Measures each step of a program on some inputs, by the clock on the wall: medians of rounds, in each of which the
/// machine's limits are measured, too, and the program runs once unwatched and once watched. Reading the clock takes
/// some 20 ns for each step.
///
/// The least time of a step is that of its multiply-accumulates at the fastest rate of its kind, or that of its bytes:
/// weights, which every inference reads once, as fast as a set of the size of all weights and the arena can be read;
/// activations, which the step before has just written, as fast as a set of the size of what the step touches. Written
/// bytes count as read ones. A step that touches only part of its operands, such as Gather, can seem to be faster.
///
/// Throws `InvalidArgument` if the inputs do not fit, or there is no round.
Profile profile(Program& program, std::span<const Tensor> inputs, const ProfileOptions& options = {});

/// The seconds that each of a number of runs takes, by the clock on the wall. Outputs exist before the first one.
///
/// Throws `InvalidArgument` if the inputs do not fit, or there is no round.
std::vector<double> latencies(Program& program, std::span<const Tensor> inputs, const ProfileOptions& options = {});

}  // namespace condense::runtime

#ifndef CONDENSE_COMPILED
#include "condense/runtime/profile.ipp"
#endif

#endif
