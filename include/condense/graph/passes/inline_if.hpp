#ifndef CONDENSE_GRAPH_PASSES_INLINE_IF_HPP
#define CONDENSE_GRAPH_PASSES_INLINE_IF_HPP

#include "condense/graph/detail/bindings.hpp"
#include "condense/graph/detail/editor.hpp"
#include "condense/graph/operators/control_flow.hpp"
#include "condense/graph/operators/shape_queries.hpp"

namespace condense::graph {

namespace detail {

/// Puts the nodes of `inner` into the graph with `arguments` for its inputs; what its outputs are there. Names that are
/// taken get "<prefix>." before them.
inline std::vector<Value> splice(Graph& graph, const Graph& inner, std::span<const Value> arguments,
                                 const std::string& prefix, std::unordered_set<std::string>& node_names) {
  std::vector<Value> values(static_cast<std::size_t>(inner.value_count()), kNoValue);
  const auto at = [&](Value value) -> Value& { return values[static_cast<std::size_t>(value.index)]; };
  const auto value_name = [&](Value value) {
    const std::string& own = inner.name(value);
    return graph.has_value_named(own) ? graph.unused_value_name(prefix + "." + own) : own;
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) at(inner.inputs()[i]) = arguments[i];
  const auto resolve = [&](Value value) {
    if (!value.exists()) return kNoValue;
    if (!at(value).exists()) at(value) = graph.constant(value_name(value), inner.constant(value));
    return at(value);
  };
  for (const Node& node : inner.nodes()) {
    std::vector<Value> inputs;
    for (const Value input : node.inputs) inputs.push_back(resolve(input));
    std::string name = node.name;
    for (int i = 0; !node_names.insert(name).second; ++i) {
      name = i == 0 ? fmt::format("{}.{}", prefix, node.name) : fmt::format("{}.{}_{}", prefix, node.name, i);
    }
    const std::vector<Value> outputs = graph.add_node(node.op, std::move(inputs), name).outputs;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      at(node.outputs[i]) = outputs.at(i);
      if (graph.name(outputs[i]) != inner.name(node.outputs[i])) graph.rename(outputs[i], value_name(node.outputs[i]));
    }
  }
  std::vector<Value> results;
  for (const Value output : inner.outputs()) results.push_back(resolve(output));
  return results;
}

/// Puts the branches that are run in the place of the Ifs whose condition never changes; whether there were any.
inline bool inline_ifs_once(Graph& graph) {
  const auto is_if = [](const Node& node) { return node.op.is<If>(); };
  if (std::ranges::none_of(graph.nodes(), is_if)) return false;
  const Bindings bindings(graph);
  std::unordered_set<std::string> node_names;
  for (const Node& node : graph.nodes()) node_names.insert(node.name);
  Editor editor(graph);
  const int count = editor.node_count();
  for (int index = 0; index < count; ++index) {
    const Node node = editor.node(index);
    const If* op = node.op.get_if<If>();
    if (op == nullptr) continue;
    const Tensor* condition = bindings.fixed_value(node.inputs[0]);
    if (condition == nullptr || condition->type() != DataType::boolean || condition->count() != 1) continue;
    const bool is_true = condition->data<bool>()[0];
    const std::shared_ptr<const Graph> branch = is_true ? op->then_branch : op->else_branch;
    if (branch == nullptr) continue;
    const std::size_t skipped = is_true || op->then_branch == nullptr ? 0 : op->then_branch->inputs().size();
    const auto captures = std::span(node.inputs).subspan(1 + skipped, branch->inputs().size());
    std::vector<Value> arguments;
    for (const Value capture : captures) arguments.push_back(editor.current(capture));
    const std::vector<Value> results = splice(graph, *branch, arguments, node.name, node_names);
    for (std::size_t i = 0; i < results.size() && i < node.outputs.size(); ++i) {
      const Value output = node.outputs[i];
      Value result = editor.current(results[i]);
      if (!editor.can_replace(output, result)) {
        result = graph.add(Identity{}, {result});
        node_names.insert(graph.nodes().back().name);
      }
      editor.replace(output, result);
    }
    editor.remove(index);
  }
  return editor.finish();
}

}  // namespace detail

/// Puts the graph of one branch in the place of an If whose condition is the same for every binding of the open
/// dimensions. Outputs are the same bytes.
///
/// Values and nodes of the branch keep their names where nothing else has them, and otherwise get that of the If before
/// them. Ifs within the branch are seen, too.
inline void inline_if(Graph& graph) {
  while (detail::inline_ifs_once(graph)) {
  }
}

}  // namespace condense::graph

#endif
