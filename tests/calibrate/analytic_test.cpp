#include "condense/calibrate/analytic.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "calibrate/samples.hpp"
#include "support/throws.hpp"

namespace condense::calibrate {
namespace {

constexpr double kPi = 3.14159265358979323846;

double density(Prior prior, double z) {
  return prior == Prior::laplace ? std::exp(-std::abs(z)) / 2 : std::exp(-z * z / 2) / std::sqrt(2 * kPi);
}

/// Expected squared error of the published model: clipping, integrated numerically, and rounding in 2^bits intervals.
double modelled_error(Prior prior, double clip, int bits) {
  double clipping = 0;
  constexpr double kStep = 1e-3;
  for (double z = clip + kStep / 2; z < clip + 40; z += kStep) {
    clipping += 2 * (z - clip) * (z - clip) * density(prior, z) * kStep;
  }
  return clipping + clip * clip / (3 * std::pow(4.0, bits));
}

TEST(ClippingMultiplier, IsThePublishedOne) {  // to two places, which are cut off and not rounded
  EXPECT_NEAR(clipping_multiplier(Prior::laplace, 2), 2.83, 0.01);
  EXPECT_NEAR(clipping_multiplier(Prior::laplace, 3), 3.89, 0.01);
  EXPECT_NEAR(clipping_multiplier(Prior::laplace, 4), 5.03, 0.01);
  EXPECT_NEAR(clipping_multiplier(Prior::gaussian, 2), 1.71, 0.01);
  EXPECT_NEAR(clipping_multiplier(Prior::gaussian, 3), 2.15, 0.01);
  EXPECT_NEAR(clipping_multiplier(Prior::gaussian, 4), 2.55, 0.01);
}

TEST(ClippingMultiplier, MinimizesTheModelledError) {
  for (const Prior prior : {Prior::gaussian, Prior::laplace}) {
    for (const int bits : {1, 2, 4, 6, 8}) {
      const double best = clipping_multiplier(prior, bits);
      const double least = modelled_error(prior, best, bits);
      for (const double factor : {0.8, 0.95, 1.05, 1.25}) {
        EXPECT_LT(least, modelled_error(prior, factor * best, bits)) << bits << " " << factor;
      }
    }
  }
}

TEST(ClippingMultiplier, RefusesOtherBits) {
  EXPECT_TRUE(throws<InvalidArgument>("not 0", [] { clipping_multiplier(Prior::gaussian, 0); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 17", [] { clipping_multiplier(Prior::laplace, 17); }));
}

quantize::Range range_of(const std::vector<float>& values, Prior prior, Target target) {
  AnalyticObserver observer(Analytic{prior, target});
  observer.observe(values);
  return observer.range();
}

TEST(AnalyticObserver, EstimatesTheScaleOfItsPrior) {
  const std::vector<float> gaussian = normal_samples(200'000, 1);
  const std::vector<float> laplacian = laplace_samples(200'000, 2);
  for (const bool symmetric : {false, true}) {
    const Target target{quantize::kInt4, symmetric};
    const quantize::Range narrow = range_of(gaussian, Prior::gaussian, target);
    EXPECT_NEAR(narrow.min, -2.55, 0.02);
    EXPECT_NEAR(narrow.max, 2.55, 0.02);
    const quantize::Range wide = range_of(laplacian, Prior::laplace, target);
    EXPECT_NEAR(wide.min, -5.03, 0.05);
    EXPECT_NEAR(wide.max, 5.03, 0.05);
  }
}

TEST(AnalyticObserver, FollowsTheMeanUnlessItIsSymmetric) {
  const std::vector<float> shifted = samples(200'000, 3, [](Random& random) { return 1 + 2 * random.normal(); });
  const quantize::Range range = range_of(shifted, Prior::gaussian, {quantize::kInt4, false});
  EXPECT_NEAR(range.min, 1 - 2 * 2.55, 0.05);
  EXPECT_NEAR(range.max, 1 + 2 * 2.55, 0.05);
  const quantize::Range symmetric = range_of(shifted, Prior::gaussian, {quantize::kInt4, true});
  EXPECT_NEAR(symmetric.max, 2.55 * std::sqrt(5.0), 0.06);
  EXPECT_EQ(symmetric.min, -symmetric.max);
}

TEST(AnalyticObserver, GivesRectifiedDataOneBitMore) {
  const std::vector<float> rectified = activations(400'000, 4);
  for (const int bits : {2, 3, 4}) {
    const quantize::IntegerType type{bits, true, false};
    const double one_more = clipping_multiplier(Prior::laplace, bits + 1);
    const quantize::Range range = range_of(rectified, Prior::laplace, {type, false});
    EXPECT_EQ(range.min, 0);
    EXPECT_NEAR(range.max, one_more, 0.03 * one_more);
    // Half of the codes of a signed type with zero point 0 are for negative values.
    const double same = clipping_multiplier(Prior::laplace, bits);
    EXPECT_NEAR(range_of(rectified, Prior::laplace, {type, true}).max, same, 0.03 * same);
    EXPECT_NEAR(range_of(rectified, Prior::laplace, {{bits, false, false}, true}).max, one_more, 0.03 * one_more);
  }
}

TEST(AnalyticObserver, MirrorsDataOfTheOtherSign) {
  std::vector<float> values = activations(10'000, 5);
  const quantize::Range range = range_of(values, Prior::laplace, {quantize::kInt4, false});
  for (float& value : values) value = -value;
  const quantize::Range mirrored = range_of(values, Prior::laplace, {quantize::kInt4, false});
  EXPECT_FLOAT_EQ(mirrored.min, -range.max);
  EXPECT_EQ(mirrored.max, 0);
}

TEST(AnalyticObserver, NeverReachesBeyondTheData) {
  const std::vector<float> uniform = samples(1'000, 6, [](Random& random) { return random.uniform(-1, 3); });
  for (const Prior prior : {Prior::gaussian, Prior::laplace}) {
    const quantize::Range range = range_of(uniform, prior, {quantize::kInt8, false});
    EXPECT_EQ(range, detail::finite_extent(uniform));
  }
}

}  // namespace
}  // namespace condense::calibrate
