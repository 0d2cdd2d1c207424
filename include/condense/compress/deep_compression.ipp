#ifndef CONDENSE_COMPRESS_DEEP_COMPRESSION_IPP
#define CONDENSE_COMPRESS_DEEP_COMPRESSION_IPP

#include <algorithm>
#include <cmath>

#include "condense/compress/deep_compression.hpp"
#include "condense/compress/weight_masks.hpp"
#include "condense/core/inline.hpp"
#include "condense/prune/keep.hpp"
#include "condense/prune/layer_adaptive.hpp"
#include "condense/prune/schedule.hpp"

namespace condense::compress {

namespace detail {

/// The weights that are pruned.
inline std::vector<graph::Value> prunable_weights(const graph::Graph& graph) {
  std::vector<graph::Value> weights;
  for (const train::Parameter& parameter : train::parameters(graph)) {
    if (parameter.role == train::Role::weight) weights.push_back(parameter.value);
  }
  return weights;
}

inline void validate(const graph::Graph& graph, const DeepCompressionState& state,
                     const DeepCompressionConfig& config) {
  require(config.kept > 0 && config.kept <= 1, "the share of the weights that is kept is in (0, 1], not {}",
          config.kept);
  require(config.least_kept >= 0 && config.least_kept <= 1, "the least share of a weight is in [0, 1], not {}",
          config.least_kept);
  require(config.rounds >= 1, "pruning takes 1 round or more, not {}", config.rounds);
  require(config.sharing_rounds >= 1, "weights are shared in 1 round or more, not {}", config.sharing_rounds);
  require(state.stage >= 0 && state.stage <= stages(config), "stage {} of {} cannot be done", state.stage,
          stages(config));
  const std::vector<graph::Value> weights = prunable_weights(graph);
  require(!weights.empty(), "the graph has no weights of Conv, Gemm or MatMul to prune");
  for (const auto& entry : config.kept_of) {
    require(entry.second > 0 && entry.second <= 1, "the share of '{}' that is kept is in (0, 1], not {}", entry.first,
            entry.second);
    require(std::ranges::any_of(weights, [&](graph::Value value) { return graph.name(value) == entry.first; }),
            "a share is given for '{}', which is no weight of Conv, Gemm or MatMul", entry.first);
  }
}

inline double sparsity_after(double kept, Index round, Index rounds) {
  return prune::CubicSparsity{.initial = 0, .target = 1 - kept}({.step = round, .total = rounds});
}

/// The masks after a round.
inline WeightMasks masks_after(const graph::Graph& graph, const DeepCompressionConfig& config, Index round) {
  std::vector<graph::Value> common;
  std::vector<Tensor> scores;
  WeightMasks masks;
  const auto keep = [&](graph::Value value, double kept) {
    const Tensor magnitudes = prune::magnitude_scores(graph.constant(value));
    masks.push_back({value, prune::keep_highest(magnitudes, sparsity_after(kept, round, config.rounds))});
  };
  for (const graph::Value value : prunable_weights(graph)) {
    const auto found = config.kept_of.find(graph.name(value));
    if (found != config.kept_of.end()) {
      keep(value, found->second);
    } else {
      common.push_back(value);
      scores.push_back(prune::layer_adaptive_scores(graph.constant(value)));
    }
  }
  if (common.empty()) return masks;
  std::vector<prune::Mask> kept = prune::keep_highest_of_all(scores, sparsity_after(config.kept, round, config.rounds));
  for (std::size_t i = 0; i < common.size(); ++i) {
    if (1 - kept[i].sparsity() < config.least_kept) {
      keep(common[i], config.least_kept);
    } else {
      masks.push_back({common[i], std::move(kept[i])});
    }
  }
  return masks;
}

/// The options of a stage with a seed of its own.
inline train::FitOptions of_stage(train::FitOptions options, Index stage) {
  options.seed += 0x9e3779b97f4a7c15 * static_cast<std::uint64_t>(stage + 1);
  return options;
}

inline graph::Graph prune_and_train(graph::Graph graph, const train::Dataset& data, const DeepCompressionConfig& config,
                                    Index stage) {
  const bool is_last = stage + 1 == config.rounds;
  WeightMasks masks = masks_after(graph, config, stage + 1);
  apply_masks(masks, graph);
  const train::FitOptions options = of_stage(is_last ? config.retraining : config.pruning, stage);
  return train::fit(graph, data, hold_masks(std::move(masks), options)).graph;
}

inline graph::Graph share_and_train(graph::Graph graph, const train::Dataset& data, const DeepCompressionConfig& config,
                                    Index stage) {
  const bool is_last = stage + 1 == stages(config);
  WeightSharingConfig sharing = config.sharing;
  sharing.share = is_last ? 1.0 : 1 - std::exp2(-static_cast<double>(stage - config.rounds + 1));
  graph = share_weights(std::move(graph), sharing);
  const auto shared = std::make_shared<const SharedConstants>(shared_constants(graph, sharing));
  train::FitOptions options =
      hold_masks(masks_of_nonzero(graph, prunable_weights(graph)), of_stage(config.centroid_training, stage));
  graph = train::fit(graph, data, tie_shared(shared, std::move(options))).graph;
  return is_last ? round_shared(std::move(graph), *shared) : graph;
}

}  // namespace detail

CONDENSE_INLINE graph::Graph resume_deep_compression(DeepCompressionState state, const train::Dataset& data,
                                                     const DeepCompressionConfig& config) {
  detail::validate(state.graph, state, config);
  while (state.stage < stages(config)) {
    const auto next = state.stage < config.rounds ? detail::prune_and_train : detail::share_and_train;
    state.graph = next(std::move(state.graph), data, config, state.stage);
    ++state.stage;
    if (config.after_stage) config.after_stage(state);
  }
  return std::move(state.graph);
}

CONDENSE_INLINE graph::Graph deep_compression(const graph::Graph& graph, const train::Dataset& data,
                                              const DeepCompressionConfig& config) {
  return resume_deep_compression({.graph = train::to_inference(graph)}, data, config);
}

}  // namespace condense::compress

#endif
