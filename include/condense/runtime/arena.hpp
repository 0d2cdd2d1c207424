#ifndef CONDENSE_RUNTIME_ARENA_HPP
#define CONDENSE_RUNTIME_ARENA_HPP

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

namespace condense::runtime {

/// A buffer that must exist from the step that first touches it to the one that last does.
struct Lifetime {
  std::size_t bytes = 0;
  int first = 0;
  int last = -1;  ///< Before `first`: never used, no memory.
};

/// Where each buffer lies in one block of memory.
struct ArenaPlan {
  std::vector<std::size_t> offsets;
  std::size_t bytes = 0;
  std::size_t lower_bound = 0;  ///< The most bytes alive at one step; no plan can do with fewer.
};

/// Places buffers so that those alive at the same time do not overlap: the largest first, each at the lowest offset
/// that fits (Pisarchyk & Lee, "Efficient memory management for deep neural net inference", 2020, greedy by size).
/// Offsets are multiples of `alignment`. Quadratic in the number of buffers.
inline ArenaPlan plan_arena(std::span<const Lifetime> buffers, std::size_t alignment = 64) {
  const auto size_of = [&](std::size_t i) {
    return buffers[i].last < buffers[i].first ? 0 : (buffers[i].bytes + alignment - 1) / alignment * alignment;
  };
  ArenaPlan plan;
  plan.offsets.assign(buffers.size(), 0);

  std::vector<std::size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return size_of(a) > size_of(b); });

  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t i : order) {
    if (size_of(i) == 0) continue;
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      const bool alive_together = buffers[other].first <= buffers[i].last && buffers[i].first <= buffers[other].last;
      if (!alive_together) continue;
      if (plan.offsets[other] >= offset + size_of(i)) break;
      offset = std::max(offset, plan.offsets[other] + size_of(other));
    }
    plan.offsets[i] = offset;
    plan.bytes = std::max(plan.bytes, offset + size_of(i));
    const auto position = std::upper_bound(placed.begin(), placed.end(), offset,
                                           [&](std::size_t value, std::size_t p) { return value < plan.offsets[p]; });
    placed.insert(position, i);
  }

  int steps = 0;
  for (const Lifetime& buffer : buffers) steps = std::max(steps, buffer.last + 1);
  std::vector<std::ptrdiff_t> change(static_cast<std::size_t>(steps) + 1, 0);  // of the bytes alive, step by step
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    if (size_of(i) == 0) continue;
    change[static_cast<std::size_t>(buffers[i].first)] += static_cast<std::ptrdiff_t>(size_of(i));
    change[static_cast<std::size_t>(buffers[i].last) + 1] -= static_cast<std::ptrdiff_t>(size_of(i));
  }
  std::ptrdiff_t alive = 0;
  for (const std::ptrdiff_t bytes : change) {
    alive += bytes;
    plan.lower_bound = std::max(plan.lower_bound, static_cast<std::size_t>(alive));
  }
  return plan;
}

}  // namespace condense::runtime

#endif
