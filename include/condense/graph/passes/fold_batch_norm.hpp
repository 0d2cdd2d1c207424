#ifndef CONDENSE_GRAPH_PASSES_FOLD_BATCH_NORM_HPP
#define CONDENSE_GRAPH_PASSES_FOLD_BATCH_NORM_HPP

#include "condense/graph/detail/channel_scaling.hpp"

namespace condense::graph {

/// Folds batch normalisation in inference mode into the Conv, ConvTranspose, Gemm or MatMul before it: its scale into
/// the weights, the rest into the bias (Jacob et al., "Quantization and training of neural networks for efficient
/// integer-arithmetic-only inference", CVPR 2018, section 3.2). A MatMul of a matrix becomes a Gemm for that.
///
/// Done where the product's result is read by the normalisation alone and the weights, bias and statistics are
/// constants. A weight that other nodes read too stays as it is and the folded node gets its own. The node keeps its
/// name, its output takes that of the normalisation. Computed in double and rounded once, so outputs agree up to the
/// rounding of the weights and sums: a few units in the last place of the largest summand.
inline void fold_batch_norm(Graph& graph) {
  detail::ScalingFolder folder(graph);
  folder.fold_following([](const Node& node) { return node.op.is<BatchNormalization>(); });
  folder.finish();
}

}  // namespace condense::graph

#endif
