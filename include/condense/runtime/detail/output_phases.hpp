#ifndef CONDENSE_RUNTIME_DETAIL_OUTPUT_PHASES_HPP
#define CONDENSE_RUNTIME_DETAIL_OUTPUT_PHASES_HPP

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/graph/window.hpp"

namespace condense::runtime::detail {

/// Every `stride`-th position of the result of a transposed convolution along an axis: they all take the same taps of
/// the kernel, from neighbouring positions of the input.
struct AxisPhase {
  Index first = 0;  ///< Position in the result; the others follow at a distance of the stride.
  Index count = 0;
  std::vector<Index> taps = {};     ///< Of the kernel.
  std::vector<Index> sources = {};  ///< For each tap the position in the input that the first one takes it from; the
                                    ///< next one takes it from the next. Outside the input there is nothing.

  bool reads_the_same(const AxisPhase& other) const noexcept {
    return count == other.count && sources == other.sources;
  }
};

/// The phases of a transposed convolution along an axis, one for each step of its stride: position o of the result gets
/// tap k from position i of the input where o = i * stride - pad_begin + k * dilation. `axis` is that of the
/// convolution whose transpose it is, from the result to the input.
///
/// So a transposed convolution is `stride` ordinary ones with a part of the kernel each, whose results interleave (Shi
/// et al., "Is the deconvolution layer the same as a convolutional layer?", 2016, section 3).
inline std::vector<AxisPhase> axis_phases(const graph::WindowAxis& axis) {
  std::vector<AxisPhase> phases;
  for (Index first = 0; first < std::min(axis.stride, axis.input); ++first) {
    AxisPhase phase{.first = first, .count = (axis.input - first + axis.stride - 1) / axis.stride};
    for (Index tap = 0; tap < axis.kernel; ++tap) {
      const Index distance = first + axis.pad_begin - tap * axis.dilation;
      if (distance % axis.stride != 0) continue;
      phase.taps.push_back(tap);
      phase.sources.push_back(distance / axis.stride);
    }
    phases.push_back(std::move(phase));
  }
  return phases;
}

/// Extents of a transposed convolution over images, channels last: of the weights (groups * in, out, height, width).
struct TransposedExtents {
  Index groups = 1;
  Index in = 0;   ///< Channels of one group.
  Index out = 0;  ///< Of one group.

  bool is_depthwise() const noexcept { return groups > 1 && in == 1 && out == 1; }
};

/// One of the products that make up a transposed convolution: rows of `taps` pieces of `in` channels, times columns
/// (group, line, position, out) for `positions` neighbours in each of `joined_lines` neighbouring lines of the result.
struct OutputPhase {
  Index first = 0;  ///< Element of an image of the result where row 0 goes.
  Index lines = 0;  ///< Rows are (lines x line_rows).
  Index line_rows = 0;
  Index line_stride = 0;  ///< Elements from one line to the next, and from one row of a line to the next.
  Index row_stride = 0;
  Index positions = 1;  ///< More than one only without groups.
  Index joined_lines = 1;
  Index taps = 0;
  std::vector<std::int32_t> offsets = {};  ///< (rows x taps) into an image; -1 outside. Empty if rows lie in line,
                                           ///< unless it is depthwise.
  std::vector<Index> weights = {};         ///< Element of the weights for each (group, position, out, tap, in).
};

/// The most columns of a product that joins lines: kernels take as long for one as for 16.
inline constexpr Index kFewColumns = 16;

/// The products whose results, together, are those of a transposed convolution; `window` is a planar one, that of the
/// convolution whose transpose it is. Phases of a line that read the same elements, as where a kernel is as long as its
/// stride, are the columns of one product, and so are those of several lines if these are few columns.
///
/// A phase that gets no tap of the kernel, with a stride beyond its reach, has one that is outside for all rows.
inline std::vector<OutputPhase> output_phases(const graph::Window& window, const TransposedExtents& extents) {
  const graph::WindowAxis& height = window.height;
  const graph::WindowAxis& width = window.width;
  const Index channels = extents.groups * extents.in;
  const Index all_out = extents.groups * extents.out;
  const std::vector<AxisPhase> lines = axis_phases(height);
  const std::vector<AxisPhase> columns = axis_phases(width);
  const auto are_alike = [](const std::vector<AxisPhase>& all) {
    return std::ranges::all_of(all, [&](const AxisPhase& phase) { return phase.reads_the_same(all.front()); });
  };
  const bool joins = extents.groups == 1 && are_alike(columns);
  const auto positions = joins ? columns.size() : std::size_t{1};
  const auto all_columns = static_cast<Index>(lines.size() * columns.size()) * extents.out;
  const bool joins_lines = joins && lines.size() > 1 && are_alike(lines) && all_columns <= kFewColumns;
  const auto joined = joins_lines ? lines.size() : std::size_t{1};

  std::vector<OutputPhase> phases;
  for (std::size_t first_line = 0; first_line < lines.size(); first_line += joined) {
    const AxisPhase& y = lines[first_line];
    for (std::size_t first = 0; first < columns.size(); first += positions) {
      const AxisPhase& x = columns[first];
      const bool is_empty = y.taps.empty() || x.taps.empty();
      OutputPhase phase{.first = (y.first * width.input + x.first) * all_out,
                        .lines = y.count,
                        .line_rows = x.count,
                        .line_stride = height.stride * width.input * all_out,
                        .row_stride = width.stride * all_out,
                        .positions = static_cast<Index>(positions),
                        .joined_lines = static_cast<Index>(joined),
                        .taps = is_empty ? 1 : static_cast<Index>(y.taps.size() * x.taps.size())};
      for (Index group = 0; group < extents.groups; ++group) {
        for (std::size_t column = 0; column < joined * positions; ++column) {
          const AxisPhase& line = lines[first_line + column / positions];
          const AxisPhase& position = columns[first + column % positions];
          for (Index out = 0; out < extents.out; ++out) {
            const auto add_tap = [&](Index i, Index j) {
              for (Index in = 0; in < extents.in; ++in) {
                const Index filter = (group * extents.in + in) * extents.out + out;
                phase.weights.push_back((filter * height.kernel + i) * width.kernel + j);
              }
            };
            if (is_empty) add_tap(0, 0);
            for (const Index i : line.taps) {
              for (const Index j : position.taps) add_tap(i, j);
            }
          }
        }
      }
      const bool in_line = !extents.is_depthwise() && phase.taps == 1 && !is_empty && y.sources[0] == 0 &&
                           x.sources[0] == 0 && y.count <= height.output && x.count == width.output;
      for (Index row = 0; !in_line && row < y.count * x.count; ++row) {
        if (is_empty) phase.offsets.push_back(-1);
        for (std::size_t i = 0; !is_empty && i < y.taps.size(); ++i) {
          for (const Index source : x.sources) {
            const Index line = y.sources[i] + row / x.count;
            const Index column = source + row % x.count;
            const bool inside = line >= 0 && line < height.output && column >= 0 && column < width.output;
            phase.offsets.push_back(inside ? static_cast<std::int32_t>((line * width.output + column) * channels) : -1);
          }
        }
      }
      phases.push_back(std::move(phase));
    }
  }
  return phases;
}

}  // namespace condense::runtime::detail

#endif
