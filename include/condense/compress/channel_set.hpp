#ifndef CONDENSE_COMPRESS_CHANNEL_SET_HPP
#define CONDENSE_COMPRESS_CHANNEL_SET_HPP

#include <string>
#include <vector>

#include "condense/graph/graph.hpp"

namespace condense::compress {

/// One index of one axis of a value: a slice of a tensor.
struct ChannelUnit {
  graph::Value value;
  int axis = 0;
  Index index = 0;

  friend auto operator<=>(const ChannelUnit&, const ChannelUnit&) = default;
};

/// Units that can only be removed together, in ascending order.
using ChannelGroup = std::vector<ChannelUnit>;

/// What can be pruned along one dimension of a network: groups of equal structure, one for each channel. Of attention a
/// group is a whole head, of a grouped convolution a whole group or the same place in every group, whichever there are
/// more of.
struct ChannelSet {
  std::string layer;                 ///< The first that makes these channels; the set is called by its name.
  std::vector<std::string> makers;   ///< Every layer whose outputs they are.
  std::vector<std::string> readers;  ///< Every layer whose inputs they are.
  std::vector<ChannelGroup> groups;  ///< In the order of the channels of `layer`.
  Index width = 1;                   ///< How many channels of `layer` each group holds.

  Index channels() const noexcept { return static_cast<Index>(groups.size()) * width; }
};

}  // namespace condense::compress

#endif
