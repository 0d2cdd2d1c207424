#ifndef CONDENSE_GRAPH_PASSES_FOLD_SCALING_HPP
#define CONDENSE_GRAPH_PASSES_FOLD_SCALING_HPP

#include "condense/graph/detail/channel_scaling.hpp"

namespace condense::graph {

/// Folds what scales and shifts channels into the weights and bias of the product before or else behind it: batch
/// normalisation in inference mode, and Mul, Div, Add and Sub with a constant of one number or one for each channel.
/// Products are Conv, ConvTranspose, Gemm and MatMul with constant weights; a MatMul of a matrix that gets a bias so
/// becomes a Gemm.
///
/// Done where nothing else reads the value between them. A shift before a product is folded only if the product pads
/// nothing, and one around a MatMul of more than two dimensions not at all. A weight that other nodes read too stays as
/// it is and the folded node gets its own. The product keeps its name, its output takes that of the last node folded.
/// Computed in double and rounded once, so outputs agree up to the rounding of the weights and sums: a few units in the
/// last place of the largest summand.
inline void fold_scaling(Graph& graph) {
  detail::ScalingFolder folder(graph);
  folder.fold_following([](const Node&) { return true; });
  folder.fold_preceding();
  folder.finish();
}

}  // namespace condense::graph

#endif
