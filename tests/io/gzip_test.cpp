#include "condense/io/gzip.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "condense/core/random.hpp"
#include "io/deflate_fixture.hpp"
#include "support/bytes.hpp"
#include "support/throws.hpp"

namespace condense::io {
namespace {

using Bytes = std::vector<std::byte>;

/// All that a stream holds, taken in steps.
Bytes gunzip(const Bytes& compressed, std::size_t step = 1000) {
  GzipReader reader(compressed, "data.gz");
  Bytes result;
  Bytes piece(step);
  while (const std::size_t count = reader.read_some(piece)) {
    result.insert(result.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return result;
}

Bytes words(std::size_t size) {
  Random random(1);
  Bytes data(size);
  for (std::byte& byte : data) byte = static_cast<std::byte>('a' + random.below(5));
  return data;
}

TEST(GzipReader, GivesTheDataInAnySteps) {
  for (const std::size_t size : {0U, 1U, 999U, 1000U, 1001U, 200'000U}) {
    const Bytes data = words(size);
    const Bytes compressed = gzip(data);
    ASSERT_TRUE(is_gzip(compressed));
    for (const std::size_t step : {1U, 7U, 1000U, 300'000U}) ASSERT_EQ(gunzip(compressed, step), data) << size;
  }
}

TEST(GzipReader, TakesMembersThatFollowEachOtherAsOneStream) {
  EXPECT_EQ(gunzip(gzip(to_bytes("con")) + gzip({}) + gzip(to_bytes("dense"))), to_bytes("condense"));
}

TEST(GzipReader, RefusesEveryTruncation) {
  const Bytes compressed = gzip(words(500));
  for (std::size_t size = 0; size < compressed.size(); ++size) {
    const Bytes prefix(compressed.begin(), compressed.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_TRUE(throws<FormatError>("data.gz: the compressed data breaks off at byte", [&] { gunzip(prefix); }))
        << size;
  }
}

TEST(GzipReader, RefusesAWrongChecksumAndAWrongLength) {
  Bytes compressed = gzip(words(500));
  for (std::size_t i = compressed.size() - 8; i < compressed.size(); ++i) {
    compressed[i] ^= std::byte{0x10};
    EXPECT_TRUE(throws<FormatError>("data.gz: the compressed data is corrupted", [&] { gunzip(compressed); }));
    compressed[i] ^= std::byte{0x10};
  }
}

TEST(GzipReader, NeverGivesOtherDataForAFlippedBit) {
  const Bytes data = words(300);
  Bytes compressed = gzip(data);
  int refused = 0;
  for (std::size_t bit = 0; bit < compressed.size() * 8; ++bit) {
    compressed[bit / 8] ^= std::byte{1} << (bit % 8);
    try {
      EXPECT_EQ(gunzip(compressed), data);  // the header's time stamp and the like do not matter
    } catch (const FormatError&) {
      ++refused;
    }
    compressed[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  EXPECT_GT(refused, static_cast<int>(compressed.size() - 10) * 8 - 16);
}

TEST(GzipReader, RefusesWhatIsNotGzip) {
  EXPECT_FALSE(is_gzip(to_bytes({0x1F})));
  EXPECT_FALSE(is_gzip(to_bytes("PK")));
  EXPECT_TRUE(throws<FormatError>("corrupted near byte", [] { gunzip(to_bytes("hello, world")); }));
  EXPECT_TRUE(
      throws<FormatError>("2 bytes that are not gzip follow", [] { gunzip(gzip(to_bytes("data")) + to_bytes("no")); }));
}

TEST(GzipReader, SaysWhatWasExpectedWhenTheDataEnds) {
  const Bytes compressed = gzip(to_bytes("12345"));
  GzipReader reader(compressed, "data.gz");
  Bytes piece(3);
  reader.read(piece);
  EXPECT_EQ(piece, to_bytes("123"));
  EXPECT_TRUE(throws<FormatError>("ends at byte 5, 3 bytes were expected at byte 3", [&] { reader.read(piece); }));
}

}  // namespace
}  // namespace condense::io
