#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_RECURRENT_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_RECURRENT_HPP

#include "condense/graph/operators/dynamic_quantize_lstm.hpp"
#include "condense/graph/operators/recurrent.hpp"
#include "condense/runtime/detail/recurrent_weights.hpp"
#include "condense/runtime/detail/steps/recurrent.hpp"

namespace condense::runtime::detail {

/// What a step of each recurrent operator is.
inline RecurrentCellKind cell_of(const graph::Rnn&) { return RecurrentCellKind::elman; }
inline RecurrentCellKind cell_of(const graph::Gru&) { return RecurrentCellKind::gru; }
inline RecurrentCellKind cell_of(const auto&) { return RecurrentCellKind::lstm; }
inline bool is_variant(const graph::Rnn&) { return false; }
inline bool is_variant(const graph::Gru& gru) { return gru.linear_before_reset; }
inline bool is_variant(const auto& lstm) { return lstm.input_forget; }
inline bool is_batch_first(const graph::DynamicQuantizeLstm&) { return false; }
inline bool is_batch_first(const auto& op) { return op.layout == 1; }

/// The part of a step that is the same whatever its weights are; empty if a bias is not constant, or nothing is to be
/// computed. `hidden` is the size of the state.
template <class Op>
std::optional<RecurrentStep> recurrent_step(Lowering& lowering, const graph::Node& node, const Op& op, Index hidden) {
  using Defaults = std::conditional_t<std::same_as<Op, graph::DynamicQuantizeLstm>, graph::Lstm, Op>;
  const auto input = [&](std::size_t i) { return i < node.inputs.size() ? node.inputs[i] : graph::kNoValue; };
  const Shape& x = lowering.shape(input(0));
  RecurrentStep step{.cell = cell_of(op),
                     .is_reversed = op.direction == graph::RecurrentDirection::reverse,
                     .is_variant = is_variant(op),
                     .sizes = {.steps = x[is_batch_first(op) ? 1 : 0],
                               .batch = x[is_batch_first(op) ? 0 : 1],
                               .input = x[2],
                               .hidden = hidden,
                               .gates = Defaults::kGates,
                               .directions = op.direction == graph::RecurrentDirection::bidirectional ? 2 : 1,
                               .batch_first = is_batch_first(op)}};
  const graph::reference::RecurrenceSizes& s = step.sizes;
  if (x.count() == 0 || hidden == 0) return {};
  std::vector<float> biases(static_cast<std::size_t>(s.directions * 2 * s.width()), 0.0F);
  if (input(3).exists()) {
    const std::optional<Tensor> constant = lowering.float_constant(input(3));
    if (!constant) return {};
    biases.assign(constant->values<float>().begin(), constant->values<float>().end());
  }
  step.biases = {lowering.constant_buffer(biases)};
  step.activations =
      graph::reference::RecurrentActivations{op.activations, op.activation_alpha, op.activation_beta, op.clip}.read(
          Defaults::kDefaultActivations, s.directions);
  return step;
}

/// Appends a step that has its weights.
inline void append_recurrent(Lowering& lowering, const graph::Node& node, const std::string& precision,
                             RecurrentStep step) {
  const graph::reference::RecurrenceSizes& s = step.sizes;
  const auto request = [&](std::size_t i) -> Reads {
    if (i >= node.inputs.size() || !node.inputs[i].exists()) return {};
    return {lowering.request(node.inputs[i], Layout::channels_first)};
  };
  step.x = request(0);
  step.lengths = request(4);
  step.initial_h = request(5);
  if (step.cell == RecurrentCellKind::lstm) {
    step.initial_c = request(6);
    step.peepholes = request(7);
  }
  Writes* results[] = {&step.y, &step.last_h, &step.last_c};
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    results[i]->buffer = lowering.produce(node.outputs[i], Layout::channels_first);
  }
  step.memory = {lowering.scratch(static_cast<std::size_t>(step.memory_bytes()))};
  const std::int64_t multiplies = std::int64_t{s.steps} * s.batch * s.directions * s.width() * (s.input + s.hidden);
  lowering.append({node.name, std::string(node.op.type()), precision, "recurrent", multiplies}, std::move(step));
}

/// RNN, GRU or LSTM of constant weights. Those that the graph stores as integers of 8 bits or fewer stay so.
template <class Op>
bool lower_recurrent(Lowering& lowering, const graph::Node& node, const Op& op) {
  if (lowering.type(node.inputs[0]).type != DataType::float32) return false;
  const auto of_input = recurrent_weights(lowering, node.inputs[1]);
  const auto of_state = recurrent_weights(lowering, node.inputs[2]);
  if (!of_input || !of_state) return false;
  const Index hidden = of_state->depth;
  std::optional<RecurrentStep> step = recurrent_step(lowering, node, op, hidden);
  if (!step) return false;
  step->input_product = pack(lowering, *of_input, 0, of_input->columns);
  if (step->cell == RecurrentCellKind::gru && !step->is_variant) {
    step->state_products = {pack(lowering, *of_state, 0, 2 * hidden), pack(lowering, *of_state, 2 * hidden, hidden)};
  } else {
    step->state_products = {pack(lowering, *of_state, 0, of_state->columns)};
  }
  const bool is_float = of_state->type == kernels::WeightType::float32;
  append_recurrent(lowering, node, is_float ? "float32" : fmt::format("float32 x {}", kernels::name(of_state->type)),
                   std::move(*step));
  return true;
}

inline bool lower_recurrent(Lowering& lowering, const graph::Node& node, const graph::DynamicQuantizeLstm& op) {
  const auto of_input = pack_dynamic(lowering, node, 1);
  const auto of_state = pack_dynamic(lowering, node, 2);
  if (!of_input || !of_state) return false;
  std::optional<RecurrentStep> step = recurrent_step(lowering, node, op, of_state->weights.depth);
  if (!step) return false;
  step->input_product = *of_input;
  step->state_products = {*of_state};
  append_recurrent(lowering, node, "int8", std::move(*step));
  return true;
}

/// A recurrent layer of constant weights: its products run on packed ones. False if the node is none.
inline bool lower_recurrent(Lowering& lowering, const graph::Node& node) {
  if (const auto* op = node.op.get_if<graph::DynamicQuantizeLstm>()) return lower_recurrent(lowering, node, *op);
  if (const auto* op = node.op.get_if<graph::Lstm>()) return lower_recurrent(lowering, node, *op);
  if (const auto* op = node.op.get_if<graph::Gru>()) return lower_recurrent(lowering, node, *op);
  if (const auto* op = node.op.get_if<graph::Rnn>()) return lower_recurrent(lowering, node, *op);
  return false;
}

}  // namespace condense::runtime::detail

#endif
