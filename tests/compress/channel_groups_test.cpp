#include "condense/compress/channel_groups.hpp"

#include <gtest/gtest.h>

#include "compress/prunable_networks.hpp"
#include "condense/compress/post_training.hpp"
#include "support/throws.hpp"

namespace condense::compress {
namespace {

/// Some groups of every set, never all of one.
std::vector<ChannelGroup> some_groups(const ChannelGroups& found, Random& random) {
  std::vector<ChannelGroup> result;
  for (const ChannelSet& set : found.sets) {
    for (std::size_t i = 1; i < set.groups.size(); ++i) {
      if (random.below(3) == 0) result.push_back(set.groups[i]);
    }
  }
  return result;
}

TEST(ChannelGroups, RemovingIsZeroing) {
  std::size_t sets = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const graph::Graph graph = PrunableNetwork(seed).build();
    const ChannelGroups found = find_channel_groups(graph);
    EXPECT_TRUE(found.unpruned.empty()) << seed << " " << found.unpruned.front().reason;
    sets += found.sets.size();
    Random random(seed, 5);
    const std::vector<ChannelGroup> removed = some_groups(found, random);
    const graph::Graph pruned = without_channels(graph, removed);
    EXPECT_LT(difference(zeroed(graph, removed), pruned, random_input(graph, 2, seed)), 1e-5) << seed;
    EXPECT_EQ(pruned.value_count(), graph.value_count());
  }
  EXPECT_GT(sets, 200U);
}

TEST(ChannelGroups, RemovingIsZeroingInATransformer) {
  const graph::Graph graph = TransformerBlock(6, 16).build(2);
  const ChannelGroups found = find_channel_groups(graph);
  ASSERT_EQ(found.sets.size(), 4U);  // of each block the heads and the perceptron; its width stays, as it is normalised
  EXPECT_EQ(found.sets[0].groups.size(), 2U);
  EXPECT_EQ(found.sets[0].width, 8);  // a head
  EXPECT_EQ(found.sets[0].makers, (std::vector<std::string>{"0.q", "0.k", "0.v"}));
  EXPECT_EQ(found.sets[0].readers, std::vector<std::string>{"0.out"});
  EXPECT_EQ(found.sets[1].layer, "0.up");
  EXPECT_EQ(found.sets[1].groups.size(), 64U);
  Random random(4);
  const std::vector<ChannelGroup> removed = some_groups(found, random);
  ASSERT_FALSE(removed.empty());
  const graph::Graph pruned = without_channels(graph, removed);
  EXPECT_LT(difference(zeroed(graph, removed), pruned, random_input(graph, 3, 1)), 1e-5);
}

TEST(ChannelGroups, OfANormalizedAxisAreFoundIfAskedFor) {
  const graph::Graph graph = TransformerBlock(6, 16).build();
  EXPECT_EQ(find_channel_groups(graph, {.allow_renormalization = true}).sets.size(), 2U);  // the width is that of x
  Network network({kDynamic, 5, 4});
  network.matrix("in", 6);
  const auto gain = network.constant("gain", Tensor(DataType::float32, {6}));
  network.apply(graph::LayerNormalization{}, {network.value(), gain}, "norm").matrix("out", 2);
  const graph::Graph normalized = network.finish();
  EXPECT_TRUE(find_channel_groups(normalized).sets.empty());
  EXPECT_EQ(find_channel_groups(normalized).unpruned.front().name, "norm");
  const ChannelGroups found = find_channel_groups(normalized, {.allow_renormalization = true});
  ASSERT_EQ(found.sets.size(), 1U);
  EXPECT_EQ(found.sets[0].groups.size(), 6U);
  const graph::Graph pruned = without_channels(normalized, {found.sets[0].groups.data(), 2});
  EXPECT_EQ(pruned.constant(pruned.find("gain")).shape(), Shape{4});
}

TEST(ChannelGroups, OfGroupedConvolutionsAreWholeGroupsOrPlacesInAllOfThem) {
  Network network({kDynamic, 3, 4, 4});
  network.convolution("in", 12, {}, 1).convolution("two", 8, {.group = 2}, 1);   // 6 inputs, 4 outputs in each
  network.convolution("four", 8, {.group = 4}, 1).convolution("out", 2, {}, 1);  // 2 inputs, 2 outputs in each
  const ChannelGroups found = find_channel_groups(network.finish());
  ASSERT_EQ(found.sets.size(), 2U);
  EXPECT_EQ(found.sets[0].layer, "in");
  EXPECT_EQ(found.sets[0].groups.size(), 6U);
  EXPECT_EQ(found.sets[0].width, 2);
  EXPECT_EQ(found.sets[1].layer, "two");  // groups of the next, whose channels are coupled across those of this
  EXPECT_EQ(found.sets[1].channels(), 8);
}

TEST(ChannelGroups, NameTheNodesThatAreLeftAlone) {
  Network network({kDynamic, 3, 4, 4});
  network.convolution("a", 6, {}, 1).then(graph::Lrn{.size = 3}, "response").convolution("b", 6, {}, 1);
  network.then(graph::Softmax{.axis = 1}, "shares").convolution("c", 4, {}, 1).convolution("d", 2, {}, 1);
  const ChannelGroups found = find_channel_groups(network.finish());
  ASSERT_EQ(found.sets.size(), 1U);
  EXPECT_EQ(found.sets[0].layer, "c");
  ASSERT_EQ(found.unpruned.size(), 1U);
  EXPECT_EQ(found.unpruned[0].name, "response");
  EXPECT_NE(found.unpruned[0].reason.find("LRN"), std::string::npos);
}

TEST(ChannelGroups, OfProtectedLayersStayOnBothSides) {
  const graph::Graph graph = plain_network();
  const auto layers = [&](const ChannelGroupOptions& options) {
    std::vector<std::string> names;
    for (const ChannelSet& set : find_channel_groups(graph, options).sets) names.push_back(set.layer);
    return names;
  };
  EXPECT_EQ(layers({}), (std::vector<std::string>{"stem", "body", "hidden"}));
  EXPECT_EQ(layers({.protected_layers = {"body"}}), std::vector<std::string>{"hidden"});
}

TEST(ChannelGroups, CountExtentsThatTheNetworkComputesWith) {
  Network network({kDynamic, 3, 4, 4});
  network.convolution("a", 6, {}, 1);
  const graph::Value a = network.value();
  network.then(graph::ShapeOf{.start = 1, .end = 2}, "count").then(graph::Cast{.to = DataType::float32}, "number");
  network.apply(graph::Div{}, {a, network.value()}, "mean").convolution("b", 2, {}, 1);
  EXPECT_TRUE(find_channel_groups(network.finish()).sets.empty());
}

TEST(ChannelGroups, AreWrittenIntoShapesThatTheNetworkComputes) {
  Network network({kDynamic, 3, 4, 4});
  network.convolution("a", 6, {}, 1);
  const graph::Value a = network.value();
  network.then(graph::ShapeOf{.start = 0, .end = 1}, "batch");
  const graph::Value rest = network.constant("rest", Tensor::of<std::int64_t>({2}, {6, 16}));
  network.apply(graph::Concat{.axis = 0}, {network.value(), rest}, "shape");
  network.apply(graph::Reshape{}, {a, network.value()}, "flat").convolution("b", 2, {}, 1);
  const graph::Graph graph = network.finish();
  const ChannelGroups found = find_channel_groups(graph);
  ASSERT_EQ(found.sets.size(), 1U);
  const std::vector<ChannelGroup> removed{found.sets[0].groups[1], found.sets[0].groups[4]};
  const graph::Graph pruned = without_channels(graph, removed);
  EXPECT_EQ(pruned.constant(pruned.find("rest")), Tensor::of<std::int64_t>({2}, {4, 16}));
  EXPECT_LT(difference(zeroed(graph, removed), pruned, random_input(graph, 3, 1)), 1e-5);
}

TEST(ChannelGroups, RefuseWhatIsNotThereAndWhatIsQuantized) {
  graph::Graph graph = plain_network();
  EXPECT_TRUE(throws<InvalidArgument>("'boddy'", [&] { find_channel_groups(graph, {.protected_layers = {"boddy"}}); }));
  const graph::Value weights = graph.find("stem.weight");
  const auto remove = [&](const ChannelGroup& group) { without_channels(graph, {&group, 1}); };
  EXPECT_TRUE(throws<InvalidArgument>("'stem.weight' of shape (8 x 3 x 3 x 3) has no index 8 in axis 0", [&] {
    remove({{weights, 0, 8}});
  }));
  EXPECT_TRUE(throws<InvalidArgument>("value 9999", [&] { remove({{graph::Value{9999}, 0, 0}}); }));
  ChannelGroup all;
  for (Index i = 0; i < 8; ++i) all.push_back({weights, 0, i});
  EXPECT_TRUE(throws<InvalidArgument>("axis 0 of 'stem.weight' would lose all its 8", [&] { remove(all); }));
  // Its bias keeps what it has.
  EXPECT_TRUE(throws<InvalidArgument>("node 'stem'", [&] { remove({{weights, 0, 1}}); }));
  const graph::Graph quantized = post_training(graph, random_batches(graph)).graph;
  EXPECT_TRUE(throws<Unsupported>("quantised", [&] { find_channel_groups(quantized); }));
}

}  // namespace
}  // namespace condense::compress
