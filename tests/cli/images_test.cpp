#include "cli/program.hpp"
#include "condense/io/image.hpp"
#include "io/image_fixture.hpp"

namespace condense {
namespace {

/// Brightness that grows smoothly to the lower right.
Tensor smooth_image(Index height, Index width) {
  Tensor image(DataType::uint8, {height, width, 3});
  for (Index i = 0; i < image.count(); ++i) {
    const Index x = i / 3 % width;
    const Index y = i / 3 / width;
    image.mutable_data<std::uint8_t>()[i] = static_cast<std::uint8_t>(30 + 4 * y + 3 * x + 20 * (i % 3));
  }
  return image;
}

/// Networks that give back their input with the other sign, so that a test sees it.
class Images : public CommandLine {
 protected:
  Images() { std::filesystem::create_directory(folder_ / "images"); }

  void write_network(const Shape& shape, DataType type = DataType::float32) const {
    graph::Graph graph;
    const graph::Value x = graph.input("x", type, shape);
    graph.output(
        type == DataType::float32 ? graph.add(graph::Neg{}, {x}) : graph.add(graph::Cast{.to = DataType::int32}, {x}),
        "y");
    io::write_onnx(folder_ / "seen.onnx", {.graph = graph});
  }
  void write_image(const std::string& name, const Tensor& image) const {
    const std::string format = name.substr(name.rfind('.') + 1);
    io::write_file_atomically(folder_ / name, io::encoded(format, image));
  }
  /// What the network gets.
  Tensor seen(const std::string& arguments) const {
    const Outcome outcome = condense("run seen.onnx -o y.npy " + arguments);
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    Tensor result = io::read_npy(folder_ / "y.npy");
    if (result.type() != DataType::float32) return result;
    for (float& value : result.mutable_values<float>()) value = -value;
    return result;
  }
};

TEST_F(Images, OfEveryFormatInAFolderAreSamples) {
  write_network({kDynamic, 3, 8, 9});
  const Tensor image = smooth_image(8, 9);
  write_image("images/1.png", image);
  write_image("images/2.jpg", image);
  write_image("images/3.bmp", image);
  io::write_file_atomically(folder_ / "images/notes.txt", std::as_bytes(std::span("no image", 8)));  // passed over
  const Tensor all = seen("--data images --image-mean 120,110,100 --image-scale 1/58,0.02,1/57");
  ASSERT_EQ(all.shape(), (Shape{3, 3, 8, 9}));
  const Tensor expected = io::image_to_input(image, {.mean = {120, 110, 100}, .scale = {1.0F / 58, 0.02F, 1.0F / 57}});
  for (Index i = 0; i < expected.count(); ++i) {
    EXPECT_FLOAT_EQ(all.data<float>()[i], expected.data<float>()[i]) << i;
    EXPECT_NEAR(all.data<float>()[expected.count() + i], expected.data<float>()[i], 8.0 / 50) << i;
    EXPECT_FLOAT_EQ(all.data<float>()[2 * expected.count() + i], expected.data<float>()[i]) << i;
  }
  EXPECT_EQ(json("compare seen.onnx seen.onnx --data images --samples 2")["samples"], 2);
}

TEST_F(Images, GetTheSizeOfTheNetworkOrTheOneAskedFor) {
  const Tensor image = smooth_image(10, 12);
  write_image("x.png", image);
  write_network({1, 3, 5, 4});
  EXPECT_EQ(seen("--data x.png --image-scale 1"), io::image_to_input(io::resize_image(image, 5, 4)));
  write_network({1, 3, kDynamic, kDynamic});
  EXPECT_EQ(seen("--data x.png --image-scale 1"), io::image_to_input(image));
  EXPECT_EQ(seen("--data x.png --image-scale 1 --image-size 7x3"), io::image_to_input(io::resize_image(image, 7, 3)));
  EXPECT_EQ(seen("--data x.png --image-size 6").shape(), (Shape{1, 3, 6, 6}));
  write_network({kDynamic, 3, kDynamic, kDynamic});
  write_image("images/a.png", image);
  write_image("images/b.png", smooth_image(9, 12));
  EXPECT_TRUE(fails(1, "run seen.onnx --data images", "give images one size by --image-size"));
  EXPECT_EQ(seen("--data images --image-size 4").shape(), (Shape{2, 3, 4, 4}));
}

TEST_F(Images, BecomeGreyOrBytesAsTheNetworkWants) {
  Tensor grey(DataType::uint8, {2, 2, 3});
  for (std::uint8_t& value : grey.mutable_values<std::uint8_t>()) value = 77;
  write_image("grey.png", grey);
  write_network({1, 1, 2, 2});
  EXPECT_EQ(seen("--data grey.png --image-scale 1"), Tensor::of<float>({1, 1, 2, 2}, {77, 77, 77, 77}));
  write_network({1, 1, 2, 2}, DataType::uint8);
  EXPECT_EQ(seen("--data grey.png"), Tensor::of<std::int32_t>({1, 1, 2, 2}, {77, 77, 77, 77}));
}

TEST_F(Images, ThatDoNotFitAreRefusedByName) {
  write_image("x.png", smooth_image(4, 4));
  write_network({1, 2, 4, 4});
  EXPECT_TRUE(fails(1, "run seen.onnx --data x.png", "takes (1 x 2 x 4 x 4), not images (n x c x h x w) of 1 or 3"));
  write_network({1, 3, 4, 4});
  EXPECT_TRUE(fails(1, "run seen.onnx --data x.png --image-mean 1,2", "2 values of the mean"));
  EXPECT_TRUE(fails(2, "run seen.onnx --data x.png --image-size 4x4x4", "is no size of images"));
  io::write_file_atomically(folder_ / "text.jpg", std::as_bytes(std::span("no image", 8)));
  EXPECT_TRUE(fails(1, "run seen.onnx --data text.jpg", "text.jpg"));
  EXPECT_TRUE(fails(1, "run seen.onnx --data images", "images: holds no .npy, .npz, .png, .jpg or .bmp files"));
}

}  // namespace
}  // namespace condense
