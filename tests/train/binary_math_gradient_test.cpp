#include <gtest/gtest.h>

#include "condense/graph/operators/binary_math.hpp"
#include "condense/graph/operators/comparisons.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::normal_values;

struct Case {
  Shape left, right;
};
const Case kCases[] = {{{2, 3, 4}, {2, 3, 4}}, {{2, 3, 4}, {4}}, {{2, 3, 4}, {3, 1}},   {{2, 1, 4}, {3, 1}},
                       {{}, {2, 3}},           {{2, 3}, {1}},    {{1, 3, 1}, {2, 1, 4}}};

/// Normal values moved away from 0 by 0.5.
Tensor large_values(const Shape& shape, std::uint64_t seed) {
  Tensor tensor = normal_values(shape, seed);
  for (double& value : tensor.mutable_values<double>()) value += value < 0 ? -0.5 : 0.5;
  return tensor;
}

/// Values in [0.5, 2).
Tensor positive_values(const Shape& shape, std::uint64_t seed) {
  Tensor tensor(DataType::float64, shape);
  Random random(seed);
  for (double& value : tensor.mutable_values<double>()) value = 0.5 + 1.5 * static_cast<double>(random.uniform());
  return tensor;
}

TEST(BinaryMathGradient, OfDifferencesAndQuotientsAgreesForEveryBroadcast) {
  for (const auto& [left, right] : kCases) {
    expect_gradients_agree(graph::Sub{}, {normal_values(left, 1), normal_values(right, 2)});
    expect_gradients_agree(graph::Div{}, {normal_values(left, 1), large_values(right, 2)});
  }
}

TEST(BinaryMathGradient, OfPowersAgreesForEveryBroadcast) {
  for (const auto& [left, right] : kCases) {
    expect_gradients_agree(graph::Pow{}, {positive_values(left, 1), normal_values(right, 2)});
  }
}

TEST(BinaryMathGradient, OfPowersHoldsForNegativeBasesAndZero) {
  const Tensor x = Tensor::of<double>({4}, {-1.5, -0.5, 0, 2});
  expect_gradients_agree(graph::Pow{}, {x, Tensor::scalar(std::int64_t{3})});
  expect_gradients_agree(graph::Pow{}, {x, Tensor::scalar(2.0F)});  // a constant of another float type
  expect_gradients_agree(graph::Pow{}, {x, Tensor::scalar(std::int32_t{0})});
  const std::string message = testing::refusal_of(graph::Pow{}, {x, Tensor::scalar(std::int64_t{3})}, 1);
  EXPECT_NE(message.find("input 1, an exponent of integers"), std::string::npos) << message;
}

TEST(BinaryMathGradient, OfRemaindersAgreesOnBothSidesOfZero) {
  const Tensor x = Tensor::of<double>({6}, {5.3, -5.3, 5.3, -5.3, 0.4, 7.7});
  const Tensor divisor = Tensor::of<double>({6}, {2, 2, -2, -2, 1.5, 0.9});
  expect_gradients_agree(graph::Mod{.fmod = true}, {x, divisor});
}

TEST(BinaryMathGradient, OfSeveralInputsAgreesForEveryBroadcast) {
  const std::vector<Tensor> inputs = {normal_values({2, 3, 4}, 1), normal_values({3, 1}, 2), normal_values({4}, 3),
                                      normal_values({1, 1, 1, 4}, 4)};
  const std::vector<graph::Operator> operators = {graph::Sum{}, graph::Mean{}, graph::Max{}, graph::Min{}};
  for (const graph::Operator& op : operators) {
    expect_gradients_agree(op, inputs);
    expect_gradients_agree(op, {inputs[0]});
    expect_gradients_agree(op, {inputs[2], inputs[0]});
  }
}

TEST(BinaryMathGradient, OfAMaximumGoesToTheFirstOfEqualElements) {
  const std::vector<Tensor> inputs = {Tensor::of<double>({2}, {1, 3}), Tensor::of<double>({2}, {3, 3})};
  const Tensor seed = Tensor::of<double>({2}, {5, 7});
  for (const bool largest : {false, true}) {
    const graph::Graph g =
        testing::graph_of(largest ? graph::Operator(graph::Max{}) : graph::Operator(graph::Min{}), inputs);
    ForwardPass pass(g, inputs, g.inputs());
    const std::vector<Tensor> gradients = pass.backpropagate({{g.outputs()[0], seed}});
    EXPECT_EQ(gradients[0], Tensor::of<double>({2}, {largest ? 0.0 : 5.0, 7}));
    EXPECT_EQ(gradients[1], Tensor::of<double>({2}, {largest ? 5.0 : 0.0, 0}));
  }
}

TEST(WhereGradient, AgreesForEveryBroadcast) {
  const Tensor column = Tensor::of<bool>({3, 1}, {true, false, true});
  expect_gradients_agree(graph::Where{}, {column, normal_values({3, 4}, 1), normal_values({4}, 2)});
  expect_gradients_agree(graph::Where{}, {column, normal_values({2, 1, 1}, 1), normal_values({}, 2)});
  expect_gradients_agree(graph::Where{}, {Tensor::scalar(true), normal_values({2}, 1), normal_values({2}, 2)});
  const std::string message =
      testing::refusal_of(graph::Where{}, {column, normal_values({4}, 1), normal_values({4}, 2)}, 0);
  EXPECT_NE(message.find("input 0, the condition"), std::string::npos) << message;
}

}  // namespace
}  // namespace condense::train
