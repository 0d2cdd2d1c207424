#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_OPERATOR_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_OPERATOR_HPP

#include <array>

#include "condense/graph/operators/shape_queries.hpp"
#include "condense/runtime/detail/buffer_sizes.hpp"
#include "condense/runtime/detail/step_fields.hpp"

namespace condense::runtime::detail {

/// An operator that runs its own evaluation on buffers.
struct OperatorStep {
  static constexpr std::string_view kKind = "operator";
  static constexpr std::size_t kMaximumOperands = 16;

  graph::Operator op = graph::Identity{};
  std::vector<Reads> inputs = {};  ///< None for an absent input.
  std::vector<Writes> outputs = {};
  std::vector<graph::TensorType> types = {};  ///< Of the inputs, then the outputs.

  static void fields(auto& s, auto&& visit) { visit(s.op, s.inputs, s.outputs, s.types); }

  void add_input(const graph::TensorType& type, int buffer) {
    types.insert(types.begin() + static_cast<std::ptrdiff_t>(inputs.size()), type);
    inputs.push_back({buffer});
  }
  void add_absent_input() { add_input({}, -1); }
  void add_output(const graph::TensorType& type, int buffer) {
    types.push_back(type);
    outputs.push_back({buffer});
  }

  /// Infers the outputs again: the operator counts on the types that it gave.
  void check(const BufferSizes& buffers) const {
    require(inputs.size() <= kMaximumOperands && outputs.size() <= kMaximumOperands &&
                types.size() == inputs.size() + outputs.size(),
            "an operator has {} inputs, {} outputs and {} types", inputs.size(), outputs.size(), types.size());
    const auto bytes = [](const graph::TensorType& type) {
      require(type.shape.is_concrete(), "an operand has the open shape {}", type.shape.to_string());
      return static_cast<Index>(condense::bytes(type.type, type.shape.count()));
    };
    std::vector<std::optional<Tensor>> known(inputs.size());
    std::vector<std::optional<graph::InputTypes::Input>> operands(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].exists()) continue;
      buffers.require_readable(inputs[i], bytes(types[i]), 1);
      if (buffers.is_constant(inputs[i])) {
        known[i] = Tensor::on(buffers.memory(inputs[i]), types[i].type, types[i].shape);
      }
      operands[i] = graph::InputTypes::Input{types[i], known[i] ? &*known[i] : nullptr};
    }
    const std::vector<graph::TensorType> inferred = op.infer(graph::InputTypes(operands));
    require(inferred.size() >= outputs.size(), "{} has {} outputs, not {}", op.type(), inferred.size(), outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const graph::TensorType& type = types[inputs.size() + i];
      require(inferred[i] == type, "output {} of {} is {} of shape {}, not {} of shape {}", i, op.type(),
              name(inferred[i].type), inferred[i].shape.to_string(), name(type.type), type.shape.to_string());
      if (outputs[i].exists()) buffers.require_writable(outputs[i], bytes(type), 1);
    }
  }

  void run(const Execution& e) const {
    std::array<graph::InputBuffer, kMaximumOperands> from{};
    std::array<graph::OutputBuffer, kMaximumOperands> to{};
    for (std::size_t i = 0; i < inputs.size(); ++i) from[i] = {types[i], e.at<std::byte>(inputs[i])};
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      to[i] = {types[inputs.size() + i], e.at<std::byte>(outputs[i])};
    }
    op.evaluate({{from.data(), inputs.size()}, {to.data(), outputs.size()}, e.pool});
  }
};

}  // namespace condense::runtime::detail

#endif
