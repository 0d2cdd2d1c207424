#ifndef CONDENSE_GRAPH_PASSES_REMOVE_IDENTITIES_HPP
#define CONDENSE_GRAPH_PASSES_REMOVE_IDENTITIES_HPP

#include "condense/graph/detail/bindings.hpp"
#include "condense/graph/detail/match.hpp"
#include "condense/graph/operators/average_pool.hpp"
#include "condense/graph/operators/cast.hpp"
#include "condense/graph/operators/clip.hpp"
#include "condense/graph/operators/concat.hpp"
#include "condense/graph/operators/dropout.hpp"
#include "condense/graph/operators/flatten.hpp"
#include "condense/graph/operators/layout.hpp"
#include "condense/graph/operators/max_pool.hpp"
#include "condense/graph/operators/reshape.hpp"
#include "condense/graph/operators/shape_queries.hpp"

namespace condense::graph {

namespace detail {

/// True for a window that sees one element and moves by one.
template <class Pool>
bool is_unit_window(const Pool& pool) {
  const auto all = [](const std::vector<Index>& list, Index value) {
    return std::ranges::all_of(list, [&](Index entry) { return entry == value; });
  };
  return all(pool.kernel_shape, 1) && all(pool.strides, 1) && all(pool.pads, 0);
}

/// True for operators that give the elements of input 0 in another shape.
inline bool only_reshapes(const Operator& op) {
  return op.is<Reshape>() || op.is<Flatten>() || op.is<Squeeze>() || op.is<Unsqueeze>() || op.is<Identity>();
}

/// Squeeze and Unsqueeze, in either order, of the same axes of the same tensor, whatever its extents.
inline bool are_inverse(const Graph& graph, const Node& first, const Node& second) {
  const bool adds_first = first.op.is<Unsqueeze>() && second.op.is<Squeeze>();
  const bool removes_first = first.op.is<Squeeze>() && second.op.is<Unsqueeze>();
  if (!adds_first && !removes_first) return false;
  const auto axes = [&](const Node& node, int rank) -> std::optional<std::vector<int>> {
    const Tensor* given = node.inputs.size() > 1 ? graph.constant_if(node.inputs[1]) : nullptr;
    if (given == nullptr) return std::nullopt;
    std::vector<int> result = reference::distinct_axes(reference::integers(*given), rank);
    std::ranges::sort(result);
    return result;
  };
  const Value between = first.outputs[0];
  const int rank = graph.type(adds_first ? between : first.inputs[0]).shape.rank();
  const auto of_first = axes(first, rank);
  return of_first && of_first == axes(second, rank);
}

/// The earliest value before a reshaping node that has the same elements in the same shape, always. None if there is
/// none within a few nodes.
inline Value same_before(const Editor& editor, const Bindings& bindings, const Node& node) {
  constexpr int kMostSteps = 8;
  const Value result = node.outputs[0];
  Value found = kNoValue;
  const Node* at = &node;
  for (int step = 0; step < kMostSteps && at != nullptr && only_reshapes(at->op); ++step) {
    const Value before = at->inputs[0];
    const Node* maker = editor.producer(before);
    if (bindings.have_same_type(before, result)) found = before;
    if (step == 0 && maker != nullptr && are_inverse(editor.graph, *maker, *at)) found = maker->inputs[0];
    at = maker;
  }
  return found;
}

/// True if the node's output is its first input, or the one that is no number, whatever that holds; all but those that
/// only reshape.
inline bool is_identity(const Graph& graph, const Node& node) {
  const auto absent = [](Value value) { return !value.exists(); };
  if (node.op.is<Identity>()) return true;
  if (const auto* dropout = node.op.get_if<Dropout>()) {
    const Value training = node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
    const Tensor* mode = graph.constant_if(training);
    return dropout->outputs.count == 1 && (!training.exists() || (mode != nullptr && !mode->data<bool>()[0]));
  }
  if (const auto* cast = node.op.get_if<Cast>()) return cast->to == graph.type(node.inputs[0]).type;
  if (const auto* transpose = node.op.get_if<Transpose>()) {
    const int rank = graph.type(node.inputs[0]).shape.rank();
    return transpose->perm.empty() ? rank <= 1 : std::ranges::is_sorted(transpose->perm) && transpose->perm[0] >= 0;
  }
  if (const auto* flatten = node.op.get_if<Flatten>()) {
    return graph.type(node.inputs[0]).shape.rank() == 2 && (flatten->axis == 1 || flatten->axis == -1);
  }
  if (node.op.is<Clip>()) return std::all_of(node.inputs.begin() + 1, node.inputs.end(), absent);
  if (node.op.is<Concat>()) return node.inputs.size() == 1;
  if (const auto* pool = node.op.get_if<AveragePool>()) return is_unit_window(*pool);
  if (const auto* pool = node.op.get_if<MaxPool>()) return is_unit_window(*pool) && node.outputs.size() == 1;
  const std::optional<WithScalar> operand = with_scalar(graph, node);
  if (!operand) return false;
  if (node.op.is<Mul>()) return operand->scalar == 1;
  if (node.op.is<Div>() || node.op.is<Pow>()) return operand->scalar == 1 && operand->is_second;
  if (node.op.is<Add>()) return operand->scalar == 0;
  return node.op.is<Sub>() && operand->scalar == 0 && operand->is_second;
}

/// What a node only repeats; none if it does something.
inline Value repeated_value(const Editor& editor, const Bindings& bindings, const Node& node) {
  if (only_reshapes(node.op) && !node.op.is<Identity>()) {
    const Value same = same_before(editor, bindings, node);
    if (same.exists()) return same;
  }
  if (!is_identity(editor.graph, node)) return kNoValue;
  const std::optional<WithScalar> operand =
      node.inputs.size() == 2 && !only_reshapes(node.op) ? with_scalar(editor.graph, node) : std::nullopt;
  const bool is_arithmetic = node.op.is<Mul>() || node.op.is<Add>();
  return is_arithmetic && operand ? operand->value : node.inputs[0];
}

/// The constant new shape of a Reshape, if it takes no extent from its input but by counting.
inline bool ignores_input_shape(const Graph& graph, const Node& node) {
  const Tensor* shape = graph.constant_if(node.inputs[1]);
  if (shape == nullptr) return false;
  const bool allows_zero = node.op.get_if<Reshape>()->allowzero;
  return allows_zero || std::ranges::all_of(shape->values<std::int64_t>(), [](auto extent) { return extent != 0; });
}

}  // namespace detail

/// Removes nodes that return their input: Identity; Dropout without a mask; Cast to the same type; Transpose that keeps
/// the order; Reshape, Flatten, Squeeze and Unsqueeze, and some of them behind each other, that lead back to the same
/// shape for every binding of the open dimensions; Flatten of a matrix; Clip without bounds; Concat of one tensor;
/// pools of one element; * 1, / 1, ^ 1, + 0 and - 0. A Reshape to a constant shape reads what is before others that
/// only reshape. Outputs are the same bytes, but + 0 may change the sign of a zero.
///
/// One between an input of the graph and an output, or between two outputs, stays: both names are the user's. Nodes
/// that nothing reads any more are left to `remove_dead_nodes`.
inline void remove_identities(Graph& graph) {
  const detail::Bindings bindings(graph);
  detail::Editor editor(graph);
  for (int index = 0; index < editor.node_count(); ++index) {
    const Node node = editor.node(index);
    const Value repeated = detail::repeated_value(editor, bindings, node);
    if (repeated.exists() && editor.can_replace(node.outputs[0], repeated)) {
      editor.replace(node.outputs[0], repeated);
      editor.remove(index);
      continue;
    }
    if (!node.op.is<Reshape>() || !detail::ignores_input_shape(graph, node)) continue;
    std::vector<Value> inputs = node.inputs;
    const Node* before = editor.producer(inputs[0]);
    for (int step = 0; before != nullptr && detail::only_reshapes(before->op) && step < 8; ++step) {
      inputs[0] = before->inputs[0];
      before = editor.producer(inputs[0]);
    }
    if (inputs[0] != node.inputs[0]) graph.set_operator(index, node.op, std::move(inputs));
  }
  editor.finish();
}

}  // namespace condense::graph

#endif
