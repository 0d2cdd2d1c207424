#include "condense/calibrate/cross_validated.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "calibrate/samples.hpp"
#include "condense/calibrate/calibrator.hpp"
#include "support/throws.hpp"

namespace condense::calibrate {
namespace {

constexpr Target kTarget{quantize::kInt4, false};

template <class Base>
void observe_batches(CrossValidated<Base>& observer, const std::vector<float>& values, std::size_t size) {
  for (std::size_t begin = 0; begin < values.size(); begin += size) {
    observer.observe(std::span(values).subspan(begin, size));
  }
}

TEST(CrossValidated, ShrinksARangeThatOneOutlierSet) {
  std::vector<float> values = activations(40'000, 1);
  const std::vector<float> unseen = activations(40'000, 2);
  values[123] = 40;
  CrossValidated<MinMaxObserver> observer(MinMaxObserver{}, kTarget);
  observe_batches(observer, values, 500);
  MinMaxObserver base;
  base.observe(values);
  EXPECT_LT(mean_squared_error(unseen, observer.range(), kTarget),
            0.5 * mean_squared_error(unseen, base.range(), kTarget));
}

TEST(CrossValidated, WorksOnAnyObserver) {
  const std::vector<float> values = laplace_samples(8'000, 3);
  const std::vector<float> unseen = laplace_samples(8'000, 4);
  for (const Method method : kMethods) {
    Calibrator base({.method = method}, kTarget);
    Calibrator validated({.method = method, .cross_validated = true}, kTarget);
    for (std::size_t begin = 0; begin < values.size(); begin += 400) {
      base.observe(std::span(values).subspan(begin, 400));
      validated.observe(std::span(values).subspan(begin, 400));
    }
    EXPECT_LT(mean_squared_error(unseen, validated.range(), kTarget),
              1.05 * mean_squared_error(unseen, base.range(), kTarget))
        << name(method);
  }
}

/// An observer with an opinion of its own, whatever it sees.
struct Fixed {
  quantize::Range answer;
  void observe(std::span<const float>) {}
  quantize::Range range() const { return answer; }
  std::size_t bytes() const { return sizeof(*this); }
};

TEST(CrossValidated, PicksTheFactorsOfLeastErrorOnWhatWasHeldOut) {
  const std::vector<float> values = laplace_samples(4'000, 5);
  const Fixed fixed{{-4, 12}};
  CrossValidated<Fixed> observer(fixed, kTarget, 4, 1024);
  observe_batches(observer, values, 100);
  double least = std::numeric_limits<double>::infinity();
  quantize::Range best;
  for (const double low : CrossValidated<Fixed>::kFactors) {
    for (const double high : CrossValidated<Fixed>::kFactors) {
      const quantize::Range range{static_cast<float>(-4 * low), static_cast<float>(12 * high)};
      const double error = mean_squared_error(values, range, kTarget);
      if (error < least) {
        least = error;
        best = range;
      }
    }
  }
  EXPECT_LE(mean_squared_error(values, observer.range(), kTarget), 1.001 * least);
  EXPECT_NE(observer.range(), fixed.answer);
  EXPECT_FLOAT_EQ(observer.range().max, best.max);
}

TEST(CrossValidated, LeavesAPerfectRangeAlone) {
  CrossValidated<MinMaxObserver> observer(MinMaxObserver{}, kTarget);
  for (int i = 0; i < 8; ++i) observer.observe(std::vector<float>{0, 5, 10, 15});
  EXPECT_EQ(observer.range(), (quantize::Range{0, 15}));
}

TEST(CrossValidated, MergesExactlyWhenFoldsAreNamed) {
  const std::vector<float> values = laplace_samples(1'000, 6);
  const auto batch = [&](std::size_t i) { return std::span(values).subspan(i * 100, 100); };
  CrossValidated<MinMaxObserver> whole;
  CrossValidated<MinMaxObserver> even;
  CrossValidated<MinMaxObserver> odd;
  for (std::size_t i = 0; i < 10; ++i) {
    whole.observe(batch(i), static_cast<int>(i % 4));
    (i % 2 == 0 ? even : odd).observe(batch(9 - i), static_cast<int>((9 - i) % 4));
  }
  CrossValidated<MinMaxObserver> merged = even;
  merged.merge(odd);
  odd.merge(even);
  EXPECT_EQ(merged, whole);
  EXPECT_EQ(odd, whole);
  EXPECT_EQ(merged.range(), whole.range());
}

TEST(CrossValidated, AsksForBatchesOfTwoFolds) {
  CrossValidated<MinMaxObserver> observer;
  EXPECT_TRUE(throws<InvalidArgument>("nothing was observed", [&] { observer.range(); }));
  observer.observe(std::vector<float>{1, 2});
  EXPECT_TRUE(throws<InvalidArgument>("1 fold of 4", [&] { observer.range(); }));
  observer.observe(std::vector<float>{1, 3});
  EXPECT_GT(observer.range().max, 0);
  EXPECT_TRUE(throws<InvalidArgument>("fold 4", [&] { observer.observe(std::vector<float>{1}, 4); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 1", [] { CrossValidated<MinMaxObserver> one({}, {}, 1); }));
}

}  // namespace
}  // namespace condense::calibrate
