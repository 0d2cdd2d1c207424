#include "condense/calibrate/per_channel.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "calibrate/samples.hpp"
#include "condense/calibrate/calibrator.hpp"
#include "support/throws.hpp"

namespace condense::calibrate {
namespace {

TEST(PerChannel, GivesEachChannelWhatItsValuesGive) {
  const Shape shape{3, 4, 5};
  const Tensor tensor = Tensor::of<float>(shape, std::span<const float>(laplace_samples(60, 1)));
  for (int axis = -3; axis < 3; ++axis) {
    const int positive = shape.axis(axis);
    const Index channels = shape[positive];
    PerChannel<PercentileObserver> observer(channels, axis, PercentileObserver(Percentile::two_sided(90), 256));
    observer.observe(tensor);
    const std::vector<quantize::Range> ranges = observer.ranges();
    ASSERT_EQ(ranges.size(), static_cast<std::size_t>(channels));
    for (Index channel = 0; channel < channels; ++channel) {
      std::vector<float> values;
      for (Index i = 0; i < 60; ++i) {
        const Index index[] = {i / 20, i / 5 % 4, i % 5};
        if (index[positive] == channel) values.push_back(tensor.values<float>()[static_cast<std::size_t>(i)]);
      }
      PercentileObserver expected(Percentile::two_sided(90), 256);
      expected.observe(values);
      EXPECT_EQ(observer[channel], expected) << axis << " " << channel;
      EXPECT_EQ(ranges[static_cast<std::size_t>(channel)], expected.range());
    }
  }
}

TEST(PerChannel, TakesAChannelOfATensorForOneBatch) {
  PerChannel<MovingAverageMinMaxObserver> observer(2, -1, MovingAverageMinMaxObserver(0.5));
  observer.observe(Tensor::of<float>({3, 2}, {1, 10, 2, 20, 3, 30}));
  observer.observe(Tensor::of<float>({1, 2}, {5, 60}));
  EXPECT_EQ(observer.ranges(), (std::vector<quantize::Range>{{3, 4}, {35, 45}}));
}

TEST(PerChannel, MergesChannelByChannel) {
  const std::vector<float> values = laplace_samples(120, 2);
  const auto tensor = [&](std::size_t begin) {
    return Tensor::of<float>({5, 4, 3}, std::span(values).subspan(begin, 60));
  };
  PerChannel<Calibrator> whole(4, 1);
  whole.observe(tensor(0));
  whole.observe(tensor(60));
  PerChannel<Calibrator> first(4, 1);
  PerChannel<Calibrator> second(4, 1);
  first.observe(tensor(60));
  second.observe(tensor(0));
  first.merge(second);
  EXPECT_EQ(first, whole);
  EXPECT_GT(whole.bytes(), 4 * Calibrator().bytes());
}

TEST(PerChannel, RefusesTensorsOfOtherChannels) {
  PerChannel<MinMaxObserver> observer(4, 1);
  EXPECT_TRUE(throws<InvalidArgument>("(2 x 3) has 3 channels, the observer has 4", [&] {
    observer.observe(Tensor(DataType::float32, {2, 3}));
  }));
  EXPECT_TRUE(throws<InvalidArgument>("axis 1", [&] { observer.observe(Tensor(DataType::float32, {4})); }));
  EXPECT_TRUE(throws<InvalidArgument>("0 channels", [&] { PerChannel<MinMaxObserver> none(0, 1); }));
  EXPECT_TRUE(throws<InvalidArgument>("axis 2", [&] { observer.merge(PerChannel<MinMaxObserver>(4, 2)); }));
  EXPECT_TRUE(throws<InvalidArgument>("nothing was observed", [&] { observer.ranges(); }));
}

TEST(PerChannel, NamesTheValueInTheTensorAndStaysAsItWas) {
  PerChannel<MinMaxObserver> observer(3, 1);
  Tensor tensor(DataType::float32, {2, 3});
  tensor.mutable_data<float>()[4] = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(throws<InvalidArgument>("value 4 of the 6 observed is inf", [&] { observer.observe(tensor); }));
  EXPECT_EQ(observer, PerChannel<MinMaxObserver>(3, 1));
}

}  // namespace
}  // namespace condense::calibrate
