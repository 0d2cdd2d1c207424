#include "cli/program.hpp"
#include "io/zip_fixture.hpp"

namespace condense {
namespace {

class Archives : public CommandLine {
 protected:
  Archives() {
    graph::Graph graph;
    const graph::Value a = graph.input("a", DataType::float32, {kDynamic, 2});
    const graph::Value b = graph.input("b", DataType::float32, {kDynamic, 2});
    graph.output(graph.add(graph::Sub{}, {a, b}), "difference");
    io::write_onnx(folder_ / "sub.onnx", {.graph = graph});
  }

  void write_archive(const std::string& name, const std::map<std::string, Tensor>& arrays, bool deflate) const {
    io::ZipWriter zip;
    for (const auto& [array, tensor] : arrays) {
      io::write_npy(folder_ / "part.npy", tensor);
      zip.add({.name = array + ".npy", .data = io::read_file(folder_ / "part.npy"), .deflate = deflate});
    }
    io::write_file_atomically(folder_ / name, zip.finish());
  }
};

TEST_F(Archives, HaveAnArrayForEachInput) {
  const Tensor a = Tensor::of<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor b = Tensor::of<std::int16_t>({3, 2}, {6, 5, 4, 3, 2, 1});
  for (const bool deflate : {false, true}) {
    write_archive("both.npz", {{"a", a}, {"b", b}}, deflate);
    EXPECT_EQ(json("run sub.onnx --data both.npz --batch 2 -o y.npy")["samples"], 3);
    EXPECT_EQ(io::read_npy(folder_ / "y.npy"), Tensor::of<float>({3, 2}, {-5, -3, -1, 1, 3, 5}));
  }
  write_archive("one.npz", {{"any", b}}, true);  // the name of a single array does not matter
  io::write_npy(folder_ / "a.npy", a);
  ASSERT_EQ(condense("run sub.onnx --input a=a.npy --data one.npz -o y.npy").status, 0);
  EXPECT_EQ(io::read_npy(folder_ / "y.npy"), Tensor::of<float>({3, 2}, {-5, -3, -1, 1, 3, 5}));
}

TEST_F(Archives, ThatDoNotFitAreRefusedByName) {
  const Tensor a(DataType::float32, {3, 2});
  write_archive("other.npz", {{"a", a}, {"c", a}}, false);
  EXPECT_TRUE(fails(1, "run sub.onnx --data other.npz", "other.npz: the network has no input 'c'"));
  write_archive("shape.npz", {{"a", a}, {"b", Tensor(DataType::float32, {3, 4})}}, false);
  EXPECT_TRUE(fails(1, "run sub.onnx --data shape.npz", "'b': has shape (3 x 4), the input 'b' takes (? x 2)"));
  write_archive("counts.npz", {{"a", a}, {"b", Tensor(DataType::float32, {2, 2})}}, false);
  EXPECT_TRUE(fails(1, "run sub.onnx --data counts.npz", "'b' is enough for 2 runs, that of another one for 3"));
  io::write_file_atomically(folder_ / "text.npz", std::as_bytes(std::span("no archive", 10)));
  EXPECT_TRUE(fails(1, "run sub.onnx --data text.npz", "text.npz"));
}

}  // namespace
}  // namespace condense
