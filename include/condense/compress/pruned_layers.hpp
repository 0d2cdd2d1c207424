#ifndef CONDENSE_COMPRESS_PRUNED_LAYERS_HPP
#define CONDENSE_COMPRESS_PRUNED_LAYERS_HPP

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "condense/compress/detail/weight_matrix.hpp"

namespace condense::compress {

/// Which layers lose single weights: of the Conv, Gemm and MatMul nodes whose weights are float32 constants.
struct PrunedLayers {
  std::map<std::string, double> sparsities = {};   ///< Of layers that have one of their own, by node names; in [0, 1).
  std::vector<std::string> protected_layers = {};  ///< Nodes that keep all their weights, by name.
  bool depthwise = false;  ///< Convolutions with one input channel to a group, too: they have few weights, and much
                           ///< hangs on each.
};

/// A layer that was left as it is, and why.
struct SkippedLayer {
  std::string name;
  std::string reason;
};

namespace detail {

/// A constant to prune.
struct PrunableLayer {
  std::string name;  ///< Of the first node that reads it.
  graph::Value value;
  Shape shape;  ///< Of the tensor.
  WeightMatrix matrix;
  int node = 0;                         ///< The first that reads it, an index into the graph's nodes.
  std::optional<double> sparsity = {};  ///< Its own, if it has one.
};

struct PrunableLayers {
  std::vector<PrunableLayer> layers;  ///< In the order of the nodes.
  std::vector<SkippedLayer> skipped;
};

/// Throws unless the sparsities are in [0, 1) and the names those of nodes with weights.
inline void validate(const graph::Graph& graph, const PrunedLayers& config) {
  const auto check = [&](const std::string& name) {
    const auto node = std::ranges::find(graph.nodes(), name, &graph::Node::name);
    if (node != graph.nodes().end() && weight_matrix(graph, *node)) return;
    std::string names;
    for (const graph::Node& other : graph.nodes()) {
      if (weight_matrix(graph, other)) names += (names.empty() ? "" : ", ") + other.name;
    }
    throw InvalidArgument(node == graph.nodes().end()
                              ? fmt::format("there is no layer '{}' to prune; the graph has {}", name, names)
                              : fmt::format("the layer '{}' ({}) has no weights to prune; the graph has {}", name,
                                            node->op.type(), names));
  };
  for (const std::string& name : config.protected_layers) check(name);
  for (const auto& [name, sparsity] : config.sparsities) {
    check(name);
    require(sparsity >= 0 && sparsity < 1, "the sparsity of '{}' is {}, it should be in [0, 1)", name, sparsity);
  }
}

/// Why a layer cannot be pruned; empty if it can. `readers` are all nodes that read its weights.
inline std::string reason_to_skip(const graph::Graph& graph, const WeightMatrix& matrix, graph::Value value,
                                  std::span<const int> readers, const PrunedLayers& config) {
  if (!config.depthwise && matrix.groups > 1 && matrix.columns == matrix.taps) return "it is depthwise";
  if (graph.is_output(value)) return "its weights are an output of the graph";
  for (const int reader : readers) {
    const graph::Node& node = graph.nodes()[static_cast<std::size_t>(reader)];
    if (std::ranges::find(config.protected_layers, node.name) != config.protected_layers.end()) {
      return "it is protected";
    }
    const auto other = weight_matrix(graph, node);
    if (!other || *other != matrix || std::ranges::count(node.inputs, value) != 1 || node.inputs[1] != value) {
      return fmt::format("its weights are something else to '{}', too", node.name);
    }
  }
  return {};
}

/// The layers to prune. Weights that several nodes read are one layer. Throws for bad names, sparsities, weights that
/// are not finite, and if there is no layer to prune.
inline PrunableLayers prunable_layers(const graph::Graph& graph, const PrunedLayers& config) {
  validate(graph, config);
  const std::vector<std::vector<int>> consumers = graph.consumers();
  PrunableLayers result;
  std::vector<graph::Value> seen;
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const graph::Node& node = graph.nodes()[n];
    const auto matrix = weight_matrix(graph, node);
    if (!matrix || std::ranges::find(seen, node.inputs[1]) != seen.end()) continue;
    const graph::Value value = node.inputs[1];
    seen.push_back(value);
    const std::vector<int>& readers = consumers[static_cast<std::size_t>(value.index)];
    const std::string reason = reason_to_skip(graph, *matrix, value, readers, config);
    if (!reason.empty()) {
      result.skipped.push_back({node.name, reason});
      continue;
    }
    const auto weights = graph.constant(value).values<float>();
    const auto found = std::ranges::find_if(weights, [](float w) { return !std::isfinite(w); });
    require(found == weights.end(), "the weights of '{}': element {} is {}; weights to prune are finite", node.name,
            found - weights.begin(), found == weights.end() ? 0.0F : *found);
    PrunableLayer layer{node.name, value, graph.constant(value).shape(), *matrix, static_cast<int>(n), {}};
    for (const int reader : readers) {
      const auto own = config.sparsities.find(graph.nodes()[static_cast<std::size_t>(reader)].name);
      if (own != config.sparsities.end()) layer.sparsity = own->second;
    }
    result.layers.push_back(std::move(layer));
  }
  std::string reasons;
  for (const SkippedLayer& layer : result.skipped) reasons += fmt::format("; '{}': {}", layer.name, layer.reason);
  require(!result.layers.empty(),
          "there is no layer to prune among {} nodes: no Conv, Gemm or MatMul with float32 "
          "weights is left{}",
          graph.nodes().size(), reasons);
  return result;
}

}  // namespace detail

}  // namespace condense::compress

#endif
