// Runs the built program on networks and data made here.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "condense/core/random.hpp"
#include "condense/graph/operators.hpp"
#include "condense/io/npy.hpp"
#include "condense/io/onnx.hpp"
#include "support/temporary_folder.hpp"

namespace condense {
namespace {

Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
  Random random(seed);
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.mutable_values<float>()) value = random.normal();
  return tensor;
}

/// Convolution, Relu, fully connected: images (n x 3 x 6 x 6) to 5 classes.
graph::Graph classifier() {
  graph::Graph graph;
  const graph::Value x = graph.input("image", DataType::float32, {kDynamic, 3, 6, 6});
  const graph::Value kernel = graph.constant("kernel", random_tensor({8, 3, 3, 3}, 1));
  const graph::Value weights = graph.constant("weights", random_tensor({5, 128}, 2));
  const graph::Value bias = graph.constant("bias", random_tensor({5}, 3));
  graph::Value y = graph.add(graph::Conv{}, {x, kernel}, "conv");
  y = graph.add(graph::Relu{}, {y}, "relu");
  y = graph.add(graph::Flatten{}, {y}, "flatten");
  y = graph.add(graph::Gemm{.trans_b = true}, {y, weights, bias}, "classifier");
  graph.output(y, "logits");
  return graph;
}

struct Outcome {
  int status = -1;
  std::string output;
  std::string errors;
};

std::string text_of(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = io::read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A folder with a network "net.onnx" and 40 images for it, "data.npy".
class CommandLine : public testing::Test {
 protected:
  CommandLine() {
    io::write_onnx(folder_ / "net.onnx",
                   {.graph = classifier(), .dimension_names = {{"image", {"batch", "", "", ""}}}});
    io::write_npy(folder_ / "data.npy", random_tensor({40, 3, 6, 6}, 4));
  }

  /// Runs `condense` in the folder.
  Outcome condense(const std::string& arguments) const {
    const std::string command =
        fmt::format("cd '{}' && '{}' {} >out 2>err", (folder_ / "").string(), CONDENSE_PROGRAM, arguments);
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(folder_ / "out"), text_of(folder_ / "err")};
  }

  /// What it prints as JSON; there is nothing on the standard error.
  nlohmann::json json(const std::string& arguments) const {
    const Outcome outcome = condense(arguments + " --json");
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    EXPECT_EQ(outcome.errors, "");
    return nlohmann::json::parse(outcome.output);
  }

  /// Whether it ends with that status and says why on the standard error alone.
  testing::AssertionResult fails(int status, const std::string& arguments, const std::string& reason) const {
    const Outcome outcome = condense(arguments);
    if (outcome.status == status && outcome.output.empty() && outcome.errors.find(reason) != std::string::npos) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "status " << outcome.status << "\n" << outcome.output << outcome.errors;
  }

  const TemporaryFolder folder_;
};

TEST_F(CommandLine, InfoSaysWhatIsThere) {
  const nlohmann::json info = json("info net.onnx");
  EXPECT_EQ(info["inputs"][0]["shape"], nlohmann::json({"batch", 3, 6, 6}));
  EXPECT_EQ(info["operators"]["Conv"], 1);
  EXPECT_EQ(info["parameters"], 8 * 3 * 9 + 5 * 128 + 5);
  EXPECT_EQ(info["multiply_accumulates"], 16 * 8 * 27 + 5 * 128);
  EXPECT_EQ(info["stored_bytes"], 4 * (8 * 3 * 9 + 5 * 128 + 5));
  EXPECT_EQ(info["quantization"]["integer_multiply_accumulates"], info["multiply_accumulates"]);
  EXPECT_TRUE(info["runtime"]["compiled"]);

  const Outcome text = condense("info net.onnx");
  EXPECT_EQ(text.status, 0);
  EXPECT_NE(text.output.find("(batch x 3 x 6 x 6)"), std::string::npos) << text.output;
  EXPECT_NE(text.output.find("4 of 4 nodes would run in integers"), std::string::npos) << text.output;
}

TEST_F(CommandLine, RunGivesWhatTheNetworkGives) {
  const nlohmann::json run = json("run net.onnx --data data.npy -o logits.npy --batch 16");
  EXPECT_EQ(run["samples"], 40);
  EXPECT_TRUE(run["compiled"]);
  const Tensor logits = io::read_npy(folder_ / "logits.npy");
  const Tensor expected = graph::evaluate(classifier(), {io::read_npy(folder_ / "data.npy")}).front();
  ASSERT_EQ(logits.shape(), Shape({40, 5}));
  for (Index i = 0; i < logits.count(); ++i) {
    EXPECT_NEAR(logits.data<float>()[i], expected.data<float>()[i], 1e-3) << i;
  }
  EXPECT_EQ(condense("run net.onnx --input image=data.npy -o results").status, 0);
  EXPECT_EQ(io::read_npy(folder_ / "results/logits.npy").shape(), Shape({40, 5}));
}

TEST_F(CommandLine, RunSaysWhyItWasNotCompiled) {
  graph::Graph graph;
  const graph::Value x = graph.input("x", DataType::float32, {kDynamic});
  graph.output(graph.add(graph::NonZero{}, {x}, "nonzero"), "places");
  io::write_onnx(folder_ / "places.onnx", {.graph = graph});
  io::write_npy(folder_ / "x.npy", Tensor::of<float>({4}, {0, 3, 0, -1}));
  const nlohmann::json run = json("run places.onnx --data x.npy --batch 0 -o places.npy");
  EXPECT_FALSE(run["compiled"]);
  EXPECT_NE(run["execution"].get<std::string>().find("'nonzero'"), std::string::npos) << run;
  EXPECT_EQ(io::read_npy(folder_ / "places.npy"), Tensor::of<std::int64_t>({1, 2}, {1, 3}));
}

TEST_F(CommandLine, QuantizeWritesANetworkThatRunsInIntegers) {
  const nlohmann::json report = json("quantize net.onnx -o int8.onnx --data data.npy --samples 24");
  EXPECT_EQ(report["samples"], 24);
  EXPECT_EQ(report["nodes"].size(), 4U);
  EXPECT_EQ(report["integer_multiply_accumulates"], report["multiply_accumulates"]);
  EXPECT_GT(report["ratio"], 3.0);
  const io::OnnxModel model = io::read_onnx(folder_ / "int8.onnx");
  EXPECT_EQ(model.metadata.at("condense.calibrator"), "mean squared error");
  EXPECT_EQ(model.metadata.at("condense.samples"), "24");
  EXPECT_EQ(model.metadata.at("condense.weights"), "int8/channel");
  EXPECT_EQ(model.dimension_names.at("image").front(), "batch");

  const nlohmann::json info = json("info int8.onnx");
  EXPECT_TRUE(info["quantized"]);
  EXPECT_GE(info["runtime"]["steps"]["int8"], 2);

  const nlohmann::json compared = json("compare net.onnx int8.onnx --data data.npy");
  EXPECT_GT(compared["outputs"][0]["sqnr_db"], 25.0);
  EXPECT_GT(compared["outputs"][0]["cosine"], 0.99);
  EXPECT_GE(compared["outputs"][0]["top1_percent"], 90.0);
  EXPECT_EQ(compared["layers"].size(), 4U);
}

TEST_F(CommandLine, QuantizeGivesTheSameFileAgain) {
  ASSERT_EQ(condense("quantize net.onnx -o a.onnx --data data.npy --threads 1").status, 0);
  ASSERT_EQ(condense("quantize net.onnx -o b.onnx --data data.npy --threads 3").status, 0);
  EXPECT_EQ(io::read_file(folder_ / "a.onnx"), io::read_file(folder_ / "b.onnx"));
}

TEST_F(CommandLine, QuantizeTakesFormatsAndNodesThatStayFloat) {
  ASSERT_EQ(condense("quantize net.onnx -o w.onnx --weights int4/group32 --activations float").status, 0);
  EXPECT_EQ(io::read_onnx(folder_ / "w.onnx").metadata.count("condense.calibrator"), 0U);
  const nlohmann::json kept =
      json("quantize net.onnx -o k.onnx --data data.npy --keep-float conv --activations int8 --calibrator min-max");
  EXPECT_EQ(kept["nodes"][0]["execution"], "float");
  EXPECT_EQ(kept["nodes"][0]["reason"], "kept in float as configured");
  EXPECT_TRUE(fails(1, "quantize net.onnx -o x.onnx --data data.npy --keep-float stem", "'stem'"));
}

TEST_F(CommandLine, CompareOfANetworkWithItselfFindsNoDifference) {
  const nlohmann::json compared = json("compare net.onnx net.onnx --data data.npy --samples 8");
  EXPECT_EQ(compared["samples"], 8);
  EXPECT_EQ(compared["outputs"][0]["sqnr_db"], "inf");
  EXPECT_EQ(compared["outputs"][0]["maximum_absolute_difference"], 0.0);
  EXPECT_EQ(compared["outputs"][0]["top1_percent"], 100.0);
}

TEST_F(CommandLine, TakesFoldersIntegersAndChannelsLast) {
  std::filesystem::create_directory(folder_ / "images");
  Tensor pixels(DataType::uint8, {6, 6, 3});
  for (std::uint8_t& pixel : pixels.mutable_values<std::uint8_t>()) pixel = 51;
  for (const char* name : {"a.npy", "b.npy"}) io::write_npy(folder_ / "images" / name, pixels);
  EXPECT_TRUE(fails(1, "run net.onnx --data images", "--channels-last"));
  ASSERT_EQ(json("run net.onnx --data images --channels-last --image-mean 1/2 -o y.npy")["samples"], 2);
  Tensor same(DataType::float32, {1, 3, 6, 6});
  for (float& value : same.mutable_values<float>()) value = (51 - 0.5F) / 255;
  io::write_npy(folder_ / "same.npy", same);
  ASSERT_EQ(condense("run net.onnx --data same.npy -o z.npy").status, 0);
  const Tensor y = io::read_npy(folder_ / "y.npy");
  const Tensor z = io::read_npy(folder_ / "z.npy");
  for (Index i = 0; i < 5; ++i) EXPECT_NEAR(y.data<float>()[i], z.data<float>()[i], 1e-4);
}

TEST_F(CommandLine, FeedsSeveralInputs) {
  graph::Graph graph;
  const graph::Value a = graph.input("a", DataType::float32, {kDynamic, 2});
  const graph::Value b = graph.input("b", DataType::float32, {1, 2});
  graph.output(graph.add(graph::Add{}, {a, b}), "sum");
  io::write_onnx(folder_ / "sum.onnx", {.graph = graph});
  io::write_npy(folder_ / "a.npy", Tensor::of<float>({2, 2}, {1, 2, 3, 4}));
  io::write_npy(folder_ / "b.npy", Tensor::of<std::int32_t>({2}, {10, 20}));  // for all runs, converted
  ASSERT_EQ(condense("run sum.onnx --input a=a.npy --data b.npy -o sum.npy").status, 0);
  EXPECT_EQ(io::read_npy(folder_ / "sum.npy"), Tensor::of<float>({2, 2}, {11, 22, 13, 24}));
  EXPECT_TRUE(fails(1, "run sum.onnx --data a.npy", "'a' float32 (? x 2), 'b' float32 (1 x 2)"));
  EXPECT_TRUE(fails(1, "run sum.onnx --input c=a.npy", "no input 'c'"));
  EXPECT_TRUE(fails(1, "run sum.onnx --input a=a.npy", "no data for the input 'b'"));
}

TEST_F(CommandLine, EndsWithStatusOneWhereFilesAreWrong) {
  io::write_npy(folder_ / "wrong.npy", random_tensor({4, 3, 5, 5}, 5));
  io::write_file_atomically(folder_ / "text.onnx", std::as_bytes(std::span("no network", 10)));
  EXPECT_TRUE(fails(1, "info missing.onnx", "missing.onnx: cannot open"));
  EXPECT_TRUE(fails(1, "info text.onnx", "an ONNX model is expected"));
  EXPECT_TRUE(fails(1, "run net.onnx --data missing.npy", "missing.npy: cannot open"));
  EXPECT_TRUE(
      fails(1, "run net.onnx --data wrong.npy", "has shape (4 x 3 x 5 x 5), the input 'image' takes (? x 3 x 6 x 6)"));
  EXPECT_TRUE(fails(1, "run net.onnx --data net.onnx", "data is read from .npy"));
  EXPECT_TRUE(fails(1, "quantize net.onnx -o missing/x.onnx --data data.npy", "missing/x.onnx"));
}

TEST_F(CommandLine, EndsWithStatusTwoWhereTheCommandLineIsWrong) {
  EXPECT_TRUE(fails(2, "", "subcommand"));
  EXPECT_TRUE(fails(2, "info", "MODEL is required"));
  EXPECT_TRUE(fails(2, "info net.onnx --colour", "--colour"));
  EXPECT_TRUE(fails(2, "run net.onnx", "--data"));
  EXPECT_TRUE(fails(2, "quantize net.onnx --data data.npy", "--output is required"));
  EXPECT_TRUE(fails(2, "quantize net.onnx -o x.onnx --data data.npy --weights int9", "int9"));
  EXPECT_TRUE(fails(2, "quantize net.onnx -o x.onnx --data data.npy --calibrator best", "'best'"));
  EXPECT_TRUE(fails(2, "quantize net.onnx -o x.onnx --data data.npy --activations int4", "int4"));
  EXPECT_TRUE(fails(2, "run net.onnx --data data.npy --image-scale 1/x", "1/x"));
  EXPECT_EQ(condense("--help").status, 0);
  EXPECT_EQ(condense("quantize --help").status, 0);
  EXPECT_EQ(condense("--version").status, 0);
}

}  // namespace
}  // namespace condense
