#ifndef CONDENSE_COMPRESS_MEASURED_POST_TRAINING_IPP
#define CONDENSE_COMPRESS_MEASURED_POST_TRAINING_IPP

#include <algorithm>
#include <map>

#include "condense/compress/measured_post_training.hpp"
#include "condense/core/inline.hpp"
#include "condense/core/timing.hpp"
#include "condense/runtime/compile.hpp"

namespace condense::compress {

namespace detail {

/// The seconds of the products of a program by the node that they came from.
inline std::map<std::string, double> seconds_of_products(const runtime::Profile& profile, bool on_integers) {
  std::map<std::string, double> seconds;
  for (const runtime::StepProfile& step : profile.steps) {
    const bool is_wanted = step.info.multiply_accumulates > 0 && runtime::multiplies_integers(step.info) == on_integers;
    if (is_wanted) seconds[step.info.name] += step.seconds;
  }
  return seconds;
}

/// The median seconds of two programs that take turns.
inline std::pair<double, double> race(runtime::Program& a, runtime::Program& b, const Batch& inputs,
                                      const runtime::ProfileOptions& options) {
  std::vector<double> of_a;
  std::vector<double> of_b;
  runtime::ProfileOptions once = options;
  once.rounds = 1;
  once.warm_up = 1;
  for (int round = 0; round < options.rounds; ++round) {
    of_a.push_back(runtime::latencies(a, inputs, once).front());
    of_b.push_back(runtime::latencies(b, inputs, once).front());
  }
  return {median(std::move(of_a)), median(std::move(of_b))};
}

}  // namespace detail

CONDENSE_INLINE std::vector<LayerTimes> compare_layers(const runtime::Profile& of_floats,
                                                       const runtime::Profile& of_integers, double margin) {
  const std::map<std::string, double> floats = detail::seconds_of_products(of_floats, false);
  std::vector<LayerTimes> layers;
  for (const auto& [node, seconds] : detail::seconds_of_products(of_integers, true)) {
    const auto found = floats.find(node);
    if (found == floats.end()) continue;
    layers.push_back({node, found->second, seconds, seconds > margin * found->second});
  }
  return layers;
}

CONDENSE_INLINE MeasuredPostTrainingResult measured_post_training(const graph::Graph& original,
                                                                  std::span<const Batch> batches,
                                                                  const PostTrainingConfig& config,
                                                                  const MeasureConfig& measure) {
  require(!batches.empty(), "layers are measured on the first batch, 0 batches are given");
  require(measure.margin >= 1, "the margin is a factor of 1 or more, not {}", measure.margin);
  std::vector<Shape> shapes;
  for (const Tensor& input : batches[0]) shapes.push_back(input.shape());
  const auto program_of = [&](const graph::Graph& graph) { return runtime::compile(graph, {.input_shapes = shapes}); };

  const auto profile_of = [&](const graph::Graph& graph) {
    runtime::Program program = runtime::compile(graph, {.input_shapes = shapes, .pair_products = false});
    return runtime::profile(program, batches[0], measure.profile);
  };

  PostTrainingResult chosen = post_training(original, batches, config);
  const graph::Graph simple = simplified(original);
  runtime::Program floats = program_of(simple);
  runtime::Program integers = program_of(chosen.graph);
  MeasuredPostTrainingResult result;
  result.layers = compare_layers(profile_of(simple), profile_of(chosen.graph), measure.margin);

  PostTrainingConfig mixed = config;
  for (LayerTimes& layer : result.layers) {
    const bool is_named = std::ranges::find(original.nodes(), layer.node, &graph::Node::name) != original.nodes().end();
    layer.keeps_float = layer.keeps_float && is_named;  // a part of a taken apart node has no name to keep it by
    if (layer.keeps_float) mixed.keep_float.push_back(layer.node);
  }
  if (mixed.keep_float.size() > config.keep_float.size()) {
    PostTrainingResult other = post_training(original, batches, mixed);
    runtime::Program candidate = program_of(other.graph);
    const auto [before, after] = detail::race(integers, candidate, batches[0], measure.profile);
    if (after < before) {
      chosen = std::move(other);
      integers = std::move(candidate);
    } else {
      for (LayerTimes& layer : result.layers) layer.keeps_float = false;
    }
  }
  for (const LayerTimes& layer : result.layers) {
    if (!layer.keeps_float) continue;
    std::ranges::find(chosen.coverage.nodes, layer.node, &NodeCoverage::node)->reason =
        fmt::format("on {} integers take {:.1f} us and floats {:.1f} us", integers.backend(),
                    layer.integer_seconds * 1e6, layer.float_seconds * 1e6);
  }
  std::tie(result.float_seconds, result.integer_seconds) = detail::race(floats, integers, batches[0], measure.profile);
  result.graph = std::move(chosen.graph);
  result.coverage = std::move(chosen.coverage);
  return result;
}

}  // namespace condense::compress

#endif
