#include "cli/program.hpp"

namespace condense {
namespace {

TEST_F(CommandLine, PruneTakesChannelsAway) {
  const nlohmann::json report = json("prune net.onnx -o narrow.onnx --channels 0.5");
  EXPECT_LT(report["parameters"], report["parameters_before"]);
  EXPECT_LT(report["multiply_accumulates"], report["multiply_accumulates_before"]);
  EXPECT_LT(report["file_bytes"], report["file_bytes_before"]);
  const nlohmann::json info = json("info narrow.onnx");
  EXPECT_EQ(info["parameters"], report["parameters"]);
  EXPECT_EQ(condense("run narrow.onnx --data data.npy").status, 0);
}

TEST_F(CommandLine, PruneReachesATimesCheaperNetwork) {
  const nlohmann::json report = json("prune net.onnx -o narrow.onnx --cheaper 2");
  EXPECT_LE(2 * report["multiply_accumulates"].get<double>(), report["multiply_accumulates_before"].get<double>());
}

TEST_F(CommandLine, PruneMakesWeightsZero) {
  const nlohmann::json report = json("prune net.onnx -o sparse.onnx --weights 0.5");
  EXPECT_NEAR(report["zero_share"].get<double>(), 0.5, 0.05);
  EXPECT_EQ(report["parameters"], report["parameters_before"]);
  const nlohmann::json with_data =
      json("prune net.onnx -o sparse.onnx --weights 0.5 --method sparse-gpt --data data.npy --pattern 2:4");
  EXPECT_FALSE(with_data["layers"].empty());
}

TEST_F(CommandLine, PruneSaysWhatDoesNotFit) {
  EXPECT_TRUE(fails(2, "prune net.onnx -o x.onnx", "--channels"));
  EXPECT_TRUE(fails(2, "prune net.onnx -o x.onnx --channels 0.5 --weights 0.5", "--"));
  EXPECT_TRUE(fails(2, "prune net.onnx -o x.onnx --channels 0.5 --criterion best", "geometric-median"));
  EXPECT_TRUE(fails(2, "prune net.onnx -o x.onnx --weights 0.5 --pattern 4:2", "4 of 2"));
  EXPECT_TRUE(fails(1, "prune net.onnx -o x.onnx --weights 0.5 --method wanda", "batch"));
  EXPECT_TRUE(fails(1, "prune net.onnx -o x.onnx --channels 0.5 --keep nowhere", "nowhere"));
}

}  // namespace
}  // namespace condense
