#include "condense/calibrate/mean_squared_error.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "calibrate/samples.hpp"
#include "support/throws.hpp"

namespace condense::calibrate {
namespace {

const std::vector<Target> kTargets = {
    {quantize::kInt8, false},      {quantize::kUint8, false}, {quantize::kInt8Narrow, true}, {quantize::kInt4, false},
    {quantize::kInt4Narrow, true}, {quantize::kUint2, false}, {quantize::kTernary, true},    {quantize::kBinary, true},
};

Histogram histogram_of(const std::vector<float>& values, Index bins) {
  Histogram histogram(bins);
  histogram.observe(values);
  return histogram;
}

/// The model, integrated by brute force: values uniform within their bins, zeros 0.
double by_midpoints(const Histogram& histogram, const quantize::Affine& affine, const quantize::IntegerType& type) {
  const auto squared_error = [&](double x) {
    double code = std::floor(x / static_cast<double>(affine.scale) + 0.5) + affine.zero_point;
    code = std::clamp<double>(code, type.lowest(), type.highest());
    if (type.is_binary()) code = x >= 0 ? 1 : -1;
    const double error = x - (code - affine.zero_point) * static_cast<double>(affine.scale);
    return error * error;
  };
  double sum = static_cast<double>(histogram.zeros()) * squared_error(0);
  histogram.for_each_bin([&](const Histogram::Bin& bin) {
    constexpr int kPoints = 400;
    double mean = 0;
    for (int i = 0; i < kPoints; ++i) mean += squared_error(bin.lower + (bin.upper - bin.lower) * (i + 0.5) / kPoints);
    sum += static_cast<double>(bin.count) * mean / kPoints;
  });
  return sum / static_cast<double>(histogram.count());
}

TEST(ExpectedError, IsTheIntegralOfItsModel) {
  Random random(1);
  for (int round = 0; round < 60; ++round) {
    const float shift = random.uniform(-1, 1);
    const Histogram histogram = histogram_of(
        samples(200, static_cast<std::uint64_t>(round), [&](Random& source) { return shift + laplace(source); }), 64);
    const ExpectedError error(histogram);
    for (const Target& target : kTargets) {
      const quantize::Range range{-4 * random.uniform(), 4 * random.uniform()};
      const quantize::Affine parameters = affine(range, target);
      const double expected = by_midpoints(histogram, parameters, target.type);
      EXPECT_NEAR(error(parameters, target.type), expected, 2e-3 * expected) << target.type.name();
    }
  }
}

TEST(ExpectedError, OfSingleValuesAndZerosIsExact) {
  const quantize::Affine affine{0.5F, 3};
  const ExpectedError point(histogram_of({1.125F, 1.125F, 0, 0}, 64));
  EXPECT_DOUBLE_EQ(point(affine, quantize::kInt8), 0.125 * 0.125 / 2);
  const ExpectedError clipped(histogram_of({-100}, 64));
  EXPECT_DOUBLE_EQ(clipped(affine, quantize::kInt4), (100 - 5.5) * (100 - 5.5));
  EXPECT_EQ(ExpectedError(Histogram())(affine, quantize::kInt8), 0);
  EXPECT_DOUBLE_EQ(ExpectedError(histogram_of({0, 0}, 64))({2.0F, 0}, quantize::kBinary), 4);
}

TEST(ExpectedError, OfTheDataIsWithinABinWidth) {
  const std::vector<float> values = laplace_samples(20'000, 2);
  for (const Index bins : {256, 4096}) {
    const Histogram histogram = histogram_of(values, bins);
    const ExpectedError error(histogram);
    for (const Target& target : kTargets) {
      for (const float clip : {0.5F, 2.0F, 8.0F}) {
        const double exact = mean_squared_error(values, {-clip, clip}, target);
        EXPECT_NEAR(std::sqrt(error({-clip, clip}, target)), std::sqrt(exact), histogram.bin_width());
        EXPECT_NEAR(error({-clip, clip}, target), exact, bins == 4096 ? 0.03 * exact : 1) << target.type.name();
      }
    }
  }
}

TEST(MeanSquaredErrorObserver, FindsTheBestRangeOfAGrid) {
  for (const bool rectified : {false, true}) {
    const std::vector<float> values = rectified ? activations(20'000, 3) : laplace_samples(20'000, 3);
    for (const Target& target : kTargets) {
      MeanSquaredErrorObserver observer(MeanSquaredError{target}, 1024);
      observer.observe(values);
      const ExpectedError error(observer.histogram());
      const double found = error(observer.range(), target);
      const quantize::Range full = with_zero(observer.histogram().extent());
      double best = error(full, target);
      for (int i = 1; i <= 100; ++i) {
        for (int j = target.symmetric ? i : 1; j <= (target.symmetric ? i : 100); ++j) {
          const float low = static_cast<float>(i) / 100;
          const float high = static_cast<float>(j) / 100;
          best = std::min(best, error({full.min * low, full.max * high}, target));
        }
      }
      EXPECT_LE(found, error(full, target)) << target.type.name();
      EXPECT_LE(found, 1.02 * best) << target.type.name();
    }
  }
}

TEST(MeanSquaredErrorObserver, FindsTheOptimumOfALaplaceDistribution) {
  // The published optimum is for 2^M intervals and uniform rounding error; 15 codes of [-7, 7] are close to it.
  MeanSquaredErrorObserver observer(MeanSquaredError{{quantize::kInt4Narrow, true}});
  observer.observe(laplace_samples(200'000, 4));
  EXPECT_NEAR(observer.range().max, 5.03F, 0.4F);
  EXPECT_EQ(observer.range().min, -observer.range().max);
}

TEST(MeanSquaredErrorObserver, RefusesTargetsWithoutAQuantizer) {
  EXPECT_TRUE(throws<InvalidArgument>("binary", [] {
    MeanSquaredErrorObserver observer(MeanSquaredError{{quantize::kBinary, false}});
  }));
  EXPECT_TRUE(throws<InvalidArgument>("not 9", [] {
    MeanSquaredErrorObserver observer(MeanSquaredError{{{9, true, false}, false}});
  }));
  MeanSquaredErrorObserver observer(MeanSquaredError{{quantize::kUint8, true}});
  observer.observe(std::vector<float>{-1, 2});
  EXPECT_TRUE(throws<InvalidArgument>("-1", [&] { observer.range(); }));
}

}  // namespace
}  // namespace condense::calibrate
