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
  bool quantize = true;              ///< False: they stay float, and only weights become smaller.
  DataType type = DataType::uint8;   ///< uint8 or int8.
  bool symmetric = false;            ///< Zero point 0; with int8 half of the codes is lost on non-negative activations.
  calibrate::Configuration calibrator;
};

/// How a network is quantised after training.
struct PostTrainingConfig {
  quantize::Assignment weights{quantize::NumberFormat::parse("int8/channel"), {}};  ///< Format of each layer's weights.
  bool search_weight_range = true;      ///< Choose weight ranges of least squared error rather than the full ones.
  ActivationConfig activations;
  std::vector<std::string> keep_float;  ///< Nodes that stay in float, by name.
  ThreadPool pool;
  Progress progress;                    ///< Stage "calibrating", a step for each batch.
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

/// Throws unless every name in the configuration is that of a node.
inline void check_names(const graph::Graph& graph, const PostTrainingConfig& config) {
  const auto check = [&](const std::string& name, std::string_view where) {
    const bool found = std::ranges::any_of(graph.nodes(), [&](const graph::Node& node) { return node.name == name; });
    if (found) return;
    std::string names;
    for (const graph::Node& node : graph.nodes()) names += (names.empty() ? "" : ", ") + node.name;
    throw InvalidArgument(fmt::format("{} names the layer '{}', which the graph does not have; it has {}", where, name,
                                      names));
  };
  for (const auto& [name, format] : config.weights.overrides) check(name, "a weight override");
  for (const std::string& name : config.keep_float) check(name, "keep_float");
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
    try {
      calibrators.at(sets.set_of(value)).observe(tensor.values<float>());
    } catch (const InvalidArgument& error) {
      throw InvalidArgument(fmt::format("calibrating '{}': {}", graph.name(value), error.what()));
    }
  };
  for (std::size_t i = 0; i < batches.size(); ++i) {
    graph::evaluate(graph, batches[i], options);
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
    const QuantizationPlan& plan, const SharedScales& sets, const std::map<int, calibrate::Calibrator>& calibrators) {
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
    quantize::Range range = calibrate::with_zero(calibrator.range());
    if (!calibrator.target().symmetric) {
      for (const quantize::Range& bound : bounds.at(set)) {
        if (bounds.at(set).size() == 1 && std::isfinite(bound.min) && std::isfinite(bound.max)) range = bound;
      }
      const bool from_zero = std::ranges::all_of(bounds.at(set), [](const auto& bound) { return bound.min == 0; });
      if (from_zero) range.min = 0;
    }
    result[value] = calibrate::affine(range, calibrator.target());
  }
  return result;
}

/// Replaces the weights and bias of a product by integers. `input` is the quantiser of its activations, empty if these
/// stay float.
inline void quantize_product(graph::Graph& graph, int index, const std::optional<quantize::Affine>& input,
                             const PostTrainingConfig& config, NodeCoverage& coverage) {
  const graph::Node node = graph.nodes()[static_cast<std::size_t>(index)];
  const quantize::NumberFormat format = config.weights.format(node.name);
  const Tensor weights = graph.constant(node.inputs[1]);
  quantize::QuantizedTensor quantized = quantize_weights(node.op, weights, format, config.search_weight_range);

  const bool has_bias = node.inputs.size() > 2 && node.inputs[2].exists();
  const bool grouped = quantized.parameters.granularity.kind == quantize::Granularity::Kind::per_group;
  if (!grouped && format.granularity.kind == quantize::Granularity::Kind::per_group) {
    coverage.reason = "its groups would be single weights; one scale for each channel instead";
  }
  if (input && has_bias && !grouped) {
    const Tensor bias = graph.constant(node.inputs[2]);
    const std::vector<float>& scales = quantized.parameters.scales;
    const std::vector<float> least = least_scales_for_bias(bias, input->scale, scales.size());
    int raised = 0;
    for (std::size_t i = 0; i < scales.size(); ++i) raised += scales[i] < least[i] ? 1 : 0;
    if (raised > 0) {
      quantized = quantize_weights(node.op, weights, format, config.search_weight_range, least);
      coverage.reason = fmt::format("{} weight scales raised so that the bias fits 32 bits", raised);
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
/// with a Relu start at zero, those merged with a two-sided Clip have its range. A bias that would overflow int32 raises
/// its weight scale, and the coverage says so.
///
/// Throws `InvalidArgument` if there is no calibration batch, a batch does not fit the inputs or makes a value that is
/// not finite (naming the value), the activation type is not of 8 bits, or a name in the configuration is not a node's.
inline PostTrainingResult post_training(const graph::Graph& original, std::span<const Batch> batches,
                                        PostTrainingConfig config = {}) {
  const bool with_activations = config.activations.quantize;
  require(!with_activations || !batches.empty(),
          "post-training quantisation needs calibration data, 0 batches are given; pass some inputs of the kind that "
          "the network will see, or keep activations in float");
  require(!with_activations || config.activations.type == DataType::uint8 || config.activations.type == DataType::int8,
          "activations are quantised to uint8 or int8, not {}", name(config.activations.type));
  detail::check_names(original, config);
  for (const std::string& name : config.keep_float) config.weights.overrides[name] = quantize::NumberFormat{};

  PostTrainingResult result{simplified(original), {}};
  graph::Graph& graph = result.graph;
  detail::QuantizationPlan plan = detail::QuantizationPlanner(graph, config.weights, with_activations).run();
  const detail::SharedScales sets = detail::shared_scales(graph, plan);
  const auto calibrators = detail::calibrate_activations(graph, plan, sets, batches, config);
  const auto parameters = detail::activation_parameters(plan, sets, calibrators);

  const int node_count = static_cast<int>(graph.nodes().size());
  for (int i = 0; i < node_count; ++i) {
    const graph::Node& node = graph.nodes()[static_cast<std::size_t>(i)];
    NodeCoverage& coverage = plan.nodes.at(node.name);
    const std::int64_t work = graph::multiply_accumulates(graph, node);
    result.coverage.multiply_accumulates += work;
    if (coverage.execution == Execution::integer) result.coverage.integer_multiply_accumulates += work;
    const bool integer = coverage.execution == Execution::integer;
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
