#ifndef CONDENSE_GRAPH_PASSES_FUSE_ATTENTION_HPP
#define CONDENSE_GRAPH_PASSES_FUSE_ATTENTION_HPP

#include "condense/graph/detail/bindings.hpp"
#include "condense/graph/detail/match.hpp"
#include "condense/graph/operators/attention.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "condense/graph/operators/softmax.hpp"
#include "condense/graph/passes/cancel_transposes.hpp"

namespace condense::graph {

namespace detail {

/// The nodes of an attention with the values it is of.
struct AttentionPattern {
  Value queries;
  Value transposed_keys;  ///< (batch, heads, size, keys); what nodes()[transpose] makes, if that is no scaling.
  int transpose = -1;
  Value values;
  Value mask = kNoValue;
  double scale = 1;
  std::vector<int> nodes;

  static std::optional<AttentionPattern> match(const Editor& editor, int root) {
    const Node& last = editor.node(root);
    const Graph& graph = editor.graph;
    if (!last.op.is<MatMul>() || graph.type(last.outputs[0]).type != DataType::float32) return std::nullopt;
    AttentionPattern pattern;
    pattern.values = last.inputs[1];
    const Node* softmax = editor.producer_of_type<Softmax>(last.inputs[0]);
    if (softmax == nullptr || !editor.read_once(last.inputs[0])) return std::nullopt;
    const Index axis = softmax->op.get_if<Softmax>()->axis;
    if (axis != -1 && axis != 3) return std::nullopt;
    pattern.nodes.push_back(editor.producer_index(last.inputs[0]));
    const Value scores = softmax->inputs[0];
    if (!editor.read_once(scores)) return std::nullopt;
    if (pattern.take_scores(editor, scores)) return pattern;
    const Node* sum = editor.producer_of_type<Add>(scores);
    if (sum == nullptr) return std::nullopt;
    for (const std::size_t i : {0U, 1U}) {
      AttentionPattern masked = pattern;
      masked.nodes.push_back(editor.producer_index(scores));
      masked.mask = sum->inputs[1 - i];
      if (editor.read_once(sum->inputs[i]) && masked.take_scores(editor, sum->inputs[i])) return masked;
    }
    return std::nullopt;
  }

  /// True if the operands always are stacks of as many matrices, and the mask does not make the scores larger.
  bool fits(const Editor& editor, const Bindings& bindings) const {
    const Graph& graph = editor.graph;
    for (const Value value : {queries, transposed_keys, values}) {
      if (graph.type(value).shape.rank() != 4 || graph.type(value).type != DataType::float32) return false;
    }
    if (mask.exists() && (graph.type(mask).shape.rank() > 4 || graph.type(mask).type != DataType::float32))
      return false;
    return bindings.always([&](auto&& type_of) {
      const Shape q = type_of(queries).shape;
      const Shape k = type_of(transposed_keys).shape;
      const Shape v = type_of(values).shape;
      if (q[0] != k[0] || q[1] != k[1] || q[0] != v[0] || q[1] != v[1]) return false;
      if (!mask.exists()) return true;
      const Shape m = type_of(mask).shape;
      const Shape whole{q[0], q[1], q[2], k[3]};
      for (int axis = 1; axis <= m.rank(); ++axis) {
        if (m[m.rank() - axis] != 1 && m[m.rank() - axis] != whole[4 - axis]) return false;
      }
      return true;
    });
  }

 private:
  /// scores = coefficient * MatMul(queries, transposed keys), each of which may be scaled.
  bool take_scores(const Editor& editor, Value scores) {
    const ProductOf scaled(editor, scores);
    if (scaled.factors.size() != 1) return false;
    const Value product = scaled.factors[0];
    const Node* multiplied = editor.producer_of_type<MatMul>(product);
    if (multiplied == nullptr || !editor.read_once(product)) return false;
    add(scaled);
    nodes.push_back(editor.producer_index(product));
    scale *= scaled.coefficient;
    queries = unscaled(editor, multiplied->inputs[0]);
    transposed_keys = unscaled(editor, multiplied->inputs[1]);
    transpose = editor.producer_index(transposed_keys);
    return transpose >= 0 && editor.node(transpose).op.is<Transpose>();
  }

  void add(const ProductOf& product) { nodes.insert(nodes.end(), product.nodes.begin(), product.nodes.end()); }

  /// A factor without a number that it is multiplied with.
  Value unscaled(const Editor& editor, Value value) {
    if (!editor.read_once(value)) return value;
    const ProductOf product(editor, value);
    if (product.factors.size() != 1) return value;
    add(product);
    scale *= product.coefficient;
    return product.factors[0];
  }
};

}  // namespace detail

/// Makes Attention out of MatMul(Softmax(scale * MatMul(q, Transpose(k)) + mask), v) of stacks (batch, heads, ...) in
/// float32, where the scale may be that of the product, of q or of k, and the scale or the mask may be missing.
///
/// Done where nothing else reads what is inside and the stacks always agree, so that nothing is broadcast. The
/// Transpose may order the other axes, too; then one that only does so stays. Outputs agree up to the rounding of the
/// products with a scale applied later, a few units in the last place of the largest score, relative to the values.
inline void fuse_attention(Graph& graph) {
  const detail::Bindings bindings(graph);
  detail::Editor editor(graph);
  const int count = editor.node_count();
  for (int root = 0; root < count; ++root) {
    const auto pattern = detail::AttentionPattern::match(editor, root);
    if (!pattern || !pattern->fits(editor, bindings)) continue;
    const Node transpose = editor.node(pattern->transpose);
    const std::vector<Index> order = detail::composed(detail::order_of(graph, transpose), {0, 1, 3, 2});
    Value keys = transpose.inputs[0];
    if (!detail::keeps_order(order)) {
      const std::string name = graph.name(pattern->transposed_keys) + ".keys";
      keys = graph.add(Transpose{.perm = order}, {keys});
      graph.rename(keys, graph.unused_value_name(name));
    }
    std::vector<Value> inputs{pattern->queries, keys, pattern->values};
    if (pattern->mask.exists()) inputs.push_back(pattern->mask);
    if (editor.read_once(pattern->transposed_keys)) editor.remove(pattern->transpose);
    detail::fuse(editor, root, Attention{.scale = static_cast<float>(pattern->scale)}, std::move(inputs),
                 pattern->nodes);
  }
  editor.finish();
}

}  // namespace condense::graph

#endif
