#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "condense/core/data_type.hpp"

namespace condense {
namespace {

Float16 half_of(std::uint32_t bits) { return Eigen::numext::bit_cast<Float16>(static_cast<std::uint16_t>(bits)); }
BFloat16 bfloat_of(std::uint32_t bits) { return Eigen::numext::bit_cast<BFloat16>(static_cast<std::uint16_t>(bits)); }
std::uint16_t bits_of(Float16 value) { return Eigen::numext::bit_cast<std::uint16_t>(value); }
std::uint16_t bits_of(BFloat16 value) { return Eigen::numext::bit_cast<std::uint16_t>(value); }

/// IEEE 754-2019, section 3.4: the value of a pattern of 16 bits with `mantissa_bits` explicit ones.
double value_of(std::uint32_t bits, int mantissa_bits) {
  const int exponent_bits = 15 - mantissa_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const auto mantissa = static_cast<int>(bits & ((1U << mantissa_bits) - 1));
  const auto exponent = static_cast<int>((bits & 0x7FFFU) >> mantissa_bits);
  const double sign = (bits & 0x8000U) != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) {
    return mantissa == 0 ? sign * std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  const int significand = exponent == 0 ? mantissa : mantissa + (1 << mantissa_bits);
  return sign * std::ldexp(significand, std::max(exponent, 1) - bias - mantissa_bits);
}

TEST(Float16, EveryPatternHasItsIeeeValueAndSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto value = static_cast<float>(half_of(bits));
    const double expected = value_of(bits, 10);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_TRUE(std::isnan(static_cast<float>(Float16(value)))) << bits;
      continue;
    }
    ASSERT_EQ(value, expected) << bits;
    ASSERT_EQ(bits_of(Float16(value)), bits);
  }
}

TEST(BFloat16, EveryPatternHasItsIeeeValueAndSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto value = static_cast<float>(bfloat_of(bits));
    const double expected = value_of(bits, 7);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_TRUE(std::isnan(static_cast<float>(BFloat16(value)))) << bits;
      continue;
    }
    ASSERT_EQ(value, expected) << bits;
    ASSERT_EQ(std::bit_cast<std::uint32_t>(value), bits << 16);
    ASSERT_EQ(bits_of(BFloat16(value)), bits);
  }
}

/// Rounds the midpoint between every two finite neighbours, and the floats on both sides of it.
template <class Narrow>
void expect_ties_to_even(int mantissa_bits, std::uint32_t largest_finite) {
  for (std::uint32_t bits = 0; bits < largest_finite; ++bits) {
    const auto middle = static_cast<float>((value_of(bits, mantissa_bits) + value_of(bits + 1, mantissa_bits)) / 2);
    const std::uint32_t even = (bits & 1U) == 0 ? bits : bits + 1;
    ASSERT_EQ(bits_of(Narrow(middle)), even) << bits;
    ASSERT_EQ(bits_of(Narrow(-middle)), even | 0x8000U) << bits;
    ASSERT_EQ(bits_of(Narrow(std::nextafter(middle, 0.0F))), bits);
    ASSERT_EQ(bits_of(Narrow(std::nextafter(middle, std::numeric_limits<float>::infinity()))), bits + 1);
  }
}

TEST(Float16, RoundsEveryMidpointToEven) { expect_ties_to_even<Float16>(10, 0x7BFF); }
TEST(BFloat16, RoundsEveryMidpointToEven) { expect_ties_to_even<BFloat16>(7, 0x7F7F); }

TEST(Float16, OverflowsToInfinityFromTheMidpointAboveTheLargest) {
  EXPECT_EQ(bits_of(Float16(65519.996F)), 0x7BFF);
  EXPECT_EQ(bits_of(Float16(65520.0F)), 0x7C00);
  EXPECT_EQ(bits_of(Float16(std::numeric_limits<float>::max())), 0x7C00);
  EXPECT_EQ(bits_of(Float16(-std::numeric_limits<float>::infinity())), 0xFC00);
}

}  // namespace
}  // namespace condense
