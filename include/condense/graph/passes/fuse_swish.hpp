#ifndef CONDENSE_GRAPH_PASSES_FUSE_SWISH_HPP
#define CONDENSE_GRAPH_PASSES_FUSE_SWISH_HPP

#include "condense/graph/detail/match.hpp"
#include "condense/graph/operators/activations.hpp"
#include "condense/graph/operators/sigmoid.hpp"

namespace condense::graph {

namespace detail {

/// x * Sigmoid(alpha * x) that ends in nodes()[root].
inline std::optional<FusedActivation> match_swish(const Editor& editor, int root) {
  const Node& last = editor.node(root);
  if (!last.op.is<Mul>()) return std::nullopt;
  for (const std::size_t i : {0U, 1U}) {
    const Value x = last.inputs[i];
    const Value gate = last.inputs[1 - i];
    const Node* sigmoid = editor.producer_of_type<Sigmoid>(gate);
    if (sigmoid == nullptr || !editor.read_once(gate)) continue;
    FusedActivation result{Swish{}, x, {editor.producer_index(gate)}};
    if (sigmoid->inputs[0] == x) return result;
    if (!editor.read_once(sigmoid->inputs[0])) continue;
    const ProductOf argument(editor, sigmoid->inputs[0]);
    if (argument.factors.size() != 1 || argument.factors[0] != x) continue;
    result.op = Swish{.alpha = static_cast<float>(argument.coefficient)};
    result.nodes.insert(result.nodes.end(), argument.nodes.begin(), argument.nodes.end());
    return result;
  }
  return std::nullopt;
}

}  // namespace detail

/// Makes Swish out of x * Sigmoid(x) and x * Sigmoid(alpha * x) with a constant alpha, in any order of the factors.
///
/// Done where nothing else reads what is inside. Outputs agree up to the rounding of the few steps, and of alpha to
/// float32.
inline void fuse_swish(Graph& graph) { detail::fuse_activations(graph, detail::match_swish); }

}  // namespace condense::graph

#endif
