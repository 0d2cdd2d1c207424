#include "condense/runtime/batch_plan.hpp"

#include <gtest/gtest.h>

#include "condense/core/random.hpp"
#include "support/throws.hpp"

namespace condense::runtime {
namespace {

using Times = std::vector<BatchPlan::Duration>;

Times nanoseconds(std::initializer_list<int> values) {
  Times times;
  for (const int value : values) times.emplace_back(value);
  return times;
}

/// Times of batches 1 to 32 that grow with the batch, by as much as they like.
Times random_times(std::uint64_t seed) {
  Random random(seed);
  Times times;
  int time = 1000;
  for (int i = 0; i < 6; ++i) times.emplace_back(time += static_cast<int>(random.below(3000)));
  return times;
}

/// The least time for n requests of all ways to run them that `BatchPlan` names.
double least_cost(const Times& times, Index n) {
  std::size_t above = 0;
  while ((Index{1} << above) < n) ++above;
  const auto whole = static_cast<double>(times[above].count());
  const Index filled = (Index{1} << above) / 2;
  if (n == Index{1} << above) return whole;
  return std::min(whole, static_cast<double>(times[above - 1].count()) + least_cost(times, n - filled));
}

TEST(BatchPlan, ServesWaitingRequestsInTheLeastTime) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Times times = random_times(seed);
    const BatchPlan plan(times);
    EXPECT_EQ(plan.largest(), 32);
    for (Index n = 1; n <= 32; ++n) {
      EXPECT_EQ(static_cast<double>(plan.cost(n).count()), least_cost(times, n)) << n;
      BatchPlan::Duration total{0};
      for (Index left = n; left > 0; left -= plan.next_run(left)) {
        ASSERT_GE(plan.next_run(left), 1);
        ASSERT_LE(plan.next_run(left), left);
        total += times[BatchPlan::size_index(plan.next_run(left))];
      }
      EXPECT_EQ(total, plan.cost(n)) << n;
    }
  }
}

TEST(BatchPlan, WaitsExactlyWhileThatServesMoreRequestsASecond) {
  const auto pays = [](const Times& times, Index n, double gap) {
    const double now = static_cast<double>(n) / least_cost(times, n);
    for (Index m = 1; m <= 32; m *= 2) {
      const double rate = static_cast<double>(m) / (static_cast<double>(m - n) * gap + least_cost(times, m));
      if (m > n && rate > now) return true;
    }
    return false;
  };
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Times times = random_times(seed);
    const BatchPlan plan(times);
    for (Index n = 1; n < 32; ++n) {
      const auto patience = static_cast<double>(plan.patience(n).count());  // rounded down to nanoseconds
      EXPECT_FALSE(pays(times, n, patience + 1.001)) << n;
      if (patience > 0) {
        EXPECT_TRUE(pays(times, n, patience - 0.001)) << n;
      }
    }
    EXPECT_EQ(plan.patience(32).count(), 0);
  }
}

TEST(BatchPlan, WaitsForTheCostOfARunSharedByThoseThatWait) {
  const BatchPlan plan(nanoseconds({1300, 1600, 2200, 3400, 5800}));  // 1000 + 300 n
  for (const Index n : {1, 2, 4, 8}) EXPECT_EQ(plan.patience(n).count(), 1000 / n);
}

TEST(BatchPlan, NeverWaitsWhereBatchesGainNothing) {
  const BatchPlan plan(nanoseconds({100, 200, 400, 800}));
  for (Index n = 1; n <= 8; ++n) EXPECT_EQ(plan.patience(n).count(), 0) << n;
  EXPECT_EQ(plan.next_run(5), 4);
  EXPECT_EQ(plan.next_run(1), 1);
}

TEST(BatchPlan, PadsWhereThatIsFaster) {
  const BatchPlan plan(nanoseconds({100, 101, 102, 103}));
  EXPECT_EQ(plan.next_run(5), 5);
  EXPECT_EQ(plan.cost(5).count(), 103);
  EXPECT_EQ(plan.cost(1000), plan.cost(8));
}

TEST(BatchPlan, TakesAFasterLargerRunForNoise) {
  const BatchPlan plan(nanoseconds({10, 8, 20}));
  EXPECT_EQ(plan.cost(1).count(), 10);
  EXPECT_EQ(plan.cost(2).count(), 10);
  EXPECT_EQ(plan.cost(4).count(), 20);
}

TEST(BatchPlan, RefusesTimesThatCannotBe) {
  EXPECT_TRUE(throws<InvalidArgument>("not 0", [] { BatchPlan(Times{}); }));
  EXPECT_TRUE(throws<InvalidArgument>("a run of 2 requests takes -5 ns", [] { BatchPlan(nanoseconds({4, -5})); }));
}

}  // namespace
}  // namespace condense::runtime
