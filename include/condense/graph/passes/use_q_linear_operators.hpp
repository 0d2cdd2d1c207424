#ifndef CONDENSE_GRAPH_PASSES_USE_Q_LINEAR_OPERATORS_HPP
#define CONDENSE_GRAPH_PASSES_USE_Q_LINEAR_OPERATORS_HPP

#include <cmath>
#include <map>

#include "condense/graph/detail/rewrite.hpp"
#include "condense/graph/operators/clip.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/dequantize_linear.hpp"
#include "condense/graph/operators/integer_products.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "condense/graph/operators/quantize_linear.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/graph/passes/remove_dead_nodes.hpp"

namespace condense::graph {

namespace detail {

/// Finds DequantizeLinear, product, perhaps a clamp, QuantizeLinear, and says what one operator on integers takes.
class QLinearPattern {
 public:
  explicit QLinearPattern(const Graph& graph) : graph_(graph), producers_(graph.producers()) {
    consumers_ = graph.consumers();
  }

  /// A product as one operator.
  struct Match {
    Operator op;
    std::vector<Value> inputs;  ///< Of codes, scales and zero points; an absent one is zero.
    Value bias = kNoValue;
    Value result = kNoValue;  ///< The codes that the QuantizeLinear gives.
    std::string name;
  };

  std::optional<Match> match(const Node& quantize) const {
    const auto* q = quantize.op.get_if<QuantizeLinear>();
    if (q == nullptr || !is_code(graph_.type(quantize.outputs[0]).type) || !is_per_tensor(quantize)) return {};
    const Node* node = producer(quantize.inputs[0]);
    if (node != nullptr && (node->op.is<Relu>() || node->op.is<Clip>())) {
      if (!is_saturation(*node, quantize)) return {};
      node = producer(node->inputs[0]);
    }
    if (node == nullptr) return {};
    const auto* conv = node->op.get_if<Conv>();
    const bool is_mat_mul = node->op.is<MatMul>();
    if (conv == nullptr && !is_mat_mul) return {};
    const Node* x = dequantize(node->inputs[0]);
    const Node* w = dequantize(node->inputs[1]);
    if (x == nullptr || w == nullptr || !is_per_tensor(*x)) return {};
    if (!is_per_tensor(*w) && (is_mat_mul || axis_of(*w) != 0)) return {};
    Match match{
        is_mat_mul ? Operator(QLinearMatMul{}) : Operator(q_linear(*conv)), {}, {}, quantize.outputs[0], node->name};
    for (const Node* codes : {x, w}) append(*codes, match.inputs);
    match.inputs.push_back(quantize.inputs[1]);
    match.inputs.push_back(quantize.inputs.size() > 2 ? quantize.inputs[2] : kNoValue);
    if (conv != nullptr && node->inputs.size() > 2 && node->inputs[2].exists()) {
      const Node* bias = producer_of_any(node->inputs[2]);
      const bool is_integer =
          bias != nullptr && bias->op.is<DequantizeLinear>() && graph_.type(bias->inputs[0]).type == DataType::int32;
      if (!is_integer) return {};
      match.bias = bias->inputs[0];
    }
    return match;
  }

 private:
  static bool is_code(DataType type) { return type == DataType::int8 || type == DataType::uint8; }

  /// The node that makes a value which nothing else reads.
  const Node* producer(Value value) const {
    const auto index = static_cast<std::size_t>(value.index);
    if (consumers_[index].size() != 1 || graph_.is_output(value)) return nullptr;
    return producer_of_any(value);
  }
  const Node* producer_of_any(Value value) const {
    const int n = producers_[static_cast<std::size_t>(value.index)];
    return n < 0 ? nullptr : &graph_.nodes()[static_cast<std::size_t>(n)];
  }

  const Node* dequantize(Value value) const {
    const Node* node = producer_of_any(value);
    if (node == nullptr || !node->op.is<DequantizeLinear>() || !is_code(graph_.type(node->inputs[0]).type))
      return nullptr;
    return node->op.get_if<DequantizeLinear>()->block_size == 0 ? node : nullptr;
  }

  bool is_per_tensor(const Node& node) const { return graph_.type(node.inputs[1]).shape.count() == 1; }
  int axis_of(const Node& node) const {
    return graph_.type(node.inputs[0]).shape.axis(node.op.get_if<DequantizeLinear>()->axis);
  }

  static void append(const Node& codes, std::vector<Value>& inputs) {
    inputs.push_back(codes.inputs[0]);
    inputs.push_back(codes.inputs[1]);
    inputs.push_back(codes.inputs.size() > 2 ? codes.inputs[2] : kNoValue);
  }

  static QLinearConv q_linear(const Conv& conv) {
    return {conv.strides, conv.dilations, conv.pads, conv.group, conv.auto_pad};
  }

  /// Whether a clamp does no more than the saturation of the codes that follow it.
  bool is_saturation(const Node& clamp, const Node& quantize) const {
    const Tensor* scale = graph_.constant_if(quantize.inputs[1]);
    const Tensor* zero_point = quantize.inputs.size() > 2 ? graph_.constant_if(quantize.inputs[2]) : nullptr;
    if (scale == nullptr || zero_point == nullptr || !is_code(zero_point->type())) return false;
    const bool is_signed = zero_point->type() == DataType::int8;
    const int zero = is_signed ? zero_point->data<std::int8_t>()[0] : zero_point->data<std::uint8_t>()[0];
    const int lowest = is_signed ? -128 : 0;
    const auto code_of = [&](float bound) {
      return std::nearbyint(bound / scale->data<float>()[0]) + static_cast<float>(zero);
    };
    if (clamp.op.is<Relu>()) return zero == lowest;
    for (std::size_t i = 1; i < clamp.inputs.size(); ++i) {
      if (!clamp.inputs[i].exists()) continue;
      const Tensor* bound = graph_.constant_if(clamp.inputs[i]);
      if (bound == nullptr || bound->type() != DataType::float32) return false;
      const float code = code_of(bound->data<float>()[0]);
      if (i == 1 ? code > static_cast<float>(lowest) : code < static_cast<float>(lowest + 255)) return false;
    }
    return true;
  }

  const Graph& graph_;
  std::vector<int> producers_;
  std::vector<std::vector<int>> consumers_;
};

}  // namespace detail

/// Puts QLinearConv and QLinearMatMul in the place of convolutions and products of 8-bit codes that are dequantised
/// before and quantised after them (ONNX's form of quantised networks that is called QOperator). Biases are int32; a
/// clamp between is one that the saturation of the codes is. Codes are the same up to ties of the rounding, which both
/// forms compute in float32 in another order. Everything else stays Q/DQ.
inline void use_q_linear_operators(Graph& graph) {
  std::vector<detail::QLinearPattern::Match> matches;
  {
    const detail::QLinearPattern pattern(graph);
    for (const Node& node : graph.nodes()) {
      if (auto match = pattern.match(node)) matches.push_back(std::move(*match));
    }
  }
  std::map<Value, Value> replaced;  // one match's result is another one's input
  for (detail::QLinearPattern::Match& match : matches) {
    for (Value& input : match.inputs) {
      if (const auto found = replaced.find(input); found != replaced.end()) input = found->second;
    }
    for (const std::size_t i : {2U, 5U, 7U}) {
      if (match.inputs[i].exists()) continue;
      const bool is_output = i == 7;
      const DataType type = is_output ? graph.type(match.result).type : graph.type(match.inputs[i - 2]).type;
      const Shape shape = graph.type(match.inputs[i - 1]).shape;
      match.inputs[i] = graph.constant(graph.unused_value_name(match.name + ".zero_point"), Tensor(type, shape));
    }
    if (match.bias.exists()) match.inputs.push_back(match.bias);
    const Value codes = graph.add(match.op, match.inputs, match.name + ".q_linear");
    detail::replace_value(graph, match.result, codes);
    replaced.emplace(match.result, codes);
  }
  graph.sort();
  remove_dead_nodes(graph);
}

}  // namespace condense::graph

#endif
