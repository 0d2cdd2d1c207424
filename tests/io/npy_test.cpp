#include "condense/io/npy.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "condense/core/random.hpp"
#include "support/bytes.hpp"
#include "support/temporary_folder.hpp"
#include "support/throws.hpp"

namespace condense::io {
namespace {

using Bytes = std::vector<std::byte>;

/// A file with this dictionary for a header, which is not padded.
Bytes npy(const std::string& dictionary, const Bytes& data, int version = 1) {
  const auto length = static_cast<int>(dictionary.size());
  const Bytes start = to_bytes("\x93NUMPY") + to_bytes({version, 0, length & 0xFF, length >> 8});
  return start + (version == 1 ? Bytes{} : to_bytes({0, 0})) + to_bytes(dictionary) + data;
}
std::string dictionary(const std::string& descr, const std::string& shape, bool fortran_order = false) {
  return fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}\n", descr, fortran_order ? "True" : "False",
                     shape);
}
Tensor parse(const Bytes& bytes) { return parse_npy(bytes, "x.npy"); }

TEST(ParseNpy, ReadsTheLayoutOfTheFormatsPage) {
  // numpy.save of numpy.array([[1, -2]], dtype='<i2'), byte for byte.
  std::string header = "{'descr': '<i2', 'fortran_order': False, 'shape': (1, 2), }";
  header.resize(117, ' ');
  const Bytes file = to_bytes("\x93NUMPY") + to_bytes({1, 0, 118, 0}) + to_bytes(header + "\n");
  EXPECT_EQ(parse(file + to_bytes({1, 0, 0xFE, 0xFF})), Tensor::of<std::int16_t>({1, 2}, {1, -2}));
}

TEST(ParseNpy, ReadsEveryTypeInBothOrdersOfBytes) {
  const auto check = [](const std::string& code, const Tensor& expected, const Bytes& little) {
    for (const int version : {1, 2, 3}) {
      EXPECT_EQ(parse(npy(dictionary("<" + code, "(1,)"), little, version)), expected) << code;
    }
    const Bytes big(little.rbegin(), little.rend());
    EXPECT_EQ(parse(npy(dictionary(">" + code, "(1,)"), big)), expected) << code;
  };
  check("f4", Tensor::of<float>({1}, {3.14159274F}), to_bytes({0xDB, 0x0F, 0x49, 0x40}));
  check("f8", Tensor::of<double>({1}, {-2.718281828459045}),
        to_bytes({0x69, 0x57, 0x14, 0x8B, 0x0A, 0xBF, 0x05, 0xC0}));
  check("f2", Tensor::of<Float16>({1}, {Float16(1.5F)}), to_bytes({0x00, 0x3E}));
  check("i1", Tensor::of<std::int8_t>({1}, {-2}), to_bytes({0xFE}));
  check("u1", Tensor::of<std::uint8_t>({1}, {254}), to_bytes({0xFE}));
  check("i2", Tensor::of<std::int16_t>({1}, {-2}), to_bytes({0xFE, 0xFF}));
  check("u2", Tensor::of<std::uint16_t>({1}, {0x0102}), to_bytes({2, 1}));
  check("i4", Tensor::of<std::int32_t>({1}, {0x01020304}), to_bytes({4, 3, 2, 1}));
  check("u4", Tensor::of<std::uint32_t>({1}, {0xFFFFFFFE}), to_bytes({0xFE, 0xFF, 0xFF, 0xFF}));
  check("i8", Tensor::of<std::int64_t>({1}, {-2}), to_bytes({0xFE, 255, 255, 255, 255, 255, 255, 255}));
  check("u8", Tensor::of<std::uint64_t>({1}, {0x0102030405060708}), to_bytes({8, 7, 6, 5, 4, 3, 2, 1}));
  check("b1", Tensor::of<bool>({1}, {true}), to_bytes({1}));
}

TEST(ParseNpy, TurnsFortranOrder) {
  // Element (i, j, k) of (2 x 3 x 4) is 12 i + 4 j + k, and stands at i + 2 j + 6 k.
  Bytes data(24);
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 4; ++k) data[static_cast<std::size_t>(i + 2 * j + 6 * k)] = std::byte(12 * i + 4 * j + k);
    }
  }
  std::vector<std::uint8_t> expected(24);
  std::iota(expected.begin(), expected.end(), std::uint8_t{0});
  EXPECT_EQ(parse(npy(dictionary("|u1", "(2, 3, 4)", true), data)),
            Tensor::of<std::uint8_t>({2, 3, 4}, std::span<const std::uint8_t>(expected)));
  EXPECT_EQ(parse(npy(dictionary("|u1", "()", true), to_bytes({7}))), Tensor::scalar<std::uint8_t>(7));
  EXPECT_EQ(parse(npy(dictionary("<f4", "(0, 3)", true), {})), Tensor(DataType::float32, {0, 3}));
}

TEST(ParseNpy, TakesEntriesInAnyOrderAndNumbersOfPython2) {
  EXPECT_EQ(parse(npy("{\"shape\":(2L,),'fortran_order':False,'descr':'|i1'}", to_bytes({1, 2}))),
            Tensor::of<std::int8_t>({2}, {1, 2}));
}

TEST(WriteNpy, GivesBackEveryTensorThatItTakes) {
  const TemporaryFolder folder;
  const Tensor tensors[] = {
      Tensor::of<float>({2, 2}, {-0.0F, std::numeric_limits<float>::infinity(), 1e-45F, 3}),
      Tensor::of<double>({1}, {std::numeric_limits<double>::quiet_NaN()}),
      Tensor::of<Float16>({2, 1}, {Float16(0.5F), Float16(-1.0F)}),
      Tensor::of<bool>({3}, {true, false, true}),
      Tensor::of<std::int8_t>({1, 1, 2}, {-128, 127}),
      Tensor::of<std::uint16_t>({1}, {65535}),
      Tensor::of<std::int64_t>({1}, {std::numeric_limits<std::int64_t>::min()}),
      Tensor::of<std::uint64_t>({1}, {std::numeric_limits<std::uint64_t>::max()}),
      Tensor::scalar<std::uint32_t>(9),
      Tensor(DataType::float32, {0, 5}),
      Tensor(DataType::int16, {1, 1, 1, 1, 1, 1, 1, 2}),
  };
  for (const Tensor& tensor : tensors) {
    write_npy(folder / "x.npy", tensor);
    EXPECT_EQ(read_npy(folder / "x.npy"), tensor);
    const std::size_t header = read_file(folder / "x.npy").size() - tensor.bytes();
    EXPECT_EQ(header % 64, 0U) << name(tensor.type());
  }
}

TEST(WriteNpy, RefusesTypesThatNumpyDoesNotHave) {
  const TemporaryFolder folder;
  for (const DataType type : {DataType::bfloat16, DataType::int4, DataType::uint2}) {
    EXPECT_TRUE(throws<Unsupported>(name(type), [&] { write_npy(folder / "x.npy", Tensor(type, {2})); }));
  }
  EXPECT_TRUE(folder.names().empty());
}

TEST(ParseNpy, RefusesEveryTruncationAndWhatFollows) {
  const Bytes file = npy(dictionary("<i4", "(1, 2)"), to_bytes({1, 2, 3, 4, 5, 6, 7, 8}));
  for (std::size_t size = 0; size < file.size(); ++size) {
    const Bytes prefix(file.begin(), file.begin() + static_cast<Index>(size));
    EXPECT_TRUE(throws<FormatError>("x.npy: ", [&] { parse(prefix); })) << size;
  }
  EXPECT_TRUE(throws<FormatError>("9 bytes follow the header, the shape (1 x 2) of int32 asks for 8",
                                  [&] { parse(file + to_bytes({0})); }));
}

TEST(ParseNpy, AllocatesNoMoreThanIsThere) {
  const Bytes some = to_bytes({1, 2, 3});
  EXPECT_TRUE(
      throws<FormatError>("3 bytes follow", [&] { parse(npy(dictionary("<f8", "(1152921504606846975,)"), some)); }));
  EXPECT_TRUE(
      throws<FormatError>("too large", [&] { parse(npy(dictionary("<f8", "(4611686018427387904, 8)"), some)); }));
  EXPECT_TRUE(
      throws<FormatError>("0 to 2^63 - 1", [&] { parse(npy(dictionary("<f8", "(99999999999999999999,)"), some)); }));
  EXPECT_TRUE(throws<FormatError>("0 to 2^63 - 1", [&] { parse(npy(dictionary("<f8", "(-1,)"), some)); }));
  EXPECT_TRUE(throws<FormatError>("at most 8 dimensions, this shape has 9", [&] {
    parse(npy(dictionary("|u1", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), to_bytes({1})));
  }));
  const Bytes long_header = to_bytes("\x93NUMPY") + to_bytes({2, 0, 0xFF, 0xFF, 0xFF, 0xFF}) + Bytes(100);
  EXPECT_TRUE(throws<FormatError>("should have 4294967295 bytes; 100 are there", [&] { parse(long_header); }));
}

TEST(ParseNpy, NamesWhatItCannotHold) {
  for (const std::string type : {"<c8", "|O", "<U3", "|S4", "|V2", "<M8[ns]", "<f16", "<b1x", ""}) {
    EXPECT_TRUE(
        throws<Unsupported>(fmt::format("'{}'", type), [&] { parse(npy(dictionary(type, "(1,)"), Bytes(8))); }));
  }
  EXPECT_TRUE(throws<Unsupported>("records of several fields", [] {
    parse(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", Bytes(4)));
  }));
  EXPECT_TRUE(throws<FormatError>("element 1 is 2", [] { parse(npy(dictionary("|b1", "(2,)"), to_bytes({1, 2}))); }));
  EXPECT_TRUE(throws<FormatError>("version 4.0", [] { parse(npy(dictionary("|u1", "()"), Bytes(1), 4)); }));
  EXPECT_TRUE(throws<FormatError>("0x93", [] { parse(to_bytes("PK\3\4 no array")); }));
}

TEST(ParseNpy, SaysWhereTheHeaderIsMalformed) {
  const auto refused = [](const std::string& text, const std::string& part) {
    EXPECT_TRUE(throws<FormatError>(part, [&] { parse(npy(text, Bytes(1))); })) << text;
  };
  refused("['descr']", "at byte 10, '{' was expected");
  refused("{'descr': '|u1', 'descr': '|u1'}", "once before 'descr'");
  refused("{'fortran_order': 1}", "True or False was expected");
  refused("{'shape': (1 2)}", "',' was expected");
  refused("{'shape': [1]}", "'(' was expected");
  refused("{'other': 1}", "'other'");
  refused("{'descr': '|u1", "the end of a string");
  refused("{'descr': '|u1', 'shape': ()}", "before the end was expected");
  refused(dictionary("|u1", "()") + "x", "the end of the header was expected");
}

TEST(ParseNpy, NeverCrashesOnFlippedBytes) {
  const Bytes file = npy(dictionary("<i4", "(2, 3)", true), Bytes(24, std::byte{1}));
  Random random(3);
  for (int repeat = 0; repeat < 20'000; ++repeat) {
    Bytes changed = file;
    for (std::uint32_t flips = 1 + random.below(3); flips > 0; --flips) {
      changed[random.below(static_cast<std::uint32_t>(file.size()))] = static_cast<std::byte>(random.below(256));
    }
    try {
      EXPECT_LE(parse(changed).bytes(), 24U);
    } catch (const FormatError&) {
    } catch (const Unsupported&) {
    }
  }
}

}  // namespace
}  // namespace condense::io
