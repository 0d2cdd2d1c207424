#include "condense/calibrate/entropy.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <vector>

#include "calibrate/samples.hpp"
#include "support/throws.hpp"

namespace condense::calibrate {
namespace {

/// The published procedure on a window of counts, step by step: clip, quantise, expand, normalise, compare.
double divergence_by_definition(const std::vector<double>& counts, std::size_t begin, std::size_t end, int levels) {
  std::vector<double> kept(counts.begin() + static_cast<std::ptrdiff_t>(begin),
                           counts.begin() + static_cast<std::ptrdiff_t>(end));
  std::vector<double> reference = kept;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (i < begin) reference.front() += counts[i];
    if (i >= end) reference.back() += counts[i];
  }
  std::vector<double> expanded(kept.size());
  const std::size_t groups = static_cast<std::size_t>(levels);
  for (std::size_t j = 0; j < groups; ++j) {
    const std::size_t first = j * kept.size() / groups;
    const std::size_t last = (j + 1) * kept.size() / groups;
    double mass = 0;
    double occupied = 0;
    for (std::size_t i = first; i < last; ++i) {
      mass += kept[i];
      occupied += reference[i] > 0 ? 1 : 0;
    }
    for (std::size_t i = first; i < last; ++i) expanded[i] = reference[i] > 0 ? mass / occupied : 0;
  }
  const double reference_sum = std::accumulate(reference.begin(), reference.end(), 0.0);
  const double expanded_sum = std::accumulate(expanded.begin(), expanded.end(), 0.0);
  if (expanded_sum == 0) return std::numeric_limits<double>::infinity();
  double divergence = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    if (reference[i] == 0) continue;
    if (expanded[i] == 0) return std::numeric_limits<double>::infinity();
    const double p = reference[i] / reference_sum;
    divergence += p * std::log(p / (expanded[i] / expanded_sum));
  }
  return divergence;
}

std::vector<double> counts_of(const Histogram& histogram) {
  std::vector<double> counts;
  for (std::int32_t i = histogram.first_bin(); i <= histogram.last_bin(); ++i) {
    counts.push_back(static_cast<double>(histogram[i]));
  }
  return counts;
}

std::vector<double> magnitudes_of(const Histogram& histogram) {
  std::vector<double> counts(static_cast<std::size_t>(std::max(histogram.last_bin(), -1 - histogram.first_bin()) + 1));
  for (std::int32_t i = histogram.first_bin(); i <= histogram.last_bin(); ++i) {
    counts[static_cast<std::size_t>(i < 0 ? -1 - i : i)] += static_cast<double>(histogram[i]);
  }
  return counts;
}

TEST(ClippedDivergence, IsTheOneDefined) {
  Random random(1);
  for (const std::size_t count : {30U, 300U, 30'000U}) {  // sparse ones have empty groups
    Histogram histogram(256);
    histogram.observe(laplace_samples(count, count));
    const std::vector<double> counts = counts_of(histogram);
    const detail::ClippedDivergence divergence(histogram, false);
    int finite = 0;
    for (int round = 0; round < 1000; ++round) {
      const int levels = 2 + static_cast<int>(random.below(20));
      const std::size_t begin = random.below(static_cast<std::uint32_t>(counts.size()) - 22);
      const std::size_t least = begin + static_cast<std::size_t>(levels);
      const std::size_t end = least + random.below(static_cast<std::uint32_t>(counts.size() - least) + 1);
      const double expected = divergence_by_definition(counts, begin, end, levels);
      const double found = divergence(histogram.first_bin() + static_cast<std::int64_t>(begin),
                                      histogram.first_bin() + static_cast<std::int64_t>(end), levels);
      if (std::isinf(expected)) {
        EXPECT_EQ(found, expected);
      } else {
        EXPECT_NEAR(found, expected, 1e-10);
        ++finite;
      }
    }
    EXPECT_GT(finite, 100);
  }
}

TEST(EntropyObserver, FindsThePublishedThresholdOfMagnitudes) {
  for (const std::size_t count : {2'000U, 100'000U}) {
    EntropyObserver observer(Entropy{{quantize::kInt8, true}}, 1024);
    observer.observe(laplace_samples(count, 2));
    const std::vector<double> counts = magnitudes_of(observer.histogram());
    std::size_t best = counts.size();
    double least = divergence_by_definition(counts, 0, best, 128);
    for (std::size_t end = counts.size() - 1; end >= 128; --end) {
      const double divergence = divergence_by_definition(counts, 0, end, 128);
      if (divergence < least - 1e-12) {
        least = divergence;
        best = end;
      }
    }
    const float threshold = static_cast<float>((static_cast<double>(best) + 0.5) * observer.histogram().bin_width());
    const quantize::Range extent = observer.histogram().extent();
    EXPECT_EQ(observer.range(), (quantize::Range{std::max(extent.min, -threshold), std::min(extent.max, threshold)}));
  }
}

TEST(EntropyObserver, IsNoWorseThanTheWholeExtentAtBothEnds) {
  EntropyObserver observer(Entropy{{quantize::kInt4, false}}, 512);
  std::vector<float> values = normal_samples(50'000, 3);
  values[0] = 20;
  values[1] = -12;
  observer.observe(values);
  const Histogram& histogram = observer.histogram();
  const auto at = [&](float bound) { return std::lround(static_cast<double>(bound) / histogram.bin_width() - 0.5); };
  const detail::ClippedDivergence divergence(histogram, false);
  const quantize::Range range = observer.range();
  EXPECT_LT(range.max, 10);
  EXPECT_GT(range.min, -8);
  EXPECT_LT(divergence(at(range.min) + 1, at(range.max), 16),
            divergence(histogram.first_bin(), histogram.last_bin() + 1, 16));
}

TEST(EntropyObserver, GivesTheSameForMirroredData) {
  std::vector<float> values = activations(5'000, 4);
  const auto range_of = [](const std::vector<float>& data, bool symmetric) {
    EntropyObserver observer(Entropy{{quantize::kInt8, symmetric}});
    observer.observe(data);
    return observer.range();
  };
  const quantize::Range range = range_of(values, true);
  for (float& value : values) value = -value;
  const quantize::Range mirrored = range_of(values, true);
  EXPECT_EQ(mirrored.min, -range.max);
  EXPECT_EQ(mirrored.max, 0);
}

TEST(EntropyObserver, DoesNotDependOnTheNumberOfZeros) {
  std::vector<float> values = activations(20'000, 5);
  EntropyObserver few(Entropy{{quantize::kInt8, false}});
  few.observe(values);
  values.resize(values.size() * 4);  // by zeros
  EntropyObserver many(Entropy{{quantize::kInt8, false}});
  many.observe(values);
  EXPECT_EQ(few.range(), many.range());
}

TEST(EntropyObserver, DoesNotCollapseOnFewValues) {
  for (const Target target : {Target{quantize::kInt4, false}, Target{quantize::kInt4Narrow, true}}) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      EntropyObserver observer(Entropy{target});
      const std::vector<float> values = activations(100, seed);
      observer.observe(values);
      EXPECT_GE(observer.range().max, observer.histogram().extent().max / 16);
    }
  }
}

TEST(EntropyObserver, RefusesWhatItCannotSearch) {
  EXPECT_TRUE(throws<InvalidArgument>("512", [] { EntropyObserver observer(Entropy{{quantize::kInt8, false}}, 512); }));
  EXPECT_TRUE(throws<InvalidArgument>("binary", [] { EntropyObserver observer(Entropy{{quantize::kBinary, true}}); }));
  EntropyObserver observer(Entropy{{quantize::kUint8, true}});
  observer.observe(std::vector<float>{-1.5F, 2});
  EXPECT_TRUE(throws<InvalidArgument>("-1.5", [&] { observer.range(); }));
}

}  // namespace
}  // namespace condense::calibrate
