#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "condense/core/random.hpp"

namespace condense {
namespace {

constexpr int kSamples = 1'000'000;

const std::vector<float>& sorted_samples() {
  static const std::vector<float> samples = [] {
    std::vector<float> values(kSamples);
    Random random(2024);
    for (float& value : values) value = random.normal();
    std::sort(values.begin(), values.end());
    return values;
  }();
  return samples;
}

double normal_distribution(double x) { return 0.5 * std::erfc(-x * std::sqrt(0.5)); }

double moment(int order) {
  double sum = 0;
  for (const float value : sorted_samples()) sum += std::pow(static_cast<double>(value), order);
  return sum / kSamples;
}

// The values below are those of an implementation in another language, written from the paper.

TEST(Normal, GivesThePinnedValues) {
  Random random(42);
  for (const std::uint32_t bits :
       {0xBFC1C7ADU, 0x3F9E2C11U, 0xBFDF1385U, 0xBE664746U, 0x3DB53464U, 0xBEF55F8BU, 0xBF79F8A7U, 0x3EBAC9FBU,
        0x400D474FU, 0xC0001D24U, 0xC00D3DF2U, 0xBF9AEF83U, 0x3F80634CU, 0xBECD3A78U, 0xBFCCA32CU, 0xBDC73234U}) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(random.normal()), bits);
  }
}

TEST(Normal, GivesThePinnedValuesOfAWideSeedAndStream) {
  Random random(0x123456789ABCDEF0, 0xFEDCBA9876543210);
  for (const std::uint32_t bits : {0xBEA7B2E4U, 0xBECA6940U, 0xBD88D117U, 0xBF1A2453U, 0x3F627600U, 0xBE92E58BU}) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(random.normal()), bits);
  }
}

TEST(Normal, GivesThePinnedHundredThousand) {
  Random random(7);
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a over words
  for (int i = 0; i < 100'000; ++i) hash = (hash ^ std::bit_cast<std::uint32_t>(random.normal())) * 0x100000001B3;
  EXPECT_EQ(hash, 0x45DB3D7829B9E528);
}

// Bounds are five standard deviations of the estimate: var(x^k) / n with E x^2 = 1, E x^4 = 3, E x^6 = 15, E x^8 = 105.

TEST(Normal, HasTheMomentsOfTheStandardNormalDistribution) {
  const double root = std::sqrt(static_cast<double>(kSamples));
  EXPECT_NEAR(moment(1), 0, 5 * std::sqrt(1.0) / root);
  EXPECT_NEAR(moment(2), 1, 5 * std::sqrt(3.0 - 1.0) / root);
  EXPECT_NEAR(moment(3), 0, 5 * std::sqrt(15.0) / root);
  EXPECT_NEAR(moment(4), 3, 5 * std::sqrt(105.0 - 9.0) / root);
}

TEST(Normal, HasTheTailsOfTheStandardNormalDistribution) {
  const std::vector<float>& samples = sorted_samples();
  for (const float bound : {0.5F, 1.0F, 2.0F, 3.0F, 4.0F}) {
    const double expected = normal_distribution(-static_cast<double>(bound)) * kSamples;
    const double tolerance = 5 * std::sqrt(expected);
    const auto below = std::lower_bound(samples.begin(), samples.end(), -bound) - samples.begin();
    const auto above = samples.end() - std::upper_bound(samples.begin(), samples.end(), bound);
    EXPECT_NEAR(static_cast<double>(below), expected, tolerance) << bound;
    EXPECT_NEAR(static_cast<double>(above), expected, tolerance) << bound;
  }
}

TEST(Normal, StaysWithinTheKolmogorovSmirnovBound) {
  const std::vector<float>& samples = sorted_samples();
  double distance = 0;
  for (int i = 0; i < kSamples; ++i) {
    const double expected = normal_distribution(samples[static_cast<std::size_t>(i)]);
    distance = std::max(
        {distance, expected - static_cast<double>(i) / kSamples, static_cast<double>(i + 1) / kSamples - expected});
  }
  EXPECT_LT(distance, 1.95 / std::sqrt(static_cast<double>(kSamples)));  // exceeded by one seed in a thousand
  EXPECT_GT(distance, 0.3 / std::sqrt(static_cast<double>(kSamples)));   // nor suspiciously even
}

TEST(Normal, SuccessiveValuesAreUncorrelated) {
  Random random(77);
  double sum = 0;
  float previous = random.normal();
  for (int i = 0; i < 200'000; ++i) {
    const float next = random.normal();
    sum += static_cast<double>(previous) * static_cast<double>(next);
    previous = next;
  }
  EXPECT_NEAR(sum / 200'000, 0, 5 / std::sqrt(200'000.0));
}

}  // namespace
}  // namespace condense
