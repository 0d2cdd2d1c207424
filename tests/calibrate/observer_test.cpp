#include "condense/calibrate/observer.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "calibrate/samples.hpp"
#include "condense/calibrate/calibrator.hpp"
#include "support/throws.hpp"

namespace condense::calibrate {
namespace {

class EveryMethod : public testing::TestWithParam<Method> {
 protected:
  static Calibrator make(Target target = {}) { return Calibrator({.method = GetParam()}, target); }
};

INSTANTIATE_TEST_SUITE_P(Calibrators, EveryMethod, testing::ValuesIn(kMethods), [](const auto& method) {
  std::string text(name(method.param));
  std::erase_if(text, [](char c) { return c == ' ' || c == '-'; });
  return text;
});

TEST_P(EveryMethod, AsksForDataBeforeItGivesARange) {
  Calibrator calibrator = make();
  EXPECT_TRUE(throws<InvalidArgument>("feed calibration data", [&] { calibrator.range(); }));
  calibrator.observe({});
  EXPECT_TRUE(throws<InvalidArgument>("nothing was observed", [&] { calibrator.range(); }));
}

TEST_P(EveryMethod, NamesTheValueThatIsNotFiniteAndStaysAsItWas) {
  Calibrator calibrator = make();
  const std::vector<float> values = laplace_samples(100, 1);
  calibrator.observe(values);
  const Calibrator before = calibrator;
  std::vector<float> broken = values;
  broken[37] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(throws<InvalidArgument>("value 37 of the 100 observed is nan", [&] { calibrator.observe(broken); }));
  broken[12] = -std::numeric_limits<float>::infinity();
  EXPECT_TRUE(throws<InvalidArgument>("value 12 of the 100 observed is -inf", [&] { calibrator.observe(broken); }));
  EXPECT_EQ(calibrator, before);
}

TEST_P(EveryMethod, StaysWithinTheExtentWidenedToContainZero) {
  Random random(2);
  for (const Target target : {Target{quantize::kInt8, false}, Target{quantize::kInt8Narrow, true},
                              Target{quantize::kInt4, false}, Target{quantize::kInt4Narrow, true}}) {
    for (const float shift : {0.0F, 3.0F, -3.0F, 100.0F, -1e6F}) {
      Calibrator calibrator = make(target);
      std::vector<float> values(300);
      for (float& value : values) value = shift + laplace(random);
      calibrator.observe(values);
      const quantize::Range extent = with_zero(detail::finite_extent(values));
      const quantize::Range range = calibrator.range();
      EXPECT_LE(range.min, range.max);
      EXPECT_GE(range.min, extent.min) << shift;
      EXPECT_LE(range.max, extent.max) << shift;
    }
  }
}

TEST_P(EveryMethod, GivesAUsableRangeForConstantStreams) {
  for (const float value : {0.0F, 1.0F, -2.5F, 3.4e38F, 1e-45F}) {
    for (const bool symmetric : {false, true}) {
      const Target target{quantize::kInt8, symmetric};
      Calibrator calibrator = make(target);
      calibrator.observe(std::vector<float>(100, value));
      const quantize::Affine parameters = calibrator.affine();
      const std::int32_t code = quantize::quantize_value(value, parameters, target.type);
      EXPECT_NEAR(quantize::dequantize_value(code, parameters), value, 0.51F * std::abs(parameters.scale))
          << value << (symmetric ? " symmetric" : " asymmetric");
    }
  }
}

TEST_P(EveryMethod, ClipsOneSidedDataOnItsOwnSideOnly) {
  Calibrator calibrator = make();
  calibrator.observe(activations(1000, 3));
  EXPECT_GE(calibrator.range().min, 0);
  EXPECT_GT(calibrator.range().max, 0);
}

TEST(MinMaxObserver, KeepsTheExtremes) {
  MinMaxObserver observer;
  observer.observe(std::vector<float>{3, 4});
  EXPECT_EQ(observer.range(), (quantize::Range{3, 4}));
  observer.observe(std::vector<float>{-1, 2});
  EXPECT_EQ(observer.range(), (quantize::Range{-1, 4}));
}

TEST(MovingAverageMinMaxObserver, AveragesTheExtremesOfBatches) {
  MovingAverageMinMaxObserver observer(0.75);
  observer.observe(std::vector<float>{-4, 8});
  EXPECT_EQ(observer.range(), (quantize::Range{-4, 8}));  // begins with the first batch, not with 0
  observer.observe(std::vector<float>{0, 16});
  EXPECT_EQ(observer.range(), (quantize::Range{-3, 10}));
  observer.observe(std::vector<float>{-3, 2});
  EXPECT_EQ(observer.range(), (quantize::Range{-3, 8}));
}

TEST(MovingAverageMinMaxObserver, DependsOnTheOrder) {
  MovingAverageMinMaxObserver forward;
  MovingAverageMinMaxObserver backward;
  for (const float value : {1.0F, 2.0F}) {
    forward.observe(std::vector<float>{value});
    backward.observe(std::vector<float>{3 - value});
  }
  EXPECT_NE(forward.range(), backward.range());
}

TEST(MovingAverageMinMaxObserver, RefusesASmoothingOutsideItsDomain) {
  for (const double smoothing : {1.0, -0.5, 1.5}) {
    EXPECT_TRUE(
        throws<InvalidArgument>(fmt::format("{}", smoothing), [&] { MovingAverageMinMaxObserver o(smoothing); }));
  }
}

}  // namespace
}  // namespace condense::calibrate
