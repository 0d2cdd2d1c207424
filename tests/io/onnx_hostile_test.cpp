#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "condense/core/random.hpp"
#include "io/onnx_models.hpp"
#include "support/temporary_folder.hpp"
#include "support/throws.hpp"

namespace condense::io::onnx {
namespace {

/// A small network with everything that a reader walks through.
Model small_network() {
  Model model =
      model_of({node("MatMul", {"x", "w"}, {"m"}), node("Add", {"m", "b"}, {"s"}), node("Clip", {"s", "low"}, {"c"}),
                node("Reshape", {"c", "shape"}, {"r"}, {{.name = "allowzero", .value = std::int64_t{0}}}),
                node("Softmax", {"r"}, {"y"}, {{.name = "axis", .value = std::int64_t{-1}}})});
  model.graph.initializers = {{"w", Tensor(DataType::float32, {3, 4})},
                              {"b", Tensor(DataType::float32, {4})},
                              {"low", Tensor::of<float>({}, {0})},
                              {"shape", Tensor::of<std::int64_t>({2}, {-1, 2})}};
  return model;
}

/// Reads and imports; anything but an `Error` of condense leaves it.
testing::AssertionResult is_read_or_refused(const std::string& bytes, bool& refused) {
  refused = false;
  try {
    import_bytes(bytes);
  } catch (const Error&) {
    refused = true;
  } catch (const std::exception& error) {
    return testing::AssertionFailure() << error.what();
  }
  return testing::AssertionSuccess();
}

TEST(HostileOnnx, EveryTruncationIsRefused) {
  const std::string bytes = serialize_model(small_network());
  EXPECT_NO_THROW(import_bytes(bytes));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_TRUE(throws<FormatError>("test.onnx", [&] { import_bytes(bytes.substr(0, length)); })) << length;
  }
}

TEST(HostileOnnx, MutationsAreReadOrRefused) {
  const std::string bytes = serialize_model(small_network());
  Random random(5);
  int refusals = 0;
  constexpr int kMutations = 4000;
  for (int i = 0; i < kMutations; ++i) {
    std::string mutated = bytes;
    for (std::uint32_t changes = 1 + random.below(4); changes > 0; --changes) {
      mutated[random.below(static_cast<std::uint32_t>(bytes.size()))] = static_cast<char>(random.below(256));
    }
    bool refused = false;
    ASSERT_TRUE(is_read_or_refused(mutated, refused)) << i;
    refusals += refused ? 1 : 0;
  }
  EXPECT_GT(refusals, kMutations / 4);
  EXPECT_LT(refusals, kMutations);
}

testing::AssertionResult refuses(std::string_view part, const Model& model) {
  return throws<FormatError>(part, [&] { import_bytes(serialize_model(model)); });
}

TEST(HostileOnnx, SomethingElseIsNoModel) {
  EXPECT_TRUE(throws<FormatError>("there is no graph in it", [] { parse(""); }));
  EXPECT_TRUE(throws<FormatError>("no complete protobuf message", [] { parse("\xFF\xFF\xFF\xFF\xFF\xFF"); }));
  EXPECT_TRUE(throws<FormatError>("test.onnx", [] { parse("%PDF-1.4 and more"); }));
}

TEST(HostileOnnx, CyclesAreRefused) {
  EXPECT_TRUE(refuses("part of a cycle", model_of({node("Add", {"x", "y"}, {"a"}), node("Relu", {"a"}, {"y"})})));
  EXPECT_TRUE(refuses("part of a cycle", model_of({node("Relu", {"y"}, {"y"})})));
}

TEST(HostileOnnx, NamesAreMadeOnceAndExist) {
  EXPECT_TRUE(
      refuses("two nodes make the value 'y'", model_of({node("Relu", {"x"}, {"y"}), node("Abs", {"x"}, {"y"})})));
  Model again = model_of({node("Relu", {"w"}, {"x"})});
  again.graph.initializers = {{"w", Tensor()}};
  EXPECT_TRUE(refuses("a value named 'x' already", again));
  EXPECT_TRUE(refuses("nothing makes its input 'q'", model_of({node("Relu", {"q"}, {"y"})})));
  EXPECT_TRUE(refuses("nothing makes its input 'y'", model_of({node("Relu", {"x"}, {"z"})})));
  Model twice = small_network();
  twice.graph.initializers.push_back(twice.graph.initializers[0]);
  EXPECT_TRUE(refuses("a value named 'w' already", twice));
}

TEST(HostileOnnx, NodesOutOfOrderAreOrdered) {
  const graph::Graph graph = import(model_of({node("Relu", {"a"}, {"y"}), node("Sigmoid", {"x"}, {"a"})}));
  EXPECT_EQ(graph.nodes()[0].op.type(), "Sigmoid");
}

TEST(HostileOnnx, NodesMissTheirInputs) {
  for (const char* type : {"Upsample", "Resize", "Softmax", "Clip", "PRelu", "TopK", "Squeeze", "Pad", "If", "Loop",
                           "Scan", "Constant", "Conv", "LSTM", "Split", "Slice", "Concat", "Max"}) {
    for (const std::int64_t opset : {6, 9, 10, 21}) {
      Node nothing{.type = type, .outputs = {"y"}};
      EXPECT_TRUE(throws<Error>("test.onnx", [&] { import(model_of({nothing}, opset)); })) << type;
      nothing.outputs.clear();
      EXPECT_TRUE(throws<Error>("test.onnx", [&] { import(model_of({nothing}, opset)); })) << type;
    }
  }
}

/// A model with an initializer whose message is written by `add`.
template <class Add>
std::string with_tensor(Add&& add) {
  std::string tensor;
  protozero::pbf_writer message(tensor);
  add(message);
  std::string graph;
  protozero::pbf_writer writer(graph);
  writer.add_message(5, tensor);
  std::string model;
  protozero::pbf_writer whole(model);
  whole.add_message(7, graph);
  protozero::pbf_writer version(whole, 8);
  version.add_int64(2, 21);
  version.commit();
  return model;
}

TEST(HostileOnnx, SizesAreCheckedBeforeMemoryIsTaken) {
  const auto tensor = [](std::vector<std::int64_t> extents, std::size_t stored) {
    return with_tensor([&](protozero::pbf_writer& message) {
      for (const std::int64_t extent : extents) message.add_int64(1, extent);
      message.add_int32(2, 1);
      message.add_string(8, "w");
      message.add_bytes(9, std::string(stored, '\0'));
    });
  };
  const auto refused = [&](std::string_view part, const std::string& bytes) {
    return throws<FormatError>(part, [&] { parse(bytes); });
  };
  EXPECT_TRUE(refused("tensor 'w': its shape (1099511627776)", tensor({std::int64_t{1} << 40}, 4)));
  EXPECT_TRUE(refused("too large to address", tensor({std::int64_t{1} << 32, std::int64_t{1} << 32}, 4)));
  EXPECT_TRUE(refused("an extent of its shape is -4", tensor({-4}, 4)));
  EXPECT_TRUE(refused("needs 8 bytes, 4 are stored", tensor({2}, 4)));
  EXPECT_TRUE(refused("needs 8 bytes, 12 are stored", tensor({2}, 12)));
  EXPECT_TRUE(throws<Unsupported>("9 dimensions", [&] { parse(tensor({1, 1, 1, 1, 1, 1, 1, 1, 1}, 4)); }));
}

TEST(HostileOnnx, GraphsAreNestedToALimit) {
  auto graph = std::make_shared<const Graph>(Graph{.name = "innermost", .outputs = {{.name = "x"}}});
  for (int depth = 0; depth < 40; ++depth) {
    graph = std::make_shared<const Graph>(
        Graph{.nodes = {node("If", {"c"}, {"y"}, {{.name = "then_branch", .value = graph}})}});
  }
  EXPECT_TRUE(refuses("nested more than 32 deep",
                      model_of({node("If", {"c"}, {"y"}, {{.name = "then_branch", .value = graph}})})));
}

TEST(HostileOnnx, FunctionsDoNotCallThemselves) {
  Model model = model_of({node("f", {"x"}, {"y"})});
  model.functions = {{.name = "f", .inputs = {"i"}, .outputs = {"o"}, .nodes = {node("f", {"i"}, {"o"})}}};
  EXPECT_TRUE(refuses("call each other more than 32 deep", model));
}

TEST(HostileOnnx, FunctionsDoNotMultiplyWithoutEnd) {
  Model model = model_of({node("f0", {"x"}, {"y"})});
  for (int i = 0; i < 25; ++i) {
    const std::string next = i < 24 ? fmt::format("f{}", i + 1) : "Relu";
    model.functions.push_back({.name = fmt::format("f{}", i),
                               .inputs = {"i"},
                               .outputs = {"o"},
                               .nodes = {node(next, {"i"}, {"m"}), node(next, {"m"}, {"o"})}});
  }
  EXPECT_TRUE(refuses("it has more than 262144 nodes", model));
}

/// A model whose initializer is outside, and what lies around it.
class ExternalOnnx : public testing::Test {
 protected:
  ExternalOnnx() {
    std::filesystem::create_directories(folder_ / "model" / "inside");
    const std::string data(64, '\0');
    for (const char* file : {"secret", "model/weights", "model/inside/weights"}) {
      write_file_atomically(folder_ / file, std::as_bytes(std::span(data)));
    }
  }

  Model read(const std::string& location, const std::string& offset = "0", const std::string& length = "8") {
    const std::string bytes = with_tensor([&](protozero::pbf_writer& message) {
      message.add_int64(1, 2);
      message.add_int32(2, 1);
      message.add_string(8, "w");
      for (const auto& [key, value] : {std::pair{"location", location}, {"offset", offset}, {"length", length}}) {
        protozero::pbf_writer entry(message, 13);
        entry.add_string(1, key);
        entry.add_string(2, value);
      }
      message.add_enum(14, 1);
    });
    const std::filesystem::path path = folder_ / "model" / "model.onnx";
    write_file_atomically(path, std::as_bytes(std::span(bytes)));
    return read_model(path);
  }

  testing::AssertionResult refuses(std::string_view part, const std::string& location, const std::string& offset = "0",
                                   const std::string& length = "8") {
    return throws<FormatError>(part, [&] { read(location, offset, length); });
  }

  TemporaryFolder folder_;
};

TEST_F(ExternalOnnx, LiesInTheModelsFolder) {
  EXPECT_EQ(read("weights").graph.initializers[0].second.shape(), Shape{2});
  EXPECT_EQ(read("inside/weights", "56").graph.initializers[0].second.shape(), Shape{2});
  EXPECT_TRUE(refuses("leaves the model's folder", "../secret"));
  EXPECT_TRUE(refuses("leaves the model's folder", "inside/../../secret"));
  EXPECT_TRUE(refuses("is not relative", (folder_ / "secret").string()));
  EXPECT_TRUE(refuses("is not relative", "..\\secret"));
  EXPECT_TRUE(refuses("is no path", ""));
  EXPECT_TRUE(refuses("is no path", std::string("weights\0", 8)));
  EXPECT_TRUE(refuses("is not a regular file", "inside"));
  EXPECT_TRUE(throws<Error>("cannot open the external data", [&] { read("missing"); }));
}

TEST_F(ExternalOnnx, IsNoLinkThatLeadsOut) {
  std::filesystem::create_symlink("../secret", folder_ / "model" / "link");
  std::filesystem::create_directory_symlink("..", folder_ / "model" / "up");
  std::filesystem::create_symlink("weights", folder_ / "model" / "alias");
  EXPECT_TRUE(refuses("a link that leaves the model's folder", "link"));
  EXPECT_TRUE(refuses("a link that leaves the model's folder", "up/secret"));
  EXPECT_NO_THROW(read("alias"));
}

TEST_F(ExternalOnnx, IsAsLongAsTheTensor) {
  EXPECT_TRUE(refuses("has 16 bytes, its shape (2) of float32 needs 8", "weights", "0", "16"));
  EXPECT_TRUE(refuses("8 bytes from byte 60 of 'weights', which has 64", "weights", "60"));
  EXPECT_TRUE(refuses("which has 64", "weights", "4000000000000000000"));
  EXPECT_TRUE(refuses("is no size", "weights", "-1"));
  EXPECT_TRUE(refuses("is no size", "weights", "18446744073709551615"));
}

}  // namespace
}  // namespace condense::io::onnx
