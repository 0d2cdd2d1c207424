#include "cli/program.hpp"

namespace condense {
namespace {

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

TEST_F(CommandLine, ChannelsLastTurnsArraysAndNormalisesBytes) {
  graph::Graph graph;
  graph.output(graph.add(graph::Neg{}, {graph.input("x", DataType::float32, {kDynamic, 2, 1, 3})}), "y");
  io::write_onnx(folder_ / "negative.onnx", {.graph = graph});
  const std::string run = "run negative.onnx -o y.npy --channels-last --image-mean 1,2 --image-scale 2,1/2 --data ";
  io::write_npy(folder_ / "bytes.npy", Tensor::of<std::uint8_t>({1, 1, 3, 2}, {10, 20, 11, 22, 12, 24}));
  ASSERT_EQ(condense(run + "bytes.npy").status, 0);
  EXPECT_EQ(io::read_npy(folder_ / "y.npy"), Tensor::of<float>({1, 2, 1, 3}, {-18, -20, -22, -9, -10, -11}));
  io::write_npy(folder_ / "reals.npy", Tensor::of<float>({1, 3, 2}, {10, 20, 11, 22, 12, 24}));
  ASSERT_EQ(condense(run + "reals.npy").status, 0);  // only turned
  EXPECT_EQ(io::read_npy(folder_ / "y.npy"), Tensor::of<float>({1, 2, 1, 3}, {-10, -11, -12, -20, -22, -24}));
  EXPECT_TRUE(fails(1, "run negative.onnx --channels-last --image-mean 1,2,3 --data bytes.npy",
                    "--image-mean has 3 values and --image-scale 1, the images 2 channels"));
}

}  // namespace
}  // namespace condense
