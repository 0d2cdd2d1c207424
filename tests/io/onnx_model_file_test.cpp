#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "condense/core/random.hpp"
#include "io/onnx_models.hpp"
#include "support/temporary_folder.hpp"
#include "support/throws.hpp"

namespace condense::io::onnx {
namespace {

/// Everything that a model can hold.
Model rich_model() {
  Model model = model_of({node("Relu", {"x"}, {"a"}), node("Mine", {"a", "", "w"}, {"y", "", "z"})}, 17);
  Node& mine = model.graph.nodes[1];
  mine.domain = "org.example";
  mine.attributes = {{.name = "float", .value = 0.5F},
                     {.name = "integer", .value = std::int64_t{-7}},
                     {.name = "text", .value = std::string("a\0b", 3)},
                     {.name = "tensor", .value = Tensor::of<double>({2}, {1, -2})},
                     {.name = "floats", .value = std::vector<float>{1, 2}},
                     {.name = "integers", .value = std::vector<std::int64_t>{1, -1}},
                     {.name = "texts", .value = std::vector<std::string>{"", "b"}},
                     {.name = "none", .value = std::vector<std::int64_t>{}}};
  model.operator_sets["org.example"] = 3;
  model.producer_name = "producer";
  model.producer_version = "1.2";
  model.domain = "domain";
  model.model_version = -4;
  model.documentation = "what it is for";
  model.metadata = {{"author", "somebody"}, {"labels", "cat\ndog"}};
  model.graph.initializers = {{"w", Tensor::of<std::int8_t>({2, 1}, {1, -1})}, {"scalar", Tensor::of<float>({}, {3})}};
  model.graph.values = {{.name = "a", .type = DataType::float32, .shape = {{{.name = "batch"}, {.extent = 3}, {}}}},
                        {.name = "scalar", .type = DataType::int64, .shape = {{}}},
                        {.name = "any", .type = DataType::int64},
                        {.name = "sequence"}};
  model.functions = {{.name = "f",
                      .domain = "org.example",
                      .inputs = {"i"},
                      .outputs = {"o"},
                      .defaults = {{.name = "given"}, {.name = "alpha", .value = 0.25F}},
                      .nodes = {node("Elu", {"i"}, {"o"}, {{.name = "alpha", .refers_to = "alpha"}})},
                      .operator_sets = {{"", 17}}}};
  return model;
}

TEST(OnnxModelFile, KeepsEverything) {
  const Model model = rich_model();
  EXPECT_EQ(parse(serialize_model(model)), model);
  EXPECT_EQ(serialize_model(model), serialize_model(model));
}

TEST(OnnxModelFile, KeepsGraphsWithinNodes) {
  const auto branch = std::make_shared<const Graph>(Graph{.name = "inside", .nodes = {node("Neg", {"x"}, {"n"})}});
  const Model model = model_of({node("If", {"c"}, {"y"}, {{.name = "then_branch", .value = branch}})});
  const Model read = parse(serialize_model(model));
  EXPECT_EQ(*std::get<std::shared_ptr<const Graph>>(read.graph.nodes[0].attributes[0].value), *branch);
}

TEST(OnnxModelFile, KeepsTensorsOfEveryType) {
  const TemporaryFolder folder;
  for (const detail::ElementType& entry : detail::kElementTypes) {
    Tensor tensor(entry.type, {3, 5});
    Random random(3);
    for (std::size_t i = 0; i < tensor.bytes(); ++i) {
      tensor.mutable_raw()[i] = static_cast<std::byte>(random.below(entry.type == DataType::boolean ? 2 : 256));
    }
    const std::string bytes = detail::ModelEncoder().tensor("t", tensor);
    write_file_atomically(folder / "t.pb", std::as_bytes(std::span(bytes)));
    EXPECT_EQ(read_tensor(folder / "t.pb"), tensor) << name(entry.type);
  }
}

/// A TensorProto of shape (2) whose elements are in a field of numbers.
template <class Add>
Tensor tensor_of_numbers(std::int32_t type, Add&& add) {
  std::string bytes;
  protozero::pbf_writer message(bytes);
  message.add_int64(1, 2);
  message.add_int32(2, type);
  add(message);
  return detail::decode_tensor(protozero::pbf_reader(bytes), {.name = "test.onnx"}).second;
}

TEST(OnnxModelFile, ReadsElementsFromFieldsOfNumbers) {
  const auto integers = [](std::uint32_t field, std::vector<std::int64_t> values) {
    return [=](protozero::pbf_writer& message) { message.add_packed_int64(field, values.begin(), values.end()); };
  };
  const std::vector<float> floats{1.5F, -2};
  EXPECT_EQ(tensor_of_numbers(1, [&](auto& m) { m.add_packed_float(4, floats.begin(), floats.end()); }),
            Tensor::of<float>({2}, floats));
  EXPECT_EQ(tensor_of_numbers(1, [](auto& m) { m.add_float(4, 1), m.add_float(4, 2); }),
            Tensor::of<float>({2}, {1, 2}));
  EXPECT_EQ(tensor_of_numbers(11, [](auto& m) { m.add_double(10, 1), m.add_double(10, 2); }),
            Tensor::of<double>({2}, {1, 2}));
  EXPECT_EQ(tensor_of_numbers(3, integers(5, {-128, 127})), Tensor::of<std::int8_t>({2}, {-128, 127}));
  EXPECT_EQ(tensor_of_numbers(4, integers(5, {0, 65535})), Tensor::of<std::uint16_t>({2}, {0, 65535}));
  EXPECT_EQ(tensor_of_numbers(9, integers(5, {0, 1})), Tensor::of<bool>({2}, {false, true}));
  EXPECT_EQ(tensor_of_numbers(10, integers(5, {0x3C00, 0xC000})),
            Tensor::of<Float16>({2}, {Float16(1.0F), Float16(-2.0F)}));
  EXPECT_EQ(tensor_of_numbers(7, integers(7, {-1, 1})), Tensor::of<std::int64_t>({2}, {-1, 1}));
  EXPECT_EQ(tensor_of_numbers(13, integers(11, {-1, 1})),
            Tensor::of<std::uint64_t>({2}, {~std::uint64_t{0}, std::uint64_t{1}}));
  const Tensor packed = tensor_of_numbers(22, integers(5, {0x7F}));  // 7 on top of -1
  EXPECT_EQ(packed.type(), DataType::int4);
  EXPECT_EQ(packed.raw()[0], std::byte{0x7F});
}

TEST(OnnxModelFile, KeepsLargeTensorsInAFileOfTheirOwn) {
  const TemporaryFolder folder;
  Model model = rich_model();
  Random random(7);
  Tensor large(DataType::float32, {40, 50});
  for (float& element : large.mutable_values<float>()) element = random.uniform(-1, 1);
  model.graph.initializers.push_back({"large", large});
  model.graph.initializers.push_back({"larger", Tensor(DataType::int64, {4097})});
  const std::filesystem::path path = folder / "model.onnx";
  write_model(path, model, {.external_from_bytes = 1000});
  EXPECT_LT(std::filesystem::file_size(path), 2000U);
  EXPECT_EQ(read_model(path), model);
  EXPECT_TRUE(throws<FormatError>("read the model by its path", [&] {
    const std::vector<std::byte> bytes = read_file(path);
    parse_model(bytes, "test.onnx");
  }));
  write_model(path, model);  // whole again
  EXPECT_EQ(read_model(path), model);
}

}  // namespace
}  // namespace condense::io::onnx
