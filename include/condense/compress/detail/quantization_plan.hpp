#ifndef CONDENSE_COMPRESS_DETAIL_QUANTIZATION_PLAN_HPP
#define CONDENSE_COMPRESS_DETAIL_QUANTIZATION_PLAN_HPP

#include <map>
#include <numeric>
#include <set>

#include "condense/compress/coverage.hpp"
#include "condense/graph/operators.hpp"
#include "condense/graph/statistics.hpp"
#include "condense/quantize/mixed_precision.hpp"

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

/// What is to be quantised, decided before any data is seen.
struct QuantizationPlan {
  std::map<std::string, NodeCoverage> nodes;       ///< By node name.
  std::set<graph::Value> quantized;                ///< Activations that get a QuantizeLinear/DequantizeLinear pair.
  std::set<graph::Value> derived;                  ///< Those that hold only elements of another one of their set.
  std::map<graph::Value, quantize::Range> bounds;  ///< Results of a fused clamp, with its bounds.
};

/// True for operators that only move or choose elements: their results keep the scale of their inputs.
inline bool keeps_scale(const graph::Operator& op) {
  return op.is<graph::MaxPool>() || op.is<graph::Flatten>() || op.is<graph::Reshape>() || op.is<graph::Concat>();
}

inline bool is_float32(const quantize::NumberFormat& format) { return format.scheme == quantize::SchemeKind::float32; }

inline bool is_product(const graph::Operator& op) {
  return op.is<graph::Conv>() || op.is<graph::Gemm>() || op.is<graph::MatMul>();
}

/// Decides for every node of a graph whether it runs on integers, and which activations are quantised for it.
class QuantizationPlanner {
 public:
  QuantizationPlanner(const graph::Graph& graph, const quantize::Assignment& weights, bool quantize_activations)
      : graph_(graph),
        weights_(weights),
        quantize_activations_(quantize_activations),
        producers_(graph.producers()),
        consumers_(graph.consumers()) {}

  QuantizationPlan run() {
    for (const graph::Node& node : graph_.nodes()) {
      NodeCoverage coverage{.node = node.name, .operation = std::string(node.op.type())};
      if (is_product(node.op)) coverage.weights = weights_.format(node.name).name();
      const auto fused = fused_.find(node.name);
      if (fused != fused_.end()) {
        coverage.execution = Execution::fused;
        coverage.reason = fmt::format("with '{}'", fused->second);
      } else {
        coverage.reason = is_product(node.op) ? reason_against_product(node, coverage) : reason_against(node);
        if (coverage.reason.empty()) plan_integer(node, coverage);
      }
      plan_.nodes.emplace(node.name, std::move(coverage));
    }
    return std::move(plan_);
  }

 private:
  /// Why a product cannot run on integers; empty if it can. Sets `weights_only` where just the weights are quantised.
  std::string reason_against_product(const graph::Node& node, NodeCoverage& coverage) const {
    const Tensor* weights = graph_.constant_if(node.inputs[1]);
    if (weights == nullptr) return "its weights are not constant";
    if (weights->type() != DataType::float32) return "its weights are not float32";
    if (is_float32(weights_.format(node.name))) return "kept in float as configured";
    if (const auto* gemm = node.op.get_if<graph::Gemm>()) {
      const bool has_bias = node.inputs.size() > 2 && node.inputs[2].exists();
      if (gemm->trans_a) return "its first operand is transposed";
      if (gemm->alpha != 1 || (has_bias && gemm->beta != 1)) return "its alpha or beta is not 1";
      const Shape bias = has_bias ? graph_.type(node.inputs[2]).shape : Shape{};
      const bool by_row = bias.rank() > 1 && bias[0] != 1;
      if (has_bias && (by_row || bias.count() != weights->shape()[gemm->trans_b ? 0 : 1])) {
        return "its bias is not one for each output";
      }
    }
    if (node.op.is<graph::MatMul>() && weights->shape().rank() != 2) return "its weights are not a matrix";
    if (node.op.is<graph::Conv>() && weights->shape().rank() > 4) return "it works on volumes";
    if (node.inputs.size() > 2 && node.inputs[2].exists() && !graph_.is_constant(node.inputs[2])) {
      return "its bias is not constant";
    }
    if (quantize_activations_) return {};
    coverage.execution = Execution::weights_only;
    return "activations are kept in float as configured";
  }

  /// Why another node cannot run on integers; empty if it can.
  std::string reason_against(const graph::Node& node) const {
    const bool binary = node.op.is<graph::Add>() || node.op.is<graph::Mul>();
    const bool unary = node.op.is<graph::Relu>() || node.op.is<graph::LeakyRelu>() || node.op.is<graph::Clip>() ||
                       node.op.is<graph::Sigmoid>() || node.op.is<graph::HardSwish>();
    const bool pools = node.op.is<graph::AveragePool>() || node.op.is<graph::GlobalAveragePool>();
    if (!binary && !unary && !pools && !keeps_scale(node.op)) {
      return fmt::format("{} has no integer form", node.op.type());
    }
    if (!quantize_activations_) return "activations are kept in float as configured";
    if (is_kept_float(node)) return "kept in float as configured";
    if (graph_.type(node.outputs[0]).type != DataType::float32) return "it does not compute with float32";
    const bool of_volumes = graph_.type(node.inputs[0]).shape.rank() > 4;
    if (of_volumes && (pools || node.op.is<graph::MaxPool>())) return "it works on volumes";
    if (node.op.is<graph::MaxPool>() && node.outputs.size() > 1) return "it also says where its results come from";
    const auto constant = [&](graph::Value input) { return graph_.is_constant(input); };
    if ((binary || node.op.is<graph::Concat>()) && std::ranges::any_of(node.inputs, constant)) {
      return "one operand is a constant";
    }
    const auto fixed = [&](graph::Value input) { return !input.exists() || graph_.is_constant(input); };
    if (node.op.is<graph::Clip>() && !std::all_of(node.inputs.begin() + 1, node.inputs.end(), fixed)) {
      return "its bounds are not constant";
    }
    if (binary && graph_.type(node.inputs[0]).shape != graph_.type(node.inputs[1]).shape) {
      return "its operands have different shapes";
    }
    for (const graph::Value input : data_inputs(node)) {
      if (plan_.quantized.contains(input)) return {};
    }
    return "its inputs are float";
  }

  /// True for a node without weights that the configuration keeps in float.
  bool is_kept_float(const graph::Node& node) const {
    return weights_.overrides.contains(node.name) && is_float32(weights_.format(node.name));
  }

  /// The inputs that are activations.
  std::vector<graph::Value> data_inputs(const graph::Node& node) const {
    std::vector<graph::Value> result;
    for (const graph::Value input : node.inputs) {
      if (input.exists() && !graph_.is_constant(input) && graph_.type(input).type == DataType::float32) {
        result.push_back(input);
      }
    }
    return result;
  }

  const graph::Node* only_consumer(graph::Value value) const {
    const auto& consumers = consumers_[static_cast<std::size_t>(value.index)];
    if (consumers.size() != 1 || graph_.is_output(value)) return nullptr;
    return &graph_.nodes()[static_cast<std::size_t>(consumers[0])];
  }

  /// The Relu or Clip that can be computed with a node, if its result is read by nothing else.
  FusedClamp clamp_after(const graph::Node& node) const {
    const graph::Node* next = only_consumer(node.outputs[0]);
    if (next == nullptr || keeps_scale(node.op) || is_kept_float(*next)) return {};
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

  /// True if nothing that can be quantised reads a value, so that a product may leave it in float: the logits of a
  /// network need no quantisation.
  bool ends_in_float(graph::Value value) const {
    for (const int consumer : consumers_[static_cast<std::size_t>(value.index)]) {
      const graph::Node& node = graph_.nodes()[static_cast<std::size_t>(consumer)];
      if (!node.op.is<graph::Softmax>()) return false;
    }
    return true;
  }

  void plan_integer(const graph::Node& node, NodeCoverage& coverage) {
    coverage.execution = Execution::integer;
    for (const graph::Value input : data_inputs(node)) plan_.quantized.insert(input);
    graph::Value result = node.outputs[0];
    const FusedClamp clamp = clamp_after(node);
    if (clamp.node != nullptr) {
      fused_[clamp.node->name] = node.name;
      result = clamp.node->outputs[0];
      plan_.bounds[result] = clamp.bounds;
    }
    const bool matrix = node.op.is<graph::Gemm>() || node.op.is<graph::MatMul>();
    if (!matrix || !ends_in_float(result)) plan_.quantized.insert(result);
    if (keeps_scale(node.op)) plan_.derived.insert(result);
  }

  const graph::Graph& graph_;
  const quantize::Assignment& weights_;
  bool quantize_activations_;
  std::vector<int> producers_;
  std::vector<std::vector<int>> consumers_;
  std::map<std::string, std::string> fused_;  ///< Clamp -> the node that it is computed with.
  QuantizationPlan plan_;
};

/// The sets of quantised values that share a scale, because a node between them only moves elements.
inline SharedScales shared_scales(const graph::Graph& graph, const QuantizationPlan& plan) {
  SharedScales sets(graph.value_count());
  for (const graph::Node& node : graph.nodes()) {
    if (!keeps_scale(node.op) || plan.nodes.at(node.name).execution != Execution::integer) continue;
    for (const graph::Value input : node.inputs) {
      if (plan.quantized.contains(input)) sets.join(input, node.outputs[0]);
    }
  }
  return sets;
}

}  // namespace condense::compress::detail

#endif
