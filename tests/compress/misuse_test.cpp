#include <gtest/gtest.h>

#include <limits>

#include "compress/quantized.hpp"
#include "support/throws.hpp"

namespace condense::compress {
namespace {

/// The message of the refusal of a configuration or of calibration data.
testing::AssertionResult refuses(std::string_view part, const std::vector<Batch>& batches,
                                 const PostTrainingConfig& config = {}) {
  return throws<InvalidArgument>(part, [&] { quantized(plain_network(), batches, config); });
}

TEST(CalibrationData, MayNotBeMissing) {
  EXPECT_TRUE(refuses("0 batches", {}));
  EXPECT_TRUE(refuses("keep activations in float", {}));
}

TEST(CalibrationData, MayNotBeEmpty) {
  const Tensor none(DataType::float32, {0, 3, 8, 8});
  EXPECT_TRUE(refuses("calibrating 'image'", {{none}}));
  EXPECT_TRUE(refuses("nothing was observed", {{none}}));
}

TEST(CalibrationData, HasTheShapeAndTypeOfTheInputs) {
  const Tensor good = random_input(plain_network(), 2, 1);
  EXPECT_TRUE(refuses("'image' has shape (? x 3 x 8 x 8), it is given (2 x 3 x 8 x 9)",
                      {{good}, {Tensor(DataType::float32, {2, 3, 8, 9})}}));
  EXPECT_TRUE(refuses("calibration batch 1", {{good}, {Tensor(DataType::float32, {2, 3, 8, 9})}}));
  EXPECT_TRUE(refuses("'image' is float32, it is given uint8", {{Tensor(DataType::uint8, {2, 3, 8, 8})}}));
  EXPECT_TRUE(refuses("1 inputs, 2 tensors", {{good, good}}));
}

TEST(CalibrationData, IsFiniteAndTheErrorNamesTheValueThatIsNot) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity}) {
    Tensor input = random_input(plain_network(), 2, 1);
    input.mutable_values<float>()[200] = bad;
    EXPECT_TRUE(refuses("calibrating 'image'", {{random_input(plain_network(), 2, 1)}, {input}}));
    EXPECT_TRUE(refuses(fmt::format("{}", bad), {{input}}));
    PostTrainingConfig config;
    config.keep_float = {"stem", "stem.relu", "pool"};
    EXPECT_TRUE(refuses("calibrating 'pool'", {{input}}, config)) << "the first value that is quantised";
  }
}

TEST(CalibrationData, MayNotOverflowInsideTheNetwork) {
  Tensor input = random_input(plain_network(), 2, 1);
  for (float& value : input.mutable_values<float>()) value = 3e38F;
  EXPECT_TRUE(refuses("calibrating 'stem.relu'", {{input}}));
}

TEST(Configuration, NamesLayersThatExist) {
  const std::vector<Batch> batches = random_batches(plain_network());
  PostTrainingConfig config;
  config.weights.overrides["hiden"] = quantize::NumberFormat::parse("int4/channel");
  EXPECT_TRUE(refuses("a weight override names the layer 'hiden'", batches, config));
  EXPECT_TRUE(
      refuses("stem, stem.relu, pool, body, body.relu, flatten, hidden, hidden.relu, classifier", batches, config));
  PostTrainingConfig kept;
  kept.keep_float = {"stem", "first"};
  EXPECT_TRUE(refuses("keep_float names the layer 'first'", batches, kept));
}

TEST(Configuration, NamesNoLayerOnWhichItHasNoEffect) {
  PostTrainingConfig folded;
  folded.keep_float = {"stem.norm"};
  EXPECT_TRUE(throws<InvalidArgument>("'stem.norm', which is folded into another",
                                      [&] { quantized(residual_network(), folded); }));
  PostTrainingConfig weightless;
  weightless.weights.overrides["pool"] = quantize::NumberFormat::parse("int4/channel");
  EXPECT_TRUE(throws<InvalidArgument>("gives int4/channel to the layer 'pool' (MaxPool), which has no weights",
                                      [&] { quantized(plain_network(), weightless); }));
}

TEST(Configuration, QuantizesActivationsToEightBits) {
  for (const DataType type : {DataType::int4, DataType::float16, DataType::int32}) {
    PostTrainingConfig config;
    config.activations.type = type;
    EXPECT_TRUE(refuses(fmt::format("uint8 or int8, not {}", name(type)), random_batches(plain_network()), config));
  }
}

TEST(Configuration, SymmetricUnsignedActivationsMayNotBeNegative) {
  PostTrainingConfig config;
  config.activations.symmetric = true;
  EXPECT_TRUE(refuses("calibrating 'image': the range [-", random_batches(plain_network()), config));

  // Without negative values the zero point is 0, and not half of the codes.
  Tensor input = random_input(two_headed_network(), 8, 1);
  for (float& value : input.mutable_values<float>()) value = std::abs(value);
  const PostTrainingResult result = quantized(two_headed_network(), std::vector<Batch>{{input}}, config);
  EXPECT_EQ(QuantizedGraph(result.graph).made_from_input()->zero_point, 0);
  EXPECT_EQ(QuantizedGraph(result.graph).made("features")->zero_point, 0);
}

TEST(Weights, AreFiniteAndTheErrorNamesTheLayer) {
  graph::Graph network = plain_network();
  const graph::Value value = network.find("body.weight");
  Tensor weights = network.constant(value);
  weights.mutable_values<float>()[17] = std::numeric_limits<float>::quiet_NaN();
  network.set_constant(value, weights);
  PostTrainingConfig config;
  config.activations.mode = ActivationMode::floating;
  EXPECT_TRUE(throws<InvalidArgument>("the weights of 'body': element 17", [&] { quantized(network, {}, config); }));
  EXPECT_TRUE(throws<InvalidArgument>("calibrating 'body.relu'", [&] { quantized(network); }));
}

}  // namespace
}  // namespace condense::compress
