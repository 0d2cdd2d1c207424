#include "cli/program.hpp"

namespace condense {
namespace {

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
  for (const char* threads : {"1", "2", "3"}) {
    ASSERT_EQ(condense(fmt::format("quantize net.onnx -o b.onnx --data data.npy --threads {}", threads)).status, 0);
    EXPECT_EQ(io::read_file(folder_ / "a.onnx"), io::read_file(folder_ / "b.onnx")) << threads;
  }
}

TEST_F(CommandLine, QuantizeTakesFormatsAndNodesThatStayFloat) {
  ASSERT_EQ(condense("quantize net.onnx -o w.onnx --weights int4/group32 --activations float").status, 0);
  EXPECT_EQ(io::read_onnx(folder_ / "w.onnx").metadata.count("condense.calibrator"), 0U);
  ASSERT_EQ(condense("quantize net.onnx -o d.onnx --activations dynamic").status, 0);
  EXPECT_EQ(io::read_onnx(folder_ / "d.onnx").metadata.at("condense.activations"), "dynamic");
  const nlohmann::json kept =
      json("quantize net.onnx -o k.onnx --data data.npy --keep-float conv --activations int8 --calibrator min-max");
  EXPECT_EQ(kept["nodes"][0]["execution"], "float");
  EXPECT_EQ(kept["nodes"][0]["reason"], "kept in float as configured");
}

TEST_F(CommandLine, QuantizeTakesFormatsOfSingleNodes) {
  const nlohmann::json report = json(
      "quantize net.onnx -o x.onnx --data data.npy --weights int8 --weights-of classifier=int4/channel "
      "--weights-of conv=int8/channel");
  EXPECT_EQ(report["nodes"][0]["weights"], "int8/channel");
  EXPECT_EQ(report["nodes"][3]["weights"], "int4/channel");
  EXPECT_EQ(io::read_onnx(folder_ / "x.onnx").metadata.at("condense.weights_of"),
            "classifier=int4/channel, conv=int8/channel");
  const std::string quantize = "quantize net.onnx -o x.onnx --data data.npy ";
  EXPECT_TRUE(fails(1, quantize + "--weights-of stem=int4", "it has conv, relu, flatten, classifier"));
  EXPECT_TRUE(fails(1, quantize + "--weights-of relu=int4", "'relu' (Relu), which has no weights"));
  EXPECT_TRUE(fails(2, quantize + "--weights-of conv", "write it as NODE=FORMAT"));
  EXPECT_TRUE(fails(2, quantize + "--weights-of conv=int9", "int9"));
  EXPECT_TRUE(fails(2, quantize + "--weights-of conv=int4 --weights-of conv=int8", "'conv' two formats"));
  EXPECT_TRUE(fails(2, quantize + "--weights-of conv=int4 --keep-float conv", "'conv' the format int4"));
  EXPECT_TRUE(fails(2, quantize + "--weights-of conv=int4 --keep-float-type Conv", "'conv' the format int4"));
}

TEST_F(CommandLine, QuantizeKeepsNodesAndOperatorsInFloat) {
  const nlohmann::json kept = json("quantize net.onnx -o x.onnx --data data.npy --keep-float-type Conv Flatten");
  EXPECT_EQ(kept["nodes"][0]["reason"], "kept in float as configured");
  EXPECT_EQ(kept["nodes"][2]["execution"], "float");
  EXPECT_EQ(kept["nodes"][3]["execution"], "integer");
  EXPECT_EQ(io::read_onnx(folder_ / "x.onnx").metadata.at("condense.keep_float_types"), "Conv, Flatten");
  const std::string quantize = "quantize net.onnx -o x.onnx --data data.npy ";
  EXPECT_TRUE(fails(1, quantize + "--keep-float stem", "it has conv, relu, flatten, classifier"));
  EXPECT_TRUE(fails(1, quantize + "--keep-float-type Softmax",
                    "'Softmax', of which the graph has no node; it has Conv, Flatten, Gemm, Relu"));
}

TEST_F(CommandLine, FilesSayHowTheyWereMade) {
  ASSERT_EQ(condense("quantize net.onnx -o x.onnx --data data.npy --samples 8 --calibrator percentile --symmetric "
                     "--activations int8")
                .status,
            0);
  const std::vector<std::string> facts{"condense.method = post-training quantisation",
                                       "condense.weights = int8/channel",
                                       "condense.activations = int8",
                                       "condense.symmetric = yes",
                                       "condense.calibrator = percentile 99.999",
                                       "condense.samples = 8"};
  const Outcome info = condense("info x.onnx");
  for (const std::string& fact : facts) EXPECT_NE(info.output.find(fact), std::string::npos) << fact << info.output;
  // What is quantised again says how it was made last.
  ASSERT_EQ(condense("quantize x.onnx -o y.onnx --activations float --weights float32").status, 0);
  const auto metadata = io::read_onnx(folder_ / "y.onnx").metadata;
  EXPECT_EQ(metadata.at("condense.activations"), "float");
  EXPECT_FALSE(metadata.contains("condense.samples"));
}

TEST_F(CommandLine, InfoListsScalesAndZeroPoints) {
  ASSERT_EQ(condense("quantize net.onnx -o x.onnx --data data.npy").status, 0);
  const nlohmann::json values = json("info x.onnx --quantization")["quantized_values"];
  const auto find = [&](const std::string& name) -> nlohmann::json {
    for (const nlohmann::json& value : values) {
      if (value["name"] == name) return value;
    }
    return {};
  };
  const nlohmann::json image = find("image");
  EXPECT_EQ(image["kind"], "activation");
  EXPECT_EQ(image["type"], "uint8");
  ASSERT_EQ(image["scales"].size(), 1U);
  const double scale = image["scales"][0];
  const double zero_point = image["zero_points"][0];
  EXPECT_NEAR(image["low"], -zero_point * scale, 1e-5);
  EXPECT_NEAR(image["high"], (255 - zero_point) * scale, 1e-5);
  const auto kernels = std::ranges::count_if(values, [](const nlohmann::json& value) {
    return value["kind"] == "constant" && value["type"] == "int8" && value["scales"].size() == 8;
  });
  EXPECT_EQ(kernels, 1) << values;
  const Outcome text = condense("info x.onnx --quantization");
  EXPECT_NE(text.output.find("zero point"), std::string::npos) << text.output;
  EXPECT_NE(text.output.find("(8)"), std::string::npos) << text.output;
  EXPECT_NE(condense("info net.onnx --quantization").output.find("Nothing in it is quantised"), std::string::npos);
}

}  // namespace
}  // namespace condense
