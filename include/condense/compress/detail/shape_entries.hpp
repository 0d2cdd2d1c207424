#ifndef CONDENSE_COMPRESS_DETAIL_SHAPE_ENTRIES_HPP
#define CONDENSE_COMPRESS_DETAIL_SHAPE_ENTRIES_HPP

#include <optional>
#include <vector>

#include "condense/graph/graph.hpp"
#include "condense/graph/operators.hpp"
#include "condense/graph/reference/integers.hpp"

namespace condense::compress::detail {

/// Where the entries of shapes, sizes and positions are written down: in a constant, or in one of the constants that a
/// Concat puts together with what the network computes.
class ShapeEntries {
 public:
  /// An element of a constant, as a node reads it.
  struct Place {
    int node = 0;
    std::size_t input = 0;
    Index element = 0;
  };

  /// Both must outlive it.
  ShapeEntries(const graph::Graph& graph, const std::vector<int>& producers) : graph_(graph), producers_(producers) {}

  /// Where entry `entry` of an input of a node is; nothing if it is computed.
  std::optional<Place> origin(const graph::Node& node, std::size_t input, Index entry) const {
    const auto index = static_cast<int>(&node - graph_.nodes().data());
    return origin(index, input, entry);
  }
  std::optional<Place> origin(int index, std::size_t input, Index entry) const {
    while (true) {
      const graph::Node& node = graph_.nodes()[static_cast<std::size_t>(index)];
      if (input >= node.inputs.size() || !node.inputs[input].exists()) return std::nullopt;
      const graph::Value value = node.inputs[input];
      if (graph_.is_constant(value)) return Place{index, input, entry};
      index = producers_[static_cast<std::size_t>(value.index)];
      if (index < 0) return std::nullopt;
      const graph::Node& made_by = graph_.nodes()[static_cast<std::size_t>(index)];
      input = 0;
      if (made_by.op.is<graph::Concat>()) {
        while (input < made_by.inputs.size() && entry >= graph_.type(made_by.inputs[input]).shape.count()) {
          entry -= graph_.type(made_by.inputs[input++]).shape.count();
        }
      } else if (!keeps_elements(made_by.op)) {
        return std::nullopt;
      }
    }
  }

 private:
  static bool keeps_elements(const graph::Operator& op) {
    return op.is<graph::Cast>() || op.is<graph::Identity>() || op.is<graph::Squeeze>() || op.is<graph::Unsqueeze>();
  }

  const graph::Graph& graph_;
  const std::vector<int>& producers_;
};

/// What a Slice takes of one axis: the indices [begin, end) of it where the step is 1.
struct SliceCut {
  int axis = 0;
  Index entry = 0;  ///< Of starts and ends.
  Index begin = 0;
  Index end = 0;
  Index step = 1;
};

/// The cuts of a Slice whose other inputs are known.
inline std::vector<SliceCut> slice_cuts(const graph::Graph& graph, const graph::Node& node) {
  const auto values = [&](std::size_t i) -> std::optional<std::vector<Index>> {
    if (i >= node.inputs.size() || !node.inputs[i].exists()) return std::nullopt;
    return graph::reference::integers(*graph.known(node.inputs[i]));
  };
  const Shape& shape = graph.type(node.inputs[0]).shape;
  const std::vector<Index> starts = *values(1);
  const std::vector<Index> ends = *values(2);
  const std::vector<Index> axes = values(3).value_or(graph::reference::all_axes(static_cast<int>(starts.size())));
  const std::vector<Index> steps = values(4).value_or(std::vector<Index>(starts.size(), 1));
  std::vector<SliceCut> cuts;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const int axis = shape.axis(axes[i]);
    const Index extent = shape[axis];
    const auto clamped = [extent](Index at) { return std::clamp<Index>(at < 0 ? at + extent : at, 0, extent); };
    const Index begin = clamped(starts[i]);
    cuts.push_back({axis, static_cast<Index>(i), begin, std::max(begin, clamped(ends[i])), steps[i]});
  }
  return cuts;
}

}  // namespace condense::compress::detail

#endif
