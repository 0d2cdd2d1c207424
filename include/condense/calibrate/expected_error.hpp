#ifndef CONDENSE_CALIBRATE_EXPECTED_ERROR_HPP
#define CONDENSE_CALIBRATE_EXPECTED_ERROR_HPP

#include <algorithm>
#include <cstdint>
#include <vector>

#include "condense/calibrate/histogram.hpp"
#include "condense/calibrate/target.hpp"

namespace condense::calibrate {

/// The mean squared error of quantising what a histogram has seen, for one quantiser after another.
///
/// The model: values are uniform within their bin, zeros are 0. In the model the integral is exact, clipping included.
/// For levels g_k = g_0 + k s, k = 0..n, and u = (x - g_0) / s, an antiderivative of the squared error (x - Q(x))^2 is
/// s^3 (k / 12 + d^3 / 3) with k = clamp(round(u), 0, n) and d = u - k, for every x.
///
/// The data lie elsewhere in their bins than the model says, which changes the root mean square by at most one bin
/// width.
class ExpectedError {
 public:
  explicit ExpectedError(const Histogram& histogram)
      : count_(static_cast<double>(histogram.count())), zeros_(static_cast<double>(histogram.zeros())) {
    histogram.for_each_bin([&](const Histogram::Bin& bin) { bins_.push_back(bin); });
  }

  /// Mean of (x - x')^2; 0 if nothing was seen. Some 5 ns for each bin that is not empty.
  double operator()(const quantize::Affine& affine, const quantize::IntegerType& type) const noexcept {
    if (count_ == 0) return 0;
    const double scale = affine.scale;
    const double step = type.is_binary() ? 2 * scale : scale;
    const double last = type.is_binary() ? 1 : type.highest() - type.lowest();
    const double lowest = (type.lowest() - affine.zero_point) * scale;
    const double inverse = 1 / step;
    double sum = 0;
    for (const Histogram::Bin& bin : bins_) {
      const double from = (bin.lower - lowest) * inverse;
      const double to = (bin.upper - lowest) * inverse;
      const double from_level = nearest_level(from, last);
      const double to_level = nearest_level(to, last);
      const double a = from - from_level;
      const double b = to - to_level;
      const double mean = from_level == to_level
                              ? (a * a + a * b + b * b) / 3
                              : ((to_level - from_level) / 12 + (b * b * b - a * a * a) / 3) / (to - from);
      sum += static_cast<double>(bin.count) * mean;
    }
    const double zero = -lowest * inverse - nearest_level(-lowest * inverse, last);
    return (sum + zeros_ * zero * zero) * step * step / count_;
  }

  /// The error of the quantiser that a range gives.
  double operator()(quantize::Range range, const Target& target) const {
    return (*this)(affine(range, target), target.type);
  }

  double count() const noexcept { return count_; }  ///< Values seen.

 private:
  static double nearest_level(double u, double last) noexcept {
    return static_cast<double>(static_cast<std::int32_t>(std::clamp(u, 0.0, last) + 0.5));
  }

  std::vector<Histogram::Bin> bins_;
  double count_;
  double zeros_;
};

}  // namespace condense::calibrate

#endif
