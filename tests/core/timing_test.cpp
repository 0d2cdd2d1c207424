#include "condense/core/timing.hpp"

#include <gtest/gtest.h>

#include "support/throws.hpp"

namespace condense {
namespace {

TEST(Quantile, TakesTheValueAtAShareOfTheOrder) {
  const std::vector<double> values{5, 1, 4, 2, 3};
  EXPECT_EQ(quantile(values, 0), 1);
  EXPECT_EQ(quantile(values, 0.5), 3);
  EXPECT_EQ(quantile(values, 0.9), 5);
  EXPECT_EQ(quantile(values, 1), 5);
  EXPECT_EQ(quantile({7}, 0.3), 7);
}

TEST(Median, IsTheUpperOneOfTwo) {
  EXPECT_EQ(median({2, 1}), 2);
  EXPECT_EQ(median({3, 1, 2}), 2);
}

TEST(Quantile, RefusesWhatHasNone) {
  EXPECT_TRUE(throws<InvalidArgument>("no values", [] { quantile({}, 0.5); }));
  EXPECT_TRUE(throws<InvalidArgument>("1.5", [] { quantile({1}, 1.5); }));
}

TEST(Clock, NeverGoesBack) {
  for (const Clock clock : {Clock::thread, Clock::wall}) {
    double last = seconds_now(clock);
    for (int i = 0; i < 1000; ++i) {
      const double now = seconds_now(clock);
      ASSERT_GE(now, last);
      last = now;
    }
    EXPECT_GE(seconds_of([] {}, clock), 0);
  }
}

}  // namespace
}  // namespace condense
