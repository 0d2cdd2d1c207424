#include <gtest/gtest.h>

#include "condense/graph/operators/unary_math.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;

/// Values in (lowest, highest).
Tensor between(double lowest, double highest) {
  Tensor tensor = testing::spread_values({60}, 1);
  for (double& value : tensor.mutable_values<double>()) value = lowest + (highest - lowest) * (value + 0.3) / 0.6;
  return tensor;
}

TEST(UnaryMathGradient, OfFunctionsOfAllNumbersAgreesWithDifferences) {
  const Tensor x = testing::spread_values({200}, 1);
  const std::vector<graph::Operator> operators = {graph::Abs{},  graph::Asinh{}, graph::Atan{}, graph::Cos{},
                                                  graph::Cosh{}, graph::Erf{},   graph::Exp{},  graph::Neg{},
                                                  graph::Sin{},  graph::Sinh{},  graph::Tanh{}, graph::Tan{}};
  for (const graph::Operator& op : operators) expect_gradients_agree(op, {x});
}

TEST(UnaryMathGradient, OfFunctionsOfARangeAgreesWithDifferences) {
  expect_gradients_agree(graph::Acos{}, {between(-0.9, 0.9)});
  expect_gradients_agree(graph::Asin{}, {between(-0.9, 0.9)});
  expect_gradients_agree(graph::Atanh{}, {between(-0.9, 0.9)});
  expect_gradients_agree(graph::Acosh{}, {between(1.2, 4)});
  expect_gradients_agree(graph::Log{}, {between(0.3, 4)});
  expect_gradients_agree(graph::Sqrt{}, {between(0.3, 4)});
  expect_gradients_agree(graph::Reciprocal{}, {between(0.4, 4)});
  expect_gradients_agree(graph::Reciprocal{}, {between(-4, -0.4)});
}

TEST(UnaryMathGradient, OfMagnitudesIsZeroAtZero) {
  const Tensor x = Tensor::of<double>({3}, {-2, 0, 2});
  const graph::Graph g = testing::graph_of(graph::Abs{}, {x});
  ForwardPass pass(g, {&x, 1}, g.inputs());
  EXPECT_EQ(pass.backpropagate({{g.outputs()[0], Tensor::of<double>({3}, {3, 3, 3})}})[0],
            Tensor::of<double>({3}, {-3, 0, 3}));
}

}  // namespace
}  // namespace condense::train
