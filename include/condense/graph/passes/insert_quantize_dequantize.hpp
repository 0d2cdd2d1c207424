#ifndef CONDENSE_GRAPH_PASSES_INSERT_QUANTIZE_DEQUANTIZE_HPP
#define CONDENSE_GRAPH_PASSES_INSERT_QUANTIZE_DEQUANTIZE_HPP

#include "condense/graph/detail/rewrite.hpp"
#include "condense/graph/operators/dequantize_linear.hpp"
#include "condense/graph/operators/quantize_linear.hpp"
#include "condense/graph/reference/codes.hpp"
#include "condense/quantize/parameters.hpp"

namespace condense::graph {

/// Inserts QuantizeLinear and DequantizeLinear after a float32 value and returns what DequantizeLinear makes; every
/// node and output that read the value reads that instead.
///
/// The scales and zero points become constants "<value>.scale" and "<value>.zero_point", laid out by the granularity
/// as ONNX wants it. The nodes are "<name>.quantize" and "<name>.dequantize", where `name` is that of the value unless
/// given. A graph output keeps its name: the value before it becomes "<value>.unquantized". The codes saturate at the
/// full range of the integers that store them, for ONNX knows no narrow range.
inline Value insert_quantize_dequantize(Graph& graph, Value value, const quantize::QuantizationParameters& parameters,
                                        std::string name = {}) {
  const std::string value_name = graph.name(value);
  const TensorType type = graph.type(value);
  require(type.type == DataType::float32, "the value '{}' is {}, only float32 can be quantised", value_name,
          condense::name(type.type));
  quantize::validate(parameters, type.shape);
  require(!parameters.type.is_binary(), "the value '{}' cannot be quantised to binary codes by QuantizeLinear",
          value_name);
  if (name.empty()) name = value_name;

  const quantize::Granularity& granularity = parameters.granularity;
  const Shape scale_shape = quantize::ScaleLayout(type.shape, granularity).scale_shape();
  Tensor zero_points(parameters.type.storage(), scale_shape);
  reference::with_codes(zero_points.type(), [&]<class Code>() {
    for (Index i = 0; i < zero_points.count(); ++i) {
      Code::store(zero_points.mutable_raw(), i, parameters.affine(i).zero_point);
    }
  });
  const auto constant = [&](std::string_view what, Tensor tensor) {
    return graph.constant(graph.unused_value_name(fmt::format("{}.{}", value_name, what)), std::move(tensor));
  };
  const Value scale = constant("scale", Tensor::of<float>(scale_shape, parameters.scales));
  const Value zero_point = constant("zero_point", std::move(zero_points));

  const bool per_tensor = granularity == quantize::Granularity::per_tensor();
  const Index axis = per_tensor ? 1 : granularity.axis;
  const std::string quantize_name = name + ".quantize";
  const Value codes = graph.add(QuantizeLinear{.axis = axis, .block_size = granularity.group_size},
                                {value, scale, zero_point}, quantize_name);
  const Value result = graph.add(DequantizeLinear{.axis = axis, .block_size = granularity.group_size},
                                 {codes, scale, zero_point}, name + ".dequantize");
  const bool renamed = graph.is_output(value) && !detail::is_input(graph, value);
  graph.replace_uses(value, result, quantize_name);
  if (renamed) {
    graph.rename(value, graph.unused_value_name(value_name + ".unquantized"));
    graph.rename(result, value_name);
  }
  graph.sort();
  return result;
}

/// One scale and zero point for the whole value, as integers of type `type`.
inline Value insert_quantize_dequantize(Graph& graph, Value value, const quantize::Affine& affine, DataType type,
                                        std::string name = {}) {
  require(is_quantized(type), "the value '{}' is quantised to an integer of 8, 4 or 2 bits, not {}", graph.name(value),
          condense::name(type));
  return insert_quantize_dequantize(graph, value,
                                    {.type = quantize::integer_type(type),
                                     .granularity = quantize::Granularity::per_tensor(),
                                     .scales = {affine.scale},
                                     .zero_points = {affine.zero_point}},
                                    std::move(name));
}

}  // namespace condense::graph

#endif
