#ifndef CONDENSE_COMPRESS_DEEP_COMPRESSION_HPP
#define CONDENSE_COMPRESS_DEEP_COMPRESSION_HPP

#include <functional>
#include <map>
#include <string>

#include "condense/compress/weight_sharing.hpp"
#include "condense/train/fit.hpp"

namespace condense::compress {

/// A run of `deep_compression` between two stages, all of it: continuing from it gives the same bytes as never having
/// stopped.
struct DeepCompressionState {
  Index stage = 0;  ///< Stages done: the rounds of pruning, then those of weight sharing.
  graph::Graph graph;
};

/// How far a network is compressed and how it is trained meanwhile.
struct DeepCompressionConfig {
  /// The share of all weights of Conv, Gemm and MatMul that is kept in the end, in (0, 1]. What is dropped has the
  /// lowest `prune::layer_adaptive_scores`, by one threshold over the layers.
  double kept = 0.1;

  /// Shares of single weights, by the constant's name; they do not take part in the threshold. 1 leaves one whole.
  std::map<std::string, double> kept_of = {};

  /// No weight keeps a smaller share than this, in [0, 1], even if `kept` is then exceeded.
  double least_kept = 0;

  /// Rounds of pruning and training: after round r of R a share of kept + (1 - kept) (1 - r / R)^3 is left.
  Index rounds = 8;

  train::FitOptions pruning = {.epochs = 2};      ///< After each round but the last.
  train::FitOptions retraining = {.epochs = 20};  ///< After the last one.
  WeightSharingConfig sharing = {};               ///< Its `share` is set by the rounds.

  /// Rounds of weight sharing: after round s a share of 1 - 2^-s of the weights, the largest ones, have shared values,
  /// which are trained together with the weights that are still free; after the last one all. 1 for sharing as in the
  /// paper; with more, fewer bits do (see `WeightSharingConfig::share`).
  Index sharing_rounds = 1;
  train::FitOptions centroid_training = {.epochs = 5, .schedule = train::CosineSchedule{.rate = 1e-4}};

  /// Called after each stage with all there is to know; a copy of it is a checkpoint. May be empty.
  std::function<void(const DeepCompressionState&)> after_stage = {};
};

/// The stages of a run: the rounds of pruning and those of weight sharing.
inline Index stages(const DeepCompressionConfig& config) noexcept { return config.rounds + config.sharing_rounds; }

/// Compresses a trained network as Han, Mao and Dally do ("Deep Compression: compressing deep neural networks with
/// pruning, trained quantization and Huffman coding", ICLR 2016): weights are pruned in rounds, each followed by
/// training of those that are left (section 2; Han et al., "Learning both weights and connections for efficient neural
/// networks", NIPS 2015); those get shared values (section 3), which are trained, too, and rounded to float16. What
/// comes out is a graph like any other; `save_coded` writes its Huffman codes (section 4).
///
/// Nothing is remembered from stage to stage but the graph: pruned weights are its zeros. The seed of each stage is
/// that of its options and the stage's number, so a run that was stopped goes on from its last state to the same bytes.
///
/// Throws `InvalidArgument` for shares outside their range, names of `kept_of` that are no weights, a graph without
/// weights, and what `train::fit` refuses.
graph::Graph deep_compression(const graph::Graph& graph, const train::Dataset& data,
                              const DeepCompressionConfig& config = {});

/// Continues a run that `after_stage` has shown, with the same data and configuration.
graph::Graph resume_deep_compression(DeepCompressionState state, const train::Dataset& data,
                                     const DeepCompressionConfig& config = {});

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/deep_compression.ipp"
#endif

#endif
