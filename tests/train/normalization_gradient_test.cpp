#include <gtest/gtest.h>

#include "condense/graph/operators/batch_normalization.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using graph::BatchNormalization;
using testing::expect_gradients_agree;
using testing::normal_values;

std::vector<Tensor> inputs_of(const Shape& shape) {
  const Shape channels{shape[1]};
  Tensor variance = normal_values(channels, 5);
  for (double& value : variance.mutable_values<double>()) value = 0.5 + value * value;
  return {normal_values(shape, 1), normal_values(channels, 2), normal_values(channels, 3), normal_values(channels, 4),
          variance};
}

TEST(BatchNormalizationGradient, AgreesWithDifferencesInTrainingMode) {
  for (const Shape& shape : {Shape{4, 3, 2, 3}, Shape{3, 2, 5}, Shape{6, 3}, Shape{1, 2, 3, 3}}) {
    expect_gradients_agree(BatchNormalization{.training_mode = true}, inputs_of(shape));
    expect_gradients_agree(BatchNormalization{.epsilon = 0.3F, .training_mode = true}, inputs_of(shape));
  }
}

TEST(BatchNormalizationGradient, AgreesWithDifferencesInInferenceMode) {
  for (const Shape& shape : {Shape{4, 3, 2, 3}, Shape{3, 2, 5}, Shape{6, 3}}) {
    expect_gradients_agree(BatchNormalization{.epsilon = 0.1F}, inputs_of(shape));
  }
}

TEST(BatchNormalizationGradient, SumsToZeroInTrainingMode) {  // y does not change if all of x is shifted
  const std::vector<Tensor> inputs = inputs_of({4, 2, 3, 3});
  const graph::Graph g = testing::graph_of(BatchNormalization{.training_mode = true}, inputs);
  ForwardPass pass(g, inputs, g.inputs());
  const Tensor dx = pass.backpropagate({{g.outputs()[0], normal_values({4, 2, 3, 3}, 7)}})[0];
  for (Index channel = 0; channel < 2; ++channel) {
    double sum = 0;
    for (Index image = 0; image < 4; ++image) {
      for (Index i = 0; i < 9; ++i) sum += dx.data<double>()[(image * 2 + channel) * 9 + i];
    }
    EXPECT_NEAR(sum, 0, 1e-13);
  }
}

TEST(BatchNormalizationGradient, RefusesALossOnTheRunningStatistics) {
  const std::vector<Tensor> inputs = inputs_of({4, 2, 3, 3});
  const graph::Graph g = testing::graph_of(BatchNormalization{.training_mode = true}, inputs);
  ForwardPass pass(g, inputs, g.inputs());
  try {
    static_cast<void>(pass.backpropagate({{g.nodes()[0].outputs[1], normal_values({2}, 7)}}));
    FAIL() << "accepted";
  } catch (const Unsupported& error) {
    EXPECT_NE(std::string(error.what()).find("node 'node' (BatchNormalization)"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace condense::train
