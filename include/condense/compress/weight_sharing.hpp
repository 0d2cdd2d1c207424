#ifndef CONDENSE_COMPRESS_WEIGHT_SHARING_HPP
#define CONDENSE_COMPRESS_WEIGHT_SHARING_HPP

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "condense/train/fit.hpp"

namespace condense::compress {

/// How many values the constants of a network are left with.
struct WeightSharingConfig {
  /// Where the values lie: clusters from an even division of the range, or those of the least squared error; see
  /// `quantize::linear_clusters` and `optimal_clusters`.
  enum class Clustering { linear, optimal };

  int weight_bits = 5;  ///< 2^bits values, beside zero, in each weight of Conv, Gemm and MatMul; 1 to 15.
  int other_bits = 4;   ///< Likewise in biases and scales.
  std::map<std::string, int> bits_of = {};  ///< Of single constants, by name; 0 leaves one as it is.
  Clustering clustering = Clustering::linear;

  /// The share of the elements that are not zero that gets shared values, in (0, 1], the largest ones first: training
  /// lets the others make up for it before they follow (Zhou et al., "Incremental network quantization: towards
  /// lossless CNNs with low-precision weights", ICLR 2017, section 2.2). The clusters are those of all elements.
  double share = 1;
};

/// Which of its values each element of a constant has.
struct SharedConstant {
  graph::Value value;
  std::vector<std::uint32_t> codes;  ///< 0 for zero, which stays zero; otherwise 1 + the index of the value.
  std::vector<std::size_t> first;    ///< The first element of each value.
};

using SharedConstants = std::vector<SharedConstant>;

/// Replaces the elements of a graph's parameters that are not zero by at most 2^bits shared values a constant, each by
/// the nearest one (Han, Mao, Dally, "Deep Compression", ICLR 2016, section 3). The result is a graph like any other:
/// it trains, exports and runs. Throws for bits outside their range, names that are no parameters, and weights that are
/// not finite.
graph::Graph share_weights(graph::Graph graph, const WeightSharingConfig& config = {});

/// The shared values of a graph that `share_weights` made with this configuration, found from the graph itself; an
/// element that is not shared yet has a value of its own. Throws, naming the constant, where all are shared and there
/// are more values than its bits allow.
SharedConstants shared_constants(const graph::Graph& graph, const WeightSharingConfig& config = {});

/// Training options under which shared values stay shared, and zeros zero: what is trained are the centroids. Each
/// element's gradient becomes the sum over its cluster (section 3.3, equation 3) before the optimiser sees it, so that
/// all elements of a cluster have the same gradient, moments and weight decay; after each step they are set to the
/// value of the cluster's first element, so ties hold exactly whatever the rounding. What the options called before is
/// called first.
///
/// The gradient of a centroid grows with its cluster: plain gradient descent needs a much smaller rate than for single
/// weights; Adam's steps do not depend on the scale.
train::FitOptions tie_shared(std::shared_ptr<const SharedConstants> shared, train::FitOptions options);

/// Rounds shared values to float16, in which a file holds them in half the bytes; those that would become zero or
/// infinite stay.
graph::Graph round_shared(graph::Graph graph, const SharedConstants& shared);

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/weight_sharing.ipp"
#endif

#endif
