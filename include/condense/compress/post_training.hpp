#ifndef CONDENSE_COMPRESS_POST_TRAINING_HPP
#define CONDENSE_COMPRESS_POST_TRAINING_HPP

#include <algorithm>
#include <optional>

#include "condense/calibrate/calibrator.hpp"
#include "condense/compress/coverage.hpp"
#include "condense/compress/detail/quantization_plan.hpp"
#include "condense/compress/detail/quantized_parameters.hpp"
#include "condense/core/progress.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/graph/passes/fold_batch_norm.hpp"
#include "condense/graph/passes/fold_constants.hpp"
#include "condense/graph/passes/insert_quantize_dequantize.hpp"
#include "condense/graph/passes/remove_dead_nodes.hpp"
#include "condense/graph/passes/remove_identities.hpp"

namespace condense::compress {

/// How activations are quantised.
struct ActivationConfig {
  bool quantize = true;             ///< False: they stay float, and only weights become smaller.
  DataType type = DataType::uint8;  ///< uint8 or int8.
  bool symmetric = false;           ///< Zero point 0; with int8 half of the codes is lost on non-negative activations.
  calibrate::Configuration calibrator;
};

/// How a network is quantised after training.
struct PostTrainingConfig {
  quantize::Assignment weights{quantize::NumberFormat::parse("int8/channel"), {}};  ///< Format of each layer's weights.
  bool search_weight_range = true;  ///< Choose weight ranges of least squared error rather than the full ones.
  ActivationConfig activations;
  std::vector<std::string> keep_float;  ///< Nodes that stay in float, by name.
  ThreadPool pool;
  Progress progress;  ///< Stage "calibrating", a step for each batch.
};

/// The quantised graph and what was done to every node.
struct PostTrainingResult {
  graph::Graph graph;
  Coverage coverage;
};

/// The inputs of one run of a network, in the order of `graph.inputs()`.
using Batch = std::vector<Tensor>;

/// The graph as post-training methods work on it: batch normalisation and constants folded, dead and identity nodes
/// removed. Its outputs are those of the original up to rounding.
inline graph::Graph simplified(graph::Graph graph) {
  graph::remove_identities(graph);
  graph::fold_batch_norm(graph);
  graph::fold_constants(graph);
  graph::remove_dead_nodes(graph);
  return graph;
}

namespace detail {

/// Throws unless every name in the configuration is that of a node which quantisation sees, and every integer format
/// that of a node with weights: a name without effect would be skipped silently.
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
    require(is_product(node->op) || is_float32(format), "{} gives {} to the layer '{}' ({}), which has no weights",
            where, format.name(), name, node->op.type());
  };
  for (const auto& [name, format] : config.weights.overrides) check(name, "a weight override", format);
  for (const std::string& name : config.keep_float) check(name, "keep_float", {});
}

/// Calls `body`; what it says of an argument gets `subject` in front.
template <class Body>
auto naming(const std::string& subject, Body&& body) {
  try {
    return body();
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(fmt::format("{}: {}", subject, error.what()));
  }
}

/// Shows the batches to one calibrator for each set of values that share a scale.
inline std::map<int, calibrate::Calibrator> calibrate_activations(const graph::Graph& graph,
                                                                  const QuantizationPlan& plan,
                                                                  const SharedScales& sets,
                                                                  std::span<const Batch> batches,
                                                                  const PostTrainingConfig& config) {
  const calibrate::Target target{quantize::integer_type(config.activations.type), config.activations.symmetric};
  std::map<int, calibrate::Calibrator> calibrators;
  for (const graph::Value value : plan.quantized) {
    calibrators.try_emplace(sets.set_of(value), config.activations.calibrator, target);
  }
  graph::EvaluateOptions options{.pool = config.pool, .on_value = {}};
  options.on_value = [&](graph::Value value, const Tensor& tensor) {
    if (!plan.quantized.contains(value) || plan.derived.contains(value)) return;
    naming(fmt::format("calibrating '{}'", graph.name(value)),
           [&] { calibrators.at(sets.set_of(value)).observe(tensor.values<float>()); });
  };
  for (std::size_t i = 0; i < batches.size(); ++i) {
    naming(fmt::format("calibration batch {}", i), [&] { return graph::evaluate(graph, batches[i], options); });
    notify(config.progress, {.stage = "calibrating",
                             .done = static_cast<Index>(i) + 1,
                             .total = static_cast<Index>(batches.size()),
                             .detail = {}});
  }
  return calibrators;
}

/// Parameters of every quantised activation. A set of values that a fused clamp bounds from below at 0 starts exactly
/// there, and a clamp with two bounds gives the range itself, so that the clamp is the saturation of the codes.
inline std::map<graph::Value, quantize::Affine> activation_parameters(
    const graph::Graph& graph, const QuantizationPlan& plan, const SharedScales& sets,
    const std::map<int, calibrate::Calibrator>& calibrators) {
  std::map<int, std::vector<quantize::Range>> bounds;  // of the values that a set's statistics come from
  for (const graph::Value value : plan.quantized) {
    if (plan.derived.contains(value)) continue;
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const auto found = plan.bounds.find(value);
    bounds[sets.set_of(value)].push_back(found == plan.bounds.end() ? quantize::Range{-kInfinity, kInfinity}
                                                                    : found->second);
  }
  std::map<graph::Value, quantize::Affine> result;
  for (const graph::Value value : plan.quantized) {
    const int set = sets.set_of(value);
    const calibrate::Calibrator& calibrator = calibrators.at(set);
    const std::string subject = fmt::format("calibrating '{}'", graph.name(value));
    quantize::Range range = calibrate::with_zero(naming(subject, [&] { return calibrator.range(); }));
    if (!calibrator.target().symmetric) {
      for (const quantize::Range& bound : bounds.at(set)) {
        if (bounds.at(set).size() == 1 && std::isfinite(bound.min) && std::isfinite(bound.max)) range = bound;
      }
      const bool from_zero = std::ranges::all_of(bounds.at(set), [](const auto& bound) { return bound.min == 0; });
      if (from_zero) range.min = 0;
    }
    result[value] = naming(subject, [&] { return calibrate::affine(range, calibrator.target()); });
  }
  return result;
}

/// True for the result of a clamp at 0 that does not start at the lowest code, as a Concat with negative values has it.
/// Other systems do not fuse such a clamp.
inline bool starts_below_zero(graph::Value value, const QuantizationPlan& plan,
                              const std::map<graph::Value, quantize::Affine>& parameters,
                              const ActivationConfig& activations) {
  const auto found = parameters.find(value);
  if (activations.symmetric || found == parameters.end() || plan.bounds.at(value).min != 0) return false;
  return found->second.zero_point != quantize::integer_type(activations.type).lowest();
}

/// Replaces the weights and bias of a product by integers. `input` is the quantiser of its activations, empty if these
/// stay float.
inline void quantize_product(graph::Graph& graph, int index, const std::optional<quantize::Affine>& input,
                             const PostTrainingConfig& config, NodeCoverage& coverage) {
  const graph::Node node = graph.nodes()[static_cast<std::size_t>(index)];
  const quantize::NumberFormat format = config.weights.format(node.name);
  const Tensor weights = graph.constant(node.inputs[1]);
  const std::string subject = fmt::format("the weights of '{}'", node.name);
  const auto quantized_with = [&](std::span<const float> least_scales) {
    return naming(subject,
                  [&] { return quantize_weights(node.op, weights, format, config.search_weight_range, least_scales); });
  };
  quantize::QuantizedTensor quantized = quantized_with({});
  const auto remark = [&](const std::string& text) { coverage.reason += (coverage.reason.empty() ? "" : "; ") + text; };

  const bool has_bias = node.inputs.size() > 2 && node.inputs[2].exists();
  const bool grouped = quantized.parameters.granularity.kind == quantize::Granularity::Kind::per_group;
  if (!grouped && format.granularity.kind == quantize::Granularity::Kind::per_group) {
    quantize::NumberFormat used = format;
    used.granularity = quantize::Granularity::per_channel();
    coverage.weights = used.name();
    remark(fmt::format("{} would make groups of single weights", format.name()));
  }
  if (input && has_bias && !grouped) {
    const Tensor bias = graph.constant(node.inputs[2]);
    const std::vector<float>& scales = quantized.parameters.scales;
    const std::vector<float> least = least_scales_for_bias(bias, input->scale, scales.size());
    int raised = 0;
    for (std::size_t i = 0; i < scales.size(); ++i) raised += scales[i] < least[i] ? 1 : 0;
    if (raised > 0) {
      quantized = quantized_with(least);
      remark(fmt::format("{} weight scales raised so that the bias fits 32 bits", raised));
    }
    graph.set_input(index, 2,
                    add_quantized_bias(graph, node.name + ".bias", bias, input->scale, quantized.parameters.scales));
  }
  graph.set_input(index, 1, add_dequantized(graph, node.name + ".weight", quantized));
}

}  // namespace detail

/// Quantises a trained network without training it again (Jacob et al., "Quantization and training of neural networks
/// for efficient integer-arithmetic-only inference", CVPR 2018, section 2, for the integer arithmetic).
///
/// The graph is simplified; `batches` are run through it in float, each quantised activation being watched by a
/// calibrator; weights are quantised in the format that the configuration assigns to their layer; and QuantizeLinear /
/// DequantizeLinear nodes say where integers run. The result is again a graph that evaluates, exports and compiles.
///
/// The rules that let other systems run it in integers hold by construction: biases are int32 at exactly the product of
/// the input and weight scale; MaxPool, Flatten, Reshape and Concat have one scale on both sides; activations merged
/// with a Relu start at zero, those merged with a two-sided Clip have its range. A bias that would overflow int32
/// raises its weight scale, and the coverage says so.
///
/// Throws `InvalidArgument` if there is no calibration batch, a batch does not fit the inputs or makes a value that is
/// not finite (naming the value), the activation type is not of 8 bits, a weight is not finite, or the configuration
/// names a node that is not there, was folded into another one, or gets an integer format without having weights.
inline PostTrainingResult post_training(const graph::Graph& original, std::span<const Batch> batches,
                                        PostTrainingConfig config = {}) {
  const bool with_activations = config.activations.quantize;
  require(!with_activations || !batches.empty(),
          "post-training quantisation needs calibration data, 0 batches are given; pass some inputs of the kind that "
          "the network will see, or keep activations in float");
  require(!with_activations || config.activations.type == DataType::uint8 || config.activations.type == DataType::int8,
          "activations are quantised to uint8 or int8, not {}", name(config.activations.type));
  PostTrainingResult result{simplified(original), {}};
  detail::check_names(original, result.graph, config);
  for (const std::string& name : config.keep_float) config.weights.overrides[name] = quantize::NumberFormat{};

  graph::Graph& graph = result.graph;
  detail::QuantizationPlan plan = detail::QuantizationPlanner(graph, config.weights, with_activations).run();
  const detail::SharedScales sets = detail::shared_scales(graph, plan);
  const auto calibrators = detail::calibrate_activations(graph, plan, sets, batches, config);
  const auto parameters = detail::activation_parameters(graph, plan, sets, calibrators);

  const int node_count = static_cast<int>(graph.nodes().size());
  for (int i = 0; i < node_count; ++i) {
    const graph::Node& node = graph.nodes()[static_cast<std::size_t>(i)];
    NodeCoverage& coverage = plan.nodes.at(node.name);
    const std::int64_t work = graph::multiply_accumulates(graph, node);
    result.coverage.multiply_accumulates += work;
    if (coverage.execution == Execution::integer) result.coverage.integer_multiply_accumulates += work;
    const bool integer = coverage.execution == Execution::integer;
    if (coverage.execution == Execution::fused &&
        detail::starts_below_zero(node.outputs[0], plan, parameters, config.activations)) {
      coverage.reason += "; its codes start below 0, for they share a scale with negative values";
    }
    if (detail::is_product(node.op) && (integer || coverage.execution == Execution::weights_only)) {
      const auto input = integer ? std::optional(parameters.at(node.inputs[0])) : std::nullopt;
      detail::quantize_product(graph, i, input, config, coverage);
    }
    result.coverage.nodes.push_back(coverage);
  }
  for (const auto& [value, affine] : parameters) {
    graph::insert_quantize_dequantize(graph, value, affine, config.activations.type);
  }
  graph::remove_dead_nodes(graph);
  return result;
}

}  // namespace condense::compress

#endif
