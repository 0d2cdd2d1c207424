#include "condense/prune/schedule.hpp"

#include <gtest/gtest.h>

#include "support/throws.hpp"

namespace condense::prune {
namespace {

TEST(SparsitySchedule, StartsAndEndsWhereItIsTold) {
  const std::vector<SparsitySchedule> schedules{LinearSparsity{0.1, 0.8}, CubicSparsity{0.1, 0.8},
                                                ExponentialSparsity{0.1, 0.8}};
  for (const SparsitySchedule& schedule : schedules) {
    EXPECT_NEAR(schedule({.step = 0, .total = 50}), 0.1, 1e-15);
    EXPECT_NEAR(schedule({.step = 50, .total = 50}), 0.8, 1e-15);
    EXPECT_EQ(schedule({.step = -3, .total = 50}), schedule({.step = 0, .total = 50}));
    EXPECT_EQ(schedule({.step = 90, .total = 50}), schedule({.step = 50, .total = 50}));
    for (Index step = 1; step <= 50; ++step) {
      EXPECT_GT(schedule({.step = step, .total = 50}), schedule({.step = step - 1, .total = 50}));
    }
  }
}

TEST(SparsitySchedule, FollowsItsFormula) {
  EXPECT_EQ(OneShotSparsity{0.6}({.step = 0, .total = 9}), 0.6);
  EXPECT_NEAR((LinearSparsity{0, 0.8}({.step = 1, .total = 4})), 0.2, 1e-15);
  EXPECT_NEAR((CubicSparsity{0, 0.8}({.step = 1, .total = 2})), 0.8 * (1 - 0.125), 1e-15);
  const ExponentialSparsity exponential{0, 1 - 0.8 * 0.8 * 0.8};
  EXPECT_NEAR(exponential({.step = 1, .total = 3}), 0.2, 1e-15);  // 20 % of what is left each
  EXPECT_NEAR(exponential({.step = 2, .total = 3}), 0.36, 1e-15);
}

TEST(SparsitySchedule, ProgressiveRoundsAddUpToTheTarget) {
  const ProgressiveSparsity rounds{.target = 0.33};
  EXPECT_NEAR(rounds({.step = 0}), 0.2, 1e-15);
  EXPECT_NEAR(rounds({.step = 1}), 0.25, 1e-15);
  EXPECT_NEAR(rounds({.step = 2}), 0.3, 1e-15);
  EXPECT_NEAR(rounds({.step = 3}), 0.33, 1e-15);
  EXPECT_NEAR(rounds({.step = 9}), 0.33, 1e-15);
}

TEST(SparsitySchedule, RefusesWhatIsNoSparsity) {
  EXPECT_TRUE(throws<InvalidArgument>("1", [] { OneShotSparsity{1}({}); }));
  EXPECT_TRUE(throws<InvalidArgument>("-0.5", [] { CubicSparsity{.initial = -0.5}({}); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 0", [] { LinearSparsity{}({.step = 0, .total = 0}); }));
  EXPECT_TRUE(throws<InvalidArgument>("-1", [] { ProgressiveSparsity{.increment = -1}({}); }));
}

}  // namespace
}  // namespace condense::prune
