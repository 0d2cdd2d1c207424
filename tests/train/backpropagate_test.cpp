#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "condense/graph/operators.hpp"
#include "support/throws.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {

/// An operator that condense does not have: y = x^3.
struct Cube {
  static constexpr std::string_view kType = "Cube";
  std::vector<graph::TensorType> infer(const graph::InputTypes& inputs) const { return {inputs[0]}; }
  void evaluate(const graph::Evaluation& e) const {
    for (Index i = 0; i < e.input().count(); ++i) e.output().as<double>()[i] = std::pow(e.input().as<double>()[i], 3);
  }
  friend bool operator==(const Cube&, const Cube&) = default;
};

template <>
struct Gradient<Cube> {
  static constexpr Reads kReads = Reads::inputs;
  static std::vector<Tensor> backward(const Cube&, const Backward& b) {
    Tensor gradient = b.like_input();
    for (Index i = 0; i < gradient.count(); ++i) {
      const double x = b.input().data<double>()[i];
      gradient.mutable_data<double>()[i] = 3 * x * x * b.output_gradient().data<double>()[i];
    }
    return {gradient};
  }
};

namespace {

using testing::expect_gradients_agree;
using testing::normal_values;

// A block with a skip connection around a convolution: its input is read twice.
graph::Graph residual_network() {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float64, {2, 3, 4, 4});
  const graph::Value w = g.input("w", DataType::float64, {3, 3, 3, 3});
  const graph::Value v = g.input("v", DataType::float64, {3, 5});
  graph::Value y = g.add(graph::Conv{.pads = {1, 1, 1, 1}}, {x, w}, "conv");
  y = g.add(graph::Add{}, {g.add(graph::Sigmoid{}, {y}), x}, "add");
  y = g.add(graph::Flatten{}, {g.add(graph::GlobalAveragePool{}, {y})});
  g.output(g.add(graph::Softmax{}, {g.add(graph::MatMul{}, {y, v})}));
  return g;
}

TEST(ForwardPass, FollowsANetworkWithASkipConnection) {
  const graph::Graph g = residual_network();
  const std::vector<Tensor> inputs = {normal_values({2, 3, 4, 4}, 1), normal_values({3, 3, 3, 3}, 2),
                                      normal_values({3, 5}, 3)};
  expect_gradients_agree(g, inputs);
  expect_gradients_agree(g, inputs, ThreadPool(2));
}

TEST(ForwardPass, GivesTheOutputsOfEvaluation) {
  const graph::Graph g = residual_network();
  const std::vector<Tensor> inputs = {normal_values({2, 3, 4, 4}, 1), normal_values({3, 3, 3, 3}, 2),
                                      normal_values({3, 5}, 3)};
  const ForwardPass pass(g, inputs, g.inputs());
  EXPECT_EQ(pass.value(g.outputs()[0]), graph::evaluate(g, inputs)[0]);
}

TEST(ForwardPass, KeepsOnlyWhatTheGradientsReadAndWhatIsAskedFor) {
  const graph::Graph g = residual_network();
  const std::vector<Tensor> inputs = {normal_values({2, 3, 4, 4}, 1), normal_values({3, 3, 3, 3}, 2),
                                      normal_values({3, 5}, 3)};
  const graph::Value conv = g.find("conv"), add = g.find("add");
  const ForwardPass pass(g, inputs, g.inputs(), {.keep = {add}});
  EXPECT_EQ(pass.value(add).shape(), (Shape{2, 3, 4, 4}));
  try {  // Sigmoid's gradient reads its output, so its input is not kept
    static_cast<void>(pass.value(conv));
    FAIL() << "kept";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("'conv'"), std::string::npos) << error.what();
  }
}

TEST(ForwardPass, AddsSeedsAndGivesGradientsOfInnerValues) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float64, {2});
  const graph::Value y = g.add(graph::Mul{}, {x, x});
  g.output(g.add(graph::Mul{}, {y, y}));
  const Tensor value = Tensor::of<double>({2}, {2, 3});
  const std::vector<graph::Value> wanted = {x, y};
  ForwardPass pass(g, {&value, 1}, wanted);
  const Tensor one = Tensor::of<double>({2}, {1, 1});
  const std::vector<Tensor> gradients = pass.backpropagate({{g.outputs()[0], one}, {y, one}, {y, one}});
  EXPECT_EQ(gradients[1], Tensor::of<double>({2}, {2 * 4 + 2, 2 * 9 + 2}));
  EXPECT_EQ(gradients[0], Tensor::of<double>({2}, {10 * 4, 20 * 6}));
  EXPECT_THROW(static_cast<void>(pass.backpropagate({})), InvalidArgument);
}

TEST(ForwardPass, GivesZerosWhereTheLossDoesNotDepend) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float64, {2}), z = g.input("z", DataType::float64, {3});
  g.output(g.add(graph::Relu{}, {x}));
  g.output(g.add(graph::Relu{}, {z}));
  const std::vector<Tensor> inputs = {Tensor::of<double>({2}, {1, 2}), Tensor::of<double>({3}, {1, 2, 3})};
  ForwardPass pass(g, inputs, g.inputs());
  const std::vector<Tensor> gradients = pass.backpropagate({{g.outputs()[0], inputs[0]}});
  EXPECT_EQ(gradients[0], inputs[0]);
  EXPECT_EQ(gradients[1], Tensor(DataType::float64, {3}));
}

TEST(ForwardPass, RefusesAnOperatorWithoutARuleByTheNameOfItsNode) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float64, {2});
  g.output(g.add(Cube{}, {x}, "cube of x"));
  const Tensor value = Tensor::of<double>({2}, {2, 3});
  try {
    const ForwardPass pass(g, {&value, 1}, g.inputs());
    FAIL() << "accepted";
  } catch (const Unsupported& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("'cube of x' (Cube)"), std::string::npos) << message;
    EXPECT_NE(message.find("GradientRules"), std::string::npos) << message;
  }
}

TEST(ForwardPass, NeedsNoRuleWhereNoGradientGoes) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float64, {2}), w = g.input("w", DataType::float64, {2});
  g.output(g.add(graph::Mul{}, {g.add(Cube{}, {x}), w}));
  const std::vector<Tensor> inputs = {Tensor::of<double>({2}, {2, 3}), Tensor::of<double>({2}, {5, 7})};
  const std::vector<graph::Value> wanted = {w};
  ForwardPass pass(g, inputs, wanted);
  EXPECT_EQ(pass.backpropagate({{g.outputs()[0], Tensor::of<double>({2}, {1, 1})}})[0],
            Tensor::of<double>({2}, {8, 27}));
}

TEST(GradientRules, TakeTheRuleOfAnOperatorOfTheUser) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float64, {2});
  g.output(g.add(Cube{}, {x}));
  GradientRules rules;
  rules.add<Cube>();
  const Tensor value = Tensor::of<double>({2}, {2, 3});
  ForwardPass pass(g, {&value, 1}, g.inputs(), {.rules = rules});
  EXPECT_EQ(pass.backpropagate({{g.outputs()[0], Tensor::of<double>({2}, {1, 10})}})[0],
            Tensor::of<double>({2}, {12, 270}));
}

enum class WithoutGradient { computes_with_integers, holds_codes, runs_graphs, is_not_written };

/// Every operator of condense that has no gradient; docs/training.md names the same ones.
const std::map<std::string_view, WithoutGradient> kWithoutGradient = {
    {"ConvInteger", WithoutGradient::computes_with_integers},
    {"DynamicQuantizeLinear", WithoutGradient::computes_with_integers},
    {"MatMulInteger", WithoutGradient::computes_with_integers},
    {"QLinearConv", WithoutGradient::computes_with_integers},
    {"QLinearMatMul", WithoutGradient::computes_with_integers},
    {"DequantizeCodebook", WithoutGradient::holds_codes},
    {"DynamicQuantizeLSTM", WithoutGradient::holds_codes},
    {"MatMulNBits", WithoutGradient::holds_codes},
    {"If", WithoutGradient::runs_graphs},
    {"Loop", WithoutGradient::runs_graphs},
    {"Scan", WithoutGradient::runs_graphs},
    {"GridSample", WithoutGradient::is_not_written},
    {"RoiAlign", WithoutGradient::is_not_written},
    {"Unique", WithoutGradient::is_not_written},
};

TEST(GradientRules, KnowEveryOperatorOfCondenseButThoseListed) {
  const GradientRules rules;
  std::size_t without = 0;
  graph::Operators::for_each([&]<class Op>() {
    const graph::Node node{"node", Op{}, {}, {}};
    if (kWithoutGradient.contains(Op::kType)) {
      ++without;
      EXPECT_TRUE(throws<Unsupported>(Op::kType, [&] { static_cast<void>(rules.of(node)); }));
    } else {
      EXPECT_NO_THROW(static_cast<void>(rules.of(node))) << Op::kType;
    }
  });
  EXPECT_EQ(without, kWithoutGradient.size());  // no name in it that no operator has
}

TEST(ForwardPass, RefusesASeedOfAnotherShape) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float64, {2});
  g.output(g.add(graph::Relu{}, {x}, "result"));
  const Tensor value = Tensor::of<double>({2}, {2, 3});
  ForwardPass pass(g, {&value, 1}, g.inputs());
  try {
    static_cast<void>(pass.backpropagate({{g.outputs()[0], normal_values({3}, 1)}}));
    FAIL() << "accepted";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("'result' has shape (2), the gradient given for it (3)"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace condense::train
