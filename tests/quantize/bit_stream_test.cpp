#include "condense/quantize/bit_stream.hpp"

#include <gtest/gtest.h>

#include "condense/core/random.hpp"

namespace condense::quantize {
namespace {

TEST(BitStream, ReadsWhatWasWritten) {
  Random random(1);
  std::vector<std::pair<std::uint64_t, int>> parts;
  BitWriter out;
  for (int i = 0; i < 2000; ++i) {
    const auto count = static_cast<int>(random.below(65));
    std::uint64_t bits = std::uint64_t{random.below(1U << 31)} * random.below(1U << 31) * 7919;
    out.write(bits, count);
    if (count < 64) bits &= (std::uint64_t{1} << count) - 1;
    parts.emplace_back(bits, count);
  }
  BitReader in(out.bytes(), "stream");
  for (const auto& [bits, count] : parts) ASSERT_EQ(in.read(count), bits);
  in.require_end();
}

TEST(BitStream, BeginsWithTheLowestBit) {
  BitWriter out;
  out.write(1, 1);
  out.write(2, 2);  // 0, then 1
  EXPECT_EQ(out.bytes(), std::vector<std::byte>{std::byte{0b101}});
  EXPECT_EQ(out.bits(), 3U);
}

TEST(BitStream, NumbersTakeTheBitsOfGammaCodes) {
  for (std::uint64_t number : {0ULL, 1ULL, 2ULL, 3ULL, 6ULL, 7ULL, 1000ULL, 1ULL << 40, ~0ULL - 1}) {
    BitWriter out;
    out.write_number(number);
    int log2 = 0;
    while (log2 < 63 && (number + 1) >> (log2 + 1) != 0) ++log2;
    EXPECT_EQ(out.bits(), static_cast<std::uint64_t>(2 * log2 + 1));
    BitReader in(out.bytes(), "stream");
    EXPECT_EQ(in.read_number(~0ULL), number);
  }
}

TEST(BitStream, BytesBeginAtAWholeByte) {
  BitWriter out;
  out.write(1, 3);
  out.write_bytes(std::vector<std::byte>{std::byte{7}, std::byte{9}});
  out.write(1, 1);
  EXPECT_EQ(out.bits(), 25U);
  BitReader in(out.bytes(), "stream");
  in.read(3);
  EXPECT_EQ(in.read_bytes(2)[1], std::byte{9});
  EXPECT_EQ(in.read(1), 1U);
}

TEST(BitStream, RefusesWhatCannotBe) {
  const auto message = [](std::vector<std::byte> bytes, auto use) -> std::string {
    BitReader in(bytes, "weights.bin");
    try {
      use(in);
    } catch (const FormatError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message({std::byte{1}}, [](BitReader& in) { in.read(9); }).find("weights.bin: at byte 0: 9 bits"),
            std::string::npos);
  EXPECT_NE(message(std::vector<std::byte>(20), [](BitReader& in) { in.read_number(9); }).find("64 bits"),
            std::string::npos);
  EXPECT_NE(message({std::byte{0b1100}}, [](BitReader& in) { in.read_number(3); }).find("above 3"), std::string::npos);
  EXPECT_NE(message({std::byte{1}}, [](BitReader& in) { in.read_bytes(2); }).find("2 bytes"), std::string::npos);
  EXPECT_NE(message(std::vector<std::byte>(2), [](BitReader& in) { in.require_end(); }).find("should end"),
            std::string::npos);
  EXPECT_NE(message({std::byte{2}},
                    [](BitReader& in) {
                      in.read(1);
                      in.require_end();
                    })
                .find("should end"),
            std::string::npos);
}

}  // namespace
}  // namespace condense::quantize
