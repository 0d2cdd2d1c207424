#include <gtest/gtest.h>

#include "compress/closeness.hpp"
#include "condense/graph/statistics.hpp"
#include "support/throws.hpp"

// Graphs as they are imported: several inputs and outputs, weights that several nodes read, tables, and operators that
// move elements or broadcast.

namespace condense::compress {
namespace {

Tensor tokens(const Shape& shape, std::uint32_t vocabulary, std::uint64_t seed) {
  Random random(seed);
  Tensor tensor(DataType::int64, shape);
  for (std::int64_t& token : tensor.mutable_values<std::int64_t>()) {
    token = static_cast<std::int64_t>(random.below(vocabulary));
  }
  return tensor;
}

/// An image that two layers read, a vector, and token ids; two outputs, one of which is an inner value.
graph::Graph many_inputs() {
  graph::Graph graph;
  const graph::Value image = graph.input("image", DataType::float32, {kDynamic, 3, 6, 6});
  const graph::Value state = graph.input("state", DataType::float32, {kDynamic, 8});
  const graph::Value ids = graph.input("ids", DataType::int64, {kDynamic});
  const auto constant = [&](const char* name, const Shape& shape, float deviation) {
    return graph.constant(name, normal(shape, static_cast<std::uint64_t>(name[0]), deviation));
  };
  const graph::Conv conv{.pads = {1, 1, 1, 1}};
  const graph::Value left = graph.add(conv, {image, constant("a", {8, 3, 3, 3}, 0.3F)}, "left");
  const graph::Value right = graph.add(conv, {image, constant("b", {8, 3, 3, 3}, 0.3F)}, "right");
  const graph::Value sum = graph.add(graph::Add{}, {left, right}, "sum");
  const graph::Value pooled = graph.add(graph::GlobalAveragePool{}, {sum}, "pooled");
  const graph::Value features = graph.add(graph::Flatten{}, {pooled}, "features");
  const graph::Value embedded = graph.add(graph::Gather{}, {constant("table", {20, 8}, 1), ids}, "embedding");
  const graph::Value joined = graph.add(graph::Concat{.axis = 1}, {features, state, embedded}, "joined");
  graph.output(graph.add(graph::Gemm{.trans_b = true}, {joined, constant("c", {5, 24}, 0.3F)}, "head"), "scores");
  graph.output(features, "summary");
  return graph;
}

std::vector<Batch> many_batches(int count = 4, std::uint64_t seed = 0) {
  std::vector<Batch> batches;
  for (std::uint64_t i = seed; i < seed + static_cast<std::uint64_t>(count); ++i) {
    batches.push_back({normal({16, 3, 6, 6}, i), normal({16, 8}, i + 50, 2), tokens({16}, 20, i)});
  }
  return batches;
}

TEST(SeveralInputs, AreCalibratedTogetherAndTokensAreLeftAlone) {
  const graph::Graph network = many_inputs();
  const PostTrainingResult result = quantized(network, many_batches());
  const QuantizedGraph graph(result.graph);
  EXPECT_EQ(graph.read("left"), graph.read("right")) << "one input, one scale";
  EXPECT_EQ(std::ranges::count_if(result.graph.nodes(),
                                  [](const graph::Node& node) { return node.op.is<graph::QuantizeLinear>(); }),
            9);
  EXPECT_EQ(graph.read("joined", 0), graph.read("joined", 1));
  EXPECT_EQ(graph.read("joined", 1), graph.read("joined", 2));
  EXPECT_EQ(coverage_of(result, "embedding").execution, Execution::floating);
  EXPECT_EQ(coverage_of(result, "embedding").reason,
            "tables stay in float unless they have a format of their own, int8/channel");
  EXPECT_EQ(result.graph.type(result.graph.inputs()[2]).type, DataType::int64);
  EXPECT_EQ(result.graph.name(result.graph.outputs()[1]), "summary");
  expect_close(result, network, many_batches(1, 30)[0]);
}

TEST(SeveralInputs, OfABatchHaveToFit) {
  std::vector<Batch> batches = many_batches(2);
  batches[1].pop_back();
  EXPECT_TRUE(throws<InvalidArgument>("calibration batch 1: ", [&] { quantized(many_inputs(), batches); }));
}

TEST(Tables, AreStoredAsInt8RowsIfTheyHaveAFormat) {
  const graph::Graph network = many_inputs();
  for (const char* format : {"int8/channel", "int8"}) {
    PostTrainingConfig config;
    config.weights.overrides["embedding"] = quantize::NumberFormat::parse(format);
    const PostTrainingResult result = quantized(network, many_batches(), config);
    EXPECT_EQ(coverage_of(result, "embedding").execution, Execution::weights_only);
    EXPECT_EQ(coverage_of(result, "embedding").weights, format);
    EXPECT_EQ(result.graph.constant(result.graph.find("embedding.table.codes")).type(), DataType::int8);
    EXPECT_EQ(result.graph.constant(result.graph.find("embedding.table.scale")).count(), format[4] == '/' ? 20 : 1);
    EXPECT_LT(graph::stored_bytes(result.graph), graph::stored_bytes(quantized(network, many_batches()).graph));
    expect_close(result, network, many_batches(1, 30)[0]);
  }
  PostTrainingConfig config;
  config.weights.overrides["embedding"] = quantize::NumberFormat::parse("int4/channel");
  EXPECT_TRUE(throws<InvalidArgument>("gives int4/channel to the layer 'embedding' (Gather); a table takes int8",
                                      [&] { quantized(network, many_batches(), config); }));
}

TEST(SharedWeights, AreStoredOnceForEachWayOfQuantizingThem) {
  graph::Graph network;
  const graph::Value x = network.input("x", DataType::float32, {kDynamic, 12});
  const graph::Value w = network.constant("w", normal({12, 12}, 1, 0.3F));
  graph::Value y = network.add(graph::MatMul{}, {x, w}, "a");
  y = network.add(graph::MatMul{}, {y, w}, "b");
  y = network.add(graph::Gemm{}, {y, w}, "c");
  y = network.add(graph::Gemm{.trans_b = true}, {y, w}, "d");
  network.output(network.add(graph::Sub{}, {y, w}, "e"), "y");
  const std::vector<Batch> batches{{normal({12, 12}, 2)}};

  const PostTrainingResult result = quantized(network, batches);
  const QuantizedGraph graph(result.graph);
  EXPECT_EQ(graph.dequantize("a", 1), graph.dequantize("b", 1));
  EXPECT_EQ(graph.dequantize("a", 1), graph.dequantize("c", 1));
  EXPECT_NE(graph.dequantize("a", 1), graph.dequantize("d", 1)) << "its outputs are rows";
  EXPECT_TRUE(result.graph.is_constant(graph.node("e").inputs[1])) << "no weight here, it stays as it is";
  expect_close(result, network, batches[0]);

  PostTrainingConfig config;
  config.weights.overrides["b"] = quantize::NumberFormat::parse("int4/channel");
  config.keep_float = {"c"};
  const PostTrainingResult mixed = quantized(network, batches, config);
  const QuantizedGraph other(mixed.graph);
  EXPECT_EQ(other.stored("a", 1, 0)->type(), DataType::int8);
  EXPECT_EQ(other.stored("b", 1, 0)->type(), DataType::int4);
  EXPECT_EQ(mixed.graph.name(other.node("c").inputs[1]), "w");
}

TEST(ResidualsInFloat, ReadWhatANodeInFloatMadeAndNotItsCodes) {
  graph::Graph network;
  const graph::Value x = network.input("x", DataType::float32, {kDynamic, 8});
  const graph::Value sine = network.add(graph::Sin{}, {x}, "sine");
  const graph::Value product =
      network.add(graph::MatMul{}, {sine, network.constant("w", normal({8, 8}, 1, 0.3F))}, "product");
  network.output(network.add(graph::Sub{}, {sine, product}, "difference"), "y");
  network.output(sine, "sines");
  const std::vector<Batch> batches{{normal({12, 8}, 2)}};
  const PostTrainingResult result = quantized(network, batches);
  const QuantizedGraph graph(result.graph);
  EXPECT_TRUE(graph.read("product"));
  EXPECT_EQ(graph.producer(graph.node("difference").inputs[0])->name, "sine");
  EXPECT_EQ(graph::evaluate(result.graph, batches[0])[1], graph::evaluate(network, batches[0])[1]);
}

/// A convolution, an operator, and another convolution.
struct Moving {
  std::string name;
  graph::Operator op;
  std::vector<Tensor> others = {};  ///< Inputs behind the first.
};

class Moves : public testing::TestWithParam<Moving> {};

TEST_P(Moves, HandTheScaleThroughAndRunOnCodes) {
  Network network({kDynamic, 2, 6, 6});
  network.convolution("before", 4);
  std::vector<graph::Value> inputs{network.value()};
  for (std::size_t i = 0; i < GetParam().others.size(); ++i) {
    inputs.push_back(network.constant(fmt::format("other{}", i), GetParam().others[i]));
  }
  network.apply(GetParam().op, inputs, "move");
  const graph::Node move = network.graph().nodes().back();
  for (std::size_t i = 0; i < move.outputs.size(); ++i) {
    network.at(move.outputs[i]).convolution(fmt::format("behind{}", i), 3, {.auto_pad = graph::AutoPad::same_upper});
    network.output(fmt::format("y{}", i));
  }
  const graph::Graph graph = network.graph();
  const PostTrainingResult result = quantized(graph);
  EXPECT_EQ(coverage_of(result, "move").execution, Execution::integer) << coverage_of(result, "move").reason;
  const QuantizedGraph reader(result.graph);
  for (std::size_t i = 0; i < move.outputs.size(); ++i) {
    EXPECT_EQ(reader.made("before"), reader.read(fmt::format("behind{}", i)));
  }
  const Tensor input = random_input(graph, 2, 4);
  const std::vector<Tensor> evaluated = graph::evaluate(result.graph, {input});
  const std::vector<Tensor> compiled = run_compiled(result.graph, {&input, 1});
  for (std::size_t i = 0; i < evaluated.size(); ++i) EXPECT_GT(sqnr(evaluated[i], compiled[i]), 45) << i;
}

Tensor integers(std::initializer_list<std::int64_t> values) {
  return Tensor::of<std::int64_t>({static_cast<Index>(values.size())}, values);
}

INSTANTIATE_TEST_SUITE_P(
    Operators, Moves,
    testing::Values(
        Moving{"Transpose", graph::Transpose{.perm = {0, 1, 3, 2}}},
        Moving{"Slice", graph::Slice{}, {integers({1}), integers({3}), integers({2})}},
        Moving{"Split", graph::Split{.axis = 1}, {integers({1, 3})}},
        Moving{"Pad", graph::Pad{}, {integers({0, 0, 1, 2, 0, 0, 0, 1})}},
        Moving{"PadEdge", graph::Pad{.mode = graph::PadMode::edge}, {integers({0, 0, 1, 0, 0, 0, 0, 1})}},
        Moving{"Gather", graph::Gather{.axis = 1}, {integers({3, 0, 1})}},
        Moving{"DepthToSpace", graph::DepthToSpace{.blocksize = 2}},
        Moving{"SpaceToDepth", graph::SpaceToDepth{.blocksize = 2}},
        Moving{"Expand", graph::Expand{}, {integers({1, 4, 6, 6})}},
        Moving{"Tile", graph::Tile{}, {integers({1, 1, 2, 1})}},
        Moving{"ReduceMax", graph::ReduceMax{}, {integers({2})}},
        Moving{"Resize", graph::Resize{}, {Tensor(DataType::float32, {0}), Tensor::of<float>({4}, {1, 1, 2, 2})}}),
    [](const auto& tested) { return tested.param.name; });

TEST(Broadcasts, OfSumsAndProductsRunOnCodes) {
  Network network({kDynamic, 3, 6, 6}, 4);
  network.convolution("a", 8).relu("a.relu");
  const graph::Value a = network.value();
  network.then(graph::GlobalAveragePool{}, "squeeze").convolution("gate", 8, {}, 1).then(graph::HardSigmoid{}, "hard");
  network.apply(graph::Mul{}, {a, network.value()}, "excite");
  const graph::Value excited = network.value();
  network.convolution("map", 1).apply(graph::Add{}, {network.value(), excited}, "mapped");
  network.apply(graph::Mul{}, {network.value(), network.constant("half", Tensor::scalar(-0.5F))}, "scaled");
  network.apply(graph::Sub{}, {network.value(), network.constant("one", Tensor::of<float>({1}, {1}))}, "shifted");
  network.apply(graph::Add{}, {network.constant("each", normal({8, 1, 1}, 3)), network.value()}, "biased");
  network.then(graph::Tanh{}, "tanh").convolution("last", 4);
  const graph::Graph graph = network.finish();
  for (const DataType type : {DataType::uint8, DataType::int8}) {
    PostTrainingConfig config;
    config.activations.type = type;
    const PostTrainingResult result = quantized(graph, config);
    for (const NodeCoverage& node : result.coverage.nodes) {
      EXPECT_NE(node.execution, Execution::floating) << node.node << ": " << node.reason;
    }
    const QuantizedGraph reader(result.graph);
    const Tensor* half = reader.stored("scaled", 1, 0);
    ASSERT_NE(half, nullptr);
    const graph::Node& dequantize = *reader.dequantize("scaled", 1);
    std::vector<const Tensor*> parts;
    for (const graph::Value input : dequantize.inputs) parts.push_back(&result.graph.constant(input));
    EXPECT_EQ(graph::evaluate_node(dequantize, parts)[0].data<float>()[0], -0.5F) << "a number is exact";
    const Tensor input = random_input(graph, 3, 9);
    const Tensor evaluated = graph::evaluate(result.graph, {input})[0];
    EXPECT_GT(sqnr(graph::evaluate(graph, {input})[0], evaluated), 20) << name(type);
    for (const int threads : {1, 3})
      EXPECT_GT(sqnr(evaluated, run_compiled(result.graph, {&input, 1}, threads)[0]), 40);
  }
}

}  // namespace
}  // namespace condense::compress
