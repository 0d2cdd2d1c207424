#ifndef CONDENSE_KERNELS_REDUCTION_DETAIL_PARTS_HPP
#define CONDENSE_KERNELS_REDUCTION_DETAIL_PARTS_HPP

#include <algorithm>
#include <limits>

#include "condense/kernels/reduction/reduction.hpp"

// What the versions of the reductions share.

namespace condense::kernels::detail {

inline constexpr Index kSumLanes = 32;  ///< Partial sums of a row.
inline constexpr Index kBinBlock = 512;  ///< Values whose bins are found before they are counted: 2 KiB of them.

/// Takes one value into an extent whose `min` alone remembers a NaN.
inline void widen(float& min, float& max, float value) noexcept {
  min = value < min || value != value ? value : min;
  max = value > max ? value : max;
}

/// The extent as it is reported, from one whose `min` alone need remember a NaN.
inline Extent finished(Extent extent) noexcept {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  return extent.min != extent.min ? Extent{kNan, kNan} : Extent{extent.min + 0.0F, extent.max + 0.0F};
}

/// The same for `count` extents.
inline void finish(Index count, float* minima, float* maxima) noexcept {
  for (Index i = 0; i < count; ++i) {
    const Extent extent = finished({minima[i], maxima[i]});
    minima[i] = extent.min;
    maxima[i] = extent.max;
  }
}

/// The sum of the partial sums, halves onto halves.
inline double folded(double (&sums)[kSumLanes]) noexcept {
  for (Index half = kSumLanes / 2; half > 0; half /= 2) {
    for (Index l = 0; l < half; ++l) sums[l] += sums[l + half];
  }
  return sums[0];
}

/// Counts by blocks: `find(values, count, bins)` writes the bins of up to `kBinBlock` values and returns how many of
/// them are 0.
template <class Find>
inline Index count_by_blocks(const BinCounting& b, const Find& find) noexcept {
  std::int32_t bins[kBinBlock];
  Index zeros = 0;
  for (Index begin = 0; begin < b.count; begin += kBinBlock) {
    const Index size = std::min(kBinBlock, b.count - begin);
    zeros += find(b.values + begin, size, bins);
    for (Index i = 0; i < size; ++i) ++b.counts[bins[i]];
  }
  return zeros;
}

}  // namespace condense::kernels::detail

#endif
