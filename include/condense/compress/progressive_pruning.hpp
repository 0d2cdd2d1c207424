#ifndef CONDENSE_COMPRESS_PROGRESSIVE_PRUNING_HPP
#define CONDENSE_COMPRESS_PROGRESSIVE_PRUNING_HPP

#include <functional>
#include <vector>

#include "condense/compress/channel_pruning.hpp"
#include "condense/prune/schedule.hpp"

namespace condense::compress {

/// How a network is pruned in rounds, and trained between them.
struct ProgressivePruningConfig {
  /// How channels are chosen in each round. Its ratio is not read, and those of
  /// single layers can only be 0; its target, if there is one, ends the rounds.
  ChannelPruningConfig channels = {};

  /// The share of the channels of the original network that is gone after each round. `SparsityPoint::step` counts the
  /// rounds from 0, `total` is `most_rounds`. By default 20 %, then 5 % more each.
  prune::SparsitySchedule schedule = prune::ProgressiveSparsity{};
  Index most_rounds = 20;

  /// Trains the pruned network of a round and returns it. Empty for none. Values keep their handles through pruning, so
  /// objectives of the original graph fit. See `fine_tuning`.
  std::function<graph::Graph(const graph::Graph& pruned, Index round)> fine_tune = {};

  /// Measures a network; not needed without a floor.
  std::function<double(const graph::Graph&)> accuracy = {};
  double least_accuracy = 0;  ///< The first round below it ends the rounds, and is discarded.

  /// Called after each round that is kept; its graph and round are all that `start_round` needs to continue.
  std::function<void(const graph::Graph&, Index round)> after_round = {};

  /// Where to continue: the graph given to `prune_progressively` has this many rounds behind it.
  Index start_round = 0;
};

/// What a round came to.
struct PruningRound {
  Index round = 0;   ///< From 1.
  double ratio = 0;  ///< Share of the original channels that is gone, as the schedule says.
  NetworkSize size = {};
  double accuracy = 0;  ///< After training; 0 if it is not measured.
};

enum class PruningEnd { target_reached, below_floor, schedule_done, rounds_done };

struct ProgressivePruningResult {
  graph::Graph graph;  ///< Of the last round that was kept, trained.
  std::vector<PruningRound> rounds;
  PruningEnd end = PruningEnd::rounds_done;
};

/// Prunes channels a few at a time and trains the network after each round, as layers recover better from small losses
/// (Li et al., "Pruning filters for efficient convnets", ICLR 2017, section 3.4, second strategy; Molchanov et al.,
/// ICLR 2017, figure 1). In every round a set loses the share of the channels that it has left by which the schedule
/// grows: ratio = 1 - (1 - s_k) / (1 - s_(k - 1)).
///
/// Stops at `channels.target`, below the accuracy's floor, where the schedule stops growing or after `most_rounds`.
/// Deterministic if `fine_tune` is: continued from the graph and number of any round it gives the same graphs.
ProgressivePruningResult prune_progressively(const graph::Graph& graph, const ProgressivePruningConfig& config);

/// Fine-tuning by `train::fit` on data with options; the seed of a round is that of the options and the round together.
std::function<graph::Graph(const graph::Graph&, Index)> fine_tuning(train::Dataset data, train::FitOptions options);

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/progressive_pruning.ipp"
#endif

#endif
