#include "condense/prune/scores.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "condense/prune/activation_statistics.hpp"
#include "condense/prune/channel_scores.hpp"
#include "condense/prune/movement.hpp"
#include "support/throws.hpp"

namespace condense::prune {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Tensor normal(const Shape& shape, std::uint64_t seed) {
  Random random(seed);
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.mutable_values<float>()) value = random.normal();
  return tensor;
}

TEST(ElementScores, FollowTheirFormulas) {
  const Tensor weights = Tensor::of<float>({2, 2}, {1, -2, 0, 4});
  const Tensor gradient = Tensor::of<float>({2, 2}, {3, 1, 5, -0.5F});
  EXPECT_EQ(magnitude_scores(weights), Tensor::of<float>({2, 2}, {1, 2, 0, 4}));
  EXPECT_EQ(taylor_scores(weights, gradient), Tensor::of<float>({2, 2}, {9, 4, 0, 4}));
  EXPECT_EQ(wanda_scores(weights, Tensor::of<float>({2}, {10, 0.5F})), Tensor::of<float>({2, 2}, {10, 1, 0, 2}));
}

TEST(ElementScores, RandomOnesFollowTheSeed) {
  EXPECT_EQ(random_scores({4, 5}, 3), random_scores({4, 5}, 3));
  EXPECT_FALSE(random_scores({4, 5}, 3) == random_scores({4, 5}, 4));
  EXPECT_FALSE(random_scores({4, 5}, 3) == random_scores({4, 5}, 3, 1));
}

TEST(ElementScores, RefuseNumbersThatAreNotFiniteByTheirIndex) {
  const Tensor weights = Tensor::of<float>({3}, {1, kNan, 2});
  EXPECT_TRUE(throws<InvalidArgument>("element 1", [&] { magnitude_scores(weights); }));
  const Tensor good = Tensor::of<float>({3}, {1, 1, 2});
  EXPECT_TRUE(throws<InvalidArgument>("gradient is nan", [&] { taylor_scores(good, weights); }));
  EXPECT_TRUE(throws<InvalidArgument>("(2)", [&] { taylor_scores(good, Tensor(DataType::float32, {2})); }));
  EXPECT_TRUE(throws<InvalidArgument>("norms", [&] { wanda_scores(good.reshaped({1, 3}), weights); }));
}

TEST(Movement, SumsWhatTheGradientMovesAwayFromZero) {
  MovementScores movement({3});
  movement.observe(Tensor::of<float>({3}, {2, 1, -1}), Tensor::of<float>({3}, {-1, 1, 1}));
  movement.observe(Tensor::of<float>({3}, {3, 0.5F, -2}), Tensor::of<float>({3}, {-1, 1, 0}));
  // 2 and 3 grew (score > 0), 1 and 0.5 shrank, -1 grew away from zero
  EXPECT_EQ(movement.scores(), Tensor::of<float>({3}, {5, -1.5F, 1}));
  EXPECT_EQ(MovementScores(movement.scores()).scores(), movement.scores());
}

/// The elements of an index along an axis, by their coordinates.
std::vector<double> slice(const Tensor& tensor, int axis, Index channel) {
  std::vector<double> result;
  const Shape& shape = tensor.shape();
  for (Index i = 0; i < tensor.count(); ++i) {
    if (i / shape.count(axis + 1, shape.rank()) % shape[axis] == channel) {
      result.push_back(static_cast<double>(tensor.data<float>()[i]));
    }
  }
  return result;
}

TEST(ChannelScores, AreThoseOfTheirSlicesAlongAnyAxis) {
  const Tensor weights = normal({4, 3, 5}, 1);
  const Tensor gradient = normal({4, 3, 5}, 2);
  for (int axis = 0; axis < 3; ++axis) {
    const Tensor l1 = channel_l1_scores(weights, axis);
    const Tensor l2 = channel_l2_scores(weights, axis - 3);
    const Tensor median = channel_geometric_median_scores(weights, axis);
    const Tensor squares = channel_taylor_scores(weights, gradient, axis);
    const Tensor squared = channel_taylor_scores(weights, gradient, axis, TaylorSum::squared);
    const Index channels = weights.shape()[axis];
    ASSERT_EQ(l1.shape(), Shape{channels});
    for (Index c = 0; c < channels; ++c) {
      const std::vector<double> w = slice(weights, axis, c);
      const std::vector<double> g = slice(gradient, axis, c);
      double sum = 0, sum_squares = 0, sum_taylor = 0, change = 0, distances = 0;
      for (std::size_t i = 0; i < w.size(); ++i) {
        sum += std::abs(w[i]);
        sum_squares += w[i] * w[i];
        sum_taylor += w[i] * g[i] * w[i] * g[i];
        change += w[i] * g[i];
      }
      for (Index other = 0; other < channels; ++other) {
        const std::vector<double> o = slice(weights, axis, other);
        double distance = 0;
        for (std::size_t i = 0; i < w.size(); ++i) distance += (w[i] - o[i]) * (w[i] - o[i]);
        distances += std::sqrt(distance);
      }
      EXPECT_NEAR(l1.data<float>()[c], sum, 1e-5);
      EXPECT_NEAR(l2.data<float>()[c], std::sqrt(sum_squares), 1e-5);
      EXPECT_NEAR(median.data<float>()[c], distances, 1e-5);
      EXPECT_NEAR(squares.data<float>()[c], sum_taylor, 1e-5);
      EXPECT_NEAR(squared.data<float>()[c], change * change, 1e-5);
    }
  }
}

TEST(ChannelScores, TheGeometricMedianScoresLeast) {
  // Three corners of a triangle and its middle: the middle can be replaced, although it is not the shortest.
  const Tensor weights = Tensor::of<float>({4, 2}, {5, 5, 6, 5, 5.5F, 6, 5.5F, 5.3F});
  const Tensor scores = channel_geometric_median_scores(weights);
  EXPECT_EQ(std::ranges::min_element(scores.values<float>()) - scores.values<float>().begin(), 3);
}

TEST(ChannelScores, BatchNormalizationCountsByItsScale) {
  EXPECT_EQ(batch_norm_scores(Tensor::of<float>({3}, {-2, 0.5F, 0})), Tensor::of<float>({3}, {2, 0.5F, 0}));
  EXPECT_TRUE(throws<InvalidArgument>("(2 x 2)", [] { batch_norm_scores(Tensor(DataType::float32, {2, 2})); }));
}

TEST(ActivationStatistics, MeasureEveryChannel) {
  ActivationStatistics statistics(2);
  statistics.observe(Tensor::of<float>({1, 2, 2}, {3, 0, -4, 4}));
  statistics.observe(Tensor::of<float>({1, 2, 2}, {4, 0, 0, 0}));
  EXPECT_EQ(statistics.mean_magnitudes(), Tensor::of<float>({2}, {7.0F / 4, 2}));
  EXPECT_EQ(statistics.nonzero_shares(), Tensor::of<float>({2}, {0.5F, 0.5F}));
  EXPECT_EQ(statistics.norms(), Tensor::of<float>({2}, {5, std::sqrt(32.0F)}));
}

TEST(ActivationStatistics, MergeToThoseOfBothStreams) {
  const Tensor a = normal({3, 4, 5}, 1);
  const Tensor b = normal({2, 4, 7}, 2);
  ActivationStatistics both(4), first(4), second(4);
  both.observe(a);
  both.observe(b);
  first.observe(a);
  second.observe(b);
  first.merge(second);
  for (Index c = 0; c < 4; ++c) {
    EXPECT_FLOAT_EQ(first.mean_magnitudes().data<float>()[c], both.mean_magnitudes().data<float>()[c]);
    EXPECT_FLOAT_EQ(first.norms().data<float>()[c], both.norms().data<float>()[c]);
  }
  EXPECT_EQ(first.nonzero_shares(), both.nonzero_shares());
}

TEST(ActivationStatistics, RefuseWhatTheyCannotUse) {
  ActivationStatistics statistics(2);
  EXPECT_TRUE(throws<InvalidArgument>("0 values", [&] { statistics.mean_magnitudes(); }));
  EXPECT_TRUE(throws<InvalidArgument>("3 channels", [&] { statistics.observe(normal({1, 3, 2}, 1)); }));
  EXPECT_TRUE(throws<InvalidArgument>("element 1", [&] { statistics.observe(Tensor::of<float>({1, 2}, {0, kNan})); }));
  EXPECT_TRUE(throws<InvalidArgument>("2 and 3", [&] { statistics.merge(ActivationStatistics(3)); }));
}

}  // namespace
}  // namespace condense::prune
