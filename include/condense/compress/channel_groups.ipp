#ifndef CONDENSE_COMPRESS_CHANNEL_GROUPS_IPP
#define CONDENSE_COMPRESS_CHANNEL_GROUPS_IPP

#include <algorithm>
#include <map>
#include <set>

#include "condense/compress/channel_groups.hpp"
#include "condense/compress/detail/channel_removal.hpp"
#include "condense/compress/detail/coupling_rules.hpp"
#include "condense/core/inline.hpp"

namespace condense::compress {

namespace detail {

inline void refuse_quantized(const graph::Graph& graph) {
  using Quantized = graph::JoinedOperators<graph::IntegerProducts, graph::NBitsOperators,
                                           graph::OperatorList<graph::DequantizeCodebook, graph::DequantizeLinear,
                                                               graph::DynamicQuantizeLstm, graph::QuantizeLinear>>;
  for (const graph::Node& node : graph.nodes()) {
    if (!graph::detail::Contains<Quantized>::any(node.op)) continue;
    throw Unsupported(fmt::format("node '{}' ({}): the graph is quantised; prune channels before quantising", node.name,
                                  node.op.type()));
  }
}

/// Protects the constants of the nodes of those names.
inline void protect_layers(const graph::Graph& graph, const std::vector<std::string>& names, UnitSets& sets) {
  for (const std::string& name : names) {
    const auto node = std::ranges::find(graph.nodes(), name, &graph::Node::name);
    require(node != graph.nodes().end(), "the layer '{}' is to be protected, but the graph has no node of that name",
            name);
    for (const graph::Value value : node->inputs) {
      if (graph.is_constant(value)) sets.protect(graph, value);
    }
  }
}

/// The units of a graph by the set that they are in, without those that stay.
inline std::map<int, ChannelGroup> removable_groups(const graph::Graph& graph, const UnitSets& sets) {
  std::set<graph::Value> used(graph.inputs().begin(), graph.inputs().end());
  for (const graph::Node& node : graph.nodes()) {
    used.insert(node.inputs.begin(), node.inputs.end());
    used.insert(node.outputs.begin(), node.outputs.end());
  }
  used.erase(graph::kNoValue);
  std::map<int, ChannelGroup> groups;
  for (const graph::Value value : used) {
    const Shape& shape = graph.type(value).shape;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      for (Index i = 0; i < shape[axis]; ++i) {
        if (!sets.is_protected({value, axis}, i)) groups[sets.set_of({value, axis}, i)].push_back({value, axis, i});
      }
    }
  }
  std::erase_if(groups, [&](const auto& group) {
    return std::ranges::none_of(group.second, [&](const ChannelUnit& unit) { return graph.is_constant(unit.value); });
  });
  return groups;
}

/// The axes that a group has units in, and how many.
inline std::vector<std::pair<ValueAxis, Index>> structure_of(const ChannelGroup& group) {
  std::vector<std::pair<ValueAxis, Index>> structure;
  for (const ChannelUnit& unit : group) {
    const ValueAxis axis{unit.value, unit.axis};
    if (structure.empty() || structure.back().first != axis) structure.push_back({axis, 0});
    ++structure.back().second;
  }
  return structure;
}

/// Names a set by its layers, and orders its groups by the channels of the first.
inline ChannelSet named_set(const graph::Graph& graph, std::vector<ChannelGroup> groups) {
  ChannelSet set;
  const auto count = [&](graph::Value value, int axis) {
    return std::ranges::count_if(groups[0], [&](const auto& unit) { return unit.value == value && unit.axis == axis; });
  };
  std::optional<ValueAxis> first;
  for (const graph::Node& node : graph.nodes()) {
    for (const WeightInput& weights : weight_inputs(node.op)) {
      const graph::Value value = node.inputs[weights.input];
      if (!graph.is_constant(value) || graph.type(value).shape.rank() < 2) continue;
      const bool is_table = node.op.is<graph::Gather>();
      const int made = is_table ? weights.depth_axis : weights.output_axis;
      if (count(value, made) > 0) {
        if (!first) first = ValueAxis{value, made};
        set.makers.push_back(node.name);
      }
      if (!is_table && count(value, weights.depth_axis) > 0) set.readers.push_back(node.name);
    }
  }
  if (!first) {  // channels of constants that are no weights, such as a table that is added
    for (const graph::Node& node : graph.nodes()) {
      for (const graph::Value value : node.inputs) {
        if (first || !graph.is_constant(value)) continue;
        const auto unit = std::ranges::find(groups[0], value, &ChannelUnit::value);
        if (unit == groups[0].end()) continue;
        first = ValueAxis{value, unit->axis};
        set.makers.push_back(node.name);
      }
    }
  }
  set.layer = set.makers.front();
  set.width = count(first->value, first->axis);
  const auto place = [&](const ChannelGroup& group) {
    return std::ranges::find_if(
               group, [&](const auto& unit) { return unit.value == first->value && unit.axis == first->axis; })
        ->index;
  };
  std::ranges::sort(groups, {}, place);
  set.groups = std::move(groups);
  return set;
}

/// What goes wrong without the first group of each of some sets; empty if nothing does.
inline std::string complaint_without(const graph::Graph& graph, std::span<const ChannelSet> sets) {
  std::vector<ChannelGroup> groups;
  for (const ChannelSet& set : sets) groups.push_back(set.groups.front());
  try {
    without_channels(graph, groups);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace detail

CONDENSE_INLINE graph::Graph without_channels(const graph::Graph& graph, std::span<const ChannelGroup> groups) {
  return detail::ChannelRemoval(graph, groups).run();
}

CONDENSE_INLINE ChannelGroups find_channel_groups(const graph::Graph& graph, const ChannelGroupOptions& options) {
  detail::refuse_quantized(graph);
  detail::UnitSets units(graph);
  detail::protect_layers(graph, options.protected_layers, units);
  ChannelGroups result;
  for (auto& [node, reason] : detail::CouplingRules(graph, options.allow_renormalization, units).apply()) {
    result.unpruned.push_back({std::move(node), std::move(reason)});
  }
  std::map<std::vector<std::pair<detail::ValueAxis, Index>>, std::vector<ChannelGroup>> alike;
  for (auto& [root, group] : detail::removable_groups(graph, units)) {
    auto structure = detail::structure_of(group);
    alike[std::move(structure)].push_back(std::move(group));
  }
  std::map<std::string, std::size_t> order;
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) order[graph.nodes()[n].name] = n;
  for (auto& [structure, groups] : alike) {
    if (groups.size() > 1) result.sets.push_back(detail::named_set(graph, std::move(groups)));
  }
  std::ranges::stable_sort(result.sets, {}, [&](const ChannelSet& set) { return order.at(set.layer); });
  if (!detail::complaint_without(graph, result.sets).empty()) {
    std::erase_if(result.sets, [&](const ChannelSet& set) {
      const std::string complaint = detail::complaint_without(graph, {&set, 1});
      if (!complaint.empty()) result.unpruned.push_back({set.layer, complaint});
      return !complaint.empty();
    });
  }
  return result;
}

}  // namespace condense::compress

#endif
