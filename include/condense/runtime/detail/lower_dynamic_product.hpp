#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_DYNAMIC_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_DYNAMIC_PRODUCT_HPP

#include <numeric>

#include "condense/graph/operators/integer_products.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/runtime/detail/lower_integer_product.hpp"
#include "condense/runtime/detail/steps/dynamic_product.hpp"

namespace condense::runtime::detail {

/// DynamicQuantizeLinear. False if the node is none.
inline bool lower_dynamic_quantize(Lowering& lowering, const graph::Node& node) {
  if (!node.op.is<graph::DynamicQuantizeLinear>()) return false;
  const Layout layout = lowering.present_layout(node.inputs[0]);
  const int from = lowering.request(node.inputs[0], layout);
  lowering.append({node.name, std::string(node.op.type()), "-", "elementwise"},
                  DynamicQuantizeStep{.input = {from},
                                      .codes = {lowering.produce(node.outputs[0], layout)},
                                      .scale = {lowering.produce(node.outputs[1], Layout::channels_first)},
                                      .zero_point = {lowering.produce(node.outputs[2], Layout::channels_first)},
                                      .count = lowering.shape(node.inputs[0]).count()});
  return true;
}

/// The extents of a MatMulInteger or ConvInteger whose weights, input 1, are one matrix or the kernels of an image.
inline std::optional<Product> integer_sums_of(const Lowering& lowering, const graph::Node& node) {
  const Shape& a = lowering.shape(node.inputs[0]);
  const Shape& b = lowering.shape(node.inputs[1]);
  if (const auto* conv = node.op.get_if<graph::ConvInteger>()) {
    if (a.rank() > 4) return {};
    return convolution_product({conv->strides, conv->dilations, conv->pads, conv->group, conv->auto_pad}, a, b);
  }
  if (node.op.is<graph::MatMulInteger>() && b.rank() == 2 && a.rank() >= 2) {
    return matrix_product(a.count(0, a.rank() - 1), b, false);
  }
  return {};
}

/// Constant codes less their zero points, a scalar or one for each column, in the order of a product.
struct IntegerWeights {
  std::vector<std::int8_t> values;
  std::vector<std::int32_t> column_sums;
};

/// Those of input 1 of a MatMulInteger or ConvInteger. Empty if they are not constant or do not fit 8 signed bits.
inline std::optional<IntegerWeights> integer_weights_of(const Lowering& lowering, const graph::Node& node,
                                                        const Product& p) {
  const auto input = [&](std::size_t i) { return i < node.inputs.size() ? node.inputs[i] : graph::kNoValue; };
  const Tensor* codes = lowering.known(input(1));
  if (codes == nullptr) return {};
  std::vector<std::int32_t> zeros{0};
  if (input(3).exists()) {
    const Tensor* constant = lowering.known(input(3));
    if (constant == nullptr) return {};
    zeros = integers_of(*constant);
    if (zeros.size() != 1 && static_cast<Index>(zeros.size()) != p.all_columns()) return {};
  }
  const std::vector<std::int32_t> levels = integers_of(*codes);
  IntegerWeights result;
  for (Index column = 0; column < p.all_columns(); ++column) {
    std::int32_t sum = 0;
    for (Index k = 0; k < p.column_elements(); ++k) {
      const Index element = p.weight_order[static_cast<std::size_t>(column * p.column_elements() + k)];
      const std::int32_t zero = zeros[zeros.size() == 1 ? 0 : static_cast<std::size_t>(column)];
      const std::int32_t value = levels[static_cast<std::size_t>(element)] - zero;
      if (value < -128 || value > 127) return {};
      result.values.push_back(static_cast<std::int8_t>(value));
      sum += value;
    }
    result.column_sums.push_back(sum);
  }
  return result;
}

/// What makes floats of integer sums: a Cast, a product with the scale of the activations and constants, maybe a
/// constant bias, and a clamp.
struct DynamicTail {
  graph::Value scale;              ///< Of the activations.
  std::vector<float> multipliers;  ///< (columns): the scales of the weights.
  std::vector<float> bias;         ///< (columns)
  Tail tail;
};

/// The columns of a constant that is a number or has one for each channel of a result; empty if it is neither.
inline std::vector<float> by_column(const Tensor& constant, const Shape& result, int channel_axis) {
  const Index columns = result[channel_axis];
  const auto values = constant.values<float>();
  if (constant.count() == 1) return std::vector<float>(static_cast<std::size_t>(columns), values[0]);
  const int axis = constant.shape().rank() - (result.rank() - channel_axis);  // where the channels are
  if (axis < 0 || constant.count() != columns || constant.shape()[axis] != columns) return {};
  return {values.begin(), values.end()};
}

/// What follows the sums of a node, as far as it has this form and nothing else reads the values between.
inline std::optional<DynamicTail> dynamic_tail(const Lowering& lowering, const graph::Node& node) {
  const graph::Node* cast = lowering.only_consumer(node.outputs[0]);
  if (cast == nullptr || !cast->op.is<graph::Cast>() || cast->op.get_if<graph::Cast>()->to != DataType::float32) {
    return {};
  }
  const graph::Node* product = lowering.only_consumer(cast->outputs[0]);
  if (product == nullptr || !product->op.is<graph::Mul>()) return {};
  const Shape& shape = lowering.shape(node.outputs[0]);
  if (lowering.shape(product->outputs[0]) != shape) return {};
  const int channel_axis = node.op.is<graph::ConvInteger>() ? 1 : shape.rank() - 1;
  const auto other = [](const graph::Node& of, graph::Value value) { return of.inputs[of.inputs[0] == value ? 1 : 0]; };
  const graph::Node* scales = lowering.producer(other(*product, cast->outputs[0]));
  if (scales == nullptr || !scales->op.is<graph::Mul>()) return {};
  DynamicTail result;
  for (const std::size_t i : {0U, 1U}) {
    const std::optional<Tensor> constant = lowering.float_constant(scales->inputs[i]);
    if (!constant || lowering.shape(scales->inputs[1 - i]).count() != 1) continue;
    result.scale = scales->inputs[1 - i];
    result.multipliers = by_column(*constant, shape, channel_axis);
  }
  if (result.multipliers.empty()) return {};

  result.bias.assign(result.multipliers.size(), 0.0F);
  const graph::Node* last = product;
  const graph::Node* sum = lowering.only_consumer(product->outputs[0]);
  if (sum != nullptr && sum->op.is<graph::Add>() && lowering.shape(sum->outputs[0]) == shape) {
    const std::optional<Tensor> bias = lowering.float_constant(other(*sum, product->outputs[0]));
    std::vector<float> columns = bias ? by_column(*bias, shape, channel_axis) : std::vector<float>{};
    if (!columns.empty()) {
      result.bias = std::move(columns);
      last = sum;
    }
  }
  result.tail = lowering.tail(*last, false);
  result.tail.operation = fmt::format("{}{} + {}", node.op.type(), last == sum ? " + Mul" : "", result.tail.operation);
  result.tail.nodes.insert(result.tail.nodes.begin(), {&node, cast});
  if (last == sum) result.tail.nodes.push_back(product);
  return result;
}

/// A MatMulInteger or ConvInteger of constant weights that the kernels have.
struct IntegerSums {
  Product product;
  IntegerWeights weights;
  std::optional<DynamicTail> floats;  ///< Absent: the result is the sums.
};

/// That of a node; empty if it is none.
inline std::optional<IntegerSums> integer_sums(const Lowering& lowering, const graph::Node& node) {
  if (!node.op.is<graph::MatMulInteger>() && !node.op.is<graph::ConvInteger>()) return {};
  std::optional<Product> product = integer_sums_of(lowering, node);
  constexpr Index kDeepest = std::numeric_limits<std::int32_t>::max() / (2 * 128 * 255);
  if (!product || product->is_depthwise() || product->column_elements() > kDeepest) return {};
  if (node.inputs.size() > 2 && node.inputs[2].exists() && lowering.shape(node.inputs[2]).count() != 1) return {};
  std::optional<IntegerWeights> weights = integer_weights_of(lowering, node, *product);
  if (!weights) return {};
  return IntegerSums{std::move(*product), std::move(*weights), dynamic_tail(lowering, node)};
}

/// The product of the scales of activations and weights, where the step of their sums has it in it. False if the node
/// is none.
inline bool lower_dynamic_scale(const Lowering& lowering, const graph::Node& node) {
  if (!node.op.is<graph::Mul>()) return false;
  const graph::Node* product = lowering.only_consumer(node.outputs[0]);
  if (product == nullptr || !product->op.is<graph::Mul>()) return false;
  const graph::Node* cast = lowering.producer(product->inputs[product->inputs[0] == node.outputs[0] ? 1 : 0]);
  if (cast == nullptr || !cast->op.is<graph::Cast>()) return false;
  const graph::Node* sums = lowering.producer(cast->inputs[0]);
  if (sums == nullptr) return false;
  const std::optional<IntegerSums> found = integer_sums(lowering, *sums);
  return found && found->floats;
}

/// MatMulInteger or ConvInteger of constant weights: one step with what makes floats of the sums, or the sums alone.
/// False if the node is none.
inline bool lower_integer_sums(Lowering& lowering, const graph::Node& node) {
  const std::optional<IntegerSums> sums = integer_sums(lowering, node);
  if (!sums) return false;
  const Product& p = sums->product;
  const IntegerWeights& weights = sums->weights;
  const std::optional<DynamicTail>& floats = sums->floats;
  const graph::Value zero_point = node.inputs.size() > 2 ? node.inputs[2] : graph::kNoValue;
  const kernels::GemmKernel& gemm = lowering.kernels().gemm;
  const bool is_signed_input = is_signed(lowering.type(node.inputs[0]).type);
  DynamicProductStep step{.product = p,
                          .column_sums = {lowering.constant_buffer(weights.column_sums)},
                          .input_type = is_signed_input ? kernels::ElementType::int8 : kernels::ElementType::uint8};
  const std::int8_t* codes = weights.values.data();
  PackedWeights packed = pack_each(p.groups, gemm.packed_bytes(step.weights()), [&](Index group, std::byte* to) {
    gemm.pack(step.weights(), {.codes = codes + group * p.columns * p.column_elements()}, to);
  });
  step.packed = {lowering.constant_buffer(std::move(packed.bytes))};
  step.packed_stride = static_cast<Index>(packed.stride);
  const int from = lowering.request(node.inputs[0], p.layout);
  step.input = product_input(lowering, p, from, std::uint8_t{0});
  if (zero_point.exists()) step.zero_point = {lowering.request(zero_point, Layout::channels_first)};
  std::string operation(node.op.type());
  graph::Value result = node.outputs[0];
  if (floats) {
    lowering.cover(floats->tail);
    step.scale = {lowering.request(floats->scale, Layout::channels_first)};
    step.multipliers = {lowering.constant_buffer(floats->multipliers)};
    step.bias = {lowering.constant_buffer(floats->bias)};
    step.low = floats->tail.low;
    step.high = floats->tail.high;
    operation = floats->tail.operation;
    result = floats->tail.result;
  }
  step.memory = {lowering.scratch(static_cast<std::size_t>(step.memory_bytes()))};
  step.output = {lowering.produce(result, p.layout)};
  lowering.append({node.name, std::move(operation), "int8", "gemm", p.multiply_accumulates()}, std::move(step));
  return true;
}

/// MatMul or Gemm of float activations and weights that the graph stores as integers, if the program is to quantise
/// rows as they come: the rows of the activations to 8 bits. False if the node is none.
inline bool lower_quantized_rows(Lowering& lowering, const graph::Node& node) {
  if (!lowering.quantizes_rows() || node.op.is<graph::Conv>()) return false;
  const std::optional<Product> product = product_of(lowering, node);
  if (!product || lowering.type(node.inputs[0]).type != DataType::float32) return false;
  const Product& p = *product;
  const auto weights = quantized_weights(lowering.graph(), lowering.producer(node.inputs[1]));
  const auto bias = bias_of(lowering, node, p.columns);
  constexpr Index kDeepest = std::numeric_limits<std::int32_t>::max() / (2 * 128 * 255);
  if (!weights || !bias || p.depth > kDeepest) return false;
  const bool grouped = weights->granularity.kind == quantize::Granularity::Kind::per_group;
  const kernels::WeightShape shape{.columns = p.columns,
                                   .depth = p.depth,
                                   .bits = weights->bits,
                                   .group_size = grouped ? weights->granularity.group_size : 0,
                                   .has_zero_points = !weights->zero_points.empty()};
  const std::vector<Index> slices = slices_in_order(p, *weights, shape.group_size);
  if (slices.empty()) return false;
  const std::vector<std::int8_t> values = gather<std::int8_t>(weights->values, p.weight_order);
  std::vector<std::int8_t> zero_points;
  if (shape.has_zero_points) zero_points = gather<std::int8_t>(weights->zero_points, slices);
  const Terms terms{.added = {}, .multipliers = gather<float>(weights->scales, slices)};
  PackedWeights packed = pack(lowering.kernels(), values, terms, zero_points, p, shape);
  const Tail tail = product_tail(lowering, node, false);
  QuantizedRowsStep step{.packed = {lowering.constant_buffer(std::move(packed.bytes))},
                         .bias = {lowering.constant_buffer(*bias)},
                         .rows = p.rows,
                         .weights = shape,
                         .low = tail.low,
                         .high = tail.high};
  if (!grouped) {
    std::vector<std::int32_t> column_sums;
    for (auto column = values.begin(); column != values.end(); column += p.depth) {
      column_sums.push_back(std::accumulate(column, column + p.depth, std::int32_t{0}));
    }
    step.multipliers = {lowering.constant_buffer(terms.multipliers)};
    step.column_sums = {lowering.constant_buffer(column_sums)};
  }
  lowering.cover(tail);
  step.input = {lowering.request(node.inputs[0], p.layout)};
  step.memory = {lowering.scratch(static_cast<std::size_t>(step.memory_bytes()))};
  step.output = {lowering.produce(tail.result, p.layout)};
  lowering.append({node.name, tail.operation, fmt::format("int{}", shape.bits), "gemm", p.multiply_accumulates()},
                  std::move(step));
  return true;
}

}  // namespace condense::runtime::detail

#endif
