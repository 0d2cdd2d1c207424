#include "condense/quantize/uniform.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "condense/quantize/distortion.hpp"
#include "condense/quantize/with_scheme.hpp"
#include "quantize/formats.hpp"
#include "support/throws.hpp"

namespace condense::quantize {
namespace {

/// Points of a range, its ends among them, and 0.
std::vector<float> points(Range range) {
  std::vector<float> values{0.0F, range.max};
  for (int i = 0; i < 2000; ++i) {
    values.push_back(range.min + (range.max - range.min) * static_cast<float>(i) / 2000);
  }
  return values;
}

TEST(Uniform, ErrsByHalfAScaleAtMostWithinTheRange) {
  for (const NumberFormat& format : uniform_formats()) {
    const bool binary = format.scheme == SchemeKind::symmetric && format.is_signed && format.bits == 1;
    const bool nonnegative = !holds_negative_values(format);
    for (Range range : {Range{-1, 1}, Range{-0.3F, 0.7F}, Range{-900, 0.001F}, Range{2, 3}, Range{-0.02F, -0.01F}}) {
      if (nonnegative) range = {0, absolute_maximum(range)};
      with_scheme(format, [&](const auto& scheme) {
        const Affine affine = scheme.parameters(range);
        const double bound = binary ? affine.scale : 0.5 * affine.scale;
        for (const float x : points(range)) {
          const float decoded = scheme.decode(scheme.encode(x, affine), affine);
          // The quotient and the product are rounded to 24 bits: 2^-24 of the largest magnitude each.
          EXPECT_LE(std::abs(double{x} - double{decoded}), bound + 0x1p-23 * absolute_maximum(range))
              << format.name() << " at " << x;
        }
      });
    }
  }
}

TEST(UniformSymmetric, DecodesOppositeValuesToOppositeValues) {
  for (const bool narrow : {true, false}) {
    const UniformSymmetric<5> scheme{.narrow = narrow};
    const Affine affine = scheme.parameters({-0.9F, 1.3F});
    for (const float x : points({-1.3F, 1.3F})) {
      EXPECT_EQ(scheme.encode(-x, affine), -scheme.encode(x, affine)) << x;
    }
  }
}

TEST(UniformSymmetric, LeavesOutTheMostNegativeCodeIfNarrow) {
  EXPECT_EQ(UniformSymmetric<8>{}.type(), kInt8Narrow);
  EXPECT_EQ(UniformSymmetric<4>{.narrow = false}.type(), kInt4);
  EXPECT_EQ((UniformSymmetric<4>{.is_signed = false}.type()), kUint4) << "there is no narrow unsigned type";
  EXPECT_EQ(UniformSymmetric<8>{}.encode(-2, {0.01F, 0}), -127);
  EXPECT_EQ(UniformSymmetric<8>{.narrow = false}.encode(-2, {0.01F, 0}), -128);
  EXPECT_EQ(Ternary{}.encode(-2, {0.01F, 0}), -1);
}

TEST(UniformAsymmetric, MapsTheRangeOntoAllCodes) {
  for (const NumberFormat& format : uniform_formats()) {
    if (format.scheme != SchemeKind::asymmetric) continue;
    with_scheme(format, [&](const auto& scheme) {
      for (const Range range : {Range{-1, 3}, Range{0, 6}, Range{-5, 0}}) {
        const Affine affine = scheme.parameters(range);
        EXPECT_NEAR(affine.scale * static_cast<float>(scheme.type().highest() - scheme.type().lowest()),
                    range.max - range.min, 1e-6)
            << format.name();
        EXPECT_EQ(scheme.encode(range.min, affine), scheme.type().lowest()) << format.name();
        EXPECT_EQ(scheme.encode(range.max, affine), scheme.type().highest()) << format.name();
      }
    });
  }
}

TEST(UniformAsymmetric, RefusesOneSignedBit) {
  EXPECT_TRUE(throws<InvalidArgument>("binary", [] { UniformAsymmetric<1>{.is_signed = true}.parameters({-1, 1}); }));
}

// x is uniform on [-a, a], so its power is a^2 / 3. The levels of a narrow type reach from -a to a in 2^b - 2 steps of
// the scale s = 2 a / (2^b - 2), each x falls within s / 2 of one, and the error is uniform: its power is s^2 / 12.
// Their ratio is (2^b - 2)^2: 6.02 b dB and 20 log10(1 - 2^(1 - b)), which tends to 0.
TEST(UniformSymmetric, HasTheNoiseOfScaleSquaredOverTwelve) {
  constexpr int kSamples = 1 << 18;
  std::vector<float> x(kSamples);
  for (int i = 0; i < kSamples; ++i) x[static_cast<std::size_t>(i)] = (static_cast<float>(2 * i + 1) / kSamples) - 1;
  const TensorRef<const float> values{std::span<const float>(x)};
  for (int bits = 2; bits <= 8; ++bits) {
    const NumberFormat format{.scheme = SchemeKind::symmetric, .bits = bits, .granularity = {}};
    const Distortion measured = distortion(values, fake_quantize(values, format));
    const double steps = std::exp2(bits) - 2;
    const double scale = 2 / steps;
    EXPECT_NEAR(measured.mean_squared_error() / (scale * scale / 12), 1, 1e-3) << bits;
    EXPECT_NEAR(measured.sqnr_decibels(), 6.0206 * bits + 20 * std::log10(1 - std::exp2(1 - bits)), 0.01) << bits;
    EXPECT_LE(measured.maximum_absolute_error(), 0.5 * scale * (1 + 1e-4));
  }
}

}  // namespace
}  // namespace condense::quantize
