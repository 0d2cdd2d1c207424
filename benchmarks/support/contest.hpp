#ifndef CONDENSE_BENCHMARKS_SUPPORT_CONTEST_HPP
#define CONDENSE_BENCHMARKS_SUPPORT_CONTEST_HPP

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "competitor.hpp"
#include "condense/core/error.hpp"
#include "condense/kernels/all_versions.hpp"
#include "condense/kernels/kernel_set.hpp"
#include "limits.hpp"

namespace condense::benchmarks {

/// Somebody who takes part, and the instruction set whose limit is theirs.
template <class Work>
struct Contender {
  Competitor<Work> competitor;
  std::string_view isa;
};

/// Condense with the best instruction set up to `limit`, and with that which most machines have; then its peers.
/// `prepare(kernels, work)` is how condense does the work.
template <class Work, class Prepare>
std::vector<Contender<Work>> contenders(std::string_view limit, const Prepare& prepare) {
  std::vector<std::string_view> sets;
  std::string_view best;
  bool reached = false;
  simd::for_each_available<kernels::Gemm>([&](auto isa) {
    if (reached) return;
    sets.push_back(best = isa.name);
    reached = isa.name == limit;
  });
  require(reached || limit.empty(), "there is no instruction set '{}' on this machine; --isa may be {}", limit,
          simd::available_names());
  std::vector<Contender<Work>> all;
  for (const std::string_view isa : sets) {
    if (isa != best && isa != simd::Avx2::name && isa != simd::Neon::name) continue;
    const auto run = [prepare, kernels = kernels::KernelSet::select(isa)](const Work& w) {
      return prepare(kernels, w);
    };
    all.insert(all.begin(), {{.name = fmt::format("condense {}", isa), .limit_to = {}, .prepare = run}, isa});
  }
  for (const Competitor<Work>& competitor : competitors<Work>()) {
    if (limit.empty() || competitor.limit_to(limit)) {
      all.push_back({competitor, best});
    } else {
      fmt::print(stderr, "{} is left out, it cannot be kept to {}\n", competitor.name, limit);
    }
  }
  return all;
}

/// The chains of multiply-adds, measured with every round.
struct Limits {
  std::vector<std::pair<ArithmeticLimit, std::vector<double>>> chains;

  Limits() {
    for (const ArithmeticLimit& limit : arithmetic_limits()) chains.push_back({limit, {}});
  }
  void measure_round() {
    for (auto& [limit, rates] : chains) rates.push_back(measure(limit));
  }
  /// The rate of the fastest chain up to an instruction set.
  std::optional<double> operations_per_second(std::string_view isa, bool integers) const {
    std::optional<double> best;
    bool reached = false;
    simd::AllInstructionSets::for_each([&](auto set) {
      if (reached) return;
      for (const auto& [limit, rates] : chains) {
        if (limit.backend != set.name || limit.integers != integers) continue;
        best = std::max(best.value_or(0), median(rates));
      }
      reached = set.name == isa;
    });
    return best;
  }
};

/// Median seconds of each of `runs`, in rounds in which all take turns, as the limits do. More than one thread is
/// measured by the clock on the wall.
inline std::vector<double> take_turns(const std::vector<std::function<void()>>& runs, bool quick, Limits& limits,
                                      int threads = 1) {
  struct Entry {
    Index repetitions;
    std::vector<double> seconds;
  };
  // Threads wait busily for more work, for up to some 15 ms: one's are not to disturb the next one.
  constexpr auto kUntilThreadsSleep = std::chrono::milliseconds(20);
  const Clock clock = threads == 1 ? Clock::thread : Clock::wall;
  std::vector<Entry> entries;
  for (const auto& run : runs) entries.push_back({repetitions_for(quick ? 0.002 : 0.02, run, clock), {}});
  for (int round = 0; round < (quick ? 3 : 15); ++round) {
    limits.measure_round();
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (threads > 1) {
        std::this_thread::sleep_for(kUntilThreadsSleep);
        runs[i]();
      }
      const double seconds = seconds_of(
          [&] {
            for (Index repetition = 0; repetition < entries[i].repetitions; ++repetition) runs[i]();
          },
          clock);
      entries[i].seconds.push_back(seconds / static_cast<double>(entries[i].repetitions));
    }
  }
  std::vector<double> medians;
  for (const Entry& entry : entries) medians.push_back(median(entry.seconds));
  return medians;
}

}  // namespace condense::benchmarks

#endif
