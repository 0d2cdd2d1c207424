#include <gtest/gtest.h>

#include <set>

#include "condense/runtime/compile.hpp"
#include "support/quantized_networks.hpp"

namespace condense::runtime {
namespace {

using graph::Graph;
using graph::Value;

/// Runs a graph both ways. The sums of these graphs have a few hundred terms of magnitude 4 or less; taken in two
/// orders they differ by at most about 2 * 300 * 2^-24 = 4e-5 of the sum of the magnitudes, usually by a hundredth of
/// that.
void expect_close(const Graph& graph, std::span<const Tensor> inputs, float tolerance = 1e-5F) {
  std::vector<Shape> shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  Program program = compile(graph, {.input_shapes = shapes});
  const std::vector<Tensor> expected = graph::evaluate(graph, inputs);
  for (const int threads : {1, 3}) {
    const std::vector<Tensor> actual = program.run(inputs, ThreadPool(threads));
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
      ASSERT_EQ(actual[i].shape(), expected[i].shape());
      ASSERT_EQ(actual[i].type(), expected[i].type());
      if (expected[i].type() != DataType::float32) {
        EXPECT_TRUE(actual[i] == expected[i]);
        continue;
      }
      float largest = 1;
      for (const float value : expected[i].values<float>()) {
        if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
      }
      for (std::size_t k = 0; k < static_cast<std::size_t>(expected[i].count()); ++k) {
        const float wanted = expected[i].values<float>()[k];
        const float given = actual[i].values<float>()[k];
        if (!std::isfinite(wanted)) {
          ASSERT_EQ(given, wanted);
        } else {
          ASSERT_NEAR(given, wanted, tolerance * largest) << "output " << i << " element " << k;
        }
      }
    }
  }
}

/// A graph of one node on float inputs of the given shapes, whose later inputs are constants.
void expect_node(const graph::Operator& op, const Shape& shape, const std::vector<Tensor>& constants = {}) {
  Random random(7);
  Graph graph;
  std::vector<Value> inputs{graph.input("x", DataType::float32, shape)};
  for (const Tensor& constant : constants) {
    inputs.push_back(graph.constant(fmt::format("c{}", inputs.size()), constant));
  }
  graph.output(graph.add(op, inputs));
  SCOPED_TRACE(fmt::format("{} on {}", op.type(), shape.to_string()));
  const Tensor x = random_tensor(shape, random);
  expect_close(graph, {&x, 1});
}

Tensor of_shape(const Shape& shape) {
  Random random(static_cast<std::uint64_t>(shape.count()));
  return random_tensor(shape, random);
}

Tensor positive(const Shape& shape) {
  Tensor tensor = of_shape(shape);
  for (float& value : tensor.mutable_values<float>()) value = 0.1F + std::abs(value);
  return tensor;
}

TEST(FloatProgram, ComputesConvolutionsOfEveryForm) {
  const auto weights = [](const Shape& shape) { return of_shape(shape); };
  expect_node(graph::Conv{}, {2, 3, 8, 9}, {weights({5, 3, 3, 3}), of_shape({5})});
  expect_node(graph::Conv{.strides = {2, 3}, .dilations = {2, 1}, .pads = {0, 2, 3, 1}}, {1, 4, 11, 9},
              {weights({17, 4, 3, 2})});
  expect_node(graph::Conv{}, {3, 16, 5, 5}, {weights({40, 16, 1, 1}), of_shape({40})});
  expect_node(graph::Conv{.strides = {2, 2}}, {1, 16, 5, 5}, {weights({8, 16, 1, 1})});
  expect_node(graph::Conv{.group = 3, .auto_pad = graph::AutoPad::same_lower}, {2, 6, 7, 6},
              {weights({9, 2, 3, 3}), of_shape({9})});
  expect_node(graph::Conv{.pads = {1, 1, 1, 1}, .group = 20}, {2, 20, 6, 6}, {weights({20, 1, 3, 3}), of_shape({20})});
  expect_node(graph::Conv{.group = 4}, {1, 4, 6, 6}, {weights({8, 1, 3, 3})});
  expect_node(graph::Conv{.strides = {2}, .pads = {1, 0}}, {2, 5, 20}, {weights({7, 5, 4}), of_shape({7})});
  expect_node(graph::Conv{.strides = {1, 2, 1}, .pads = {1, 0, 1, 1, 0, 1}}, {2, 3, 4, 5, 6},
              {weights({5, 3, 3, 2, 3}), of_shape({5})});
  expect_node(graph::Conv{.group = 4}, {1, 4, 1, 6, 6}, {weights({4, 1, 1, 3, 3})});
}

TEST(FloatProgram, ComputesMatrixProductsOfEveryForm) {
  expect_node(graph::Gemm{.trans_b = true}, {5, 30}, {of_shape({17, 30}), of_shape({17})});
  expect_node(graph::Gemm{}, {1, 30}, {of_shape({30, 17}), of_shape({1, 17})});
  expect_node(graph::Gemm{}, {3, 8}, {of_shape({8, 1}), Tensor::scalar(0.5F)});
  expect_node(graph::Gemm{}, {3, 8}, {of_shape({8, 5}), Tensor::scalar(0.5F)});
  expect_node(graph::Gemm{}, {3, 8}, {of_shape({8, 3}), of_shape({3, 1})});
  expect_node(graph::Gemm{}, {3, 8}, {of_shape({8, 4}), of_shape({3, 4})});
  expect_node(graph::Gemm{.alpha = 0.5F, .beta = 2}, {3, 8}, {of_shape({8, 4}), of_shape({4})});
  expect_node(graph::Gemm{.trans_a = true}, {8, 3}, {of_shape({8, 4})});
  expect_node(graph::MatMul{}, {2, 3, 4, 20}, {of_shape({20, 7})});
  expect_node(graph::MatMul{}, {2, 4, 20}, {of_shape({2, 20, 7})});
  expect_node(graph::MatMul{}, {20}, {of_shape({20, 7})});
  expect_node(graph::MatMul{}, {4, 20}, {of_shape({20})});
}

TEST(FloatProgram, ComputesPoolsAndMaps) {
  expect_node(graph::MaxPool{.kernel_shape = {3, 2}, .strides = {2, 1}, .pads = {1, 0, 1, 1}, .ceil_mode = true},
              {2, 5, 7, 8});
  expect_node(graph::MaxPool{.kernel_shape = {1, 1}, .pads = {1, 1, 1, 1}}, {1, 3, 2, 2});  // windows of padding only
  expect_node(graph::MaxPool{.kernel_shape = {3}}, {2, 3, 9});
  expect_node(graph::AveragePool{.kernel_shape = {3, 3}, .strides = {2, 2}, .pads = {1, 1, 1, 1}, .ceil_mode = true},
              {2, 5, 7, 8});
  expect_node(graph::AveragePool{.kernel_shape = {2, 2}, .pads = {1, 0, 0, 1}, .count_include_pad = true},
              {1, 33, 4, 4});
  expect_node(graph::MaxPool{.kernel_shape = {2, 3, 2}, .strides = {1, 2, 2}}, {2, 3, 4, 5, 6});
  expect_node(graph::AveragePool{.kernel_shape = {2, 3, 2}, .pads = {1, 0, 0, 0, 1, 1}}, {2, 3, 4, 5, 6});
  expect_node(graph::GlobalAveragePool{}, {3, 20, 5, 6});
  expect_node(graph::GlobalAveragePool{}, {3, 20, 9});
  expect_node(graph::GlobalAveragePool{}, {1, 2, 3, 4, 5});  // volumes
  expect_node(graph::Relu{}, {2, 3, 4, 5});
  expect_node(graph::LeakyRelu{.alpha = 0.2F}, {7});
  expect_node(graph::Sigmoid{}, {2, 3, 4, 5});
  expect_node(graph::HardSwish{}, {2, 3});
  expect_node(graph::Clip{}, {2, 3, 4, 4}, {Tensor::scalar(-0.5F), Tensor::scalar(0.75F)});
  expect_node(graph::Softmax{.axis = 1}, {2, 6, 3, 3});
  expect_node(graph::BatchNormalization{}, {2, 6, 3, 3}, {of_shape({6}), of_shape({6}), of_shape({6}), positive({6})});
}

TEST(FloatProgram, ComputesMaximaWithTheirIndices) {
  Random random(8);
  graph::MaxPool op{.kernel_shape = {2, 2}, .strides = {2, 2}};
  op.outputs.count = 2;
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {2, 3, 6, 6});
  const graph::Node node =
      graph.add_node(op, {graph.add(graph::Conv{}, {x, graph.constant("w", of_shape({4, 3, 1, 1}))})});
  graph.output(node.outputs[0]);
  graph.output(node.outputs[1]);
  const Tensor images = random_tensor({2, 3, 6, 6}, random);
  expect_close(graph, {&images, 1});
}

TEST(FloatProgram, ComputesBroadcastsAndRearrangements) {
  expect_node(graph::Add{}, {2, 6, 3, 3}, {of_shape({6, 1, 1})});
  expect_node(graph::Add{}, {2, 6, 3, 3}, {of_shape({2, 6, 3, 3})});
  expect_node(graph::Mul{}, {2, 6, 3, 3}, {of_shape({2, 6, 1, 1})});
  expect_node(graph::Mul{}, {6, 1}, {of_shape({1, 5})});
  expect_node(graph::Flatten{.axis = 2}, {2, 6, 3, 3});
  expect_node(graph::Reshape{}, {2, 6, 3, 3}, {Tensor::of<std::int64_t>(Shape{3}, {0, 9, -1})});
  for (const Index axis : {0, 1, 2, -1}) {
    Tensor other = of_shape(Shape{2, 6, 3, 3}.with(static_cast<int>(axis < 0 ? 3 : axis), 4));
    expect_node(graph::Concat{.axis = axis}, {2, 6, 3, 3}, {other, other});
  }
}

/// Convolutions, pools, sums and maps in one graph, so that layouts meet.
TEST(FloatProgram, ComputesANetworkWithFusedAndUnfusedNodes) {
  Random random(5);
  Graph graph;
  int constants = 0;
  const auto constant = [&](const Shape& shape) {
    return graph.constant(fmt::format("c{}", ++constants), random_tensor(shape, random));
  };
  const Value images = graph.input("images", DataType::float32, {kDynamic, 3, 12, 10});
  const Value stem =
      graph.add(graph::Conv{.strides = {2, 2}, .pads = {1, 1, 1, 1}}, {images, constant({8, 3, 3, 3}), constant({8})});
  const Value active = graph.add(graph::Relu{}, {stem});
  graph.output(stem, "stem");  // in the middle of what could be fused
  const Value deep = graph.add(graph::Conv{.pads = {1, 1, 1, 1}, .group = 8}, {active, constant({8, 1, 3, 3})});
  const Value clipped = graph.add(graph::Clip{}, {deep, graph.constant("low", Tensor::scalar(-1.0F)),
                                                  graph.constant("high", Tensor::scalar(1.5F))});
  const Value sum = graph.add(graph::Add{}, {active, clipped});
  const Value joined = graph.add(graph::Concat{.axis = 1}, {sum, graph.add(graph::Sigmoid{}, {stem}), active});
  const Value pooled =
      graph.add(graph::GlobalAveragePool{}, {graph.add(graph::MaxPool{.kernel_shape = {2, 2}}, {joined})});
  const Value logits = graph.add(graph::Gemm{.trans_b = true},
                                 {graph.add(graph::Flatten{}, {pooled}), constant({10, 24}), constant({10})});
  graph.output(graph.add(graph::Softmax{}, {logits}), "probabilities");
  graph.output(joined, "joined");
  const Tensor x = random_tensor({3, 3, 12, 10}, random);
  expect_close(graph, {&x, 1});
}

/// Float sums come before a quantisation here, so that one order of summation may round to another code than the other:
/// a code of 0.03 in an input of a sum with weights below 0.3.
TEST(MixedProgram, ComputesFloatInt8AndInt4NodesOfOneGraph) {
  QuantizedNetwork network(3, ActivationTypes::mixed);
  Random& random = network.random();
  Graph& graph = network.graph();
  const Value images = graph.input("images", DataType::float32, {kDynamic, 3, 8, 8});
  Value x = graph.add(graph::Conv{}, {images, network.constant(random_tensor({6, 3, 3, 3}, random))});
  x = network.quantized(graph.add(graph::Softmax{.axis = 1}, {x}), 0, 1);
  const auto integer_conv = [&](DataType type, int limit) {
    const Value codes = network.constant(random_codes(type, {6, 6, 1, 1}, -limit, limit, random));
    const Value weights =
        graph.add(graph::DequantizeLinear{}, {codes, network.scalar(0.3F / static_cast<float>(limit))});
    x = graph.add(graph::Conv{}, {x, weights});
  };
  integer_conv(DataType::int8, 127);
  x = network.quantized(x, -1, 1);
  integer_conv(DataType::int4, 7);  // its result stays float
  graph.output(graph.add(graph::HardSwish{}, {x}), "result");

  const Tensor input = random_tensor({2, 3, 8, 8}, random);
  expect_close(graph, {&input, 1}, 0.02F);
  std::set<std::string> precisions;
  for (const StepInfo& step : compile(graph).steps()) precisions.insert(step.precision);
  EXPECT_EQ(precisions, (std::set<std::string>{"-", "float32", "int4", "int8"}));
}

}  // namespace
}  // namespace condense::runtime
