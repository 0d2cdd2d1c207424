#include "condense/io/idx.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <vector>

#include "condense/core/random.hpp"
#include "io/deflate_fixture.hpp"
#include "support/bytes.hpp"
#include "support/temporary_folder.hpp"
#include "support/throws.hpp"

namespace condense::io {
namespace {

using Bytes = std::vector<std::byte>;

Tensor parse(const Bytes& bytes) { return parse_idx(bytes, "digits.idx"); }

/// Runs a check on a file and on the same one compressed.
template <class Check>
void plain_and_compressed(const Bytes& file, Check&& check) {
  check(file);
  check(gzip(file));
}

TEST(ParseIdx, ReadsTheLayoutOfTheFormatsPage) {
  const Bytes labels = to_bytes({0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 255});
  plain_and_compressed(labels, [](const Bytes& file) {
    EXPECT_EQ(parse(file), Tensor::of<std::uint8_t>(Shape{3}, {5, 0, 255}));
  });
  const Bytes images = to_bytes({0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4});
  plain_and_compressed(images, [](const Bytes& file) {
    EXPECT_EQ(parse(file), Tensor::of<std::uint8_t>(Shape{1, 2, 2}, {1, 2, 3, 4}));
  });
}

TEST(ParseIdx, ReadsEveryTypeFromBigEndianBytes) {
  EXPECT_EQ(parse(to_bytes({0, 0, 0x09, 1, 0, 0, 0, 2, 0x80, 0x7F})), Tensor::of<std::int8_t>(Shape{2}, {-128, 127}));
  EXPECT_EQ(parse(to_bytes({0, 0, 0x0B, 1, 0, 0, 0, 3, 0x80, 0x00, 0xFF, 0xFE, 0x01, 0x02})),
            Tensor::of<std::int32_t>(Shape{3}, {-32768, -2, 258}));
  EXPECT_EQ(parse(to_bytes({0, 0, 0x0C, 1, 0, 0, 0, 1, 0xFF, 0xFE, 0xFD, 0xFC})),
            Tensor::of<std::int32_t>(Shape{1}, {-66052}));
  EXPECT_EQ(parse(to_bytes({0, 0, 0x0D, 1, 0, 0, 0, 1, 0x40, 0x49, 0x0F, 0xDB})),
            Tensor::of<float>(Shape{1}, {3.14159274F}));
  EXPECT_EQ(parse(to_bytes({0, 0, 0x0E, 1, 0, 0, 0, 1, 0xC0, 0x05, 0xBF, 0x0A, 0x8B, 0x14, 0x57, 0x69})),
            Tensor::of<double>(Shape{1}, {-2.718281828459045}));
}

TEST(ParseIdx, ReadsScalarsAndEmptyTensors) {
  EXPECT_EQ(parse(to_bytes({0, 0, 8, 0, 42})), Tensor::scalar<std::uint8_t>(42));
  EXPECT_EQ(parse(to_bytes({0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 7})), Tensor(DataType::uint8, Shape{0, 7}));
}

TEST(WriteIdx, GivesBackEveryTensorThatItTakes) {
  const TemporaryFolder folder;
  const Tensor tensors[] = {
      Tensor::of<std::uint8_t>(Shape{2, 2}, {0, 1, 254, 255}),
      Tensor::of<std::int8_t>(Shape{3, 1}, {-128, 0, 127}),
      Tensor::of<std::int32_t>(Shape{2}, {std::numeric_limits<std::int32_t>::min(), 77}),
      Tensor::of<float>(Shape{1, 1, 3}, {-0.0F, std::numeric_limits<float>::infinity(), 1e-45F}),
      Tensor::of<double>(Shape{2}, {0.1, std::numeric_limits<double>::quiet_NaN()}),
      Tensor::scalar<std::uint8_t>(3),
      Tensor(DataType::float32, Shape{0, 4}),
  };
  for (const Tensor& tensor : tensors) {
    write_idx(folder / "tensor.idx", tensor);
    EXPECT_EQ(read_idx(folder / "tensor.idx"), tensor);
    write_file_atomically(folder / "tensor.idx.gz", gzip(read_file(folder / "tensor.idx")));
    EXPECT_EQ(read_idx(folder / "tensor.idx.gz"), tensor);
  }
  write_idx(folder / "golden.idx", Tensor::of<float>(Shape{1, 2}, {1, -2}));
  EXPECT_EQ(read_file(folder / "golden.idx"),
            to_bytes({0, 0, 0x0D, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0x3F, 0x80, 0, 0, 0xC0, 0, 0, 0}));
}

TEST(WriteIdx, RefusesTypesThatTheFormatDoesNotHave) {
  const TemporaryFolder folder;
  for (const DataType type : {DataType::int64, DataType::bfloat16, DataType::boolean, DataType::int4}) {
    EXPECT_TRUE(throws<Unsupported>(name(type), [&] { write_idx(folder / "x.idx", Tensor(type, Shape{2})); }));
  }
  EXPECT_TRUE(throws<InvalidArgument>("4294967296 has more than 32 bits", [&] {
    write_idx(folder / "x.idx", Tensor(DataType::uint8, Shape{0, Index{1} << 32}));
  }));
  EXPECT_TRUE(folder.names().empty());
}

TEST(ParseIdx, RefusesEveryTruncation) {
  const Bytes file = to_bytes({0, 0, 0x0C, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8});
  for (std::size_t size = 0; size < file.size(); ++size) {
    const Bytes prefix(file.begin(), file.begin() + static_cast<Index>(size));
    plain_and_compressed(prefix, [&](const Bytes& bytes) {
      EXPECT_TRUE(throws<FormatError>("ends at byte " + std::to_string(size), [&] { parse(bytes); })) << size;
    });
  }
  const Bytes compressed = gzip(file);
  for (std::size_t size = 0; size < compressed.size(); ++size) {
    const Bytes prefix(compressed.begin(), compressed.begin() + static_cast<Index>(size));
    EXPECT_TRUE(throws<FormatError>("digits.idx: ", [&] { parse(prefix); })) << size;
  }
}

TEST(ParseIdx, RefusesBytesBehindTheData) {
  plain_and_compressed(to_bytes({0, 0, 8, 1, 0, 0, 0, 2, 5, 6, 7}), [](const Bytes& file) {
    EXPECT_TRUE(throws<FormatError>("more bytes follow the 2 that the shape (2) asks for", [&] { parse(file); }));
  });
  const Bytes two_members = gzip(to_bytes({0, 0, 8, 1, 0, 0, 0, 2, 5, 6})) + gzip(to_bytes({7}));
  EXPECT_TRUE(throws<FormatError>("more bytes follow", [&] { parse(two_members); }));
}

TEST(ParseIdx, RefusesAnotherMagicNumber) {
  for (const int type : {0x00, 0x07, 0x0A, 0x0F, 0xFF}) {
    EXPECT_TRUE(throws<FormatError>(fmt::format("begins with 0x0000{:02x}01", type), [&] {
      parse(to_bytes({0, 0, type, 1, 0, 0, 0, 0}));
    }));
  }
  EXPECT_TRUE(throws<FormatError>("begins with 0x01000801", [] { parse(to_bytes({1, 0, 8, 1, 0, 0, 0, 0})); }));
  EXPECT_TRUE(throws<FormatError>("begins with 0x504b0304", [] { parse(to_bytes({'P', 'K', 3, 4})); }));
}

TEST(ParseIdx, RefusesMoreThanEightDimensions) {
  Bytes file = to_bytes({0, 0, 8, 9});
  for (int axis = 0; axis < 9; ++axis) file = file + to_bytes({0, 0, 0, 1});
  EXPECT_TRUE(throws<FormatError>("this shape has 9", [&] { parse(file + to_bytes({1})); }));
}

TEST(ParseIdx, RefusesShapesThatOverflow) {
  const Bytes huge = to_bytes({0xFF, 0xFF, 0xFF, 0xFF});
  plain_and_compressed(to_bytes({0, 0, 0x0E, 3}) + huge + huge + huge, [](const Bytes& file) {
    EXPECT_TRUE(throws<FormatError>("extent 4294967295 makes the tensor too large", [&] { parse(file); }));
  });
  plain_and_compressed(to_bytes({0, 0, 8, 4, 0, 0, 0, 0}) + huge + huge + huge,
                       [](const Bytes& file) { EXPECT_TRUE(throws<FormatError>("too large", [&] { parse(file); })); });
}

TEST(ParseIdx, AllocatesNoMoreThanIsThere) {
  // 2^59 bytes are promised: the address space does not hold them.
  plain_and_compressed(
      to_bytes({0, 0, 8, 3, 0, 1, 0, 0, 0, 0x20, 0, 0, 0, 0x40, 0, 0, 1, 2, 3}),
      [](const Bytes& file) { EXPECT_TRUE(throws<FormatError>("expected at byte 16", [&] { parse(file); })); });
}

TEST(ParseIdx, NeverCrashesOnFlippedBytes) {
  const Tensor tensor = Tensor::of<std::int32_t>(Shape{2, 3}, {1, -2, 3, -4, 5, -6});
  const TemporaryFolder folder;
  write_idx(folder / "tensor.idx", tensor);
  plain_and_compressed(read_file(folder / "tensor.idx"), [](const Bytes& file) {
    Random random(17);
    for (int repeat = 0; repeat < 5'000; ++repeat) {
      Bytes changed = file;
      for (std::uint32_t flips = 1 + random.below(3); flips > 0; --flips) {
        changed[random.below(static_cast<std::uint32_t>(file.size()))] = static_cast<std::byte>(random.below(256));
      }
      try {
        EXPECT_LE(parse(changed).count(), 24);  // what the bytes that are there can hold
      } catch (const FormatError&) {
      }
    }
  });
}

}  // namespace
}  // namespace condense::io
