#include "condense/compress/channel_pruning.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "compress/prunable_networks.hpp"
#include "condense/compress/post_training.hpp"
#include "support/throws.hpp"

namespace condense::compress {
namespace {

const PrunedLayer& layer(const ChannelPruningResult& result, const std::string& name) {
  return *std::ranges::find(result.layers, name, &PrunedLayer::layer);
}

std::vector<Index> removed_channels(const ChannelPruningResult& result, const std::string& name) {
  std::vector<Index> removed;
  const std::vector<Index>& channels = layer(result, name).new_channels;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    if (channels[i] < 0) removed.push_back(static_cast<Index>(i));
  }
  return removed;
}

/// Sets what one channel of a constant holds.
void set_channel(graph::Graph& graph, const std::string& name, int axis, Index channel, float value) {
  Tensor tensor = graph.constant(graph.find(name));
  const Index inner = tensor.shape().count(axis + 1, tensor.shape().rank());
  for (Index i = 0; i < tensor.count(); ++i) {
    if (i / inner % tensor.shape()[axis] == channel) tensor.mutable_data<float>()[i] = value;
  }
  graph.set_constant(graph.find(name), std::move(tensor));
}

TEST(ChannelPruning, RemovesTheShareAskedForAndReportsIt) {
  const graph::Graph graph = plain_network();
  const ChannelPruningResult result = prune_channels(graph, {.ratio = 0.5});
  ASSERT_EQ(result.layers.size(), 4U);
  const Index after[] = {4, 6, 8, 5};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(result.layers[i].channels_after, after[i]);
  const PrunedLayer& body = layer(result, "body");
  EXPECT_EQ(body.channels_before, 12);
  EXPECT_EQ(body.multiply_accumulates_before, 12 * 8 * 9 * 16);
  EXPECT_EQ(body.multiply_accumulates_after, 6 * 4 * 9 * 16);
  EXPECT_EQ(body.bytes_before, (12U * 8 * 9 + 12) * 4);
  EXPECT_EQ(body.bytes_after, (6U * 4 * 9 + 6) * 4);
  Index next = 0;
  for (const Index channel : body.new_channels) EXPECT_TRUE(channel == -1 || channel == next++);
  EXPECT_EQ(next, 6);
  EXPECT_EQ(result.after.parameters, network_size(result.graph).parameters);
  EXPECT_EQ(result.graph.constant(result.graph.find("hidden.weight")).shape(), (Shape{8, 6 * 16}));
  EXPECT_EQ(result.graph.declared_shape(result.graph.inputs()[0])[0], kDynamic);
  EXPECT_EQ(graph::evaluate(result.graph, {random_input(result.graph, 5, 1)}).front().shape(), (Shape{5, 5}));
}

TEST(ChannelPruning, RanksBySumsOfMagnitudes) {
  const graph::Graph graph = plain_network();
  const Tensor weights = graph.constant(graph.find("body.weight"));
  std::vector<std::pair<float, Index>> sums;
  for (Index channel = 0; channel < 12; ++channel) {
    sums.push_back({0.0F, channel});
    for (Index i = 0; i < 72; ++i) sums.back().first += std::abs(weights.data<float>()[channel * 72 + i]);
  }
  std::ranges::sort(sums);
  std::vector<Index> expected{sums[0].second, sums[1].second, sums[2].second};
  std::ranges::sort(expected);
  EXPECT_EQ(removed_channels(prune_channels(graph, {.ratio = 0.25}), "body"), expected);
}

TEST(ChannelPruning, AveragesTheNormalizedScoresOfLayersThatMakeTheSameChannels) {
  const graph::Graph graph = residual_network();
  std::vector<std::pair<double, Index>> scores(8);
  for (const std::string name : {"stem", "dw", "pw"}) {
    const Tensor weights = graph.constant(graph.find(name + ".weight"));
    const Index inner = weights.count() / 8;
    double total = 0;
    for (const float w : weights.values<float>()) total += std::abs(static_cast<double>(w));
    for (Index i = 0; i < weights.count(); ++i) {
      scores[static_cast<std::size_t>(i / inner)].first +=
          std::abs(static_cast<double>(weights.data<float>()[i])) / (total / 8);
    }
  }
  for (std::size_t i = 0; i < 8; ++i) scores[i].second = static_cast<Index>(i);
  std::ranges::sort(scores);
  std::vector<Index> expected{scores[0].second, scores[1].second};
  std::ranges::sort(expected);
  const ChannelPruningResult result = prune_channels(graph, {.ratio = 0.25});
  for (const std::string name : {"stem", "dw", "pw"}) EXPECT_EQ(removed_channels(result, name), expected);
}

TEST(ChannelPruning, RanksByEveryCriterion) {
  graph::Graph graph = plain_network();
  const std::vector<Index> first{1};
  const auto pruned = [&](ChannelPruningConfig config) {
    config.layer_ratios = {{"stem", 0.125}};
    config.ratio = 0;
    return removed_channels(prune_channels(graph, config), "stem");
  };
  set_channel(graph, "stem.weight", 0, 1, 0.001F);
  EXPECT_EQ(pruned({.criterion = ChannelCriterion::l1}), first);
  EXPECT_EQ(pruned({.criterion = ChannelCriterion::l2}), first);
  set_channel(graph, "stem.weight", 0, 1, 0.0F);
  for (Index i = 0; i < 8; ++i) {  // all filters but one on a circle around it
    Tensor weights = graph.constant(graph.find("stem.weight"));
    for (Index k = 0; k < 27; ++k) weights.mutable_data<float>()[i * 27 + k] = i == 1 ? 1.0F : 1.0F + (k == i ? 2 : 0);
    graph.set_constant(graph.find("stem.weight"), std::move(weights));
  }
  EXPECT_EQ(pruned({.criterion = ChannelCriterion::geometric_median}), first);

  graph = plain_network();
  set_channel(graph, "stem.bias", 0, 1, -1000.0F);  // its Relu never opens
  EXPECT_EQ(pruned({.criterion = ChannelCriterion::mean_activation, .batches = random_batches(graph, 2)}), first);
  EXPECT_EQ(pruned({.criterion = ChannelCriterion::thinet, .batches = random_batches(graph, 2)}), first);
  const train::Dataset data{random_input(graph, 8, 1), Tensor::of<std::int64_t>({8}, {0, 1, 2, 3, 4, 0, 1, 2})};
  EXPECT_EQ(pruned({.criterion = ChannelCriterion::taylor, .data = data, .batch_size = 3}), first);

  graph = plain_network();
  set_channel(graph, "body.weight", 1, 1, 0.0F);  // nobody listens to it
  EXPECT_EQ(pruned({.criterion = ChannelCriterion::thinet, .batches = random_batches(graph, 2)}), first);
  EXPECT_EQ(pruned({.criterion = ChannelCriterion::taylor, .data = data}), first);

  graph = residual_network();
  set_channel(graph, "stem.norm.scale", 0, 1, 0.0F);
  set_channel(graph, "dw.norm.scale", 0, 1, 0.0F);
  set_channel(graph, "pw.norm.scale", 0, 1, 0.0F);
  EXPECT_EQ(pruned({.criterion = ChannelCriterion::batch_norm_scale}), first);
}

TEST(ChannelPruning, IsRandomBySeed) {
  const graph::Graph graph = plain_network();
  const auto pruned = [&](std::uint64_t seed) {
    return removed_channels(prune_channels(graph, {.criterion = ChannelCriterion::random, .seed = seed}), "hidden");
  };
  EXPECT_EQ(pruned(1), pruned(1));
  EXPECT_NE(pruned(1), pruned(2));
}

TEST(ChannelPruning, RanksAllLayersTogether) {
  graph::Graph graph = plain_network();
  for (Index channel = 0; channel < 9; ++channel) set_channel(graph, "hidden.weight", 0, channel, 0.0F);
  const ChannelPruningResult result = prune_channels(graph, {.ratio = 0.25, .global = true});  // 9 of 36
  EXPECT_EQ(layer(result, "stem").channels_after, 8);
  EXPECT_EQ(layer(result, "body").channels_after, 12);
  EXPECT_EQ(layer(result, "hidden").channels_after, 7);
  const ChannelPruningResult own =
      prune_channels(graph, {.ratio = 0.25, .global = true, .layer_ratios = {{"hidden", 0}}});  // 5 of 20
  EXPECT_EQ(layer(own, "hidden").channels_after, 16);
  EXPECT_EQ(layer(own, "stem").channels_after + layer(own, "body").channels_after, 15);
}

TEST(ChannelPruning, KeepsMultiplesAndTheLeast) {
  const graph::Graph graph = plain_network();
  const auto kept = [&](const ChannelPruningConfig& config) {
    const ChannelPruningResult result = prune_channels(graph, config);
    return std::vector<Index>{layer(result, "stem").channels_after, layer(result, "body").channels_after,
                              layer(result, "hidden").channels_after};
  };
  EXPECT_EQ(kept({.ratio = 0.6, .round_to = 4}), (std::vector<Index>{4, 8, 8}));
  EXPECT_EQ(kept({.ratio = 0.6, .round_to = 8}), (std::vector<Index>{8, 8, 8}));
  EXPECT_EQ(kept({.ratio = 0.6, .round_to = 16}), (std::vector<Index>{8, 12, 16}));
  EXPECT_EQ(kept({.ratio = 0.99, .minimum_channels = 5}), (std::vector<Index>{5, 5, 5}));
  EXPECT_EQ(kept({.ratio = 0.99}), (std::vector<Index>{1, 1, 1}));
  EXPECT_EQ(kept({.ratio = 0.5, .layer_ratios = {{"body", 0.25}}, .protected_layers = {"classifier"}}),
            (std::vector<Index>{4, 9, 16}));
}

TEST(ChannelPruning, ReachesATarget) {
  const graph::Graph graph = plain_network();
  const NetworkSize whole = network_size(graph);
  const double most = 0.4 * static_cast<double>(whole.multiply_accumulates);
  const ChannelPruningResult result = prune_channels(graph, {.target = ChannelTarget{.most = most}});
  EXPECT_LE(static_cast<double>(result.after.multiply_accumulates), most);
  EXPECT_GT(result.ratio, 0.1);
  const ChannelPruningResult less = prune_channels(graph, {.ratio = result.ratio - 1e-3});
  EXPECT_GT(static_cast<double>(less.after.multiply_accumulates), most);

  const ChannelTarget bytes{ChannelCost::stored_bytes, 0.5 * static_cast<double>(whole.stored_bytes)};
  EXPECT_LE(static_cast<double>(prune_channels(graph, {.target = bytes}).after.stored_bytes), bytes.most);
  const ChannelTarget easy{ChannelCost::seconds, 1000};
  EXPECT_EQ(prune_channels(graph, {.target = easy}).after.parameters, whole.parameters);

  const ChannelPruningResult least = prune_channels(graph, {.ratio = 0.999});
  const auto reach = [&](double target) { prune_channels(graph, {.target = ChannelTarget{.most = target}}); };
  EXPECT_TRUE(throws<InvalidArgument>(fmt::format("the target of 100 multiply-accumulates cannot be reached: with the "
                                                  "fewest channels the network costs {}",
                                                  least.after.multiply_accumulates),
                                      [&] { reach(100); }));
  EXPECT_TRUE(throws<InvalidArgument>("1e-12 seconds", [&] {
    prune_channels(graph, {.target = ChannelTarget{ChannelCost::seconds, 1e-12}});
  }));
}

TEST(ChannelPruning, GivesANetworkThatQuantizes) {
  const graph::Graph pruned = prune_channels(residual_network()).graph;
  const graph::Graph quantized = post_training(pruned, random_batches(pruned)).graph;
  EXPECT_LT(difference(pruned, quantized, random_input(pruned, 4, 9)), 0.1);
}

TEST(ChannelPruning, RefusesWhatMakesNoSense) {
  const graph::Graph graph = plain_network();
  const auto refuses = [&](const std::string& part, const ChannelPruningConfig& config) {
    return throws<InvalidArgument>(part, [&] { prune_channels(graph, config); });
  };
  EXPECT_TRUE(refuses("the ratio is 1;", {.ratio = 1}));
  EXPECT_TRUE(refuses("the ratio is -0.1;", {.ratio = -0.1}));
  EXPECT_TRUE(refuses("the ratio is nan;", {.ratio = NAN}));
  EXPECT_TRUE(refuses("the ratio of 'body' is 2;", {.layer_ratios = {{"body", 2}}}));
  EXPECT_TRUE(refuses("'bodi', which has no channels to prune; those that have are stem, body, hidden",
                      {.layer_ratios = {{"bodi", 0.2}}}));
  EXPECT_TRUE(refuses("'bodi'", {.protected_layers = {"bodi"}}));
  EXPECT_TRUE(refuses("multiple of 1 or more, not 0", {.round_to = 0}));
  EXPECT_TRUE(refuses("1 channel or more, not 0", {.minimum_channels = 0}));
  EXPECT_TRUE(refuses("0 are given", {.criterion = ChannelCriterion::mean_activation}));
  EXPECT_TRUE(refuses("0 are given", {.criterion = ChannelCriterion::thinet}));
  EXPECT_TRUE(refuses("0 are given", {.reconstruct = true}));
  EXPECT_TRUE(refuses("labelled data", {.criterion = ChannelCriterion::taylor}));
  EXPECT_TRUE(refuses("thinet", {.criterion = ChannelCriterion::thinet, .global = true}));
  EXPECT_TRUE(refuses("of any of the 3 sets", {.criterion = ChannelCriterion::batch_norm_scale}));
  graph::Graph broken = graph;
  set_channel(broken, "body.weight", 0, 3, NAN);
  EXPECT_TRUE(throws<InvalidArgument>("'body.weight'", [&] { prune_channels(broken); }));
}

}  // namespace
}  // namespace condense::compress
