#ifndef CONDENSE_CALIBRATE_OBSERVER_HPP
#define CONDENSE_CALIBRATE_OBSERVER_HPP

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>

#include "condense/core/error.hpp"
#include "condense/core/shape.hpp"
#include "condense/quantize/affine.hpp"

namespace condense::calibrate {

/// Something that sees data, keeps a bounded statistic of it, and yields a range.
///
/// - `observe(values)` takes one batch. A value that is NaN or infinite is an error that names its index, and
///   leaves the observer as it was. An empty batch changes nothing.
/// - `range()` throws `InvalidArgument` if nothing was observed.
/// - `bytes()` is the memory held: fixed at construction, however much is observed. Observing allocates nothing.
template <class T>
concept Observer = std::copyable<T> && requires(T observer, const T& constant, std::span<const float> values) {
  observer.observe(values);
  { constant.range() } -> std::same_as<quantize::Range>;
  { constant.bytes() } -> std::convertible_to<std::size_t>;
};

/// An observer whose statistic does not depend on the order of the data: after `a.merge(b)`, a equals (==, bit for bit)
/// an observer that saw both streams, cut and shuffled in any way. Merging observers of different settings throws.
template <class T>
concept MergeableObserver =
    Observer<T> && std::equality_comparable<T> && requires(T observer, const T& other) { observer.merge(other); };

namespace detail {

/// The smallest and the largest value, a zero always being +0. Throws if one is not finite. `values` is not empty.
inline quantize::Range finite_extent(std::span<const float> values) {
  const Eigen::Map<const Eigen::ArrayXf> array(values.data(), static_cast<Index>(values.size()));
  const float min = array.minCoeff<Eigen::PropagateNaN>();
  const float max = array.maxCoeff<Eigen::PropagateNaN>();
  if (!std::isfinite(min) || !std::isfinite(max)) [[unlikely]] {
    const auto found = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
    throw InvalidArgument(fmt::format("value {} of the {} observed is {}; calibration data must be finite",
                                      found - values.begin(), values.size(), *found));
  }
  return {min + 0.0F, max + 0.0F};
}

inline void require_data(bool seen) {
  require(seen, "nothing was observed, so there is no range (0 values); feed calibration data first");
}

}  // namespace detail

}  // namespace condense::calibrate

#endif
