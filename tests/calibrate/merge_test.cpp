// merge(a, b) equals having observed both streams, in any order: bit for bit.

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "calibrate/samples.hpp"
#include "condense/calibrate/calibrator.hpp"
#include "condense/core/parallel.hpp"

namespace condense::calibrate {
namespace {

static_assert(MergeableObserver<MinMaxObserver>);
static_assert(MergeableObserver<PercentileObserver>);
static_assert(MergeableObserver<EntropyObserver>);
static_assert(MergeableObserver<MeanSquaredErrorObserver>);
static_assert(MergeableObserver<AnalyticObserver>);
static_assert(MergeableObserver<CrossValidated<MinMaxObserver>>);
static_assert(Observer<MovingAverageMinMaxObserver> && !MergeableObserver<MovingAverageMinMaxObserver>);
static_assert(Observer<CrossValidated<MovingAverageMinMaxObserver>>);

constexpr Target kTarget{quantize::kInt4, false};
constexpr Index kBins = 256;

/// Values whose magnitudes grow and shrink by powers of two, so that histograms widen at random places.
std::vector<float> restless(Random& random, std::size_t count) {
  std::vector<float> values(count);
  int exponent = 0;
  for (float& value : values) {
    if (random.below(50) == 0) exponent = static_cast<int>(random.below(40)) - 20;
    value = random.below(6) == 0 ? 0 : std::ldexp(random.uniform(-1, 1), exponent);
  }
  return values;
}

template <class Type>
class MergeableObserverTest : public testing::Test {};

struct MinMaxFactory {
  static MinMaxObserver make() { return {}; }
};
struct PercentileFactory {
  static PercentileObserver make() { return PercentileObserver(Percentile::two_sided(95), kBins); }
};
struct EntropyFactory {
  static EntropyObserver make() { return EntropyObserver(Entropy{kTarget}, kBins); }
};
struct MeanSquaredErrorFactory {
  static MeanSquaredErrorObserver make() { return MeanSquaredErrorObserver(MeanSquaredError{kTarget}, kBins); }
};
struct AnalyticFactory {
  static AnalyticObserver make() { return AnalyticObserver(Analytic{Prior::laplace, kTarget}, kBins); }
};
struct CalibratorFactory {
  static Calibrator make() { return Calibrator({.bins = kBins}, kTarget); }
};
using Factories = testing::Types<MinMaxFactory, PercentileFactory, EntropyFactory, MeanSquaredErrorFactory,
                                 AnalyticFactory, CalibratorFactory>;
TYPED_TEST_SUITE(MergeableObserverTest, Factories);

TYPED_TEST(MergeableObserverTest, MergesToTheSameForAnyCutAndOrder) {
  Random random(3);
  for (int round = 0; round < 25; ++round) {
    std::vector<float> values = restless(random, 1 + random.below(2000));
    auto whole = TypeParam::make();
    whole.observe(values);
    random.shuffle(std::span(values));
    std::vector<decltype(whole)> parts(1 + random.below(6), TypeParam::make());  // some stay empty
    for (std::size_t begin = 0; begin < values.size();) {
      const std::size_t size = std::min<std::size_t>(values.size() - begin, random.below(300));
      parts[random.below(static_cast<std::uint32_t>(parts.size()))].observe(std::span(values).subspan(begin, size));
      begin += size;
    }
    while (parts.size() > 1) {  // as a random tree
      random.shuffle(std::span(parts));
      auto last = parts.back();
      parts.pop_back();
      parts.back().merge(last);
    }
    EXPECT_EQ(parts[0], whole);
    EXPECT_EQ(parts[0].range(), whole.range());
  }
}

TYPED_TEST(MergeableObserverTest, CommutesAndHasTheEmptyOneAsNeutral) {
  Random random(4);
  auto a = TypeParam::make();
  auto b = TypeParam::make();
  a.observe(restless(random, 500));
  b.observe(restless(random, 70));
  b.observe(std::vector<float>{-1e9F, 1e9F});
  auto ab = a;
  ab.merge(b);
  auto ba = b;
  ba.merge(a);
  EXPECT_EQ(ab, ba);
  EXPECT_NE(ab, a);
  auto neutral = TypeParam::make();
  auto same = a;
  same.merge(neutral);
  neutral.merge(a);
  EXPECT_EQ(same, a);
  EXPECT_EQ(neutral, a);
}

TYPED_TEST(MergeableObserverTest, IsTheSameForAnyNumberOfThreads) {
  Random random(5);
  const std::vector<float> values = restless(random, 20'000);
  auto whole = TypeParam::make();
  whole.observe(values);
  for (const int threads : {1, 2, 3, 8}) {
    constexpr Index kGrain = 777;
    const auto count = static_cast<Index>(values.size());
    std::vector<decltype(whole)> parts(static_cast<std::size_t>(count / kGrain + 1), TypeParam::make());
    parallel_for(ThreadPool(threads), count, kGrain, [&](Index begin, Index end) {
      parts[static_cast<std::size_t>(begin / kGrain)].observe(
          std::span(values).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
    });
    auto merged = TypeParam::make();
    for (const auto& part : parts) merged.merge(part);
    EXPECT_EQ(merged, whole) << threads;
    EXPECT_EQ(merged.range(), whole.range()) << threads;
  }
}

TEST(MergedHistogram, WithItselfCountsTwice) {
  Histogram histogram(kBins);
  histogram.observe(std::vector<float>{-1, 0, 0, 2.5F});
  Histogram twice = histogram;
  twice.observe(std::vector<float>{-1, 0, 0, 2.5F});
  histogram.merge(histogram);
  EXPECT_EQ(histogram, twice);
}

}  // namespace
}  // namespace condense::calibrate
