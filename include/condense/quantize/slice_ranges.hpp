#ifndef CONDENSE_QUANTIZE_SLICE_RANGES_HPP
#define CONDENSE_QUANTIZE_SLICE_RANGES_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/core/tensor.hpp"
#include "condense/quantize/affine.hpp"
#include "condense/quantize/granularity.hpp"

namespace condense::quantize {

/// Smallest and largest value of each slice that has a scale of its own, in the order of `ScaleLayout`. Throws if the
/// tensor is empty or holds a NaN or an infinity, naming its index.
inline std::vector<Range> slice_ranges(TensorRef<const float> values, const Granularity& granularity = {}) {
  require(values.count() > 0, "a tensor of shape {} has no values to take a range of", values.shape().to_string());
  const ScaleLayout layout(values.shape(), granularity);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<Range> ranges(static_cast<std::size_t>(layout.scale_count()), Range{kInfinity, -kInfinity});
  layout.for_each([&, data = values.data()](Index element, Index slice) {
    const float x = data[element];
    require(std::isfinite(x), "element {} of a tensor of shape {} is {}; only finite values can be quantised", element,
            values.shape().to_string(), x);
    Range& range = ranges[static_cast<std::size_t>(slice)];
    range.min = std::min(range.min, x);
    range.max = std::max(range.max, x);
  });
  return ranges;
}

}  // namespace condense::quantize

#endif
