#include "condense/core/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

namespace condense {
namespace {

using Block = std::array<std::uint32_t, 4>;

TEST(Philox, GivesTheKnownAnswersOfItsAuthors) {
  EXPECT_EQ(Random::philox({0, 0, 0, 0}, {0, 0}), (Block{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
  constexpr std::uint32_t kOnes = 0xFFFFFFFF;
  EXPECT_EQ(Random::philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Block{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}));
  EXPECT_EQ(Random::philox({0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}, {0xA4093822, 0x299F31D0}),
            (Block{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}));
}

TEST(Random, RunsThroughTheBlocksOfItsStream) {
  Random random(0x0123456789ABCDEF, 0xFEDCBA9876543210);
  for (std::uint32_t counter = 0; counter < 5; ++counter) {
    for (const std::uint32_t word : Random::philox({counter, 0, 0x76543210, 0xFEDCBA98}, {0x89ABCDEF, 0x01234567})) {
      EXPECT_EQ(random.bits(), word);
    }
  }
}

TEST(Random, GivesThePinnedBitsOfStreamThree) {
  Random random(42, 3);
  for (const std::uint32_t word : {0x0A51A6B2U, 0x72148A91U, 0xB918C659U, 0x99205BC7U, 0x85A8DF3CU, 0x1D91B19BU}) {
    EXPECT_EQ(random.bits(), word);
  }
}

TEST(Random, GivesOtherNumbersForOtherSeedsAndStreams) {
  std::set<std::uint32_t> seen;
  for (std::uint64_t seed = 0; seed < 32; ++seed) {
    for (std::uint64_t stream = 0; stream < 32; ++stream) {
      seen.insert(Random(seed, stream).bits());
      seen.insert(Random(seed << 32, stream << 32).bits());
    }
  }
  EXPECT_EQ(seen.size(), 2 * 32 * 32 - 1);  // (0, 0) occurs twice
}

TEST(Uniform, GivesThePinnedValues) {
  Random random(42);
  for (const std::uint32_t bits : {0x3F1CEAF0U, 0x3EEFEA92U, 0x3D95FA80U, 0x3EAE8566U, 0x3F7CDB21U, 0x3EA774D8U}) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(random.uniform()), bits);
  }
}

TEST(Uniform, FillsEveryTwentiethOfTheUnitIntervalAlike) {
  constexpr int kSamples = 200'000;
  std::array<int, 20> counts{};
  Random random(3);
  for (int i = 0; i < kSamples; ++i) {
    const float value = random.uniform();
    ASSERT_GE(value, 0.0F);
    ASSERT_LT(value, 1.0F);
    ++counts[static_cast<std::size_t>(value * 20)];
  }
  double chi_squared = 0;
  for (const int count : counts) chi_squared += std::pow(count - kSamples / 20.0, 2) / (kSamples / 20.0);
  EXPECT_LT(chi_squared, 43.8);  // the 99.9 % quantile for 19 degrees of freedom
  EXPECT_GT(chi_squared, 5.4);   // the 0.1 % quantile
}

TEST(Uniform, StaysBelowTheUpperBoundWhereRoundingWouldReachIt) {
  Random random(5);
  for (int i = 0; i < 100'000; ++i) {
    const float near = random.uniform(16777215.0F, 16777216.0F);
    ASSERT_EQ(near, 16777215.0F);
    const float value = random.uniform(-0.1F, 3.0F);
    ASSERT_GE(value, -0.1F);
    ASSERT_LT(value, 3.0F);
  }
}

TEST(Uniform, OnAnIntervalIsRoundedOnceFromTheExactProduct) {
  Random random(9);
  Random same(9);
  for (int i = 0; i < 100'000; ++i) {
    const double unit = static_cast<double>(same.uniform());
    const auto expected = static_cast<float>(std::fma(static_cast<double>(0.7F - -0.3F), unit, -0.3F));
    ASSERT_EQ(random.uniform(-0.3F, 0.7F), std::min(expected, std::nextafter(0.7F, 0.0F)));
  }
}

TEST(Below, GivesThePinnedValues) {
  Random random(42);
  for (const std::uint32_t value : {6U, 4U, 0U, 3U, 9U, 3U, 5U, 4U, 8U, 6U, 6U, 7U}) {
    EXPECT_EQ(random.below(10), value);
  }
}

TEST(Below, GivesEveryValueAlike) {
  for (const std::uint32_t bound : {1U, 2U, 3U, 7U, 10U, 64U}) {
    std::vector<int> counts(bound);
    Random random(bound);
    constexpr int kPerValue = 10'000;
    for (std::uint32_t i = 0; i < kPerValue * bound; ++i) ++counts[random.below(bound)];
    for (const int count : counts) EXPECT_NEAR(count, kPerValue, 450) << bound;  // 4.5 standard deviations
  }
}

TEST(Below, IsWithoutBiasWhereTheRemainderIsLargest) {
  // 2^32 mod (3 * 2^30) is a quarter of all words; taken as they come they would give the multiples of 3 twice as
  // often.
  constexpr std::uint32_t kBound = 3U << 30;
  constexpr int kSamples = 90'000;
  std::array<int, 3> counts{};
  Random random(11);
  for (int i = 0; i < kSamples; ++i) {
    const std::uint32_t value = random.below(kBound);
    ASSERT_LT(value, kBound);
    ++counts[value % 3];
  }
  for (const int count : counts) EXPECT_NEAR(count, kSamples / 3, 640);  // 4.5 standard deviations
}

TEST(Shuffle, GivesThePinnedOrder) {
  std::array<int, 10> items;
  std::iota(items.begin(), items.end(), 0);
  Random(42).shuffle(std::span<int>(items));
  EXPECT_EQ(items, (std::array<int, 10>{7, 3, 8, 9, 1, 5, 2, 0, 4, 6}));
}

TEST(Shuffle, GivesEveryOrderAlike) {
  std::array<int, 24> counts{};
  Random random(13);
  for (int i = 0; i < 24 * 2'000; ++i) {
    std::array<int, 4> items{0, 1, 2, 3};
    random.shuffle(std::span<int>(items));
    std::size_t rank = 0;  // of the permutation, in the factorial number system
    for (std::size_t a = 0; a < 4; ++a) {
      const auto later = std::count_if(items.begin() + static_cast<std::ptrdiff_t>(a), items.end(),
                                       [&](int item) { return item < items[a]; });
      rank = rank * (4 - a) + static_cast<std::size_t>(later);
    }
    ++counts[rank];
  }
  for (const int count : counts) EXPECT_NEAR(count, 2'000, 200);  // 4.5 standard deviations
}

TEST(Shuffle, LeavesNothingAndOneItemAlone) {
  std::vector<int> none;
  std::vector<int> one{5};
  Random random(1);
  random.shuffle(std::span<int>(none));
  random.shuffle(std::span<int>(one));
  EXPECT_EQ(one, std::vector<int>{5});
}

}  // namespace
}  // namespace condense
