#ifndef CONDENSE_GRAPH_QUANTIZED_VALUES_HPP
#define CONDENSE_GRAPH_QUANTIZED_VALUES_HPP

#include <algorithm>
#include <cmath>
#include <set>

#include "condense/graph/graph.hpp"
#include "condense/graph/operators/dequantize_linear.hpp"
#include "condense/graph/operators/quantize_linear.hpp"

namespace condense::graph {

/// A value of a graph whose elements stand for numbers: number = (code - zero point) * scale.
struct QuantizedValue {
  std::string name;          ///< Of the value that is quantised, or of the constant of codes.
  bool is_constant = false;  ///< Weights or a bias; otherwise an activation.
  DataType type = DataType::uint8;
  Shape shape;
  std::vector<float> scales;              ///< One, one for each channel, or one for each block.
  std::vector<std::int64_t> zero_points;  ///< As many.
  Index axis = 0;                         ///< Of the channels or blocks, if there are several scales.
  Index block_size = 0;
  float low = 0;  ///< The least number: of a constant, or that the codes of an activation stand for.
  float high = 0;
};

namespace detail {

inline std::vector<std::int64_t> zero_points_of(const Graph& graph, const Node& node, std::size_t count) {
  std::vector<std::int64_t> result(count, 0);
  if (node.inputs.size() < 3 || !node.inputs[2].exists()) return result;
  const Tensor& tensor = graph.constant(node.inputs[2]);
  if (tensor.type() == DataType::int32) {
    std::ranges::copy(tensor.values<std::int32_t>(), result.begin());
  } else {
    reference::with_codes(tensor.type(), [&]<class Code>() {
      for (std::size_t i = 0; i < count; ++i) result[i] = Code::load(tensor.raw(), static_cast<Index>(i));
    });
  }
  return result;
}

}  // namespace detail

/// What QuantizeLinear nodes make and DequantizeLinear nodes read, with their scales and ranges, in the order of the
/// nodes: activations, weights and biases. Not those whose scales are computed in the graph.
inline std::vector<QuantizedValue> quantized_values(const Graph& graph) {
  std::vector<QuantizedValue> result;
  std::set<Value> seen;
  for (const Node& node : graph.nodes()) {
    const auto* quantizes = node.op.get_if<QuantizeLinear>();
    const auto* dequantizes = node.op.get_if<DequantizeLinear>();
    if (quantizes == nullptr && (dequantizes == nullptr || !graph.is_constant(node.inputs[0]))) continue;
    const bool has_zero_point = node.inputs.size() > 2 && node.inputs[2].exists();
    if (!graph.is_constant(node.inputs[1]) || (has_zero_point && !graph.is_constant(node.inputs[2]))) continue;
    const Value codes = quantizes != nullptr ? node.outputs[0] : node.inputs[0];
    if (!seen.insert(codes).second) continue;
    const Tensor& scales = graph.constant(node.inputs[1]);
    QuantizedValue value{.name = graph.name(node.inputs[0]),
                         .is_constant = dequantizes != nullptr,
                         .type = graph.type(codes).type,
                         .shape = graph.type(codes).shape,
                         .scales = {scales.values<float>().begin(), scales.values<float>().end()},
                         .zero_points = detail::zero_points_of(graph, node, static_cast<std::size_t>(scales.count())),
                         .axis = quantizes != nullptr ? quantizes->axis : dequantizes->axis,
                         .block_size = quantizes != nullptr ? quantizes->block_size : dequantizes->block_size};
    if (value.is_constant) {
      const Tensor* const inputs[] = {&graph.constant(node.inputs[0]), &scales,
                                      has_zero_point ? &graph.constant(node.inputs[2]) : nullptr};
      const Tensor numbers = evaluate_node(node, std::span(inputs).first(node.inputs.size())).front();
      if (numbers.count() > 0) {
        const auto [low, high] = std::ranges::minmax(numbers.values<float>());
        value.low = low;
        value.high = high;
      }
    } else if (!value.scales.empty()) {
      const quantize::IntegerType integers = quantize::integer_type(value.type);
      value.low = INFINITY;
      value.high = -INFINITY;
      for (std::size_t i = 0; i < value.scales.size(); ++i) {
        const quantize::Affine affine{value.scales[i], static_cast<std::int32_t>(value.zero_points[i])};
        value.low = std::min(value.low, quantize::dequantize_value(integers.lowest(), affine));
        value.high = std::max(value.high, quantize::dequantize_value(integers.highest(), affine));
      }
    }
    result.push_back(std::move(value));
  }
  return result;
}

}  // namespace condense::graph

#endif
