#ifndef CONDENSE_GRAPH_PASSES_FUSE_HARD_SWISH_HPP
#define CONDENSE_GRAPH_PASSES_FUSE_HARD_SWISH_HPP

#include "condense/graph/detail/match.hpp"
#include "condense/graph/operators/activations.hpp"
#include "condense/graph/operators/clip.hpp"
#include "condense/graph/operators/hard_swish.hpp"

namespace condense::graph {

namespace detail {

/// True for Clip(x + 3, 0, 6). Adds its nodes.
inline bool is_shifted_clip(const Editor& editor, Value value, Value x, std::vector<int>& nodes) {
  const Node* clip = editor.producer_of_type<Clip>(value);
  if (clip == nullptr || clip->inputs.size() != 3 || scalar(editor.graph, clip->inputs[1]) != 0.0 ||
      scalar(editor.graph, clip->inputs[2]) != 6.0 || !editor.read_once(clip->inputs[0])) {
    return false;
  }
  const std::optional<WithScalar> sum = sum_with_scalar(editor, clip->inputs[0]);
  if (!sum || sum->value != x || sum->scalar != 3) return false;
  nodes.push_back(editor.producer_index(value));
  nodes.push_back(editor.producer_index(clip->inputs[0]));
  return true;
}

/// x * Clip(x + 3, 0, 6) / 6 or x * HardSigmoid(x, 1/6, 1/2) that ends in nodes()[root].
inline std::optional<FusedActivation> match_hard_swish(const Editor& editor, int root) {
  const Node& last = editor.node(root);
  if (!last.op.is<Mul>() && !last.op.is<Div>()) return std::nullopt;
  const ProductOf product(editor, last.outputs[0]);
  if (product.factors.size() != 2) return std::nullopt;
  for (const std::size_t i : {0U, 1U}) {
    const Value x = product.factors[i];
    const Value gate = product.factors[1 - i];
    if (!editor.read_once(gate)) continue;
    FusedActivation result{HardSwish{}, x, product.nodes};
    if (is_about(product.coefficient, 1.0 / 6) && is_shifted_clip(editor, gate, x, result.nodes)) return result;
    const Node* sigmoid = editor.producer_of_type<HardSigmoid>(gate);
    if (sigmoid == nullptr || sigmoid->inputs[0] != x || !is_about(product.coefficient, 1)) continue;
    const auto& op = *sigmoid->op.get_if<HardSigmoid>();
    if (!is_about(static_cast<double>(op.alpha), 1.0 / 6) || op.beta != 0.5F) continue;
    result.nodes.push_back(editor.producer_index(gate));
    return result;
  }
  return std::nullopt;
}

}  // namespace detail

/// Makes HardSwish out of x * Clip(x + 3, 0, 6) / 6, with factors in any order and the division anywhere between them,
/// and of x * HardSigmoid(x) with alpha 1/6 and beta 1/2.
///
/// Done where nothing else reads what is inside. 1/6 is met up to a millionth, and outputs agree up to a millionth of
/// |x| for it, otherwise to the rounding of the few steps.
inline void fuse_hard_swish(Graph& graph) { detail::fuse_activations(graph, detail::match_hard_swish); }

}  // namespace condense::graph

#endif
