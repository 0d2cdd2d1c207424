#include "condense/quantize/additive_powers_of_two.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "support/throws.hpp"

namespace condense::quantize {
namespace {

using Terms = std::vector<std::vector<double>>;

/// All sums of one element of each term, ascending.
std::vector<double> sums(const Terms& terms) {
  std::set<double> result{0.0};
  for (const std::vector<double>& term : terms) {
    std::set<double> next;
    for (const double sum : result) {
      for (const double element : term) next.insert(sum + element);
    }
    result = next;
  }
  return {result.begin(), result.end()};
}

// Equation 5 with k = 2, and for odd bits the sets of the authors' program, whose terms begin at 2^-1; all of them here
// twice as large.
TEST(AdditivePowersOfTwo, AreThePublishedSets) {
  EXPECT_EQ(additive_powers_of_two(2, 2), sums({{0, 1, 0x1p-1, 0x1p-2}}));
  EXPECT_EQ(additive_powers_of_two(3, 2), sums({{0, 1, 0x1p-1, 0x1p-3}, {0, 0x1p-2}}));
  EXPECT_EQ(additive_powers_of_two(4, 2), sums({{0, 1, 0x1p-2, 0x1p-4}, {0, 0x1p-1, 0x1p-3, 0x1p-5}}));
  EXPECT_EQ(additive_powers_of_two(5, 2), sums({{0, 1, 0x1p-2, 0x1p-5}, {0, 0x1p-1, 0x1p-3, 0x1p-6}, {0, 0x1p-4}}));
  EXPECT_EQ(additive_powers_of_two(6, 2),
            sums({{0, 1, 0x1p-3, 0x1p-6}, {0, 0x1p-1, 0x1p-4, 0x1p-7}, {0, 0x1p-2, 0x1p-5, 0x1p-8}}));
}

TEST(AdditivePowersOfTwo, GoldenLevels) {
  const AdditivePowersOfTwo<4> unsigned_levels({.is_signed = false});  // in units of 2^-5
  EXPECT_EQ(std::vector<float>(unsigned_levels.levels().begin(), unsigned_levels.levels().end()),
            (std::vector<float>{0, 1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 32, 33, 36, 48}));
  const AdditivePowersOfTwo<4> levels;  // 3 bits of magnitude, in units of 2^-3
  EXPECT_EQ(std::vector<float>(levels.levels().begin(), levels.levels().end()),
            (std::vector<float>{-10, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 10}));
}

TEST(AdditivePowersOfTwo, AreUniformWithTermsOfOneBitAndPowersOfTwoWithOneTerm) {
  for (int bits = 1; bits <= 8; ++bits) {
    const std::vector<double> uniform = additive_powers_of_two(bits, 1);
    ASSERT_EQ(uniform.size(), std::size_t{1} << bits);
    for (std::size_t i = 0; i < uniform.size(); ++i) {
      EXPECT_EQ(uniform[i], std::ldexp(static_cast<double>(i), 1 - bits)) << bits;
    }
    if (bits == 8) continue;  // 2^-254 is no normal float
    const std::vector<double> powers = additive_powers_of_two(bits, bits);
    ASSERT_EQ(powers.size(), std::size_t{1} << bits);
    EXPECT_EQ(powers[0], 0);
    for (std::size_t i = 1; i < powers.size(); ++i) {
      EXPECT_EQ(powers[i], std::ldexp(1.0, static_cast<int>(i) - static_cast<int>(powers.size()) + 1)) << bits;
    }
  }
}

template <int Bits>
void expect_levels_of_equation_5() {
  for (const bool is_signed : {true, false}) {
    const AdditivePowersOfTwo<Bits> scheme({.is_signed = is_signed});
    const std::vector<double> magnitudes = additive_powers_of_two(is_signed ? Bits - 1 : Bits, 2);
    const auto levels = scheme.levels();
    ASSERT_EQ(levels.size(), is_signed ? 2 * magnitudes.size() - 1 : magnitudes.size());
    const Affine affine = scheme.parameters({0, 3});
    for (std::size_t i = 0; i < magnitudes.size(); ++i) {
      const auto index = static_cast<std::int32_t>(levels.size() - magnitudes.size() + i);
      EXPECT_NEAR(scheme.decode(index, affine), 3 * magnitudes[i] / magnitudes.back(), 1e-6);
      if (is_signed) {
        const auto opposite = static_cast<std::int32_t>(magnitudes.size() - 1 - i);
        EXPECT_EQ(scheme.decode(opposite, affine), -scheme.decode(index, affine));
      }
    }
    EXPECT_EQ(integer_levels(levels).has_value(), (is_signed ? Bits - 1 : Bits) <= 5) << Bits;
  }
}

TEST(AdditivePowersOfTwo, CoverTheRangeWithScaledMagnitudesOfBothSigns) {
  expect_levels_of_equation_5<2>();
  expect_levels_of_equation_5<3>();
  expect_levels_of_equation_5<4>();
  expect_levels_of_equation_5<5>();
  expect_levels_of_equation_5<6>();
  expect_levels_of_equation_5<7>();
  expect_levels_of_equation_5<8>();
}

TEST(AdditivePowersOfTwo, AreDenserAroundZeroThanUniformOnes) {
  const std::vector<double> levels = additive_powers_of_two(4, 2);
  EXPECT_LT(levels[1] / levels.back(), 1.0 / 15);
  EXPECT_GT(1 - levels[levels.size() - 2] / levels.back(), 1.0 / 15);
}

TEST(AdditivePowersOfTwo, RefuseBitsThatTermsDoNotDivide) {
  EXPECT_TRUE(throws<InvalidArgument>("7 bits of magnitude", [] { AdditivePowersOfTwo<8>({.term_bits = 3}); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 0 and 3", [] { AdditivePowersOfTwo<4>({.term_bits = 0}); }));
  EXPECT_TRUE(throws<InvalidArgument>("terms of 9 bits", [] { AdditivePowersOfTwo<4>({.term_bits = 9}); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 2 and 9", [] { additive_powers_of_two(9, 2); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 1", [] { AdditivePowersOfTwo<1>(); }));
  EXPECT_TRUE(throws<InvalidArgument>("2^-127", [] { additive_powers_of_two(8, 8); }));
  EXPECT_TRUE(throws<InvalidArgument>("2^-29", [] { additive_powers_of_two(8, 4); }));
}

}  // namespace
}  // namespace condense::quantize
