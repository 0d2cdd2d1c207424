#ifndef CONDENSE_GRAPH_PASSES_FUSE_CLIP_HPP
#define CONDENSE_GRAPH_PASSES_FUSE_CLIP_HPP

#include "condense/graph/detail/match.hpp"
#include "condense/graph/operators/clip.hpp"

namespace condense::graph {

/// Makes Clip out of Max and Min with a number, and one Clip out of Min(Max(x, low), high) with low <= high where
/// nothing else reads the Max. Float32 and float64. Outputs are the same bytes but for the sign of a zero.
inline void fuse_clip(Graph& graph) {
  detail::Editor editor(graph);
  for (int index = 0; index < editor.node_count(); ++index) {
    const Node node = editor.node(index);
    if ((!node.op.is<Max>() && !node.op.is<Min>()) || !detail::is_float32_or_64(graph, node.outputs[0])) continue;
    const std::optional<detail::WithScalar> bounded = detail::with_scalar(graph, node);
    if (!bounded || std::isnan(bounded->scalar)) continue;
    const DataType type = graph.type(bounded->value).type;
    const std::string name = graph.name(node.outputs[0]);
    const auto bound = [&](const char* what) {
      const Value old = node.inputs[bounded->is_second ? 1 : 0];
      if (graph.type(old).shape.rank() == 0) return old;
      return graph.constant(graph.unused_value_name(fmt::format("{}.{}", name, what)),
                            graph.constant(old).reshaped({}));
    };
    if (node.op.is<Max>()) {
      graph.set_operator(index, Clip{}, {bounded->value, bound("low")});
      continue;
    }
    const int before = editor.producer_index(bounded->value);
    const Node* clip = before < 0 ? nullptr : &editor.node(before);
    const bool joins = clip != nullptr && clip->op.is<Clip>() && clip->inputs.size() == 2 &&
                       graph.type(clip->inputs[0]).type == type && editor.read_once(bounded->value) &&
                       detail::scalar(graph, clip->inputs[1]).value_or(INFINITY) <= bounded->scalar;
    if (joins) {
      const std::vector<Value> lower = clip->inputs;
      editor.remove(before);
      graph.set_operator(index, Clip{}, {lower[0], lower[1], bound("high")});
    } else {
      graph.set_operator(index, Clip{}, {bounded->value, kNoValue, bound("high")});
    }
  }
  editor.finish();
}

}  // namespace condense::graph

#endif
