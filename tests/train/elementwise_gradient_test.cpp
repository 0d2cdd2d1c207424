#include <gtest/gtest.h>

#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/clip.hpp"
#include "condense/graph/operators/concat.hpp"
#include "condense/graph/operators/flatten.hpp"
#include "condense/graph/operators/hard_swish.hpp"
#include "condense/graph/operators/leaky_relu.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/graph/operators/reshape.hpp"
#include "condense/graph/operators/sigmoid.hpp"
#include "condense/graph/operators/softmax.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::normal_values;
using testing::spread_values;

TEST(ReluGradient, AgreesWithDifferences) { expect_gradients_agree(graph::Relu{}, {spread_values({3, 40}, 1)}); }

TEST(LeakyReluGradient, AgreesWithDifferencesForAnySlope) {
  for (const float alpha : {0.01F, 0.3F, -0.5F}) {
    expect_gradients_agree(graph::LeakyRelu{alpha}, {spread_values({3, 40}, 1)});
  }
}

TEST(ClipGradient, AgreesWithDifferencesForEverySetOfBounds) {
  const Tensor x = spread_values({3, 40}, 1);
  const Tensor low = Tensor::scalar(-0.2), high = Tensor::scalar(0.4);
  expect_gradients_agree(graph::Clip{}, {x, low, high});
  expect_gradients_agree(graph::Clip{}, {x, low});
  expect_gradients_agree(graph::Clip{}, {x, low, high}, {false, true, false});
  expect_gradients_agree(graph::Clip{}, {x});
  expect_gradients_agree(graph::Clip{}, {x, high, low});  // crossed bounds: all is the upper one
}

TEST(SigmoidGradient, AgreesWithDifferences) { expect_gradients_agree(graph::Sigmoid{}, {normal_values({50}, 1)}); }

TEST(HardSwishGradient, AgreesWithDifferencesOnEveryPiece) {
  expect_gradients_agree(graph::HardSwish{}, {spread_values({900}, 1)});  // covers [-4.5, 4.5]
}

TEST(AddGradient, AgreesWithDifferencesForEveryBroadcast) {
  const std::pair<Shape, Shape> cases[] = {{{2, 3, 4}, {2, 3, 4}},       {{2, 3, 4}, {4}}, {{2, 3, 4}, {3, 1}},
                                           {{2, 1, 4}, {3, 1}},          {{}, {2, 3}},     {{1, 3, 1}, {2, 1, 4}},
                                           {{2, 3, 2, 2}, {1, 3, 1, 1}}, {{2, 3}, {1}}};
  for (const auto& [left, right] : cases) {
    expect_gradients_agree(graph::Add{}, {normal_values(left, 1), normal_values(right, 2)});
    expect_gradients_agree(graph::Mul{}, {normal_values(left, 1), normal_values(right, 2)});
    expect_gradients_agree(graph::Mul{}, {normal_values(right, 2), normal_values(left, 1)});
  }
}

TEST(AddGradient, CountsAValueThatIsAddedToItselfTwice) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float64, {5});
  g.output(g.add(graph::Mul{}, {g.add(graph::Add{}, {x, x}), x}));  // 2 x^2
  expect_gradients_agree(g, {normal_values({5}, 1)});
}

TEST(SoftmaxGradient, AgreesWithDifferencesAlongEveryAxis) {
  for (const Index axis : {-1, 0, 1, 2}) expect_gradients_agree(graph::Softmax{axis}, {normal_values({2, 3, 4}, 1)});
}

TEST(ConcatGradient, AgreesWithDifferencesAlongEveryAxis) {
  expect_gradients_agree(graph::Concat{0}, {normal_values({2, 3}, 1), normal_values({1, 3}, 2)});
  expect_gradients_agree(graph::Concat{1},
                         {normal_values({2, 3, 2}, 1), normal_values({2, 1, 2}, 2), normal_values({2, 2, 2}, 3)});
  expect_gradients_agree(graph::Concat{-1}, {normal_values({2, 3}, 1), normal_values({2, 1}, 2)});
}

TEST(ReshapeGradient, AgreesWithDifferences) {
  expect_gradients_agree(graph::Reshape{}, {normal_values({2, 6}, 1), Tensor::of<std::int64_t>({3}, {3, -1, 2})});
  expect_gradients_agree(graph::Flatten{}, {normal_values({2, 3, 2}, 1)});
  expect_gradients_agree(graph::Flatten{2}, {normal_values({2, 3, 2}, 1)});
}

}  // namespace
}  // namespace condense::train
