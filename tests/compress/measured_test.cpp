#include <gtest/gtest.h>

#include "compress/networks.hpp"
#include "condense/compress/measured_post_training.hpp"
#include "support/throws.hpp"

namespace condense::compress {
namespace {

runtime::StepProfile step(const std::string& node, const std::string& precision, double seconds) {
  return {.info = {.name = node, .operation = "Conv", .precision = precision, .multiply_accumulates = 1000},
          .seconds = seconds};
}

/// As many measurements as it takes to call every part, and no more.
MeasureConfig quick() { return {.profile = {.rounds = 1, .warm_up = 0}}; }

TEST(MeasuredPostTraining, KeepsTheFloatsOfLayersThatAreSlowerByTheMargin) {
  runtime::Profile floats;
  floats.steps = {step("a", "float32", 2), step("b", "float32", 2), step("c", "float32", 2), step("e", "float32", 1)};
  runtime::Profile integers;
  integers.steps = {step("a", "int8", 2.5), step("b", "int8", 2.1), step("c", "int4", 0.5), step("d", "int8", 9),
                    step("e", "float32", 1)};
  integers.steps.push_back(step("c", "int8", 0.25));  // a node may have several steps
  const std::vector<LayerTimes> layers = compare_layers(floats, integers, 1.1);
  ASSERT_EQ(layers.size(), 3U);  // d was no product in float, and e is none on integers
  EXPECT_EQ(layers[0].node, "a");
  EXPECT_TRUE(layers[0].keeps_float);
  EXPECT_FALSE(layers[1].keeps_float);
  EXPECT_FALSE(layers[2].keeps_float);
  EXPECT_EQ(layers[2].integer_seconds, 0.75);
}

TEST(MeasuredPostTraining, IsPostTrainingWithWhatItKeepsInFloat) {
  for (const NamedNetwork& network : networks()) {
    const std::vector<Batch> batches = random_batches(network.graph);
    const MeasuredPostTrainingResult measured = measured_post_training(network.graph, batches, {}, quick());
    PostTrainingConfig config;
    for (const LayerTimes& layer : measured.layers) {
      if (!layer.keeps_float) continue;
      config.keep_float.push_back(layer.node);
      const auto& nodes = measured.coverage.nodes;
      EXPECT_NE(std::ranges::find(nodes, layer.node, &NodeCoverage::node)->reason.find("integers take"),
                std::string::npos);
    }
    const PostTrainingResult expected = post_training(network.graph, batches, config);
    EXPECT_EQ(graph::evaluate(measured.graph, batches[0]), graph::evaluate(expected.graph, batches[0])) << network.name;
    EXPECT_GT(measured.float_seconds, 0);
    EXPECT_GT(measured.integer_seconds, 0);
  }
}

TEST(MeasuredPostTraining, RefusesWhatCannotBeMeasured) {
  const graph::Graph network = networks().front().graph;
  EXPECT_TRUE(throws<InvalidArgument>("0 batches", [&] { measured_post_training(network, {}); }));
  const std::vector<Batch> batches = random_batches(network);
  EXPECT_TRUE(throws<InvalidArgument>("0.5", [&] { measured_post_training(network, batches, {}, {.margin = 0.5}); }));
}

}  // namespace
}  // namespace condense::compress
