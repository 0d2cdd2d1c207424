#include "condense/linalg/product.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "condense/core/random.hpp"

namespace condense::linalg {
namespace {

/// A matrix (rows x columns) of random numbers, stored as a factor may be, with room between the rows.
struct Stored {
  std::vector<float> values;
  Factor<float> factor;

  Stored(Index rows, Index columns, bool transposed, Index room, Random& random) {
    const Index outer = transposed ? columns : rows;
    const Index stride = (transposed ? rows : columns) + room;
    values.resize(static_cast<std::size_t>(outer * stride));
    for (float& value : values) value = random.normal();
    factor = {values.data(), rows, columns, stride, transposed};
  }

  double at(Index row, Index column) const {
    const Index element = factor.transposed ? column * factor.stride + row : row * factor.stride + column;
    return static_cast<double>(values[static_cast<std::size_t>(element)]);
  }
};

struct Sizes {
  Index rows, depth, columns;
};

class Product : public testing::TestWithParam<Sizes> {};

// K products and sums in any order are off by at most about (K + 3) * 2^-24 * sum |a * b|.
TEST_P(Product, IsTheSumOfProductsHoweverItsFactorsAreStored) {
  const auto& [rows, depth, columns] = GetParam();
  constexpr float kAlpha = 0.75F;
  constexpr float kBefore = 2;
  constexpr Index kRoom = 3;
  Random random(static_cast<std::uint64_t>(rows * 1000 + columns), static_cast<std::uint64_t>(depth));
  for (const bool left : {false, true}) {
    for (const bool right : {false, true}) {
      const Stored a(rows, depth, left, kRoom, random);
      const Stored b(depth, columns, right, kRoom, random);
      const Index stride = columns + kRoom;
      std::vector<float> product(static_cast<std::size_t>(rows * stride), kBefore);
      std::vector<float> sum = product;
      multiply(a.factor, b.factor, product.data(), stride);
      add_product(kAlpha, a.factor, b.factor, sum.data(), stride);
      for (Index r = 0; r < rows; ++r) {
        for (Index c = 0; c < stride; ++c) {
          const auto element = static_cast<std::size_t>(r * stride + c);
          if (c >= columns) {  // between the rows nothing is written
            EXPECT_EQ(product[element], kBefore);
            EXPECT_EQ(sum[element], kBefore);
            continue;
          }
          double expected = 0;
          double magnitude = 1;
          for (Index k = 0; k < depth; ++k) {
            expected += a.at(r, k) * b.at(k, c);
            magnitude += std::abs(a.at(r, k) * b.at(k, c));
          }
          const double tolerance = static_cast<double>(depth + 4) * 0x1p-23 * magnitude;
          EXPECT_NEAR(static_cast<double>(product[element]), expected, tolerance) << r << ", " << c;
          EXPECT_NEAR(static_cast<double>(sum[element]), 2 + 0.75 * expected, tolerance) << r << ", " << c;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, Product,
                         testing::Values(Sizes{1, 7, 5}, Sizes{3, 300, 10}, Sizes{4, 1, 1}, Sizes{5, 0, 3},
                                         Sizes{31, 17, 33}, Sizes{33, 64, 100}, Sizes{70, 129, 16}),
                         [](const auto& sizes) {
                           return fmt::format("{}x{}x{}", sizes.param.rows, sizes.param.depth, sizes.param.columns);
                         });

TEST(RightFactor, ServesRowsHoweverTheyAreDivided) {
  constexpr Index kRows = 20;
  constexpr Index kDepth = 40;
  constexpr Index kColumns = 24;
  Random random(1);
  const Stored a(kRows, kDepth, false, 0, random);
  const Stored b(kDepth, kColumns, true, 0, random);
  std::vector<float> whole(kRows * kColumns, 0.0F);
  std::vector<float> parts = whole;
  const RightFactor<float> right(b.factor, kRows);
  add_product(1.0F, a.factor, right, whole.data(), kColumns);
  for (Index first = 0; first < kRows; first += 5) {
    Factor<float> part = a.factor;
    part.data += first * kDepth;
    part.rows = 5;
    add_product(1.0F, part, right, parts.data() + first * kColumns, kColumns);
  }
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(whole[i], parts[i], 1e-4F);
}

TEST(Product, TakesInfinitiesAndNaNsWhereTheyBelong) {
  constexpr Index kRows = 8;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> a(kRows * 2, 1.0F);
  a[2] = kInfinity;
  a[4] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> b = {1, -1, 2, 3};
  std::vector<float> y(kRows * 2);
  multiply(Factor<float>{a.data(), kRows, 2, 2}, Factor<float>{b.data(), 2, 2, 2}, y.data(), 2);
  EXPECT_EQ(y[0], 3.0F);
  EXPECT_EQ(y[1], 2.0F);
  EXPECT_EQ(y[2], kInfinity);
  EXPECT_EQ(y[3], -kInfinity);
  EXPECT_TRUE(std::isnan(y[4]) && std::isnan(y[5]));
  EXPECT_EQ(y[6], 3.0F);
}

}  // namespace
}  // namespace condense::linalg
