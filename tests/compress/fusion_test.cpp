#include <gtest/gtest.h>

#include "compress/quantized.hpp"

// The patterns that ONNX Runtime 1.30 fuses into integer kernels. Every node that the coverage calls integer has to be
// part of one, in every network and for both activation types.

namespace condense::compress {
namespace {

bool is_relu_or_clip(const graph::Node& node) { return node.op.is<graph::Relu>() || node.op.is<graph::Clip>(); }

std::int32_t lowest(DataType type) { return type == DataType::int8 ? -128 : 0; }

/// The clamp that stands between a node and its QuantizeLinear, if there is one.
const graph::Node* clamp_before_quantize(const QuantizedGraph& graph, const graph::Node& node) {
  const auto readers = graph.consumers(node.outputs[0]);
  return readers.size() == 1 && is_relu_or_clip(*readers[0]) ? readers[0] : nullptr;
}

/// An absorbed Relu starts at the lowest code, and an absorbed Clip has exactly the range of the codes. Where a Concat
/// makes that impossible, the coverage says so.
void expect_absorbed(const QuantizedGraph& graph, const PostTrainingResult& result, const graph::Node& clamp) {
  const auto codes = graph.made(clamp.name);
  ASSERT_TRUE(codes) << clamp.name;
  if (coverage_of(result, clamp.name).reason.ends_with("they share a scale with negative values")) {
    EXPECT_NE(codes->zero_point, lowest(codes->type)) << clamp.name;
    EXPECT_EQ(clamp.name, "left.relu") << "the one that is put together with negative values";
    return;
  }
  if (clamp.op.is<graph::Relu>()) {
    EXPECT_EQ(codes->zero_point, lowest(codes->type)) << clamp.name;
    return;
  }
  const float low = graph.graph().constant(clamp.inputs[1]).data<float>()[0];
  const float high = graph.graph().constant(clamp.inputs[2]).data<float>()[0];
  EXPECT_EQ(codes->scale, (high - low) / 255) << clamp.name;
  EXPECT_EQ(codes->zero_point, lowest(codes->type) - std::lrint(low / codes->scale)) << clamp.name;
}

void expect_product(const QuantizedGraph& graph, const graph::Node& node) {
  const auto input = graph.read(node.name);
  ASSERT_TRUE(input) << node.name << " does not read codes";
  const Tensor* weights = graph.stored(node.name, 1, 0);
  const Tensor* scales = graph.stored(node.name, 1, 1);
  ASSERT_TRUE(weights != nullptr && scales != nullptr) << node.name << " has no integer weights";
  EXPECT_EQ(weights->type(), DataType::int8) << node.name;
  for (const std::int8_t weight : weights->values<std::int8_t>()) EXPECT_GE(weight, -127) << node.name;
  EXPECT_EQ(graph.stored(node.name, 1, 2), nullptr) << node.name << ": weights need no zero point";
  if (node.inputs.size() < 3) return;

  const Tensor* bias = graph.stored(node.name, 2, 0);
  const Tensor* bias_scales = graph.stored(node.name, 2, 1);
  ASSERT_TRUE(bias != nullptr && bias_scales != nullptr) << node.name << " has no integer bias";
  EXPECT_EQ(bias->type(), DataType::int32) << node.name;
  EXPECT_EQ(graph.stored(node.name, 2, 2), nullptr) << node.name << ": biases need no zero point";
  const auto* transposed = node.op.get_if<graph::ConvTranspose>();  // its groups share the scales of their channels
  ASSERT_EQ(bias_scales->count(), scales->count() * (transposed != nullptr ? transposed->group : 1)) << node.name;
  for (Index i = 0; i < bias_scales->count(); ++i) {
    const float product = input->scale * scales->data<float>()[i % scales->count()];
    EXPECT_EQ(bias_scales->data<float>()[i], product) << node.name << ", channel " << i << ": not exactly the product";
  }
}

void expect_fusable(const QuantizedGraph& graph, const PostTrainingResult& run, const graph::Node& node) {
  const graph::Node* clamp = clamp_before_quantize(graph, node);
  const std::optional<Parameters> result = graph.made(clamp != nullptr ? clamp->name : node.name);
  if (clamp != nullptr && result) expect_absorbed(graph, run, *clamp);
  const bool is_convolution = node.op.is<graph::Conv>() || node.op.is<graph::ConvTranspose>();
  if (is_convolution || node.op.is<graph::Gemm>() || node.op.is<graph::MatMul>()) {
    expect_product(graph, node);
    EXPECT_TRUE(result || !is_convolution) << node.name << ": a convolution without Q behind it runs in float";
    return;
  }
  ASSERT_TRUE(result) << node.name << " does not make codes";
  const bool reads_one = node.op.is<graph::Clip>() || node.op.is<graph::Reshape>() || node.op.is<graph::Resize>();
  for (std::size_t i = 0; i < (reads_one ? 1 : node.inputs.size()); ++i) {
    const auto input = graph.read(node.name, i);
    ASSERT_TRUE(input) << node.name << " reads no codes as input " << i;
    const bool moves = node.op.is<graph::MaxPool>() || node.op.is<graph::Flatten>() || node.op.is<graph::Reshape>() ||
                       node.op.is<graph::Concat>() || node.op.is<graph::Resize>();
    if (moves) {
      EXPECT_TRUE(*input == *result) << node.name << ": another scale or zero point behind than before";
    }
  }
}

class Fusion : public testing::TestWithParam<DataType> {};

TEST_P(Fusion, EveryIntegerNodeHasAPatternThatOnnxRuntimeFuses) {
  PostTrainingConfig config;
  config.activations.type = GetParam();
  for (const NamedNetwork& network : networks()) {
    SCOPED_TRACE(network.name);
    const PostTrainingResult result = quantized(network.graph, config);
    const QuantizedGraph graph(result.graph);
    for (const NodeCoverage& node : result.coverage.nodes) {
      if (node.execution == Execution::integer) expect_fusable(graph, result, graph.node(node.node));
      if (node.execution == Execution::fused) {
        EXPECT_TRUE(is_relu_or_clip(graph.node(node.node))) << node.node;
      }
    }
    EXPECT_EQ(network.all_integer, result.coverage.count(Execution::floating) == 0);
    EXPECT_EQ(result.coverage.integer_multiply_accumulates, result.coverage.multiply_accumulates);
  }
}

TEST_P(Fusion, NoValueIsQuantizedTwice) {
  PostTrainingConfig config;
  config.activations.type = GetParam();
  for (const NamedNetwork& network : networks()) {
    SCOPED_TRACE(network.name);
    const PostTrainingResult result = quantized(network.graph, config);
    const QuantizedGraph graph(result.graph);
    for (const graph::Node& node : result.graph.nodes()) {
      if (!node.op.is<graph::QuantizeLinear>()) continue;
      const graph::Node* before = graph.producer(node.inputs[0]);
      EXPECT_TRUE(before == nullptr || !before->op.is<graph::DequantizeLinear>()) << node.name << " undoes and redoes";
      EXPECT_EQ(graph.consumers(node.inputs[0]).size(), 1U) << node.name << ": its input is read past it";
      EXPECT_EQ(graph.consumers(node.outputs[0]).size(), 1U) << node.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(ActivationTypes, Fusion, testing::Values(DataType::uint8, DataType::int8),
                         [](const auto& tested) { return std::string(name(tested.param)); });

TEST(PostTraining, QuantizesTheWeightsOfEveryFormOfAProduct) {
  Network network({kDynamic, 12});
  network.apply(graph::Gemm{},
                {network.value(), network.constant("w", random_input(plain_network(), 1, 3).reshaped({12, 16}))},
                "gemm");
  network.relu("relu").matrix("matmul", 4);
  const PostTrainingResult result = quantized(network.finish());
  const QuantizedGraph graph(result.graph);
  for (const char* name : {"gemm", "matmul"}) {
    expect_product(graph, graph.node(name));
    EXPECT_EQ(graph.dequantize(name, 1)->op.get_if<graph::DequantizeLinear>()->axis, 1)
        << name << ": outputs are columns";
  }
  EXPECT_EQ(graph.stored("gemm", 1, 1)->shape(), Shape{16});
}

TEST(PostTraining, LeavesTheLogitsOfAMatrixProductInFloat) {
  const PostTrainingResult result = quantized(plain_network());
  const QuantizedGraph graph(result.graph);
  EXPECT_FALSE(graph.made("classifier"));
  EXPECT_EQ(coverage_of(result, "classifier").execution, Execution::integer);
  const PostTrainingResult with_softmax = quantized(activations_network());
  EXPECT_FALSE(QuantizedGraph(with_softmax.graph).made("classifier"));
}

TEST(PostTraining, KeepsNamesAndTypesOfInputsAndOutputs) {
  for (const NamedNetwork& network : networks()) {
    const PostTrainingResult result = quantized(network.graph);
    ASSERT_EQ(result.graph.outputs().size(), network.graph.outputs().size());
    for (std::size_t i = 0; i < network.graph.outputs().size(); ++i) {
      const graph::Value before = network.graph.outputs()[i];
      const graph::Value after = result.graph.outputs()[i];
      EXPECT_EQ(result.graph.name(after), network.graph.name(before)) << network.name;
      EXPECT_TRUE(result.graph.type(after) == network.graph.type(before)) << network.name;
    }
    EXPECT_EQ(result.graph.declared_shape(result.graph.inputs()[0]),
              network.graph.declared_shape(network.graph.inputs()[0]));
  }
}

}  // namespace
}  // namespace condense::compress
