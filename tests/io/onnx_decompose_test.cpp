#include <gtest/gtest.h>

#include "condense/graph/operators.hpp"
#include "condense/io/onnx.hpp"
#include "graph/run.hpp"

namespace condense::io {
namespace {

using graph::Value;

std::vector<std::string> types_of(const onnx::Model& model) {
  std::vector<std::string> types;
  for (const onnx::Node& node : model.graph.nodes) types.push_back(node.type);
  return types;
}

using Types = std::vector<std::string>;

class Decompose : public testing::Test {
 protected:
  Value input(const std::string& name, const Shape& shape, DataType type = DataType::float32) {
    inputs_.push_back(type == DataType::float64 ? graph::random_tensor<double>(shape, random_)
                                                : graph::random_tensor(shape, random_));
    return network.input(name, type, shape);
  }

  /// Exports the network in set 21 with these operators, and as it is in set 25; read again, both do the same.
  void expect_exported(const Types& older, const std::string& own, std::int64_t own_set) {
    const std::vector<Tensor> outputs = evaluate(network, inputs_);
    const onnx::Model model = onnx::export_model(network);
    EXPECT_EQ(types_of(model), older);
    EXPECT_EQ(model.operator_sets.at(""), 21);
    expect_same(model, outputs);
    const onnx::Model newer = onnx::export_model(network, {.operator_set = own_set});
    EXPECT_EQ(types_of(newer), Types{own});
    EXPECT_EQ(newer.operator_sets.at(""), own_set);
    expect_same(newer, outputs);
  }

  void expect_same(const onnx::Model& model, const std::vector<Tensor>& outputs) {
    const graph::Graph read = onnx::import_graph(model, "model");
    EXPECT_EQ(read.name(read.outputs()[0]), network.name(network.outputs()[0]));
    const Tensor result = evaluate(read, inputs_)[0];
    if (result.type() == DataType::float64) {
      graph::expect_near<double>(result, outputs[0], 1e-6);
    } else {
      graph::expect_near(result, outputs[0], 1e-6);
    }
  }

  graph::Graph network;

 private:
  Random random_{51};
  std::vector<Tensor> inputs_;
};

TEST_F(Decompose, Swish) {
  network.output(network.add(graph::Swish{}, {input("x", {2, 3})}), "y");
  expect_exported({"Sigmoid", "Mul"}, "Swish", 24);
}

TEST_F(Decompose, SwishWithAlphaInDouble) {
  network.output(network.add(graph::Swish{.alpha = 1.5F}, {input("x", {2, 3}, DataType::float64)}), "y");
  expect_exported({"Mul", "Sigmoid", "Mul"}, "Swish", 24);
}

TEST_F(Decompose, RmsNormalization) {
  const graph::RMSNormalization op{.axis = 1, .epsilon = 1e-3F};
  network.output(network.add(op, {input("x", {2, 3, 4}), input("scale", {3, 4})}), "y");
  expect_exported({"Mul", "ReduceMean", "Add", "Sqrt", "Div", "Mul"}, "RMSNormalization", 23);
}

TEST_F(Decompose, Attention) {
  const Value q = input("q", {2, 3, 4, 5});
  const Value k = input("k", {2, 3, 6, 5});
  network.output(network.add(graph::Attention{}, {q, k, input("v", {2, 3, 6, 2})}), "y");
  expect_exported({"Mul", "Transpose", "MatMul", "Softmax", "MatMul"}, "Attention", 23);
}

TEST_F(Decompose, AttentionWithAMask) {
  const Value q = input("q", {2, 3, 4, 5});
  const Value k = input("k", {2, 3, 6, 5});
  const Value v = input("v", {2, 3, 6, 2});
  network.output(network.add(graph::Attention{.scale = 2.0F}, {q, k, v, input("mask", {4, 6})}), "y");
  expect_exported({"Mul", "Transpose", "MatMul", "Add", "Softmax", "MatMul"}, "Attention", 23);
}

TEST_F(Decompose, AttentionWithoutOlderFormRaisesTheOperatorSet) {
  const Value q = input("q", {2, 3, 4, 5});
  const Value k = input("k", {2, 3, 4, 5});
  network.output(network.add(graph::Attention{.is_causal = true}, {q, k, k}), "y");
  const onnx::Model model = onnx::export_model(network);
  EXPECT_EQ(types_of(model), Types{"Attention"});
  EXPECT_EQ(model.operator_sets.at(""), 23);
}

TEST(OnnxReadOptions, CleanUpIsTheDefaultAndCanBeLeftOut) {
  graph::Graph network;
  const Value x = network.input("x", DataType::float32, {2});
  const Value gate = network.add(graph::Sigmoid{}, {network.add(graph::Identity{}, {x})});
  network.output(network.add(graph::Mul{}, {x, gate}), "y");
  const std::string file = onnx::serialize_model(onnx::export_model(network));
  const auto bytes = std::as_bytes(std::span(file));
  const graph::Graph cleaned = parse_onnx(bytes, "model").graph;
  ASSERT_EQ(cleaned.nodes().size(), 1U);
  EXPECT_EQ(cleaned.nodes()[0].op.type(), "Swish");
  const graph::Graph whole = parse_onnx(bytes, "model", {.clean_up = false}).graph;
  EXPECT_EQ(whole.nodes().size(), 3U);
}

TEST(ExportOptions, AnOperatorSetOutsideTheRangeIsRefused) {
  try {
    static_cast<void>(onnx::export_model(graph::Graph(), {.operator_set = 26}));
    FAIL() << "accepted";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("26"), std::string::npos);
  }
}

}  // namespace
}  // namespace condense::io
