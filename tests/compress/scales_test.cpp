#include <gtest/gtest.h>

#include <map>

#include "compress/quantized.hpp"

namespace condense::compress {
namespace {

PostTrainingConfig with_min_max(DataType type = DataType::uint8) {
  PostTrainingConfig config;
  config.activations.type = type;
  config.activations.calibrator.method = calibrate::Method::min_max;
  return config;
}

/// The extremes of each value of the float network over the batches.
std::map<std::string, quantize::Range> observed_ranges(const graph::Graph& original, std::span<const Batch> batches) {
  const graph::Graph graph = simplified(original);
  std::map<std::string, quantize::Range> ranges;
  for (const Batch& batch : batches) {
    graph::evaluate(graph, batch, {.pool = {}, .on_value = [&](graph::Value value, const Tensor& tensor) {
                                     const auto values = tensor.values<float>();
                                     const auto [low, high] = std::minmax_element(values.begin(), values.end());
                                     quantize::Range& range = ranges[graph.name(value)];
                                     range = {std::min(range.min, *low), std::max(range.max, *high)};
                                   }});
  }
  return ranges;
}

TEST(SharedScales, ConcatAndItsBranchesCoverAllOfThemTogether) {
  const graph::Graph network = branched_network();
  const std::vector<Batch> batches = random_batches(network);
  const PostTrainingResult result = quantized(network, batches, with_min_max());
  const QuantizedGraph graph(result.graph);
  auto ranges = observed_ranges(network, batches);
  const quantize::Range both{std::min(ranges["left.relu"].min, ranges["right"].min),
                             std::max(ranges["left.relu"].max, ranges["right"].max)};
  ASSERT_LT(ranges["right"].min, 0);
  ASSERT_NE(ranges["left.relu"].max, ranges["right"].max);
  const quantize::Affine expected = quantize::asymmetric(both, quantize::kUint8);
  for (const auto& parameters : {graph.made("left.relu"), graph.made("right"), graph.made("concat")}) {
    EXPECT_EQ(parameters, (Parameters{expected.scale, expected.zero_point, DataType::uint8}));
  }
}

TEST(SharedScales, PoolsAndReshapesHandTheScaleThrough) {
  const graph::Graph network = plain_network();
  const std::vector<Batch> batches = random_batches(network);
  const PostTrainingResult result = quantized(network, batches, with_min_max());
  const QuantizedGraph graph(result.graph);
  auto ranges = observed_ranges(network, batches);
  EXPECT_EQ(graph.made("stem.relu"), graph.made("pool"));
  EXPECT_EQ(graph.made("body.relu"), graph.made("flatten"));
  EXPECT_NE(graph.made("pool"), graph.made("flatten"));
  EXPECT_EQ(graph.made("pool")->scale, quantize::asymmetric(ranges["stem.relu"], quantize::kUint8).scale)
      << "what a pool chooses from decides, not what it chose";

  const PostTrainingResult matrices = quantized(matrix_network());
  EXPECT_EQ(QuantizedGraph(matrices.graph).read("rows"), QuantizedGraph(matrices.graph).made("rows"));
}

TEST(ClampedActivations, StartAtTheLowestCodeAfterRelu) {
  for (const DataType type : {DataType::uint8, DataType::int8}) {
    for (const calibrate::Method method : calibrate::kMethods) {
      PostTrainingConfig config = with_min_max(type);
      config.activations.calibrator.method = method;
      const PostTrainingResult result = quantized(plain_network(), config);
      const QuantizedGraph graph(result.graph);
      for (const char* relu : {"stem.relu", "body.relu", "hidden.relu"}) {
        EXPECT_EQ(graph.made(relu)->zero_point, type == DataType::int8 ? -128 : 0) << relu << ", " << name(method);
      }
    }
  }
}

TEST(ClampedActivations, HaveTheRangeOfATwoSidedClip) {
  const auto clipped = [](float low, float high, DataType type) {
    Network network({kDynamic, 2, 6, 6});
    network.convolution("conv", 4).clip("clip", low, high).convolution("next", 2);
    const PostTrainingResult result = quantized(network.finish(), with_min_max(type));
    return *QuantizedGraph(result.graph).made("clip");
  };
  EXPECT_EQ(clipped(0, 6, DataType::uint8), (Parameters{6.0F / 255, 0, DataType::uint8}));
  EXPECT_EQ(clipped(0, 6, DataType::int8), (Parameters{6.0F / 255, -128, DataType::int8}));
  EXPECT_EQ(clipped(0, 100, DataType::uint8).scale, 100.0F / 255) << "though no activation comes near 100";
  EXPECT_EQ(clipped(-1, 1, DataType::uint8).scale, 2.0F / 255);
  EXPECT_NEAR(clipped(-1, 1, DataType::uint8).zero_point, 127.5, 0.5) << "to half a step, for 0 has to be a code";
  EXPECT_EQ(clipped(2, 6, DataType::uint8), (Parameters{6.0F / 255, 0, DataType::uint8})) << "widened to contain 0";
}

TEST(ClampedActivations, FollowTheStatisticsWhereOnlyOneSideIsBounded) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Network network({kDynamic, 2, 6, 6});
  network.convolution("conv", 4).clip("clip", 0, kInfinity).convolution("next", 2);
  const graph::Graph graph = network.finish();
  const std::vector<Batch> batches = random_batches(graph);
  const PostTrainingResult result = quantized(graph, batches, with_min_max());
  const float highest = observed_ranges(graph, batches)["clip"].max;
  const Parameters made = *QuantizedGraph(result.graph).made("clip");
  EXPECT_EQ(made.zero_point, 0);
  EXPECT_FLOAT_EQ(made.scale, highest / 255);
}

TEST(ClampedActivations, ShareAScaleThatAlsoCoversWhatTheyAreJoinedWith) {
  const PostTrainingResult result = quantized(branched_network(), with_min_max());
  const QuantizedGraph graph(result.graph);
  EXPECT_EQ(graph.made("stem.clip")->scale, 6.0F / 255) << "its pool holds only elements of the clip";
  EXPECT_NE(graph.made("left.relu")->zero_point, 0) << "the other branch has negative values";
  EXPECT_EQ(coverage_of(result, "left.relu").reason,
            "with 'left'; its codes start below 0, for they share a scale with negative values");
  EXPECT_EQ(coverage_of(result, "stem.clip").reason, "with 'stem'");
}

TEST(ClampedActivations, StayOutsideWhereTheUnclampedValueIsReadToo) {
  Network network({kDynamic, 2, 6, 6});
  network.convolution("conv", 4);
  const graph::Value unclamped = network.value();
  network.relu("relu").apply(graph::Add{}, {unclamped, network.value()}, "sum");
  const PostTrainingResult result = quantized(network.finish());
  EXPECT_EQ(coverage_of(result, "relu").execution, Execution::integer) << "by itself, not as part of the convolution";
  EXPECT_TRUE(QuantizedGraph(result.graph).made("conv"));
  EXPECT_TRUE(QuantizedGraph(result.graph).made("relu"));
}

TEST(SymmetricActivations, HaveZeroPointZeroEverywhere) {
  PostTrainingConfig config = with_min_max(DataType::int8);
  config.activations.symmetric = true;
  for (const NamedNetwork& network : networks()) {
    const std::vector<Batch> batches = random_batches(network.graph);
    const PostTrainingResult result = quantized(network.graph, batches, config);
    const QuantizedGraph graph(result.graph);
    const quantize::Range image = observed_ranges(network.graph, batches)["image"];
    const Parameters input = *graph.made_from_input();
    EXPECT_EQ(input.scale, quantize::absolute_maximum(image) / 127) << network.name;
    for (const graph::Node& node : result.graph.nodes()) {
      if (!node.op.is<graph::QuantizeLinear>()) continue;
      EXPECT_EQ(result.graph.constant(node.inputs[2]).data<std::int8_t>()[0], 0) << network.name << ", " << node.name;
    }
  }
}

}  // namespace
}  // namespace condense::compress
