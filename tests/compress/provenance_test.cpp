#include "condense/compress/provenance.hpp"

#include <gtest/gtest.h>

namespace condense::compress {
namespace {

using Facts = std::map<std::string, std::string>;

TEST(Provenance, SaysHowScalesWereChosen) {
  EXPECT_EQ(provenance({}, 200), (Facts{{"condense.method", "post-training quantisation"},
                                        {"condense.weights", "int8/channel"},
                                        {"condense.weight_ranges", "least squared error"},
                                        {"condense.activations", "uint8"},
                                        {"condense.symmetric", "no"},
                                        {"condense.calibrator", "mean squared error"},
                                        {"condense.samples", "200"}}));
}

TEST(Provenance, SaysWhatDepartsFromTheDefaults) {
  PostTrainingConfig config;
  config.weights.overrides["b"] = quantize::NumberFormat::parse("int4/group32");
  config.weights.overrides["a"] = quantize::NumberFormat::parse("int4/channel");
  config.search_weight_range = false;
  config.keep_float = {"stem", "classifier"};
  config.keep_float_types = {"Add"};
  config.recurrent = RecurrentMode::weights_only;
  config.quantize_softmax = true;
  config.activations.calibrator = {
      .method = calibrate::Method::percentile, .percentile = 99.9, .cross_validated = true, .folds = 3};
  const Facts facts = provenance(config, 1);
  EXPECT_EQ(facts.at("condense.weights_of"), "a=int4/channel, b=int4/group32");
  EXPECT_EQ(facts.at("condense.weight_ranges"), "full");
  EXPECT_EQ(facts.at("condense.keep_float"), "stem, classifier");
  EXPECT_EQ(facts.at("condense.keep_float_types"), "Add");
  EXPECT_EQ(facts.at("condense.recurrent"), "weights only");
  EXPECT_EQ(facts.at("condense.softmax"), "quantised");
  EXPECT_EQ(facts.at("condense.calibrator"), "percentile 99.9, cross-validated in 3 folds");
  config.activations.calibrator = {.method = calibrate::Method::moving_average, .smoothing = 0.5};
  EXPECT_EQ(provenance(config, 1).at("condense.calibrator"), "moving average, smoothing 0.5");
}

TEST(Provenance, WithoutStaticRangesNamesNoCalibration) {
  PostTrainingConfig config;
  for (const auto& [mode, name] :
       {std::pair{ActivationMode::floating, "float"}, std::pair{ActivationMode::dynamic, "dynamic"}}) {
    config.activations.mode = mode;
    const Facts facts = provenance(config, 0);
    EXPECT_EQ(facts.at("condense.activations"), name);
    EXPECT_FALSE(facts.contains("condense.calibrator"));
    EXPECT_FALSE(facts.contains("condense.samples"));
  }
}

}  // namespace
}  // namespace condense::compress
