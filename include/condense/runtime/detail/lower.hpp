#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_HPP

#include "condense/runtime/detail/lower_elementwise.hpp"
#include "condense/runtime/detail/lower_float_product.hpp"
#include "condense/runtime/detail/lower_integer_product.hpp"
#include "condense/runtime/detail/lower_matrix_product.hpp"
#include "condense/runtime/detail/lower_move.hpp"
#include "condense/runtime/detail/lower_pooling.hpp"
#include "condense/runtime/detail/lower_recurrent.hpp"
#include "condense/runtime/detail/lower_residual.hpp"
#include "condense/runtime/detail/lower_structure.hpp"

namespace condense::runtime::detail {

/// Runs the operator's own evaluation in the arena, channels first; elementwise ones in whatever layout there is.
inline void lower_operator(Lowering& lowering, const graph::Node& node) {
  if (node.op.computes()) {
    throw Unsupported(
        fmt::format("node '{}' ({}): the shapes of its outputs are only known when it is run, so memory "
                    "cannot be planned; evaluate the graph node by node",
                    node.name, node.op.type()));
  }
  const auto refuse_packed = [&](graph::Value value) {
    if (!value.exists() || lowering.graph().is_constant(value) || !is_packed(lowering.type(value).type)) return;
    throw Unsupported(fmt::format("node '{}' ({}): it computes with the {} value '{}'; quantise activations to 8 bits",
                                  node.name, node.op.type(), name(lowering.type(value).type),
                                  lowering.graph().name(value)));
  };
  std::ranges::for_each(node.inputs, refuse_packed);
  std::ranges::for_each(node.outputs, refuse_packed);
  const bool same_shape = node.inputs.size() == 2 && lowering.shape(node.inputs[0]) == lowering.shape(node.inputs[1]);
  const bool elementwise = graph::mapped_input(lowering.graph(), node) == std::optional<std::size_t>(0) ||
                           (same_shape && (node.op.is<graph::Add>() || node.op.is<graph::Mul>()));
  const Layout layout = elementwise ? lowering.present_layout(node.inputs[0]) : Layout::channels_first;

  OperatorStep step{node.op};
  for (const graph::Value value : node.inputs) {
    if (value.exists()) {
      step.add_input(lowering.type(value), lowering.request(value, layout));
    } else {
      step.add_absent_input();
    }
  }
  for (const graph::Value value : node.outputs) {
    step.add_output(lowering.type(value), lowering.produce(value, layout));
  }
  append_operator(lowering, node, {node.name, std::string(node.op.type()), "float32", "reference"}, std::move(step));
}

inline void lower(Lowering& lowering, const graph::Node& node) {
  const graph::Value value = node.outputs[0];
  if (lowering.is_covered(node)) return;
  if (node.op.is<graph::DequantizeLinear>() && lowering.source(value)) return;  // made where a float is asked for
  if (lowering.is_dequantized_constant(node)) return;                           // folded where it is asked for
  if (lower_integer_product(lowering, node) || lower_matrix_product(lowering, node) ||
      lower_float_product(lowering, node) || lower_residual(lowering, node) || lower_binary(lowering, node) ||
      lower_unary(lowering, node) || lower_pooling(lowering, node) || lower_reshape(lowering, node) ||
      lower_concat(lowering, node) || lower_move(lowering, node) || lower_recurrent(lowering, node) ||
      lower_quantize(lowering, node)) {
    return;
  }
  lower_operator(lowering, node);
}

}  // namespace condense::runtime::detail

#endif
