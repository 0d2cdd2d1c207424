#ifndef CONDENSE_COMPRESS_POST_TRAINING_IPP
#define CONDENSE_COMPRESS_POST_TRAINING_IPP

#include <algorithm>
#include <optional>

#include "condense/compress/detail/activation_ranges.hpp"
#include "condense/compress/detail/dynamic_forms.hpp"
#include "condense/compress/post_training.hpp"
#include "condense/core/inline.hpp"
#include "condense/graph/passes/expand_attention.hpp"
#include "condense/graph/passes/fold_batch_norm.hpp"
#include "condense/graph/passes/fold_constants.hpp"
#include "condense/graph/passes/insert_quantize_dequantize.hpp"
#include "condense/graph/passes/remove_dead_nodes.hpp"
#include "condense/graph/passes/remove_identities.hpp"

namespace condense::compress {

CONDENSE_INLINE graph::Graph simplified(graph::Graph graph) {
  graph::remove_identities(graph);
  graph::fold_batch_norm(graph);
  graph::fold_constants(graph);
  graph::remove_dead_nodes(graph);
  return graph;
}

namespace detail {

/// The simplified graph, where activations have static ranges with the products of attention as nodes of their own.
inline graph::Graph prepared(const graph::Graph& original, const PostTrainingConfig& config) {
  graph::Graph graph = simplified(original);
  if (config.activations.mode != ActivationMode::static_ranges) return graph;
  const auto is_named = [](const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  };
  graph::expand_attention(graph, [&](const graph::Node& node) {
    return !is_named(config.keep_float, node.name) && !is_named(config.keep_float_types, node.op.type()) &&
           !config.weights.overrides.contains(node.name);
  });
  graph::remove_dead_nodes(graph);
  return graph;
}

/// Throws unless every name in the configuration is that of an operator that the graph has, or of a node which
/// quantisation sees, and every integer format that of a node with weights: a name without effect would be skipped
/// silently.
inline void check_names(const graph::Graph& original, const graph::Graph& simplified,
                        const PostTrainingConfig& config) {
  const auto find = [](const graph::Graph& graph, const std::string& name) {
    return std::ranges::find(graph.nodes(), name, &graph::Node::name);
  };
  const auto check = [&](const std::string& name, std::string_view where, const quantize::NumberFormat& format) {
    if (find(original, name) == original.nodes().end()) {
      std::string names;
      for (const graph::Node& node : original.nodes()) names += (names.empty() ? "" : ", ") + node.name;
      throw InvalidArgument(
          fmt::format("{} names the layer '{}', which the graph does not have; it has {}", where, name, names));
    }
    const auto node = find(simplified, name);
    require(node != simplified.nodes().end(),
            "{} names the layer '{}', which is folded into another one before quantisation; name that one", where,
            name);
    require(!weight_inputs(node->op).empty() || is_float32(format),
            "{} gives {} to the layer '{}' ({}), which has no weights", where, format.name(), name, node->op.type());
    require(!node->op.is<graph::Gather>() || is_float32(format) || is_int8(format),
            "{} gives {} to the layer '{}' (Gather); a table takes int8 or int8/channel", where, format.name(), name);
  };
  for (const auto& [name, format] : config.weights.overrides) check(name, "a weight override", format);
  for (const std::string& name : config.keep_float) check(name, "keep_float", {});
  for (const std::string& type : config.keep_float_types) {
    std::set<std::string_view> types;
    for (const graph::Node& node : simplified.nodes()) types.insert(node.op.type());
    require(types.contains(type), "keep_float_types names the operator '{}', of which the graph has no node; it has {}",
            type, fmt::join(types, ", "));
  }
}

/// The configuration with everything that stays float among the overrides.
inline PostTrainingConfig with_float_overrides(const graph::Graph& graph, PostTrainingConfig config) {
  for (const std::string& name : config.keep_float) config.weights.overrides[name] = quantize::NumberFormat{};
  for (const graph::Node& node : graph.nodes()) {
    const bool is_kept = std::ranges::find(config.keep_float_types, node.op.type()) != config.keep_float_types.end();
    if (is_kept) config.weights.overrides[node.name] = quantize::NumberFormat{};
  }
  return config;
}

/// The quantised values that do not come out of a computation on codes.
inline std::set<graph::Value> made_in_float(const graph::Graph& graph, const QuantizationPlan& plan) {
  std::set<graph::Value> result = plan.quantized;
  for (const graph::Node& node : graph.nodes()) {
    const Execution execution = plan.nodes.at(node.name).execution;
    if (execution != Execution::integer && execution != Execution::fused) continue;
    for (const graph::Value output : node.outputs) result.erase(output);
  }
  return result;
}

/// Adds a node's multiply-accumulates.
inline void count_work(const graph::Graph& graph, const graph::Node& node, const NodeCoverage& execution,
                       Coverage& coverage) {
  const std::int64_t work = graph::multiply_accumulates(graph, node);
  const bool on_integers = execution.execution == Execution::integer || execution.execution == Execution::dynamic;
  coverage.multiply_accumulates += work;
  coverage.integer_multiply_accumulates += on_integers ? work : 0;
}

/// Where the bias of nodes()[index] is; none if it has none.
inline std::optional<BiasInput> bias_input(const QuantizationPlan& plan, const graph::Node& node, int index) {
  const auto added = plan.added_biases.find(node.name);
  if (added != plan.added_biases.end()) return added->second;
  const bool has_bias = is_product(node.op) && node.inputs.size() > 2 && node.inputs[2].exists();
  return has_bias ? std::optional(BiasInput{index, 2}) : std::nullopt;
}

/// Replaces the weights of a node by integers, and its bias, if there is one. `input` is the quantiser of its
/// activations, empty if these stay float.
inline void quantize_weights_of(graph::Graph& graph, WeightStore& store, int index,
                                const std::optional<quantize::Affine>& input, const std::optional<BiasInput>& bias_at,
                                const PostTrainingConfig& config, NodeCoverage& coverage) {
  const graph::Node node = graph.nodes()[static_cast<std::size_t>(index)];
  const quantize::NumberFormat format = config.weights.format(node.name);
  const std::string subject = fmt::format("the weights of '{}'", node.name);
  const auto remark = [&](const std::string& text) { coverage.reason += (coverage.reason.empty() ? "" : "; ") + text; };
  for (const WeightInput& axes : weight_inputs(node.op)) {
    const auto quantized_with = [&](std::span<const float> least_scales) {
      return naming(subject, [&] { return &store.quantized(node.inputs[axes.input], axes, format, least_scales); });
    };
    WeightStore::Stored* quantized = quantized_with({});
    const bool grouped = quantized->tensor.parameters.granularity.kind == quantize::Granularity::Kind::per_group;
    if (!grouped && format.granularity.kind == quantize::Granularity::Kind::per_group) {
      quantize::NumberFormat used = format;
      used.granularity = quantize::Granularity::per_channel();
      coverage.weights = used.name();
      remark(fmt::format("{} would make groups of single weights", format.name()));
    }
    if (input && bias_at && !grouped) {
      const Tensor bias = graph.constant(graph.nodes()[static_cast<std::size_t>(bias_at->node)].inputs[bias_at->input]);
      const std::vector<float>& scales = quantized->tensor.parameters.scales;
      const std::vector<float> least = least_scales_for_bias(bias, input->scale, scales.size());
      int raised = 0;
      for (std::size_t i = 0; i < scales.size(); ++i) raised += scales[i] < least[i] ? 1 : 0;
      if (raised > 0) {
        quantized = quantized_with(least);
        remark(fmt::format("{} weight scales raised so that the bias fits 32 bits", raised));
      }
      graph.set_input(
          bias_at->node, bias_at->input,
          add_quantized_bias(graph, node.name + ".bias", bias, input->scale, quantized->tensor.parameters.scales));
    }
    const std::string name = node.name + (axes.input == 1 ? ".weight" : ".state_weight");
    graph.set_input(index, axes.input, store.reals(*quantized, name));
  }
}

/// Replaces the constant operand of a sum or product on codes by codes: a single number exactly, others with the scale
/// of their own range. Other systems compute with integers only where both operands are codes.
inline void quantize_operand(graph::Graph& graph, int index, const ActivationConfig& activations) {
  const graph::Node node = graph.nodes()[static_cast<std::size_t>(index)];
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Tensor* operand = graph.constant_if(node.inputs[i]);
    if (operand == nullptr) continue;
    const std::span<const float> values = operand->values<float>();
    const std::string name = graph.name(node.inputs[i]);
    const quantize::IntegerType type = quantize::integer_type(activations.type);
    quantize::Affine affine;
    if (values.size() == 1 && std::isnormal(values[0])) {
      const bool below_zero_codes = values[0] < 0 && !type.is_signed;  // unsigned codes below their zero point
      affine = {std::abs(values[0]), below_zero_codes ? 1 : 0};
    } else {
      quantize::Range range;
      for (const float value : values) range = {std::min(range.min, value), std::max(range.max, value)};
      affine = naming(fmt::format("the constant operand '{}' of '{}'", name, node.name), [&] {
        return calibrate::affine(range, {type, activations.symmetric});
      });
    }
    Tensor codes(activations.type, operand->shape());
    Tensor zero_point(activations.type, Shape{});
    const auto byte = [](std::int32_t code) { return static_cast<std::byte>(static_cast<std::uint8_t>(code)); };
    for (std::size_t k = 0; k < values.size(); ++k) {
      codes.mutable_raw()[k] = byte(quantize::quantize_value(values[k], affine, type));
    }
    zero_point.mutable_raw()[0] = byte(affine.zero_point);
    graph.set_input(index, i,
                    graph.add(graph::DequantizeLinear{},
                              {add_constant(graph, name + ".codes", std::move(codes)),
                               add_constant(graph, name + ".scale", Tensor::scalar(affine.scale)),
                               add_constant(graph, name + ".zero_point", std::move(zero_point))},
                              node.name + ".operand"));
  }
}

/// Inserts QuantizeLinear and DequantizeLinear after a value. What a node in float makes, or the graph is given, stays
/// as it is for everybody but the nodes on codes.
inline void quantize_activation(graph::Graph& graph, graph::Value value, const quantize::Affine& affine, DataType type,
                                const QuantizationPlan& plan, bool made_in_float) {
  if (!made_in_float) {
    graph::insert_quantize_dequantize(graph, value, affine, type);
    return;
  }
  const std::string name = graph.name(value);
  Tensor zero_point(type, Shape{});
  zero_point.mutable_raw()[0] = static_cast<std::byte>(static_cast<std::uint8_t>(affine.zero_point));
  const graph::Value scale = add_constant(graph, name + ".scale", Tensor::scalar(affine.scale));
  const graph::Value zero = add_constant(graph, name + ".zero_point", std::move(zero_point));
  const int readers = static_cast<int>(graph.nodes().size());
  const graph::Value codes = graph.add(graph::QuantizeLinear{}, {value, scale, zero}, name + ".quantize");
  const graph::Value reals = graph.add(graph::DequantizeLinear{}, {codes, scale, zero}, name + ".dequantize");
  for (int index = 0; index < readers; ++index) {
    const graph::Node& node = graph.nodes()[static_cast<std::size_t>(index)];
    const auto found = plan.nodes.find(node.name);
    if (found == plan.nodes.end() || found->second.execution != Execution::integer) continue;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == value) graph.set_input(index, i, reals);
    }
  }
}

}  // namespace detail

CONDENSE_INLINE PostTrainingResult post_training(const graph::Graph& original, std::span<const Batch> batches,
                                                 PostTrainingConfig config) {
  const bool needs_data = config.activations.mode == ActivationMode::static_ranges;
  require(!needs_data || !batches.empty(),
          "post-training quantisation needs calibration data, 0 batches are given; pass some inputs of the kind that "
          "the network will see, or keep activations in float or dynamic");
  require(!needs_data || config.activations.type == DataType::uint8 || config.activations.type == DataType::int8,
          "activations are quantised to uint8 or int8, not {}", name(config.activations.type));
  PostTrainingResult result{detail::prepared(original, config), {}};
  graph::Graph& graph = result.graph;
  detail::check_names(original, graph, config);
  config = detail::with_float_overrides(graph, std::move(config));
  detail::QuantizationPlan plan = detail::QuantizationPlanner(graph, config).run();
  const detail::SharedScales sets = detail::shared_scales(graph, plan);
  std::map<int, calibrate::Calibrator> calibrators;
  if (needs_data) calibrators = detail::calibrate_activations(graph, plan, sets, batches, config);
  const auto parameters = detail::activation_parameters(graph, plan, sets, calibrators);
  const std::set<graph::Value> float_made = detail::made_in_float(graph, plan);

  detail::WeightStore weights(graph, config.search_weight_range);
  detail::DynamicForms dynamic(graph, weights);
  const int node_count = static_cast<int>(graph.nodes().size());
  for (int i = 0; i < node_count; ++i) {
    const graph::Node node = graph.nodes()[static_cast<std::size_t>(i)];
    NodeCoverage& coverage = plan.nodes.at(node.name);
    detail::count_work(graph, node, coverage, result.coverage);
    const quantize::NumberFormat& format = config.weights.format(node.name);
    const bool integer = coverage.execution == Execution::integer;
    if (coverage.execution == Execution::fused &&
        detail::starts_below_zero(node.outputs[0], plan, parameters, config.activations)) {
      coverage.reason += "; its codes start below 0, for they share a scale with negative values";
    }
    if (coverage.execution == Execution::dynamic) {
      detail::naming(fmt::format("the weights of '{}'", node.name), [&] {
        node.op.is<graph::Lstm>() ? dynamic.replace_lstm(i, format) : dynamic.replace_product(i, format);
      });
    } else if (coverage.execution == Execution::weights_only && node.op.is<graph::Gather>()) {
      detail::naming(fmt::format("the table of '{}'", node.name),
                     [&] { detail::replace_table(graph, weights, i, format); });
    } else if (!coverage.weights.empty() && (integer || coverage.execution == Execution::weights_only)) {
      const auto input = integer ? std::optional(parameters.at(node.inputs[0])) : std::nullopt;
      detail::quantize_weights_of(graph, weights, i, input, detail::bias_input(plan, node, i), config, coverage);
    } else if (integer && detail::is_binary(node.op)) {
      detail::quantize_operand(graph, i, config.activations);
    }
    result.coverage.nodes.push_back(coverage);
  }
  graph.sort();
  for (const auto& [value, affine] : parameters) {
    detail::quantize_activation(graph, value, affine, config.activations.type, plan, float_made.contains(value));
  }
  graph.sort();
  graph::remove_dead_nodes(graph);
  return result;
}

CONDENSE_INLINE Coverage plan_coverage(const graph::Graph& original, PostTrainingConfig config) {
  const graph::Graph graph = detail::prepared(original, config);
  detail::check_names(original, graph, config);
  config = detail::with_float_overrides(graph, std::move(config));
  const detail::QuantizationPlan plan = detail::QuantizationPlanner(graph, config).run();
  Coverage coverage;
  for (const graph::Node& node : graph.nodes()) {
    coverage.nodes.push_back(plan.nodes.at(node.name));
    detail::count_work(graph, node, coverage.nodes.back(), coverage);
  }
  return coverage;
}

}  // namespace condense::compress

#endif
