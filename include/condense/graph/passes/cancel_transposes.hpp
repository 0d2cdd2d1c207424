#ifndef CONDENSE_GRAPH_PASSES_CANCEL_TRANSPOSES_HPP
#define CONDENSE_GRAPH_PASSES_CANCEL_TRANSPOSES_HPP

#include "condense/graph/detail/match.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators/activations.hpp"
#include "condense/graph/operators/cast.hpp"
#include "condense/graph/operators/clip.hpp"
#include "condense/graph/operators/hard_swish.hpp"
#include "condense/graph/operators/layout.hpp"
#include "condense/graph/operators/leaky_relu.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/graph/operators/shape_queries.hpp"
#include "condense/graph/operators/sigmoid.hpp"
#include "condense/graph/operators/unary_math.hpp"

namespace condense::graph {

namespace detail {

/// The order of axes of a Transpose, written out.
inline std::vector<Index> order_of(const Graph& graph, const Node& transpose) {
  const int rank = graph.type(transpose.inputs[0]).shape.rank();
  std::vector<Index> order = transpose.op.get_if<Transpose>()->perm;
  if (order.empty()) {
    order = reference::all_axes(rank);
    std::ranges::reverse(order);
  }
  for (Index& axis : order) axis = axis < 0 ? axis + rank : axis;
  return order;
}

/// The order of one Transpose and then another.
inline std::vector<Index> composed(const std::vector<Index>& first, const std::vector<Index>& second) {
  std::vector<Index> result;
  for (const Index axis : second) result.push_back(first[static_cast<std::size_t>(axis)]);
  return result;
}

inline bool keeps_order(const std::vector<Index>& order) { return std::ranges::is_sorted(order); }

/// True for operators that compute each element of the result from that of every input at the same place, where an
/// input other than the first may also be one number.
inline bool is_elementwise(const Operator& op) {
  const bool is_unary = op.is<Relu>() || op.is<LeakyRelu>() || op.is<HardSwish>() || op.is<Sigmoid>() ||
                        op.is<Clip>() || op.is<Gelu>() || op.is<Swish>() || op.is<HardSigmoid>() || op.is<Elu>() ||
                        op.is<Softplus>() || op.is<Tanh>() || op.is<Erf>() || op.is<Exp>() || op.is<Log>() ||
                        op.is<Sqrt>() || op.is<Abs>() || op.is<Neg>() || op.is<Reciprocal>() || op.is<Cast>() ||
                        op.is<Identity>();
  return is_unary || op.is<Add>() || op.is<Sub>() || op.is<Mul>() || op.is<Div>() || op.is<Pow>() || op.is<Max>() ||
         op.is<Min>();
}

/// The elementwise nodes before a Transpose, up to others that undo it.
class TransposedRegion {
 public:
  /// None unless every way back from nodes()[last], over elementwise nodes whose results nothing else reads, ends at a
  /// Transpose that nodes()[last] undoes, or at a constant.
  static std::optional<TransposedRegion> before(const Editor& editor, int last) {
    const Node& node = editor.node(last);
    TransposedRegion region(order_of(editor.graph, node));
    std::vector<Value> pending{node.inputs[0]};
    while (!pending.empty()) {
      const Value value = pending.back();
      pending.pop_back();
      if (!region.take(editor, value, pending)) return std::nullopt;
    }
    if (region.elementwise_.empty() || region.transposes_ == 0) return std::nullopt;
    return region;
  }

  /// Makes the nodes of the region compute in the order after the last Transpose.
  void reorder(Editor& editor) const {
    for (const int index : elementwise_) {
      const Node node = editor.node(index);
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        if (!node.inputs[i].exists()) continue;
        if (const Node* transpose = editor.producer_of_type<Transpose>(node.inputs[i])) {
          editor.graph.set_input(index, i, editor.current(transpose->inputs[0]));
          if (editor.read_once(node.inputs[i])) editor.remove(editor.producer_index(node.inputs[i]));
        } else if (editor.graph.is_constant(node.inputs[i])) {
          editor.graph.set_input(index, i, reordered(editor, node.inputs[i]));
        }
      }
    }
  }

 private:
  static constexpr std::size_t kMostNodes = 64;

  explicit TransposedRegion(std::vector<Index> order) : order_(std::move(order)) {}

  bool take(const Editor& editor, Value value, std::vector<Value>& pending) {
    const Graph& graph = editor.graph;
    const Shape& shape = graph.type(value).shape;
    if (graph.is_constant(value)) return shape.rank() <= static_cast<int>(order_.size());
    if (shape.rank() != static_cast<int>(order_.size())) return false;
    const int index = editor.producer_index(value);
    if (index < 0 || editor.is_removed(index)) return false;
    const Node& node = editor.node(index);
    if (node.op.is<Transpose>()) {
      ++transposes_;
      return keeps_order(composed(order_of(graph, node), order_));
    }
    if (!is_elementwise(node.op) || !editor.read_once(value) || elementwise_.size() >= kMostNodes) return false;
    if (std::ranges::find(elementwise_, index) != elementwise_.end()) return true;
    elementwise_.push_back(index);
    for (const Value input : node.inputs) {
      if (input.exists()) pending.push_back(input);
    }
    return true;
  }

  /// A constant with its axes in the new order; one number stays as it is.
  Value reordered(Editor& editor, Value constant) const {
    Graph& graph = editor.graph;
    const Tensor tensor = graph.constant(constant);
    if (tensor.count() == 1) return constant;
    std::vector<Index> extents(order_.size() - static_cast<std::size_t>(tensor.shape().rank()), 1);
    extents.insert(extents.end(), tensor.shape().begin(), tensor.shape().end());
    const Tensor whole = tensor.reshaped(Shape(std::span<const Index>(extents)));
    const Tensor* const inputs[] = {&whole};
    Tensor result = evaluate_node({"reordered", Transpose{.perm = order_}, {}, {}}, inputs).front();
    return graph.constant(graph.unused_value_name(graph.name(constant) + ".transposed"), std::move(result));
  }

  std::vector<Index> order_;
  std::vector<int> elementwise_;
  int transposes_ = 0;
};

}  // namespace detail

/// Removes Transposes that undo others, and makes one of two behind each other. Outputs are the same bytes.
///
/// Between the two there may be elementwise nodes whose results nothing else reads, 64 at most, and constants, whose
/// axes are put in order: Transpose(Add(Relu(Transpose(x)), c)) becomes Add(Relu(x), c'). Every way back from the last
/// Transpose must end at one that it undoes, or at a constant.
inline void cancel_transposes(Graph& graph) {
  detail::Editor editor(graph);
  for (int index = 0; index < editor.node_count(); ++index) {
    const Node node = editor.node(index);
    if (!node.op.is<Transpose>()) continue;
    const Value data = editor.current(node.inputs[0]);
    if (const Node* before = editor.producer_of_type<Transpose>(data)) {
      const bool is_last_reader = editor.only_reader(data) == index;
      const int before_index = editor.producer_index(data);
      const std::vector<Index> order =
          detail::composed(detail::order_of(graph, *before), detail::order_of(graph, node));
      const Value source = editor.current(before->inputs[0]);
      if (!detail::keeps_order(order)) {
        graph.set_operator(index, Transpose{.perm = order}, {source});
        if (is_last_reader) editor.remove(before_index);
      } else if (editor.can_replace(node.outputs[0], source)) {
        editor.replace(node.outputs[0], source);
        editor.remove(index);
        if (is_last_reader) editor.remove(before_index);
      }
      continue;
    }
    const auto region = detail::TransposedRegion::before(editor, index);
    if (!region) continue;
    region->reorder(editor);
    editor.replace_and_rename(node.outputs[0], data);
    editor.remove(index);
  }
  editor.finish();
}

}  // namespace condense::graph

#endif
