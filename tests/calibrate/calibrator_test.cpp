#include "condense/calibrate/calibrator.hpp"

#include <gtest/gtest.h>

#include "calibrate/samples.hpp"
#include "support/throws.hpp"

namespace condense::calibrate {
namespace {

TEST(Method, IsFoundByItsName) {
  for (const Method method : kMethods) EXPECT_EQ(parse_method(name(method)), method);
  EXPECT_EQ(parse_method("mean_squared_error"), Method::mean_squared_error);
  EXPECT_EQ(parse_method("min-max"), parse_method("min_max"));
  EXPECT_TRUE(throws<InvalidArgument>("'median'", [] { parse_method("median"); }));
  EXPECT_TRUE(throws<InvalidArgument>("percentile, entropy", [] { parse_method(""); }));
}

TEST(Calibrator, IsTheObserverOfItsMethod) {
  const std::vector<float> values = laplace_samples(5'000, 1);
  const Target target{quantize::kInt4, false};
  const auto range_by = [&](const Configuration& configuration) {
    Calibrator calibrator(configuration, target);
    calibrator.observe(values);
    return calibrator.range();
  };
  const auto range_of = [&](auto observer) {
    observer.observe(values);
    return observer.range();
  };
  EXPECT_EQ(range_by({.method = Method::min_max}), range_of(MinMaxObserver()));
  EXPECT_EQ(range_by({.method = Method::moving_average}), range_of(MovingAverageMinMaxObserver()));
  EXPECT_EQ(range_by({.method = Method::percentile, .percentile = 99}),
            range_of(PercentileObserver(Percentile::two_sided(99))));
  EXPECT_EQ(range_by({.method = Method::entropy, .bins = 1024}), range_of(EntropyObserver(Entropy{target}, 1024)));
  EXPECT_EQ(range_by({}), range_of(MeanSquaredErrorObserver(MeanSquaredError{target})));
  EXPECT_EQ(range_by({.method = Method::analytic_gaussian}), range_of(AnalyticObserver({Prior::gaussian, target})));
  EXPECT_EQ(range_by({.method = Method::analytic_laplace}), range_of(AnalyticObserver({Prior::laplace, target})));
}

TEST(Calibrator, GivesTheQuantizerOfItsRange) {
  Calibrator calibrator({.method = Method::min_max}, {quantize::kUint8, false});
  calibrator.observe(std::vector<float>{-1, 1.55F});
  EXPECT_EQ(calibrator.affine(), quantize::asymmetric({-1, 1.55F}, quantize::kUint8));
}

TEST(Calibrator, MergesOnlyWithItsLike) {
  Calibrator calibrator({.method = Method::entropy});
  EXPECT_TRUE(throws<InvalidArgument>("(entropy, int8) cannot be merged with one (min-max, int8)",
                                      [&] { calibrator.merge(Calibrator({.method = Method::min_max})); }));
  EXPECT_TRUE(throws<InvalidArgument>("uint8", [&] {
    calibrator.merge(Calibrator({.method = Method::entropy}, {quantize::kUint8, false}));
  }));
  for (const bool cross_validated : {false, true}) {
    Calibrator average({.method = Method::moving_average, .cross_validated = cross_validated});
    EXPECT_TRUE(throws<InvalidArgument>("moving average depends on the order", [&] { average.merge(average); }));
  }
  EXPECT_FALSE(is_mergeable(Method::moving_average));
  EXPECT_TRUE(is_mergeable(Method::entropy));
}

TEST(Calibrator, RefusesSettingsOutsideTheirDomain) {
  EXPECT_TRUE(throws<InvalidArgument>("not 45",
                                      [] { Calibrator calibrator({.method = Method::percentile, .percentile = 45}); }));
  EXPECT_TRUE(throws<InvalidArgument>(
      "not 2", [] { Calibrator calibrator({.method = Method::moving_average, .smoothing = 2}); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 1000", [] { Calibrator calibrator({.bins = 1000}); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 99", [] { Calibrator calibrator({.cross_validated = true, .folds = 99}); }));
  EXPECT_TRUE(throws<InvalidArgument>("number 77", [] { Calibrator calibrator({.method = static_cast<Method>(77)}); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 12", [] {
    Calibrator calibrator({.method = Method::min_max}, {{12, true, false}, false});
  }));
}

}  // namespace
}  // namespace condense::calibrate
