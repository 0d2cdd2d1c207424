#ifndef CONDENSE_GRAPH_PASSES_FUSE_LEAKY_RELU_HPP
#define CONDENSE_GRAPH_PASSES_FUSE_LEAKY_RELU_HPP

#include "condense/graph/detail/match.hpp"
#include "condense/graph/operators/leaky_relu.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/graph/operators/unary_math.hpp"

namespace condense::graph {

namespace detail {

inline bool is_leaky_slope(double alpha) { return alpha > 0 && alpha < 1; }

/// Max(x, alpha * x).
inline std::optional<FusedActivation> match_largest_of_two(const Editor& editor, const Node& last) {
  if (last.inputs.size() != 2) return std::nullopt;
  for (const std::size_t i : {0U, 1U}) {
    const Value x = last.inputs[i];
    if (!editor.read_once(last.inputs[1 - i])) continue;
    const ProductOf scaled(editor, last.inputs[1 - i]);
    if (scaled.factors.size() != 1 || scaled.factors[0] != x || !is_leaky_slope(scaled.coefficient)) continue;
    return FusedActivation{LeakyRelu{.alpha = static_cast<float>(scaled.coefficient)}, x, scaled.nodes};
  }
  return std::nullopt;
}

/// alpha * x + (1 - alpha) * Relu(x), and Relu(x) - alpha * Relu(-x).
inline std::optional<FusedActivation> match_sum_of_two(const Editor& editor, const Node& last, bool subtracts) {
  for (const std::size_t i : {0U, 1U}) {
    if (subtracts && i == 1) break;
    if (!editor.read_once(last.inputs[0]) || !editor.read_once(last.inputs[1])) break;
    const ProductOf positive(editor, last.inputs[i]);
    const ProductOf other(editor, last.inputs[1 - i]);
    if (positive.factors.size() != 1 || other.factors.size() != 1) continue;
    const Node* relu = editor.producer_of_type<Relu>(positive.factors[0]);
    if (relu == nullptr || !editor.read_once(positive.factors[0])) continue;
    const Value x = relu->inputs[0];
    FusedActivation result{LeakyRelu{.alpha = static_cast<float>(other.coefficient)}, x, positive.nodes};
    result.nodes.insert(result.nodes.end(), other.nodes.begin(), other.nodes.end());
    result.nodes.push_back(editor.producer_index(positive.factors[0]));
    if (!is_leaky_slope(other.coefficient)) continue;
    if (!subtracts) {
      if (other.factors[0] == x && is_about(positive.coefficient + other.coefficient, 1)) return result;
      continue;
    }
    const Node* negative = editor.producer_of_type<Relu>(other.factors[0]);
    if (negative == nullptr || !editor.read_once(other.factors[0]) || !is_about(positive.coefficient, 1)) continue;
    const Value minus_x = negative->inputs[0];
    const Node* negation = editor.producer_of_type<Neg>(minus_x);
    if (negation == nullptr || !editor.read_once(minus_x) || negation->inputs[0] != x) continue;
    result.nodes.push_back(editor.producer_index(other.factors[0]));
    result.nodes.push_back(editor.producer_index(minus_x));
    return result;
  }
  return std::nullopt;
}

inline std::optional<FusedActivation> match_leaky_relu(const Editor& editor, int root) {
  const Node& last = editor.node(root);
  if (!is_float32_or_64(editor.graph, last.outputs[0])) return std::nullopt;
  if (last.op.is<Max>()) return match_largest_of_two(editor, last);
  if (last.op.is<Add>() || last.op.is<Sub>()) return match_sum_of_two(editor, last, last.op.is<Sub>());
  return std::nullopt;
}

}  // namespace detail

/// Makes LeakyRelu, with 0 < alpha < 1, out of Max(x, alpha * x), alpha * x + (1 - alpha) * Relu(x) and Relu(x) - alpha
/// * Relu(-x).
///
/// Done where nothing else reads what is inside. The coefficients of the sum add up to 1 within a millionth, and
/// outputs agree up to that part of |x|, otherwise to the rounding of alpha to float32.
inline void fuse_leaky_relu(Graph& graph) { detail::fuse_activations(graph, detail::match_leaky_relu); }

}  // namespace condense::graph

#endif
