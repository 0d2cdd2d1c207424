#ifndef CONDENSE_COMPRESS_DETAIL_NODE_COPIER_HPP
#define CONDENSE_COMPRESS_DETAIL_NODE_COPIER_HPP

#include <string>
#include <vector>

#include "condense/graph/graph.hpp"

namespace condense::compress::detail {

/// Copies parts of a graph to another one, where nodes and values keep their names. Constants follow those that read
/// them; other values are made known by `place` or by copying their nodes.
class NodeCopier {
 public:
  NodeCopier(const graph::Graph& from, graph::Graph& to)
      : from_(from), to_(to), values_(static_cast<std::size_t>(from.value_count()), graph::kNoValue) {}

  void place(graph::Value value, graph::Value copy) { at(value) = copy; }

  /// An input of the copy for a value of the graph.
  void place_input(graph::Value value) {
    place(value, to_.input(from_.name(value), from_.type(value).type, from_.type(value).shape));
  }

  graph::Value copy_of(graph::Value value) {
    if (!value.exists()) return graph::kNoValue;
    if (!at(value).exists()) at(value) = to_.constant(from_.name(value), from_.constant(value));
    return at(value);
  }

  void copy(const graph::Node& node) {
    std::vector<graph::Value> inputs;
    for (const graph::Value input : node.inputs) inputs.push_back(copy_of(input));
    const std::vector<graph::Value> outputs = to_.add_node(node.op, std::move(inputs), node.name).outputs;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      place(node.outputs[i], outputs.at(i));
      const std::string& name = from_.name(node.outputs[i]);
      if (!to_.has_value_named(name)) to_.rename(outputs[i], name);
    }
  }

 private:
  graph::Value& at(graph::Value value) { return values_[static_cast<std::size_t>(value.index)]; }

  const graph::Graph& from_;
  graph::Graph& to_;
  std::vector<graph::Value> values_;
};

}  // namespace condense::compress::detail

#endif
