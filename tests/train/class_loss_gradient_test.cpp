#include <gtest/gtest.h>

#include "condense/graph/operators/losses.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::normal_values;

using graph::LossReduction;

/// All reductions, with and without weights and ignored labels.
template <class Op>
void check(const Shape& shape, const Tensor& labels) {
  for (const auto reduction : {LossReduction::none, LossReduction::sum, LossReduction::mean}) {
    for (const std::optional<Index>& ignored : {std::optional<Index>(), std::optional<Index>(2)}) {
      const Tensor x = normal_values(shape, 1);
      Tensor weights = normal_values({shape[1]}, 2);
      for (double& weight : weights.mutable_values<double>()) weight = 1 + weight * weight;
      const Op op{.reduction = reduction, .ignore_index = ignored};
      expect_gradients_agree(op, {x, labels});
      expect_gradients_agree(op, {x, labels, weights});
    }
  }
}

TEST(NegativeLogLikelihoodGradient, AgreesForEveryReduction) {
  check<graph::NegativeLogLikelihoodLoss>({4, 3}, Tensor::of<std::int64_t>({4}, {0, 2, 1, 0}));
  check<graph::NegativeLogLikelihoodLoss>({2, 3, 2}, Tensor::of<std::int32_t>({2, 2}, {0, 2, 1, 0}));
}

TEST(SoftmaxCrossEntropyGradient, AgreesForEveryReduction) {
  check<graph::SoftmaxCrossEntropyLoss>({4, 3}, Tensor::of<std::int64_t>({4}, {0, 2, 1, 0}));
  check<graph::SoftmaxCrossEntropyLoss>({2, 3, 1, 2}, Tensor::of<std::int64_t>({2, 1, 2}, {0, 2, 1, 0}));
}

TEST(SoftmaxCrossEntropyGradient, AgreesForTheLogProbabilities) {
  const Tensor labels = Tensor::of<std::int64_t>({2}, {0, 2});
  const graph::SoftmaxCrossEntropyLoss op{.outputs = {2}};
  expect_gradients_agree(op, {normal_values({2, 3}, 1), labels}, {}, 2);
  const Tensor x = normal_values({2, 3}, 1);
  graph::Graph g;  // a loss on them alone
  const graph::Value input = g.input("x", DataType::float64, {2, 3});
  g.output(g.add_node(op, {input, g.constant("labels", labels)}).outputs[1]);
  expect_gradients_agree(g, {x});
}

TEST(ClassLossGradient, RefusesTheLabels) {
  const std::vector<Tensor> inputs = {normal_values({2, 3}, 1), Tensor::of<std::int64_t>({2}, {0, 2})};
  const std::string message = testing::refusal_of(graph::NegativeLogLikelihoodLoss{}, inputs, 1);
  EXPECT_NE(message.find("its input 1, the labels"), std::string::npos) << message;
}

}  // namespace
}  // namespace condense::train
