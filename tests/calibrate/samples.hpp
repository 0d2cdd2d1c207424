#ifndef CONDENSE_TESTS_CALIBRATE_SAMPLES_HPP
#define CONDENSE_TESTS_CALIBRATE_SAMPLES_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "condense/calibrate/target.hpp"
#include "condense/core/random.hpp"

namespace condense::calibrate {

inline float laplace(Random& random) {
  const double magnitude = -std::log(static_cast<double>(random.uniform()) + 0x1p-25);
  return static_cast<float>((random.bits() & 1U) != 0 ? magnitude : -magnitude);
}

/// `draw(random)`, `count` times.
template <class Draw>
std::vector<float> samples(std::size_t count, std::uint64_t seed, Draw&& draw) {
  Random random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = draw(random);
  return values;
}

inline std::vector<float> normal_samples(std::size_t count, std::uint64_t seed) {
  return samples(count, seed, [](Random& random) { return random.normal(); });
}
inline std::vector<float> laplace_samples(std::size_t count, std::uint64_t seed) {
  return samples(count, seed, laplace);
}
/// Laplace values after a ReLU.
inline std::vector<float> activations(std::size_t count, std::uint64_t seed) {
  return samples(count, seed, [](Random& random) { return std::max(laplace(random), 0.0F); });
}

/// The mean squared error of quantising `values` one by one.
inline double mean_squared_error(const std::vector<float>& values, quantize::Range range, const Target& target) {
  const quantize::Affine parameters = affine(range, target);
  double sum = 0;
  for (const float value : values) {
    const std::int32_t code = quantize::quantize_value(value, parameters, target.type);
    const double error = static_cast<double>(value) - static_cast<double>(quantize::dequantize_value(code, parameters));
    sum += error * error;
  }
  return sum / static_cast<double>(values.size());
}

}  // namespace condense::calibrate

#endif
