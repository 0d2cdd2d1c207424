#ifndef CONDENSE_GRAPH_PASSES_FUSE_LAYER_NORMALIZATION_HPP
#define CONDENSE_GRAPH_PASSES_FUSE_LAYER_NORMALIZATION_HPP

#include "condense/graph/detail/bindings.hpp"
#include "condense/graph/detail/match.hpp"
#include "condense/graph/operators/normalizations.hpp"
#include "condense/graph/operators/reductions.hpp"
#include "condense/graph/operators/unary_math.hpp"

namespace condense::graph {

namespace detail {

/// The nodes of a layer normalisation, and what they normalise.
class LayerNormalizationPattern {
 public:
  Value x;
  int axis = 0;  ///< Not negative.
  double epsilon = 0;
  Value scale;  ///< kNoValue for none.
  Value bias;   ///< kNoValue for none.
  int root = -1;
  std::vector<int> nodes;

  /// The pattern whose division or product with the inverse root is nodes()[center].
  static std::optional<LayerNormalizationPattern> match(const Editor& editor, int center) {
    const Node& node = editor.node(center);
    const bool divides = node.op.is<Div>();
    if (node.inputs.size() != 2 || (!divides && !node.op.is<Mul>())) return std::nullopt;
    for (const std::size_t i : {0U, 1U}) {
      if (divides && i == 1) break;
      LayerNormalizationPattern pattern;
      pattern.root = center;
      if (!pattern.take_deviation(editor, node.inputs[1 - i], divides, node.inputs[i])) continue;
      pattern.nodes.push_back(center);
      pattern.take_scale_and_bias(editor);
      return pattern;
    }
    return std::nullopt;
  }

 private:
  /// The axis from which on ReduceMean reduces, if these are the last ones and it keeps them.
  static std::optional<int> first_axis(const Editor& editor, const Node& node) {
    const auto& op = *node.op.get_if<ReduceMean>();
    const Tensor* axes = node.inputs.size() > 1 ? editor.graph.constant_if(node.inputs[1]) : nullptr;
    if (!op.keepdims || axes == nullptr || axes->count() == 0) return std::nullopt;
    const int rank = editor.graph.type(node.inputs[0]).shape.rank();
    std::vector<int> sorted = reference::distinct_axes(reference::integers(*axes), rank);
    std::ranges::sort(sorted);
    const auto count = static_cast<int>(sorted.size());
    return sorted.front() == rank - count ? std::optional(sorted.front()) : std::nullopt;
  }

  /// centered = x - mean(x). Further nodes that compute the same are taken, too.
  bool take_centered(const Editor& editor, Value centered) {
    const Node* sub = editor.producer_of_type<Sub>(centered);
    const Node* mean = sub == nullptr ? nullptr : editor.producer_of_type<ReduceMean>(sub->inputs[1]);
    if (mean == nullptr || mean->inputs[0] != sub->inputs[0]) return false;
    const std::optional<int> first = first_axis(editor, *mean);
    if (!first || (x.exists() && (x != sub->inputs[0] || axis != *first))) return false;
    x = sub->inputs[0];
    axis = *first;
    add(editor, centered);
    add(editor, sub->inputs[1]);
    return true;
  }

  void add(const Editor& editor, Value value) {
    const int index = editor.producer_index(value);
    if (std::ranges::find(nodes, index) == nodes.end()) nodes.push_back(index);
  }

  /// deviation = sqrt(mean((x - mean(x))^2) + epsilon), or its inverse; `centered` = x - mean(x).
  bool take_deviation(const Editor& editor, Value deviation, bool divides, Value centered) {
    if (!take_centered(editor, centered) || editor.graph.type(x).type != DataType::float32) return false;
    Value root_value = deviation;
    const Node* last = editor.producer(deviation);
    if (last == nullptr) return false;
    if (!divides && last->op.is<Reciprocal>()) {
      add(editor, deviation);
      root_value = last->inputs[0];
      last = editor.producer(root_value);
    } else if (!divides && last->op.is<Div>()) {
      if (!is_about(scalar(editor.graph, last->inputs[0]), 1)) return false;
      add(editor, deviation);
      root_value = last->inputs[1];
      last = editor.producer(root_value);
    } else if (!divides) {
      if (!last->op.is<Pow>() || scalar(editor.graph, last->inputs[1]) != -0.5) return false;
    }
    if (last == nullptr || (!last->op.is<Sqrt>() && !last->op.is<Pow>())) return false;
    if (last->op.is<Pow>()) {
      const bool is_direct = !divides && root_value == deviation;
      if (scalar(editor.graph, last->inputs[1]) != (is_direct ? -0.5 : 0.5)) return false;
    }
    add(editor, root_value);
    const Value sum = last->inputs[0];
    const std::optional<WithScalar> parts = sum_with_scalar(editor, sum);
    if (!parts || parts->scalar < 0) return false;
    epsilon = parts->scalar;
    add(editor, sum);
    const Node* mean = editor.producer_of_type<ReduceMean>(parts->value);
    if (mean == nullptr || first_axis(editor, *mean) != axis) return false;
    add(editor, parts->value);
    const Node* square = editor.producer(mean->inputs[0]);
    const bool is_square = square != nullptr && ((square->op.is<Mul>() && square->inputs[0] == square->inputs[1]) ||
                                                 (square->op.is<Pow>() && is_two(editor.graph, square->inputs[1])));
    if (!is_square) return false;
    add(editor, mean->inputs[0]);
    return take_centered(editor, square->inputs[0]) && is_closed(editor);
  }

  static bool is_two(const Graph& graph, Value value) {
    const Tensor* exponent = graph.constant_if(value);
    if (exponent == nullptr || exponent->count() != 1) return false;
    if (exponent->type() == DataType::int32 || exponent->type() == DataType::int64) {
      return reference::integers(*exponent)[0] == 2;
    }
    return scalar(graph, value) == 2.0;
  }

  /// True if nothing else reads what the nodes so far make.
  bool is_closed(const Editor& editor) const {
    return std::ranges::all_of(nodes, [&](int index) {
      const Value value = editor.node(index).outputs[0];
      return !editor.is_output(value) && std::ranges::all_of(editor.readers(value), [&](int reader) {
        return reader == root || std::ranges::find(nodes, reader) != nodes.end();
      });
    });
  }

  /// The other operand of a node after the last one, if it is one constant for each normalised element.
  Value constant_operand(const Editor& editor, const Node& node, Value value) const {
    const Value other = node.inputs[node.inputs[0] == value ? 1 : 0];
    const Tensor* tensor = editor.graph.constant_if(other);
    if (tensor == nullptr || tensor->type() != DataType::float32) return kNoValue;
    const Shape& shape = tensor->shape();
    const Shape& whole = editor.graph.type(x).shape;
    const int inner = whole.rank() - axis;
    const auto all_ones = [](std::span<const Index> extents) {
      return std::ranges::all_of(extents, [](Index extent) { return extent == 1; });
    };
    if (shape.rank() < inner || shape.rank() > whole.rank()) return kNoValue;
    const auto outer = static_cast<std::size_t>(shape.rank() - inner);
    const bool fits =
        all_ones(shape.extents().first(outer)) &&
        std::ranges::equal(shape.extents().subspan(outer), whole.extents().subspan(static_cast<std::size_t>(axis)));
    return fits ? other : kNoValue;
  }

  void take_scale_and_bias(const Editor& editor) {
    const auto take = [&]<class Op>(Value& constant) {
      const Value value = editor.node(root).outputs[0];
      const int next = editor.only_reader(value);
      if (next < 0 || !editor.node(next).op.is<Op>()) return;
      constant = constant_operand(editor, editor.node(next), value);
      if (!constant.exists()) return;
      root = next;
      nodes.push_back(next);
    };
    take.template operator()<Mul>(scale);
    take.template operator()<Add>(bias);
  }
};

/// The constant in the shape of the normalised axes, `inner` of them.
inline Value without_outer_axes(Graph& graph, Value constant, int inner) {
  const Shape& shape = graph.type(constant).shape;
  if (shape.rank() == inner) return constant;
  const Shape wanted(shape.extents().last(static_cast<std::size_t>(inner)));
  return graph.constant(graph.unused_value_name(graph.name(constant) + ".normalized"),
                        graph.constant(constant).reshaped(wanted));
}

}  // namespace detail

/// Makes LayerNormalization out of (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) over the last axes, then *
/// scale and + bias where these are constants with one number for each normalised element.
///
/// The square is a Pow or a Mul, the division one by Sqrt or a product with the inverse (Reciprocal, Div or Pow), the
/// differences one node or two alike. Done in float32 where nothing else reads what is inside. Without a scale it gets
/// one of ones, if the normalised extents are never open. Outputs agree up to the rounding of the sums, a few units in
/// the last place of the largest |x - mean(x)| / deviation * scale.
inline void fuse_layer_normalization(Graph& graph) {
  const detail::Bindings bindings(graph);
  detail::Editor editor(graph);
  for (int center = 0; center < editor.node_count(); ++center) {
    if (editor.is_removed(center)) continue;
    const auto pattern = detail::LayerNormalizationPattern::match(editor, center);
    if (!pattern) continue;
    const Shape shape = graph.type(pattern->x).shape;
    const int inner = shape.rank() - pattern->axis;
    Value scale = pattern->scale;
    if (scale.exists()) {
      scale = detail::without_outer_axes(graph, scale, inner);
    } else {
      const bool is_fixed = bindings.always([&](auto&& type_of) {
        const Shape other = type_of(pattern->x).shape;
        return std::ranges::equal(other.extents().last(static_cast<std::size_t>(inner)),
                                  shape.extents().last(static_cast<std::size_t>(inner)));
      });
      if (!is_fixed) continue;
      Tensor ones(DataType::float32, Shape(shape.extents().last(static_cast<std::size_t>(inner))));
      std::ranges::fill(ones.mutable_values<float>(), 1.0F);
      const std::string name = graph.name(editor.node(pattern->root).outputs[0]) + ".scale";
      scale = graph.constant(graph.unused_value_name(name), std::move(ones));
    }
    std::vector<Value> inputs{pattern->x, scale};
    if (pattern->bias.exists()) inputs.push_back(detail::without_outer_axes(graph, pattern->bias, inner));
    const LayerNormalization op{.axis = pattern->axis - shape.rank(), .epsilon = static_cast<float>(pattern->epsilon)};
    detail::fuse(editor, pattern->root, op, std::move(inputs), pattern->nodes);
  }
  editor.finish();
}

}  // namespace condense::graph

#endif
