#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_OPERATOR_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_OPERATOR_HPP

#include "condense/graph/operator_traits.hpp"
#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/runtime/detail/lowering.hpp"
#include "condense/runtime/detail/steps/operator.hpp"

namespace condense::runtime::detail {

/// Appends a step of an operator's own evaluation; throws `Unsupported` naming the node if it has too many operands.
inline void append_operator(Lowering& lowering, const graph::Node& node, StepInfo info, OperatorStep step) {
  constexpr std::size_t kMost = OperatorStep::kMaximumOperands;
  if (step.inputs.size() > kMost || step.outputs.size() > kMost) {
    throw Unsupported(fmt::format("node '{}' ({}): it has {} inputs and {} outputs, the runtime takes {} of each",
                                  node.name, node.op.type(), step.inputs.size(), step.outputs.size(), kMost));
  }
  lowering.append(std::move(info), std::move(step));
}

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

}  // namespace condense::runtime::detail

#endif
