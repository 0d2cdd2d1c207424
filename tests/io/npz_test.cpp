#include "condense/io/npz.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "condense/core/random.hpp"
#include "io/zip_fixture.hpp"
#include "support/bytes.hpp"
#include "support/temporary_folder.hpp"
#include "support/throws.hpp"

namespace condense::io {
namespace {

using Bytes = std::vector<std::byte>;
using Arrays = std::map<std::string, Tensor>;

Bytes npy_of(const Tensor& tensor) {
  const TemporaryFolder folder;
  write_npy(folder / "x.npy", tensor);
  return read_file(folder / "x.npy");
}
Bytes archive_of(const ZipWriter::Entry& entry, bool zip64 = false) {
  ZipWriter writer(zip64);
  writer.add(entry);
  return writer.finish();
}
Arrays parse(const Bytes& bytes) { return parse_npz(bytes, "x.npz"); }

const Tensor& images() {
  static const Tensor tensor(DataType::float32, {4, 3, 8, 8});  // zeros, which deflate well
  return tensor;
}
const Tensor& labels() {
  static const Tensor tensor = Tensor::of<std::int64_t>({4}, {7, -1, 0, 3});
  return tensor;
}

TEST(ParseNpz, ReadsStoredAndDeflatedArrays) {
  for (const bool zip64 : {false, true}) {
    for (const bool deflate : {false, true}) {
      for (const std::string comment : {"", "made by PK\5\6 hand"}) {
        ZipWriter writer(zip64, comment);
        writer.add({.name = "images.npy", .data = npy_of(images()), .deflate = deflate});
        writer.add({.name = "labels.npy", .data = npy_of(labels()), .deflate = !deflate});
        EXPECT_EQ(parse(writer.finish()), (Arrays{{"images", images()}, {"labels", labels()}}));
      }
    }
  }
  EXPECT_TRUE(parse(ZipWriter().finish()).empty());
}

TEST(ParseNpz, ReadsAFileThatAnotherProgramWrote) {
  // Python's zipfile as numpy.savez_compressed uses it, which leaves the sizes in the local header to zip64.
  const Bytes file = to_bytes(
      {0x50, 0x4B, 0x03, 0x04, 0x2D, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x21, 0x00, 0x69, 0x17, 0x33, 0x86, 0xFF,
       0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x05, 0x00, 0x14, 0x00, 0x61, 0x2E, 0x6E, 0x70, 0x79, 0x01, 0x00, 0x10,
       0x00, 0x86, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x4A, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x9B, 0xEC,
       0x17, 0xEA, 0x1B, 0x10, 0xC9, 0xC8, 0x50, 0xC6, 0x50, 0xAD, 0x9E, 0x92, 0x5A, 0x9C, 0x5C, 0xA4, 0x6E, 0xA5, 0xA0,
       0x6E, 0x93, 0x69, 0xA4, 0xAE, 0xA3, 0xA0, 0x9E, 0x96, 0x5F, 0x54, 0x52, 0x94, 0x98, 0x17, 0x9F, 0x5F, 0x94, 0x92,
       0x0A, 0x12, 0x77, 0x4B, 0xCC, 0x29, 0x4E, 0x05, 0x8A, 0x17, 0x67, 0x24, 0x16, 0xA4, 0x02, 0xF9, 0x1A, 0xC6, 0x3A,
       0x9A, 0x3A, 0x0A, 0xB5, 0x0A, 0x14, 0x00, 0x2E, 0x46, 0x86, 0x7F, 0xFF, 0x75, 0x18, 0x01, 0x50, 0x4B, 0x01, 0x02,
       0x2D, 0x03, 0x2D, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x21, 0x00, 0x69, 0x17, 0x33, 0x86, 0x4A, 0x00, 0x00,
       0x00, 0x86, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x01,
       0x00, 0x00, 0x00, 0x00, 0x61, 0x2E, 0x6E, 0x70, 0x79, 0x50, 0x4B, 0x05, 0x06, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,
       0x01, 0x00, 0x33, 0x00, 0x00, 0x00, 0x81, 0x00, 0x00, 0x00, 0x00, 0x00});
  const TemporaryFolder folder;
  write_file_atomically(folder / "x.npz", file);
  EXPECT_EQ(read_npz(folder / "x.npz"), (Arrays{{"a", Tensor::of<std::int16_t>({3}, {1, -2, 300})}}));
}

TEST(ParseNpz, RefusesAWrongChecksumAndSize) {
  const Bytes data = npy_of(labels());
  for (const bool deflate : {false, true}) {
    EXPECT_TRUE(throws<FormatError>("'a.npy': is corrupted, its checksum is", [&] {
      parse(archive_of({.name = "a.npy", .data = data, .deflate = deflate, .checksum = 5}));
    }));
  }
  const auto declared = [&](std::int64_t size) {
    return archive_of({.name = "a.npy", .data = data, .deflate = true, .declared_size = size});
  };
  const auto size = static_cast<std::int64_t>(data.size());
  EXPECT_TRUE(
      throws<FormatError>(fmt::format("gives more than the {} bytes", size - 1), [&] { parse(declared(size - 1)); }));
  EXPECT_TRUE(throws<FormatError>(fmt::format("ends after {} bytes, {} are", size, size + 1),
                                  [&] { parse(declared(size + 1)); }));
  EXPECT_TRUE(throws<FormatError>(
      "cannot hold them", [&] { parse(archive_of({.name = "a.npy", .data = data, .declared_size = size + 1})); }));
}

TEST(ParseNpz, AllocatesNoMoreThanDeflateCanHold) {
  const Bytes data = npy_of(labels());
  for (const std::int64_t size : {std::int64_t{1} << 31, std::int64_t{1} << 60}) {
    EXPECT_TRUE(throws<FormatError>(fmt::format("{} bytes are declared", size), [&] {
      parse(archive_of({.name = "a.npy", .data = data, .deflate = true, .declared_size = size}, true));
    }));
  }
}

TEST(ParseNpz, RefusesFilesOverEachOther) {
  // Two names for the same bytes: what archives that grow without bound are made of.
  ZipWriter writer;
  writer.add({.name = "a.npy", .data = npy_of(labels()), .deflate = true});
  writer.add({.name = "a.npy", .data = npy_of(labels()), .deflate = true, .local_offset = 0});
  EXPECT_TRUE(throws<FormatError>("lie over each other", [&] { parse(writer.finish()); }));
}

TEST(ParseNpz, RefusesWhatIsNoArrayOrThereTwice) {
  const Bytes data = npy_of(labels());
  EXPECT_TRUE(
      throws<FormatError>("'a.txt': is not an array", [&] { parse(archive_of({.name = "a.txt", .data = data})); }));
  EXPECT_TRUE(throws<FormatError>("'a.npy': does not begin as a .npy file",
                                  [&] { parse(archive_of({.name = "a.npy", .data = to_bytes("hello, world")})); }));
  ZipWriter writer;
  writer.add({.name = "a.npy", .data = data});
  writer.add({.name = "a.npy", .data = data});
  EXPECT_TRUE(throws<FormatError>("'a.npy': is there twice", [&] { parse(writer.finish()); }));
  EXPECT_TRUE(throws<FormatError>("the name 'a.npy' of the directory",
                                  [&] { parse(archive_of({.name = "a.npy", .data = data, .local_name = "b.npy"})); }));
}

TEST(ParseNpz, NamesWhatItDoesNotKnow) {
  const Bytes data = npy_of(labels());
  EXPECT_TRUE(throws<Unsupported>("'a.npy' is encrypted",
                                  [&] { parse(archive_of({.name = "a.npy", .data = data, .flags = 1})); }));
  EXPECT_TRUE(
      throws<Unsupported>("method 12", [&] { parse(archive_of({.name = "a.npy", .data = data, .method = 12})); }));
  EXPECT_TRUE(throws<FormatError>("is no zip archive", [] { parse(to_bytes("hello, world, this is no archive")); }));
  EXPECT_TRUE(throws<FormatError>("is no zip archive", [] { parse({}); }));
}

TEST(ParseNpz, RefusesEveryTruncation) {
  for (const bool zip64 : {false, true}) {
    const Bytes file = archive_of({.name = "a.npy", .data = npy_of(labels()), .deflate = true}, zip64);
    for (std::size_t size = 0; size < file.size(); ++size) {
      const Bytes prefix(file.begin(), file.begin() + static_cast<Index>(size));
      EXPECT_TRUE(throws<FormatError>("x.npz", [&] { parse(prefix); })) << size;
    }
  }
}

TEST(ParseNpz, NeverGivesOtherValuesForFlippedBytes) {
  Random random(11);
  for (const bool zip64 : {false, true}) {
    const Bytes file = archive_of({.name = "a.npy", .data = npy_of(labels()), .deflate = true}, zip64);
    for (int repeat = 0; repeat < 20'000; ++repeat) {
      Bytes changed = file;
      for (std::uint32_t flips = 1 + random.below(3); flips > 0; --flips) {
        changed[random.below(static_cast<std::uint32_t>(file.size()))] = static_cast<std::byte>(random.below(256));
      }
      try {
        for (const auto& [name, array] : parse(changed)) EXPECT_EQ(array, labels());
      } catch (const FormatError&) {
      } catch (const Unsupported&) {
      }
    }
  }
}

}  // namespace
}  // namespace condense::io
