#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_MOVE_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_MOVE_HPP

#include "condense/graph/operator_traits.hpp"
#include "condense/runtime/detail/lower_operator.hpp"

namespace condense::runtime::detail {

/// Operators that only move elements, between a dequantisation and quantisations with the same parameters: they move
/// the codes. False if the node is not one.
inline bool lower_move(Lowering& lowering, const graph::Node& node) {
  if (!graph::moves_elements(node.op) || node.op.computes() || node.op.is<graph::Concat>()) return false;
  const auto input = lowering.source(node.inputs[0]);
  if (!input || bits(input->type) != 8) return false;
  std::vector<const graph::Node*> quantizers;
  for (const graph::Value output : node.outputs) {
    const graph::Node* next = lowering.only_consumer(output);
    const auto quantized = next == nullptr ? std::nullopt : quantized_output(lowering.graph(), *next);
    if (!quantized || !quantized->same_meaning(*input)) return false;
    quantizers.push_back(next);
  }

  const auto coded = [&](graph::Value value) { return graph::TensorType{input->type, lowering.shape(value)}; };
  OperatorStep step{node.op};
  step.add_input(coded(node.inputs[0]), lowering.request(input->codes, Layout::channels_first));
  const std::size_t count =
      node.op.is<graph::Pad>() ? std::max<std::size_t>(3, node.inputs.size()) : node.inputs.size();
  for (std::size_t i = 1; i < count; ++i) {
    const graph::Value value = i < node.inputs.size() ? node.inputs[i] : graph::kNoValue;
    if (node.op.is<graph::Pad>() && i == 2) {
      const Tensor* padding = lowering.graph().constant_if(value);
      if (value.exists() && (padding == nullptr || padding->type() != DataType::float32)) return false;
      const float real = value.exists() ? padding->data<float>()[0] : 0;
      Tensor code(input->type, Shape{1});
      const std::int32_t quantized = quantize::quantize_value(real, input->affine, input->integers());
      code.mutable_raw()[0] = static_cast<std::byte>(static_cast<std::uint8_t>(quantized));
      step.add_input({input->type, Shape{1}}, lowering.constant_buffer(code));
    } else if (value.exists()) {
      step.add_input(lowering.type(value), lowering.request(value, Layout::channels_first));
    } else {
      step.add_absent_input();
    }
  }
  for (const graph::Node* quantizer : quantizers) {
    const graph::Value codes = quantizer->outputs[0];
    step.add_output(coded(codes), lowering.produce(codes, Layout::channels_first));
    lowering.cover(*quantizer);
  }
  append_operator(lowering, node, {node.name, std::string(node.op.type()), "int8", "reference"}, std::move(step));
  return true;
}

}  // namespace condense::runtime::detail

#endif
