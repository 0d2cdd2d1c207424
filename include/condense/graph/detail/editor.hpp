#ifndef CONDENSE_GRAPH_DETAIL_EDITOR_HPP
#define CONDENSE_GRAPH_DETAIL_EDITOR_HPP

#include "condense/graph/detail/rewrite.hpp"

namespace condense::graph::detail {

/// One sweep of a pass over a graph: who makes and who reads each value as the sweep began, and what it has decided.
///
/// Replacements of values and removals of nodes take effect all at once in `finish`, so that a sweep costs time
/// proportional to the graph. Nodes may be added and changed through the graph meanwhile; `nodes()` of the graph keep
/// their indices.
class Editor {
 public:
  explicit Editor(Graph& edited)
      : graph(edited),
        producers_(edited.producers()),
        consumers_(edited.consumers()),
        is_input_(producers_.size(), false),
        is_output_(producers_.size(), false),
        replacements_(producers_.size(), kNoValue) {
    for (const Value value : edited.inputs()) is_input_[at(value)] = true;
    for (const Value value : edited.outputs()) is_output_[at(value)] = true;
  }

  Graph& graph;

  int node_count() const noexcept { return static_cast<int>(graph.nodes().size()); }
  const Node& node(int index) const { return graph.nodes()[static_cast<std::size_t>(index)]; }

  /// What stands for a value after the replacements so far.
  Value current(Value value) const {
    while (value.exists() && at(value) < replacements_.size() && replacements_[at(value)].exists()) {
      value = replacements_[at(value)];
    }
    return value;
  }

  /// The index of the node that makes a value, -1 for inputs, constants and values that are new.
  int producer_index(Value value) const {
    return value.exists() && at(value) < producers_.size() ? producers_[at(value)] : -1;
  }
  const Node* producer(Value value) const {
    const int index = producer_index(value);
    return index < 0 ? nullptr : &node(index);
  }

  /// The node that makes a value if it is a `T`, otherwise null.
  template <OperatorType T>
  const Node* producer_of_type(Value value) const {
    const Node* made_by = producer(value);
    return made_by != nullptr && made_by->op.is<T>() ? made_by : nullptr;
  }

  bool is_input(Value value) const { return at(value) < is_input_.size() && is_input_[at(value)]; }
  bool is_output(Value value) const { return at(value) < is_output_.size() && is_output_[at(value)]; }

  /// The nodes that read a value, once for each input that is it.
  std::span<const int> readers(Value value) const {
    if (at(value) >= consumers_.size()) return {};
    return consumers_[at(value)];
  }

  /// True if `count` inputs of nodes read the value, and it is no output.
  bool read_times(Value value, std::size_t count) const { return readers(value).size() == count && !is_output(value); }
  bool read_once(Value value) const { return read_times(value, 1); }

  /// The node that alone reads a value, through one input; -1 if there is none.
  int only_reader(Value value) const { return read_once(value) ? readers(value)[0] : -1; }

  /// True if a constant is read by others beside one input of a node.
  bool is_shared(Value constant) const { return readers(constant).size() > 1 || is_output(constant); }

  /// True if `replace(from, to)` keeps the names of the graph's inputs and outputs.
  bool can_replace(Value from, Value to) const {
    return !is_output(from) || !(is_input(current(to)) || is_output(current(to)));
  }

  /// Every node and output that reads `from` is going to read `to`, which gets the name if `from` is an output.
  void replace(Value from, Value to) {
    to = current(to);
    if (is_output(from)) {
      take_name(graph, from, to);
      if (is_output_.size() <= at(to)) is_output_.resize(at(to) + 1, false);
      is_output_[at(to)] = true;
    }
    replacements_[at(from)] = to;
  }

  /// The same, and `to` gets the name in any case.
  void replace_and_rename(Value from, Value to) {
    if (!is_output(from)) take_name(graph, from, current(to));
    replace(from, to);
  }

  void remove(int index) { removed_.insert(node(index).name); }
  bool is_removed(int index) const { return removed_.contains(node(index).name); }

  /// Carries out what was decided; whether that is anything.
  bool finish() {
    for (std::size_t i = 0; i < replacements_.size(); ++i) {
      if (replacements_[i].exists()) replacements_[i] = current(replacements_[i]);
    }
    graph.replace_uses(replacements_);
    graph.remove_nodes([this](const Node& candidate) { return removed_.contains(candidate.name); });
    graph.sort();
    return !removed_.empty();
  }

 private:
  static std::size_t at(Value value) { return static_cast<std::size_t>(value.index); }

  std::vector<int> producers_;
  std::vector<std::vector<int>> consumers_;
  std::vector<bool> is_input_;
  std::vector<bool> is_output_;
  std::vector<Value> replacements_;
  std::unordered_set<std::string> removed_;
};

}  // namespace condense::graph::detail

#endif
