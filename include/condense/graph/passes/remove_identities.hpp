#ifndef CONDENSE_GRAPH_PASSES_REMOVE_IDENTITIES_HPP
#define CONDENSE_GRAPH_PASSES_REMOVE_IDENTITIES_HPP

#include "condense/graph/detail/rewrite.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators/average_pool.hpp"
#include "condense/graph/operators/clip.hpp"
#include "condense/graph/operators/concat.hpp"
#include "condense/graph/operators/flatten.hpp"
#include "condense/graph/operators/max_pool.hpp"
#include "condense/graph/operators/reshape.hpp"

namespace condense::graph {

namespace detail {

/// The types of all values with every dynamic dimension bound to `extent`; none if the graph refuses that extent.
inline std::optional<std::vector<TensorType>> types_with_dynamic_extent(const Graph& graph, Index extent) {
  std::vector<Shape> shapes;
  for (const Value input : graph.inputs()) {
    Shape shape = graph.declared_shape(input);
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] == kDynamic) shape = shape.with(axis, extent);
    }
    shapes.push_back(shape);
  }
  try {
    return infer_types(graph, shapes);
  } catch (const InvalidArgument&) {
    return std::nullopt;
  } catch (const Unsupported&) {
    return std::nullopt;
  }
}

/// True for a window that sees one element and moves by one.
template <class Pool>
bool is_unit_window(const Pool& pool) {
  const auto all = [](const std::vector<Index>& list, Index value) {
    return std::ranges::all_of(list, [&](Index entry) { return entry == value; });
  };
  return all(pool.kernel_shape, 1) && all(pool.strides, 1) && all(pool.pads, 0);
}

/// True if the node's output is its first input, whatever that holds. `types` are those of another binding of the
/// dynamic dimensions than the graph's own: a reshape must keep the shape in both.
inline bool is_identity(const Graph& graph, const Node& node, const std::optional<std::vector<TensorType>>& types) {
  if (node.op.is<Reshape>()) {
    const auto index = [](Value value) { return static_cast<std::size_t>(value.index); };
    return types && graph.type(node.inputs[0]) == graph.type(node.outputs[0]) &&
           (*types)[index(node.inputs[0])] == (*types)[index(node.outputs[0])];
  }
  if (const auto* flatten = node.op.get_if<Flatten>()) {
    return graph.type(node.inputs[0]).shape.rank() == 2 && (flatten->axis == 1 || flatten->axis == -1);
  }
  if (node.op.is<Clip>()) {
    return std::none_of(node.inputs.begin() + 1, node.inputs.end(), [](Value value) { return value.exists(); });
  }
  if (node.op.is<Concat>()) return node.inputs.size() == 1;
  if (const auto* pool = node.op.get_if<AveragePool>()) return is_unit_window(*pool);
  if (const auto* pool = node.op.get_if<MaxPool>()) return is_unit_window(*pool);
  return false;
}

}  // namespace detail

/// Removes nodes that return their input: Reshape to the same shape (for every binding of the dynamic dimensions),
/// Flatten of a matrix, Clip without bounds, Concat of one tensor, pools of one element. Outputs are the same bytes.
///
/// One between an input of the graph and an output, or between two outputs, stays: both names are the user's.
inline void remove_identities(Graph& graph) {
  constexpr Index kOtherExtent = 97;  // a prime, so that no usual stride or size agrees with it by chance
  const auto types = detail::types_with_dynamic_extent(graph, kOtherExtent);
  std::unordered_set<std::string> removed;
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const Node node = graph.nodes()[n];
    if (!detail::is_identity(graph, node, types)) continue;
    if (!detail::can_replace(graph, node.outputs[0], node.inputs[0])) continue;
    detail::replace_value(graph, node.outputs[0], node.inputs[0]);
    removed.insert(node.name);
  }
  graph.remove_nodes([&](const Node& node) { return removed.contains(node.name); });
  graph.sort();
}

}  // namespace condense::graph

#endif
