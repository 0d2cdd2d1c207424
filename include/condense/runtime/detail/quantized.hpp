#ifndef CONDENSE_RUNTIME_DETAIL_QUANTIZED_HPP
#define CONDENSE_RUNTIME_DETAIL_QUANTIZED_HPP

#include <optional>
#include <vector>

#include "condense/core/packing.hpp"
#include "condense/graph/graph.hpp"
#include "condense/graph/operators/dequantize_codebook.hpp"
#include "condense/graph/operators/dequantize_linear.hpp"
#include "condense/graph/operators/quantize_linear.hpp"
#include "condense/kernels/gemm/gemm.hpp"
#include "condense/quantize/affine.hpp"
#include "condense/quantize/granularity.hpp"

namespace condense::runtime::detail {

/// Codes of a per-tensor quantised activation and what they mean. In a program a code occupies one byte, whatever its
/// type in the graph.
struct QuantizedValue {
  graph::Value codes;
  DataType type = DataType::uint8;
  quantize::Affine affine;

  quantize::IntegerType integers() const noexcept { return quantize::integer_type(type); }
  kernels::ElementType element() const noexcept {
    return is_signed(type) ? kernels::ElementType::int8 : kernels::ElementType::uint8;
  }
  bool same_meaning(const QuantizedValue& other) const { return type == other.type && affine == other.affine; }
};

/// Integer weights as a graph stores them, zero points subtracted. Scales are laid out as in ONNX.
struct QuantizedWeights {
  Shape shape;
  std::vector<std::int8_t> values;
  std::vector<float> scales;
  quantize::Granularity granularity;
  int bits = 8;  ///< 2, 4 or 8: the fewest that hold every value, or every value plus its zero point.
  std::vector<std::int8_t> zero_points;  ///< One for each scale; empty where values fit their bits without.
};

/// The integers of a tensor of at most 8 bits, or int32.
inline std::vector<std::int32_t> integers_of(const Tensor& tensor) {
  std::vector<std::int32_t> result(static_cast<std::size_t>(tensor.count()));
  if (tensor.type() == DataType::int32) {
    std::copy_n(tensor.data<std::int32_t>(), result.size(), result.begin());
    return result;
  }
  const int width = bits(tensor.type());
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::uint8_t code = packed_code(tensor.raw(), i, width);
    result[i] = is_signed(tensor.type()) ? sign_extend(code, width) : code;
  }
  return result;
}

/// Scale and zero point of a Q or DQ node whose parameters are one constant for the tensor; empty otherwise.
inline std::optional<QuantizedValue> per_tensor_parameters(const graph::Graph& graph, const graph::Node& node,
                                                           graph::Value codes) {
  const Tensor* scale = graph.constant_if(node.inputs[1]);
  if (scale == nullptr || scale->count() != 1 || scale->type() != DataType::float32) return {};
  QuantizedValue result{codes, graph.type(codes).type, {scale->data<float>()[0], 0}};
  if (node.inputs.size() > 2 && node.inputs[2].exists()) {
    const Tensor* zero_point = graph.constant_if(node.inputs[2]);
    if (zero_point == nullptr || zero_point->count() != 1) return {};
    result.affine.zero_point = integers_of(*zero_point)[0];
  }
  return result;
}

/// The quantised activation that a QuantizeLinear node makes; empty if its parameters are not one per tensor.
inline std::optional<QuantizedValue> quantized_output(const graph::Graph& graph, const graph::Node& node) {
  if (!node.op.is<graph::QuantizeLinear>()) return {};
  return per_tensor_parameters(graph, node, node.outputs[0]);
}

/// The quantised activation behind a value that a DequantizeLinear node made; empty if there is none.
inline std::optional<QuantizedValue> quantized_source(const graph::Graph& graph, const graph::Node* producer) {
  if (producer == nullptr || !producer->op.is<graph::DequantizeLinear>()) return {};
  if (graph.is_constant(producer->inputs[0]) || bits(graph.type(producer->inputs[0]).type) > 8) return {};
  return per_tensor_parameters(graph, *producer, producer->inputs[0]);
}

inline int fewest_bits(const std::vector<std::int8_t>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  if (values.empty() || (*low >= -2 && *high <= 1)) return 2;
  return *low >= -8 && *high <= 7 ? 4 : 8;
}

/// Constant codes under a dequantisation.
struct StoredWeights {
  QuantizedWeights form;             ///< Shape, scales and granularity.
  std::vector<std::int32_t> levels;  ///< Codes, or what a codebook has for them.
  std::vector<std::int32_t> zeros;   ///< One for each scale; empty for zeros.
  int bits = 8;                      ///< Of a code.
  std::int32_t half = 0;             ///< Of the range of unsigned codes: codes minus this are signed.
};

/// The codes behind a value: constant ones under DequantizeLinear, or under DequantizeCodebook with integer levels.
inline std::optional<StoredWeights> stored_weights(const graph::Graph& graph, const graph::Node* producer) {
  if (producer == nullptr || producer->inputs.empty() || !graph.is_constant(producer->inputs[0])) return {};
  const Tensor& codes = graph.constant(producer->inputs[0]);
  StoredWeights result;
  result.form.shape = codes.shape();
  const Tensor* scale = nullptr;
  Index block_size = 0;
  int axis = 1;
  if (const auto* linear = producer->op.get_if<graph::DequantizeLinear>()) {
    if (!is_quantized(codes.type())) return {};
    scale = graph.constant_if(producer->inputs[1]);
    block_size = linear->block_size;
    axis = static_cast<int>(linear->axis);
    result.levels = integers_of(codes);
    result.bits = bits(codes.type());
    result.half = is_signed(codes.type()) ? 0 : 1 << (result.bits - 1);
  } else if (const auto* codebook = producer->op.get_if<graph::DequantizeCodebook>()) {
    const Tensor* table = graph.constant_if(producer->inputs[1]);
    if (table == nullptr || table->type() != DataType::int8) return {};
    scale = graph.constant_if(producer->inputs[2]);
    block_size = codebook->block_size;
    axis = static_cast<int>(codebook->axis);
    result.levels = integers_of(codes);
    for (std::int32_t& level : result.levels) level = table->values<std::int8_t>()[static_cast<std::size_t>(level)];
  }
  if (scale == nullptr || scale->type() != DataType::float32) return {};
  result.form.scales.assign(scale->values<float>().begin(), scale->values<float>().end());
  if (block_size > 0) {
    result.form.granularity = quantize::Granularity::per_group(axis, block_size);
  } else if (scale->shape().rank() > 0 && scale->count() > 1) {
    result.form.granularity = quantize::Granularity::per_channel(axis);
  }
  if (producer->op.is<graph::DequantizeLinear>() && producer->inputs.size() > 2 && producer->inputs[2].exists()) {
    const Tensor* zero_points = graph.constant_if(producer->inputs[2]);
    if (zero_points == nullptr) return {};
    result.zeros = integers_of(*zero_points);
  }
  return result;
}

/// Codes minus zero points; empty if they do not fit 8 signed bits.
inline std::optional<QuantizedWeights> subtract_zero_points(const StoredWeights& stored) {
  QuantizedWeights result = stored.form;
  std::vector<std::int32_t> levels = stored.levels;
  if (!stored.zeros.empty()) {
    quantize::ScaleLayout(result.shape, result.granularity).for_each([&](Index element, Index slice) {
      levels[static_cast<std::size_t>(element)] -= stored.zeros[static_cast<std::size_t>(slice)];
    });
  }
  for (const std::int32_t level : levels) {
    if (level < -128 || level > 127) return {};
    result.values.push_back(static_cast<std::int8_t>(level));
  }
  result.bits = fewest_bits(result.values);
  if (stored.bits < result.bits && !stored.zeros.empty()) {
    for (const std::int32_t zero : stored.zeros) {
      result.zero_points.push_back(static_cast<std::int8_t>(zero - stored.half));
    }
    result.bits = stored.bits;
  }
  return result;
}

/// The integer weights behind a value. Empty if there are none, or if codes minus zero points do not fit 8 signed bits.
inline std::optional<QuantizedWeights> quantized_weights(const graph::Graph& graph, const graph::Node* producer) {
  const std::optional<StoredWeights> stored = stored_weights(graph, producer);
  return stored ? subtract_zero_points(*stored) : std::nullopt;
}

/// The same with codes in place of values where there are zero points, which are not subtracted yet; so unsigned codes
/// of 8 bits have some, too.
inline std::optional<QuantizedWeights> quantized_codes(const graph::Graph& graph, const graph::Node* producer) {
  const std::optional<StoredWeights> stored = stored_weights(graph, producer);
  if (!stored) return {};
  std::optional<QuantizedWeights> values = subtract_zero_points(*stored);
  if (values && values->zero_points.empty()) return values;
  QuantizedWeights result = stored->form;
  for (const std::int32_t level : stored->levels) {
    result.values.push_back(static_cast<std::int8_t>(level - stored->half));
  }
  for (std::size_t i = 0; i < result.scales.size(); ++i) {
    const std::int32_t zero = stored->zeros.empty() ? 0 : stored->zeros[i];
    result.zero_points.push_back(static_cast<std::int8_t>(zero - stored->half));
  }
  result.bits = fewest_bits(result.values);
  return result;
}

}  // namespace condense::runtime::detail

#endif
