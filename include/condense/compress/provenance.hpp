#ifndef CONDENSE_COMPRESS_PROVENANCE_HPP
#define CONDENSE_COMPRESS_PROVENANCE_HPP

#include <fmt/ranges.h>

#include <map>
#include <string>

#include "condense/compress/post_training_config.hpp"

namespace condense::compress {

/// How `post_training` made a network with this configuration from so many samples, in words for the metadata of a file
/// (`io::OnnxModel::metadata`), so that a deployed file says where its scales come from: "condense.method",
/// "condense.weights", "condense.activations", "condense.calibrator", "condense.samples" and what departs from the
/// defaults. There is no date and nothing of the machine in it: the same file comes out again.
inline std::map<std::string, std::string> provenance(const PostTrainingConfig& config, Index samples) {
  std::map<std::string, std::string> facts;
  const auto set = [&](const std::string& what, std::string value) {
    facts.insert_or_assign("condense." + what, std::move(value));
  };
  set("method", "post-training quantisation");
  set("weights", config.weights.default_format.name());
  if (!config.weights.overrides.empty()) {
    std::vector<std::string> layers;
    for (const auto& [layer, format] : config.weights.overrides) layers.push_back(layer + "=" + format.name());
    set("weights_of", fmt::format("{}", fmt::join(layers, ", ")));
  }
  set("weight_ranges", config.search_weight_range ? "least squared error" : "full");
  if (!config.keep_float.empty()) set("keep_float", fmt::format("{}", fmt::join(config.keep_float, ", ")));
  if (!config.keep_float_types.empty()) {
    set("keep_float_types", fmt::format("{}", fmt::join(config.keep_float_types, ", ")));
  }
  if (config.recurrent == RecurrentMode::weights_only) set("recurrent", "weights only");
  if (config.quantize_softmax) set("softmax", "quantised");
  if (config.activations.mode != ActivationMode::static_ranges) {
    set("activations", config.activations.mode == ActivationMode::dynamic ? "dynamic" : "float");
    return facts;
  }
  const calibrate::Configuration& calibrator = config.activations.calibrator;
  set("activations", std::string(name(config.activations.type)));
  set("symmetric", config.activations.symmetric ? "yes" : "no");
  set("samples", std::to_string(samples));
  std::string method(calibrate::name(calibrator.method));
  if (calibrator.method == calibrate::Method::percentile) method += fmt::format(" {}", calibrator.percentile);
  if (calibrator.method == calibrate::Method::moving_average) {
    method += fmt::format(", smoothing {}", calibrator.smoothing);
  }
  if (calibrator.cross_validated) method += fmt::format(", cross-validated in {} folds", calibrator.folds);
  set("calibrator", std::move(method));
  return facts;
}

}  // namespace condense::compress

#endif
