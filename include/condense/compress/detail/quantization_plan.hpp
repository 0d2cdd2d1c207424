#ifndef CONDENSE_COMPRESS_DETAIL_QUANTIZATION_PLAN_HPP
#define CONDENSE_COMPRESS_DETAIL_QUANTIZATION_PLAN_HPP

#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "condense/compress/coverage.hpp"
#include "condense/compress/detail/operator_kinds.hpp"
#include "condense/compress/post_training_config.hpp"
#include "condense/graph/statistics.hpp"

namespace condense::compress::detail {

/// Sets of values that must share one scale and zero point (union-find).
class SharedScales {
 public:
  explicit SharedScales(int values) : parent_(static_cast<std::size_t>(values)) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }

  /// Number that all values of one set have in common.
  int set_of(graph::Value value) const {
    int i = value.index;
    while (parent_[static_cast<std::size_t>(i)] != i) i = parent_[static_cast<std::size_t>(i)];
    return i;
  }
  void join(graph::Value a, graph::Value b) { parent_[static_cast<std::size_t>(set_of(a))] = set_of(b); }

 private:
  std::vector<int> parent_;
};

/// A clamp that is computed with the node before it, and the bounds that its result has.
struct FusedClamp {
  const graph::Node* node = nullptr;
  quantize::Range bounds;
};

/// The bias of a product: input `input` of nodes()[node], which is the product itself or a sum behind it.
struct BiasInput {
  int node = -1;
  std::size_t input = 2;
};

/// What is to be quantised, decided before any data is seen.
struct QuantizationPlan {
  std::map<std::string, NodeCoverage> nodes;       ///< By node name.
  std::set<graph::Value> quantized;                ///< Activations that get a QuantizeLinear/DequantizeLinear pair.
  std::set<graph::Value> derived;                  ///< Those that hold only elements of another one of their set.
  std::map<graph::Value, quantize::Range> bounds;  ///< Results of a fused clamp, with its bounds.
  std::map<std::string, BiasInput> added_biases;   ///< Of products to which the next node adds a constant.
};

/// The inputs of a node that are activations.
inline std::vector<graph::Value> data_inputs(const graph::Graph& graph, const graph::Node& node) {
  std::vector<graph::Value> result;
  for (const graph::Value input : node.inputs) {
    if (input.exists() && !graph.is_constant(input) && graph.type(input).type == DataType::float32) {
      result.push_back(input);
    }
  }
  return result;
}

/// Decides for every node of a graph whether it runs on integers, and which activations are quantised for it.
///
/// First it is found out what speaks against a node by itself. Then, from the end, which values somebody takes as
/// codes: a sum or an activation function on codes is of use only where its result is read as codes, or at an output.
/// Then, from the beginning, what has its inputs quantised.
class QuantizationPlanner {
 public:
  QuantizationPlanner(const graph::Graph& graph, const PostTrainingConfig& config)
      : graph_(graph),
        config_(config),
        producers_(graph.producers()),
        consumers_(graph.consumers()),
        takes_codes_(graph.nodes().size(), false) {}

  QuantizationPlan run() {
    for (const graph::Node& node : graph_.nodes()) {
      NodeCoverage coverage{.node = node.name, .operation = std::string(node.op.type())};
      if (has_weights(node)) coverage.weights = config_.weights.format(node.name).name();
      coverage.reason =
          has_weights(node) || is_product(node.op) ? reason_against_weights(node, coverage) : reason_against(node);
      plan_.nodes.emplace(node.name, std::move(coverage));
    }
    for (std::size_t i = graph_.nodes().size(); i-- > 0;) takes_codes_[i] = takes_codes(graph_.nodes()[i]);
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) plan(i);
    return std::move(plan_);
  }

 private:
  // ---- What speaks against a node by itself.

  bool is_kept_float(const graph::Node& node) const { return is_float32(config_.weights.format(node.name)); }

  /// The same for a node without weights, which the default format does not concern.
  bool is_overridden_to_float(const graph::Node& node) const {
    return config_.weights.overrides.contains(node.name) && is_kept_float(node);
  }

  bool has_weights(const graph::Node& node) const {
    const std::vector<WeightInput> weights = weight_inputs(node.op);
    if (weights.empty()) return false;
    const auto is_weight = [&](const WeightInput& weight) { return graph_.is_constant(node.inputs[weight.input]); };
    return std::ranges::all_of(weights, is_weight);
  }

  /// Why a node with weights does not run on integers; empty if it can. Sets the execution where just the weights are
  /// quantised, or the activations in every run.
  std::string reason_against_weights(const graph::Node& node, NodeCoverage& coverage) const {
    if (node.op.is<graph::Gather>()) return reason_against_table(node, coverage);
    if (!has_weights(node)) return reason_against_two_activations(node);
    const auto fixed = [&](const WeightInput& weight) {
      return graph_.type(node.inputs[weight.input]).type == DataType::float32;
    };
    if (!std::ranges::all_of(weight_inputs(node.op), fixed)) return "its weights are not float32";
    if (is_kept_float(node)) return "kept in float as configured";
    const ActivationMode mode = config_.activations.mode;
    const auto weights_only = [&](std::string why) {
      coverage.execution = Execution::weights_only;
      return why;
    };
    if (!is_product(node.op)) {
      if (!node.op.is<graph::Lstm>()) return weights_only(fmt::format("{} has no integer form", node.op.type()));
      if (mode == ActivationMode::floating) return weights_only("activations are kept in float as configured");
      if (config_.recurrent == RecurrentMode::weights_only) return weights_only("only its weights, as configured");
      if (node.op.get_if<graph::Lstm>()->layout != 0) return weights_only("its batch comes first");
      if (!is_int8(config_.weights.format(node.name))) return weights_only("DynamicQuantizeLSTM takes int8 weights");
      coverage.execution = Execution::dynamic;
      return "x and h are quantised in every step";
    }
    if (const auto* gemm = node.op.get_if<graph::Gemm>()) {
      const bool has_bias = has_input(node, 2);
      if (gemm->trans_a) return "its first operand is transposed";
      if (gemm->alpha != 1 || (has_bias && gemm->beta != 1)) return "its alpha or beta is not 1";
      const Shape bias = has_bias ? graph_.type(node.inputs[2]).shape : Shape{};
      const bool by_row = bias.rank() > 1 && bias[0] != 1;
      const Shape& weights = graph_.type(node.inputs[1]).shape;
      if (has_bias && (by_row || bias.count() != weights[gemm->trans_b ? 0 : 1])) {
        return "its bias is not one for each output";
      }
    }
    const Shape& weights = graph_.type(node.inputs[1]).shape;
    if (node.op.is<graph::MatMul>() && weights.rank() != 2) return "its weights are not a matrix";
    if (is_convolution(node.op) && weights.rank() > 4) return "it works on volumes";
    if (const auto* conv = node.op.get_if<graph::ConvTranspose>(); conv != nullptr && conv->group > 1) {
      const bool in_groups =
          config_.weights.format(node.name).granularity.kind == quantize::Granularity::Kind::per_group;
      if (in_groups) return weights_only("groups of its weights would cross those of the convolution");
    }
    if (has_input(node, 2) && !graph_.is_constant(node.inputs[2])) return "its bias is not constant";
    if (graph_.is_constant(node.inputs[0])) return "its input is a constant";
    if (mode == ActivationMode::static_ranges) return {};
    if (mode == ActivationMode::floating) return weights_only("activations are kept in float as configured");
    if (is_convolution(node.op)) return weights_only("convolutions have no dynamic form");
    if (!is_int8(config_.weights.format(node.name))) return weights_only("MatMulInteger takes int8 weights");
    if (graph_.type(node.inputs[0]).shape.rank() < 2) return weights_only("its input is a vector");
    coverage.execution = Execution::dynamic;
    return "its input is quantised in every run";
  }

  /// The same for the table of an embedding, which stays float unless it has a format of its own.
  std::string reason_against_table(const graph::Node& node, NodeCoverage& coverage) const {
    if (!has_weights(node)) return reason_against(node);
    const Shape& table = graph_.type(node.inputs[0]).shape;
    const bool is_given = config_.weights.overrides.contains(node.name);
    const bool is_table = graph_.type(node.inputs[0]).type == DataType::float32 && table.rank() == 2 &&
                          table.axis(node.op.get_if<graph::Gather>()->axis) == 0;
    coverage.weights = is_given && is_table ? config_.weights.format(node.name).name() : "";
    if (graph_.type(node.inputs[0]).type != DataType::float32) return "it does not compute with float32";
    if (!is_table) return "it takes no rows of a matrix";
    if (!is_given) return "tables stay in float unless they have a format of their own, int8/channel";
    if (is_kept_float(node)) return "kept in float as configured";
    coverage.execution = Execution::weights_only;
    return "its rows become float as they are read";
  }

  std::string reason_against_two_activations(const graph::Node& node) const {
    if (is_convolution(node.op)) return "its weights are not constant";
    if (is_kept_float(node)) return "kept in float as configured";
    const auto* gemm = node.op.get_if<graph::Gemm>();
    if (gemm != nullptr && (gemm->trans_a || gemm->alpha != 1 || has_input(node, 2))) {
      return "its weights are not constant";
    }
    for (const std::size_t i : {0U, 1U}) {
      if (graph_.is_constant(node.inputs[i])) return "its first operand is a constant";
      if (is_dequantized(node.inputs[i])) return "it reads codes already";
      if (graph_.type(node.inputs[i]).type != DataType::float32) return "it does not compute with float32";
      if (graph_.type(node.inputs[i]).shape.rank() < 2) return "it multiplies a vector";
    }
    switch (config_.activations.mode) {
      case ActivationMode::static_ranges: return {};
      case ActivationMode::dynamic: return "only products with weights are quantised dynamically";
      default: return "activations are kept in float as configured";
    }
  }

  /// Why another node cannot run on integers; empty if it can, once its inputs are quantised.
  std::string reason_against(const graph::Node& node) const {
    const bool is_move = graph::moves_elements(node.op);
    const bool is_softmax = node.op.is<graph::Softmax>();
    const bool is_shift = (node.op.is<graph::Sub>() || node.op.is<graph::Div>()) && scalar_operand(node, 1);
    if (!is_binary(node.op) && !is_activation(node.op) && !is_average(node.op) && !is_move && !is_softmax &&
        !is_shift) {
      return fmt::format("{} has no integer form", node.op.type());
    }
    if (graph_.type(node.outputs[0]).type != DataType::float32) return "it does not compute with float32";
    if (config_.activations.mode == ActivationMode::floating) return "activations are kept in float as configured";
    if (config_.activations.mode == ActivationMode::dynamic) return "only products are quantised dynamically";
    if (is_overridden_to_float(node)) return "kept in float as configured";
    if (is_softmax && !config_.quantize_softmax) return "Softmax stays in float unless quantize_softmax is set";
    const bool of_volumes = graph_.type(node.inputs[0]).shape.rank() > 4;
    if (of_volumes && (is_average(node.op) || node.op.is<graph::MaxPool>())) return "it works on volumes";
    if (node.op.is<graph::MaxPool>() && node.outputs.size() > 1) return "it also says where its results come from";
    if (node.op.is<graph::Concat>() || node.op.is<graph::Clip>()) {
      const auto constant = [&](graph::Value input) { return graph_.is_constant(input); };
      const auto fixed = [&](graph::Value input) { return !input.exists() || constant(input); };
      if (node.op.is<graph::Concat>() && std::ranges::any_of(node.inputs, constant)) return "one operand is a constant";
      if (node.op.is<graph::Clip>() && !std::all_of(node.inputs.begin() + 1, node.inputs.end(), fixed)) {
        return "its bounds are not constant";
      }
      return {};
    }
    if (is_move && data_inputs(graph_, node) != std::vector<graph::Value>{node.inputs[0]}) {
      return "it moves by values that are computed, or a constant";
    }
    for (const graph::Value input : node.inputs) {
      const Tensor* operand = is_binary(node.op) ? graph_.constant_if(input) : nullptr;
      if (operand == nullptr) continue;
      const auto is_finite = [](float value) { return std::isfinite(value); };
      if (!std::ranges::all_of(operand->values<float>(), is_finite)) return "its constant operand is not finite";
    }
    if (const auto* pad = node.op.get_if<graph::Pad>(); pad != nullptr && pad->mode == graph::PadMode::constant) {
      const Tensor* value = has_input(node, 2) ? graph_.constant_if(node.inputs[2]) : nullptr;
      if (has_input(node, 2) && (value == nullptr || value->data<float>()[0] != 0)) return "it pads with other than 0";
    }
    return {};
  }

  bool is_dequantized(graph::Value value) const {
    const int producer = producers_[static_cast<std::size_t>(value.index)];
    if (producer < 0) return false;
    const graph::Operator& op = graph_.nodes()[static_cast<std::size_t>(producer)].op;
    return op.is<graph::DequantizeLinear>() || op.is<graph::DequantizeCodebook>();
  }

  static bool has_input(const graph::Node& node, std::size_t i) {
    return i < node.inputs.size() && node.inputs[i].exists();
  }

  /// True if input i is a constant number which does not change the shape of the other one.
  bool scalar_operand(const graph::Node& node, std::size_t i) const {
    return graph::mapped_input(graph_, node) == std::optional<std::size_t>(1 - i);
  }

  // ---- Who takes codes.

  bool takes_codes(const graph::Node& node) const {
    const NodeCoverage& coverage = plan_.nodes.at(node.name);
    if (!coverage.reason.empty()) return false;
    if (is_product(node.op) || is_average(node.op)) return true;
    return std::ranges::any_of(node.outputs,
                               [&](graph::Value output) { return graph_.is_output(output) || is_wanted(output); });
  }

  /// True if a node that can run on integers reads a value. What a product makes for others stays float, as the logits
  /// of a network or the scores before a Softmax.
  bool is_wanted(graph::Value value) const {
    const auto& consumers = consumers_[static_cast<std::size_t>(value.index)];
    return std::ranges::any_of(consumers, [&](int i) { return takes_codes_[static_cast<std::size_t>(i)]; });
  }

  // ---- What is quantised.

  void plan(std::size_t index) {
    const graph::Node& node = graph_.nodes()[index];
    NodeCoverage& coverage = plan_.nodes.at(node.name);
    const auto fused = fused_.find(node.name);
    if (fused != fused_.end()) {
      coverage.execution = Execution::fused;
      coverage.reason = fmt::format("with '{}'", fused->second);
      return;
    }
    if (!coverage.reason.empty()) return;
    const auto is_quantized = [&](graph::Value input) { return plan_.quantized.contains(input); };
    const bool on_codes = std::ranges::any_of(data_inputs(graph_, node), is_quantized);
    const bool is_move = graph::moves_elements(node.op);
    if (!is_product(node.op) && !on_codes && !(is_move && takes_codes_[index] && keeps_count(node))) {
      coverage.reason = "its inputs are float";
    } else if (!takes_codes_[index] && !is_move) {
      coverage.reason = "only nodes in float read its result";
    } else {
      plan_integer(node, coverage);
    }
  }

  /// True if it takes no more work to quantise before a node that moves elements than after it.
  bool keeps_count(const graph::Node& node) const {
    Index before = 0;
    Index after = 0;
    for (const graph::Value input : data_inputs(graph_, node)) before += graph_.type(input).shape.count();
    for (const graph::Value output : node.outputs) after += is_wanted(output) ? graph_.type(output).shape.count() : 0;
    return before > 0 && after >= before;
  }

  const graph::Node* only_consumer(graph::Value value) const {
    const auto& consumers = consumers_[static_cast<std::size_t>(value.index)];
    if (consumers.size() != 1 || graph_.is_output(value)) return nullptr;
    return &graph_.nodes()[static_cast<std::size_t>(consumers[0])];
  }

  /// The Relu or Clip that can be computed with the node that makes a value, if that value is read by nothing else.
  FusedClamp clamp_after(graph::Value result) const {
    const graph::Node* next = only_consumer(result);
    if (next == nullptr || is_overridden_to_float(*next)) return {};
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    if (next->op.is<graph::Relu>()) return {next, {0, kInfinity}};
    if (!next->op.is<graph::Clip>()) return {};
    FusedClamp clamp{next, {-kInfinity, kInfinity}};
    for (std::size_t i = 1; i < next->inputs.size(); ++i) {
      if (!next->inputs[i].exists()) continue;
      const Tensor* bound = graph_.constant_if(next->inputs[i]);
      if (bound == nullptr || bound->type() != DataType::float32) return {};
      (i == 1 ? clamp.bounds.min : clamp.bounds.max) = bound->data<float>()[0];
    }
    return clamp;
  }

  /// The constant that the next node adds to each output of a product: the bias of a MatMul.
  std::optional<BiasInput> bias_after(const graph::Node& node) const {
    if (!node.op.is<graph::MatMul>() || !has_weights(node)) return {};
    const graph::Node* next = only_consumer(node.outputs[0]);
    if (next == nullptr || !next->op.is<graph::Add>() || is_overridden_to_float(*next)) return {};
    const std::size_t input = next->inputs[0] == node.outputs[0] ? 1 : 0;
    const Tensor* bias = graph_.constant_if(next->inputs[input]);
    const Index columns = graph_.type(node.inputs[1]).shape[1];
    const bool fits = bias != nullptr && bias->type() == DataType::float32 && bias->count() == columns &&
                      bias->shape().rank() >= 1 && bias->shape()[bias->shape().rank() - 1] == columns &&
                      bias->shape().rank() <= graph_.type(node.outputs[0]).shape.rank();
    if (!fits) return {};
    return BiasInput{consumers_[static_cast<std::size_t>(node.outputs[0].index)][0], input};
  }

  void plan_integer(const graph::Node& node, NodeCoverage& coverage) {
    coverage.execution = Execution::integer;
    for (const graph::Value input : data_inputs(graph_, node)) plan_.quantized.insert(input);
    graph::Value result = node.outputs[0];
    if (graph::moves_elements(node.op)) {
      for (const graph::Value output : node.outputs) {
        plan_.quantized.insert(output);
        plan_.derived.insert(output);
      }
      return;
    }
    if (const std::optional<BiasInput> bias = bias_after(node)) {
      const graph::Node& sum = graph_.nodes()[static_cast<std::size_t>(bias->node)];
      fused_[sum.name] = node.name;
      plan_.added_biases[node.name] = *bias;
      result = sum.outputs[0];
    }
    const FusedClamp clamp = clamp_after(result);
    if (clamp.node != nullptr) {
      fused_[clamp.node->name] = node.name;
      result = clamp.node->outputs[0];
      plan_.bounds[result] = clamp.bounds;
    }
    const bool matrix = node.op.is<graph::Gemm>() || node.op.is<graph::MatMul>();
    if (!matrix || is_wanted(result)) plan_.quantized.insert(result);
  }

  const graph::Graph& graph_;
  const PostTrainingConfig& config_;
  std::vector<int> producers_;
  std::vector<std::vector<int>> consumers_;
  std::vector<bool> takes_codes_;             ///< Of the nodes that may run on integers.
  std::map<std::string, std::string> fused_;  ///< Clamp or bias -> the node that it is computed with.
  QuantizationPlan plan_;
};

/// The sets of quantised values that share a scale, because a node between them only moves elements.
inline SharedScales shared_scales(const graph::Graph& graph, const QuantizationPlan& plan) {
  SharedScales sets(graph.value_count());
  for (const graph::Node& node : graph.nodes()) {
    if (!graph::moves_elements(node.op) || plan.nodes.at(node.name).execution != Execution::integer) continue;
    for (const graph::Value input : data_inputs(graph, node)) {
      for (const graph::Value output : node.outputs) sets.join(input, output);
    }
  }
  return sets;
}

}  // namespace condense::compress::detail

#endif
