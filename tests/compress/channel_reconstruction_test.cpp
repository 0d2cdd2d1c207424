#include <gtest/gtest.h>

#include "compress/prunable_networks.hpp"
#include "condense/compress/channel_pruning.hpp"

namespace condense::compress {
namespace {

/// The mean squared difference of the outputs of two graphs over batches.
double squared_error(const graph::Graph& a, const graph::Graph& b, const std::vector<std::vector<Tensor>>& batches) {
  double sum = 0;
  for (const std::vector<Tensor>& batch : batches) {
    const Tensor x = graph::evaluate(a, batch).front();
    const Tensor y = graph::evaluate(b, batch).front();
    for (Index i = 0; i < x.count(); ++i) {
      const double d = static_cast<double>(x.data<float>()[i]) - static_cast<double>(y.data<float>()[i]);
      sum += d * d / static_cast<double>(x.count());
    }
  }
  return sum;
}

TEST(ChannelReconstruction, BringsOutputsCloserOnOtherDataToo) {
  for (const NamedNetwork& network : networks()) {
    if (network.name == "decoder" || network.name == "two-headed") continue;  // transposed convolutions stay
    const auto batches = random_batches(network.graph, 8, 32);
    const graph::Graph plain = prune_channels(network.graph).graph;
    const graph::Graph fitted = prune_channels(network.graph, {.batches = batches, .reconstruct = true}).graph;
    const double before = squared_error(network.graph, plain, batches);
    EXPECT_LT(squared_error(network.graph, fitted, batches), 0.8 * before) << network.name;
    const std::vector<std::vector<Tensor>> others{{random_input(network.graph, 64, 77)}};
    EXPECT_LT(squared_error(network.graph, fitted, others), squared_error(network.graph, plain, others))
        << network.name;
  }
}

TEST(ChannelReconstruction, IsExactWhereAChannelIsTheSumOfOthers) {
  Network network({kDynamic, 3, 6, 6});
  network.convolution("a", 5).convolution("b", 4).relu("relu").convolution("c", 2);
  graph::Graph graph = network.finish();
  Tensor weights = graph.constant(graph.find("a.weight"));
  Tensor bias = graph.constant(graph.find("a.bias"));
  for (Index i = 0; i < 27; ++i) {  // channel 4 is half of channel 0 minus channel 1
    float* w = weights.mutable_data<float>();
    w[4 * 27 + i] = 0.5F * w[i] - w[27 + i];
  }
  bias.mutable_data<float>()[4] = 0.5F * bias.data<float>()[0] - bias.data<float>()[1];
  graph.set_constant(graph.find("a.weight"), weights);
  graph.set_constant(graph.find("a.bias"), bias);
  ChannelPruningConfig config{.ratio = 0, .layer_ratios = {{"a", 0.2}}, .batches = random_batches(graph, 4)};
  for (int seed = 0; seed < 6; ++seed) {  // whichever of 0, 1 and 4 goes, the others can stand for it
    config.criterion = ChannelCriterion::random;
    config.seed = static_cast<std::uint64_t>(seed);
    config.reconstruct = true;
    config.damping = 1e-9;
    const ChannelPruningResult fitted = prune_channels(graph, config);
    const std::vector<Index>& channels = fitted.layers[0].new_channels;
    const auto gone = std::ranges::find(channels, -1) - channels.begin();
    const double distance = difference(graph, fitted.graph, random_input(graph, 3, 50));
    if (gone == 0 || gone == 1 || gone == 4) {
      EXPECT_LT(distance, 1e-3) << gone;
    } else {
      EXPECT_GT(distance, 1e-2) << gone;
    }
  }
}

TEST(ChannelReconstruction, SelectsWithThinetNoWorseThanAtRandom) {
  const graph::Graph graph = plain_network();
  const auto batches = random_batches(graph, 4, 32);
  const auto error = [&](ChannelCriterion criterion, std::uint64_t seed) {
    ChannelPruningConfig config{.criterion = criterion, .ratio = 0, .layer_ratios = {{"body", 0.5}}, .seed = seed};
    config.batches = batches;
    return squared_error(graph, prune_channels(graph, config).graph, batches);
  };
  double random = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) random += error(ChannelCriterion::random, seed) / 8;
  EXPECT_LT(error(ChannelCriterion::thinet, 0), random);
}

}  // namespace
}  // namespace condense::compress
