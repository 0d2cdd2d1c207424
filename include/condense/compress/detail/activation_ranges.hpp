#ifndef CONDENSE_COMPRESS_DETAIL_ACTIVATION_RANGES_HPP
#define CONDENSE_COMPRESS_DETAIL_ACTIVATION_RANGES_HPP

#include "condense/compress/detail/quantization_plan.hpp"
#include "condense/graph/evaluate.hpp"

namespace condense::compress::detail {

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
                                                                  std::span<const std::vector<Tensor>> batches,
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
  const auto bounds = plan.bounds.find(value);
  if (activations.symmetric || found == parameters.end() || bounds == plan.bounds.end()) return false;
  if (bounds->second.min != 0) return false;
  return found->second.zero_point != quantize::integer_type(activations.type).lowest();
}

}  // namespace condense::compress::detail

#endif
