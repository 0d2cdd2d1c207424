#include "condense/graph/operators/batch_normalization.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "graph/run.hpp"

namespace condense::graph {
namespace {

struct Statistics {
  double mean = 0;
  double variance = 0;
};

Statistics naive_statistics(const Tensor& x, Index channel) {
  const auto view = x.view<float, 4>();
  const Shape& shape = x.shape();
  std::vector<double> values;
  for (Index n = 0; n < shape[0]; ++n) {
    for (Index i = 0; i < shape[2]; ++i) {
      for (Index j = 0; j < shape[3]; ++j) values.push_back(static_cast<double>(view(n, channel, i, j)));
    }
  }
  Statistics result;
  const auto count = static_cast<double>(values.size());
  for (const double value : values) result.mean += value / count;
  for (const double value : values) result.variance += (value - result.mean) * (value - result.mean) / count;
  return result;
}

void expect_normalized(const Tensor& x, const Tensor& y, Index channel, const Statistics& s, double scale, double bias,
                       double epsilon) {
  const auto input = x.view<float, 4>();
  const auto output = y.view<float, 4>();
  for (Index n = 0; n < x.shape()[0]; ++n) {
    for (Index i = 0; i < x.shape()[2]; ++i) {
      for (Index j = 0; j < x.shape()[3]; ++j) {
        const double expected =
            (static_cast<double>(input(n, channel, i, j)) - s.mean) / std::sqrt(s.variance + epsilon) * scale + bias;
        ASSERT_NEAR(static_cast<double>(output(n, channel, i, j)), expected, 1e-5);
      }
    }
  }
}

class BatchNormalizationTest : public testing::Test {
 protected:
  Random random{12};
  Tensor x = random_tensor({3, 4, 5, 6}, random);
  Tensor scale = random_tensor({4}, random);
  Tensor bias = random_tensor({4}, random);
  Tensor mean = random_tensor({4}, random);
  Tensor variance = random_tensor({4}, random, 0.5F, 2);

  double at(const Tensor& tensor, Index i) const { return static_cast<double>(tensor.data<float>()[i]); }
};

TEST_F(BatchNormalizationTest, InInferenceUsesTheGivenStatistics) {
  const std::vector<Tensor> y = run_all(BatchNormalization{.epsilon = 1e-3F}, {x, scale, bias, mean, variance});
  ASSERT_EQ(y.size(), 1U);
  for (Index c = 0; c < 4; ++c) {
    expect_normalized(x, y[0], c, {at(mean, c), at(variance, c)}, at(scale, c), at(bias, c), 1e-3);
  }
}

TEST_F(BatchNormalizationTest, InTrainingUsesTheBatchAndUpdatesTheStatistics) {
  const std::vector<Tensor> y =
      run_all(BatchNormalization{.momentum = 0.75F, .training_mode = true}, {x, scale, bias, mean, variance});
  ASSERT_EQ(y.size(), 3U);
  for (Index c = 0; c < 4; ++c) {
    const Statistics batch = naive_statistics(x, c);
    expect_normalized(x, y[0], c, batch, at(scale, c), at(bias, c), 1e-5);
    EXPECT_NEAR(at(y[1], c), 0.75 * at(mean, c) + 0.25 * batch.mean, 1e-6);
    EXPECT_NEAR(at(y[2], c), 0.75 * at(variance, c) + 0.25 * batch.variance, 1e-6);
  }
}

/// A mean of 10000 and a deviation of 1: the square of the mean would swallow the variance in float.
TEST_F(BatchNormalizationTest, ALargeMeanDoesNotCancelTheVariance) {
  for (float& value : x.mutable_values<float>()) value += 10000;
  const std::vector<Tensor> y =
      run_all(BatchNormalization{.momentum = 0, .training_mode = true}, {x, scale, bias, mean, variance});
  for (Index c = 0; c < 4; ++c) EXPECT_NEAR(at(y[2], c), naive_statistics(x, c).variance, 1e-4);
}

TEST_F(BatchNormalizationTest, TakesMatrices) {
  const Tensor rows = Tensor::of<float>({2, 2}, {1, 2, 3, 6});
  const Tensor one = Tensor::of<float>({2}, {1, 1});
  const Tensor zero = Tensor::of<float>({2}, {0, 0});
  EXPECT_EQ(run(BatchNormalization{.epsilon = 0, .training_mode = true}, {rows, one, zero, zero, one}),
            Tensor::of<float>({2, 2}, {-1, -1, 1, 1}));
}

TEST_F(BatchNormalizationTest, InDoubleIsExactToDouble) {
  const Tensor rows = Tensor::of<double>({1, 1, 3}, {1, 2, 4});
  const auto scalar = [](double value) { return Tensor::of<double>({1}, {value}); };
  const Tensor y = run(BatchNormalization{.epsilon = 0}, {rows, scalar(3), scalar(0.25), scalar(1), scalar(4)});
  EXPECT_EQ(y, Tensor::of<double>({1, 1, 3}, {0.25, 1.75, 4.75}));
}

}  // namespace
}  // namespace condense::graph
