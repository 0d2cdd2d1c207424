#ifndef CONDENSE_COMPRESS_CHANNEL_PRUNING_HPP
#define CONDENSE_COMPRESS_CHANNEL_PRUNING_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "condense/compress/channel_groups.hpp"
#include "condense/compress/channel_pruning_config.hpp"

namespace condense::compress {

/// A layer with weights, before and after.
struct PrunedLayer {
  std::string layer;
  Index channels_before = 0;  ///< Of its output.
  Index channels_after = 0;
  std::int64_t multiply_accumulates_before = 0;
  std::int64_t multiply_accumulates_after = 0;
  std::size_t bytes_before = 0;  ///< Of the constants that it reads.
  std::size_t bytes_after = 0;
  std::vector<Index> new_channels = {};  ///< The number that each channel has now, -1 for those that are gone.
};

/// What a network costs without running it.
struct NetworkSize {
  std::int64_t multiply_accumulates = 0;
  std::size_t stored_bytes = 0;
  Index parameters = 0;
};

NetworkSize network_size(const graph::Graph& graph);

/// A pruned network.
struct ChannelPruningResult {
  graph::Graph graph;
  std::vector<PrunedLayer> layers;     ///< Every Conv, ConvTranspose, Gemm and MatMul with constant weights.
  std::vector<UnprunedPart> unpruned;  ///< See `ChannelGroups`; and sets that the criterion says nothing of.
  double ratio = 0;                    ///< That was used; the one found, for a target.
  NetworkSize before = {};
  NetworkSize after = {};
};

/// Removes channels from a network: smaller weights, the same operators, no masks.
///
/// Scores of a set: those of the tensors that make its channels, each divided by its mean over the set, and their mean;
/// the sum over the channels of a group where it has several. So layers of any scale compare. Taylor scores, which are
/// all in the units of the loss, are summed as they are. Of equal scores the first channels stay.
///
/// Values keep their handles and names. Throws `InvalidArgument` for a ratio outside [0, 1), a layer that is not there
/// or has nothing to prune, a criterion without its data, or a target that cannot be reached (saying what can);
/// `Unsupported` for a quantised graph.
ChannelPruningResult prune_channels(const graph::Graph& graph, const ChannelPruningConfig& config = {});

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/channel_pruning.ipp"
#endif

#endif
