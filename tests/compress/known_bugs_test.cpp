#include <gtest/gtest.h>

#include <cmath>

#include "compress/quantized.hpp"
#include "condense/graph/statistics.hpp"
#include "condense/quantize/distortion.hpp"

// Bugs that other exporters of quantised networks have had.

namespace condense::compress {
namespace {

/// A convolution one channel of which has weights that are tiny beside its bias, as pruning or batch normalisation of a
/// dead channel leave them: at input scale x weight scale the bias is far beyond 32 bits.
graph::Graph network_with_large_bias() {
  Network network({kDynamic, 3, 6, 6});
  network.convolution("conv", 4).relu("relu").convolution("next", 2);
  graph::Graph& graph = network.graph();
  Tensor weights = graph.constant(graph.find("conv.weight"));
  for (float& weight : weights.mutable_values<float>().subspan(27, 27)) weight *= 1e-9F;
  graph.set_constant(graph.find("conv.weight"), weights);
  Tensor bias = graph.constant(graph.find("conv.bias"));
  bias.mutable_values<float>()[1] = 1.5F;
  graph.set_constant(graph.find("conv.bias"), bias);
  return network.finish();
}

// ONNX Runtime PR #22020, issue #24815: the bias wrapped around.
TEST(Int32Bias, IsNeverBeyond32BitsBecauseItsWeightScaleIsRaised) {
  const graph::Graph network = network_with_large_bias();
  for (const char* format : {"int8/channel", "int4/channel", "log2-4/channel"}) {
    SCOPED_TRACE(format);
    const PostTrainingResult result = quantized(network, with_weights(format));
    const QuantizedGraph graph(result.graph);
    EXPECT_EQ(coverage_of(result, "conv").reason, "1 weight scales raised so that the bias fits 32 bits");
    EXPECT_EQ(coverage_of(result, "next").reason, "");

    const Tensor& bias = *graph.stored("conv", 2, 0);
    const Tensor& scales = *graph.stored("conv", 2, 1);
    const auto original = network.constant(network.find("conv.bias")).values<float>();
    for (std::size_t i = 0; i < original.size(); ++i) {
      const double scale = scales.values<float>()[i];
      EXPECT_NEAR(bias.values<std::int32_t>()[i] * scale, original[i], 0.5000001 * scale) << "channel " << i;
      EXPECT_LE(std::abs(double{static_cast<float>(bias.values<std::int32_t>()[i])}), 0x1p30);
    }
    const Tensor input = random_input(network, 4, 600);
    const Tensor expected = graph::evaluate(network, {input})[0];
    const double bits = format[3] == '8' ? 30 : 8;
    EXPECT_GT(quantize::distortion(expected, run_compiled(result.graph, {&input, 1})[0]).sqnr_decibels(), bits);
  }
}

TEST(Int32Bias, OfOneScaleRaisesItForTheWholeTensor) {
  Network network({kDynamic, 3, 6, 6});
  network.convolution("conv", 4).convolution("next", 2);
  graph::Graph& graph = network.graph();
  for (const char* constant : {"conv.weight", "conv.bias"}) {
    Tensor tensor = graph.constant(graph.find(constant));
    for (float& value : tensor.mutable_values<float>()) value *= constant[5] == 'w' ? 1e-12F : 10;
    graph.set_constant(graph.find(constant), tensor);
  }
  const PostTrainingResult result = quantized(network.finish(), with_weights("int8"));
  const QuantizedGraph reader(result.graph);
  EXPECT_EQ(coverage_of(result, "conv").reason, "1 weight scales raised so that the bias fits 32 bits");
  EXPECT_EQ(reader.stored("conv", 1, 1)->count(), 1);
  const float product = reader.read("conv")->scale * reader.stored("conv", 1, 1)->data<float>()[0];
  EXPECT_EQ(reader.stored("conv", 2, 1)->data<float>()[0], product);
}

TEST(Int32Bias, AndASecondRemarkAreBothInTheCoverage) {
  Network network({kDynamic, 4, 6, 6});
  network.depthwise("dw").convolution("next", 2);
  graph::Graph& graph = network.graph();
  Tensor weights = graph.constant(graph.find("dw.weight"));
  for (float& weight : weights.mutable_values<float>()) weight *= 1e-12F;
  graph.set_constant(graph.find("dw.weight"), weights);
  const PostTrainingResult result = quantized(network.finish(), with_weights("int4/group32"));
  EXPECT_EQ(coverage_of(result, "dw").reason,
            "int4/group32 would make groups of single weights; 4 weight scales raised so that the bias fits 32 bits");
}

// ONNX Runtime PR #13346: with entropy calibration the zero point was that of another range.
TEST(Calibration, GivesTheZeroPointOfTheRangeThatItFound) {
  const graph::Graph network = plain_network();
  const std::vector<Batch> batches = random_batches(network);
  for (const calibrate::Method method : calibrate::kMethods) {
    for (const DataType type : {DataType::uint8, DataType::int8}) {
      PostTrainingConfig config;
      config.activations.type = type;
      config.activations.calibrator.method = method;
      calibrate::Calibrator calibrator(config.activations.calibrator, {quantize::integer_type(type), false});
      for (const Batch& batch : batches) calibrator.observe(batch[0].values<float>());
      const PostTrainingResult result = quantized(network, batches, config);
      const Parameters made = *QuantizedGraph(result.graph).made_from_input();
      const quantize::Range range = calibrator.range();
      const double lowest = type == DataType::int8 ? -128 : 0;
      EXPECT_FLOAT_EQ(made.scale, (range.max - range.min) / 255) << name(method);
      EXPECT_NEAR(made.zero_point, lowest - double{range.min} / double{made.scale}, 0.501) << name(method);
    }
  }
}

// onnxsim #1001: where extents are not known, only the first layer was quantised.
TEST(UnknownExtents, DoNotKeepLayersFromBeingQuantized) {
  Network network({kDynamic, 3, kDynamic, kDynamic});
  network.convolution("a", 6).relu("a.relu").convolution("b", 6).relu("b.relu").convolution("c", 6);
  network.then(graph::GlobalAveragePool{}, "average").flatten().fully_connected("d", 4);
  const graph::Graph graph = network.finish();
  std::vector<Batch> batches;
  for (const Index side : {7, 12}) {
    Tensor images(DataType::float32, {4, 3, side, side + 1});
    Random random(static_cast<std::uint64_t>(side));
    for (float& value : images.mutable_values<float>()) value = random.normal();
    batches.push_back({images});
  }
  const PostTrainingResult result = quantized(graph, batches);
  EXPECT_EQ(result.coverage.count(Execution::floating), 0);
  for (const char* layer : {"a", "b", "c", "d"}) {
    EXPECT_EQ(coverage_of(result, layer).execution, Execution::integer) << layer;
  }
  for (const Batch& batch : batches) {
    const Tensor expected = graph::evaluate(graph, batch)[0];
    EXPECT_GT(quantize::distortion(expected, run_compiled(result.graph, batch)[0]).sqnr_decibels(), 25);
  }
}

// NNCF #1936: the model grew.
TEST(StoredBytes, ShrinkToAQuarterAndTheScales) {
  for (const NamedNetwork& network : networks()) {
    const graph::Graph before = simplified(network.graph);
    const PostTrainingResult result = quantized(network.graph);
    std::size_t quarter = 0;
    std::size_t extra = 0;
    for (const graph::Node& node : before.nodes()) {
      const bool product = node.op.is<graph::Conv>() || node.op.is<graph::Gemm>() || node.op.is<graph::MatMul>();
      for (std::size_t i = 1; i < node.inputs.size(); ++i) {
        const Tensor* constant = before.constant_if(node.inputs[i]);
        const std::size_t bytes = constant != nullptr ? constant->bytes() : 0;
        quarter += product && i == 1 ? bytes / 4 : bytes;
      }
      extra += 5;  // the scale and zero point of its result
      const Shape& made = before.type(node.outputs[0]).shape;
      const int channels = node.op.is<graph::Conv>() ? 1 : made.rank() - 1;
      if (product) extra += 8 * static_cast<std::size_t>(made[channels]);  // of weights and bias, for each output
    }
    EXPECT_LE(graph::stored_bytes(result.graph), quarter + extra + 5) << network.name;
    EXPECT_LT(graph::stored_bytes(result.graph), graph::stored_bytes(before)) << network.name;
  }
}

TEST(QuantizedAgain, AQuantizedGraphStaysAsItIs) {
  const PostTrainingResult once = quantized(residual_network());
  const PostTrainingResult twice = quantized(once.graph, random_batches(residual_network()));
  EXPECT_EQ(twice.graph.nodes().size(), once.graph.nodes().size());
  EXPECT_EQ(graph::stored_bytes(twice.graph), graph::stored_bytes(once.graph));
  for (const NodeCoverage& node : twice.coverage.nodes) EXPECT_FALSE(node.reason.empty()) << node.node;
}

}  // namespace
}  // namespace condense::compress
