#ifndef CONDENSE_COMPRESS_LOTTERY_TICKET_HPP
#define CONDENSE_COMPRESS_LOTTERY_TICKET_HPP

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "condense/compress/weight_masks.hpp"
#include "condense/train/fit.hpp"

namespace condense::compress {

/// What a sparse network starts training from.
enum class TicketKind {
  winning,        ///< The mask found by pruning, with the weights of the dense network at the rewinding step.
  reinitialized,  ///< The same mask with new random weights.
  random_mask,    ///< Random masks of the same sparsity in each layer, with the weights of the winning ticket.
};

constexpr std::string_view name(TicketKind kind) noexcept {
  constexpr std::string_view kNames[] = {"winning ticket", "random reinitialisation", "random ticket"};
  return kNames[static_cast<std::size_t>(kind)];
}

/// How lottery tickets are looked for.
struct LotteryTicketConfig {
  int levels = 10;            ///< Rounds of pruning after the dense network.
  double pruned_share = 0.2;  ///< Of the weights that are left in a layer, pruned in each round; in (0, 1).
  double output_share = 0.5;  ///< The last layer is pruned at this part of it; in [0, 1].
  std::map<std::string, double> pruned_share_of = {};  ///< Of weights by their name, instead; 0 protects them.

  Index rewind_step = 0;   ///< Surviving weights return to what they were after so many steps; training goes on there.
  std::uint64_t seed = 1;  ///< Of the initial weights and of the controls; that of the data's order is `fit.seed`.
  train::FitOptions fit = {};  ///< Of every training; its validation set decides the early-stop step.

  /// The early-stop step is the one of the smallest validation loss, looked at every so many steps.
  Index evaluation_interval = 100;
  std::optional<train::Dataset> test = {};  ///< On which accuracies are measured; the validation set if there is none.
  std::vector<TicketKind> controls = {TicketKind::reinitialized, TicketKind::random_mask};
  std::vector<int> control_levels = {};  ///< At which levels controls are trained; empty for all.

  /// If not empty, the state of the search is kept in this file after every training: killed at any moment and started
  /// again with the same arguments, the search gives the same bytes.
  std::filesystem::path state_file = {};
};

/// One training of a sparse network.
struct TicketTraining {
  TicketKind kind = TicketKind::winning;
  int level = 0;                   ///< 0 is the dense network.
  double kept_share = 1;           ///< Of the weights that are pruned.
  Index early_stop_step = 0;       ///< From 1.
  double validation_loss = 0;      ///< At the early-stop step.
  double early_stop_accuracy = 0;  ///< On the test set, then.
  double accuracy = 0;             ///< At the end.
};

struct LotteryTicketResult {
  graph::Graph rewound;            ///< The dense network at the rewinding step.
  std::vector<WeightMasks> masks;  ///< Of each level from 0; `apply_masks(masks[i], rewound)` makes the ticket.
  std::vector<TicketTraining> trainings;
};

/// Looks for winning tickets by iterative magnitude pruning (Frankle and Carbin, "The lottery ticket hypothesis:
/// finding sparse, trainable neural networks", ICLR 2019, section 1, with resetting): the network is initialised and
/// trained; of each layer the surviving weights that are smallest at the end are pruned; the others return to what they
/// were at `rewind_step`, and training begins again there. Step 0 is the paper's; later ones are what large networks
/// need (Frankle et al., "Linear mode connectivity and the lottery ticket hypothesis", ICML 2020, section 4): the
/// schedule and the order of the data go on from that step, the optimiser starts anew.
///
/// Pruned are the weights of Conv, Gemm and MatMul, not biases. What `fit.restore_best` and `fit.patience` say is not
/// followed: the paper trains to the end. The same arguments give the same bytes.
///
/// Throws `InvalidArgument` without a validation set, for shares outside their range, an unknown name of weights, or a
/// rewinding step at or after the last one, and for a state file of another search.
LotteryTicketResult find_lottery_tickets(const graph::Graph& graph, const train::Dataset& data,
                                         const LotteryTicketConfig& config);

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/lottery_ticket.ipp"
#endif

#endif
