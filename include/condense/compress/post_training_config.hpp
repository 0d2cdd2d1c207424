#ifndef CONDENSE_COMPRESS_POST_TRAINING_CONFIG_HPP
#define CONDENSE_COMPRESS_POST_TRAINING_CONFIG_HPP

#include <string>
#include <vector>

#include "condense/calibrate/calibrator.hpp"
#include "condense/core/parallel.hpp"
#include "condense/core/progress.hpp"
#include "condense/quantize/mixed_precision.hpp"

namespace condense::compress {

/// Where the scales of activations come from.
enum class ActivationMode {
  static_ranges,  ///< From calibration, once and for all.
  dynamic,        ///< From the values of each run: products quantise what they read, everything else stays float.
  floating,       ///< Activations stay float, and only weights become smaller.
};

/// How activations are quantised. All but `mode` concerns static ranges.
struct ActivationConfig {
  ActivationMode mode = ActivationMode::static_ranges;
  DataType type = DataType::uint8;  ///< uint8 or int8.
  bool symmetric = false;           ///< Zero point 0; with int8 half of the codes is lost on non-negative activations.
  calibrate::Configuration calibrator;
};

/// How an LSTM is quantised, unless activations stay float.
enum class RecurrentMode {
  dynamic,       ///< As DynamicQuantizeLSTM: weights of 8 bits, x and h quantised anew in every step.
  weights_only,  ///< Only its weights become smaller, as those of GRU and RNN do.
};

/// How a network is quantised after training.
struct PostTrainingConfig {
  /// Format of each layer's weights. The table of an embedding (Gather) stays float unless it is given int8 or
  /// int8/channel, a scale for each row.
  quantize::Assignment weights{quantize::NumberFormat::parse("int8/channel"), {}};
  bool search_weight_range = true;  ///< Choose weight ranges of least squared error rather than the full ones.
  ActivationConfig activations;
  RecurrentMode recurrent = RecurrentMode::dynamic;
  bool quantize_softmax = false;  ///< Softmax on quantised scores, too; they are float otherwise, as products sum them.
  std::vector<std::string> keep_float;        ///< Nodes that stay in float, by name.
  std::vector<std::string> keep_float_types;  ///< The same for all nodes of an operator, by its ONNX name.
  ThreadPool pool;
  Progress progress;  ///< Stage "calibrating", a step for each batch.
};

}  // namespace condense::compress

#endif
