#ifndef CONDENSE_RUNTIME_ARENA_HPP
#define CONDENSE_RUNTIME_ARENA_HPP

#include <cstddef>
#include <optional>
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

/// Offsets and sizes are multiples of this many bytes.
inline constexpr std::size_t kArenaAlignment = 64;

/// Places buffers so that those alive at the same time do not overlap, in little memory; the same buffers have the same
/// plan.
///
/// Buffers are placed one after the other, each at the lowest offset that fits, in several orders, of which the best is
/// kept: by size and by the most bytes alive with them (Pisarchyk & Lee, "Efficient memory management for deep neural
/// net inference", 2020, section 5), by size times lifetime, by lifetime, and by first use. Where none reaches the
/// lower bound, a local search takes buffers that reach to the end of the arena earlier in the order, as long as that
/// does not make it worse. Its rounds are limited, so that planning takes milliseconds; more than 2048 buffers
/// have none.
ArenaPlan plan_arena(std::span<const Lifetime> buffers, std::size_t alignment = kArenaAlignment);

/// The plan with these offsets, if buffers alive at the same time do not overlap in it.
std::optional<ArenaPlan> arena_with_offsets(std::span<const Lifetime> buffers, std::span<const std::size_t> offsets,
                                            std::size_t alignment = kArenaAlignment);

}  // namespace condense::runtime

#ifndef CONDENSE_COMPILED
#include "condense/runtime/arena.ipp"
#endif

#endif
