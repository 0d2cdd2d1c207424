#ifndef CONDENSE_GRAPH_DETAIL_MATCH_HPP
#define CONDENSE_GRAPH_DETAIL_MATCH_HPP

#include <cmath>

#include "condense/graph/detail/editor.hpp"
#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/binary_math.hpp"
#include "condense/graph/operators/mul.hpp"

namespace condense::graph::detail {

inline bool is_float32_or_64(const Graph& graph, Value value) {
  const DataType type = graph.type(value).type;
  return type == DataType::float32 || type == DataType::float64;
}

/// The number that a float constant of one element holds.
inline std::optional<double> scalar(const Graph& graph, Value value) {
  const Tensor* tensor = graph.constant_if(value);
  if (tensor == nullptr || tensor->count() != 1 || !is_float32_or_64(graph, value)) return std::nullopt;
  return with_float_type(tensor->type(), [&]<class T>() { return static_cast<double>(tensor->data<T>()[0]); });
}

/// Equal up to the rounding of a float constant.
inline bool is_about(double value, double wanted) { return std::abs(value - wanted) <= 1e-6 * std::abs(wanted); }
inline bool is_about(const std::optional<double>& value, double wanted) { return value && is_about(*value, wanted); }

/// The operands of a node of two inputs of which one is a number that leaves the other's shape as it is.
struct WithScalar {
  Value value;
  double scalar = 0;
  bool is_second = true;  ///< The number is input 1.
};

inline std::optional<WithScalar> with_scalar(const Graph& graph, const Node& node) {
  if (node.inputs.size() != 2) return std::nullopt;
  for (const std::size_t i : {1U, 0U}) {
    const std::optional<double> number = scalar(graph, node.inputs[i]);
    const Value other = node.inputs[1 - i];
    if (!number || graph.is_constant(other)) continue;
    if (graph.type(node.inputs[i]).shape.rank() > graph.type(other).shape.rank()) continue;
    return WithScalar{other, *number, i == 1};
  }
  return std::nullopt;
}

/// A value as value = sum + offset, with an Add or Sub of a number before it.
inline std::optional<WithScalar> sum_with_scalar(const Editor& editor, Value value) {
  const Node* node = editor.producer(value);
  if (node == nullptr) return std::nullopt;
  if (node->op.is<Add>()) return with_scalar(editor.graph, *node);
  if (!node->op.is<Sub>()) return std::nullopt;
  std::optional<WithScalar> result = with_scalar(editor.graph, *node);
  if (!result || !result->is_second) return std::nullopt;
  result->scalar = -result->scalar;
  return result;
}

/// A value as a product coefficient * factors[0] * factors[1] * ..., as the nodes Mul, Div and Pow before it say that
/// nothing else reads. The order of factors is of no meaning.
class ProductOf {
 public:
  static constexpr std::size_t kMostFactors = 4;

  double coefficient = 1;
  std::vector<Value> factors;
  std::vector<int> nodes;  ///< That make the product out of its factors, the last one first.

  /// The product is `value` itself if nothing is known of it.
  ProductOf(const Editor& editor, Value value) : editor_(editor) { take(value, true); }

  /// The other one of two factors; none unless there are two and `factor` is one of them.
  std::optional<Value> partner_of(Value factor) const {
    if (factors.size() != 2) return std::nullopt;
    if (factors[0] == factor) return factors[1];
    if (factors[1] == factor) return factors[0];
    return std::nullopt;
  }

  /// True for coefficient * factor^power.
  bool is_power(double wanted, Value factor, std::size_t power) const {
    return is_about(coefficient, wanted) && factors.size() == power &&
           std::ranges::all_of(factors, [&](Value other) { return other == factor; });
  }

 private:
  void take(Value value, bool is_root) {
    const int index = is_root || editor_.read_once(value) ? editor_.producer_index(value) : -1;
    if (index < 0 || nodes.size() >= 2 * kMostFactors || !is_float32_or_64(editor_.graph, value)) {
      factors.push_back(value);
      return;
    }
    const Node& node = editor_.node(index);
    const std::optional<WithScalar> scaled = with_scalar(editor_.graph, node);
    if (node.op.is<Mul>()) {
      nodes.push_back(index);
      if (scaled) {
        coefficient *= scaled->scalar;
        take(scaled->value, false);
      } else if (node.inputs[0] == node.inputs[1]) {
        factors.insert(factors.end(), 2, node.inputs[0]);
      } else {
        take(node.inputs[0], false);
        take(node.inputs[1], false);
      }
    } else if (node.op.is<Div>() && scaled && scaled->is_second && scaled->scalar != 0) {
      nodes.push_back(index);
      coefficient /= scaled->scalar;
      take(scaled->value, false);
    } else if (node.op.is<Pow>() && scaled && scaled->is_second && (scaled->scalar == 2 || scaled->scalar == 3)) {
      nodes.push_back(index);
      factors.insert(factors.end(), static_cast<std::size_t>(scaled->scalar), scaled->value);
    } else {
      factors.push_back(value);
    }
  }

  const Editor& editor_;
};

/// Puts `op` of `inputs` in the place of a pattern: nodes()[root] becomes it, the others are removed.
inline void fuse(Editor& editor, int root, Operator op, std::vector<Value> inputs, std::span<const int> others) {
  for (const int other : others) {
    if (other != root) editor.remove(other);
  }
  editor.graph.set_operator(root, std::move(op), std::move(inputs));
}

/// Fuses patterns that end in an activation: `match(editor, root)` gives what stands for the node nodes()[root] and
/// those before it, if anything.
struct FusedActivation {
  Operator op;
  Value input;
  std::vector<int> nodes;  ///< Of the pattern, beside the root.
};

template <class Match>
void fuse_activations(Graph& graph, Match&& match) {
  Editor editor(graph);
  for (int root = 0; root < editor.node_count(); ++root) {
    if (editor.is_removed(root)) continue;
    const std::optional<FusedActivation> fused = match(std::as_const(editor), root);
    // An operand that broadcasts the input would make the result larger.
    if (!fused || editor.graph.type(editor.node(root).outputs[0]) != editor.graph.type(fused->input)) continue;
    fuse(editor, root, fused->op, {fused->input}, fused->nodes);
  }
  editor.finish();
}

}  // namespace condense::graph::detail

#endif
