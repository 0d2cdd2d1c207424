#include "condense/kernels/gemm/detail/quad_plan.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "condense/core/random.hpp"

namespace condense::kernels::detail {
namespace {

/// Weights of one vector of columns, (columns x depth).
struct Columns {
  explicit Columns(Index quad_count) : quads(quad_count), weights(static_cast<std::size_t>(32 * quad_count)) {}

  int operator()(Index column, Index k) const { return weights[static_cast<std::size_t>(column * 4 * quads + k)]; }

  Index quads;
  std::vector<int> weights;
};

Columns uniform(Index quads, int magnitude, Random& random) {
  Columns columns(quads);
  for (int& w : columns.weights) {
    w = static_cast<int>(random.below(2 * static_cast<std::uint32_t>(magnitude) + 1)) - magnitude;
  }
  return columns;
}

/// Normally distributed, with `deviations` of the largest code's magnitude.
Columns normal(Index quads, float deviations, Random& random) {
  Columns columns(quads);
  for (int& w : columns.weights) {
    const float code = std::nearbyint(random.normal() * 127 / deviations);
    w = static_cast<int>(std::fmin(std::fmax(code, -127.0F), 127.0F));
  }
  return columns;
}

QuadPlan plan_of(const Columns& columns) { return QuadPlan(columns.quads, columns); }

/// The largest magnitude that products added in 16 bits can reach for unsigned bytes.
int largest_sum(const Columns& columns, const QuadPlan::Entry& one, const QuadPlan::Entry& two) {
  int largest = 0;
  for (Index column = 0; column < QuadPlan::kColumns; ++column) {
    for (int pair = 0; pair < 2; ++pair) {
      int highest = 0;
      int lowest = 0;
      for (const QuadPlan::Entry& entry : {one, two}) {
        for (int i = 0; i < 2; ++i) {
          const int weight = columns(column, 4 * entry.quad + QuadPlan::kOrders[entry.pairing][2 * pair + i]);
          (weight > 0 ? highest : lowest) += 255 * weight;
        }
      }
      largest = std::max({largest, highest, -lowest});
    }
  }
  return largest;
}

TEST(QuadPlan, PutsTogetherWhatFits16BitsAndNamesEveryQuadOnce) {
  Random random(1);
  for (const Index quads : {1, 2, 3, 7, 16, 63, 64}) {
    for (const int magnitude : {1, 30, 40, 60, 90, 127}) {
      const Columns columns = uniform(quads, magnitude, random);
      const QuadPlan plan = plan_of(columns);
      ASSERT_EQ(plan.together() % 2, 0);
      ASSERT_LE(plan.together(), quads);
      for (Index i = 0; i < plan.together(); i += 2) {
        ASSERT_LE(largest_sum(columns, plan[i], plan[i + 1]), 32767) << quads << " quads within " << magnitude;
      }
      std::vector<int> named(static_cast<std::size_t>(quads), 0);
      for (Index i = 0; i < quads; ++i) ++named[static_cast<std::size_t>(plan[i].quad)];
      ASSERT_EQ(named, std::vector<int>(static_cast<std::size_t>(quads), 1));
    }
  }
}

TEST(QuadPlan, PutsAllTogetherUpToMagnitudesOf32) {
  Columns columns(64);
  for (const int weight : {32, -32}) {
    columns.weights.assign(columns.weights.size(), weight);
    EXPECT_EQ(plan_of(columns).together(), 64) << weight;
  }
  columns.weights.assign(columns.weights.size(), 33);
  EXPECT_EQ(plan_of(columns).together(), 0);
}

TEST(QuadPlan, MeetsALargeWeightWithNoneOfItsSign) {
  // Two quads, each with a pair that takes the whole range: together they fit only if these pairs do not meet.
  Columns columns(2);
  columns.weights = {100, 0, 28, 0, 0, 100, 0, 28};
  columns.weights.resize(64, 0);
  const QuadPlan plan = plan_of(columns);
  ASSERT_EQ(plan.together(), 2);
  EXPECT_LE(largest_sum(columns, plan[0], plan[1]), 255 * 128);
  columns.weights[2] = 101;
  columns.weights[5] = 101;
  columns.weights[6] = 101;
  EXPECT_EQ(plan_of(columns).together(), 0);
}

TEST(QuadPlan, FindsPartnersForMostNormalWeightsAndNoUniformOnes) {
  Random random(2);
  Index fewer = 0;
  Index most = 0;
  Index none = 0;
  for (int i = 0; i < 50; ++i) {
    fewer += plan_of(normal(64, 3.3F, random)).together();
    most += plan_of(normal(64, 3.6F, random)).together();
    none += plan_of(uniform(64, 127, random)).together();
  }
  EXPECT_GT(fewer, 50 * 64 * 8 / 10);
  EXPECT_GT(most, 50 * 64 * 9 / 10);
  EXPECT_EQ(none, 0);
}

}  // namespace
}  // namespace condense::kernels::detail
