#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_ELEMENTWISE_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_ELEMENTWISE_HPP

#include <numeric>

#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/hard_swish.hpp"
#include "condense/graph/operators/leaky_relu.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/graph/operators/sigmoid.hpp"
#include "condense/runtime/detail/lowering.hpp"

namespace condense::runtime::detail {

/// Elements that one task of an elementwise step works on.
inline constexpr Index kElementsPerTask = 16384;

/// True for operators that map each element on its own and have one data input.
inline bool is_unary(const graph::Operator& op) {
  return op.is<graph::Relu>() || op.is<graph::LeakyRelu>() || op.is<graph::Clip>() || op.is<graph::Sigmoid>() ||
         op.is<graph::HardSwish>();
}

inline kernels::CodeOutput code_output(const Tail& tail) {
  return {.type = tail.quantized->element(),
          .zero_point = tail.quantized->affine.zero_point,
          .lowest = tail.lowest(),
          .highest = tail.highest()};
}

/// Sum or product of two quantised tensors of one shape, with clamp and requantisation. False if the node is not one.
inline bool lower_binary(Lowering& lowering, const graph::Node& node) {
  const bool is_add = node.op.is<graph::Add>();
  if (!is_add && !node.op.is<graph::Mul>()) return false;
  const auto a = lowering.source(node.inputs[0]);
  const auto b = lowering.source(node.inputs[1]);
  const Tail tail = lowering.tail(node, true);
  if (!a || !b || !tail.quantized || lowering.shape(node.inputs[0]) != lowering.shape(node.inputs[1])) return false;

  lowering.cover(tail);
  const Layout layout = lowering.present_layout(a->codes);
  const int from_a = lowering.request(a->codes, layout);
  const int from_b = lowering.request(b->codes, layout);
  const int to = lowering.produce(tail.result, layout);
  const Index count = lowering.shape(tail.result).count();
  const float scale = tail.quantized->affine.scale;
  const StepInfo info{node.name, tail.operation, "int8", "elementwise"};
  const kernels::ElementwiseKernel kernel = lowering.kernels().elementwise;
  const kernels::CodeOutput output = code_output(tail);
  const auto operand = [](const QuantizedValue& value) {
    return kernels::Codes{.type = value.element(), .zero_point = value.affine.zero_point};
  };
  const auto block = [](kernels::Codes codes, const std::byte* base, Index begin) {
    codes.data = base + begin;
    return codes;
  };
  const auto block_of = [](kernels::CodeOutput codes, std::byte* base, Index begin) {
    codes.data = base + begin;
    return codes;
  };
  if (is_add) {
    const float a_multiplier = kernels::short_multiplier(a->affine.scale / scale);
    const float b_multiplier = kernels::short_multiplier(b->affine.scale / scale);
    lowering.append(info, {from_a, from_b}, {to}, [=, a = operand(*a), b = operand(*b)](const Execution& e) {
      parallel_for(e.pool, count, kElementsPerTask, [&](Index begin, Index end) {
        kernel.add({.a = block(a, e.at<std::byte>(from_a), begin),
                    .b = block(b, e.at<std::byte>(from_b), begin),
                    .a_multiplier = a_multiplier,
                    .b_multiplier = b_multiplier,
                    .output = block_of(output, e.at<std::byte>(to), begin),
                    .count = end - begin});
      });
    });
    return true;
  }
  const float multiplier = a->affine.scale * b->affine.scale / scale;
  lowering.append(info, {from_a, from_b}, {to}, [=, a = operand(*a), b = operand(*b)](const Execution& e) {
    parallel_for(e.pool, count, kElementsPerTask, [&](Index begin, Index end) {
      kernel.multiply({.a = block(a, e.at<std::byte>(from_a), begin),
                       .b = block(b, e.at<std::byte>(from_b), begin),
                       .multiplier = multiplier,
                       .output = block_of(output, e.at<std::byte>(to), begin),
                       .count = end - begin});
    });
  });
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
  lowering.append(
      std::move(info), {from}, {to}, [=, lookup = lowering.kernels().elementwise.lookup](const Execution& e) {
        parallel_for(e.pool, count, kElementsPerTask, [&](Index begin, Index end) {
          lookup(e.at<std::uint8_t>(from) + begin, table.data(), end - begin, e.at<std::uint8_t>(to) + begin);
        });
      });
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

/// An elementwise operator of one input between a dequantisation and a quantisation: a table. False if it is not one.
inline bool lower_unary(Lowering& lowering, const graph::Node& node) {
  if (!is_unary(node.op)) return false;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i].exists() && !lowering.graph().is_constant(node.inputs[i])) return false;
  }
  const auto input = lowering.source(node.inputs[0]);
  const Tail tail = lowering.tail(node, true);
  if (!input || !tail.quantized) return false;

  const Tensor reals = reals_of_all_codes(*input);
  std::vector<const Tensor*> arguments{&reals};
  for (std::size_t i = 1; i < node.inputs.size(); ++i)
    arguments.push_back(lowering.graph().constant_if(node.inputs[i]));
  const LookupTable table = codes_of(graph::evaluate_node(node, arguments).front(), tail);

  lowering.cover(tail);
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
  const Index count = lowering.shape(node.outputs[0]).count();
  const kernels::CodeOutput output{.type = quantized->element(),
                                   .zero_point = quantized->affine.zero_point,
                                   .lowest = quantized->integers().lowest(),
                                   .highest = quantized->integers().highest()};
  lowering.append(
      {node.name, "QuantizeLinear", "-", "elementwise"}, {from}, {to},
      [=, scale = quantized->affine.scale, quantize = lowering.kernels().elementwise.quantize](const Execution& e) {
        parallel_for(e.pool, count, kElementsPerTask, [&](Index begin, Index end) {
          kernels::CodeOutput block = output;
          block.data = e.at<std::byte>(to) + begin;
          quantize(e.at<float>(from) + begin, scale, block, end - begin);
        });
      });
  return true;
}

}  // namespace condense::runtime::detail

#endif
