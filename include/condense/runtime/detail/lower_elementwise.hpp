#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_ELEMENTWISE_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_ELEMENTWISE_HPP

#include <numeric>

#include "condense/graph/evaluate.hpp"
#include "condense/graph/operator_traits.hpp"
#include "condense/runtime/detail/lowering.hpp"

namespace condense::runtime::detail {

/// A quantised operand of a sum or product: an activation, or constant codes with one scale.
inline std::optional<QuantizedValue> quantized_operand(const Lowering& lowering, graph::Value value) {
  if (const auto source = lowering.source(value)) return source;
  const graph::Node* producer = lowering.producer(value);
  if (producer == nullptr || !producer->op.is<graph::DequantizeLinear>()) return {};
  const Tensor* codes = lowering.graph().constant_if(producer->inputs[0]);
  if (codes == nullptr || bits(codes->type()) != 8) return {};
  return per_tensor_parameters(lowering.graph(), *producer, producer->inputs[0]);
}

/// The extents of a value as they lie in memory, with axes of one element before them up to `rank`.
inline Shape extents_in_memory(const Shape& shape, int rank, Layout layout) {
  std::vector<Index> extents(static_cast<std::size_t>(rank - shape.rank()), 1);
  extents.insert(extents.end(), shape.begin(), shape.end());
  if (layout == Layout::channels_last) std::rotate(extents.begin() + 1, extents.begin() + 2, extents.end());
  return Shape(std::span<const Index>(extents));
}

/// True if a value that broadcasts to another one of `rank` dimensions can do so in a layout.
inline bool broadcasts_in(const Lowering& lowering, graph::Value value, int rank, Layout layout) {
  const Shape& shape = lowering.shape(value);
  if (layout == Layout::channels_first || shape.rank() == rank) return true;
  const Shape whole = extents_in_memory(shape, rank, Layout::channels_first);
  return whole[1] == 1 || whole.count(2, rank) == 1;
}

/// How two operands meet in a result; empty where that takes more loops than a step has.
inline std::optional<BroadcastExtents> broadcast_of(const Lowering& lowering, graph::Value a, graph::Value b,
                                                    graph::Value result, Layout layout) {
  const Shape& shape = lowering.shape(result);
  const auto in_memory = [&](graph::Value value) {
    return extents_in_memory(lowering.shape(value), shape.rank(), layout);
  };
  return broadcast_extents(in_memory(a), in_memory(b), in_memory(result));
}

/// The layout for a function of two operands: that of one which has the shape of the result, if both can be read so.
inline Layout layout_of_pair(const Lowering& lowering, graph::Value a, graph::Value b, graph::Value result) {
  const Shape& shape = lowering.shape(result);
  Layout layout = Layout::channels_first;
  for (const graph::Value value : {a, b}) {
    const bool whole = lowering.shape(value) == shape && lowering.known(value) == nullptr;
    if (whole && layout == Layout::channels_first) layout = lowering.present_layout(value);
  }
  const bool fits =
      broadcasts_in(lowering, a, shape.rank(), layout) && broadcasts_in(lowering, b, shape.rank(), layout);
  return fits ? layout : Layout::channels_first;
}

/// The buffer of the codes of an operand, repeated to the extents of the result.
inline int request_broadcast(Lowering& lowering, graph::Value codes, graph::Value result, Layout layout) {
  const int from = lowering.request(codes, layout);
  const Shape& wanted = lowering.shape(result);
  if (lowering.shape(codes) == wanted) return from;
  const Shape to_shape = extents_in_memory(wanted, wanted.rank(), layout);
  const Shape from_shape = extents_in_memory(lowering.shape(codes), wanted.rank(), layout);
  const int to = lowering.scratch(static_cast<std::size_t>(wanted.count()));
  lowering.append({lowering.graph().name(codes), "Expand", "-", "layout"},
                  ExpandStep{.input = {from}, .output = {to}, .input_shape = from_shape, .output_shape = to_shape});
  return to;
}

/// Sum or product of two quantised tensors, one of which may be constant, with clamp and requantisation. False if the
/// node is not one.
inline bool lower_binary(Lowering& lowering, const graph::Node& node) {
  const bool is_add = node.op.is<graph::Add>();
  if (!is_add && !node.op.is<graph::Mul>()) return false;
  const auto a = quantized_operand(lowering, node.inputs[0]);
  const auto b = quantized_operand(lowering, node.inputs[1]);
  const Tail tail = lowering.tail(node, true);
  if (!a || !b || !tail.quantized) return false;
  const Shape& shape = lowering.shape(tail.result);
  const auto is_number = [&](const QuantizedValue& x) {
    return lowering.graph().is_constant(x.codes) && lowering.shape(x.codes).count() == 1;
  };
  if (is_number(*a) || is_number(*b)) return false;  // a table does it

  lowering.cover(tail);
  const Layout layout = layout_of_pair(lowering, a->codes, b->codes, tail.result);
  auto extents = broadcast_of(lowering, a->codes, b->codes, tail.result, layout);
  const auto request = [&](const QuantizedValue& x) {
    return extents ? lowering.request(x.codes, layout) : request_broadcast(lowering, x.codes, tail.result, layout);
  };
  const int from_a = request(*a);
  const int from_b = request(*b);
  if (!extents) extents = same_extents(shape.count());
  const int to = lowering.produce(tail.result, layout);
  const float scale = tail.quantized->affine.scale;
  const StepInfo info{node.name, tail.operation, "int8", "elementwise"};
  const auto operand = [](const QuantizedValue& value) {
    return kernels::Codes{.type = value.element(), .zero_point = value.affine.zero_point};
  };
  if (is_add) {
    const kernels::AddArguments form{.a = operand(*a),
                                     .b = operand(*b),
                                     .a_multiplier = kernels::short_multiplier(a->affine.scale / scale),
                                     .b_multiplier = kernels::short_multiplier(b->affine.scale / scale),
                                     .output = code_output(tail)};
    lowering.append(info, AddStep{.a = {from_a}, .b = {from_b}, .output = {to}, .extents = *extents, .form = form});
    return true;
  }
  const kernels::MultiplyArguments form{.a = operand(*a),
                                        .b = operand(*b),
                                        .multiplier = a->affine.scale * b->affine.scale / scale,
                                        .output = code_output(tail)};
  lowering.append(info, MultiplyStep{.a = {from_a}, .b = {from_b}, .output = {to}, .extents = *extents, .form = form});
  return true;
}

/// The reals that the 256 bytes stand for as codes of a quantised value.
inline Tensor reals_of_all_codes(const QuantizedValue& value) {
  Tensor reals(DataType::float32, Shape{256});
  for (int byte = 0; byte < 256; ++byte) {
    const std::int32_t code = is_signed(value.type) ? static_cast<std::int8_t>(byte) : byte;
    reals.mutable_data<float>()[byte] = quantize::dequantize_value(code, value.affine);
  }
  return reals;
}

using LookupTable = std::array<std::uint8_t, 256>;

/// The codes of 256 reals after the clamp and quantisation of a tail: any elementwise operation between a
/// dequantisation and a quantisation is such a table, exactly.
inline LookupTable codes_of(const Tensor& reals, const Tail& tail) {
  LookupTable table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    const float value = std::min(std::max(reals.values<float>()[byte], tail.low), tail.high);
    table[byte] =
        static_cast<std::uint8_t>(quantize::quantize_value(value, tail.quantized->affine, tail.quantized->integers()));
  }
  return table;
}

inline void append_lookup(Lowering& lowering, StepInfo info, int from, int to, Index count, const LookupTable& table) {
  const std::vector<std::uint8_t> content(table.begin(), table.end());
  lowering.append(
      std::move(info),
      LookupStep{.input = {from}, .table = {lowering.constant_buffer(content)}, .output = {to}, .count = count});
}

/// The buffer of quantised codes expressed in the parameters of a tail; a table does it where they differ.
inline int request_as(Lowering& lowering, const QuantizedValue& value, const Tail& tail, Layout layout) {
  const int from = lowering.request(value.codes, layout);
  if (value.same_meaning(*tail.quantized) && !tail.clamps()) return from;
  const Index count = lowering.shape(value.codes).count();
  const int to = lowering.scratch(static_cast<std::size_t>(count));
  append_lookup(lowering, {lowering.graph().name(value.codes), "requantise", "int8", "elementwise"}, from, to, count,
                codes_of(reals_of_all_codes(value), tail));
  return to;
}

/// A table that does what one in a constant buffer, if there is one, and then another one do.
inline std::vector<std::uint8_t> after(Lowering& lowering, Reads first, const LookupTable& second) {
  std::vector<std::uint8_t> result(second.begin(), second.end());
  if (!first.exists()) return result;
  const auto* codes = lowering.plan().buffers[static_cast<std::size_t>(first.buffer)].constant.get();
  for (std::size_t byte = 0; byte < result.size(); ++byte)
    result[byte] = second[static_cast<std::uint8_t>(codes[byte])];
  return result;
}

/// A function of single elements between a dequantisation and a quantisation: a table. The step of a product whose
/// result it maps applies it block by block, if nobody else reads that. False if the node is not one.
inline bool lower_unary(Lowering& lowering, const graph::Node& node) {
  const auto mapped = graph::mapped_input(lowering.graph(), node, [&](graph::Value value) -> Index {
    const auto constant = lowering.float_constant(value);
    return constant ? constant->count() : -1;
  });
  if (!mapped) return false;
  const auto input = lowering.source(node.inputs[*mapped]);
  const Tail tail = lowering.tail(node, true);
  if (!input || !tail.quantized) return false;

  std::vector<std::optional<Tensor>> tensors;
  std::vector<const Tensor*> arguments;
  for (const graph::Value value : node.inputs) {
    tensors.push_back(value.exists() ? lowering.float_constant(value) : std::nullopt);
  }
  tensors[*mapped] = reals_of_all_codes(*input);
  for (const auto& tensor : tensors) arguments.push_back(tensor ? &*tensor : nullptr);
  const LookupTable table = codes_of(graph::evaluate_node(node, arguments).front(), tail);

  lowering.cover(tail);
  if (auto product = lowering.last_product(input->codes)) {
    IntegerProductStep* step = product->integers();
    if (step != nullptr && lowering.only_consumer(node.inputs[*mapped]) != nullptr) {
      lowering.withdraw_product();
      step->table = {lowering.table_buffer(after(lowering, step->table, table))};
      step->output = {lowering.produce(tail.result, product->layout)};
      product->result = tail.result;
      product->info.operation += " + " + tail.operation;
      lowering.append_product(*std::move(product));
      return true;
    }
  }
  const Layout layout = lowering.present_layout(input->codes);
  const int from = lowering.request(input->codes, layout);
  const int to = lowering.produce(tail.result, layout);
  append_lookup(lowering, {node.name, tail.operation, "int8", "elementwise"}, from, to,
                lowering.shape(tail.result).count(), table);
  return true;
}

/// A QuantizeLinear of a float value with one scale for the tensor. False if it is not one.
inline bool lower_quantize(Lowering& lowering, const graph::Node& node) {
  const auto quantized = quantized_output(lowering.graph(), node);
  if (!quantized || bits(quantized->type) > 8) return false;
  const Layout layout = lowering.present_layout(node.inputs[0]);
  const int from = lowering.request(node.inputs[0], layout);
  const int to = lowering.produce(node.outputs[0], layout);
  lowering.append({node.name, "QuantizeLinear", "-", "elementwise"},
                  QuantizeStep{.input = {from},
                               .output = {to},
                               .count = lowering.shape(node.outputs[0]).count(),
                               .scale = quantized->affine.scale,
                               .form = {.type = quantized->element(),
                                        .zero_point = quantized->affine.zero_point,
                                        .lowest = quantized->integers().lowest(),
                                        .highest = quantized->integers().highest()}});
  return true;
}

}  // namespace condense::runtime::detail

#endif
