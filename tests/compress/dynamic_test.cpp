#include <gtest/gtest.h>

#include "compress/closeness.hpp"
#include "compress/transformer.hpp"
#include "condense/graph/statistics.hpp"

// Products and recurrent layers that quantise what they read in every run.

namespace condense::compress {
namespace {

int count(const graph::Graph& graph, std::string_view type) {
  return static_cast<int>(std::ranges::count(graph.nodes(), type, [](const graph::Node& n) { return n.op.type(); }));
}

PostTrainingConfig dynamic(const std::string& weights = "int8/channel") {
  PostTrainingConfig config = with_weights(weights);
  config.activations.mode = ActivationMode::dynamic;
  return config;
}

TEST(DynamicActivations, NeedNoDataAndRunProductsOnIntegers) {
  for (const char* weights : {"int8/channel", "int8"}) {
    const graph::Graph network = TransformerBlock().build();
    const PostTrainingResult result = quantized(network, {}, dynamic(weights));
    EXPECT_EQ(count(result.graph, "MatMulInteger"), 6);
    EXPECT_EQ(count(result.graph, "DynamicQuantizeLinear"), 4) << "queries, keys and values read one quantised input";
    EXPECT_EQ(count(result.graph, "QuantizeLinear"), 0);
    EXPECT_EQ(coverage_of(result, "0.up").execution, Execution::dynamic);
    EXPECT_EQ(coverage_of(result, "0.up").reason, "its input is quantised in every run");
    EXPECT_EQ(coverage_of(result, "0.scores").reason, "only products with weights are quantised dynamically");
    expect_close(result, network, {random_input(network, 3, 5)}, 30);
  }
}

TEST(DynamicActivations, KeepTheBiasOfAGemmAndNamesOfOutputs) {
  Network network({kDynamic, 12});
  network.fully_connected("hidden", 9).relu("relu");
  network.apply(graph::Gemm{}, {network.value(), network.constant("w", normal({9, 5}, 2))}, "last");
  const graph::Graph graph = network.finish("scores");
  const PostTrainingResult result = quantized(graph, {}, dynamic());
  EXPECT_EQ(count(result.graph, "Gemm"), 0);
  EXPECT_EQ(count(result.graph, "MatMulInteger"), 2);
  EXPECT_EQ(result.coverage.count(Execution::dynamic), 2);
  expect_close(result, graph, {normal({4, 12}, 8)}, 33);
}

TEST(DynamicActivations, LeaveConvolutionsAndGroupsToWeights) {
  const graph::Graph network = plain_network();
  const PostTrainingResult result = quantized(network, {}, dynamic());
  EXPECT_EQ(coverage_of(result, "stem").execution, Execution::weights_only);
  EXPECT_EQ(coverage_of(result, "stem").reason, "convolutions have no dynamic form");
  EXPECT_EQ(coverage_of(result, "hidden").execution, Execution::dynamic);
  expect_close(result, network, {random_input(network, 3, 5)}, 30);
  const PostTrainingResult grouped = quantized(network, {}, dynamic("int4/group32"));
  EXPECT_EQ(coverage_of(grouped, "hidden").execution, Execution::weights_only);
  EXPECT_EQ(coverage_of(grouped, "hidden").reason, "MatMulInteger takes int8 weights");
}

/// Two recurrent layers of an operator, and a fully connected end.
template <class Op>
graph::Graph recurrent_network(graph::RecurrentDirection direction = graph::RecurrentDirection::forward,
                               Index layout = 0) {
  const Index directions = direction == graph::RecurrentDirection::bidirectional ? 2 : 1;
  graph::Graph graph;
  const graph::Value x =
      graph.input("x", DataType::float32, layout == 0 ? Shape{kDynamic, 3, 10} : Shape{3, kDynamic, 10});
  Op op;
  op.direction = direction;
  op.layout = layout;
  const Index width = Op::kGates * 12;
  const auto constant = [&](const char* name, const Shape& shape, std::uint64_t seed) {
    return graph.constant(name, normal(shape, seed, 0.3F));
  };
  const graph::Node& layer =
      graph.add_node(op,
                     {x, constant("w", {directions, width, 10}, 1), constant("r", {directions, width, 12}, 2),
                      constant("b", {directions, 2 * width}, 3)},
                     "layer");
  graph.output(layer.outputs[0], "states");
  graph.output(layer.outputs[1], "last");
  return graph;
}

TEST(RecurrentLayers, OfLstmBecomeDynamicQuantizeLstm) {
  for (const auto direction : {graph::RecurrentDirection::forward, graph::RecurrentDirection::reverse,
                               graph::RecurrentDirection::bidirectional}) {
    for (const char* weights : {"int8/channel", "int8"}) {
      const graph::Graph network = recurrent_network<graph::Lstm>(direction);
      const std::vector<Batch> batches{{normal({6, 3, 10}, 4)}};
      const PostTrainingResult result = quantized(network, batches, with_weights(weights));
      EXPECT_EQ(count(result.graph, "DynamicQuantizeLSTM"), 1);
      EXPECT_EQ(count(result.graph, "LSTM"), 0);
      EXPECT_EQ(coverage_of(result, "layer").execution, Execution::dynamic);
      EXPECT_EQ(coverage_of(result, "layer").weights, weights);
      EXPECT_LT(2 * graph::stored_bytes(result.graph), graph::stored_bytes(network));
      expect_close(result, network, {normal({6, 3, 10}, 5)}, 30);
      PostTrainingConfig no_data = with_weights(weights);
      no_data.activations.mode = ActivationMode::dynamic;
      EXPECT_EQ(count(quantized(network, {}, no_data).graph, "DynamicQuantizeLSTM"), 1);
    }
  }
}

template <class Op>
void expect_weights_only(const PostTrainingConfig& config, std::string_view reason, Index layout = 0) {
  const graph::Graph network = recurrent_network<Op>(graph::RecurrentDirection::bidirectional, layout);
  const Tensor input = normal(layout == 0 ? Shape{6, 3, 10} : Shape{3, 6, 10}, 5);
  const PostTrainingResult result = quantized(network, std::vector<Batch>{{input}}, config);
  EXPECT_EQ(coverage_of(result, "layer").execution, Execution::weights_only);
  EXPECT_EQ(coverage_of(result, "layer").reason, reason);
  EXPECT_EQ(count(result.graph, "DequantizeLinear"), 2);
  EXPECT_LT(2 * graph::stored_bytes(result.graph), graph::stored_bytes(network));
  expect_close(result, network, {input}, 30);
}

TEST(RecurrentLayers, WithoutAnIntegerFormKeepOnlyIntegerWeights) {
  expect_weights_only<graph::Gru>({}, "GRU has no integer form");
  expect_weights_only<graph::Rnn>({}, "RNN has no integer form");
  expect_weights_only<graph::Lstm>({}, "its batch comes first", 1);
  PostTrainingConfig config;
  config.recurrent = RecurrentMode::weights_only;
  expect_weights_only<graph::Lstm>(config, "only its weights, as configured");
  PostTrainingConfig floating;
  floating.activations.mode = ActivationMode::floating;
  expect_weights_only<graph::Lstm>(floating, "activations are kept in float as configured");
}

TEST(RecurrentLayers, StayFloatIfAsked) {
  PostTrainingConfig config;
  config.keep_float_types = {"LSTM"};
  const graph::Graph network = recurrent_network<graph::Lstm>();
  const PostTrainingResult result = quantized(network, std::vector<Batch>{{normal({6, 3, 10}, 4)}}, config);
  EXPECT_EQ(coverage_of(result, "layer").execution, Execution::floating);
  EXPECT_EQ(graph::stored_bytes(result.graph), graph::stored_bytes(network));
}

}  // namespace
}  // namespace condense::compress
