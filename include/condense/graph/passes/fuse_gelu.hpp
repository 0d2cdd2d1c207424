#ifndef CONDENSE_GRAPH_PASSES_FUSE_GELU_HPP
#define CONDENSE_GRAPH_PASSES_FUSE_GELU_HPP

#include <numbers>

#include "condense/graph/detail/match.hpp"
#include "condense/graph/operators/activations.hpp"
#include "condense/graph/operators/unary_math.hpp"

namespace condense::graph {

namespace detail {

/// True if `value` is sqrt(2 / pi) * (x + 0.044715 * x^3), or the same with x outside the parentheses. Adds its nodes.
inline bool is_tanh_argument(const Editor& editor, Value value, Value x, std::vector<int>& nodes) {
  constexpr double kCubic = 0.044715;
  const double root = std::sqrt(2 / std::numbers::pi);
  const ProductOf outer(editor, value);
  if (!is_about(outer.coefficient, root)) return false;
  const auto inner = [&](Value sum, Value term, std::size_t power) {
    const Node* add = editor.producer_of_type<Add>(sum);
    if (add == nullptr || !editor.read_once(sum)) return false;
    for (const std::size_t i : {0U, 1U}) {
      const bool fits = term.exists() ? add->inputs[i] == term : is_about(scalar(editor.graph, add->inputs[i]), 1);
      if (!fits || !editor.read_once(add->inputs[1 - i])) continue;
      const ProductOf cubic(editor, add->inputs[1 - i]);
      if (!cubic.is_power(kCubic, x, power)) continue;
      nodes.insert(nodes.end(), outer.nodes.begin(), outer.nodes.end());
      nodes.insert(nodes.end(), cubic.nodes.begin(), cubic.nodes.end());
      nodes.push_back(editor.producer_index(sum));
      return true;
    }
    return false;
  };
  if (outer.factors.size() == 1) return inner(outer.factors[0], x, 3);
  const std::optional<Value> partner = outer.partner_of(x);
  return partner && inner(*partner, kNoValue, 2);
}

/// x / 2 * (1 + erf(x / sqrt(2))) or x / 2 * (1 + tanh(...)) that ends in nodes()[root].
inline std::optional<FusedActivation> match_gelu(const Editor& editor, int root) {
  const Node& last = editor.node(root);
  if (!last.op.is<Mul>() && !last.op.is<Div>()) return std::nullopt;
  const ProductOf product(editor, last.outputs[0]);
  if (product.factors.size() != 2 || !is_about(product.coefficient, 0.5)) return std::nullopt;
  for (const std::size_t i : {0U, 1U}) {
    const Value x = product.factors[i];
    const Value gate = product.factors[1 - i];
    const std::optional<WithScalar> sum = sum_with_scalar(editor, gate);
    if (!sum || !editor.read_once(gate) || !editor.read_once(sum->value) || !is_about(sum->scalar, 1)) continue;
    const Node* curve = editor.producer(sum->value);
    if (curve == nullptr || (!curve->op.is<Erf>() && !curve->op.is<Tanh>())) continue;
    const Value argument = curve->inputs[0];
    FusedActivation result{Gelu{}, x, product.nodes};
    result.nodes.push_back(editor.producer_index(gate));
    result.nodes.push_back(editor.producer_index(sum->value));
    if (!editor.read_once(argument)) continue;
    if (curve->op.is<Tanh>()) {
      if (!is_tanh_argument(editor, argument, x, result.nodes)) continue;
      result.op = Gelu{.approximate = GeluApproximation::tanh};
      return result;
    }
    const ProductOf scaled(editor, argument);
    if (!scaled.is_power(1 / std::numbers::sqrt2, x, 1)) continue;
    result.nodes.insert(result.nodes.end(), scaled.nodes.begin(), scaled.nodes.end());
    return result;
  }
  return std::nullopt;
}

}  // namespace detail

/// Makes Gelu out of the products x / 2 * (1 + erf(x / sqrt(2))) and x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 *
/// x^3))), with factors and summands in any order, x * x * x for x^3, and x * (1 + 0.044715 * x^2) in the parentheses.
///
/// Done where nothing else reads what is inside. Constants agree up to a millionth. Outputs agree up to the rounding of
/// the few steps; far below 0, where 1 + erf cancels, those of Gelu are the closer ones.
inline void fuse_gelu(Graph& graph) { detail::fuse_activations(graph, detail::match_gelu); }

}  // namespace condense::graph

#endif
