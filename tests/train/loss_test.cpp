#include "condense/train/loss.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "condense/core/random.hpp"

namespace condense::train {
namespace {

Tensor normal_values(const Shape& shape, std::uint64_t seed) {
  Tensor tensor(DataType::float64, shape);
  Random random(seed);
  for (double& value : tensor.mutable_values<double>()) value = static_cast<double>(random.normal());
  return tensor;
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "no error";
}

// The derivative of the value against central differences: with h = 1e-5 these are right to about 1e-10 here.
template <class Loss>
void expect_gradient_agrees(const Loss& loss, Tensor output, const Tensor& targets) {
  const Tensor gradient = loss(output, targets).gradient;
  ASSERT_EQ(gradient.shape(), output.shape());
  for (Index i = 0; i < output.count(); ++i) {
    const double value = output.data<double>()[i];
    output.mutable_data<double>()[i] = value + 1e-5;
    const double above = loss(output, targets).value;
    output.mutable_data<double>()[i] = value - 1e-5;
    const double below = loss(output, targets).value;
    output.mutable_data<double>()[i] = value;
    ASSERT_NEAR(gradient.data<double>()[i], (above - below) / 2e-5, 1e-8) << i;
  }
}

TEST(SoftmaxCrossEntropy, IsTheMeanNegativeLogProbabilityOfTheLabels) {
  const Tensor logits = Tensor::of<double>({2, 3}, {1, 2, 3, 0, 0, 0});
  const Tensor labels = Tensor::of<std::int64_t>({2}, {2, 1});
  const double first = -std::log(std::exp(3.0) / (std::exp(1.0) + std::exp(2.0) + std::exp(3.0)));
  EXPECT_NEAR(SoftmaxCrossEntropy{}(logits, labels).value, (first + std::log(3.0)) / 2, 1e-15);
}

TEST(SoftmaxCrossEntropy, AgreesWithDifferences) {
  const Tensor labels = Tensor::of<std::int64_t>({4}, {2, 0, 4, 2});
  for (const float smoothing : {0.0F, 0.1F, 0.7F}) {
    expect_gradient_agrees(SoftmaxCrossEntropy{smoothing}, normal_values({4, 5}, 1), labels);
  }
  Tensor soft = normal_values({4, 5}, 2);
  for (double& value : soft.mutable_values<double>()) value = value * value;  // need not sum to 1
  expect_gradient_agrees(SoftmaxCrossEntropy{}, normal_values({4, 5}, 1), soft);
  expect_gradient_agrees(SoftmaxCrossEntropy{0.2F}, normal_values({4, 5}, 1), soft);
}

TEST(SoftmaxCrossEntropy, TakesLabelsAndTheirDistributionsAlike) {
  const Tensor logits = normal_values({2, 3}, 3);
  const Tensor labels = Tensor::of<std::int64_t>({2}, {2, 0});
  const Tensor rows = Tensor::of<double>({2, 3}, {0, 0, 1, 1, 0, 0});
  for (const float smoothing : {0.0F, 0.3F}) {
    const LossValue a = SoftmaxCrossEntropy{smoothing}(logits, labels),
                    b = SoftmaxCrossEntropy{smoothing}(logits, rows);
    EXPECT_DOUBLE_EQ(a.value, b.value);
    EXPECT_EQ(a.gradient, b.gradient);
  }
}

TEST(SoftmaxCrossEntropy, SmoothsTheTargets) {
  const Tensor logits = normal_values({1, 4}, 3);
  const Tensor label = Tensor::of<std::int64_t>({1}, {1});
  const Tensor smooth = Tensor::of<double>({1, 4}, {0.05, 0.85, 0.05, 0.05});
  EXPECT_NEAR(SoftmaxCrossEntropy{0.2F}(logits, label).value, SoftmaxCrossEntropy{}(logits, smooth).value, 1e-7);
}

TEST(SoftmaxCrossEntropy, IsFiniteForLogitsOfAnySize) {
  const Tensor logits = Tensor::of<float>({2, 2}, {3e38F, -3e38F, -1000, 1000});
  const LossValue loss = SoftmaxCrossEntropy{}(logits, Tensor::of<std::int64_t>({2}, {0, 0}));
  EXPECT_NEAR(loss.value, 1000, 1e-9);
  EXPECT_EQ(loss.gradient, Tensor::of<float>({2, 2}, {0, 0, -0.5F, 0.5F}));
}

TEST(SoftmaxCrossEntropy, RefusesWhatItCannotMean) {
  const Tensor logits(DataType::float32, {2, 3});
  const auto with = [&](const Tensor& targets) { return message_of([&] { SoftmaxCrossEntropy{}(logits, targets); }); };
  EXPECT_NE(with(Tensor::of<std::int64_t>({2}, {0, 3})).find("label 1 of the batch is 3"), std::string::npos);
  EXPECT_NE(with(Tensor::of<std::int64_t>({2}, {-1, 0})).find("label 0 of the batch is -1"), std::string::npos);
  EXPECT_NE(with(Tensor(DataType::int64, {3})).find("(3)"), std::string::npos);
  EXPECT_NE(message_of([&] { SoftmaxCrossEntropy{1.5F}(logits, Tensor(DataType::int64, {2})); }).find("1.5"),
            std::string::npos);
}

TEST(MeanSquaredError, IsTheMeanOfSquaredDifferences) {
  const Tensor output = Tensor::of<double>({2, 2}, {1, 2, 3, 4}), targets = Tensor::of<double>({2, 2}, {1, 0, 0, 0});
  const LossValue loss = MeanSquaredError{}(output, targets);
  EXPECT_DOUBLE_EQ(loss.value, (0.0 + 4 + 9 + 16) / 4);
  expect_gradient_agrees(MeanSquaredError{}, normal_values({3, 4}, 1), normal_values({3, 4}, 2));
}

TEST(MeanSquaredError, RefusesTargetsOfAnotherShape) {
  const std::string message = message_of([] {
    MeanSquaredError{}(Tensor(DataType::float32, {2, 3}), Tensor(DataType::float32, {3, 2}));
  });
  EXPECT_NE(message.find("(2 x 3)"), std::string::npos) << message;
  EXPECT_NE(message.find("(3 x 2)"), std::string::npos) << message;
}

}  // namespace
}  // namespace condense::train
