#include "condense/core/rounding.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "condense/core/random.hpp"

namespace condense {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Half to even in exact arithmetic: every float is a double, and its fraction is exact.
std::int64_t reference(float value) {
  const double below = std::floor(static_cast<double>(value));
  const double fraction = static_cast<double>(value) - below;
  const auto lower = static_cast<std::int64_t>(below);
  if (fraction != 0.5) return fraction < 0.5 ? lower : lower + 1;
  return lower % 2 == 0 ? lower : lower + 1;
}

TEST(RoundHalfEven, TakesEveryTieToTheEvenInteger) {
  for (std::int32_t lower = -(1 << 22); lower < (1 << 22); ++lower) {  // beyond, floats have no fraction of a half
    const std::int32_t expected = lower % 2 == 0 ? lower : lower + 1;
    ASSERT_EQ(round_half_even(static_cast<float>(lower) + 0.5F), expected) << lower;
  }
}

TEST(RoundHalfEven, TakesTheFloatsBesideATieToTheNearestInteger) {
  for (std::int32_t lower = -70'000; lower < 70'000; ++lower) {
    const float tie = static_cast<float>(lower) + 0.5F;
    ASSERT_EQ(round_half_even(std::nextafter(tie, -kInfinity)), lower);
    ASSERT_EQ(round_half_even(std::nextafter(tie, kInfinity)), lower + 1);
  }
}

TEST(RoundHalfEven, AgreesWithExactArithmeticOnEveryMagnitude) {
  Random random(7);
  for (int i = 0; i < 1'000'000; ++i) {
    const auto value = std::bit_cast<float>(random.bits());
    if (!(std::abs(value) < 0x1p31F)) continue;
    ASSERT_EQ(round_half_even(value), reference(value)) << value;
  }
}

TEST(RoundHalfEven, HoldsTheExtremesOfItsDomain) {
  EXPECT_EQ(round_half_even(0x1.fffffep30F), 2147483520);
  EXPECT_EQ(round_half_even(-0x1.fffffep30F), -2147483520);
  EXPECT_EQ(round_half_even(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(round_half_even(-0.0F), 0);
  EXPECT_EQ(round_half_even(0.49999997F), 0);  // adding 0.5 and truncating would give 1
  EXPECT_EQ(round_half_even(8388609.0F), 8388609);
}

struct CodeRange {
  std::int32_t lowest;
  std::int32_t highest;
};
constexpr CodeRange kRanges[] = {{-128, 127}, {0, 255}, {-127, 127}, {-8, 7}, {0, 15}, {-2, 1}, {-1, 1}, {0, 1}};

TEST(RoundToCode, EqualsRoundingThenAddingThenSaturatingForEveryZeroPoint) {
  for (const CodeRange range : kRanges) {
    for (std::int32_t zero_point = range.lowest; zero_point <= range.highest; ++zero_point) {
      for (std::int32_t eighths = -8 * 600; eighths <= 8 * 600; ++eighths) {
        const float value = static_cast<float>(eighths) / 8;
        const std::int64_t expected =
            std::clamp<std::int64_t>(reference(value) + zero_point, range.lowest, range.highest);
        ASSERT_EQ(round_to_code(value, zero_point, range.lowest, range.highest), expected)
            << value << " zero point " << zero_point;
      }
    }
  }
}

TEST(RoundToCode, SaturatesInfinitiesAndHugeValues) {
  for (const CodeRange range : kRanges) {
    for (const std::int32_t zero_point : {range.lowest, (range.lowest + range.highest) / 2, range.highest}) {
      for (const float huge : {kInfinity, std::numeric_limits<float>::max(), 0x1p31F, 3e9F}) {
        EXPECT_EQ(round_to_code(huge, zero_point, range.lowest, range.highest), range.highest);
        EXPECT_EQ(round_to_code(-huge, zero_point, range.lowest, range.highest), range.lowest);
      }
    }
  }
}

TEST(RoundToCode, GivesTheLowestCodeForEveryNan) {
  for (const CodeRange range : kRanges) {
    for (const std::uint32_t bits : {0x7FC00000U, 0xFFC00000U, 0x7F800001U, 0xFFFFFFFFU}) {
      EXPECT_EQ(round_to_code(std::bit_cast<float>(bits), 0, range.lowest, range.highest), range.lowest);
    }
  }
}

TEST(RoundToCode, IsExactUpToTheWidestDocumentedBounds) {
  constexpr std::int32_t kWidest = 1 << 24;
  EXPECT_EQ(round_to_code(1e30F, 0, -kWidest, kWidest), kWidest);
  EXPECT_EQ(round_to_code(-1e30F, 0, -kWidest, kWidest), -kWidest);
  EXPECT_EQ(round_to_code(16777215.0F, 0, -kWidest, kWidest), kWidest - 1);
  EXPECT_EQ(round_to_code(-1e30F, kWidest, 0, 255), 0);
}

}  // namespace
}  // namespace condense
