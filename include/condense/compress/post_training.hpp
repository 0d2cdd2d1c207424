#ifndef CONDENSE_COMPRESS_POST_TRAINING_HPP
#define CONDENSE_COMPRESS_POST_TRAINING_HPP

#include "condense/compress/coverage.hpp"
#include "condense/compress/post_training_config.hpp"
#include "condense/graph/graph.hpp"

namespace condense::compress {

/// The quantised graph and what was done to every node.
struct PostTrainingResult {
  graph::Graph graph;
  Coverage coverage;
};

/// The inputs of one run of a network, in the order of `graph.inputs()`.
using Batch = std::vector<Tensor>;

/// The graph as post-training methods work on it: batch normalisation and constants folded, dead and identity nodes
/// removed. Its outputs are those of the original up to rounding.
graph::Graph simplified(graph::Graph graph);

/// Quantises a trained network without training it again (Jacob et al., "Quantization and training of neural networks
/// for efficient integer-arithmetic-only inference", CVPR 2018, section 2, for the integer arithmetic).
///
/// The graph is simplified; `batches` are run through it in float, each quantised activation being watched by a
/// calibrator; weights are quantised in the format that the configuration assigns to their layer; and QuantizeLinear /
/// DequantizeLinear nodes say where integers run. The result is again a graph that evaluates, exports and compiles.
///
/// The rules that let other systems run it in integers hold by construction: biases are int32 at exactly the product of
/// the input and weight scale; what only moves elements (MaxPool, Reshape, Transpose, Concat, ...) has one scale on
/// both sides; activations merged with a Relu start at zero, those merged with a two-sided Clip have its range. A bias
/// that would overflow int32 raises its weight scale, and the coverage says so. A weight that several layers read in
/// one format is stored once.
///
/// A value that a node in float makes stays float for other nodes in float, such as the residual sums and layer
/// normalisations of a transformer: only nodes on integers read its codes.
///
/// Throws `InvalidArgument` if there is no calibration batch, a batch does not fit the inputs or makes a value that is
/// not finite (naming the value), the activation type is not of 8 bits, a weight is not finite, or the configuration
/// names an operator or a node that is not there, a node that was folded into another one, or one that gets an integer
/// format without having weights. Only static ranges need batches.
PostTrainingResult post_training(const graph::Graph& original, std::span<const Batch> batches,
                                 PostTrainingConfig config = {});

/// How every node would compute after `post_training` with this configuration. It needs no data, for the plan does not
/// depend on them; only what is changed for the sake of values, such as a raised weight scale, is not foreseen.
///
/// Throws `InvalidArgument` if the configuration names a node that is not there, was folded into another one, or gets
/// an integer format without having weights.
Coverage plan_coverage(const graph::Graph& original, PostTrainingConfig config = {});

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/post_training.ipp"
#endif

#endif
