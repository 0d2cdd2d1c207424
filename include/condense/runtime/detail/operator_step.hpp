#ifndef CONDENSE_RUNTIME_DETAIL_OPERATOR_STEP_HPP
#define CONDENSE_RUNTIME_DETAIL_OPERATOR_STEP_HPP

#include "condense/runtime/detail/lowering.hpp"

namespace condense::runtime::detail {

/// An operator that runs its own evaluation on buffers.
struct OperatorStep {
  graph::Operator op;
  std::vector<graph::TensorType> types = {};  ///< Of the inputs, then the outputs.
  std::vector<int> buffers = {};              ///< The same; -1 for an absent input.
  std::size_t input_count = 0;

  void add_input(const graph::TensorType& type, int buffer) {
    types.push_back(type);
    buffers.push_back(buffer);
    ++input_count;
  }
  void add_absent_input() { add_input({}, -1); }
  void add_output(const graph::TensorType& type, int buffer) {
    types.push_back(type);
    buffers.push_back(buffer);
  }
};

/// Appends it; throws `Unsupported` naming the node if it has too many operands.
inline void append_operator(Lowering& lowering, const graph::Node& node, StepInfo info, OperatorStep step) {
  constexpr std::size_t kMaximumOperands = 16;
  const std::size_t output_count = step.buffers.size() - step.input_count;
  if (step.input_count > kMaximumOperands || output_count > kMaximumOperands) {
    throw Unsupported(fmt::format("node '{}' ({}): it has {} inputs and {} outputs, the runtime takes {} of each",
                                  node.name, node.op.type(), step.input_count, output_count, kMaximumOperands));
  }
  std::vector<int> reads;
  std::vector<int> writes;
  for (std::size_t i = 0; i < step.buffers.size(); ++i) {
    if (step.buffers[i] >= 0) (i < step.input_count ? reads : writes).push_back(step.buffers[i]);
  }
  lowering.append(std::move(info), std::move(reads), std::move(writes),
                  [step = std::move(step), output_count](const Execution& e) {
                    std::array<graph::InputBuffer, kMaximumOperands> inputs{};
                    std::array<graph::OutputBuffer, kMaximumOperands> outputs{};
                    for (std::size_t i = 0; i < step.buffers.size(); ++i) {
                      std::byte* address = step.buffers[i] < 0 ? nullptr : e.buffers[step.buffers[i]];
                      if (i < step.input_count) {
                        inputs[i] = {step.types[i], address};
                      } else {
                        outputs[i - step.input_count] = {step.types[i], address};
                      }
                    }
                    step.op.evaluate({{inputs.data(), step.input_count}, {outputs.data(), output_count}, e.pool});
                  });
}

}  // namespace condense::runtime::detail

#endif
