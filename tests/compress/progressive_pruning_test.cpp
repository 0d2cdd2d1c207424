#include "condense/compress/progressive_pruning.hpp"

#include <gtest/gtest.h>

#include "compress/prunable_networks.hpp"
#include "support/throws.hpp"

namespace condense::compress {
namespace {

/// Something that fine-tuning could do, quickly: every weight a little different, by the round.
graph::Graph nudged(graph::Graph graph, Index round) {
  for (int v = 0; v < graph.value_count(); ++v) {
    if (!graph.is_constant({v}) || graph.constant({v}).type() != DataType::float32) continue;
    Tensor tensor = graph.constant({v});
    Random random(static_cast<std::uint64_t>(round), static_cast<std::uint64_t>(v));
    for (float& w : tensor.mutable_values<float>()) w += random.uniform(-0.02F, 0.02F);
    graph.set_constant({v}, std::move(tensor));
  }
  return graph;
}

graph::Graph wide_network() {
  Network network({kDynamic, 3, 6, 6});
  network.convolution("a", 40).relu("relu").convolution("b", 20).relu("last");
  return network.flatten().fully_connected("classifier", 3).finish();
}

TEST(ProgressivePruning, GoesAsTheScheduleSays) {
  std::vector<Index> widths;
  ProgressivePruningConfig config{.schedule = prune::ProgressiveSparsity{.target = 0.4}, .fine_tune = nudged};
  config.after_round = [&](const graph::Graph& graph, Index round) {
    EXPECT_EQ(round, static_cast<Index>(widths.size()) + 1);
    widths.push_back(graph.constant(graph.find("a.weight")).shape()[0]);
  };
  const ProgressivePruningResult result = prune_progressively(wide_network(), config);
  EXPECT_EQ(widths, (std::vector<Index>{32, 30, 28, 26, 24}));  // 20, 25, 30, 35 and 40 % of 40 are gone
  EXPECT_EQ(result.end, PruningEnd::schedule_done);
  ASSERT_EQ(result.rounds.size(), 5U);
  EXPECT_DOUBLE_EQ(result.rounds[4].ratio, 0.4);
  EXPECT_EQ(result.rounds[4].size.parameters, network_size(result.graph).parameters);
}

TEST(ProgressivePruning, ContinuesFromAnyRoundToTheSameBytes) {
  ProgressivePruningConfig config{.most_rounds = 4, .fine_tune = nudged};
  std::vector<graph::Graph> rounds;
  config.after_round = [&](const graph::Graph& graph, Index) { rounds.push_back(graph); };
  const graph::Graph whole = prune_progressively(wide_network(), config).graph;
  ASSERT_EQ(rounds.size(), 4U);
  config.after_round = nullptr;
  config.start_round = 2;
  const ProgressivePruningResult resumed = prune_progressively(rounds[1], config);
  EXPECT_EQ(resumed.end, PruningEnd::rounds_done);
  EXPECT_EQ(resumed.rounds.size(), 2U);
  for (const std::string name : {"a.weight", "b.weight", "classifier.weight"}) {
    EXPECT_EQ(resumed.graph.constant(resumed.graph.find(name)), whole.constant(whole.find(name)));
  }
}

TEST(ProgressivePruning, StopsAtTheTarget) {
  const graph::Graph graph = wide_network();
  const double most = 0.5 * static_cast<double>(network_size(graph).multiply_accumulates);
  ProgressivePruningConfig config{.fine_tune = nudged};
  config.channels.target = ChannelTarget{.most = most};
  const ProgressivePruningResult result = prune_progressively(graph, config);
  EXPECT_EQ(result.end, PruningEnd::target_reached);
  EXPECT_GT(result.rounds.size(), 1U);
  const auto reached = static_cast<double>(result.rounds.back().size.multiply_accumulates);
  EXPECT_LE(reached, most);
  EXPECT_GT(reached, 0.9 * most);
}

TEST(ProgressivePruning, TakesBackTheRoundThatIsTooBad) {
  ProgressivePruningConfig config{.least_accuracy = 0.7};
  config.accuracy = [](const graph::Graph& graph) {
    return static_cast<double>(graph.constant(graph.find("a.weight")).shape()[0]) / 40;
  };
  const ProgressivePruningResult result = prune_progressively(wide_network(), config);
  EXPECT_EQ(result.end, PruningEnd::below_floor);
  EXPECT_EQ(result.rounds.size(), 4U);
  EXPECT_DOUBLE_EQ(result.rounds.back().accuracy, 0.65);
  EXPECT_EQ(result.graph.constant(result.graph.find("a.weight")).shape()[0], 28);
}

TEST(ProgressivePruning, TrainsBetweenRounds) {
  graph::Graph graph = wide_network();
  Tensor images = random_input(graph, 48, 3);
  Tensor labels(DataType::int64, {48});
  for (Index i = 0; i < 48; ++i) {  // bright, dark or neither
    const auto label = static_cast<std::int64_t>(i % 3);
    labels.mutable_data<std::int64_t>()[i] = label;
    for (Index k = 0; k < 108; ++k) images.mutable_data<float>()[i * 108 + k] += static_cast<float>(label - 1);
  }
  const train::Dataset data{images, labels};
  train::FitOptions options{.epochs = 3, .batch_size = 16};
  options.optimizer = train::AdamW{};
  ProgressivePruningConfig config{.schedule = prune::ProgressiveSparsity{.target = 0.3}};
  config.fine_tune = fine_tuning(data, options);
  config.accuracy = [&](const graph::Graph& pruned) { return train::accuracy(pruned, data); };
  const ProgressivePruningResult result = prune_progressively(graph, config);
  EXPECT_EQ(result.rounds.size(), 3U);
  EXPECT_GT(result.rounds.back().accuracy, 0.8);
  EXPECT_GT(result.rounds.back().accuracy, train::accuracy(prune_channels(graph, {.ratio = 0.3}).graph, data));
}

TEST(ProgressivePruning, RefusesWhatMakesNoSense) {
  const auto refuses = [](const std::string& part, const ProgressivePruningConfig& config) {
    return throws<InvalidArgument>(part, [&] { prune_progressively(wide_network(), config); });
  };
  EXPECT_TRUE(refuses("not 0", {.most_rounds = 0}));
  EXPECT_TRUE(refuses("-1 rounds", {.start_round = -1}));
  EXPECT_TRUE(refuses("empty", {.schedule = nullptr}));
  EXPECT_TRUE(refuses("0.9", {.least_accuracy = 0.9}));
  ProgressivePruningConfig own;
  own.channels.layer_ratios = {{"a", 0.25}};
  EXPECT_TRUE(refuses("'a' is 0.25", own));
}

}  // namespace
}  // namespace condense::compress
