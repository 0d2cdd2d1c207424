#include "condense/core/packing.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "condense/core/random.hpp"
#include "support/throws.hpp"

namespace condense {
namespace {

std::vector<std::byte> pack(const std::vector<std::uint8_t>& codes, int bits) {
  std::vector<std::byte> packed(packed_bytes(codes.size(), bits), std::byte{0xAA});
  pack_codes(codes, bits, packed);
  return packed;
}

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

/// Bit b of the packed string is bit b % bits of code b / bits.
std::vector<std::byte> pack_bit_by_bit(const std::vector<std::uint8_t>& codes, int bits) {
  const std::size_t total = codes.size() * static_cast<std::size_t>(bits);
  std::vector<std::byte> packed((total + 7) / 8);
  for (std::size_t b = 0; b < total; ++b) {
    const auto code_bit = static_cast<int>(b % static_cast<std::size_t>(bits));
    if ((codes[b / static_cast<std::size_t>(bits)] >> code_bit & 1) != 0) packed[b / 8] |= std::byte{1} << (b % 8);
  }
  return packed;
}

TEST(PackCodes, PutsTheLowerIndexIntoTheLowNibble) {
  EXPECT_EQ(pack({0x1, 0x2, 0xF, 0x8, 0x7}, 4), bytes_of({0x21, 0x8F, 0x07}));
}

TEST(PackCodes, PutsTwoBitCodesLowestBitsFirst) {
  EXPECT_EQ(pack({0, 1, 2, 3, 3, 1}, 2), bytes_of({0b11'10'01'00, 0b01'11}));
}

TEST(PackCodes, PutsBinaryCodesLowestBitFirst) {
  EXPECT_EQ(pack({1, 0, 0, 0, 0, 0, 1, 1, 1}, 1), bytes_of({0xC1, 0x01}));
}

TEST(PackCodes, LetsThreeBitCodesStraddleBytes) {
  EXPECT_EQ(pack({1, 2, 7, 5}, 3), bytes_of({0b11'010'001, 0b0000'101'1}));
}

TEST(PackCodes, TakesNegativeCodesInTwosComplement) {
  EXPECT_EQ(pack({static_cast<std::uint8_t>(-1), static_cast<std::uint8_t>(-8)}, 4), bytes_of({0x8F}));
  EXPECT_EQ(pack({static_cast<std::uint8_t>(-2), 1}, 2), bytes_of({0b01'10}));
}

TEST(PackCodes, KeepsEveryCodeOfEveryWidthAtEveryLength) {
  Random random(1);
  for (int bits = 1; bits <= 8; ++bits) {
    for (std::size_t length = 0; length <= 200; ++length) {
      SCOPED_TRACE(testing::Message() << bits << " bits, length " << length);
      std::vector<std::uint8_t> codes(length);
      for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(random.below(1U << bits));
      const std::vector<std::byte> packed = pack(codes, bits);
      ASSERT_EQ(packed, pack_bit_by_bit(codes, bits));
      std::vector<std::uint8_t> unpacked(length, 0xEE);
      unpack_codes(packed, bits, unpacked);
      ASSERT_EQ(unpacked, codes);
      for (std::size_t i = 0; i < length; ++i) ASSERT_EQ(packed_code(packed.data(), i, bits), codes[i]);
    }
  }
}

TEST(PackCodes, KeepsAllCodesOfAWidthNextToEachOther) {
  for (int bits = 1; bits <= 8; ++bits) {
    const std::size_t all = std::size_t{1} << bits;
    std::vector<std::uint8_t> codes;
    for (std::size_t i = 0; i < all * all; ++i) {
      codes.push_back(static_cast<std::uint8_t>(i / all));
      codes.push_back(static_cast<std::uint8_t>(i % all));
    }
    const std::vector<std::byte> packed = pack(codes, bits);
    std::vector<std::uint8_t> unpacked(codes.size());
    unpack_codes(packed, bits, unpacked);
    EXPECT_EQ(unpacked, codes) << bits;
  }
}

TEST(PackCodes, IgnoresTheBitsAboveTheWidth) {
  for (int bits = 1; bits < 8; ++bits) {
    const auto above = static_cast<std::uint8_t>(0xFF << bits);
    EXPECT_EQ(pack({above, above, above, above, above}, bits), pack({0, 0, 0, 0, 0}, bits)) << bits;
  }
}

TEST(SignExtend, GivesTheTwosComplementNumberOfEveryCode) {
  for (int bits = 1; bits <= 8; ++bits) {
    const int all = 1 << bits;
    for (int code = 0; code < all; ++code) {
      EXPECT_EQ(sign_extend(static_cast<std::uint8_t>(code), bits), code < all / 2 ? code : code - all);
    }
  }
}

TEST(PackCodes, RefusesWidthsOutsideOneToEight) {
  std::vector<std::uint8_t> codes(4);
  std::vector<std::byte> packed(4);
  for (const int bits : {0, -3, 9, 32}) {
    const std::string value = "not " + std::to_string(bits);
    EXPECT_TRUE(throws<InvalidArgument>(value, [&] { pack_codes(codes, bits, packed); }));
    EXPECT_TRUE(throws<InvalidArgument>(value, [&] { unpack_codes(packed, bits, codes); }));
  }
}

TEST(PackCodes, RefusesBuffersThatDoNotFitExactly) {
  std::vector<std::uint8_t> codes(5);
  for (const std::size_t size : {std::size_t{2}, std::size_t{4}}) {
    std::vector<std::byte> packed(size);
    const std::string message = "5 codes of 4 bits need 3 bytes, " + std::to_string(size) + " are given";
    EXPECT_TRUE(throws<InvalidArgument>(message, [&] { pack_codes(codes, 4, packed); }));
    EXPECT_TRUE(throws<InvalidArgument>(message, [&] { unpack_codes(packed, 4, codes); }));
  }
}

TEST(PackedBytes, DoesNotOverflowForAnyCount) {
  constexpr std::size_t kLargest = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(packed_bytes(kLargest, 8), kLargest);
  EXPECT_EQ(packed_bytes(kLargest, 1), kLargest / 8 + 1);
  EXPECT_EQ(packed_bytes(std::size_t{1} << 61, 8), std::size_t{1} << 61);
  EXPECT_EQ(packed_bytes(std::size_t{1} << 63, 3), std::size_t{3} << 60);
}

}  // namespace
}  // namespace condense
