#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "condense/core/random.hpp"
#include "io/safetensors_fixture.hpp"
#include "support/temporary_folder.hpp"
#include "support/throws.hpp"

namespace condense::io {
namespace {

using Bytes = std::vector<std::byte>;

/// A header of one tensor, 'w'.
std::string tensor(const std::string& type, const std::string& shape, const std::string& offsets) {
  return R"({"w":{"dtype":)" + type + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

testing::AssertionResult refused(std::string_view part, const std::string& header, std::size_t data_bytes = 4) {
  return throws<FormatError>(part, [&] { parse(header, data_bytes); });
}

TEST(HostileSafeTensors, TheFixtureIsAValidFile) {
  EXPECT_EQ(parse(tensor(R"("F32")", "[1]", "[0,4]"), 4).tensors.at("w").shape(), Shape{1});
}

TEST(HostileSafeTensors, TheHeaderEndsWithinTheFile) {
  Bytes file = safetensors_file("{}", 0);
  for (const auto& [byte, length] : {std::pair{0, "3"}, {3, "16777218"}, {7, "72057594037927938"}}) {
    Bytes longer = file;
    longer[static_cast<std::size_t>(byte)] |= std::byte{1};
    EXPECT_TRUE(throws<FormatError>(fmt::format("the header should have {} bytes; 2 are there", length),
                                    [&] { parse(longer); }));
  }
}

TEST(HostileSafeTensors, TheHeaderHasAtMostAHundredMegabytes) {
  const std::string padded = "{}" + std::string(100'000'000 - 2, ' ');
  EXPECT_TRUE(parse(padded, 0).tensors.empty());
  EXPECT_TRUE(refused("at most 100000000 are allowed", padded + ' ', 0));
}

TEST(HostileSafeTensors, TheHeaderBeginsWithABrace) {
  for (const char* header : {"", " {}", "[]", "null", "\xEF\xBB\xBF{}", "\"{}\""}) {
    EXPECT_TRUE(refused("the header does not begin with {", header, 0)) << header;
  }
}

TEST(HostileSafeTensors, TheHeaderIsJson) {
  EXPECT_TRUE(refused("not JSON at its byte", "{", 0));
  EXPECT_TRUE(refused("not JSON at its byte", "{}}", 0));
  EXPECT_TRUE(refused("not JSON at its byte", "{} {}", 0));
  EXPECT_TRUE(refused("not JSON at its byte", "{\"w\":}", 0));
  EXPECT_TRUE(refused("not JSON at its byte", "{\"\xFF\":{}}", 0));
  EXPECT_TRUE(refused("a zero byte at its byte 2", std::string("{}\0{hidden}", 11), 0));
  EXPECT_TRUE(refused("not JSON at its byte", tensor("\"F32\"", "[1,]", "[0,4]")));
}

TEST(HostileSafeTensors, NestsNoDeeperThanTheFormat) {
  const std::string arrays(1'000'000, '[');
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_TRUE(refused("has an array behind 'w'", "{\"w\":" + arrays, 0));
  EXPECT_TRUE(refused("has an array behind 'shape'", R"({"w":{"shape":)" + arrays, 0));
  EXPECT_TRUE(refused("'a' is not one of dtype, shape and data_offsets", objects, 0));
  EXPECT_TRUE(refused("has an object behind 'dtype'", R"({"w":{"dtype":)" + objects, 0));
  EXPECT_TRUE(refused("has an object behind 'k'", R"({"__metadata__":{"k":)" + objects, 0));
}

TEST(HostileSafeTensors, ValuesHaveTheTypesOfTheFormat) {
  for (const char* value : {"null", "true", "1.5", "1e2", "-1", "\"1\"", "{}", "[1]", "18446744073709551616"}) {
    EXPECT_TRUE(refused("tensor 'w'", tensor("\"F32\"", fmt::format("[{}]", value), "[0,4]"))) << value;
    EXPECT_TRUE(refused("tensor 'w'", tensor("\"F32\"", "[1]", fmt::format("[0,{}]", value)))) << value;
    EXPECT_TRUE(refused("", fmt::format("{{\"w\":{}}}", value), 0)) << value;
  }
  for (const char* value : {"null", "1", "{}", "[]", "false"}) {
    EXPECT_TRUE(refused("tensor 'w'", tensor(value, "[1]", "[0,4]"))) << value;
    EXPECT_TRUE(refused("behind 'k'", fmt::format("{{\"__metadata__\":{{\"k\":{}}}}}", value), 0)) << value;
  }
  EXPECT_TRUE(refused("has the string 'x' behind '__metadata__'", R"({"__metadata__":"x"})", 0));
  EXPECT_TRUE(refused("has the string '1' behind 'shape'", tensor("\"F32\"", "\"1\"", "[0,4]")));
}

TEST(HostileSafeTensors, EveryTensorIsDescribedCompletely) {
  const std::string message = "dtype, shape or data_offsets is missing";
  EXPECT_TRUE(refused(message, R"({"w":{}})", 0));
  EXPECT_TRUE(refused(message, R"({"w":{"shape":[1],"data_offsets":[0,4]}})"));
  EXPECT_TRUE(refused(message, R"({"w":{"dtype":"F32","data_offsets":[0,4]}})"));
  EXPECT_TRUE(refused(message, R"({"w":{"dtype":"F32","shape":[1]}})"));
  EXPECT_TRUE(refused("data_offsets has 1 numbers", tensor("\"F32\"", "[1]", "[4]")));
  EXPECT_TRUE(refused("has the number 5", tensor("\"F32\"", "[1]", "[0,4,5]")));
  EXPECT_TRUE(refused("'stride' is not one of", R"({"w":{"stride":[1]}})"));
}

TEST(HostileSafeTensors, NoKeyOccursTwice) {
  EXPECT_TRUE(refused("'w' occurs twice", R"({"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                                          R"("w":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})"));
  EXPECT_TRUE(refused("'w' occurs twice", R"({"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"\u0077":{}})"));
  EXPECT_TRUE(refused("tensor 'w': 'shape' occurs twice", R"({"w":{"shape":[1],"shape":[4]}})"));
  EXPECT_TRUE(refused("'k' occurs twice", R"({"__metadata__":{"k":"a","k":"b"}})", 0));
  EXPECT_TRUE(refused("'__metadata__' occurs twice", R"({"__metadata__":{},"__metadata__":{}})", 0));
}

TEST(HostileSafeTensors, AnUnknownTypeIsNamed) {
  for (const char* type : {"F8_E4M3", "I16", "U64", "f32", "", "INT4"}) {
    EXPECT_TRUE(throws<Unsupported>(fmt::format("tensor 'w' has the type '{}'; condense reads F64", type),
                                    [&] { parse(tensor(fmt::format("\"{}\"", type), "[1]", "[0,4]"), 4); }));
  }
}

TEST(HostileSafeTensors, OffsetsFitTheShape) {
  EXPECT_TRUE(refused("float32 of shape (2) has 8 bytes, data_offsets are [0, 4]", tensor("\"F32\"", "[2]", "[0,4]")));
  EXPECT_TRUE(refused("data_offsets are [4, 0]", tensor("\"F32\"", "[1]", "[4,0]")));
  EXPECT_TRUE(refused("data_offsets are [18446744073709551612, 0]",  // end - begin is 4 if it wraps around
                      tensor("\"F32\"", "[1]", "[18446744073709551612,0]")));
}

TEST(HostileSafeTensors, ShapesDoNotOverflow) {
  EXPECT_TRUE(refused("too large", tensor("\"F64\"", "[4294967296,4294967296]", "[0,0]"), 0));
  EXPECT_TRUE(refused("too large", tensor("\"F64\"", "[2305843009213693952]", "[0,0]"), 0));  // 2^61 * 8 = 2^64
  EXPECT_TRUE(refused("too large", tensor("\"U8\"", "[0,4294967296,4294967296]", "[0,0]"), 0));
  EXPECT_TRUE(refused("18446744073709551615 is too large", tensor("\"U8\"", "[18446744073709551615]", "[0,0]"), 0));
  EXPECT_TRUE(refused("more than 8 dimensions", tensor("\"U8\"", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), 1));
}

TEST(HostileSafeTensors, TensorsLieWithinTheData) {
  EXPECT_TRUE(refused("the tensors have 4 bytes, the file has 3", tensor("\"F32\"", "[1]", "[0,4]"), 3));
  EXPECT_TRUE(refused("the tensors have 4 bytes, the file has 5", tensor("\"F32\"", "[1]", "[0,4]"), 5));
  EXPECT_TRUE(refused("the file has 1", "{}", 1));
  const std::string huge = "1152921504606846975";  // the largest count; nothing of it is allocated
  EXPECT_TRUE(refused("the file has 4", tensor("\"U8\"", "[" + huge + "]", "[0," + huge + "]")));
}

TEST(HostileSafeTensors, TensorsNeitherOverlapNorLeaveHoles) {
  const auto two = [](const char* first, const char* second) {
    return fmt::format(R"({{"a":{{"dtype":"U8","shape":[2],"data_offsets":{}}},)"
                       R"("b":{{"dtype":"U8","shape":[2],"data_offsets":{}}}}})",
                       first, second);
  };
  EXPECT_EQ(parse(two("[2,4]", "[0,2]"), 4).tensors.size(), 2U);
  EXPECT_TRUE(refused("tensor 'b' begins at byte 1 of the data, the one before it ends at 2", two("[0,2]", "[1,3]")));
  EXPECT_TRUE(refused("begins at byte 0 of the data, the one before it ends at 2", two("[0,2]", "[0,2]")));
  EXPECT_TRUE(refused("tensor 'b' begins at byte 3", two("[0,2]", "[3,5]"), 5));
  EXPECT_TRUE(
      refused("tensor 'a' begins at byte 1 of the data, the one before it ends at 0", two("[1,3]", "[3,5]"), 5));
}

TEST(HostileSafeTensors, BooleansAreZeroOrOne) {
  EXPECT_EQ(parse(tensor("\"BOOL\"", "[2]", "[0,2]"), 2).tensors.at("w"), Tensor::of<bool>(Shape{2}, {false, true}));
  EXPECT_TRUE(refused("tensor 'w' holds booleans other than 0 and 1", tensor("\"BOOL\"", "[3]", "[0,3]"), 3));
}

/// A small valid file with every part of the format.
Bytes valid_file() {
  const TemporaryFolder folder;
  SafeTensors content;
  content.tensors["weights"] = Tensor::of<float>(Shape{2, 2}, {1, 2, 3, 4});
  content.tensors["flags"] = Tensor::of<bool>(Shape{3}, {true, false, true});
  content.tensors["empty"] = Tensor(DataType::float16, Shape{0});
  content.metadata["made by"] = "hand";
  write_safetensors(folder / "file", content);
  return read_file(folder / "file");
}

TEST(HostileSafeTensors, EveryTruncationIsRefused) {
  const Bytes file = valid_file();
  ASSERT_EQ(parse(file).tensors.size(), 3U);
  for (std::size_t size = 0; size < file.size(); ++size) {
    const Bytes prefix(file.begin(), file.begin() + static_cast<Index>(size));
    EXPECT_TRUE(throws<FormatError>("model.safetensors: ", [&] { parse(prefix); })) << size;
  }
}

TEST(HostileSafeTensors, FlippedBytesNeverCrash) {
  const Bytes file = valid_file();
  Random random(23);
  int refusals = 0;
  for (int repeat = 0; repeat < 20'000; ++repeat) {
    Bytes changed = file;
    for (std::uint32_t flips = 1 + random.below(3); flips > 0; --flips) {
      const std::size_t place = random.below(static_cast<std::uint32_t>(file.size()));
      // Half of the time a character of the header's own, which comes further than any byte.
      changed[place] = random.below(2) == 0 ? static_cast<std::byte>(random.below(256))
                                            : file[random.below(static_cast<std::uint32_t>(file.size()))];
    }
    try {
      std::size_t total = 0;
      for (const auto& [name, values] : parse(changed).tensors) total += values.bytes();
      EXPECT_EQ(total, 19U);
    } catch (const Error&) {
      ++refusals;
    }
  }
  EXPECT_GT(refusals, 10'000);
}

}  // namespace
}  // namespace condense::io
