#include "condense/quantize/range_search.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "condense/quantize/distortion.hpp"
#include "condense/quantize/with_scheme.hpp"
#include "quantize/formats.hpp"
#include "support/throws.hpp"

namespace condense::quantize {
namespace {

double squared_error(const Tensor& values, const NumberFormat& format, std::span<const Range> ranges) {
  return with_scheme(format, [&](const auto& scheme) {
    const QuantizationParameters parameters = quantization_parameters(scheme, format.granularity, ranges);
    return distortion(values, fake_quantize(values, scheme, parameters)).mean_squared_error();
  });
}

std::vector<Range> searched(const Tensor& values, const NumberFormat& format, int steps = 100) {
  return with_scheme(format, [&](const auto& scheme) {
    return mean_squared_error_ranges(values, scheme, format.granularity, {.steps = steps});
  });
}

TEST(RangeSearch, IsNeverWorseThanMinMaxForAnyFormat) {
  for (NumberFormat format : all_formats()) {
    format.granularity = Granularity::per_group(1, 20);
    const Tensor values = Tensor::of<float>({3, 50}, weights(150, 6, holds_negative_values(format)));
    const double found = squared_error(values, format, searched(values, format, 20));
    const double full = squared_error(values, format, slice_ranges(values, format.granularity));
    // Both are sums of the same doubles, but in another order: a few roundings.
    EXPECT_LE(found, full * (1 + 1e-12)) << format.name();
  }
}

TEST(RangeSearch, IsTheBestOfAllFactorsForEachSlice) {
  const NumberFormat format = NumberFormat::parse("int3/channel");
  const Tensor values = Tensor::of<float>({4, 40}, weights(160, 7));
  const std::vector<Range> best = searched(values, format, 10);
  for (Index row = 0; row < 4; ++row) {
    const std::span<const float> x(values.data<float>() + 40 * row, 40);
    const Tensor alone = Tensor::of<float>({40}, x);
    const NumberFormat per_tensor = NumberFormat::parse("int3");
    const Range full = slice_ranges(alone).front();
    Range expected = full;
    double least = squared_error(alone, per_tensor, std::vector<Range>{full});
    for (int step = 9; step >= 1; --step) {
      const float factor = static_cast<float>(step) / 10;
      const Range range{full.min * factor, full.max * factor};
      const double error = squared_error(alone, per_tensor, std::vector<Range>{range});
      if (error < least) {
        least = error;
        expected = range;
      }
    }
    EXPECT_EQ(best[static_cast<std::size_t>(row)], expected) << row;
  }
}

TEST(RangeSearch, ClipsOutliersForTheSakeOfTheMany) {
  std::vector<float> x = weights(4096, 8);
  x[100] = 1.5F;  // 30 standard deviations
  const Tensor values = Tensor::of<float>({4096}, std::span<const float>(x));
  const NumberFormat format = NumberFormat::parse("int4");
  const std::vector<Range> found = searched(values, format);
  EXPECT_LT(found[0].max, 0.8F);
  EXPECT_LT(squared_error(values, format, found), 0.6 * squared_error(values, format, slice_ranges(values)));
}

TEST(RangeSearch, KeepsTheWholeRangeOfWhatItRepresentsExactly) {
  const Tensor values = Tensor::of<float>({5}, {-7, -2, 0, 3, 7});
  EXPECT_EQ(searched(values, NumberFormat::parse("int4"))[0], (Range{-7, 7}));
  const Tensor zeros(DataType::float32, {5});
  EXPECT_EQ(searched(zeros, NumberFormat::parse("int4"))[0], (Range{0, 0}));
}

// Rastegari et al., "XNOR-Net", ECCV 2016, section 3.1: the scale of least squared error is the mean of |x|.
TEST(RangeSearch, FindsTheMeanMagnitudeForBinaryWeights) {
  const std::vector<float> x = weights(2000, 9);
  double mean = 0;
  double largest = 0;
  for (const float value : x) {
    mean += std::abs(value) / 2000.0;
    largest = std::max(largest, std::abs(double{value}));
  }
  const Range range = mean_squared_error_range(std::span<const float>(x), Binary{}, {.steps = 1000});
  EXPECT_NEAR(absolute_maximum(range), mean, largest / 1000);
}

TEST(RangeSearch, WithOneStepIsMinMax) {
  const Tensor values = Tensor::of<float>({3, 20}, weights(60, 10));
  EXPECT_EQ(searched(values, NumberFormat::parse("int2/channel"), 1), slice_ranges(values, Granularity::per_channel()));
}

TEST(RangeSearch, RefusesNoStepsAndWhatHasNoRange) {
  const Tensor values = Tensor::of<float>({2}, {1, std::nanf("")});
  EXPECT_TRUE(throws<InvalidArgument>("not 0", [&] { mean_squared_error_range(values, Ternary{}, {.steps = 0}); }));
  EXPECT_TRUE(throws<InvalidArgument>("element 1", [&] { mean_squared_error_range(values, Ternary{}); }));
}

}  // namespace
}  // namespace condense::quantize
