#include <gtest/gtest.h>

#include "compress/quantized.hpp"
#include "condense/graph/statistics.hpp"
#include "condense/quantize/distortion.hpp"
#include "support/throws.hpp"

namespace condense::compress {
namespace {

/// Bytes of the constants behind the weights of a node.
std::size_t weight_bytes(const QuantizedGraph& graph, const std::string& name) {
  std::size_t bytes = 0;
  for (const graph::Value input : graph.producer(graph.node(name).inputs[1])->inputs) {
    bytes += graph.graph().constant(input).bytes();
  }
  return bytes;
}

TEST(KeepFloat, LeavesWeightsAndTheResultUnquantized) {
  const graph::Graph network = plain_network();
  PostTrainingConfig config;
  config.keep_float = {"body"};
  const PostTrainingResult result = quantized(network, config);
  const QuantizedGraph graph(result.graph);
  EXPECT_EQ(coverage_of(result, "body").execution, Execution::floating);
  EXPECT_EQ(coverage_of(result, "body").weights, "float32");
  EXPECT_TRUE(result.graph.constant(graph.node("body").inputs[1]) == network.constant(network.find("body.weight")));
  EXPECT_FALSE(graph.made("body"));
  EXPECT_TRUE(graph.read("hidden")) << "the layers behind it run on integers again";
}

TEST(KeepFloat, HoldsForAClampThatWouldBeFused) {
  PostTrainingConfig config;
  config.keep_float = {"stem.relu"};
  const PostTrainingResult result = quantized(plain_network(), config);
  EXPECT_EQ(coverage_of(result, "stem.relu").execution, Execution::floating);
  EXPECT_EQ(coverage_of(result, "stem.relu").reason, "kept in float as configured");
  EXPECT_TRUE(QuantizedGraph(result.graph).made("stem")) << "the convolution before it ends in codes by itself";
}

TEST(KeepFloat, IsTheSameAsAFloatOverride) {
  PostTrainingConfig kept;
  kept.keep_float = {"stem", "classifier"};
  PostTrainingConfig overridden;
  overridden.weights.overrides["stem"] = quantize::NumberFormat{};
  overridden.weights.overrides["classifier"] = quantize::NumberFormat{};
  const PostTrainingResult a = quantized(plain_network(), kept);
  const PostTrainingResult b = quantized(plain_network(), overridden);
  const Tensor input = random_input(plain_network(), 3, 77);
  EXPECT_TRUE(graph::evaluate(a.graph, {input})[0] == graph::evaluate(b.graph, {input})[0]);
  EXPECT_EQ(a.coverage.integer_multiply_accumulates, b.coverage.integer_multiply_accumulates);
}

struct FormatCase {
  std::string format;
  std::size_t code_bits;
  std::size_t scales;       ///< Of the layer "hidden", (16 x 192).
  std::size_t table_bytes;  ///< At most.
};

class WeightFormat : public testing::TestWithParam<FormatCase> {};

TEST_P(WeightFormat, StoresOneLayerAsTheOverrideSays) {
  const FormatCase& expected = GetParam();
  PostTrainingConfig config;
  config.weights.overrides["hidden"] = quantize::NumberFormat::parse(expected.format);
  const PostTrainingResult result = quantized(plain_network(), config);
  const QuantizedGraph graph(result.graph);
  EXPECT_EQ(coverage_of(result, "hidden").weights, expected.format);
  EXPECT_EQ(coverage_of(result, "hidden").execution, Execution::integer);
  EXPECT_EQ(coverage_of(result, "body").weights, "int8/channel");

  const std::size_t least = 16 * 192 * expected.code_bits / 8 + 4 * expected.scales;
  EXPECT_GE(weight_bytes(graph, "hidden"), least);
  EXPECT_LE(weight_bytes(graph, "hidden"), least + expected.table_bytes);
  EXPECT_EQ(weight_bytes(graph, "body"), 12U * 72 + 4 * 12) << "the other layers keep the default format";

  // The dequantised weights are those that the primitive makes of the float ones.
  const Tensor weights = plain_network().constant(plain_network().find("hidden.weight"));
  const graph::Node& node = *graph.producer(graph.node("hidden").inputs[1]);
  std::vector<const Tensor*> inputs;
  for (const graph::Value input : node.inputs) inputs.push_back(&result.graph.constant(input));
  const Tensor stored = graph::evaluate_node(node, inputs).front();
  const double sqnr = quantize::distortion(weights, stored).sqnr_decibels();
  EXPECT_GT(sqnr, 2.5 * static_cast<double>(expected.code_bits) + 2) << expected.format;
}

INSTANTIATE_TEST_SUITE_P(Formats, WeightFormat,
                         testing::Values(FormatCase{"int8", 8, 1, 0}, FormatCase{"int8/channel", 8, 16, 0},
                                         FormatCase{"int4/channel", 4, 16, 0}, FormatCase{"int4/group32", 4, 96, 0},
                                         FormatCase{"ternary/channel", 2, 16, 0},
                                         FormatCase{"log2-4/channel", 4, 16, 64},
                                         FormatCase{"apot4/channel", 4, 16, 64}),
                         [](const auto& tested) {
                           std::string text = tested.param.format;
                           for (char& c : text) c = std::isalnum(c) != 0 ? c : '_';
                           return text;
                         });

TEST(WeightFormats, GroupsOfSingleWeightsBecomeChannelsAndTheCoverageSaysSo) {
  const PostTrainingResult result = quantized(residual_network(), with_weights("int4/group4"));
  const QuantizedGraph graph(result.graph);
  EXPECT_EQ(coverage_of(result, "dw").weights, "int4/channel");
  EXPECT_EQ(coverage_of(result, "dw").reason, "int4/group4 would make groups of single weights");
  EXPECT_EQ(coverage_of(result, "dw").execution, Execution::integer);
  EXPECT_EQ(graph.stored("dw", 1, 1)->shape(), Shape{8});
  EXPECT_EQ(coverage_of(result, "pw").weights, "int4/group4");
  EXPECT_EQ(coverage_of(result, "pw").reason, "");
  EXPECT_EQ(graph.stored("pw", 1, 1)->shape(), (Shape{8, 2, 1, 1}));
}

TEST(WeightFormats, OfFourBitGroupsFollowThePatternOfMatMulNBits) {
  const PostTrainingResult result = quantized(matrix_network(), with_weights("int4/group16"));
  const QuantizedGraph graph(result.graph);
  const auto* dequantize = graph.dequantize("second", 1)->op.get_if<graph::DequantizeLinear>();
  EXPECT_EQ(dequantize->axis, 0) << "blocks run along the depth, the rows of the weights of a MatMul";
  EXPECT_EQ(dequantize->block_size, 16);
  EXPECT_EQ(graph.stored("second", 1, 0)->type(), DataType::int4);
  EXPECT_EQ(graph.stored("second", 1, 1)->shape(), (Shape{2, 8}));  // 24 rows are a block and a half
}

TEST(WeightFormats, SearchedRangesHaveNoLargerErrorThanFullOnes) {
  const graph::Graph network = plain_network();
  const Tensor weights = network.constant(network.find("hidden.weight"));
  const auto error = [&](bool search) {
    PostTrainingConfig config = with_weights("int4/channel");
    config.search_weight_range = search;
    config.activations.mode = ActivationMode::floating;
    const PostTrainingResult result = quantized(network, {}, config);
    const QuantizedGraph graph(result.graph);
    const graph::Node& node = *graph.dequantize("hidden", 1);
    const Tensor stored = graph::evaluate_node(node, std::vector<const Tensor*>{&result.graph.constant(node.inputs[0]),
                                                                                &result.graph.constant(node.inputs[1])})
                              .front();
    return quantize::distortion(weights, stored).mean_squared_error();
  };
  EXPECT_LT(error(true), 0.9 * error(false));
}

TEST(WeightsOnly, NeedsNoCalibrationAndLeavesActivationsAlone) {
  for (const NamedNetwork& network : networks()) {
    PostTrainingConfig config;
    config.activations.mode = ActivationMode::floating;
    const PostTrainingResult result = quantized(network.graph, {}, config);
    for (const graph::Node& node : result.graph.nodes()) EXPECT_FALSE(node.op.is<graph::QuantizeLinear>()) << node.name;
    EXPECT_GT(result.coverage.count(Execution::weights_only), 0);
    EXPECT_EQ(result.coverage.count(Execution::integer), 0);
    EXPECT_LT(graph::stored_bytes(result.graph), graph::stored_bytes(simplified(network.graph))) << network.name;
    const Tensor input = random_input(network.graph, 2, 5);
    const Tensor expected = graph::evaluate(network.graph, {input})[0];
    EXPECT_GT(quantize::distortion(expected, graph::evaluate(result.graph, {input})[0]).sqnr_decibels(), 30)
        << network.name;
  }
}

TEST(Progress, HasAReportForEachBatch) {
  std::vector<std::string> reports;
  PostTrainingConfig config;
  config.progress = [&](const ProgressReport& report) {
    reports.push_back(fmt::format("{} {}/{}", report.stage, report.done, report.total));
  };
  quantized(matrix_network(), random_batches(matrix_network(), 3), config);
  EXPECT_EQ(reports, (std::vector<std::string>{"calibrating 1/3", "calibrating 2/3", "calibrating 3/3"}));
}

TEST(Threads, DoNotChangeAByte) {
  for (const NamedNetwork& network : networks()) {
    const std::vector<Batch> batches = random_batches(network.graph);
    const PostTrainingResult one = quantized(network.graph, batches);
    PostTrainingConfig config;
    config.pool = ThreadPool(3);
    const PostTrainingResult three = quantized(network.graph, batches, config);
    ASSERT_EQ(one.graph.value_count(), three.graph.value_count());
    for (int i = 0; i < one.graph.value_count(); ++i) {
      const graph::Value value{i};
      ASSERT_EQ(one.graph.name(value), three.graph.name(value));
      ASSERT_EQ(one.graph.is_constant(value), three.graph.is_constant(value));
      if (one.graph.is_constant(value)) {
        EXPECT_TRUE(one.graph.constant(value) == three.graph.constant(value)) << network.name;
      }
    }
  }
}

}  // namespace
}  // namespace condense::compress
