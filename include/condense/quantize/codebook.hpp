#ifndef CONDENSE_QUANTIZE_CODEBOOK_HPP
#define CONDENSE_QUANTIZE_CODEBOOK_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/quantize/affine.hpp"

namespace condense::quantize {

/// Levels of a non-uniform quantiser in units of its scale, and the thresholds between them. A code is the index of a
/// level, so codes are ordered as the reals that they stand for.
class Codebook {
 public:
  static constexpr std::size_t kMaximumLevels = 256;

  /// Levels are finite and strictly ascending, 2 to 256 of them. Every x takes the nearest level, which is the choice
  /// of the smallest error.
  explicit Codebook(std::vector<float> levels) : Codebook(std::move(levels), {}) {}

  /// `thresholds[i]`, within [levels[i], levels[i + 1]], divides what takes level i from what takes level i + 1.
  Codebook(std::vector<float> levels, std::vector<float> thresholds)
      : levels_(std::move(levels)), thresholds_(std::move(thresholds)) {
    require(levels_.size() >= 2 && levels_.size() <= kMaximumLevels, "a codebook has 2 to {} levels, not {}",
            kMaximumLevels, levels_.size());
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      require(std::isfinite(levels_[i]) && (i == 0 || levels_[i - 1] < levels_[i]),
              "level {} of a codebook is {}; levels are finite and each is above the one before", i, levels_[i]);
    }
    if (thresholds_.empty()) thresholds_ = midpoints();
    require(thresholds_.size() == levels_.size() - 1, "{} levels have {} thresholds between them, {} are given",
            levels_.size(), levels_.size() - 1, thresholds_.size());
    for (std::size_t i = 0; i < thresholds_.size(); ++i) {
      require(levels_[i] <= thresholds_[i] && thresholds_[i] <= levels_[i + 1],
              "threshold {} is {}, outside [{}, {}] between its levels", i, thresholds_[i], levels_[i], levels_[i + 1]);
    }
  }

  std::span<const float> levels() const noexcept { return levels_; }
  std::span<const float> thresholds() const noexcept { return thresholds_; }

  /// The largest magnitude of a level.
  float largest() const noexcept { return std::max(std::abs(levels_.front()), std::abs(levels_.back())); }

  /// Scale that maps the largest magnitude of the range to that of the levels; 1 for a range of zero width. A range
  /// with negative values is refused when all levels are >= 0.
  Affine parameters(Range range) const {
    detail::validate(range);
    require(range.min >= 0 || levels_.front() < 0,
            "the range [{}, {}] has negative values, levels without a sign cannot hold them", range.min, range.max);
    return {detail::usable_scale(static_cast<double>(absolute_maximum(range)) / static_cast<double>(largest())), 0};
  }

  /// Index of the level that x, in units of the scale, takes. A tie goes to the level further from 0, and 0 itself
  /// counts as positive; NaN takes the first level. Cost: a binary search.
  std::int32_t encode(float x) const noexcept {
    const auto first_above = x >= 0 ? std::upper_bound(thresholds_.begin(), thresholds_.end(), x)
                                    : std::lower_bound(thresholds_.begin(), thresholds_.end(), x);
    return static_cast<std::int32_t>(first_above - thresholds_.begin());
  }

  /// The level at an index that `encode` gave, in units of the scale.
  float decode(std::int32_t index) const noexcept { return levels_[static_cast<std::size_t>(index)]; }

 private:
  std::vector<float> midpoints() const {
    std::vector<float> result;
    result.reserve(levels_.size() - 1);
    for (std::size_t i = 0; i + 1 < levels_.size(); ++i) {
      result.push_back(static_cast<float>((static_cast<double>(levels_[i]) + static_cast<double>(levels_[i + 1])) / 2));
    }
    return result;
  }

  std::vector<float> levels_;
  std::vector<float> thresholds_;
};

/// The levels as int8 if every one of them is such an integer. Weights on these levels run exactly on int8 kernels,
/// whatever the scheme that made them.
inline std::optional<std::vector<std::int8_t>> integer_levels(std::span<const float> levels) {
  std::vector<std::int8_t> integers;
  integers.reserve(levels.size());
  for (const float level : levels) {
    if (!(level >= -128 && level <= 127) || level != std::trunc(level)) return std::nullopt;
    integers.push_back(static_cast<std::int8_t>(level));
  }
  return integers;
}

namespace detail {

/// Levels of a codebook from the ascending magnitudes of a scheme: units of the smallest positive one if all of them
/// are then int8, otherwise of the largest one; with both signs if `is_signed`. A magnitude of 0 comes first if at all.
/// Magnitudes are scaled by powers of two alone where the smallest one is such a power, so nothing is rounded twice.
inline std::vector<float> codebook_levels(std::span<const double> magnitudes, bool is_signed) {
  const double smallest = magnitudes[0] > 0 ? magnitudes[0] : magnitudes[1];
  const bool integral = std::ranges::all_of(magnitudes, [smallest](double magnitude) {
    const double level = magnitude / smallest;
    return level <= std::numeric_limits<std::int8_t>::max() && level == std::trunc(level);
  });
  const double unit = integral ? smallest : magnitudes.back();
  std::vector<float> levels;
  levels.reserve(2 * magnitudes.size());
  if (is_signed) {
    for (std::size_t i = magnitudes.size(); i-- > 0;) {
      if (magnitudes[i] > 0) levels.push_back(static_cast<float>(-magnitudes[i] / unit));
    }
  }
  for (const double magnitude : magnitudes) levels.push_back(static_cast<float>(magnitude / unit));
  return levels;
}

}  // namespace detail

}  // namespace condense::quantize

#endif
