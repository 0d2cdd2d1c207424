#ifndef CONDENSE_COMPRESS_PROGRESSIVE_PRUNING_IPP
#define CONDENSE_COMPRESS_PROGRESSIVE_PRUNING_IPP

#include <utility>

#include "condense/compress/progressive_pruning.hpp"
#include "condense/core/inline.hpp"

namespace condense::compress {

CONDENSE_INLINE ProgressivePruningResult prune_progressively(const graph::Graph& graph,
                                                             const ProgressivePruningConfig& config) {
  require(config.most_rounds >= 1, "there is 1 round or more, not {}", config.most_rounds);
  require(config.start_round >= 0, "{} rounds cannot have been done before", config.start_round);
  require(config.schedule != nullptr, "the rounds need a schedule, it is empty");
  require(config.least_accuracy <= 0 || config.accuracy != nullptr,
          "a least accuracy of {} needs a function that measures it", config.least_accuracy);
  for (const auto& [layer, ratio] : config.channels.layer_ratios) {
    require(ratio == 0, "the ratio of '{}' is {}; in rounds a layer of its own ratio can only have 0, to stay", layer,
            ratio);
  }
  const auto share_after = [&](Index round) {
    return round == 0 ? 0.0 : config.schedule({.step = round - 1, .total = config.most_rounds});
  };
  ProgressivePruningResult result{graph, {}, PruningEnd::rounds_done};
  for (Index round = config.start_round + 1; round <= config.most_rounds; ++round) {
    const double share = share_after(round);
    ChannelPruningConfig step = config.channels;
    step.ratio = 1 - (1 - share) / (1 - share_after(round - 1));
    if (step.ratio <= 0) {
      result.end = PruningEnd::schedule_done;
      break;
    }
    graph::Graph pruned;
    bool reached = false;
    if (step.target) {  // no further than it asks for
      ChannelPruningResult to_target = prune_channels(result.graph, step);
      reached = to_target.ratio <= step.ratio;
      if (reached) pruned = std::move(to_target.graph);
    }
    if (!reached) {
      step.target.reset();
      if (round < config.most_rounds) step.round_to = 1;  // rounded up in each round, few channels would never go
      pruned = prune_channels(result.graph, step).graph;
    }
    if (config.fine_tune) pruned = config.fine_tune(pruned, round);
    PruningRound record{.round = round, .ratio = share, .size = network_size(pruned)};
    if (config.accuracy) record.accuracy = config.accuracy(pruned);
    result.rounds.push_back(record);
    if (config.accuracy && record.accuracy < config.least_accuracy) {
      result.end = PruningEnd::below_floor;
      break;
    }
    result.graph = std::move(pruned);
    if (config.after_round) config.after_round(result.graph, round);
    if (reached) {
      result.end = PruningEnd::target_reached;
      break;
    }
  }
  return result;
}

CONDENSE_INLINE std::function<graph::Graph(const graph::Graph&, Index)> fine_tuning(train::Dataset data,
                                                                                    train::FitOptions options) {
  return [data = std::move(data), options = std::move(options)](const graph::Graph& pruned, Index round) {
    train::FitOptions of_round = options;
    of_round.seed = options.seed + static_cast<std::uint64_t>(round) * 0x9E3779B97F4A7C15;
    return train::fit(pruned, data, of_round).graph;
  };
}

}  // namespace condense::compress

#endif
