#include "cli/program.hpp"

namespace condense {
namespace {

TEST_F(CommandLine, BenchGivesLatencyAndMemory) {
  const nlohmann::json bench = json("bench net.onnx --rounds 3 --batch 2 --threads 1");
  EXPECT_EQ(bench["rounds"], 3);
  EXPECT_EQ(bench["batch"], 2);
  EXPECT_EQ(bench["threads"], 1);
  EXPECT_GT(bench["median_ms"], 0.0);
  EXPECT_GE(bench["p90_ms"], bench["median_ms"]);
  EXPECT_DOUBLE_EQ(bench["inferences_per_second"], 2000 / bench["median_ms"].get<double>());
  EXPECT_GE(bench["arena_bytes"], 2 * 8 * 16 * 4);  // two images between the layers
  EXPECT_GE(bench["weight_bytes"], 4 * (8 * 3 * 9 + 5 * 128 + 5));

  const Outcome text = condense("bench net.onnx --rounds 1");
  EXPECT_EQ(text.status, 0) << text.errors;
  EXPECT_NE(text.output.find("inferences/s"), std::string::npos) << text.output;
}

TEST_F(CommandLine, BenchTakesData) {
  EXPECT_EQ(json("bench net.onnx --data data.npy --rounds 1 --batch 5")["batch"], 5);
  EXPECT_EQ(json("bench net.onnx --data data.npy --rounds 1 --batch 100")["batch"], 40) << "there are 40";
  EXPECT_TRUE(fails(1, "bench net.onnx --data net.onnx", "data is read from .npy"));
}

TEST_F(CommandLine, ProfileHasARowForEachStep) {
  const nlohmann::json profile = json("profile net.onnx --rounds 2 --threads 1 --trace trace.json");
  const nlohmann::json trace = nlohmann::json::parse(text_of(folder_ / "trace.json"));
  EXPECT_EQ(profile["rounds"], 2);
  EXPECT_EQ(profile["multiply_accumulates"], 16 * 8 * 27 + 5 * 128);
  EXPECT_GT(profile["energy_estimate"]["microjoules"], 0.0);
  ASSERT_FALSE(profile["steps"].empty());
  ASSERT_EQ(trace["traceEvents"].size(), profile["steps"].size());
  double start = 0;
  for (std::size_t i = 0; i < profile["steps"].size(); ++i) {
    const nlohmann::json& event = trace["traceEvents"][i];
    EXPECT_EQ(event["name"], profile["steps"][i]["step"]);
    EXPECT_DOUBLE_EQ(event["ts"], start);
    start += event["dur"].get<double>();
  }
  const Outcome text = condense("profile net.onnx --rounds 1");
  EXPECT_EQ(text.status, 0) << text.errors;
  EXPECT_NE(text.output.find("Conv + Relu"), std::string::npos) << text.output;
  EXPECT_NE(text.output.find("an estimate"), std::string::npos) << text.output;
}

TEST_F(CommandLine, MeasuresOnlyWhatCompiles) {
  graph::Graph graph;
  const graph::Value x = graph.input("x", DataType::float32, {kDynamic});
  graph.output(graph.add(graph::NonZero{}, {x}, "nonzero"), "places");
  io::write_onnx(folder_ / "places.onnx", {.graph = graph});
  EXPECT_TRUE(fails(1, "bench places.onnx", "'nonzero'"));
  EXPECT_TRUE(fails(1, "profile places.onnx", "'nonzero'"));
  EXPECT_TRUE(fails(2, "bench net.onnx --rounds 0", "--rounds"));
  EXPECT_TRUE(fails(1, "profile net.onnx --rounds 1 --trace missing/trace.json", "missing/trace.json"));
  EXPECT_TRUE(fails(1, "bench missing.onnx", "missing.onnx: cannot open"));
}

}  // namespace
}  // namespace condense
