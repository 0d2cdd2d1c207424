#ifndef CONDENSE_COMPRESS_MEASURED_POST_TRAINING_HPP
#define CONDENSE_COMPRESS_MEASURED_POST_TRAINING_HPP

#include "condense/compress/post_training.hpp"
#include "condense/runtime/profile.hpp"

namespace condense::compress {

/// How the forms of a network are timed against each other.
struct MeasureConfig {
  /// A layer counts as slower if its integers take more than this many times the time of its floats: clocks are noisy.
  double margin = 1.1;
  runtime::ProfileOptions profile = {};
};

/// What a layer takes in both forms.
struct LayerTimes {
  std::string node;
  double float_seconds = 0;
  double integer_seconds = 0;
  bool keeps_float = false;
};

/// The products that are there in both forms of a network; those that take more than `margin` times as long on integers
/// keep their floats.
std::vector<LayerTimes> compare_layers(const runtime::Profile& of_floats, const runtime::Profile& of_integers,
                                       double margin);

struct MeasuredPostTrainingResult {
  graph::Graph graph;
  Coverage coverage;               ///< Says of a layer that stays float for its time what it takes.
  std::vector<LayerTimes> layers;  ///< Of all products that were tried on integers.
  double float_seconds = 0;        ///< Of one inference of the original network.
  double integer_seconds = 0;      ///< Of one inference of `graph`.
};

/// `post_training` for the machine that it runs on: layers whose integer form takes longer here than their float form
/// stay float. A network quantised so is no slower than before, as far as clocks tell, but on another machine another
/// choice may be right, and two calls may choose differently: it is meant for quantisation on the device itself.
///
/// Both forms are compiled for the shapes of the first batch and profiled side by side on it. Layers that are slower by
/// the margin are kept in float, and the network is quantised and timed again; what is slower as a whole is taken back,
/// because a layer in float between integers costs conversions. Throws what `post_training` and `runtime::compile`
/// throw; there must be a batch.
MeasuredPostTrainingResult measured_post_training(const graph::Graph& original, std::span<const Batch> batches,
                                                  const PostTrainingConfig& config = {},
                                                  const MeasureConfig& measure = {});

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/measured_post_training.ipp"
#endif

#endif
