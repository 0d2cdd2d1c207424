#ifndef CONDENSE_GRAPH_DETAIL_REWRITE_HPP
#define CONDENSE_GRAPH_DETAIL_REWRITE_HPP

#include "condense/graph/graph.hpp"

namespace condense::graph::detail {

inline bool is_input(const Graph& graph, Value value) {
  return std::ranges::find(graph.inputs(), value) != graph.inputs().end();
}

/// Gives `to` the name of `from`, which gets another one.
inline void take_name(Graph& graph, Value from, Value to) {
  const std::string name = graph.name(from);
  graph.rename(from, graph.unused_value_name(name + ".replaced"));
  graph.rename(to, name);
}

/// True if `replace_value(from, to)` keeps the names of the graph's inputs and outputs.
inline bool can_replace(const Graph& graph, Value from, Value to) {
  return !graph.is_output(from) || !(is_input(graph, to) || graph.is_output(to));
}

/// Every node and output that reads `from` reads `to`; a graph output keeps its name.
inline void replace_value(Graph& graph, Value from, Value to) {
  if (graph.is_output(from)) take_name(graph, from, to);
  graph.replace_uses(from, to);
}

/// A constant in the place of `constant` for one of its readers: the same value with another tensor if nothing else
/// reads it, otherwise one of its own.
inline Value replace_constant(Graph& graph, Value constant, Tensor tensor, bool shared) {
  const Tensor& old = graph.constant(constant);
  if (!shared && old.type() == tensor.type() && old.shape() == tensor.shape()) {
    graph.set_constant(constant, std::move(tensor));
    return constant;
  }
  return graph.constant(graph.unused_value_name(graph.name(constant)), std::move(tensor));
}

}  // namespace condense::graph::detail

#endif
