#ifndef CONDENSE_QUANTIZE_DISTORTION_HPP
#define CONDENSE_QUANTIZE_DISTORTION_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "condense/core/error.hpp"
#include "condense/core/tensor.hpp"

namespace condense::quantize {

/// How far an approximation is from what it approximates, from sums that can be merged.
///
/// Sums are of doubles, in the order in which pairs are added. A difference is rounded to float32 first: its square is
/// then exact in double, and so are the products, so the sums are the same whether or not a compiler fuses products and
/// additions. `merge` adds sums: it equals adding both streams up to the rounding of those additions.
class Distortion {
 public:
  /// Adds one value and its approximation; both are finite.
  void add(float reference, float approximation) noexcept {
    const double x = reference;
    const double y = approximation;
    const double error = static_cast<float>(x - y);
    ++count_;
    signal_ += x * x;
    approximated_ += y * y;
    product_ += x * y;
    noise_ += error * error;
    maximum_error_ = std::max(maximum_error_, std::abs(static_cast<float>(error)));
  }

  void merge(const Distortion& other) noexcept {
    count_ += other.count_;
    signal_ += other.signal_;
    approximated_ += other.approximated_;
    product_ += other.product_;
    noise_ += other.noise_;
    maximum_error_ = std::max(maximum_error_, other.maximum_error_);
  }

  Index count() const noexcept { return count_; }

  /// Sum of (x - y)^2 / count. Throws if nothing was added.
  double mean_squared_error() const {
    require(count_ > 0, "nothing was measured; add values before asking for their mean squared error");
    return noise_ / static_cast<double>(count_);
  }

  /// Signal to quantisation noise ratio, 10 log10(sum of x^2 / sum of (x - y)^2), in decibels: 6.02 more for each bit
  /// of a uniform quantiser. +infinity without noise, even without a signal; -infinity for noise without a signal.
  /// Throws if nothing was added.
  double sqnr_decibels() const {
    require(count_ > 0, "nothing was measured; add values before asking for their noise ratio");
    if (noise_ == 0) return std::numeric_limits<double>::infinity();
    return 10 * std::log10(signal_ / noise_);
  }

  /// Sum of x y / sqrt(sum of x^2 * sum of y^2), in [-1, 1]. 1 if both are zero everywhere, 0 if one is. Throws if
  /// nothing was added.
  double cosine_similarity() const {
    require(count_ > 0, "nothing was measured; add values before asking for their cosine");
    if (signal_ == 0 && approximated_ == 0) return 1;
    if (signal_ == 0 || approximated_ == 0) return 0;
    return std::clamp(product_ / (std::sqrt(signal_) * std::sqrt(approximated_)), -1.0, 1.0);
  }

  /// Largest |x - y|, 0 if nothing was added.
  float maximum_absolute_error() const noexcept { return maximum_error_; }

 private:
  Index count_ = 0;
  double signal_ = 0;
  double approximated_ = 0;
  double product_ = 0;
  double noise_ = 0;
  float maximum_error_ = 0;
};

/// The distortion of an approximation, element by element in row-major order. Throws if shapes differ, the tensors are
/// empty, or a value is not finite, naming its index.
inline Distortion distortion(TensorRef<const float> reference, TensorRef<const float> approximation) {
  require(reference.shape() == approximation.shape(), "a tensor of shape {} cannot be compared with one of shape {}",
          reference.shape().to_string(), approximation.shape().to_string());
  require(reference.count() > 0, "tensors of shape {} have no values to compare", reference.shape().to_string());
  Distortion result;
  for (Index i = 0; i < reference.count(); ++i) {
    const float x = reference.data()[i];
    const float y = approximation.data()[i];
    require(std::isfinite(x) && std::isfinite(y), "element {} is {} in the reference and {} in the approximation", i, x,
            y);
    result.add(x, y);
  }
  return result;
}

}  // namespace condense::quantize

#endif
