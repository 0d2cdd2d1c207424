#ifndef CONDENSE_COMPRESS_ONE_SHOT_PRUNING_HPP
#define CONDENSE_COMPRESS_ONE_SHOT_PRUNING_HPP

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "condense/compress/pruned_layers.hpp"
#include "condense/compress/weight_masks.hpp"
#include "condense/core/enum_names.hpp"
#include "condense/core/parallel.hpp"
#include "condense/core/progress.hpp"
#include "condense/prune/pattern.hpp"

namespace condense::compress {

/// What decides which weights go.
enum class PruningMethod {
  magnitude,   ///< The smallest.
  random,      ///< Any: the control.
  wanda,       ///< Those for which |w| |x| is least, in each row (`prune::wanda_scores`).
  sparse_gpt,  ///< Those whose loss the others can make up for best, and they do (`prune::sparse_gpt`).
};

/// How a network is pruned without training.
struct OneShotPruningConfig {
  PruningMethod method = PruningMethod::sparse_gpt;

  /// Of the weight matrices (outputs x inputs); those of convolutions have their inputs in the order (tap, channel). By
  /// Wanda's definition its `unstructured` is `per_row`. `global` is for magnitude and random; layers with a sparsity
  /// of their own are left out of it. SparseGPT takes `unstructured`, `per_row` and `n_of_m`.
  prune::Pattern pattern = prune::Pattern::unstructured();
  double sparsity = 0.5;  ///< Of the layers that have none of their own, in [0, 1). N:M says its own.
  PrunedLayers layers = {};

  /// Lets the bias of a Conv or Gemm that has one of its own take up the mean error of each output, by which inputs
  /// that are never negative shift it (Nagel et al., "Data-free quantization through weight equalization and bias
  /// correction", ICCV 2019, section 4.2, from data). None of the methods does so as it was published.
  bool correct_bias = false;
  double damping = 0.01;   ///< Of SparseGPT.
  Index mask_block = 128;  ///< Of SparseGPT.
  std::uint64_t seed = 1;  ///< Of `random`.
  ThreadPool pool = {};
  Progress progress = {};  ///< Stage "pruning", a step for each layer, named by the detail.
};

/// What happened to a layer. Errors are relative, |Y' - Y| / |Y| over the node's outputs Y on all batches, where both
/// see the inputs that the layers pruned before it make; they are measured if there are batches.
struct LayerPruning {
  std::string name;
  double sparsity = 0;                       ///< Share of the weights that are masked.
  std::optional<double> error = {};          ///< Of the pruned layer.
  std::optional<double> error_of_mask = {};  ///< The same with only the mask: no other weight or bias is changed.
  double damping = 0;                        ///< With which SparseGPT's Hessian could be factorised.
};

/// The pruned graph, the masks that `hold_masks` keeps through training, and what was done.
struct OneShotPruningResult {
  graph::Graph graph;
  WeightMasks masks;
  std::vector<LayerPruning> layers;   ///< In the order of the nodes.
  std::vector<SkippedLayer> skipped;  ///< Layers with weights that keep them.
};

/// Prunes single weights of a trained network in one go, without training it.
///
/// The batches, each with the inputs of one run in the order of `graph.inputs()`, pass through the network together,
/// node by node, once: when a layer's turn comes its inputs are those that the already pruned layers before it make,
/// and its statistics are taken from them. Beside the activations that are alive at one node, of all batches, that
/// takes columns^2 numbers for each group of the layer at hand. Weights that several nodes read are pruned for the
/// inputs of the first. Magnitude and random need no batches.
///
/// Throws `InvalidArgument` if Wanda, SparseGPT or the correction of biases get no batch, a batch does not fit the
/// inputs or makes inputs of a layer that are not finite, a weight is not finite, a sparsity is outside [0, 1), a name
/// is not that of a layer with weights, the pattern is not one that the method takes, or nothing is left to prune.
OneShotPruningResult one_shot_pruning(const graph::Graph& graph, std::span<const std::vector<Tensor>> batches,
                                      const OneShotPruningConfig& config = {});

}  // namespace condense::compress

template <>
inline constexpr std::pair<condense::compress::PruningMethod, std::string_view>
    condense::enum_names<condense::compress::PruningMethod>[] = {
        {condense::compress::PruningMethod::magnitude, "magnitude"},
        {condense::compress::PruningMethod::random, "random"},
        {condense::compress::PruningMethod::wanda, "wanda"},
        {condense::compress::PruningMethod::sparse_gpt, "sparse-gpt"}};

#ifndef CONDENSE_COMPILED
#include "condense/compress/one_shot_pruning.ipp"
#endif

#endif
