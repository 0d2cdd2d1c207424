#ifndef CONDENSE_PRUNE_RECONSTRUCTION_HPP
#define CONDENSE_PRUNE_RECONSTRUCTION_HPP

#include <span>
#include <vector>

#include "condense/core/tensor.hpp"

namespace condense::prune {

/// Weights that least squares gave.
struct ReconstructedWeights {
  Tensor weights;      ///< float32 (outputs x inputs).
  double damping = 0;  ///< What was added to the diagonal of the Gram matrix, as a share of its mean.
};

/// The weights W with which a layer comes closest to given outputs: those that minimise sum |y - W x|^2 +
/// damping * mean * |W|^2, where `gram` (k x k) is the sum of x x^T, `mean` that of its diagonal, and `cross` (k x m)
/// the sum of x y^T, float64, as `Gram` and `CrossGram` collect them (He, Zhang & Sun, "Channel pruning for
/// accelerating very deep neural networks", ICCV 2017, section 3.1, the step that reconstructs the weights).
///
/// Where the normal equations cannot be solved the damping grows by factors of 10 until they can; an input that is
/// always 0 gets the weight 0. Never fails on finite sums.
ReconstructedWeights least_squares_weights(TensorRef<const double> gram, TensorRef<const double> cross,
                                           double damping = 1e-6);

/// The same for a layer that loses some of its inputs and is to give the outputs that it gave with all of them:
/// `weights` (outputs x inputs) are those that it has, `gram` (inputs x inputs) is of all inputs, and `kept` the inputs
/// that are left. The result is (outputs x kept).
ReconstructedWeights reconstruct_without(TensorRef<const double> gram, TensorRef<const float> weights,
                                         std::span<const Index> kept, double damping = 1e-6);

/// Which channels to keep so that the sum of their contributions stays closest to that of all: `contributions`
/// (samples x channels) holds, for sampled outputs of the next layer, what each input channel adds to them. Greedily
/// removes the channel with which the squared sum of all those removed grows least (Luo, Wu & Lin, "ThiNet: a filter
/// level pruning method for deep neural network compression", ICCV 2017, algorithm 1); of equals the higher index goes
/// first. Returns the `kept` channels in ascending order.
///
/// It reads the contributions by their Gram matrix only: `gram` (channels x channels) is contributions^T contributions.
/// Cost: (channels - kept) * channels, beside the Gram matrix.
std::vector<Index> select_channels_greedily(TensorRef<const double> gram, Index kept);

}  // namespace condense::prune

#ifndef CONDENSE_COMPILED
#include "condense/prune/reconstruction.ipp"
#endif

#endif
