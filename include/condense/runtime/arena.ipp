#ifndef CONDENSE_RUNTIME_ARENA_IPP
#define CONDENSE_RUNTIME_ARENA_IPP

#include <algorithm>
#include <limits>
#include <numeric>

#include "condense/core/inline.hpp"
#include "condense/core/random.hpp"
#include "condense/runtime/arena.hpp"

namespace condense::runtime {

namespace detail {

/// The planner of one arena.
class ArenaPlanner {
 public:
  ArenaPlanner(std::span<const Lifetime> lifetimes, std::size_t alignment) : lifetimes_(lifetimes) {
    for (std::size_t i = 0; i < lifetimes.size(); ++i) {
      const Lifetime& lifetime = lifetimes[i];
      const bool is_used = lifetime.last >= lifetime.first && lifetime.bytes > 0;
      sizes_.push_back(is_used ? (lifetime.bytes + alignment - 1) / alignment * alignment : 0);
      if (is_used) used_.push_back(i);
    }
    find_breadths();
  }

  ArenaPlan best() {
    ArenaPlan best{std::vector<std::size_t>(sizes_.size(), 0), 0, lower_bound_};
    if (used_.empty()) return best;
    std::vector<std::size_t> order;
    for (const auto& keys :
         {keys_of(&ArenaPlanner::size), keys_of(&ArenaPlanner::breadth), keys_of(&ArenaPlanner::area),
          keys_of(&ArenaPlanner::length), keys_of(&ArenaPlanner::age)}) {
      std::vector<std::size_t> next = used_;
      std::stable_sort(next.begin(), next.end(), [&](std::size_t a, std::size_t b) {
        return std::pair(keys[a], sizes_[a]) > std::pair(keys[b], sizes_[b]);
      });
      keep_if_better(next, order, best);
      if (best.bytes == lower_bound_) return best;
    }
    search(order, best);
    return best;
  }

  /// Empty if buffers overlap.
  std::optional<ArenaPlan> with_offsets(std::span<const std::size_t> offsets) const {
    ArenaPlan plan{{offsets.begin(), offsets.end()}, 0, lower_bound_};
    std::vector<std::size_t> by_offset = used_;
    std::ranges::sort(by_offset, {}, [&](std::size_t i) { return offsets[i]; });
    for (auto later = by_offset.begin(); later != by_offset.end(); ++later) {
      if (offsets[*later] > std::numeric_limits<std::size_t>::max() - sizes_[*later]) return {};
      plan.bytes = std::max(plan.bytes, offsets[*later] + sizes_[*later]);
      for (auto other = by_offset.begin(); other != later; ++other) {
        if (offsets[*other] + sizes_[*other] > offsets[*later] && meet(*other, *later)) return {};
      }
    }
    return plan;
  }

 private:
  using Keys = std::vector<double>;

  double size(std::size_t i) const { return static_cast<double>(sizes_[i]); }
  double breadth(std::size_t i) const { return static_cast<double>(breadths_[i]); }
  double length(std::size_t i) const { return lifetimes_[i].last - lifetimes_[i].first + 1; }
  double area(std::size_t i) const { return size(i) * length(i); }
  double age(std::size_t i) const { return -lifetimes_[i].first; }

  Keys keys_of(double (ArenaPlanner::*key)(std::size_t) const) const {
    Keys keys(sizes_.size());
    for (const std::size_t i : used_) keys[i] = (this->*key)(i);
    return keys;
  }

  bool meet(std::size_t a, std::size_t b) const {
    return lifetimes_[a].first <= lifetimes_[b].last && lifetimes_[b].first <= lifetimes_[a].last;
  }

  /// The most bytes alive at a step of each buffer's life, and of all.
  void find_breadths() {
    // Only steps at which a buffer begins need be looked at: between them bytes become fewer.
    std::vector<std::size_t> by_first = used_;
    std::ranges::sort(by_first, {}, [&](std::size_t i) { return lifetimes_[i].first; });
    std::vector<std::size_t> by_last = used_;
    std::ranges::sort(by_last, {}, [&](std::size_t i) { return lifetimes_[i].last; });
    breadths_.assign(sizes_.size(), 0);
    std::vector<std::pair<int, std::size_t>> alive_at;
    std::size_t alive = 0;
    auto ended = by_last.begin();
    for (const std::size_t i : by_first) {
      const int step = lifetimes_[i].first;
      for (; lifetimes_[*ended].last < step; ++ended) alive -= sizes_[*ended];
      alive += sizes_[i];
      lower_bound_ = std::max(lower_bound_, alive);
      if (alive_at.empty() || alive_at.back().first != step) alive_at.emplace_back(step, 0);
      alive_at.back().second = alive;
    }
    for (const std::size_t i : used_) {
      auto at = std::ranges::lower_bound(alive_at, lifetimes_[i].first, {}, &std::pair<int, std::size_t>::first);
      for (; at != alive_at.end() && at->first <= lifetimes_[i].last; ++at) {
        breadths_[i] = std::max(breadths_[i], at->second);
      }
    }
  }

  /// Places the buffers of an order. The bytes of the arena, or at least `limit` as soon as they come to that.
  std::size_t place(std::span<const std::size_t> order, std::size_t limit, std::vector<std::size_t>& offsets) {
    placed_.clear();
    std::size_t bytes = 0;
    for (const std::size_t i : order) {
      std::size_t offset = 0;
      for (const std::size_t other : placed_) {
        if (!meet(other, i)) continue;
        if (offsets[other] >= offset + sizes_[i]) break;
        offset = std::max(offset, offsets[other] + sizes_[other]);
      }
      offsets[i] = offset;
      bytes = std::max(bytes, offset + sizes_[i]);
      if (bytes >= limit) return bytes;
      const auto position = std::ranges::upper_bound(placed_, offset, {}, [&](std::size_t p) { return offsets[p]; });
      placed_.insert(position, i);
    }
    return bytes;
  }

  void keep_if_better(const std::vector<std::size_t>& order, std::vector<std::size_t>& best_order, ArenaPlan& best) {
    std::vector<std::size_t> offsets(sizes_.size(), 0);
    const std::size_t limit = best_order.empty() ? std::numeric_limits<std::size_t>::max() : best.bytes;
    const std::size_t bytes = place(order, limit, offsets);
    if (bytes >= limit) return;
    best.bytes = bytes;
    best.offsets = std::move(offsets);
    best_order = order;
  }

  /// Improves the plan of an order: a buffer that reaches to the end of the arena moves to an earlier place.
  void search(std::vector<std::size_t> order, ArenaPlan& best) {
    constexpr std::size_t kWork = std::size_t{1} << 22;
    constexpr std::size_t kMostRounds = 2000;
    const std::size_t rounds = std::min(kMostRounds, kWork / (order.size() * order.size()));
    Random random(0);
    std::vector<std::size_t> offsets = best.offsets;
    std::size_t bytes = best.bytes;
    for (std::size_t round = 0; round < rounds && best.bytes > lower_bound_; ++round) {
      const auto reaches_end = [&](std::size_t i) { return offsets[i] + sizes_[i] == bytes; };
      auto from = std::ranges::find_if(order, reaches_end);
      if (round % 4 == 3) from = order.begin() + random.below(static_cast<std::uint32_t>(order.size()));
      auto to = order.begin() + random.below(static_cast<std::uint32_t>(from - order.begin()) + 1);
      std::rotate(to, from, from + 1);
      std::vector<std::size_t> moved(sizes_.size(), 0);
      const std::size_t now = place(order, bytes + 1, moved);
      if (now > bytes) {
        std::rotate(to, to + 1, from + 1);
        continue;
      }
      offsets = std::move(moved);
      bytes = now;
      if (bytes < best.bytes) {
        best.bytes = bytes;
        best.offsets = offsets;
      }
    }
  }

  std::span<const Lifetime> lifetimes_;
  std::vector<std::size_t> sizes_;     ///< Aligned; 0 if never used.
  std::vector<std::size_t> used_;      ///< Numbers of those that are.
  std::vector<std::size_t> breadths_;  ///< The most bytes alive together with each.
  std::vector<std::size_t> placed_;    ///< By offset.
  std::size_t lower_bound_ = 0;
};

}  // namespace detail

CONDENSE_INLINE ArenaPlan plan_arena(std::span<const Lifetime> buffers, std::size_t alignment) {
  return detail::ArenaPlanner(buffers, alignment).best();
}

CONDENSE_INLINE std::optional<ArenaPlan> arena_with_offsets(std::span<const Lifetime> buffers,
                                                            std::span<const std::size_t> offsets,
                                                            std::size_t alignment) {
  return detail::ArenaPlanner(buffers, alignment).with_offsets(offsets);
}

}  // namespace condense::runtime

#endif
