#ifndef CONDENSE_CALIBRATE_HISTOGRAM_HPP
#define CONDENSE_CALIBRATE_HISTOGRAM_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "condense/calibrate/observer.hpp"
#include "condense/core/error.hpp"
#include "condense/core/shape.hpp"

namespace condense::calibrate {

/// Counts of a stream of floats in a fixed number of bins that widen exactly.
///
/// Bin i covers [i 2^e, (i + 1) 2^e). Bins are aligned to 0, so when e grows by one the new bin floor(i / 2) holds
/// exactly the old bins i and i ^ 1, and nothing is ever split or interpolated. e is the smallest exponent such that
/// all values between the smallest and the largest seen fall into `bins` consecutive bins, and that 2^e is no finer
/// than the last bit of the largest magnitude (so |i| < 2^24). Both conditions only tighten as values arrive. The
/// histogram is therefore a function of the multiset of values alone: cut the stream, shuffle it, merge the parts, and
/// the result is equal bit for bit.
///
/// Between half and all of the bins span the observed extent, unless the floats themselves are coarser. Values equal to
/// 0 are counted apart and not in a bin: after ReLU or padding they are the most frequent value, and the one that a
/// quantiser represents exactly. The extent is exact.
///
/// Memory: 8 bytes a bin. Counts have 64 bits, which a value a nanosecond would fill in 584 years.
class Histogram {
 public:
  /// 32 KiB of counts, a level-1 data cache; so at least 2048 bins span the data, as many as TensorRT uses in all.
  static constexpr Index kDefaultBins = 4096;

  /// Values that lie in [lower, upper]; the outermost bins end at the smallest and the largest value seen.
  struct Bin {
    double lower;
    double upper;
    std::uint64_t count;
  };

  /// `bins` is a power of two, 16 to 2^22.
  explicit Histogram(Index bins = kDefaultBins) : counts_(checked(bins)) {}

  /// Throws if a value is not finite, and is then unchanged. Does not allocate.
  void observe(std::span<const float> values) {
    if (values.empty()) return;
    const quantize::Range extent = detail::finite_extent(values);
    cover(extent.min, extent.max);
    add(values);
  }

  /// Adds what `other` has seen. Throws unless it has as many bins. Does not allocate.
  void merge(const Histogram& other) {
    require(bins() == other.bins(), "a histogram of {} bins cannot be merged with one of {}", bins(), other.bins());
    if (other.empty()) return;
    cover(other.min_, other.max_);
    const int shift = std::min(exponent_ - other.exponent_, 31);
    const std::int32_t other_last = bin_of(other.max_, other.exponent_);
    for (std::int32_t i = other.first_; i <= other_last; ++i) at(i >> shift) += other.at(i);
    count_ += other.count_;
    zeros_ += other.zeros_;
  }

  Index bins() const noexcept { return static_cast<Index>(counts_.size()); }
  std::size_t bytes() const noexcept { return sizeof(*this) + counts_.size() * sizeof(std::uint64_t); }

  bool empty() const noexcept { return count_ == 0; }
  std::uint64_t count() const noexcept { return count_; }  ///< Values seen, zeros included.
  std::uint64_t zeros() const noexcept { return zeros_; }  ///< Values equal to 0.

  /// The smallest and the largest value seen. Throws if there is none.
  quantize::Range extent() const {
    detail::require_data(!empty());
    return {min_, max_};
  }

  int exponent() const noexcept { return exponent_; }
  double bin_width() const noexcept { return std::ldexp(1.0, exponent_); }

  /// The bins that the smallest and the largest value fall into. Only for a histogram that is not empty.
  std::int32_t first_bin() const noexcept { return first_; }
  std::int32_t last_bin() const noexcept { return bin_of(max_, exponent_); }

  /// Values in a bin, zeros left out; `first_bin() <= bin <= last_bin()`.
  std::uint64_t operator[](std::int32_t bin) const noexcept { return at(bin); }

  /// Calls `body(Bin)` for every bin that is not empty, in ascending order. No bin contains values of both signs.
  template <class Body>
  void for_each_bin(Body&& body) const {
    if (empty()) return;
    const double width = bin_width();
    const std::int32_t last = last_bin();
    for (std::int32_t i = first_; i <= last; ++i) {
      if (at(i) == 0) continue;
      body(Bin{std::max(i * width, static_cast<double>(min_)), std::min((i + 1) * width, static_cast<double>(max_)),
               at(i)});
    }
  }

  friend bool operator==(const Histogram&, const Histogram&) = default;

 private:
  static std::size_t checked(Index bins) {
    require(bins >= 16 && bins <= (Index{1} << 22) && std::has_single_bit(static_cast<std::size_t>(bins)),
            "a histogram has a power of two from 16 to 4194304 bins, not {}", bins);
    return static_cast<std::size_t>(bins);
  }

  /// Exact: the product with a power of two is, in double, for every float and every exponent in use.
  static std::int32_t bin_of(float value, int exponent) noexcept {
    return static_cast<std::int32_t>(std::floor(std::ldexp(static_cast<double>(value), -exponent)));
  }

  /// The exponent of the histogram of values whose extent is [min, max].
  static int exponent_for(float min, float max, Index bins) noexcept {
    constexpr int kSmallest = -149;  // of the smallest denormal
    const float magnitude = std::max(std::abs(min), std::abs(max));
    int exponent = magnitude > 0 ? std::max(std::ilogb(magnitude) - 23, kSmallest) : kSmallest;
    while (bin_of(max, exponent) - bin_of(min, exponent) >= bins) ++exponent;
    return exponent;
  }

  std::uint64_t& at(std::int32_t bin) noexcept { return counts_[static_cast<std::size_t>(bin - first_)]; }
  const std::uint64_t& at(std::int32_t bin) const noexcept { return counts_[static_cast<std::size_t>(bin - first_)]; }

  /// Makes room for values in [min, max] and takes them into the extent.
  void cover(float min, float max) noexcept {
    if (empty()) {
      exponent_ = exponent_for(min, max, bins());
      first_ = bin_of(min, exponent_);
      min_ = min;
      max_ = max;
      return;
    }
    if (min >= min_ && max <= max_) return;
    const float lower = std::min(min, min_);
    const float upper = std::max(max, max_);
    widen(exponent_for(lower, upper, bins()));
    shift_to(bin_of(lower, exponent_));
    min_ = lower;
    max_ = upper;
  }

  /// Joins bins, in place: a count never moves up.
  void widen(int exponent) noexcept {
    if (exponent == exponent_) return;
    const int shift = std::min(exponent - exponent_, 31);
    const std::int32_t last = bin_of(max_, exponent_);
    const std::int32_t first = first_ >> shift;
    for (std::int32_t i = first_; i <= last; ++i) {
      const std::uint64_t moved = std::exchange(at(i), 0);
      counts_[static_cast<std::size_t>((i >> shift) - first)] += moved;
    }
    exponent_ = exponent;
    first_ = first;
  }

  /// Makes `first` the first bin; it is at most the present one, and the last bin stays in the array.
  void shift_to(std::int32_t first) noexcept {
    const auto used = static_cast<std::ptrdiff_t>(bin_of(max_, exponent_) - first_ + 1);
    const auto distance = static_cast<std::ptrdiff_t>(first_ - first);
    if (distance == 0) return;
    std::move_backward(counts_.begin(), counts_.begin() + used, counts_.begin() + used + distance);
    std::fill(counts_.begin(), counts_.begin() + distance, 0);
    first_ = first;
  }

  /// Counts values of the extent. A block's bins are found first, so that this part can be vectorised.
  void add(std::span<const float> values) noexcept {
    constexpr std::size_t kBlock = 256;
    const double scale = std::ldexp(1.0, -exponent_);
    std::array<std::int32_t, kBlock> bin;
    std::uint64_t zeros = 0;
    for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
      const std::size_t size = std::min(kBlock, values.size() - begin);
      const float* const block = values.data() + begin;
      std::uint32_t block_zeros = 0;
      for (std::size_t i = 0; i < size; ++i) {
        const double position = static_cast<double>(block[i]) * scale;
        const auto truncated = static_cast<std::int32_t>(position);
        bin[i] = truncated - (static_cast<double>(truncated) > position ? 1 : 0) - first_;
        block_zeros += block[i] == 0 ? 1 : 0;
      }
      for (std::size_t i = 0; i < size; ++i) ++counts_[static_cast<std::size_t>(bin[i])];
      zeros += block_zeros;
    }
    if (zeros > 0) at(0) -= zeros;
    zeros_ += zeros;
    count_ += values.size();
  }

  std::vector<std::uint64_t> counts_;  // of the bins from first_ on
  int exponent_ = 0;
  std::int32_t first_ = 0;
  float min_ = 0;
  float max_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t zeros_ = 0;
};

}  // namespace condense::calibrate

#endif
