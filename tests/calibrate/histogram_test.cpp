#include "condense/calibrate/histogram.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <vector>

#include "condense/core/random.hpp"
#include "support/throws.hpp"

namespace condense::calibrate {
namespace {

constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kDenormal = std::numeric_limits<float>::denorm_min();

Histogram histogram_of(const std::vector<float>& values, Index bins = 16) {
  Histogram histogram(bins);
  histogram.observe(values);
  return histogram;
}

/// The definition, value by value, in a map.
void expect_as_defined(const Histogram& histogram, const std::vector<float>& values) {
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  const float magnitude = std::max(std::abs(*min), std::abs(*max));
  int exponent = -149;
  if (magnitude > 0) {
    int exponent_of_magnitude = 0;
    std::frexp(magnitude, &exponent_of_magnitude);
    exponent = std::max(exponent_of_magnitude - 24, -149);
  }
  const auto bin_of = [&](float value) { return std::floor(static_cast<double>(value) / std::exp2(exponent)); };
  while (bin_of(*max) - bin_of(*min) >= static_cast<double>(histogram.bins())) ++exponent;
  std::map<std::int32_t, std::uint64_t> counts;
  std::uint64_t zeros = 0;
  for (const float value : values) {
    if (value == 0) {
      ++zeros;
    } else {
      ++counts[static_cast<std::int32_t>(bin_of(value))];
    }
  }
  EXPECT_EQ(histogram.exponent(), exponent);
  EXPECT_EQ(histogram.zeros(), zeros);
  EXPECT_EQ(histogram.count(), values.size());
  EXPECT_EQ(histogram.extent(), (quantize::Range{*min, *max}));
  ASSERT_EQ(histogram.first_bin(), bin_of(*min));
  ASSERT_EQ(histogram.last_bin(), bin_of(*max));
  for (std::int32_t i = histogram.first_bin(); i <= histogram.last_bin(); ++i) EXPECT_EQ(histogram[i], counts[i]) << i;
}

TEST(Histogram, IsTheOneDefinedForAnyStream) {
  Random random(1);
  for (int round = 0; round < 300; ++round) {
    Histogram histogram(Index{16} << random.below(4));
    std::vector<float> all;
    const float offset = random.below(3) == 0 ? random.uniform(-1e4F, 1e4F) : 0;
    for (std::uint32_t batch = 0; batch < 8; ++batch) {
      std::vector<float> values(random.below(600));
      const float magnitude = std::ldexp(1.0F, static_cast<int>(random.below(60)) - 30);
      for (float& value : values) value = random.below(8) == 0 ? 0 : offset + random.uniform(-magnitude, magnitude);
      histogram.observe(values);
      all.insert(all.end(), values.begin(), values.end());
    }
    if (!all.empty()) expect_as_defined(histogram, all);
  }
}

TEST(Histogram, HoldsTheExtremesOfFloat) {
  for (const std::vector<float>& values : {std::vector<float>{kLargest, -kLargest},
                                           {kDenormal, -kDenormal},
                                           {kDenormal, kLargest},
                                           {-kLargest, -kDenormal},
                                           {kLargest, kLargest},
                                           {1.0F, std::nextafter(1.0F, 2.0F)},
                                           {-1e-40F, 3e-39F, 0},
                                           {0, 0},
                                           {16777215.0F}}) {
    Histogram histogram(16);
    for (const float value : values) histogram.observe(std::vector<float>{value});
    expect_as_defined(histogram, values);
    expect_as_defined(histogram_of(values), values);
    EXPECT_EQ(histogram, histogram_of(values));
  }
}

TEST(Histogram, UsesHalfOfItsBinsOrMore) {
  Random random(2);
  for (int round = 0; round < 200; ++round) {
    const Histogram histogram = histogram_of({-random.uniform(), random.uniform(), random.uniform()}, 256);
    EXPECT_GE(histogram.last_bin() - histogram.first_bin() + 1, 128);
    EXPECT_LT(histogram.last_bin() - histogram.first_bin(), 256);
  }
}

TEST(Histogram, TakesNegativeZeroForZero) {
  EXPECT_EQ(histogram_of({-0.0F, 1.0F}), histogram_of({0.0F, 1.0F}));
  EXPECT_EQ(histogram_of({-1.0F, -0.0F}), histogram_of({-1.0F, 0.0F}));
  EXPECT_EQ(histogram_of({-0.0F, 1.0F}).zeros(), 1U);
  EXPECT_FALSE(std::signbit(histogram_of({-0.0F}).extent().min));
}

TEST(Histogram, TrimsItsBinsToTheExtent) {
  std::vector<Histogram::Bin> bins;
  histogram_of({-3, -3, 0, 0.25F, 12.5F}).for_each_bin([&](const Histogram::Bin& bin) { bins.push_back(bin); });
  ASSERT_EQ(bins.size(), 3U);  // of width 1
  EXPECT_EQ(bins[0].lower, -3);
  EXPECT_EQ(bins[0].upper, -2);
  EXPECT_EQ(bins[0].count, 2U);
  EXPECT_EQ(bins[1].lower, 0);
  EXPECT_EQ(bins[1].upper, 1);
  EXPECT_EQ(bins[1].count, 1U);
  EXPECT_EQ(bins[2].lower, 12);
  EXPECT_EQ(bins[2].upper, 12.5);
}

TEST(Histogram, RefusesWhatIsNotFiniteAndStaysAsItWas) {
  Histogram histogram = histogram_of({1, 2, 3});
  const Histogram before = histogram;
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(throws<InvalidArgument>("value 2 of the 4 observed is nan", [&] {
    histogram.observe(std::vector<float>{9, 9, std::numeric_limits<float>::quiet_NaN(), infinity});
  }));
  EXPECT_TRUE(throws<InvalidArgument>("value 1 of the 2 observed is -inf", [&] {
    histogram.observe(std::vector<float>{9, -infinity});
  }));
  std::vector<float> many(1000, 1.0F);
  for (const std::size_t place : {0U, 7U, 500U, 996U, 999U}) {
    many[place] = infinity;
    EXPECT_TRUE(throws<InvalidArgument>(fmt::format("value {} of the 1000 observed is inf", place),
                                        [&] { histogram.observe(many); }));
    many[place] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(throws<InvalidArgument>(fmt::format("value {} of the 1000 observed is nan", place),
                                        [&] { histogram.observe(many); }));
    many[place] = 1;
  }
  EXPECT_EQ(histogram, before);
}

TEST(Histogram, RefusesOtherNumbersOfBins) {
  for (const Index bins : {Index{0}, Index{8}, Index{100}, Index{-16}, Index{1} << 23}) {
    EXPECT_TRUE(throws<InvalidArgument>(std::to_string(bins), [&] { Histogram histogram(bins); }));
  }
  Histogram histogram(32);
  EXPECT_TRUE(throws<InvalidArgument>("64", [&] { histogram.merge(Histogram(64)); }));
  EXPECT_TRUE(throws<InvalidArgument>("nothing was observed", [&] { histogram.extent(); }));
}

}  // namespace
}  // namespace condense::calibrate
