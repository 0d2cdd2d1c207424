#include <gtest/gtest.h>

#include <set>

#include "compress/prunable_networks.hpp"

namespace condense::compress {
namespace {

/// Indices of axes of the float constants of a graph that can be taken away: all but those of kernels' windows.
std::vector<ChannelUnit> units_of_constants(const graph::Graph& graph) {
  std::vector<ChannelUnit> units;
  for (int v = 0; v < graph.value_count(); ++v) {
    const Tensor* tensor = graph.constant_if({v});
    if (tensor == nullptr || tensor->type() != DataType::float32) continue;
    for (int axis = 0; axis < std::min(2, tensor->shape().rank()); ++axis) {
      for (Index i = 0; i < tensor->shape()[axis] && tensor->shape()[axis] > 1; ++i) units.push_back({{v}, axis, i});
    }
  }
  return units;
}

Tensor without_slice(const Tensor& tensor, int axis, Index index) {
  const Index inner = tensor.shape().count(axis + 1, tensor.shape().rank());
  const Index extent = tensor.shape()[axis];
  Tensor result(DataType::float32, tensor.shape().with(axis, extent - 1));
  float* to = result.mutable_data<float>();
  for (Index i = 0; i < tensor.count(); ++i) {
    if (i / inner % extent != index) *to++ = tensor.data<float>()[i];
  }
  return result;
}

/// The graph with the slices cut out of its constants and nothing else done; none if the operators refuse it.
std::optional<graph::Graph> cut(const graph::Graph& graph, const ChannelGroup& units) {
  graph::Graph result = graph;
  for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {  // from the last index of an axis on
    const Tensor& tensor = result.constant(unit->value);
    if (tensor.shape()[unit->axis] == 1) return std::nullopt;
    result.replace_constant(unit->value, without_slice(tensor, unit->axis, unit->index));
  }
  for (std::size_t n = 0; n < result.nodes().size(); ++n) {  // a depthwise convolution has a group for each channel
    const auto* conv = result.nodes()[n].op.get_if<graph::Conv>();
    if (conv == nullptr || conv->group == 1) continue;
    graph::Conv changed = *conv;
    changed.group = result.constant(result.nodes()[n].inputs[1]).shape()[0];
    result.set_operator(static_cast<int>(n), changed);
  }
  try {
    result.sort();
  } catch (const InvalidArgument&) {
    return std::nullopt;
  }
  return result;
}

/// Every set of units that can be cut out so that the network gives what it gives with zeros there, found by trying
/// all.
std::vector<ChannelGroup> removable_by_trying(const graph::Graph& graph, const Tensor& input) {
  const std::vector<ChannelUnit> units = units_of_constants(graph);
  std::vector<ChannelGroup> result;
  for (std::uint32_t subset = 1; subset < std::uint32_t{1} << units.size(); ++subset) {
    ChannelGroup chosen;
    for (std::size_t i = 0; i < units.size(); ++i) {
      if ((subset >> i & 1U) != 0) chosen.push_back(units[i]);
    }
    const std::optional<graph::Graph> pruned = cut(graph, chosen);
    if (!pruned) continue;
    if (difference(zeroed(graph, {&chosen, 1}), *pruned, input) < 1e-5) result.push_back(std::move(chosen));
  }
  return result;
}

/// Those that are not made of smaller ones.
std::set<ChannelGroup> smallest(const std::vector<ChannelGroup>& all) {
  std::set<ChannelGroup> result;
  for (const ChannelGroup& one : all) {
    const bool is_made = std::ranges::any_of(
        all, [&](const ChannelGroup& other) { return other.size() < one.size() && std::ranges::includes(one, other); });
    if (!is_made) result.insert(one);
  }
  return result;
}

std::set<ChannelGroup> found_groups(const graph::Graph& graph) {
  std::set<ChannelGroup> result;
  for (const ChannelSet& set : find_channel_groups(graph).sets) {
    for (ChannelGroup group : set.groups) {
      std::erase_if(group, [&](const ChannelUnit& unit) { return !graph.is_constant(unit.value); });
      result.insert(std::move(group));
    }
  }
  return result;
}

class BruteForce : public testing::TestWithParam<int> {
 protected:
  /// A convolution of single pixels without a bias.
  static Network& convolution(Network& network, const std::string& name, Index outputs, Index group = 1) {
    const Index inputs = network.graph().type(network.value()).shape[1];
    Tensor weights(DataType::float32, {outputs, inputs / group, 1, 1});
    for (float& w : weights.mutable_values<float>()) w = random_.uniform(-1, 1);
    return network.apply(graph::Conv{.group = group}, {network.value(), network.constant(name + ".w", weights)}, name);
  }
  static inline Random random_{1};

  static graph::Graph network(int which) {
    random_ = Random(7);
    Network n({1, 1, 2, 2});
    switch (which) {
      case 0:  // a chain
        convolution(convolution(n, "a", 3).relu("r"), "b", 2);
        return convolution(n, "c", 1).finish();
      case 1: {  // a residual sum
        const graph::Value a = convolution(n, "a", 2).value();
        convolution(convolution(n, "b", 2).relu("r"), "c", 2);
        return convolution(n.apply(graph::Add{}, {a, n.value()}, "sum"), "d", 1).finish();
      }
      case 2: {  // two branches side by side
        const graph::Value image = n.value();
        const graph::Value a = convolution(n, "a", 2).value();
        convolution(n.at(image), "b", 2).then(graph::Tanh{}, "t");
        return convolution(n.apply(graph::Concat{.axis = 1}, {a, n.value()}, "join"), "c", 1).finish();
      }
      case 3:  // depthwise
        convolution(convolution(n, "a", 3), "b", 3, 3);
        return convolution(n, "c", 1).finish();
      case 4: {  // pixels of channels as one vector
        convolution(n, "a", 2).flatten();
        Tensor weights(DataType::float32, {8, 1});
        for (Index i = 0; i < 8; ++i) weights.mutable_data<float>()[i] = 0.3F + static_cast<float>(i * i % 5);
        return n.apply(graph::MatMul{}, {n.value(), n.constant("m.w", weights)}, "m").finish();
      }
      default: {  // gated by its own mean
        const graph::Value a = convolution(n, "a", 2).value();
        convolution(convolution(n.then(graph::GlobalAveragePool{}, "mean"), "b", 2).then(graph::Tanh{}, "t"), "c", 2);
        n.then(graph::Sigmoid{}, "gate");
        return convolution(n.apply(graph::Mul{}, {a, n.value()}, "gated"), "d", 1).finish();
      }
    }
  }
};

TEST_P(BruteForce, FindsTheSameGroups) {
  const graph::Graph graph = network(GetParam());
  const std::set<ChannelGroup> found = found_groups(graph);
  const std::vector<ChannelGroup> tried = removable_by_trying(graph, random_input(graph, 1, 3));
  ASSERT_FALSE(found.empty());
  // An output of an operator that only zeros are added to can be cut anywhere: of the sets tried only the smallest
  // count.
  EXPECT_EQ(found, smallest(tried));
  for (const ChannelGroup& one : tried) {  // and all others are made of them
    std::set<ChannelUnit> made;
    for (const ChannelGroup& group : found) {
      if (std::ranges::includes(one, group)) made.insert(group.begin(), group.end());
    }
    EXPECT_EQ(made.size(), one.size());
  }
}

INSTANTIATE_TEST_SUITE_P(ChannelGroups, BruteForce, testing::Range(0, 6));

}  // namespace
}  // namespace condense::compress
