#ifndef CONDENSE_COMPRESS_CHANNEL_PRUNING_IPP
#define CONDENSE_COMPRESS_CHANNEL_PRUNING_IPP

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>

#include "condense/compress/channel_pruning.hpp"
#include "condense/compress/detail/channel_ranking.hpp"
#include "condense/compress/detail/channel_reconstruction.hpp"
#include "condense/core/inline.hpp"
#include "condense/core/timing.hpp"
#include "condense/graph/statistics.hpp"
#include "condense/prune/keep.hpp"
#include "condense/runtime/compile.hpp"
#include "condense/runtime/profile.hpp"

namespace condense::compress {

CONDENSE_INLINE NetworkSize network_size(const graph::Graph& graph) {
  NetworkSize size{0, graph::stored_bytes(graph), graph::parameter_count(graph)};
  for (const graph::Node& node : graph.nodes()) size.multiply_accumulates += graph::multiply_accumulates(graph, node);
  return size;
}

namespace detail {

inline void check_ratio(double ratio, const std::string& subject) {
  require(ratio >= 0 && ratio < 1, "{} is {}; a share of channels to remove is in [0, 1)", subject, ratio);
}

/// Decides which groups of each set stay.
class ChannelSelection {
 public:
  ChannelSelection(const graph::Graph& graph, const std::vector<ChannelSet>& sets, const ChannelPruningConfig& config)
      : sets_(sets), config_(config), rankings_(ChannelRanker(graph, sets, config).rank()) {
    for (const auto& [name, ratio] : config.layer_ratios) {
      const std::string& layer = name;
      check_ratio(ratio, fmt::format("the ratio of '{}'", layer));
      const auto found = std::ranges::find_if(sets, [&](const ChannelSet& set) { return makes(set, layer); });
      require(found != sets.end(),
              "a ratio names the layer '{}', which has no channels to prune; those that have are {}", layer, makers());
    }
  }

  /// Sets that the criterion says nothing of.
  std::vector<UnprunedPart> unranked() const {
    std::vector<UnprunedPart> result;
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      if (rankings_[s].scores.empty()) result.push_back({sets_[s].layer, "the criterion says nothing of its channels"});
    }
    return result;
  }

  /// The groups to remove at a ratio in [0, 1]; at 1 all but the least that stays.
  std::vector<ChannelGroup> removed(double ratio) const {
    std::vector<Index> kept = config_.global ? kept_of_all(ratio) : std::vector<Index>(sets_.size());
    std::vector<ChannelGroup> result;
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      const auto count = static_cast<Index>(sets_[s].groups.size());
      const std::optional<double> own = own_ratio(sets_[s]);
      if (own || !config_.global) kept[s] = count - std::llround(own.value_or(ratio) * static_cast<double>(count));
      const Index left = rankings_[s].scores.empty() ? count : allowed(sets_[s], kept[s]);
      if (left == count) continue;
      const std::vector<Index> stay = config_.criterion == ChannelCriterion::thinet
                                          ? prune::select_channels_greedily(rankings_[s].gram, left)
                                          : prune::highest(rankings_[s].scores, left);
      for (Index i = 0; i < count; ++i) {
        if (!std::ranges::binary_search(stay, i)) result.push_back(sets_[s].groups[static_cast<std::size_t>(i)]);
      }
    }
    return result;
  }

 private:
  static bool makes(const ChannelSet& set, const std::string& layer) {
    return std::ranges::find(set.makers, layer) != set.makers.end();
  }

  std::string makers() const {
    std::string names;
    for (const ChannelSet& set : sets_) {
      for (const std::string& maker : set.makers) names += (names.empty() ? "" : ", ") + maker;
    }
    return names.empty() ? "none" : names;
  }

  /// The ratio that the configuration gives a set of its own; of several the smallest.
  std::optional<double> own_ratio(const ChannelSet& set) const {
    std::optional<double> result;
    for (const auto& [layer, ratio] : config_.layer_ratios) {
      if (makes(set, layer)) result = std::min(result.value_or(1), ratio);
    }
    return result;
  }

  /// The number of groups that stay where `kept` are wanted: the least and the multiple kept in mind.
  Index allowed(const ChannelSet& set, Index kept) const {
    const auto count = static_cast<Index>(set.groups.size());
    const Index least = (config_.minimum_channels + set.width - 1) / set.width;
    const Index step = config_.round_to / std::gcd(config_.round_to, set.width);
    kept = std::max({kept, least, Index{1}});
    return std::min(count, (kept + step - 1) / step * step);
  }

  /// How many groups stay in each set if the share of all with the lowest scores goes.
  std::vector<Index> kept_of_all(double ratio) const {
    std::vector<float> all;
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      if (own_ratio(sets_[s])) continue;
      all.insert(all.end(), rankings_[s].scores.begin(), rankings_[s].scores.end());
    }
    const auto count = static_cast<Index>(all.size());
    const std::vector<Index> stay = prune::highest(all, count - std::llround(ratio * static_cast<double>(count)));
    std::vector<Index> kept(sets_.size(), 0);
    Index first = 0;
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      if (own_ratio(sets_[s])) continue;
      const auto end = first + static_cast<Index>(rankings_[s].scores.size());
      kept[s] = std::ranges::count_if(stay, [&](Index i) { return i >= first && i < end; });
      first = end;
    }
    return kept;
  }

  const std::vector<ChannelSet>& sets_;
  const ChannelPruningConfig& config_;
  std::vector<ChannelRanking> rankings_;
};

/// What a network costs. Seconds are those of a run on zeros.
inline double cost_of(const graph::Graph& graph, ChannelCost cost) {
  const NetworkSize size = network_size(graph);
  if (cost == ChannelCost::multiply_accumulates) return static_cast<double>(size.multiply_accumulates);
  if (cost == ChannelCost::stored_bytes) return static_cast<double>(size.stored_bytes);
  runtime::CompileOptions options;
  std::vector<Tensor> inputs;
  for (const graph::Value value : graph.inputs()) {
    options.input_shapes.push_back(graph.type(value).shape);
    inputs.emplace_back(graph.type(value).type, graph.type(value).shape);
  }
  runtime::Program program = runtime::compile(graph, options);
  return median(runtime::latencies(program, inputs));
}

constexpr std::string_view name(ChannelCost cost) noexcept {
  constexpr std::string_view kNames[] = {"multiply-accumulates", "bytes", "seconds"};
  return kNames[static_cast<std::size_t>(cost)];
}

/// The smallest ratio with which the target is reached.
inline double ratio_for(const graph::Graph& graph, const ChannelSelection& selection,
                        const ChannelPruningConfig& config) {
  const ChannelCost cost = config.target->cost;
  const double most = config.target->most;
  const auto cost_at = [&](double ratio) { return cost_of(without_channels(graph, selection.removed(ratio)), cost); };
  if (cost_of(graph, cost) <= most) return 0;
  const double least = cost_at(1);
  require(least <= most, "the target of {} {} cannot be reached: with the fewest channels the network costs {}", most,
          name(cost), least);
  const int steps = cost == ChannelCost::seconds ? 7 : 14;
  double low = 0;
  double high = 1;
  for (int i = 0; i < steps; ++i) {
    const double middle = (low + high) / 2;
    (cost_at(middle) <= most ? high : low) = middle;
    notify(config.progress, {.stage = "searching the ratio", .done = i + 1, .total = steps, .detail = {}});
  }
  return high;
}

inline std::size_t constant_bytes(const graph::Graph& graph, const graph::Node& node) {
  std::size_t bytes = 0;
  for (const graph::Value value : node.inputs) {
    if (const Tensor* constant = graph.constant_if(value)) bytes += constant->bytes();
  }
  return bytes;
}

/// The layers with weights, without what is known after pruning only.
inline std::vector<PrunedLayer> layers_of(const graph::Graph& graph) {
  std::vector<PrunedLayer> layers;
  for (const graph::Node& node : graph.nodes()) {
    if (!is_product(node.op) || !graph.is_constant(node.inputs[1])) continue;
    const Shape& shape = graph.type(node.outputs[0]).shape;
    PrunedLayer layer{.layer = node.name};
    layer.channels_before = shape.rank() == 0 ? 1 : shape[is_convolution(node.op) ? 1 : shape.rank() - 1];
    layer.multiply_accumulates_before = graph::multiply_accumulates(graph, node);
    layer.bytes_before = constant_bytes(graph, node);
    layers.push_back(std::move(layer));
  }
  return layers;
}

/// Completes the report of the layers.
inline void finish_layers(const graph::Graph& before, const graph::Graph& after, std::span<const ChannelGroup> groups,
                          std::vector<PrunedLayer>& layers) {
  std::set<ChannelUnit> removed;
  for (const ChannelGroup& group : groups) removed.insert(group.begin(), group.end());
  for (PrunedLayer& layer : layers) {
    const graph::Node& node = *std::ranges::find(after.nodes(), layer.layer, &graph::Node::name);
    const graph::Value y = node.outputs[0];
    const int axis = is_convolution(node.op) ? 1 : before.type(y).shape.rank() - 1;
    for (Index i = 0; i < layer.channels_before; ++i) {
      const bool stays = !removed.contains({y, axis, i});
      layer.new_channels.push_back(stays ? layer.channels_after++ : -1);
    }
    layer.multiply_accumulates_after = graph::multiply_accumulates(after, node);
    layer.bytes_after = constant_bytes(after, node);
  }
}

/// Fits all layers that lost inputs, and whose weights no other node reads, in the order of the nodes.
inline void reconstruct_layers(const graph::Graph& original, const std::vector<PrunedLayer>& layers,
                               const std::set<std::string>& lost_inputs, const ChannelPruningConfig& config,
                               graph::Graph& pruned) {
  require(!config.batches.empty(), "reconstruction compares activations, so it needs batches; 0 are given");
  const std::vector<std::vector<int>> consumers = pruned.consumers();
  Index done = 0;
  for (const PrunedLayer& layer : layers) {
    if (!lost_inputs.contains(layer.layer)) continue;
    const graph::Node& node = *std::ranges::find(pruned.nodes(), layer.layer, &graph::Node::name);
    const bool is_shared = consumers[static_cast<std::size_t>(node.inputs[1].index)].size() > 1;
    std::vector<Index> outputs;
    for (std::size_t i = 0; i < layer.new_channels.size(); ++i) {
      if (layer.new_channels[i] >= 0) outputs.push_back(static_cast<Index>(i));
    }
    if (LayerInputs::supports(pruned, node) && !is_shared) {
      reconstruct_layer(original, layer.layer, outputs, config, pruned);
    }
    notify(config.progress, {.stage = "reconstructing",
                             .done = ++done,
                             .total = static_cast<Index>(lost_inputs.size()),
                             .detail = layer.layer});
  }
}

}  // namespace detail

CONDENSE_INLINE ChannelPruningResult prune_channels(const graph::Graph& graph, const ChannelPruningConfig& config) {
  detail::check_ratio(config.ratio, "the ratio");
  require(config.round_to >= 1, "channels are rounded to a multiple of 1 or more, not {}", config.round_to);
  require(config.minimum_channels >= 1, "a set keeps 1 channel or more, not {}", config.minimum_channels);
  require(
      !config.global || config.criterion != ChannelCriterion::thinet,
      "thinet chooses within a layer, it has no ranking of all channels; use another criterion or ratios of layers");
  require(!config.reconstruct || !config.batches.empty(),
          "reconstruction compares activations, so it needs batches; 0 are given");
  ChannelGroups groups = find_channel_groups(graph, {config.protected_layers, config.allow_renormalization});
  const detail::ChannelSelection selection(graph, groups.sets, config);
  ChannelPruningResult result;
  result.unpruned = std::move(groups.unpruned);
  const std::vector<UnprunedPart> unranked = selection.unranked();
  require(unranked.empty() || unranked.size() < groups.sets.size(),
          "the criterion says nothing of any of the {} sets of channels; take another one", groups.sets.size());
  result.unpruned.insert(result.unpruned.end(), unranked.begin(), unranked.end());
  result.ratio = config.target ? detail::ratio_for(graph, selection, config) : config.ratio;
  const std::vector<ChannelGroup> removed = selection.removed(result.ratio);
  result.layers = detail::layers_of(graph);
  result.before = network_size(graph);
  result.graph = without_channels(graph, removed);
  result.after = network_size(result.graph);
  detail::finish_layers(graph, result.graph, removed, result.layers);
  if (config.reconstruct) {
    std::set<std::string> lost_inputs;
    for (const ChannelSet& set : groups.sets) {
      const bool loses = std::ranges::any_of(
          set.groups, [&](const ChannelGroup& group) { return std::ranges::find(removed, group) != removed.end(); });
      if (loses) lost_inputs.insert(set.readers.begin(), set.readers.end());
    }
    detail::reconstruct_layers(graph, result.layers, lost_inputs, config, result.graph);
  }
  return result;
}

}  // namespace condense::compress

#endif
