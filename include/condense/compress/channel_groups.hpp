#ifndef CONDENSE_COMPRESS_CHANNEL_GROUPS_HPP
#define CONDENSE_COMPRESS_CHANNEL_GROUPS_HPP

#include <span>
#include <string>
#include <vector>

#include "condense/compress/channel_set.hpp"
#include "condense/graph/graph.hpp"

namespace condense::compress {

/// A node or set that is left as it is, and why.
struct UnprunedPart {
  std::string name;
  std::string reason;
};

/// What of a network can be pruned.
struct ChannelGroups {
  std::vector<ChannelSet> sets;  ///< In the order of the nodes.
  std::vector<UnprunedPart> unpruned;
};

/// How groups are found.
struct ChannelGroupOptions {
  /// Nodes whose constants stay as they are, so that they lose neither outputs nor inputs, by name.
  std::vector<std::string> protected_layers = {};

  /// Allows channels to be removed that a normalisation or mean is taken over (LayerNormalization, RMSNormalization,
  /// ReduceMean). It is then taken over those that are left, which is not what zeros in their place would give;
  /// fine-tuning makes up for it. Otherwise such channels stay.
  bool allow_renormalization = false;
};

/// Finds the channels of a network that can be removed, and for each of them everything that must go with it, from the
/// operators themselves (Fang, Ma, Song, Mi & Wang, "DepGraph: towards any structural pruning", CVPR 2023, section 3,
/// at the granularity of single indices).
///
/// Two units are coupled where an operator takes them for the same channel: equal indices of the operands of a sum, an
/// output channel of a convolution and its weights, bias and normalisation, the columns of a product that read a
/// flattened channel. What Reshape, Transpose, Concat, Split and their like couple is found by running them on the
/// numbers of elements. Where several axes become one, only one of them can be pruned: heads of attention if there are
/// any, otherwise the longest that nothing else keeps. Groups that reach an input or output of the graph, an axis that
/// an operator works along (the window of a convolution, the axis of a Softmax) or an operator that is not known here,
/// such as LSTM, stay; every group that is returned has been removed once to see that the graph takes it.
///
/// Removal is exact: wherever a channel is read it enters sums of products, and a graph without it computes what the
/// graph with zeros for its weights does, up to the order of sums, but for `allow_renormalization`.
///
/// Throws `InvalidArgument` if a protected layer is not there, and `Unsupported` naming the node if the graph is
/// quantised: prune before quantising.
ChannelGroups find_channel_groups(const graph::Graph& graph, const ChannelGroupOptions& options = {});

/// The graph without the given groups, which are some of `find_channel_groups(graph)`: every constant and every
/// attribute that counts channels is rebuilt. Names, values and the order of the nodes stay, open dimensions too.
///
/// Throws `InvalidArgument` if a unit does not exist or an axis would lose everything, and `Unsupported` naming the
/// node if it cannot be made to fit.
graph::Graph without_channels(const graph::Graph& graph, std::span<const ChannelGroup> groups);

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/channel_groups.ipp"
#endif

#endif
