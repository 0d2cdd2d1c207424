#ifndef CONDENSE_COMPRESS_CHANNEL_PRUNING_CONFIG_HPP
#define CONDENSE_COMPRESS_CHANNEL_PRUNING_CONFIG_HPP

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "condense/core/enum_names.hpp"
#include "condense/core/progress.hpp"
#include "condense/train/fit.hpp"

namespace condense::compress {

/// What channels are ranked by; see prune/channel_scores.hpp for the formulas. The score of a group of channels is made
/// of those of its members: the weights that make it, or what else is named here.
enum class ChannelCriterion {
  l1,                ///< Sum of magnitudes of the weights that make a channel (Li et al., ICLR 2017).
  l2,                ///< Their Euclidean norm.
  geometric_median,  ///< Their distances to those of the other channels (He et al., CVPR 2019).
  batch_norm_scale,  ///< |scale| of batch normalisation (Liu et al., ICCV 2017); sets without one keep their channels.
  taylor,            ///< (Sum of weight * gradient)^2 over the weights that make it (Molchanov et al., CVPR 2019).
  mean_activation,   ///< Mean of |x| where it is read (Molchanov et al., ICLR 2017).
  thinet,            ///< Greedily, by what channels add to the layers that read them (Luo et al., ICCV 2017).
  random,            ///< The control.
};

/// What a network costs.
enum class ChannelCost {
  multiply_accumulates,  ///< Of one run, with open dimensions as the graph's inference takes them.
  stored_bytes,          ///< Of all constants.
  seconds,               ///< Median of some runs on this machine as `runtime::compile` makes it.
};

/// A cost that is to be reached.
struct ChannelTarget {
  ChannelCost cost = ChannelCost::multiply_accumulates;
  double most = 0;
};

/// How channels are pruned.
struct ChannelPruningConfig {
  ChannelCriterion criterion = ChannelCriterion::l1;

  /// Share of the channels that is removed, in [0, 1): of each set, or with `global` of all sets together.
  double ratio = 0.3;

  /// One ranking of all channels, so that some layers lose more than others. Not for thinet.
  bool global = false;

  /// Shares of single sets, by the name of a layer that makes their channels.
  std::map<std::string, double> layer_ratios = {};

  /// In place of `ratio`: the smallest one with which the network costs no more than this.
  std::optional<ChannelTarget> target = {};

  std::vector<std::string> protected_layers = {};  ///< See `ChannelGroupOptions`.
  bool allow_renormalization = false;              ///< Likewise.

  Index round_to = 1;          ///< Channels that are left become a multiple of it, upwards, such as 8 or 16.
  Index minimum_channels = 1;  ///< Of every set.
  std::uint64_t seed = 1;      ///< Of the random criterion.

  /// Inputs of the network, in the order of `graph.inputs()`, for mean_activation, thinet and reconstruction.
  std::vector<std::vector<Tensor>> batches = {};

  /// Gives every layer that lost inputs those weights with which it comes closest to its outputs before, by least
  /// squares over the batches (He, Zhang & Sun, "Channel pruning for accelerating very deep neural networks", ICCV
  /// 2017, section 3.1): convolutions in one group, Gemm and MatMul, in the order of the nodes, each on the inputs that
  /// the network makes by then.
  bool reconstruct = false;
  double damping = 1e-4;  ///< Of the least squares, see `prune::least_squares_weights`.

  std::optional<train::Dataset> data = {};  ///< For taylor: labelled samples,
  train::Objective objective = {};          ///< what is minimised, empty for `SoftmaxCrossEntropy`,
  Index batch_size = 64;                    ///< and how many samples gradients are averaged over.

  ThreadPool pool = {};
  Progress progress = {};  ///< Stages "scoring channels", "searching the ratio", "reconstructing".
};

}  // namespace condense::compress

template <>
inline constexpr std::pair<condense::compress::ChannelCriterion, std::string_view>
    condense::enum_names<condense::compress::ChannelCriterion>[] = {
        {condense::compress::ChannelCriterion::l1, "l1"},
        {condense::compress::ChannelCriterion::l2, "l2"},
        {condense::compress::ChannelCriterion::geometric_median, "geometric-median"},
        {condense::compress::ChannelCriterion::batch_norm_scale, "batch-norm-scale"},
        {condense::compress::ChannelCriterion::taylor, "taylor"},
        {condense::compress::ChannelCriterion::mean_activation, "mean-activation"},
        {condense::compress::ChannelCriterion::thinet, "thinet"},
        {condense::compress::ChannelCriterion::random, "random"}};

#endif
