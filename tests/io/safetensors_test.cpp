#include "condense/io/safetensors.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "io/safetensors_fixture.hpp"
#include "support/temporary_folder.hpp"
#include "support/throws.hpp"

namespace condense::io {
namespace {

TEST(ParseSafeTensors, ReadsTheLayoutOfTheFormat) {
  const SafeTensors content =
      parse(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"U8","shape":[2,2],"data_offsets":[4,8]},)"
            R"("a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}})",
            8);
  EXPECT_EQ(content.metadata, (std::map<std::string, std::string>{{"format", "pt"}}));
  ASSERT_EQ(content.tensors.size(), 2U);
  EXPECT_EQ(content.tensors.at("a"), Tensor::of<std::int32_t>(Shape{1}, {0x03020100}));
  EXPECT_EQ(content.tensors.at("b"), Tensor::of<std::uint8_t>(Shape{2, 2}, {4, 5, 6, 7}));
}

TEST(ParseSafeTensors, ReadsScalarsEmptyTensorsAndEmptyFiles) {
  EXPECT_EQ(parse("{}", 0), SafeTensors());
  EXPECT_EQ(parse("{}      \n", 0), SafeTensors());
  EXPECT_EQ(parse(R"({"s":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1).tensors.at("s"),
            Tensor::scalar<std::uint8_t>(0));
  const SafeTensors content = parse(
      R"({"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"e":{"dtype":"F32","shape":[0,3],"data_offsets":[2,2]},)"
      R"("f":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})",
      2);
  EXPECT_EQ(content.tensors.at("e").shape(), (Shape{0, 3}));
  EXPECT_EQ(content.tensors.at("w").count(), 2);
}

SafeTensors one_of_each_type() {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  SafeTensors content;
  content.tensors = {
      {"f32", Tensor::of<float>(Shape{3}, {-0.0F, kInfinity, 1e-45F})},
      {"f64", Tensor::of<double>(Shape{1}, {0.1})},
      {"f16", Tensor::of<Float16>(Shape{3}, {Float16(1.5F), Float16(-kInfinity), Float16(6e-8F)})},
      {"bf16", Tensor::of<BFloat16>(Shape{1, 1}, {BFloat16(3.0F)})},
      {"i8", Tensor::of<std::int8_t>(Shape{3}, {-128, 0, 127})},
      {"u8", Tensor::of<std::uint8_t>(Shape{1}, {255})},
      {"i32", Tensor::of<std::int32_t>(Shape{2, 1}, {-1, 1 << 30})},
      {"i64", Tensor::of<std::int64_t>(Shape{}, {std::numeric_limits<std::int64_t>::min()})},
      {"bool", Tensor::of<bool>(Shape{3}, {true, false, true})},
      {"empty", Tensor(DataType::float32, Shape{0, 5})},
      {"name with \"quotes\", \\ and \n", Tensor::scalar(1.0F)},
      {"größe", Tensor::scalar(2.0F)},
  };
  content.metadata = {{"", ""}, {"key", "value"}, {"line\nbreak", "{\"json\": [1, 2]}"}};
  return content;
}

TEST(WriteSafeTensors, GivesBackEveryTypeAndEveryName) {
  const TemporaryFolder folder;
  const SafeTensors content = one_of_each_type();
  write_safetensors(folder / "model.safetensors", content);
  EXPECT_EQ(read_safetensors(folder / "model.safetensors"), content);
  EXPECT_EQ(parse(read_file(folder / "model.safetensors")), content);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"model.safetensors"});
}

TEST(WriteSafeTensors, WritesTheSameBytesForTheSameContent) {
  const TemporaryFolder folder;
  write_safetensors(folder / "first", one_of_each_type());
  write_safetensors(folder / "second", read_safetensors(folder / "first"));
  EXPECT_EQ(read_file(folder / "first"), read_file(folder / "second"));
}

TEST(WriteSafeTensors, WritesTheGoldenFile) {
  const TemporaryFolder folder;
  SafeTensors content;
  content.tensors["a"] = Tensor::of<std::uint8_t>(Shape{3}, {0, 1, 2});
  content.tensors["b"] = Tensor::of<std::int32_t>(Shape{1, 1}, {0x03020100});
  content.metadata["by"] = "condense";
  write_safetensors(folder / "file", content);
  std::vector<std::byte> expected =
      safetensors_file(R"({"__metadata__":{"by":"condense"},"b":{"dtype":"I32","shape":[1,1],"data_offsets":[0,4]},)"
                       R"("a":{"dtype":"U8","shape":[3],"data_offsets":[4,7]}}   )",
                       4);
  EXPECT_EQ(read_file(folder / "file"), expected + to_bytes({0, 1, 2}));
}

TEST(WriteSafeTensors, AlignsEveryTensorToItsElements) {
  const TemporaryFolder folder;
  for (int length = 0; length < 20; ++length) {  // of a name, to vary the header's length
    SafeTensors content = one_of_each_type();
    content.tensors[std::string(static_cast<std::size_t>(length) + 1, 'x')] = Tensor::scalar<std::uint8_t>(1);
    write_safetensors(folder / "file", content);
    InputFile file(folder / "file");
    std::uint64_t header_bytes = 0;
    file.read(std::as_writable_bytes(std::span(&header_bytes, 1)));
    EXPECT_EQ(header_bytes % 8, 0U);
    std::string text(header_bytes, ' ');
    file.read(std::as_writable_bytes(std::span(text)));
    for (const auto& entry : detail::parse_safetensors_header(text, file.remaining(), "file").entries) {
      EXPECT_EQ(entry.begin % bytes(entry.type, 1), 0U) << entry.name;
    }
  }
}

TEST(WriteSafeTensors, RefusesTypesBelowEightBits) {
  const TemporaryFolder folder;
  for (const DataType type : {DataType::int4, DataType::uint4, DataType::int2, DataType::uint2}) {
    const auto write = [&] {
      write_safetensors(folder / "file", {.tensors = {{"weights", Tensor(type, Shape{4})}}, .metadata = {}});
    };
    EXPECT_TRUE(throws<Unsupported>(std::string("tensor 'weights' holds ") + std::string(name(type)), write));
    EXPECT_TRUE(throws<Unsupported>("unpack it to int8 or uint8", write));
  }
  EXPECT_TRUE(folder.names().empty());
}

TEST(WriteSafeTensors, RefusesNamesThatTheFormatCannotHold) {
  const TemporaryFolder folder;
  const auto write = [&](const std::string& tensor_name, const std::string& key) {
    write_safetensors(folder / "file",
                      {.tensors = {{tensor_name, Tensor::scalar(1.0F)}}, .metadata = {{key, "value"}}});
  };
  EXPECT_TRUE(throws<InvalidArgument>("'__metadata__'", [&] { write("__metadata__", "key"); }));
  EXPECT_TRUE(throws<InvalidArgument>("is not UTF-8", [&] { write("\xFF\xFE", "key"); }));
  EXPECT_TRUE(throws<InvalidArgument>("is not UTF-8", [&] { write("name", "\xC3"); }));
  EXPECT_TRUE(folder.names().empty());
}

}  // namespace
}  // namespace condense::io
