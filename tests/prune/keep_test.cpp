#include "condense/prune/keep.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "condense/core/random.hpp"
#include "condense/prune/pattern.hpp"
#include "support/throws.hpp"

namespace condense::prune {
namespace {

/// Scores of few different values, so that there are many ties.
Tensor scores_with_ties(const Shape& shape, std::uint64_t seed, std::uint32_t different = 4) {
  Random random(seed);
  Tensor scores(DataType::float32, shape);
  for (float& score : scores.mutable_values<float>()) score = static_cast<float>(random.below(different)) - 1;
  return scores;
}

/// The definition: sorted by score, equal ones by their index.
std::vector<Index> sorted_highest(std::span<const float> scores, Index kept) {
  std::vector<Index> order(scores.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::stable_sort(order, [&](Index a, Index b) {
    return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
  });
  order.resize(static_cast<std::size_t>(kept));
  std::ranges::sort(order);
  return order;
}

TEST(Highest, AreThoseOfAStableSort) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Tensor scores = scores_with_ties({17}, seed, seed % 2 == 0 ? 3 : 1000);
    for (Index kept = 0; kept <= 17; ++kept) {
      EXPECT_EQ(highest(scores.values<float>(), kept), sorted_highest(scores.values<float>(), kept));
    }
  }
}

TEST(Highest, OrderInfiniteScores) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> scores{-kInfinity, 1, kInfinity, -kInfinity, 0};
  EXPECT_EQ(highest(scores, 4), (std::vector<Index>{0, 1, 2, 4}));
  EXPECT_EQ(highest(scores, 0), std::vector<Index>{});
}

TEST(KeptCount, RoundsToTheNearestNumber) {
  EXPECT_EQ(kept_count(10, 0), 10);
  EXPECT_EQ(kept_count(10, 0.9), 1);
  EXPECT_EQ(kept_count(10, 0.94), 1);
  EXPECT_EQ(kept_count(10, 0.96), 0);
  EXPECT_EQ(kept_count(3, 0.5), 1);  // 1.5 go: 2
  EXPECT_EQ(kept_count(0, 0.5), 0);
  EXPECT_TRUE(throws<InvalidArgument>("1", [] { kept_count(3, 1); }));
  EXPECT_TRUE(throws<InvalidArgument>("-0.1", [] { kept_count(3, -0.1); }));
  EXPECT_TRUE(throws<InvalidArgument>("nan", [] { kept_count(3, std::nan("")); }));
}

TEST(KeepHighest, KeepsExactlyItsShareWhateverTheTies) {
  const Tensor scores = scores_with_ties({9, 7}, 1, 2);
  for (const double sparsity : {0.0, 0.1, 0.5, 0.77, 0.99}) {
    EXPECT_EQ(keep_highest(scores, sparsity).kept(), kept_count(63, sparsity));
    const Mask rows = keep_highest_of_rows(scores, sparsity);
    for (Index row = 0; row < 9; ++row) {
      Index kept = 0;
      for (Index i = 0; i < 7; ++i) kept += rows.keeps(row * 7 + i) ? 1 : 0;
      EXPECT_EQ(kept, kept_count(7, sparsity));
    }
  }
}

TEST(KeepHighestOfAll, HasOneThresholdForAllTensors) {
  const std::vector<Tensor> scores{scores_with_ties({4, 5}, 1), scores_with_ties({30}, 2), scores_with_ties({2, 3}, 3)};
  std::vector<float> all;
  for (const Tensor& tensor : scores)
    all.insert(all.end(), tensor.values<float>().begin(), tensor.values<float>().end());
  for (const double sparsity : {0.0, 0.3, 0.5, 0.9}) {
    const std::vector<Index> expected = sorted_highest(all, kept_count(56, sparsity));
    std::vector<Index> kept;
    Index first = 0;
    for (const Mask& mask : keep_highest_of_all(scores, sparsity)) {
      for (Index i = 0; i < mask.count(); ++i) {
        if (mask.keeps(i)) kept.push_back(first + i);
      }
      first += mask.count();
    }
    EXPECT_EQ(kept, expected);
  }
  EXPECT_TRUE(keep_highest_of_all({}, 0.5).empty());
}

TEST(KeepNOfM, KeepsExactlyNOfEveryMAlongAnyAxis) {
  const Tensor scores = scores_with_ties({4, 11, 6}, 1);
  for (int axis = 0; axis < 3; ++axis) {
    const Index extent = scores.shape()[axis];
    const Index step = scores.shape().count(axis + 1, 3);
    for (const auto& [n, m] : {std::pair<Index, Index>{2, 4}, {1, 4}, {3, 3}, {1, 100}}) {
      const Mask mask = keep_n_of_m(scores, n, m, axis);
      for (Index element = 0; element < scores.count(); ++element) {
        const Index place = element / step % extent;
        if (place % m != 0) continue;
        std::vector<float> group;
        for (Index k = place; k < std::min(place + m, extent); ++k) {
          group.push_back(scores.data<float>()[element + (k - place) * step]);
        }
        const Index kept = std::min(n, static_cast<Index>(group.size()));  // a rest is filled up with zeros
        std::vector<Index> actual;
        for (std::size_t k = 0; k < group.size(); ++k) {
          if (mask.keeps(element + static_cast<Index>(k) * step)) actual.push_back(static_cast<Index>(k));
        }
        EXPECT_EQ(actual, sorted_highest(group, kept));
      }
    }
  }
}

TEST(KeepBlocks, KeepsWholeBlocksByTheirMeans) {
  // Blocks of 2 x 2 of a matrix 3 x 4: means 1, 5; and in the last row, of 1 x 2: 6, 0.
  const Tensor scores = Tensor::of<float>({3, 4}, {1, 1, 4, 6, 1, 1, 5, 5, 7, 5, 0, 0});
  EXPECT_EQ(keep_blocks(scores, {2, 2}, 0.75),
            Mask(Shape{3, 4}, std::vector<std::uint8_t>{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0}));
  EXPECT_EQ(keep_blocks(scores, {2, 2}, 0.5),
            Mask(Shape{3, 4}, std::vector<std::uint8_t>{0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0}));
  EXPECT_EQ(keep_blocks(scores, {1, 1}, 0.5), keep_highest(scores, 0.5));
  EXPECT_EQ(keep_blocks(scores, {8, 8}, 0.4).kept(), 12);
}

TEST(KeepChannels, KeepsIndicesOfAnAxis) {
  const std::vector<Index> kept{0, 2};
  EXPECT_EQ(keep_channels({2, 3}, 1, kept), Mask(Shape{2, 3}, std::vector<std::uint8_t>{1, 0, 1, 1, 0, 1}));
  EXPECT_EQ(keep_channels({3, 2}, 0, kept), Mask(Shape{3, 2}, std::vector<std::uint8_t>{1, 1, 0, 0, 1, 1}));
  EXPECT_TRUE(throws<InvalidArgument>("channel 2", [&] { keep_channels({2, 2}, 0, kept); }));
}

TEST(Keep, RefusesWhatCannotBe) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor scores = Tensor::of<float>({1, 3}, {1, 2, nan});
  const std::vector<Tensor> tensors{Tensor(DataType::float32, {2}), scores};
  EXPECT_TRUE(throws<InvalidArgument>("score 2", [&] { keep_highest(scores, 0.5); }));
  EXPECT_TRUE(throws<InvalidArgument>("score 2 of tensor 1", [&] { keep_highest_of_all(tensors, 0.5); }));
  EXPECT_TRUE(throws<InvalidArgument>("score 2", [&] { keep_highest_of_rows(scores, 0.5); }));
  EXPECT_TRUE(throws<InvalidArgument>("score 2", [&] { keep_n_of_m(scores, 1, 2); }));
  EXPECT_TRUE(throws<InvalidArgument>("score 2", [&] { keep_blocks(scores, {1, 1}, 0.5); }));
  EXPECT_TRUE(throws<InvalidArgument>("5 of 4", [&] { keep_n_of_m(tensors[0], 5, 4); }));
  EXPECT_TRUE(throws<InvalidArgument>("0 of 4", [&] { keep_n_of_m(tensors[0], 0, 4); }));
  EXPECT_TRUE(throws<InvalidArgument>("axis 1", [&] { keep_n_of_m(tensors[0], 2, 4, 1); }));
  EXPECT_TRUE(throws<InvalidArgument>("(1 x 0)", [&] { keep_blocks(Tensor(DataType::float32, {1, 3}), {1, 0}, 0.5); }));
  EXPECT_TRUE(throws<InvalidArgument>("4 of 3", [&] { highest(std::vector<float>{1, 2, 3}, 4); }));
}

TEST(Pattern, ChoosesTheMask) {
  const Tensor scores = scores_with_ties({6, 10}, 5, 100);
  EXPECT_EQ(keep_by_pattern(scores, Pattern::unstructured(), 0.7), keep_highest(scores, 0.7));
  EXPECT_EQ(keep_by_pattern(scores, Pattern::per_row(), 0.7), keep_highest_of_rows(scores, 0.7));
  EXPECT_EQ(keep_by_pattern(scores, Pattern::blocks(2, 5), 0.5), keep_blocks(scores, {2, 5}, 0.5));
  EXPECT_EQ(keep_by_pattern(scores, Pattern::n_of_m(2, 4), 0.9), keep_n_of_m(scores, 2, 4));
  EXPECT_EQ(keep_by_pattern(scores, Pattern::n_of_m(2, 4), 0.25), keep_n_of_m(scores, 3, 4));
  EXPECT_EQ(keep_by_pattern(scores, Pattern::n_of_m(2, 4), 0.2).kept(), 60);
  EXPECT_EQ(Pattern::n_of_m(2, 4).name(), "2:4");
  EXPECT_TRUE(throws<InvalidArgument>("3 of 2", [&] { keep_by_pattern(scores, Pattern::n_of_m(3, 2), 0.5); }));
  EXPECT_TRUE(throws<InvalidArgument>("0 x 4", [&] { keep_by_pattern(scores, Pattern::blocks(0, 4), 0.5); }));
}

}  // namespace
}  // namespace condense::prune
