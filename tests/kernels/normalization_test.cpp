#include <bit>
#include <cmath>
#include <limits>

#include "support/backends.hpp"
#include "support/kernel_data.hpp"

namespace condense::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::size_t size(Index count) { return static_cast<std::size_t>(count); }

class NormalizationTest : public BackendTest<Normalization> {
 protected:
  const NormalizationKernel& kernel() const { return kernels().normalization; }

  std::vector<float> softmax(const std::vector<float>& row) const {
    std::vector<float> result(row.size());
    const auto columns = static_cast<Index>(row.size());
    kernel().softmax({row.data(), columns, result.data(), columns, 1, columns});
    return result;
  }
  std::vector<float> normalize(const std::vector<float>& row, float epsilon) const {
    std::vector<float> result(row.size());
    kernel().layer_normalization({.input = row.data(),
                                  .output = result.data(),
                                  .rows = 1,
                                  .columns = static_cast<Index>(row.size()),
                                  .epsilon = epsilon});
    return result;
  }
};
CONDENSE_TEST_ALL_BACKENDS(NormalizationTest);

/// The difference to the largest value is rounded to float, relatively by 2^-24, which is an absolute error of the
/// exponent; the exponential is off by 2^-23 relatively, so is their sum, its inverse and the product by 2^-24 each.
/// Exponentials below 2^-126 may be 0.
void expect_softmax(const float* input, const float* output, Index count) {
  const auto largest = static_cast<long double>(*std::max_element(input, input + count));
  long double total = 0;
  for (Index i = 0; i < count; ++i) total += std::exp(static_cast<long double>(input[i]) - largest);
  for (Index i = 0; i < count; ++i) {
    const long double exponent = static_cast<long double>(input[i]) - largest;
    const long double expected = std::exp(exponent) / total;
    const long double tolerance = expected * (0x1p-24L * (std::min(-exponent, 1e3L) + 4) + 0x1p-22L) + 0x1p-125L;
    ASSERT_NEAR(static_cast<double>(output[i]), static_cast<double>(expected), static_cast<double>(tolerance))
        << i << " of " << count;
  }
}

TEST_P(NormalizationTest, SoftmaxOfEveryLengthIsNearTheExactOne) {
  for (Index columns = 0; columns <= 200; ++columns) {
    Random random(static_cast<std::uint64_t>(columns));
    const Index rows = 1 + columns % 3;
    const Index in_stride = columns + columns % 2;
    const Index out_stride = columns + 2;
    ShiftedMemory<float> input(rows * in_stride, columns % 5);
    ShiftedMemory<float> output(rows * out_stride, columns % 7);
    const std::vector<float> untouched(output.data(), output.data() + output.size());
    const float spread = columns % 4 == 0 ? 200.0F : 5.0F;
    for (Index i = 0; i < rows * in_stride; ++i) {
      input[i] = random.below(9) == 0 ? -kInfinity : random.uniform(-spread, spread) + 1000.0F;
    }
    for (Index row = 0; row < rows && columns > 0; ++row) input[row * in_stride + row % columns] = 1000;
    kernel().softmax({input.data(), in_stride, output.data(), out_stride, rows, columns});
    for (Index row = 0; row < rows; ++row) {
      if (columns > 0) expect_softmax(&input[row * in_stride], &output[row * out_stride], columns);
      ASSERT_EQ(std::memcmp(&output[row * out_stride + columns], &untouched[size(row * out_stride + columns)],
                            2 * sizeof(float)),
                0);
    }
  }
}

TEST_P(NormalizationTest, SoftmaxOfALongRowSumsToOne) {
  Random random(1);
  std::vector<float> row;
  for (int i = 0; i < 100'003; ++i) row.push_back(random.uniform(-3, 3));
  const std::vector<float> result = softmax(row);
  expect_softmax(row.data(), result.data(), static_cast<Index>(row.size()));
  long double sum = 0;
  for (const float value : result) sum += static_cast<long double>(value);
  EXPECT_NEAR(static_cast<double>(sum), 1, 0x1p-22);
}

TEST_P(NormalizationTest, ExponentialIsAsGoodAsItSays) {
  constexpr Index kBlock = 64;
  float row[kBlock] = {};
  float result[kBlock];
  for (float first = 0; first > -87; first -= 0.01F) {
    for (Index i = 1; i < kBlock; ++i) row[i] = first - static_cast<float>(i) * 0.01F / kBlock;
    kernel().softmax({row, kBlock, result, kBlock, 1, kBlock});
    for (Index i = 1; i < kBlock; ++i) {
      // result[0] is the factor itself: exp(0) is 1. So the quotient is exp(row[i]), within 1.01 units in the last
      // place of that, and of one more rounding.
      const double power = static_cast<double>(result[i]) / static_cast<double>(result[0]);
      const double expected = std::exp(static_cast<double>(row[i]));
      if (expected * static_cast<double>(result[0]) < 0x1p-126) continue;
      ASSERT_NEAR(power, expected, expected * (1.01 * 0x1p-23 + 0x1p-24)) << row[i];
    }
  }
}

TEST_P(NormalizationTest, SoftmaxOfWhatIsNotFinite) {
  for (Index columns = 1; columns <= 70; ++columns) {
    for (Index place = 0; place < columns; place += 1 + columns / 7) {
      std::vector<float> row(size(columns), 1.5F);
      for (const float value : {kNan, kInfinity}) {
        row[size(place)] = value;
        for (const float result : softmax(row)) ASSERT_TRUE(std::isnan(result)) << columns << " at " << place;
      }
      row.assign(size(columns), -kInfinity);
      for (const float result : softmax(row)) ASSERT_TRUE(std::isnan(result)) << columns;
      row[size(place)] = -3e38F;
      const std::vector<float> one_hot = softmax(row);
      for (Index i = 0; i < columns; ++i) ASSERT_EQ(one_hot[size(i)], i == place ? 1.0F : 0.0F);
    }
  }
}

/// The same bytes as the scalar version, NaNs apart.
void expect_same(const std::vector<float>& actual, const std::vector<float>& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (std::isnan(expected[i])) {
      ASSERT_TRUE(std::isnan(actual[i])) << i << " of " << expected.size();
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(actual[i]), std::bit_cast<std::uint32_t>(expected[i]))
          << i << " of " << expected.size() << ": " << actual[i] << " and " << expected[i];
    }
  }
}

TEST_P(NormalizationTest, GivesTheBytesOfTheScalarVersion) {
  const NormalizationKernel scalar = NormalizationKernel::of<simd::Scalar>();
  for (Index columns = 1; columns <= 1500; columns += columns < 200 ? 1 : 433) {
    Random random(static_cast<std::uint64_t>(columns));
    const float spread = columns % 3 == 0 ? 100.0F : 4.0F;
    std::vector<float> row;
    std::vector<float> scale;
    std::vector<float> bias;
    for (Index i = 0; i < columns; ++i) {
      const auto kind = random.below(40);
      row.push_back(kind == 0 ? -kInfinity : kind == 1 ? -0.0F : random.uniform(-spread, spread));
      scale.push_back(random.uniform(-2, 2));
      bias.push_back(random.uniform(-2, 2));
    }
    std::vector<float> expected(row.size());
    scalar.softmax({row.data(), columns, expected.data(), columns, 1, columns});
    ASSERT_NO_FATAL_FAILURE(expect_same(softmax(row), expected));
    for (float& value : row) value = std::isinf(value) ? 0 : value;
    for (const bool scaled : {false, true}) {
      std::vector<float> actual(row.size());
      LayerNormalizationArguments arguments{.input = row.data(),
                                            .output = expected.data(),
                                            .rows = 1,
                                            .columns = columns,
                                            .scale = scaled ? scale.data() : nullptr,
                                            .bias = scaled ? bias.data() : nullptr};
      scalar.layer_normalization(arguments);
      arguments.output = actual.data();
      kernel().layer_normalization(arguments);
      ASSERT_NO_FATAL_FAILURE(expect_same(actual, expected));
    }
  }
}

/// The same on every machine.
TEST_P(NormalizationTest, GivesTheBytesThatItAlwaysGave) {
  const std::vector<float> row{0.5F, -1.25F, 3, -0.75F, 2.875F, -20, 1e-3F};
  EXPECT_EQ(softmax(row), (std::vector<float>{0x1.47aafcp-5F, 0x1.c7856ap-8F, 0x1.f2f9fep-2F, 0x1.778382p-7F,
                                              0x1.b85862p-2F, 0x1.b7d79ap-35F, 0x1.8de1p-6F}));
  EXPECT_EQ(normalize(row, 1e-5F), (std::vector<float>{0x1.795678p-2F, 0x1.0f436ap-3F, 0x1.6950ecp-1F, 0x1.99619p-3F,
                                                       0x1.60af0ap-1F, -0x1.32c272p+1F, 0x1.346acp-2F}));
}

/// Every exponent that matters, and arguments next to those where the nearest integer changes.
TEST_P(NormalizationTest, ExponentialsAreTheSameBitForBit) {
  std::vector<float> row{0};
  for (float x = -0x1p-30F; x > -150; x *= 1.0009765625F) row.push_back(x);
  for (int n = 1; n < 300; ++n) row.push_back(static_cast<float>(-n * 0.34657359));
  for (float x = -87.2F; x > -88.1F; x = std::nextafter(x, -100.0F)) row.push_back(x);
  std::vector<float> expected(row.size());
  const auto columns = static_cast<Index>(row.size());
  NormalizationKernel::of<simd::Scalar>().softmax({row.data(), columns, expected.data(), columns, 1, columns});
  expect_same(softmax(row), expected);
}

TEST_P(NormalizationTest, WorksInPlace) {
  Random random(2);
  std::vector<float> row;
  for (int i = 0; i < 75; ++i) row.push_back(random.uniform(-3, 3));
  std::vector<float> in_place = row;
  kernel().softmax({in_place.data(), 0, in_place.data(), 0, 1, 75});
  EXPECT_EQ(in_place, softmax(row));
  in_place = row;
  kernel().layer_normalization(
      {.input = in_place.data(), .output = in_place.data(), .rows = 1, .columns = 75, .epsilon = 0.5F});
  EXPECT_EQ(in_place, normalize(row, 0.5F));
}

/// The mean is rounded to float, which shifts every result by 2^-24 |mean| / deviation, and so is each difference,
/// which changes the sum of squares relatively by 2^-23 and its root by half of that; five roundings remain.
void expect_normalized(const float* input, const LayerNormalizationArguments& n, const float* output) {
  long double mean = 0;
  for (Index i = 0; i < n.columns; ++i) mean += static_cast<long double>(input[i]);
  mean /= static_cast<long double>(n.columns);
  long double variance = 0;
  for (Index i = 0; i < n.columns; ++i) variance += std::pow(static_cast<long double>(input[i]) - mean, 2);
  variance /= static_cast<long double>(n.columns);
  const long double deviation = std::sqrt(variance + static_cast<long double>(n.epsilon));
  for (Index i = 0; i < n.columns; ++i) {
    const long double scale = n.scale != nullptr ? static_cast<long double>(n.scale[i]) : 1;
    const long double bias = n.bias != nullptr ? static_cast<long double>(n.bias[i]) : 0;
    const long double product = (static_cast<long double>(input[i]) - mean) / deviation * scale;
    const long double tolerance = 7 * 0x1p-24L * std::abs(product) + 0x1p-24L * std::abs(bias) +
                                  std::abs(scale) * 0x1p-24L * std::abs(mean) / deviation * 1.01L + 1e-30L;
    ASSERT_NEAR(static_cast<double>(output[i]), static_cast<double>(product + bias), static_cast<double>(tolerance))
        << i << " of " << n.columns;
  }
}

TEST_P(NormalizationTest, LayerNormalizationOfEveryLengthIsNearTheExactOne) {
  for (Index columns = 1; columns <= 200; ++columns) {
    for (const float offset : {0.0F, -3.0F, 30'000.0F}) {
      Random random(static_cast<std::uint64_t>(columns));
      const Index rows = 1 + columns % 3;
      const Index in_stride = columns + columns % 2;
      const Index out_stride = columns + 2;
      ShiftedMemory<float> input(rows * in_stride, columns % 5);
      ShiftedMemory<float> output(rows * out_stride, columns % 7);
      ShiftedMemory<float> scale(columns, columns % 3);
      ShiftedMemory<float> bias(columns, columns % 4);
      const std::vector<float> untouched(output.data(), output.data() + output.size());
      for (Index i = 0; i < rows * in_stride; ++i) input[i] = offset + random.uniform(-2, 2);
      for (Index i = 0; i < columns; ++i) {
        scale[i] = random.uniform(-2, 2);
        bias[i] = random.uniform(-2, 2);
      }
      const LayerNormalizationArguments arguments{.input = input.data(),
                                                  .input_stride = in_stride,
                                                  .output = output.data(),
                                                  .output_stride = out_stride,
                                                  .rows = rows,
                                                  .columns = columns,
                                                  .scale = columns % 5 == 0 ? nullptr : scale.data(),
                                                  .bias = columns % 6 == 0 ? nullptr : bias.data(),
                                                  .epsilon = 1e-3F};
      kernel().layer_normalization(arguments);
      for (Index row = 0; row < rows; ++row) {
        expect_normalized(&input[row * in_stride], arguments, &output[row * out_stride]);
        ASSERT_EQ(std::memcmp(&output[row * out_stride + columns], &untouched[size(row * out_stride + columns)],
                              2 * sizeof(float)),
                  0);
      }
    }
  }
}

TEST_P(NormalizationTest, LayerNormalizationOfALongRow) {
  Random random(3);
  std::vector<float> row;
  for (int i = 0; i < 100'003; ++i) row.push_back(random.uniform(-1, 1) + 7);
  const std::vector<float> result = normalize(row, 1e-5F);
  expect_normalized(row.data(), {.columns = static_cast<Index>(row.size()), .epsilon = 1e-5F}, result.data());
}

TEST_P(NormalizationTest, LayerNormalizationOfExtremes) {
  for (Index columns = 1; columns <= 70; ++columns) {
    std::vector<float> row(size(columns), 12.25F);
    for (const float result : normalize(row, 1e-5F)) ASSERT_EQ(result, 0.0F);  // no difference, no deviation
    for (Index i = 0; i < columns; ++i) row[size(i)] = i % 2 == 0 ? 0x1p55F : -0x1p55F;
    const std::vector<float> large = normalize(row, 1e-5F);
    expect_normalized(row.data(), {.columns = columns, .epsilon = 1e-5F}, large.data());
    for (const float value : {kNan, kInfinity, -kInfinity}) {
      row[size(columns / 2)] = value;
      for (const float result : normalize(row, 1e-5F)) ASSERT_TRUE(std::isnan(result)) << columns;
    }
  }
}

}  // namespace
}  // namespace condense::kernels
