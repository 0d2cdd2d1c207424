#include <gtest/gtest.h>

#include "condense/graph/operators/activations.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::normal_values;
using testing::spread_values;

TEST(ActivationGradient, OfExponentialUnitsAgreesWithDifferences) {
  const Tensor x = spread_values({3, 60}, 1);
  for (const float alpha : {1.0F, 0.4F, -0.7F}) {
    expect_gradients_agree(graph::Celu{alpha}, {x});
    expect_gradients_agree(graph::Elu{alpha}, {x});
  }
  expect_gradients_agree(graph::Selu{}, {x});
  expect_gradients_agree(graph::Selu{.alpha = 0.5F, .gamma = 2}, {x});
}

TEST(ActivationGradient, OfGeluAgreesWithDifferencesForBothFormulas) {
  expect_gradients_agree(graph::Gelu{}, {normal_values({50}, 1)});
  expect_gradients_agree(graph::Gelu{graph::GeluApproximation::tanh}, {normal_values({50}, 1)});
}

TEST(ActivationGradient, OfPiecewiseLinearUnitsAgreesWithDifferencesOnEveryPiece) {
  const Tensor x = spread_values({800}, 1);  // covers [-4, 4] and no multiple of 0.01
  expect_gradients_agree(graph::HardSigmoid{}, {x});
  expect_gradients_agree(graph::HardSigmoid{.alpha = -0.5F, .beta = 0.25F}, {x});
  expect_gradients_agree(graph::ThresholdedRelu{}, {x});
  expect_gradients_agree(graph::ThresholdedRelu{-0.5F}, {x});
  expect_gradients_agree(graph::Shrink{.bias = 0.3F, .lambd = 1.5F}, {x});
}

TEST(ActivationGradient, OfSmoothUnitsAgreesWithDifferences) {
  const Tensor x = normal_values({50}, 1);
  expect_gradients_agree(graph::Mish{}, {x});
  expect_gradients_agree(graph::Softplus{}, {x});
  expect_gradients_agree(graph::Softsign{}, {spread_values({50}, 1)});
  expect_gradients_agree(graph::Swish{}, {x});
  expect_gradients_agree(graph::Swish{1.7F}, {x});
}

TEST(ActivationGradient, OfLogSoftmaxAgreesWithDifferencesAlongEveryAxis) {
  for (const Index axis : {-1, 0, 1, 2}) expect_gradients_agree(graph::LogSoftmax{axis}, {normal_values({2, 3, 4}, 1)});
}

TEST(ActivationGradient, OfPReluAgreesWithDifferencesForEveryBroadcastOfTheSlope) {
  for (const Shape& slope : {Shape{3, 1, 1}, Shape{}, Shape{2, 3, 4, 2}, Shape{2}, Shape{1, 3, 1, 2}}) {
    expect_gradients_agree(graph::PRelu{}, {spread_values({2, 3, 4, 2}, 1), normal_values(slope, 2)});
  }
}

}  // namespace
}  // namespace condense::train
