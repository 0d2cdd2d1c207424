#include "condense/quantize/logarithmic.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "condense/quantize/with_scheme.hpp"
#include "quantize/formats.hpp"
#include "support/throws.hpp"

namespace condense::quantize {
namespace {

using Levels = std::vector<float>;

template <int Bits>
Levels levels_of(const LogarithmicOptions& options) {
  const Logarithmic<Bits> scheme(options);
  return {scheme.levels().begin(), scheme.levels().end()};
}

TEST(Logarithmic, GoldenLevels) {
  EXPECT_EQ(levels_of<4>({}), (Levels{-64, -32, -16, -8, -4, -2, -1, 0, 1, 2, 4, 8, 16, 32, 64}));
  EXPECT_EQ(levels_of<3>({.with_zero = false}), (Levels{-8, -4, -2, -1, 1, 2, 4, 8}));
  EXPECT_EQ(levels_of<2>({}), (Levels{-1, 0, 1}));
  EXPECT_EQ(levels_of<1>({.with_zero = false}), (Levels{-1, 1}));
  EXPECT_EQ(levels_of<3>({.is_signed = false}), (Levels{0, 1, 2, 4, 8, 16, 32, 64}));
  EXPECT_EQ(levels_of<2>({.with_zero = false, .is_signed = false}), (Levels{1, 2, 4, 8}));
  // 2^7 does not fit int8: fractions of the largest.
  EXPECT_EQ(levels_of<3>({.with_zero = false, .is_signed = false}),
            (Levels{0x1p-7F, 0x1p-6F, 0x1p-5F, 0x1p-4F, 0x1p-3F, 0x1p-2F, 0.5F, 1}));
  EXPECT_EQ(levels_of<3>({.base = 3}), (Levels{-9, -3, -1, 0, 1, 3, 9}));
}

TEST(Logarithmic, HasLevelsTwiceAsDenseWithTheRootOfTwo) {
  const Levels levels = levels_of<4>({.base = std::sqrt(2.0)});
  ASSERT_EQ(levels.size(), 15U);
  for (int k = 0; k < 7; ++k) {
    EXPECT_NEAR(levels[static_cast<std::size_t>(14 - k)], std::exp2(-0.5 * k), 1e-7);
    EXPECT_EQ(levels[static_cast<std::size_t>(k)], -levels[static_cast<std::size_t>(14 - k)]);
  }
  EXPECT_EQ(levels[7], 0);
}

TEST(Logarithmic, CountsItsLevels) {
  for (const NumberFormat& format : codebook_formats()) {
    if (format.scheme != SchemeKind::logarithmic) continue;
    const std::size_t magnitudes = std::size_t{1} << (format.is_signed ? format.bits - 1 : format.bits);
    const std::size_t levels = with_scheme(format, [](const auto& scheme) { return scheme.levels().size(); });
    const std::size_t expected =
        (format.is_signed ? 2 : 1) * magnitudes - (format.is_signed && format.with_zero ? 1 : 0);
    EXPECT_EQ(levels, expected) << format.name();
  }
}

TEST(Logarithmic, KeepsTheStatedRelativeErrorBetweenItsLevels) {
  for (const NumberFormat& format : codebook_formats()) {
    if (format.scheme != SchemeKind::logarithmic || format.bits < 3) continue;
    const bool nearest = format.rounding == LogarithmicRounding::nearest;
    const double bound = nearest ? (format.base - 1) / (format.base + 1) : std::sqrt(format.base) - 1;
    with_scheme(format, [&](const auto& scheme) {
      const float largest = 0.8F;
      const Affine affine = scheme.parameters({0, largest});
      float smallest = largest;
      for (const float level : scheme.levels()) {
        if (level > 0) smallest = std::min(smallest, level * affine.scale);
      }
      double worst = 0;
      for (int i = 0; i <= 20000; ++i) {
        const double x = smallest * std::pow(double{largest} / double{smallest}, i / 20000.0);
        const double decoded = scheme.decode(scheme.encode(static_cast<float>(x), affine), affine);
        worst = std::max(worst, std::abs(x - decoded) / x);
      }
      EXPECT_LE(worst, bound + 1e-6) << format.name();
      if (format.bits == 4) {
        EXPECT_GE(worst, 0.98 * bound) << format.name() << ": the bound is attained";
      }
    });
  }
}

// The paper's own definition: the exponent is round(log2 |x|), clipped; here with the scale 1, where the largest level
// is 64 = 2^6 and the smallest is 1. Values below 2^-1/2 would round to the power -1, and become 0.
TEST(Logarithmic, RoundsTheLogarithmAsThePaperDoes) {
  const Logarithmic<4> scheme({.rounding = LogarithmicRounding::log_domain});
  for (int i = 1; i < 100000; ++i) {
    const float x = static_cast<float>(i) * 0.001F;
    const double exponent = std::round(std::log2(double{x}));
    const double expected = exponent < 0 ? 0 : std::exp2(std::min(exponent, 6.0));
    ASSERT_EQ(scheme.decode(scheme.encode(x, {}), {}), expected) << x;
    ASSERT_EQ(scheme.decode(scheme.encode(-x, {}), {}), -expected) << -x;
  }
}

TEST(Logarithmic, RoundsTheTwoWaysBetweenTheirThresholds) {
  const Logarithmic<4> nearest;
  const Logarithmic<4> log_domain({.rounding = LogarithmicRounding::log_domain});
  EXPECT_EQ(nearest.decode(nearest.encode(2.9F, {}), {}), 2) << "below (2 + 4) / 2";
  EXPECT_EQ(log_domain.decode(log_domain.encode(2.9F, {}), {}), 4) << "above sqrt(2 * 4)";
  EXPECT_EQ(nearest.decode(nearest.encode(0.6F, {}), {}), 1) << "above (0 + 1) / 2";
  EXPECT_EQ(log_domain.decode(log_domain.encode(0.6F, {}), {}), 0) << "below 1 / sqrt(2)";
}

TEST(Logarithmic, GivesSmallValuesTheSmallestLevelWithoutAZero) {
  for (const auto rounding : {LogarithmicRounding::nearest, LogarithmicRounding::log_domain}) {
    const Logarithmic<3> scheme({.with_zero = false, .rounding = rounding});
    EXPECT_EQ(scheme.decode(scheme.encode(0, {}), {}), 1);
    EXPECT_EQ(scheme.decode(scheme.encode(1e-9F, {}), {}), 1);
    EXPECT_EQ(scheme.decode(scheme.encode(-1e-9F, {}), {}), -1);
  }
}

TEST(Logarithmic, HasIntegerLevelsAsFarAsItSays) {
  EXPECT_TRUE(integer_levels(levels_of<4>({})));
  EXPECT_FALSE(integer_levels(levels_of<5>({})));
  EXPECT_TRUE(integer_levels(levels_of<3>({.with_zero = false})));
  EXPECT_FALSE(integer_levels(levels_of<4>({.with_zero = false})));
}

TEST(Logarithmic, RefusesOptionsWithoutLevels) {
  EXPECT_TRUE(throws<InvalidArgument>("not 1", [] { Logarithmic<4>({.base = 1}); }));
  EXPECT_TRUE(throws<InvalidArgument>("not nan", [] { Logarithmic<4>({.base = std::nan("")}); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 1", [] { Logarithmic<1>(); }));
  EXPECT_TRUE(throws<InvalidArgument>("256 powers of base 2",
                                      [] { Logarithmic<8>({.with_zero = false, .is_signed = false}); }));
  EXPECT_TRUE(throws<InvalidArgument>("codebook", [] { Logarithmic<4>({.base = 1 + 1e-12}); })) << "levels coincide";
  EXPECT_TRUE(throws<InvalidArgument>("[-1, 1]", [] { Logarithmic<4>({.is_signed = false}).parameters({-1, 1}); }));
}

}  // namespace
}  // namespace condense::quantize
