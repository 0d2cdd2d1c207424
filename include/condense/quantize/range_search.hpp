#ifndef CONDENSE_QUANTIZE_RANGE_SEARCH_HPP
#define CONDENSE_QUANTIZE_RANGE_SEARCH_HPP

#include <cstddef>
#include <span>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/core/tensor.hpp"
#include "condense/quantize/granularity.hpp"
#include "condense/quantize/scheme.hpp"
#include "condense/quantize/slice_ranges.hpp"

namespace condense::quantize {

struct RangeSearch {
  int steps = 100;  ///< Factors tried, i / steps for i = steps .. 1; >= 1.
};

/// For each slice, the range [f min, f max] of least mean squared error after quantisation, among the factors f = 1,
/// (steps - 1) / steps, ..., 1 / steps. What lies outside is clipped: the few large values lose a little where the many
/// small ones gain a finer scale. Of equals the widest range is taken, and since f = 1 is among them the error is never
/// above that of min-max. Binary and coarse types need it: the best binary scale is the mean of |x|, not the maximum.
///
/// Meant for weights, which are all at hand; calibrators do the same for activations from a histogram. Cost: the tensor
/// is quantised `steps` times. Throws as `slice_ranges` does.
/// Reference: the minimisation is the one that Banner, Nahshan, Soudry, "Post training 4-bit quantization of
/// convolutional networks for rapid-deployment", NeurIPS 2019, section 3, solve analytically for Gaussian and Laplace
/// values; here it is searched on the values themselves.
template <Scheme S>
std::vector<Range> mean_squared_error_ranges(TensorRef<const float> values, const S& scheme,
                                             const Granularity& granularity = {}, const RangeSearch& search = {}) {
  require(search.steps >= 1, "a range search tries 1 factor or more, not {}", search.steps);
  const std::vector<Range> full = slice_ranges(values, granularity);
  const ScaleLayout layout(values.shape(), granularity);
  std::vector<Range> best = full;
  std::vector<double> best_noise;
  std::vector<double> noise(full.size());
  std::vector<Range> ranges(full.size());
  std::vector<Affine> affines(full.size());
  for (int step = search.steps; step >= 1; --step) {
    const float factor = static_cast<float>(step) / static_cast<float>(search.steps);
    for (std::size_t i = 0; i < full.size(); ++i) {
      ranges[i] = {full[i].min * factor, full[i].max * factor};
      affines[i] = scheme.parameters(ranges[i]);
      noise[i] = 0;
    }
    layout.for_each([&, data = values.data()](Index element, Index slice) {
      const auto i = static_cast<std::size_t>(slice);
      const double x = data[element];
      // As in Distortion, the square of a float32 is exact in double, so that all platforms choose the same range.
      const double error = static_cast<float>(
          x - static_cast<double>(scheme.decode(scheme.encode(data[element], affines[i]), affines[i])));
      noise[i] += error * error;
    });
    if (best_noise.empty()) best_noise = noise;
    for (std::size_t i = 0; i < full.size(); ++i) {
      if (noise[i] < best_noise[i]) {
        best_noise[i] = noise[i];
        best[i] = ranges[i];
      }
    }
  }
  return best;
}

/// The same for values that share one scale.
template <Scheme S>
Range mean_squared_error_range(TensorRef<const float> values, const S& scheme, const RangeSearch& search = {}) {
  return mean_squared_error_ranges(values, scheme, Granularity::per_tensor(), search).front();
}

}  // namespace condense::quantize

#endif
