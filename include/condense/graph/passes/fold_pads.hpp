#ifndef CONDENSE_GRAPH_PASSES_FOLD_PADS_HPP
#define CONDENSE_GRAPH_PASSES_FOLD_PADS_HPP

#include "condense/graph/detail/editor.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/slicing.hpp"

namespace condense::graph {

namespace detail {

/// The pads of the spatial axes, begins and then ends, of a Pad that adds zeros to nothing else.
inline std::optional<std::vector<Index>> spatial_zeros(const Graph& graph, const Node& node) {
  if (node.op.get_if<Pad>()->mode != PadMode::constant) return std::nullopt;
  const auto input = [&](std::size_t i) { return i < node.inputs.size() ? node.inputs[i] : kNoValue; };
  const Tensor* pads = graph.constant_if(input(1));
  if (pads == nullptr) return std::nullopt;
  if (input(2).exists()) {
    const Tensor* fill = graph.constant_if(input(2));
    if (fill == nullptr) return std::nullopt;
    const std::span<const std::byte> bytes(fill->raw(), fill->bytes());
    if (std::ranges::any_of(bytes, [](std::byte byte) { return byte != std::byte{0}; })) return std::nullopt;
  }
  const int rank = graph.type(input(0)).shape.rank();
  std::vector<Index> axes = reference::all_axes(rank);
  if (input(3).exists()) {
    const Tensor* given = graph.constant_if(input(3));
    if (given == nullptr) return std::nullopt;
    axes = reference::integers(*given);
  }
  const std::vector<Index> extents = reference::integers(*pads);
  const std::vector<int> where = reference::distinct_axes(axes, rank);
  const auto spatial = static_cast<std::size_t>(std::max(0, rank - 2));
  std::vector<Index> result(2 * spatial, 0);
  for (std::size_t i = 0; i < where.size(); ++i) {
    const Index begin = extents[i];
    const Index end = extents[i + where.size()];
    constexpr Index kMost = Index{1} << 29;
    if (begin < 0 || end < 0 || begin > kMost || end > kMost) return std::nullopt;
    if (where[i] < 2) {
      if (begin != 0 || end != 0) return std::nullopt;
      continue;
    }
    const auto axis = static_cast<std::size_t>(where[i] - 2);
    result[axis] = begin;
    result[axis + spatial] = end;
  }
  return result;
}

}  // namespace detail

/// Adds the zeros of a Pad on spatial axes to the pads of the Conv that reads it. Outputs are the same bytes up to the
/// order in which zeros are added.
///
/// Done where the amounts are constants and the Conv's own pads are explicit or none. Others may read the Pad, too.
inline void fold_pads(Graph& graph) {
  detail::Editor editor(graph);
  for (int index = 0; index < editor.node_count(); ++index) {
    const Node node = editor.node(index);
    const Conv* conv = node.op.get_if<Conv>();
    if (conv == nullptr || (conv->auto_pad != AutoPad::not_set && conv->auto_pad != AutoPad::valid)) continue;
    const Node* pad = editor.producer_of_type<Pad>(node.inputs[0]);
    if (pad == nullptr) continue;
    std::optional<std::vector<Index>> pads = detail::spatial_zeros(graph, *pad);
    if (!pads) continue;
    Conv folded = *conv;
    folded.auto_pad = AutoPad::not_set;
    if (conv->auto_pad == AutoPad::not_set) {
      for (std::size_t i = 0; i < conv->pads.size(); ++i) (*pads)[i] += conv->pads[i];
    }
    folded.pads = std::move(*pads);
    std::vector<Value> inputs = node.inputs;
    inputs[0] = pad->inputs[0];
    if (editor.read_once(node.inputs[0])) editor.remove(editor.producer_index(node.inputs[0]));
    graph.set_operator(index, folded, std::move(inputs));
  }
  editor.finish();
}

}  // namespace condense::graph

#endif
