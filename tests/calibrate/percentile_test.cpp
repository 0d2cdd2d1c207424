#include "condense/calibrate/percentile.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "calibrate/samples.hpp"
#include "support/throws.hpp"

namespace condense::calibrate {
namespace {

TEST(OrderStatistic, LiesWithinABinOfTheExactOneAndIsMonotone) {
  for (const bool rectified : {false, true}) {
    std::vector<float> values = rectified ? activations(3000, 1) : laplace_samples(3000, 1);
    for (std::size_t i = 0; i < 100; ++i) values[i * 7] = 0;
    Histogram histogram(64);
    histogram.observe(values);
    std::ranges::sort(values);
    float previous = values.front();
    for (std::uint64_t rank = 1; rank <= values.size(); ++rank) {
      const float found = order_statistic(histogram, rank);
      const float exact = values[rank - 1];
      EXPECT_LT(std::abs(found - exact), histogram.bin_width()) << rank;
      EXPECT_EQ(found == 0, exact == 0) << rank;
      EXPECT_GE(found, previous) << rank;
      previous = found;
    }
    EXPECT_EQ(order_statistic(histogram, 1), values.front());
    EXPECT_EQ(order_statistic(histogram, values.size()), values.back());
  }
}

TEST(OrderStatistic, RefusesRanksThatDoNotExist) {
  Histogram histogram;
  histogram.observe(std::vector<float>{1, 2});
  EXPECT_TRUE(throws<InvalidArgument>("rank 0 among 2", [&] { order_statistic(histogram, 0); }));
  EXPECT_TRUE(throws<InvalidArgument>("rank 3 among 2", [&] { order_statistic(histogram, 3); }));
}

TEST(PercentileObserver, CutsTheStatedNumberOfValuesAtEachEnd) {
  std::vector<float> values;
  for (int i = 1; i <= 1000; ++i) values.push_back(static_cast<float>(i));  // one value to a bin of width 1
  struct Row {
    double lower;
    double upper;
    float min;
    float max;
  };
  for (const Row& row : {Row{0, 100, 1, 1000}, Row{0.1, 99.9, 2, 999}, Row{0.099, 99.901, 1, 1000}, Row{1, 99, 11, 990},
                         Row{0, 99.5, 1, 995}, Row{25, 100, 251, 1000}, Row{49.9, 50.1, 500, 501},
                         Row{0.01, 99.99, 1, 1000}, Row{10, 20, 101, 200}}) {
    PercentileObserver observer(Percentile{row.lower, row.upper}, 1024);
    observer.observe(values);
    const quantize::Range range = observer.range();
    EXPECT_LT(std::abs(range.min - row.min), 1) << row.lower;
    EXPECT_LT(std::abs(range.max - row.max), 1) << row.upper;
    EXPECT_EQ(std::floor(range.min), row.min) << row.lower;
    EXPECT_EQ(std::floor(range.max), row.max) << row.upper;
  }
}

TEST(PercentileObserver, IsWithinABinOfTheExactPercentileOfLargeData) {
  std::vector<float> values = laplace_samples(100'000, 2);
  std::ranges::sort(values);
  for (const double p : {50.5, 75.0, 90.0, 99.0, 99.9, 99.99, 99.999, 100.0}) {
    PercentileObserver observer(Percentile::two_sided(p));
    observer.observe(values);
    const auto cut = static_cast<std::size_t>(std::floor((100 - p) * 1000 + 1e-6));
    const double width = observer.histogram().bin_width();
    EXPECT_LT(std::abs(observer.range().min - values[cut]), width) << p;
    EXPECT_LT(std::abs(observer.range().max - values[values.size() - 1 - cut]), width) << p;
  }
}

TEST(PercentileObserver, OfManyZerosIsZero) {
  PercentileObserver observer(Percentile::two_sided(90));
  std::vector<float> values(100, 0.0F);
  values[5] = 7;
  values[6] = -7;
  observer.observe(values);
  EXPECT_EQ(observer.range(), (quantize::Range{0, 0}));
}

TEST(PercentileObserver, RefusesPercentilesOutsideTheirDomain) {
  EXPECT_TRUE(throws<InvalidArgument>("not 50", [] { Percentile::two_sided(50); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 100.5", [] { Percentile::two_sided(100.5); }));
  EXPECT_TRUE(throws<InvalidArgument>("30 and 20", [] { PercentileObserver observer(Percentile{30, 20}); }));
  EXPECT_TRUE(throws<InvalidArgument>("-1 and 20", [] { PercentileObserver observer(Percentile{-1, 20}); }));
  PercentileObserver observer(Percentile{1, 99});
  EXPECT_TRUE(throws<InvalidArgument>("different settings", [&] {
    observer.merge(PercentileObserver(Percentile{1, 98}));
  }));
}

}  // namespace
}  // namespace condense::calibrate
