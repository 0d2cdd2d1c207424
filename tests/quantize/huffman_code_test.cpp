#include "condense/quantize/huffman_code.hpp"

#include <gtest/gtest.h>

#include <queue>

#include "condense/core/random.hpp"

namespace condense::quantize {
namespace {

/// The least number of bits of a prefix code without a limit, by Huffman's own algorithm: the sum of all merges.
std::uint64_t least_bits(const std::vector<std::uint64_t>& counts) {
  std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> queue;
  for (const std::uint64_t count : counts) {
    if (count > 0) queue.push(count);
  }
  if (queue.size() == 1) return queue.top();
  std::uint64_t bits = 0;
  while (queue.size() > 1) {
    std::uint64_t sum = queue.top();
    queue.pop();
    sum += queue.top();
    queue.pop();
    queue.push(sum);
    bits += sum;
  }
  return bits;
}

/// The least number of bits with lengths of at most `longest`, by trying all lengths whose Kraft sum is at most 1.
std::uint64_t least_bits_by_trying(const std::vector<std::uint64_t>& counts, int longest, std::size_t symbol = 0,
                                   int room = -1) {
  if (room < 0) room = 1 << longest;
  if (symbol == counts.size()) return 0;
  std::uint64_t best = ~std::uint64_t{0} / 2;
  for (int length = 1; length <= longest; ++length) {
    const int taken = 1 << (longest - length);
    if (taken > room) continue;
    best = std::min(best, counts[symbol] * static_cast<std::uint64_t>(length) +
                              least_bits_by_trying(counts, longest, symbol + 1, room - taken));
  }
  return best;
}

void expect_round_trip(const HuffmanCode& code, const std::vector<std::uint64_t>& counts) {
  BitWriter out;
  write_lengths(out, code);
  for (std::size_t symbol = 0; symbol < counts.size(); ++symbol) {
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(counts[symbol], 3); ++i) code.write(out, symbol);
  }
  BitReader in(out.bytes(), "code");
  const HuffmanCode read = read_lengths(in, counts.size());
  EXPECT_TRUE(std::ranges::equal(read.lengths(), code.lengths()));
  for (std::size_t symbol = 0; symbol < counts.size(); ++symbol) {
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(counts[symbol], 3); ++i) ASSERT_EQ(read.read(in), symbol);
  }
  in.require_end();
}

TEST(HuffmanCode, IsOptimalForAllSmallCounts) {
  // Every way in which up to 5 symbols occur 0 to 4 times.
  for (int size = 1; size <= 5; ++size) {
    std::vector<std::uint64_t> counts(static_cast<std::size_t>(size), 0);
    for (bool done = false; !done;) {
      const HuffmanCode code = HuffmanCode::of_counts(counts);
      ASSERT_EQ(code.bits(counts), least_bits(counts));
      expect_round_trip(code, counts);
      std::size_t digit = 0;
      while (digit < counts.size() && ++counts[digit] == 5) counts[digit++] = 0;
      done = digit == counts.size();
    }
  }
}

TEST(HuffmanCode, IsTheBestOfLimitedLength) {
  Random random(7);
  for (int round = 0; round < 40; ++round) {
    std::vector<std::uint64_t> counts(5);
    for (std::uint64_t& count : counts) count = 1 + (std::uint64_t{1} << random.below(8));
    for (int longest = 3; longest <= 5; ++longest) {
      const HuffmanCode code = HuffmanCode::of_counts(counts, longest);
      EXPECT_EQ(code.bits(counts), least_bits_by_trying(counts, longest));
      EXPECT_LE(std::ranges::max(code.lengths()), longest);
    }
  }
}

TEST(HuffmanCode, FibonacciCountsMeetTheLimit) {
  std::vector<std::uint64_t> counts{1, 1};
  while (counts.size() < 60) counts.push_back(counts[counts.size() - 1] + counts[counts.size() - 2]);
  const HuffmanCode code = HuffmanCode::of_counts(counts);
  EXPECT_EQ(std::ranges::max(code.lengths()), HuffmanCode::kLongest);
  expect_round_trip(code, counts);
}

TEST(HuffmanCode, LargeAlphabetsRoundTrip) {
  std::vector<std::uint64_t> counts(HuffmanCode::kMaximumSymbols);
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = 1 + i % 7;
  const HuffmanCode code = HuffmanCode::of_counts(counts);
  EXPECT_EQ(code.bits(counts), least_bits(counts));
}

TEST(HuffmanCode, OrdersCodesOfOneLengthBySymbol) {
  const HuffmanCode code({2, 1, 0, 2});  // 10, 0, none, 11; the first bit comes first
  BitWriter out;
  for (const std::size_t symbol : {0U, 1U, 3U}) code.write(out, symbol);
  EXPECT_EQ(out.bytes(), std::vector<std::byte>{std::byte{0b11001}});
}

TEST(HuffmanCode, RefusesIncompleteAndOverfullLengths) {
  EXPECT_THROW(HuffmanCode({1, 2}), InvalidArgument);     // 3/4
  EXPECT_THROW(HuffmanCode({1, 1, 1}), InvalidArgument);  // 3/2
  EXPECT_THROW(HuffmanCode({0, 2}), InvalidArgument);     // a single one has one bit
  EXPECT_NO_THROW(HuffmanCode({0, 1}));
  EXPECT_NO_THROW(HuffmanCode({0, 0}));
  try {
    HuffmanCode({1, 2});
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("0.75"), std::string::npos);
  }
  const std::vector<std::uint64_t> counts(5, 1);
  EXPECT_THROW(HuffmanCode::of_counts(counts, 2), InvalidArgument);
  EXPECT_THROW(HuffmanCode::of_counts(counts, 25), InvalidArgument);
}

TEST(HuffmanCode, BitsThatAreNoCodeAreRefused) {
  const std::vector<std::byte> ones(8, std::byte{0xff});
  BitReader in(ones, "code");
  EXPECT_THROW(HuffmanCode({1}).read(in), FormatError);
  BitReader again(ones, "code");
  EXPECT_THROW(HuffmanCode().read(again), FormatError);
}

}  // namespace
}  // namespace condense::quantize
