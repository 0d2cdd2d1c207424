#ifndef CONDENSE_COMPRESS_DYNAMIC_PRUNING_HPP
#define CONDENSE_COMPRESS_DYNAMIC_PRUNING_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "condense/graph/graph.hpp"
#include "condense/train/trainer.hpp"

namespace condense::compress {

/// Which channels get gates.
struct ChannelGatingConfig {
  Index groups = 1;  ///< That the inner channels of a block are divided into; with 1 the block runs or does not.

  /// Convolutions of which the input channels are gated; empty for the last one of every residual branch: of what is
  /// added to the input of the layers that make it.
  std::vector<std::string> layers = {};

  float first_logit = 1;  ///< Of all gates before training: all open.
};

/// A gate of a network: for each sample and group of channels a decision.
struct ChannelGate {
  std::string name;                                     ///< Of the node that multiplies the channels.
  std::string layer;                                    ///< The convolution that reads them.
  graph::Value open;                                    ///< (n x groups), 1 or 0.
  graph::Value gated;                                   ///< The channels times the decisions.
  std::vector<std::int64_t> multiply_accumulates = {};  ///< That an open group takes, for each of them.
};

/// A network with gates, to be trained: which inner channels of a block take part is decided for each sample by what
/// the block sees (Bengio, Léonard & Courville, "Estimating or propagating gradients through stochastic neurons for
/// conditional computation", 2013; for blocks, Veit & Belongie, "Convolutional networks with adaptive inference
/// graphs", ECCV 2018). With x the input of the block and C channels in G groups,
///
///     logits = W mean(x over positions) + b        (n x G)
///     open   = round_half_even(sigmoid(logits))    1 where a logit is above 0
///     inner' = inner * open[group of the channel]
///
/// The rounding is a pair of QuantizeLinear and DequantizeLinear, whose gradient is the straight-through estimator: it
/// counts as the identity, so that d open / d logits = sigmoid'(logits). The graph therefore trains, evaluates, is
/// saved and exported like any other. W is 0 at first.
///
/// What is between a convolution in one group and the gated layer must be depthwise convolutions, batch normalisations
/// and functions of one number; if there is no such convolution the channels are those of x. Throws `InvalidArgument`
/// for a layer that is not there or is no such convolution, for fewer channels than groups, or if there is no residual
/// branch.
graph::Graph add_channel_gates(const graph::Graph& graph, const ChannelGatingConfig& config = {});

/// The gates of a graph, in the order of its nodes; recognised by what they are, whoever saved the graph.
std::vector<ChannelGate> channel_gates(const graph::Graph& graph);

/// The values that `with_gate_cost` looks at: for `FitOptions::keep`.
std::vector<graph::Value> gate_values(const graph::Graph& graph);

/// An objective (empty for `SoftmaxCrossEntropy` of the first output) plus
///
///     weight * (rate - target)^2,   rate = mean over the batch of sum(open * cost) / sum(cost),
///
/// cost being the multiply-accumulates of a group: the target rate loss of Veit & Belongie (section 3.3) with one
/// target for the work of all gates together, so that training decides where it is spent. Throws `InvalidArgument` if
/// there are no gates, for a target outside [0, 1] or a weight below 0.
train::Objective with_gate_cost(const graph::Graph& graph, double target, double weight,
                                train::Objective objective = {});

/// A network with gates as it is deployed, one sample at a time: each group of channels is the branch of an If, with
/// its part of the weights, so that closed groups are not computed. Batch normalisations are folded first. Outputs are
/// those of the graph with gates up to the order of sums; a sum with a residual and the Relu behind it move into the
/// branches.
///
/// Throws `InvalidArgument` if there are no gates.
graph::Graph to_conditional(const graph::Graph& graph);

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/dynamic_pruning.ipp"
#endif

#endif
