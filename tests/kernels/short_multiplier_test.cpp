#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "condense/core/random.hpp"
#include "condense/kernels/elementwise/elementwise.hpp"

namespace condense::kernels {
namespace {

/// 16 significant bits, ties to even, by exact arithmetic.
float reference(float value) {
  int exponent = 0;
  const double fraction = std::frexp(double{value}, &exponent);
  const double scaled = std::ldexp(fraction, 16);
  double rounded = std::floor(scaled);
  const double rest = scaled - rounded;
  if (rest > 0.5 || (rest == 0.5 && std::fmod(rounded, 2) != 0)) rounded += 1;
  return static_cast<float>(std::ldexp(rounded, exponent - 16));
}

TEST(ShortMultiplier, KeepsSixteenSignificantBitsTiesToEven) {
  Random random(1);
  for (int i = 0; i < 200'000; ++i) {
    const float value = random.uniform(0x1p-20F, 4.0F) * (random.below(2) == 0 ? 1.0F : 0x1p-15F);
    ASSERT_EQ(short_multiplier(value), reference(value)) << value;
  }
  for (std::uint32_t low = 0; low < 1U << 17; ++low) {  // every tie and its neighbours, in two binades
    const auto value = std::bit_cast<float>(0x3F7F0000U + low);
    ASSERT_EQ(short_multiplier(value), reference(value)) << value;
  }
}

TEST(ShortMultiplier, IsWithinItsRelativeErrorBound) {
  Random random(2);
  for (int i = 0; i < 100'000; ++i) {
    const float value = random.uniform(1e-6F, 1e6F);
    ASSERT_LE(std::abs(double{short_multiplier(value)} - double{value}), 0x1p-16 * double{value}) << value;
  }
}

TEST(ShortMultiplier, MakesProductsWithAllDifferencesOfCodesExact) {
  Random random(3);
  for (int i = 0; i < 5'000; ++i) {
    const float multiplier = short_multiplier(random.uniform(1e-4F, 1e3F));
    for (int difference = -255; difference <= 255; ++difference) {
      const float product = multiplier * static_cast<float>(difference);
      ASSERT_EQ(double{product}, double{multiplier} * difference) << multiplier << " * " << difference;
    }
  }
}

TEST(ShortMultiplier, KeepsValuesThatAreShortAlready) {
  for (const float value : {0.0F, 1.0F, 0.5F, 65535.0F, 0.0078125F, 1.5F}) EXPECT_EQ(short_multiplier(value), value);
}

TEST(ShortMultiplier, IsNeededForTheExactProducts) {
  const float full = 0x1.fffffep-1F;  // 24 significant bits
  EXPECT_NE(double{full * 255.0F}, double{full} * 255);
  EXPECT_NE(short_multiplier(full), full);
}

}  // namespace
}  // namespace condense::kernels
