#ifndef CONDENSE_CALIBRATE_ANALYTIC_HPP
#define CONDENSE_CALIBRATE_ANALYTIC_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "condense/calibrate/histogram_observer.hpp"
#include "condense/calibrate/target.hpp"
#include "condense/core/error.hpp"

namespace condense::calibrate {

/// The distribution that values are taken to have.
enum class Prior { gaussian, laplace };

/// The clip at which clipping and rounding together have the least expected squared error, in units of the
/// distribution's scale (the standard deviation of a Gaussian, b of a Laplace distribution), when [-clip, clip] is cut
/// into 2^bits intervals. `bits` is 1 to 16.
///
/// It is the root of the derivative of the error, found by bisection to the last bit; the derivative rises throughout,
/// so the root is the only one. With z the clip and M the bits,
/// Laplace: 2 z / (3 4^M) = 2 exp(-z);
/// Gaussian: 2 z / (3 4^M) + 2 z (1 - erf(z / sqrt 2)) = 2 sqrt(2 / pi) exp(-z^2 / 2).
///
/// When a ReLU leaves the positive half and [0, clip] is cut into 2^M intervals, the error has the same derivative but
/// for a constant factor as [-clip, clip] cut into 2^(M + 1): pass one bit more.
///
/// R. Banner, Y. Nahshan, D. Soudry, "Post-training 4-bit quantization of convolution networks for rapid-deployment",
/// NeurIPS 2019, section 3 (ACIQ).
inline double clipping_multiplier(Prior prior, int bits) {
  require(bits >= 1 && bits <= 16, "analytic clipping is for 1 to 16 bits, not {}", bits);
  constexpr double kPi = 3.14159265358979323846;
  const auto derivative = [&](double z) {
    const double rounding = std::ldexp(2 * z / 3, -2 * bits);
    if (prior == Prior::laplace) return rounding - 2 * std::exp(-z);
    return rounding + 2 * z * std::erfc(z / std::sqrt(2.0)) - 2 * std::sqrt(2 / kPi) * std::exp(-z * z / 2);
  };
  double low = 0;
  double high = 64;
  for (double middle = 32; low < middle && middle < high; middle = low + (high - low) / 2) {
    (derivative(middle) < 0 ? low : high) = middle;
  }
  return high;
}

/// Analytic clipping for integer quantisation (ACIQ): the range that is best for a Gaussian or Laplace distribution
/// whose scale is estimated from the data, `clipping_multiplier` times that scale to each side. It asks for moments
/// only, so a few hundred values settle it, and it is as good as the prior is.
///
/// - Values of both signs, asymmetric target: to both sides of the mean, with the deviation from the mean.
/// - Symmetric target: to both sides of 0, with the deviation from 0.
/// - Values of one sign, as after ReLU: one side of 0. They are taken for the half of a distribution about 0 that the
///   rectifier let through, so the scale is that of the values that are not 0.
///
/// Moments are those of the histogram, values uniform within their bins. The range contains 0 and never reaches beyond
/// the observed extent (widened to contain 0).
struct Analytic {
  Prior prior = Prior::laplace;
  Target target;

  void validate(Index) const { calibrate::validate(target); }

  /// Two passes over the bins.
  quantize::Range range(const Histogram& histogram) const {
    const quantize::Range full = with_zero(histogram.extent());
    const bool one_sided = full.min == 0 || full.max == 0;
    require(!target.symmetric || target.type.is_signed || full.min == 0,
            "the values observed go down to {}, which {} with zero point 0 cannot hold; use a signed type or an "
            "asymmetric target",
            full.min, target.type.name());
    // A signed type with zero point 0 keeps half of its codes for the sign that is not there.
    const bool all_codes = one_sided && !(target.symmetric && target.type.is_signed);
    const double multiplier = clipping_multiplier(prior, target.type.bits + (all_codes ? 1 : 0));
    const double center = one_sided || target.symmetric ? 0 : mean(histogram);
    const double clip = multiplier * scale(histogram, center, one_sided);
    return {static_cast<float>(std::clamp(center - clip, static_cast<double>(full.min), 0.0)),
            static_cast<float>(std::clamp(center + clip, 0.0, static_cast<double>(full.max)))};
  }

  friend bool operator==(const Analytic&, const Analytic&) = default;

 private:
  static double mean(const Histogram& histogram) {
    double sum = 0;
    histogram.for_each_bin(
        [&](const Histogram::Bin& bin) { sum += static_cast<double>(bin.count) * (bin.lower + bin.upper) / 2; });
    return sum / static_cast<double>(histogram.count());
  }

  /// The maximum-likelihood scale about `center`: the root of the mean square, or the mean magnitude.
  double scale(const Histogram& histogram, double center, bool without_zeros) const {
    const std::uint64_t zeros = without_zeros ? 0 : histogram.zeros();
    double sum = static_cast<double>(zeros) * (prior == Prior::gaussian ? center * center : std::abs(center));
    auto count = static_cast<double>(zeros);
    histogram.for_each_bin([&](const Histogram::Bin& bin) {
      const double a = bin.lower - center;
      const double b = bin.upper - center;
      const double magnitude = a < 0 && b > 0 ? (a * a + b * b) / (2 * (b - a)) : std::abs(a + b) / 2;
      sum += static_cast<double>(bin.count) * (prior == Prior::gaussian ? (a * a + a * b + b * b) / 3 : magnitude);
      count += static_cast<double>(bin.count);
    });
    if (count == 0) return 0;
    return prior == Prior::gaussian ? std::sqrt(sum / count) : sum / count;
  }
};

using AnalyticObserver = HistogramObserver<Analytic>;

}  // namespace condense::calibrate

#endif
