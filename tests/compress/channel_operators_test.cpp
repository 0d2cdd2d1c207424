#include <gtest/gtest.h>

#include "compress/prunable_networks.hpp"

namespace condense::compress {
namespace {

/// How many groups the sets of a network have, by the layer that makes them; each set has been pruned by every second
/// group after the first and compared with zeros in the place of what went.
std::map<std::string, std::size_t> checked_sets(const graph::Graph& graph, const ChannelGroupOptions& options = {}) {
  std::map<std::string, std::size_t> result;
  const ChannelGroups found = find_channel_groups(graph, options);
  for (const UnprunedPart& part : found.unpruned) fmt::print("{}: {}\n", part.name, part.reason);
  std::vector<ChannelGroup> all;
  for (const ChannelSet& set : found.sets) {
    result[set.layer] = set.groups.size();
    std::vector<ChannelGroup> removed;
    for (std::size_t i = 1; i < set.groups.size(); i += 2) removed.push_back(set.groups[i]);
    all.insert(all.end(), removed.begin(), removed.end());
    const graph::Graph pruned = without_channels(graph, removed);
    EXPECT_LT(difference(zeroed(graph, removed), pruned, random_input(graph, 2, 1)), 1e-5) << set.layer;
  }
  const graph::Graph pruned = without_channels(graph, all);
  EXPECT_LT(difference(zeroed(graph, all), pruned, random_input(graph, 2, 2)), 1e-5);
  return result;
}

using Sets = std::map<std::string, std::size_t>;

Network images() {
  Network network({kDynamic, 3, 4, 4});
  network.convolution("a", 8, {}, 1);
  return network;
}
graph::Graph ended(Network& network) { return network.convolution("z", 2, {}, 1).finish(); }

graph::Value parameters(Network& network, const std::string& name, const Shape& shape) {
  Random random(5);
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.mutable_values<float>()) value = random.uniform(0.5F, 1.5F);
  return network.constant(name, std::move(tensor));
}

template <class T>
graph::Value vector(Network& network, const std::string& name, std::initializer_list<T> values) {
  return network.constant(name, Tensor::of<T>({static_cast<Index>(values.size())}, values));
}

TEST(ChannelOperators, NormalizeChannelsOrGroupsOfThem) {
  Network network = images();
  const auto scale = parameters(network, "scale", {8});
  const auto bias = parameters(network, "bias", {8});
  network.apply(graph::InstanceNormalization{}, {network.value(), scale, bias}, "instance");
  EXPECT_EQ(checked_sets(ended(network)), (Sets{{"a", 8}}));
  Network groups = images();
  const auto group_scale = parameters(groups, "scale", {8});
  const auto group_bias = parameters(groups, "bias", {8});
  groups.apply(graph::GroupNormalization{.num_groups = 4}, {groups.value(), group_scale, group_bias}, "group");
  EXPECT_EQ(checked_sets(ended(groups)), (Sets{{"a", 4}}));
}

TEST(ChannelOperators, MoveChannelsIntoSpaceAndBack) {
  Network network = images();
  network.then(graph::DepthToSpace{.blocksize = 2}, "up").convolution("b", 3, {}, 1);
  network.then(graph::SpaceToDepth{.blocksize = 2}, "down");
  EXPECT_EQ(checked_sets(ended(network)), (Sets{{"a", 2}, {"b", 3}}));
  Network other = images();
  other.then(graph::DepthToSpace{.blocksize = 2, .mode = graph::DepthToSpaceMode::crd}, "up");
  EXPECT_EQ(checked_sets(ended(other)), (Sets{{"a", 2}}));
}

TEST(ChannelOperators, RepeatAndExpand) {
  Network network = images();
  const auto repeats = vector<std::int64_t>(network, "repeats", {1, 2, 1, 1});
  network.apply(graph::Tile{}, {network.value(), repeats}, "tile");
  EXPECT_EQ(checked_sets(ended(network)), (Sets{{"a", 8}}));
  Network mean = images();
  const graph::Value a = mean.value();
  mean.convolution("one", 1, {}, 1);
  const auto shape = vector<std::int64_t>(mean, "shape", {1, 8, 1, 1});
  mean.apply(graph::Expand{}, {mean.value(), shape}, "expand").apply(graph::Mul{}, {a, mean.value()}, "product");
  EXPECT_EQ(checked_sets(ended(mean)), (Sets{{"a", 8}}));
}

TEST(ChannelOperators, ResizeAndPad) {
  Network network = images();
  const auto sizes = vector<std::int64_t>(network, "sizes", {8, 7, 6});
  network.apply(graph::Resize{.axes = {1, 2, 3}, .mode = graph::ResizeMode::linear},
                {network.value(), graph::kNoValue, graph::kNoValue, sizes}, "resize");
  EXPECT_EQ(checked_sets(ended(network)), (Sets{{"a", 8}}));
  const auto scaled = [](float channels) {
    Network images_to_scale = images();
    const auto scales = vector<float>(images_to_scale, "scales", {1, channels, 2, 1.5F});
    images_to_scale.apply(graph::Resize{}, {images_to_scale.value(), graph::kNoValue, scales}, "resize");
    return checked_sets(ended(images_to_scale));
  };
  EXPECT_EQ(scaled(1), (Sets{{"a", 8}}));
  EXPECT_EQ(scaled(1.1F), Sets{});  // 8 channels again, but others
  Network channels = images();
  const auto pads = vector<std::int64_t>(channels, "pads", {0, 0, 1, 1, 0, 0, 0, 2});
  channels.apply(graph::Pad{}, {channels.value(), pads}, "pad").convolution("b", 6, {}, 1);
  const auto along = vector<std::int64_t>(channels, "along", {0, 1, 0, 0, 0, 0, 0, 0});
  channels.apply(graph::Pad{}, {channels.value(), along}, "more channels");
  EXPECT_EQ(checked_sets(ended(channels)), (Sets{{"a", 8}}));
}

TEST(ChannelOperators, ReduceChannelsBySumsOnly) {
  const auto reduced = [](graph::Operator op) {
    Network network = images();
    const graph::Value a = network.value();
    const auto axes = vector<std::int64_t>(network, "axes", {1});
    network.apply(std::move(op), {a, axes}, "reduce").apply(graph::Mul{}, {a, network.value()}, "gated");
    return checked_sets(ended(network));
  };
  EXPECT_EQ(reduced(graph::ReduceSum{}), (Sets{{"a", 8}}));
  EXPECT_EQ(reduced(graph::ReduceSumSquare{}), (Sets{{"a", 8}}));
  EXPECT_EQ(reduced(graph::ReduceMean{}), Sets{});
  EXPECT_EQ(reduced(graph::ReduceMax{}), Sets{});
}

TEST(ChannelOperators, MeanOverPixelsWithAndWithoutAxes) {
  for (const bool keeps : {true, false}) {
    Network network = images();
    const auto axes = vector<std::int64_t>(network, "axes", {2, -1});
    network.apply(graph::ReduceMean{.keepdims = keeps}, {network.value(), axes}, "mean");
    if (keeps) network.flatten();
    network.fully_connected("fc", 5).then(graph::Softmax{}, "softmax");
    EXPECT_EQ(checked_sets(network.finish()), (Sets{{"a", 8}}));
  }
}

TEST(ChannelOperators, SplitEvenlyWithoutSizes) {
  Network network = images();
  const graph::Node node =
      network.graph().add_node(graph::Split{.axis = 1, .num_outputs = 2}, {network.value()}, "split");
  network.at(node.outputs[0]).convolution("b", 4, {}, 1);
  network.apply(graph::Concat{.axis = 1}, {network.value(), node.outputs[1]}, "concat");
  const graph::Graph graph = ended(network);
  const ChannelGroups found = find_channel_groups(graph);
  ASSERT_EQ(found.sets.size(), 3U);  // the halves of a, and b
  const std::vector<ChannelGroup> removed{found.sets[0].groups[0], found.sets[0].groups[2], found.sets[1].groups[3]};
  EXPECT_LT(difference(zeroed(graph, removed), without_channels(graph, removed), random_input(graph, 2, 1)), 1e-5);
}

TEST(ChannelOperators, TransposedConvolutionsInGroups) {
  Network even = images();
  even.transposed("b", 12, {.group = 2}, 2);  // 4 inputs and 6 outputs in each
  EXPECT_EQ(checked_sets(ended(even)), (Sets{{"a", 4}, {"b", 6}}));
  Network whole = images();
  whole.transposed("b", 8, {.group = 8}, 2);
  EXPECT_EQ(checked_sets(ended(whole)), (Sets{{"a", 8}}));
}

TEST(ChannelOperators, MultiplyByEinsumAndBothWaysOfGemm) {
  Network network({kDynamic, 5, 6});
  const auto weights = parameters(network, "w", {6, 7});
  network.apply(graph::Einsum{.equation = "bij,jk->bik"}, {network.value(), weights}, "einsum").matrix("out", 3);
  EXPECT_EQ(checked_sets(network.finish()), (Sets{{"einsum", 7}}));
  Network gemm({kDynamic, 6});
  const auto first = parameters(gemm, "first.w", {6, 9});
  const auto shift = parameters(gemm, "shift", {1, 9});
  gemm.apply(graph::Gemm{.alpha = 0.5F}, {gemm.value(), first, shift}, "first").fully_connected("second", 4);
  EXPECT_EQ(checked_sets(gemm.finish()), (Sets{{"first", 9}}));
}

/// Queries, keys and values of an input by a product each, (batch, tokens, heads * size), and the attention of them.
graph::Graph attention(Index heads, Index key_heads, bool packed) {
  Network network({kDynamic, 5, 6});
  const graph::Value x = network.value();
  const auto made = [&](const std::string& name, Index count, Index size) {
    network.at(x).matrix(name, count * size);
    if (packed) return network.value();
    network.reshape(name + ".split", {0, 0, count, size});
    return network.then(graph::Transpose{.perm = {0, 2, 1, 3}}, name + ".heads").value();
  };
  const graph::Value q = made("q", heads, 3);
  const graph::Value k = made("k", key_heads, 3);
  const graph::Value v = made("v", key_heads, 2);
  graph::Attention op;
  if (packed) op.q_num_heads = heads;
  if (packed) op.kv_num_heads = key_heads;
  network.apply(op, {q, k, v}, "attention");
  if (!packed) {
    network.then(graph::Transpose{.perm = {0, 2, 1, 3}}, "together").reshape("join", {0, 0, 2 * heads});
  }
  return network.matrix("out", 4).finish();
}

TEST(ChannelOperators, AttentionLosesWholeHeads) {
  for (const bool packed : {false, true}) {
    EXPECT_EQ(checked_sets(attention(4, 4, packed)), (Sets{{"q", 4}})) << packed;
    EXPECT_EQ(checked_sets(attention(6, 3, packed)), (Sets{{"q", 3}})) << packed;  // two queries' heads read each
  }
}

TEST(ChannelOperators, EmbeddingsLoseFeaturesAndKeepRows) {
  Network network({kDynamic, 3});
  network.then(graph::Abs{}, "abs").then(graph::Cast{.to = DataType::int64}, "index");
  const auto table = parameters(network, "table", {5, 8});
  network.apply(graph::Gather{.axis = 0}, {table, network.value()}, "embedding").matrix("out", 4);
  EXPECT_EQ(checked_sets(network.finish()), (Sets{{"embedding", 8}}));
}

TEST(ChannelOperators, LayersThatShareWeightsAndConstantsThatAreRead) {
  Network network = images();
  const auto shared = parameters(network, "shared", {8, 8, 1, 1});
  network.apply(graph::Conv{}, {network.value(), shared}, "b")
      .relu("r")
      .apply(graph::Conv{}, {network.value(), shared}, "c");
  EXPECT_EQ(checked_sets(ended(network)), (Sets{{"a", 8}}));  // one set of all three, for outputs are inputs
  Network rows({kDynamic, 6, 4});
  const auto shape = vector<std::int64_t>(rows, "shape", {0, 6, 2, 6});
  rows.matrix("m", 12);
  const graph::Value m = rows.value();
  rows.apply(graph::Reshape{}, {m, shape}, "x").then(graph::Relu{}, "r").reshape("y", {0, 6, 12}).matrix("n", 12);
  rows.apply(graph::Reshape{}, {rows.value(), shape}, "x2").reshape("y2", {0, 72}).fully_connected("out", 2);
  const Sets sets = checked_sets(rows.finish());  // one shape for two Reshapes that lose different things
  EXPECT_EQ(sets.size(), 2U);
}

TEST(ChannelOperators, ShapesThatDataDecideKeepTheirAxes) {
  Network network({kDynamic, 3, 2, 2});
  network.convolution("a", 6, {}, 1);
  const graph::Value shape = network.graph().input("shape", DataType::int64, {3});
  network.apply(graph::Reshape{}, {network.value(), shape}, "reshape").then(graph::Relu{}, "r");
  EXPECT_EQ(find_channel_groups(network.finish()).sets.size(), 0U);
}

TEST(ChannelOperators, RecurrentLayersKeepTheirInputs) {
  Network network({4, kDynamic, 5});
  network.matrix("in", 6);
  const auto w = parameters(network, "w", {1, 12, 6});
  const auto r = parameters(network, "r", {1, 12, 3});
  network.apply(graph::Lstm{.hidden_size = 3}, {network.value(), w, r}, "lstm").matrix("mid", 7).matrix("out", 2);
  const graph::Graph graph = network.finish();
  const ChannelGroups found = find_channel_groups(graph);
  ASSERT_EQ(found.sets.size(), 1U);
  EXPECT_EQ(found.sets[0].layer, "mid");
  ASSERT_EQ(found.unpruned.size(), 1U);
  EXPECT_EQ(found.unpruned[0].name, "lstm");
}

}  // namespace
}  // namespace condense::compress
