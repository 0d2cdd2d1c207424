#ifndef CONDENSE_GRAPH_PASSES_REMOVE_DEAD_NODES_HPP
#define CONDENSE_GRAPH_PASSES_REMOVE_DEAD_NODES_HPP

#include "condense/graph/graph.hpp"

namespace condense::graph {

/// Removes the nodes that no output of the graph depends on. Inputs stay, read or not. Outputs are the same bytes.
inline void remove_dead_nodes(Graph& graph) {
  const std::vector<int> producer = graph.producers();
  std::vector<bool> alive(graph.nodes().size(), false);
  std::vector<Value> pending(graph.outputs().begin(), graph.outputs().end());
  while (!pending.empty()) {
    const Value value = pending.back();
    pending.pop_back();
    const int node = value.exists() ? producer[static_cast<std::size_t>(value.index)] : -1;
    if (node < 0 || alive[static_cast<std::size_t>(node)]) continue;
    alive[static_cast<std::size_t>(node)] = true;
    const std::vector<Value>& inputs = graph.nodes()[static_cast<std::size_t>(node)].inputs;
    pending.insert(pending.end(), inputs.begin(), inputs.end());
  }
  std::unordered_set<std::string> dead;
  for (std::size_t n = 0; n < alive.size(); ++n) {
    if (!alive[n]) dead.insert(graph.nodes()[n].name);
  }
  graph.remove_nodes([&](const Node& node) { return dead.contains(node.name); });
  graph.sort();
}

}  // namespace condense::graph

#endif
