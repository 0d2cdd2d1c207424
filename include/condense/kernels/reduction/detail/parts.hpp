#ifndef CONDENSE_KERNELS_REDUCTION_DETAIL_PARTS_HPP
#define CONDENSE_KERNELS_REDUCTION_DETAIL_PARTS_HPP

#include <algorithm>
#include <limits>

#include "condense/kernels/reduction/reduction.hpp"

// What the versions of the reductions share.

namespace condense::kernels::detail {

inline constexpr Index kSumLanes = 32;   ///< Partial sums of a row.
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

/// Counts by blocks: `find(values, count, bins)` writes the bins of those of up to `kBinBlock` values that are not 0,
/// and returns how many there are. Up to 4 places behind them may be written.
template <class Find>
inline Index count_by_blocks(const BinCounting& b, const Find& find) noexcept {
  std::int32_t bins[kBinBlock + 4];
  Index zeros = 0;
  for (Index begin = 0; begin < b.count; begin += kBinBlock) {
    const Index size = std::min(kBinBlock, b.count - begin);
    const Index found = find(b.values + begin, size, bins);
    for (Index i = 0; i < found; ++i) ++b.counts[bins[i]];
    zeros += size - found;
  }
  return zeros;
}

/// How the bytes of four integers are shuffled so that those of a mask come first, and how many these are.
struct Packing {
  std::uint8_t bytes[16][16];
  std::uint8_t count[16];
};
inline constexpr Packing kPacking = [] {
  Packing packing{};
  for (unsigned mask = 0; mask < 16; ++mask) {
    for (unsigned lane = 0; lane < 4; ++lane) {
      if ((mask >> lane & 1U) == 0) continue;
      for (unsigned byte = 0; byte < 4; ++byte) {
        packing.bytes[mask][4U * packing.count[mask] + byte] = static_cast<std::uint8_t>(4 * lane + byte);
      }
      ++packing.count[mask];
    }
  }
  return packing;
}();

}  // namespace condense::kernels::detail

#endif
