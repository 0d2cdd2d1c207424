#include <gtest/gtest.h>

#include <filesystem>

#include "compress/quantized.hpp"
#include "condense/graph/statistics.hpp"
#include "condense/io/idx.hpp"
#include "condense/io/safetensors.hpp"
#include "condense/quantize/distortion.hpp"
#include "condense/quantize/quantize.hpp"
#include "condense/quantize/uniform.hpp"
#include "examples/support/fashion_data.hpp"
#include "examples/support/fashion_weights.hpp"
#include "support/integer_interpreter.hpp"

// The network of examples/compress_cnn.cpp with its trained weights, on the first 1,000 test images of Fashion-MNIST.
// Calibration data are the next 256, which nothing is measured on.

namespace condense::compress {
namespace {

class FashionMnist : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!available()) return;
    trained_ = examples::load_network(CONDENSE_EXAMPLES_DATA "/fashion_cnn.safetensors");
    const train::Dataset all = examples::fashion_data(examples::kFashionFolder, "t10k");
    test_ = train::slice(all, 0, 1000);
    for (Index first = 1000; first < 1256; first += 32) {
      calibration_.push_back({train::slice(all, first, first + 32).inputs});
    }
  }
  static void TearDownTestSuite() {
    trained_ = {};
    test_ = {};
    calibration_.clear();
  }

  void SetUp() override {
    if (!available()) {
      GTEST_SKIP() << examples::kFashionFolder << " is absent; install dataset-fashion-mnist";
    }
  }

  static bool available() { return std::filesystem::exists(examples::kFashionFolder); }

  static PostTrainingResult compressed(const PostTrainingConfig& config = {}) {
    return quantized(trained_, calibration_, config);
  }
  static double accuracy_percent(const Tensor& logits) {
    int correct = 0;
    for (Index i = 0; i < 1000; ++i) {
      const float* row = logits.data<float>() + 10 * i;
      correct += std::max_element(row, row + 10) - row == test_.targets.data<std::int64_t>()[i] ? 1 : 0;
    }
    return correct / 10.0;
  }
  static double float_accuracy() { return accuracy_percent(graph::evaluate(simplified(trained_), {test_.inputs})[0]); }
  static double program_accuracy(const graph::Graph& graph) {
    return accuracy_percent(run_compiled(graph, {&test_.inputs, 1})[0]);
  }
  static double ratio(const graph::Graph& graph) {
    return static_cast<double>(graph::stored_bytes(simplified(trained_))) /
           static_cast<double>(graph::stored_bytes(graph));
  }

  static graph::Graph trained_;
  static train::Dataset test_;
  static std::vector<Batch> calibration_;
};

graph::Graph FashionMnist::trained_;
train::Dataset FashionMnist::test_;
std::vector<Batch> FashionMnist::calibration_;

PostTrainingConfig mixed() {
  PostTrainingConfig config;
  config.keep_float = {"stem", "classifier"};
  config.weights.overrides["hidden"] = quantize::NumberFormat::parse("int4/channel");
  return config;
}

// After a Relu the range is [0, m]. Symmetric int8 spends its codes on [-m, m]: the step is m / 127 in place of m /
// 255. The error of rounding is uniform in half a step to either side, so its mean square is step^2 / 12, and the
// asymmetric one is (127 / 255)^2 = 0.248 of the symmetric one: it falls by 75 % where activations fill the steps
// evenly. (Zeros are exact in both.)
TEST_F(FashionMnist, AsymmetricQuantizationOfReluOutputsHasAQuarterOfTheError) {
  const graph::Graph graph = simplified(trained_);
  const std::vector<int> producers = graph.producers();
  double symmetric_total = 0;
  double asymmetric_total = 0;
  int outputs = 0;
  const auto compare = [&](graph::Value value, const Tensor& tensor) {
    const int producer = producers[static_cast<std::size_t>(value.index)];
    if (producer < 0 || !graph.nodes()[static_cast<std::size_t>(producer)].op.is<graph::Relu>()) return;
    const auto error = [&](const auto& scheme) {
      return quantize::distortion(tensor, quantize::fake_quantize(tensor, scheme)).mean_squared_error();
    };
    const double symmetric = error(quantize::UniformSymmetric<8>());
    const double asymmetric = error(quantize::UniformAsymmetric<8>());
    EXPECT_GE(1 - asymmetric / symmetric, 0.42) << graph.name(value);
    symmetric_total += symmetric * static_cast<double>(tensor.count());
    asymmetric_total += asymmetric * static_cast<double>(tensor.count());
    ++outputs;
  };
  graph::evaluate(graph, {train::slice(test_, 0, 50).inputs}, {.pool = {}, .on_value = compare});
  RecordProperty("reduction_percent", fmt::format("{:.2f}", 100 * (1 - asymmetric_total / symmetric_total)));
  EXPECT_EQ(outputs, 12);
  EXPECT_GE(1 - asymmetric_total / symmetric_total, 0.42);
  EXPECT_NEAR(1 - asymmetric_total / symmetric_total, 0.75, 0.05);
}

TEST_F(FashionMnist, DefaultInt8LosesLessThanAPointAndIsAlmostFourTimesSmaller) {
  const PostTrainingResult result = compressed();
  EXPECT_EQ(result.coverage.integer_multiply_accumulates, result.coverage.multiply_accumulates);
  EXPECT_EQ(result.coverage.count(Execution::floating), 0);
  const double reference = float_accuracy();
  EXPECT_GT(reference, 90);
  EXPECT_NEAR(program_accuracy(result.graph), reference, 1.0);
  EXPECT_GE(ratio(result.graph), 3.7);
  EXPECT_LT(ratio(result.graph), 4.0);
}

TEST_F(FashionMnist, MixedPrecisionIsSmallerStill) {
  const PostTrainingResult result = compressed(mixed());
  EXPECT_GT(ratio(result.graph), ratio(compressed().graph));
  EXPECT_NEAR(program_accuracy(result.graph), float_accuracy(), 2.0);
  EXPECT_EQ(coverage_of(result, "stem").execution, Execution::floating);
  EXPECT_EQ(coverage_of(result, "block1.depthwise").weights, "int8/channel");
  EXPECT_EQ(coverage_of(result, "hidden").weights, "int4/channel");
}

TEST_F(FashionMnist, ProgramsGiveTheBytesOfTheNumericContract) {
  const Tensor images = train::slice(test_, 0, 4).inputs;
  for (const char* format : {"int8/channel", "int4/channel", "int4/group32", "log2-4/channel"}) {
    const PostTrainingResult result = compressed(with_weights(format));
    const std::vector<Tensor> expected = IntegerInterpreter(result.graph).run({&images, 1});
    for (const int threads : {1, 2, 5}) {
      EXPECT_TRUE(run_compiled(result.graph, {&images, 1}, threads)[0] == expected[0]) << format << ", " << threads;
    }
  }
}

}  // namespace
}  // namespace condense::compress
