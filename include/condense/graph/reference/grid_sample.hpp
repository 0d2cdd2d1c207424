#ifndef CONDENSE_GRAPH_REFERENCE_GRID_SAMPLE_HPP
#define CONDENSE_GRAPH_REFERENCE_GRID_SAMPLE_HPP

#include <array>
#include <cmath>

#include "condense/graph/reference/mapped_copy.hpp"
#include "condense/graph/reference/resize.hpp"

namespace condense::graph {

/// What stands between the pixels: the nearest of them, a line, or a cubic.
enum class GridMode { nearest, linear, cubic };

/// What is read outside the images: zeros, their edge, or their mirror image.
enum class GridPadding { zeros, border, reflection };

}  // namespace condense::graph

/// Of two names the second is that of opset 16.
template <>
inline constexpr std::pair<condense::graph::GridMode, std::string_view>
    condense::enum_names<condense::graph::GridMode>[] = {{graph::GridMode::nearest, "nearest"},
                                                         {graph::GridMode::linear, "linear"},
                                                         {graph::GridMode::linear, "bilinear"},
                                                         {graph::GridMode::cubic, "cubic"},
                                                         {graph::GridMode::cubic, "bicubic"}};

template <>
inline constexpr std::pair<condense::graph::GridPadding, std::string_view>
    condense::enum_names<condense::graph::GridPadding>[] = {{graph::GridPadding::zeros, "zeros"},
                                                            {graph::GridPadding::border, "border"},
                                                            {graph::GridPadding::reflection, "reflection"}};

namespace condense::graph::reference {

/// How a grid's positions are read.
struct GridSampling {
  GridMode mode = GridMode::linear;
  GridPadding padding = GridPadding::zeros;
  bool align_corners = false;  ///< -1 and 1 are the centres of the outermost pixels, otherwise their outer edges.
};

/// The elements of one axis that a position reads, up to four, and their weights; kFill reads 0.
struct GridTaps {
  int count = 0;
  std::array<Index, 4> sources{};
  std::array<double, 4> weights{};
};

/// The element of an axis, or kFill, that stands at an integer position, which may be outside.
inline Index padded_source(const GridSampling& how, Index extent, double position) noexcept {
  const auto last = static_cast<double>(extent - 1);
  if (position >= 0 && position <= last) return static_cast<Index>(position);
  if (how.padding == GridPadding::zeros) return kFill;
  if (how.padding == GridPadding::reflection) {
    // Mirrors at the ends, which are half a pixel outside unless the corners are aligned.
    const double margin = how.align_corners ? 0 : 0.5;
    const double span = last + 2 * margin;
    if (span > 0) {
      const double within = std::fmod(std::abs(position + margin), 2 * span);
      position = (within <= span ? within : 2 * span - within) - margin;
    }
  }
  return static_cast<Index>(std::clamp(position, 0.0, last));
}

/// What position `x` of a grid, where -1 and 1 are the ends of the axis, reads from an axis with at least one element.
/// A position that is not finite is one far before the first element. The cubic has the parameter -0.75.
inline GridTaps grid_taps(const GridSampling& how, Index extent, double x) noexcept {
  constexpr double kFar = 0x1p40;
  const auto length = static_cast<double>(extent);
  double position = how.align_corners ? (x + 1) / 2 * (length - 1) : ((x + 1) * length - 1) / 2;
  position = std::isfinite(position) ? std::clamp(position, -kFar, kFar) : -kFar;
  GridTaps taps;
  if (how.mode == GridMode::nearest) {
    const double below = std::floor(position);
    const double fraction = position - below;
    const bool up = fraction > 0.5 || (fraction == 0.5 && std::fmod(below, 2) != 0);  // ties to even
    taps.count = 1;
    taps.sources[0] = padded_source(how, extent, up ? below + 1 : below);
    taps.weights[0] = 1;
    return taps;
  }
  const ResizeMode kernel = how.mode == GridMode::linear ? ResizeMode::linear : ResizeMode::cubic;
  taps.count = how.mode == GridMode::linear ? 2 : 4;
  const double first = std::floor(position) - (taps.count / 2 - 1);
  for (int k = 0; k < taps.count; ++k) {
    const auto i = static_cast<std::size_t>(k);
    taps.sources[i] = padded_source(how, extent, first + k);
    taps.weights[i] = interpolation_kernel(kernel, -0.75, position - (first + k));
  }
  return taps;
}

/// The sum over the taps of all axes of the products of their weights and the element of `image` (its axes as in
/// `taps`, row-major) that they read.
template <class T>
T sample_taps(std::span<const GridTaps> taps, std::span<const Index> strides, const T* image) {
  if (taps.empty()) return *image;
  T sum = 0;
  for (int k = 0; k < taps.front().count; ++k) {
    const auto i = static_cast<std::size_t>(k);
    const Index source = taps.front().sources[i];
    if (source == kFill) continue;
    sum += static_cast<T>(taps.front().weights[i]) *
           sample_taps(taps.subspan(1), strides.subspan(1), image + source * strides.front());
  }
  return sum;
}

}  // namespace condense::graph::reference

#endif
