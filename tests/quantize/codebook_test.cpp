#include "condense/quantize/codebook.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "support/throws.hpp"

namespace condense::quantize {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Codebook, TakesTheNearestLevelAndOfTwoTheOneFurtherFromZero) {
  const Codebook codebook({-4, -1, 0, 2, 3});
  struct Row {
    float x;
    float level;
  };
  for (const Row& row : {Row{-kInfinity, -4}, Row{-9, -4}, Row{-2.51F, -4}, Row{-2.5F, -4}, Row{-2.49F, -1},
                         Row{-0.5F, -1}, Row{-0.49F, 0}, Row{-0.0F, 0}, Row{0, 0}, Row{0.99F, 0}, Row{1, 2},
                         Row{2.49F, 2}, Row{2.5F, 3}, Row{9, 3}, Row{kInfinity, 3}, Row{kNan, -4}}) {
    EXPECT_EQ(codebook.decode(codebook.encode(row.x)), row.level) << row.x;
  }
}

TEST(Codebook, CountsZeroAsPositiveWhereItIsATie) {
  const Codebook codebook({-1, 1});
  EXPECT_EQ(codebook.encode(0), 1);
  EXPECT_EQ(codebook.encode(-0.0F), 1);
  EXPECT_EQ(codebook.encode(-1e-30F), 0);
}

TEST(Codebook, EncodesEveryLevelToItsIndexUpTo256) {
  std::vector<float> levels(256);
  for (std::size_t i = 0; i < levels.size(); ++i) levels[i] = std::sinh(0.05F * (static_cast<float>(i) - 100));
  const Codebook codebook(levels);
  for (int i = 0; i < 256; ++i) EXPECT_EQ(codebook.encode(codebook.decode(i)), i);
  EXPECT_EQ(codebook.thresholds().size(), 255U);
}

TEST(Codebook, DividesAtGivenThresholds) {
  const Codebook codebook({0, 1, 4}, {0.25F, 4});
  EXPECT_EQ(codebook.encode(0.24F), 0);
  EXPECT_EQ(codebook.encode(0.25F), 1);
  EXPECT_EQ(codebook.encode(3.9F), 1);
  EXPECT_EQ(codebook.encode(4), 2);
}

TEST(Codebook, ScalesTheLargestLevelToTheRange) {
  EXPECT_EQ(Codebook({-4, 0, 2}).parameters({-1, 8}), (Affine{2, 0}));
  EXPECT_EQ(Codebook({-1, 5}).parameters({-10, 3}), (Affine{2, 0}));
  EXPECT_EQ(Codebook({0, 5}).parameters({0, 10}), (Affine{2, 0}));
  EXPECT_EQ(Codebook({0, 5}).parameters({0, 0}), Affine{});
  EXPECT_TRUE(throws<InvalidArgument>("[-0.5, 1]", [] { Codebook({0, 5}).parameters({-0.5F, 1}); }));
  EXPECT_TRUE(throws<InvalidArgument>("[-1, nan]", [] { Codebook({-1, 5}).parameters({-1, kNan}); }));
}

TEST(Codebook, RefusesLevelsAndThresholdsOutOfOrder) {
  EXPECT_TRUE(throws<InvalidArgument>("not 1", [] { Codebook(std::vector<float>{3}); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 257", [] {
    std::vector<float> levels(257);
    std::iota(levels.begin(), levels.end(), 0.0F);
    Codebook codebook(levels);
  }));
  EXPECT_TRUE(throws<InvalidArgument>("level 2 of a codebook is 1", [] { Codebook({0, 1, 1}); }));
  EXPECT_TRUE(throws<InvalidArgument>("level 1 of a codebook is nan", [] { Codebook({0, kNan, 1}); }));
  EXPECT_TRUE(throws<InvalidArgument>("level 0 of a codebook is -inf", [] { Codebook({-kInfinity, 1}); }));
  EXPECT_TRUE(throws<InvalidArgument>("2 thresholds", [] { Codebook({0, 1, 2}, {0.5F}); }));
  EXPECT_TRUE(throws<InvalidArgument>("threshold 1 is 0.75", [] { Codebook({0, 1, 2}, {0.5F, 0.75F}); }));
  EXPECT_TRUE(throws<InvalidArgument>("threshold 0 is nan", [] { Codebook({0, 1}, {kNan}); }));
}

TEST(IntegerLevels, AreTheLevelsIfEveryOneIsInt8) {
  using Levels = std::vector<float>;
  EXPECT_EQ(integer_levels(Levels{-128, -1, 0, 127}), (std::vector<std::int8_t>{-128, -1, 0, 127}));
  EXPECT_EQ(integer_levels(Levels{}), std::vector<std::int8_t>{});
  for (const Levels& levels :
       {Levels{0, 0.5F}, Levels{0, 128}, Levels{-129, 0}, Levels{0, kNan}, Levels{0, kInfinity}}) {
    EXPECT_EQ(integer_levels(levels), std::nullopt) << levels.back();
  }
}

}  // namespace
}  // namespace condense::quantize
