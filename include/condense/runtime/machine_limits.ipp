#ifndef CONDENSE_RUNTIME_MACHINE_LIMITS_IPP
#define CONDENSE_RUNTIME_MACHINE_LIMITS_IPP

#include <algorithm>
#include <iterator>

#include "condense/core/inline.hpp"
#include "condense/runtime/machine_limits.hpp"
#include "condense/simd/limits.hpp"

namespace condense::runtime {

CONDENSE_INLINE double MachineLimits::bytes_per_second(std::size_t bytes) const {
  require(!reads.empty(), "no reads have been measured");
  const auto is_larger = [bytes](const ReadLimit& limit) { return limit.bytes > bytes; };
  const auto larger = std::ranges::find_if(reads, is_larger);
  return (larger == reads.begin() ? *larger : *std::prev(larger)).bytes_per_second;
}

CONDENSE_INLINE LimitMeter::LimitMeter(std::string_view backend, std::size_t bytes, ThreadPool pool)
    : backend_(backend), pool_(std::move(pool)) {
  constexpr std::size_t kSmallest = std::size_t{16} << 10;
  constexpr std::size_t kLeastOfAll = std::size_t{64} << 10;
  constexpr std::size_t kLargest = std::size_t{256} << 20;
  const std::size_t all = std::clamp(bytes, kLeastOfAll, kLargest);
  for (std::size_t size = kSmallest; size / 2 < all; size *= 2) limits_.reads.push_back({size, 0});
  const std::size_t size = limits_.reads.back().bytes;
  for (int thread = 0; thread < pool_.threads(); ++thread) memory_.emplace_back(size);
}

CONDENSE_INLINE bool LimitMeter::may_use(std::string_view instruction_set) const {
  bool usable = false;
  bool reached = false;
  simd::AllInstructionSets::for_each([&](auto isa) {
    usable = usable || (!reached && isa.name == instruction_set);
    reached = reached || isa.name == backend_;
  });
  return usable;
}

CONDENSE_INLINE void LimitMeter::measure_round() {
  const Index threads = pool_.threads();
  const auto together = [&](auto&& body) {
    return seconds_of([&] { parallel_for(pool_, threads, body); }, Clock::wall);
  };
  for (const simd::ArithmeticLimit& limit : simd::arithmetic_limits()) {
    if (!may_use(limit.backend)) continue;
    const double seconds = together([&](Index) { limit.run(simd::kLimitSteps); });
    const double done = static_cast<double>(threads * simd::kLimitSteps) * limit.operations;
    double& fastest = limit.integers ? limits_.integer_operations : limits_.float_operations;
    fastest = std::max(fastest, done / seconds);
  }
  for (ReadLimit& limit : limits_.reads) {
    constexpr Index kBytes = Index{8} << 20;
    const auto size = static_cast<Index>(limit.bytes);
    const Index passes = std::max<Index>(1, kBytes / size);
    const double seconds = together([&](Index thread) {
      const auto* data = reinterpret_cast<const char*>(memory_[static_cast<std::size_t>(thread)].data());
      for (Index pass = 0; pass < passes; ++pass) simd::read(data, size);
    });
    limit.bytes_per_second = std::max(limit.bytes_per_second, static_cast<double>(threads * passes * size) / seconds);
  }
}

}  // namespace condense::runtime

#endif
