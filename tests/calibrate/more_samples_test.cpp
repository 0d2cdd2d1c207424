// More samples never make the default worse, by more than 1.5 dB at 8 bits and 0.5 dB at 4. (A converter that clips at
// the extremes went from an accuracy of 0.85 to 0.50 when it was given more calibration data: TensorFlow issue 49927.)

#include <gtest/gtest.h>

#include <vector>

#include "calibrate/samples.hpp"
#include "condense/calibrate/calibrator.hpp"

namespace condense::calibrate {
namespace {

struct Distribution {
  const char* name;
  float (*draw)(Random&);
  double lost_by_min_max;  ///< dB at 4 bits, a lower bound.
};

void PrintTo(const Distribution& distribution, std::ostream* out) { *out << distribution.name; }

const Distribution kDistributions[] = {
    {"Laplace", [](Random& random) { return laplace(random); }, 3},
    {"Lognormal",
     [](Random& random) {
       const auto magnitude = static_cast<float>(std::exp(0.75 * static_cast<double>(random.normal())));
       return (random.bits() & 1U) != 0 ? magnitude : -magnitude;
     },
     6},
    {"GaussianWithRareOutliers",
     [](Random& random) { return random.normal() * (random.below(1'000'000) == 0 ? 30.0F : 1.0F); }, 2},
};

class MoreSamples : public testing::TestWithParam<Distribution> {
 protected:
  static constexpr std::size_t kMost = 1'000'000;

  static std::vector<float> rectified(std::uint64_t seed) {
    return samples(kMost, seed, [](Random& random) { return std::max(GetParam().draw(random), 0.0F); });
  }

  /// How far the SQNR on the held-out data, in dB, fell from its best so far as samples went from 100 to a million.
  static double largest_fall(const Configuration& configuration, const Target& target, const std::vector<float>& data,
                             const ExpectedError& held_out, double power) {
    Calibrator calibrator(configuration, target);
    double best = 0;
    double fall = 0;
    std::size_t seen = 0;
    for (const std::size_t count : {100U, 300U, 1'000U, 3'000U, 10'000U, 30'000U, 100'000U, 300'000U, 1'000'000U}) {
      calibrator.observe(std::span(data).subspan(seen, count - seen));
      seen = count;
      const double sqnr = 10 * std::log10(power / held_out(calibrator.range(), target));
      best = std::max(best, sqnr);
      fall = std::max(fall, best - sqnr);
    }
    return fall;
  }
};

INSTANTIATE_TEST_SUITE_P(Activations, MoreSamples, testing::ValuesIn(kDistributions),
                         [](const auto& distribution) { return distribution.param.name; });

TEST_P(MoreSamples, NeverMakeTheDefaultWorseByMoreThanTheirNoise) {
  const std::vector<float> data = rectified(1);
  Histogram unseen(Index{1} << 18);
  unseen.observe(rectified(2));
  const ExpectedError held_out(unseen);
  double power = 0;
  unseen.for_each_bin([&](const Histogram::Bin& bin) {
    power +=
        static_cast<double>(bin.count) * (bin.lower * bin.lower + bin.lower * bin.upper + bin.upper * bin.upper) / 3;
  });
  power /= held_out.count();
  // At 8 bits the best clip lies so far out that the one largest value of a million moves it.
  EXPECT_LT(largest_fall({}, {quantize::kInt8, false}, data, held_out, power), 1.5);
  EXPECT_LT(largest_fall({}, {quantize::kInt4, false}, data, held_out, power), 0.5);
  EXPECT_GT(largest_fall({.method = Method::min_max}, {quantize::kInt4, false}, data, held_out, power),
            GetParam().lost_by_min_max);
}

}  // namespace
}  // namespace condense::calibrate
