#ifndef CONDENSE_GRAPH_REFERENCE_RESIZE_HPP
#define CONDENSE_GRAPH_REFERENCE_RESIZE_HPP

#include <cmath>

#include "condense/core/enum_names.hpp"
#include "condense/graph/reference/elementwise.hpp"
#include "condense/graph/reference/mapped_copy.hpp"

namespace condense::graph {

/// What stands between the elements of a resized axis: the nearest of them, a line, or a cubic.
enum class ResizeMode { nearest, linear, cubic };

/// Where an element of the resized axis is in the original one; see `reference::ResizedAxis::source`.
enum class CoordinateTransformation {
  half_pixel,
  half_pixel_symmetric,
  pytorch_half_pixel,
  align_corners,
  asymmetric,
  tf_half_pixel_for_nn,  ///< Of opset 11 alone.
  tf_crop_and_resize,
};

/// The element that a position between two of them takes.
enum class NearestMode { round_prefer_floor, round_prefer_ceil, floor, ceil };

}  // namespace condense::graph

template <>
inline constexpr std::pair<condense::graph::ResizeMode, std::string_view>
    condense::enum_names<condense::graph::ResizeMode>[] = {{graph::ResizeMode::nearest, "nearest"},
                                                           {graph::ResizeMode::linear, "linear"},
                                                           {graph::ResizeMode::cubic, "cubic"}};

template <>
inline constexpr std::pair<condense::graph::CoordinateTransformation, std::string_view>
    condense::enum_names<condense::graph::CoordinateTransformation>[] = {
        {graph::CoordinateTransformation::half_pixel, "half_pixel"},
        {graph::CoordinateTransformation::half_pixel_symmetric, "half_pixel_symmetric"},
        {graph::CoordinateTransformation::pytorch_half_pixel, "pytorch_half_pixel"},
        {graph::CoordinateTransformation::align_corners, "align_corners"},
        {graph::CoordinateTransformation::asymmetric, "asymmetric"},
        {graph::CoordinateTransformation::tf_half_pixel_for_nn, "tf_half_pixel_for_nn"},
        {graph::CoordinateTransformation::tf_crop_and_resize, "tf_crop_and_resize"}};

template <>
inline constexpr std::pair<condense::graph::NearestMode, std::string_view>
    condense::enum_names<condense::graph::NearestMode>[] = {
        {graph::NearestMode::round_prefer_floor, "round_prefer_floor"},
        {graph::NearestMode::round_prefer_ceil, "round_prefer_ceil"},
        {graph::NearestMode::floor, "floor"},
        {graph::NearestMode::ceil, "ceil"}};

namespace condense::graph::reference {

/// How one axis is resized.
struct ResizedAxis {
  Index input = 1;
  Index output = 1;
  double scale = 1;
  double length = 1;     ///< Of the result, `scale * input`: it may have a fraction, which `output` does not.
  double roi_begin = 0;  ///< The part of the original axis that tf_crop_and_resize takes, 0 and 1 its ends.
  double roi_end = 1;

  /// Whether every element of the result is the one of the original axis at its position.
  bool is_unchanged(CoordinateTransformation transformation) const noexcept {
    return input == output && scale == 1 && transformation != CoordinateTransformation::tf_half_pixel_for_nn &&
           (transformation != CoordinateTransformation::tf_crop_and_resize || (roi_begin == 0 && roi_end == 1));
  }

  /// Where position `position` of the result is in the original axis.
  double source(CoordinateTransformation transformation, Index position) const noexcept {
    const auto x = static_cast<double>(position);
    const auto last = static_cast<double>(input - 1);
    const double centred = (x + 0.5) / scale - 0.5;
    switch (transformation) {
      case CoordinateTransformation::half_pixel: return centred;
      case CoordinateTransformation::half_pixel_symmetric:
        return static_cast<double>(input) / 2 * (1 - static_cast<double>(output) / length) + centred;
      case CoordinateTransformation::pytorch_half_pixel: return length == 1 ? -0.5 : centred;
      case CoordinateTransformation::align_corners: return length == 1 ? 0 : x * last / (length - 1);
      case CoordinateTransformation::asymmetric: return x / scale;
      case CoordinateTransformation::tf_half_pixel_for_nn: return (x + 0.5) / scale;
      default:
        return length == 1 ? (roi_begin + roi_end) * last / 2
                           : roi_begin * last + x * (roi_end - roi_begin) * last / (length - 1);
    }
  }

  /// Whether a source position is outside the original axis in the sense of tf_crop_and_resize.
  bool is_outside(CoordinateTransformation transformation, double position) const noexcept {
    return transformation == CoordinateTransformation::tf_crop_and_resize &&
           !(position >= 0 && position <= static_cast<double>(input - 1));
  }

  /// The element of the original axis nearest to a position; beyond the ends the outermost one.
  Index clamped(double position) const noexcept {
    return static_cast<Index>(std::clamp(position, 0.0, static_cast<double>(input - 1)));
  }
};

/// The position as the given mode rounds it.
inline double round_position(NearestMode mode, double position) noexcept {
  switch (mode) {
    case NearestMode::round_prefer_floor: return std::ceil(position - 0.5);
    case NearestMode::round_prefer_ceil: return std::floor(position + 0.5);
    case NearestMode::floor: return std::floor(position);
    default: return std::ceil(position);
  }
}

/// For each position of a resized axis the nearest element of the original one, or kFill outside it.
inline std::vector<Index> nearest_map(const ResizedAxis& axis, CoordinateTransformation transformation,
                                      NearestMode mode) {
  std::vector<Index> map;
  for (Index i = 0; i < axis.output; ++i) {
    const double position = axis.source(transformation, i);
    map.push_back(axis.is_outside(transformation, position) ? kFill : axis.clamped(round_position(mode, position)));
  }
  return map;
}

/// The kernel of an interpolation at a distance from its element: the triangle, or the piecewise cubic with parameter a
/// (Keys, "Cubic convolution interpolation for digital image processing", IEEE TASSP 29, 1981, equation 8).
inline double interpolation_kernel(ResizeMode mode, double a, double distance) noexcept {
  const double x = std::abs(distance);
  if (mode == ResizeMode::linear) return std::max(0.0, 1 - x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

/// How elements of the original axis are weighted.
struct Interpolation {
  ResizeMode mode = ResizeMode::linear;  ///< Not nearest.
  CoordinateTransformation transformation = CoordinateTransformation::half_pixel;
  double cubic_coeff_a = -0.75;
  bool exclude_outside = false;  ///< Weights of elements beyond the ends are 0, and not those of the outermost ones.
  bool antialias = false;        ///< The kernel is stretched by 1 / scale where the axis becomes shorter.
};

/// The weights of a resized axis: its position i is the sum over k < taps of weights[i * taps + k] times the element
/// sources[i * taps + k]; a position outside the original axis has the source kFill.
template <class T>
struct Taps {
  Index taps = 0;
  std::vector<Index> sources;
  std::vector<T> weights;
};

template <class T>
Taps<T> interpolation_taps(const ResizedAxis& axis, const Interpolation& how) {
  const double stretch = how.antialias ? std::max(1.0, 1 / axis.scale) : 1.0;
  const double radius = how.mode == ResizeMode::linear ? stretch : 2 * stretch;
  require(radius <= 0x1p20, "it shrinks an axis of {} to {}, too much for a kernel without aliases", axis.input,
          axis.output);
  const auto reach = static_cast<Index>(std::ceil(radius));
  Taps<T> result;
  result.taps = 2 * reach;
  std::vector<double> weights(static_cast<std::size_t>(result.taps));
  for (Index i = 0; i < axis.output; ++i) {
    const double position = axis.source(how.transformation, i);
    const bool outside = axis.is_outside(how.transformation, position);
    const double first = std::floor(position) - static_cast<double>(reach - 1);
    double sum = 0;
    for (Index k = 0; k < result.taps; ++k) {
      const double source = first + static_cast<double>(k);
      const bool excluded = how.exclude_outside && !(source >= 0 && source < static_cast<double>(axis.input));
      double& weight = weights[static_cast<std::size_t>(k)];
      weight = excluded ? 0 : interpolation_kernel(how.mode, how.cubic_coeff_a, (position - source) / stretch);
      sum += weight;
      result.sources.push_back(outside ? kFill : axis.clamped(source));
    }
    for (const double weight : weights) result.weights.push_back(static_cast<T>(weight / sum));
  }
  return result;
}

/// Applies the taps to the middle axis of x (outer, input, inner): y (outer, output, inner). Positions outside become
/// `fill`.
template <class T>
void resize_axis(const Taps<T>& taps, Index input, Index output, Index outer, Index inner, const T* x, T fill, T* y,
                 const ThreadPool& pool) {
  const Index count = taps.taps;
  const Index row = inner == 1 ? output : inner;
  const Index rows = inner == 1 ? outer : outer * output;
  parallel_for(pool, rows, std::max<Index>(1, kElementwiseGrain / row), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      T* to = y + i * row;
      if (inner == 1) {
        const T* from = x + i * input;
        for (Index position = 0; position < output; ++position) {
          const Index* sources = taps.sources.data() + position * count;
          const T* weights = taps.weights.data() + position * count;
          T sum = 0;
          for (Index k = 0; *sources != kFill && k < count; ++k) sum += weights[k] * from[sources[k]];
          to[position] = *sources == kFill ? fill : sum;
        }
      } else {
        const Index position = i % output;
        const Index* sources = taps.sources.data() + position * count;
        const T* weights = taps.weights.data() + position * count;
        if (*sources == kFill) {
          std::fill_n(to, inner, fill);
          continue;
        }
        const T* plane = x + i / output * input * inner;
        for (Index k = 0; k < count; ++k) {
          const T* from = plane + sources[k] * inner;
          const T weight = weights[k];
          if (k == 0) {
            for (Index j = 0; j < inner; ++j) to[j] = weight * from[j];
          } else {
            for (Index j = 0; j < inner; ++j) to[j] += weight * from[j];
          }
        }
      }
    }
  });
}

}  // namespace condense::graph::reference

#endif
