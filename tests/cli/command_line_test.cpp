#include "cli/program.hpp"

namespace condense {
namespace {

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

TEST_F(CommandLine, CompareOfANetworkWithItselfFindsNoDifference) {
  const nlohmann::json compared = json("compare net.onnx net.onnx --data data.npy --samples 8");
  EXPECT_EQ(compared["samples"], 8);
  EXPECT_EQ(compared["outputs"][0]["sqnr_db"], "inf");
  EXPECT_EQ(compared["outputs"][0]["maximum_absolute_difference"], 0.0);
  EXPECT_EQ(compared["outputs"][0]["top1_percent"], 100.0);
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
