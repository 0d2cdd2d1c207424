#include <gtest/gtest.h>

#include "condense/graph/operators/normalizations.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::normal_values;

std::vector<Tensor> inputs_of(const Shape& x, const Shape& scale) {
  return {normal_values(x, 1), normal_values(scale, 2), normal_values(scale, 3)};
}

TEST(LayerNormalizationGradient, AgreesForEveryAxisAndBroadcast) {
  for (const Index axis : {-1, 1, 0}) {
    for (const Shape& scale : {Shape{4}, Shape{3, 4}, Shape{}, Shape{2, 3, 4}, Shape{3, 1}}) {
      const std::vector<Tensor> inputs = inputs_of({2, 3, 4}, scale);
      expect_gradients_agree(graph::LayerNormalization{.axis = axis, .epsilon = 0.05F}, inputs);
      expect_gradients_agree(graph::LayerNormalization{.axis = axis, .epsilon = 0.05F}, {inputs[0], inputs[1]});
    }
  }
}

TEST(LayerNormalizationGradient, AgreesForAScaleAndABiasOfOtherShapes) {
  expect_gradients_agree(graph::LayerNormalization{.epsilon = 0.05F},
                         {normal_values({2, 3, 4}, 1), normal_values({4}, 2), normal_values({3, 1}, 3)});
}

TEST(LayerNormalizationGradient, RefusesALossOnTheMoments) {
  const graph::LayerNormalization op{.stash_type = DataType::float64, .outputs = {3}};
  for (const std::size_t output : {1U, 2U}) {
    const std::string message = testing::refusal_of(op, inputs_of({2, 3}, {3}), 0, output);
    EXPECT_NE(message.find(fmt::format("its output {}", output)), std::string::npos) << message;
  }
}

TEST(RMSNormalizationGradient, AgreesForEveryAxisAndBroadcast) {
  for (const Index axis : {-1, 1, 0}) {
    for (const Shape& scale : {Shape{4}, Shape{3, 4}, Shape{}}) {
      expect_gradients_agree(graph::RMSNormalization{.axis = axis, .epsilon = 0.05F},
                             {normal_values({2, 3, 4}, 1), normal_values(scale, 2)});
    }
  }
}

TEST(InstanceNormalizationGradient, AgreesForEveryRank) {
  for (const Shape& shape : {Shape{2, 3, 5}, Shape{2, 3, 2, 3}, Shape{1, 2, 2, 2, 2}}) {
    expect_gradients_agree(graph::InstanceNormalization{0.05F}, inputs_of(shape, {shape[1]}));
  }
}

TEST(GroupNormalizationGradient, AgreesForEveryNumberOfGroups) {
  for (const Index groups : {1, 2, 4}) {
    expect_gradients_agree(graph::GroupNormalization{.num_groups = groups, .epsilon = 0.05F},
                           inputs_of({2, 4, 3, 2}, {4}));
  }
}

TEST(LrnGradient, AgreesForOddAndEvenWindows) {
  for (const Index size : {1, 2, 3, 4, 9}) {
    expect_gradients_agree(graph::Lrn{.alpha = 0.5F, .beta = 0.75F, .bias = 1.5F, .size = size},
                           {normal_values({2, 5, 2, 3}, 1)});
  }
}

TEST(LpNormalizationGradient, AgreesForBothNorms) {
  for (const Index axis : {-1, 0, 1}) {
    for (const Index p : {1, 2}) {
      expect_gradients_agree(graph::LpNormalization{axis, p}, {testing::spread_values({4, 5, 6}, 3)});
    }
  }
}

TEST(LpNormalizationGradient, IsZeroForAVectorOfZeros) {
  const Tensor x = Tensor::of<double>({2}, {0, 0});
  const graph::Graph g = testing::graph_of(graph::LpNormalization{}, {x});
  ForwardPass pass(g, {&x, 1}, g.inputs());
  EXPECT_EQ(pass.backpropagate({{g.outputs()[0], Tensor::of<double>({2}, {1, 2})}})[0], x);
}

TEST(MeanVarianceNormalizationGradient, AgreesForEverySetOfAxes) {
  expect_gradients_agree(graph::MeanVarianceNormalization{}, {normal_values({2, 3, 2, 2}, 1)});
  expect_gradients_agree(graph::MeanVarianceNormalization{{-1}}, {normal_values({2, 3, 4}, 1)});
}

TEST(LayerNormalizationGradient, IsTheSameOnAnyNumberOfThreads) {
  const std::vector<Tensor> inputs = inputs_of({90, 5, 100}, {100});
  testing::expect_threads_agree(testing::graph_of(graph::LayerNormalization{}, inputs), inputs);
}

}  // namespace
}  // namespace condense::train
