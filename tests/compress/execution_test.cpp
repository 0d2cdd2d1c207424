#include <gtest/gtest.h>

#include "compress/quantized.hpp"
#include "condense/graph/statistics.hpp"
#include "condense/quantize/distortion.hpp"
#include "support/integer_interpreter.hpp"

// What the quantised graph computes: evaluated by its Q/DQ nodes, compiled for the runtime, and against float.

namespace condense::compress {
namespace {

double sqnr(const Tensor& reference, const Tensor& tensor) {
  return quantize::distortion(reference, tensor).sqnr_decibels();
}

/// Scale of the codes of an output, 0 if it is float.
float output_scale(const graph::Graph& graph, graph::Value output) {
  const QuantizedGraph reader(graph);
  const graph::Node& node = *reader.producer(output);
  return node.op.is<graph::DequantizeLinear>() ? graph.constant(node.inputs[1]).data<float>()[0] : 0;
}

class Execution8Bit : public testing::TestWithParam<std::string> {
 protected:
  PostTrainingConfig config() const {
    PostTrainingConfig config;
    if (GetParam() != "uint8") config.activations.type = DataType::int8;
    config.activations.symmetric = GetParam() == "int8_symmetric";
    return config;
  }
};

TEST_P(Execution8Bit, OfTheProgramGivesTheBytesOfTheNumericContract) {
  for (const NamedNetwork& network : networks()) {
    if (!network.all_integer) continue;  // float sums may be taken in another order
    const PostTrainingResult result = quantized(network.graph, config());
    const Tensor input = random_input(network.graph, 5, 100);
    const std::vector<Tensor> expected = IntegerInterpreter(result.graph).run({&input, 1});
    for (const int threads : {1, 3}) {
      const std::vector<Tensor> actual = run_compiled(result.graph, {&input, 1}, threads);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_TRUE(actual[i] == expected[i]) << network.name << ", output " << i << ", " << threads << " threads";
      }
    }
  }
}

TEST_P(Execution8Bit, OfProgramAndGraphAgreeWithinOneStepOfTheOutput) {
  for (const NamedNetwork& network : networks()) {
    const PostTrainingResult result = quantized(network.graph, config());
    const Tensor input = random_input(network.graph, 5, 100);
    const std::vector<Tensor> evaluated = graph::evaluate(result.graph, {input});
    const std::vector<Tensor> compiled = run_compiled(result.graph, {&input, 1});
    for (std::size_t i = 0; i < evaluated.size(); ++i) {
      const float step = output_scale(result.graph, result.graph.outputs()[i]);
      const quantize::Distortion difference = quantize::distortion(evaluated[i], compiled[i]);
      if (step > 0) {
        EXPECT_LE(difference.maximum_absolute_error(), 1.001F * step) << network.name;
      }
      // An intermediate code that rounds the other way, here and there, is far less than the noise of quantisation.
      EXPECT_GT(difference.sqnr_decibels(), 45) << network.name;
    }
  }
}

TEST_P(Execution8Bit, IsCloseToFloat) {
  for (const NamedNetwork& network : networks()) {
    const PostTrainingResult result = quantized(network.graph, config());
    const Tensor input = random_input(network.graph, 16, 200);
    const std::vector<Tensor> expected = graph::evaluate(network.graph, {input});
    const std::vector<Tensor> actual = run_compiled(result.graph, {&input, 1});
    // One rounding to 8 bits of a normal variable leaves about 40 dB; a few in a row, and clipped tails, take a dozen.
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_GT(sqnr(expected[i], actual[i]), 25) << network.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Activations, Execution8Bit, testing::Values("uint8", "int8", "int8_symmetric"),
                         [](const auto& tested) { return tested.param; });

TEST(Simplified, KeepsTheOutputsUpToRounding) {
  for (const NamedNetwork& network : networks()) {
    const Tensor input = random_input(network.graph, 4, 300);
    const Tensor expected = graph::evaluate(network.graph, {input})[0];
    EXPECT_GT(sqnr(expected, graph::evaluate(simplified(network.graph), {input})[0]), 120) << network.name;
  }
}

TEST(WeightFormats, RunInTheRuntimeAsTheGraphEvaluates) {
  for (const char* format :
       {"int8", "int4/channel", "int4/group8", "ternary/channel", "log2-4/channel", "apot4/channel"}) {
    for (const NamedNetwork& network : networks()) {
      const PostTrainingResult result = quantized(network.graph, with_weights(format));
      const Tensor input = random_input(network.graph, 4, 400);
      const Tensor evaluated = graph::evaluate(result.graph, {input})[0];
      EXPECT_GT(sqnr(evaluated, run_compiled(result.graph, {&input, 1})[0]), 40) << format << ", " << network.name;
      EXPECT_LT(graph::stored_bytes(result.graph), graph::stored_bytes(simplified(network.graph)))
          << format << ", " << network.name << " grew";
    }
  }
}

TEST(MixedPrecision, RunsFloatEightAndFourBitLayersInOneProgram) {
  PostTrainingConfig config;
  config.keep_float = {"stem", "classifier"};
  config.weights.overrides["hidden"] = quantize::NumberFormat::parse("int4/group32");
  const graph::Graph network = plain_network();
  const PostTrainingResult result = quantized(network, config);
  const Tensor input = random_input(network, 8, 500);
  const Tensor expected = graph::evaluate(network, {input})[0];
  EXPECT_GT(sqnr(expected, run_compiled(result.graph, {&input, 1})[0]), 14);  // four bits: 6.02 dB each, less the clip
  EXPECT_GT(sqnr(graph::evaluate(result.graph, {input})[0], run_compiled(result.graph, {&input, 1})[0]), 45);
}

}  // namespace
}  // namespace condense::compress
