#ifndef CONDENSE_COMPRESS_EARLY_EXIT_HPP
#define CONDENSE_COMPRESS_EARLY_EXIT_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "condense/graph/graph.hpp"
#include "condense/train/trainer.hpp"

namespace condense::compress {

/// What an exit looks at.
struct EarlyExitConfig {
  /// The positions are divided into so many parts along each axis, and channels are averaged over each of them: 1 for
  /// one mean. The extents must be multiples of it.
  Index grid = 1;
  std::uint64_t seed = 1;  ///< Of the weights.
};

/// Adds a classifier that may answer before the end: means of the channels of the value named `at`, and one layer with
/// as many classes as the first output of the graph (n x classes) has. Its logits become another output, "<at>.exit".
///
/// Throws `InvalidArgument` if there is no such value, it has no channels, or no such parts.
graph::Graph add_early_exit(graph::Graph graph, const std::string& at, const EarlyExitConfig& config = {});

/// The sum of the cross-entropies of all outputs with the labels, output i times `weights[i]`: how a network and its
/// exits are trained together (Teerapittayanon, McDanel & Kung, "BranchyNet: fast inference via early exiting from deep
/// neural networks", ICPR 2016, section III-A). Throws `InvalidArgument` unless there is one weight for each output.
train::Objective joint_objective(const graph::Graph& graph, std::vector<double> weights);

/// A network with exits as it is deployed, one sample at a time: at each exit, in the order in which they are reached,
///
///     If(max softmax(logits of the exit) >= threshold, these logits, the rest of the network),
///
/// so that what follows an exit that is sure is not computed. The only output is the first one. `thresholds[i]` belongs
/// to output i + 1; above 1 that exit is never taken. (BranchyNet looks at the entropy; the largest probability says as
/// much and is one number to choose.)
///
/// Throws `InvalidArgument` unless there is one threshold for each output after the first, of one shape.
graph::Graph to_early_exit(const graph::Graph& graph, const std::vector<float>& thresholds);

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/early_exit.ipp"
#endif

#endif
