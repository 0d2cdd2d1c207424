#include "condense/runtime/arena.hpp"

#include <gtest/gtest.h>

#include "condense/core/random.hpp"

namespace condense::runtime {
namespace {

bool used(const Lifetime& buffer) { return buffer.first <= buffer.last && buffer.bytes > 0; }

/// Every property that a plan promises.
void expect_valid(std::span<const Lifetime> buffers, const ArenaPlan& plan, std::size_t alignment) {
  ASSERT_EQ(plan.offsets.size(), buffers.size());
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    if (!used(buffers[i])) continue;
    ASSERT_EQ(plan.offsets[i] % alignment, 0U) << i;
    ASSERT_LE(plan.offsets[i] + buffers[i].bytes, plan.bytes) << i;
    for (std::size_t j = 0; j < i; ++j) {
      const bool together = buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
      if (!together || !used(buffers[j])) continue;
      const bool apart = plan.offsets[i] + buffers[i].bytes <= plan.offsets[j] ||
                         plan.offsets[j] + buffers[j].bytes <= plan.offsets[i];
      ASSERT_TRUE(apart) << "buffers " << i << " and " << j << " overlap";
    }
  }
  std::size_t most = 0;
  for (int step = 0; step < 100; ++step) {
    std::size_t alive = 0;
    for (const Lifetime& buffer : buffers) {
      if (buffer.first <= step && step <= buffer.last) alive += (buffer.bytes + alignment - 1) / alignment * alignment;
    }
    most = std::max(most, alive);
  }
  EXPECT_EQ(plan.lower_bound, most);
  EXPECT_GE(plan.bytes, plan.lower_bound);
}

TEST(PlanArena, NeverLetsLiveBuffersOverlap) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed);
    std::vector<Lifetime> buffers(random.below(40));
    for (Lifetime& buffer : buffers) {
      buffer.bytes = random.below(5) == 0 ? 0 : random.below(1000);
      buffer.first = static_cast<int>(random.below(60));
      buffer.last = buffer.first + static_cast<int>(random.below(30)) - 1;  // some are never used
    }
    for (const std::size_t alignment : {1U, 16U, 64U}) {
      expect_valid(buffers, plan_arena(buffers, alignment), alignment);
    }
  }
}

TEST(PlanArena, ReachesTheLowerBoundOfAChainOfEqualLayers) {
  // Each buffer is alive in the step that writes it and in the one that reads it.
  std::vector<Lifetime> buffers;
  for (int layer = 0; layer < 20; ++layer) buffers.push_back({640, layer, layer + 1});
  const ArenaPlan plan = plan_arena(buffers);
  expect_valid(buffers, plan, 64);
  EXPECT_EQ(plan.lower_bound, 1280U);
  EXPECT_EQ(plan.bytes, 1280U);
}

TEST(PlanArena, ReusesTheMemoryOfDeadBuffers) {
  const Lifetime buffers[] = {{100, 0, 1}, {100, 2, 3}, {100, 4, 9}};
  const ArenaPlan plan = plan_arena(buffers);
  EXPECT_EQ(plan.bytes, 128U);
  EXPECT_EQ(plan.lower_bound, 128U);
}

TEST(PlanArena, KeepsBuffersApartThatMeetInOneStep) {
  const Lifetime buffers[] = {{64, 0, 1}, {64, 1, 2}};
  EXPECT_EQ(plan_arena(buffers).bytes, 128U);
}

TEST(PlanArena, ReachesTheLowerBoundWhereTheLargestFirstDoNot) {
  // By size, 300 and 200 lie below each other and 250 above both; the best plan has 250 at the bottom.
  const Lifetime buffers[] = {{300 * 64, 0, 1}, {250 * 64, 1, 2}, {200 * 64, 2, 3}, {350 * 64, 3, 4}, {150 * 64, 0, 0}};
  const ArenaPlan plan = plan_arena(buffers);
  expect_valid(buffers, plan, 64);
  EXPECT_EQ(plan.bytes, plan.lower_bound);
}

TEST(PlanArena, IsWithinATenthOfTheLowerBoundForBuffersOfRandomLife) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    const std::uint32_t count = 10 + random.below(90);
    std::vector<Lifetime> buffers(count);
    for (Lifetime& buffer : buffers) {
      buffer.bytes = 64 * (1 + random.below(1 + random.below(2000)));
      buffer.first = static_cast<int>(random.below(count));
      buffer.last = buffer.first + static_cast<int>(random.below(1 + random.below(8)));
    }
    const ArenaPlan plan = plan_arena(buffers);
    EXPECT_LE(static_cast<double>(plan.bytes), 1.1 * static_cast<double>(plan.lower_bound)) << seed;
    EXPECT_EQ(plan.offsets, plan_arena(buffers).offsets) << "the same buffers have another plan";
  }
}

TEST(ArenaWithOffsets, IsThePlanOfItsOffsets) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    std::vector<Lifetime> buffers(random.below(30));
    for (Lifetime& buffer : buffers) {
      buffer.bytes = random.below(1000);
      buffer.first = static_cast<int>(random.below(20));
      buffer.last = buffer.first + static_cast<int>(random.below(10)) - 1;
    }
    ArenaPlan plan = plan_arena(buffers);
    const auto same = arena_with_offsets(buffers, plan.offsets);
    ASSERT_TRUE(same);
    EXPECT_EQ(same->bytes, plan.bytes);
    EXPECT_EQ(same->lower_bound, plan.lower_bound);
    for (std::size_t i = 0; i < buffers.size(); ++i) {  // onto one that is alive, too
      for (std::size_t j = 0; j < i; ++j) {
        const bool together = buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
        if (!together || !used(buffers[i]) || !used(buffers[j])) continue;
        std::vector<std::size_t> offsets = plan.offsets;
        offsets[i] = offsets[j];
        EXPECT_FALSE(arena_with_offsets(buffers, offsets));
      }
    }
  }
}

TEST(ArenaWithOffsets, RefusesOffsetsBeyondAllMemory) {
  const Lifetime buffers[] = {{64, 0, 1}};
  const std::size_t offsets[] = {~std::size_t{63}};
  EXPECT_FALSE(arena_with_offsets(buffers, offsets));
}

TEST(PlanArena, GivesNoMemoryToBuffersWithoutUse) {
  const Lifetime buffers[] = {{100, 3, 2}, {0, 0, 5}};
  EXPECT_EQ(plan_arena(buffers).bytes, 0U);
  EXPECT_EQ(plan_arena({}).bytes, 0U);
}

}  // namespace
}  // namespace condense::runtime
