#ifndef CONDENSE_GRAPH_REFERENCE_IM2COL_HPP
#define CONDENSE_GRAPH_REFERENCE_IM2COL_HPP

#include <algorithm>

#include "condense/graph/window.hpp"

namespace condense::graph::reference {

/// Half-open interval of indices; empty if end <= begin.
struct Interval {
  Index begin = 0;
  Index end = 0;
};

/// The output positions at which tap `tap` of a window lies inside the input, not in the padding.
inline Interval positions_inside(const WindowAxis& axis, Index tap) noexcept {
  const Index offset = tap * axis.dilation - axis.pad_begin;  // the source of position 0
  const Index begin = offset >= 0 ? 0 : (-offset + axis.stride - 1) / axis.stride;
  const Index end = offset >= axis.input ? 0 : (axis.input - 1 - offset) / axis.stride + 1;
  return {std::min(begin, axis.output), std::min(end, axis.output)};
}

/// Calls `body(source_row, begin, end, source_column)` for every channel, tap and output row [first_row, first_row +
/// rows) of a window, in this order: the positions [begin, end) of the row see pixels of row `source_row` of all rows
/// of the channels, from `source_column` on, width.stride apart; the other positions see padding. Rows are counted
/// through the planes of a volume.
template <class Body>
void for_each_window_row(Index channels, const Window& window, Index first_row, Index rows, Body&& body) {
  const auto& [depth, height, width] = window;
  for (Index channel = 0; channel < channels; ++channel) {
    for (Index z = 0; z < depth.kernel; ++z) {
      for (Index y = 0; y < height.kernel; ++y) {
        for (Index x = 0; x < width.kernel; ++x) {
          const Interval inside = positions_inside(width, x);
          const Index first_column = width.source(inside.begin, x);
          Index plane = height.output == 0 ? 0 : first_row / height.output;
          Index row = first_row - plane * height.output;
          for (Index i = 0; i < rows; ++i, ++row) {
            if (row == height.output) {
              row = 0;
              ++plane;
            }
            const Index source_plane = depth.source(plane, z);
            const Index source_row = height.source(row, y);
            if (source_plane < 0 || source_plane >= depth.input || source_row < 0 || source_row >= height.input ||
                inside.begin >= inside.end) {
              body(Index{0}, Index{0}, Index{0}, Index{0});
            } else {
              body((channel * depth.input + source_plane) * height.input + source_row, inside.begin, inside.end,
                   first_column);
            }
          }
        }
      }
    }
  }
}

/// Unfolds the windows of one image (channels, depth, height, width) into a matrix: columns
/// (channels * taps x rows * width.output) holds in row (channel, tap) and column (row - first_row, position) the pixel
/// that this tap sees there, 0 in the padding. Covers the output rows [first_row, first_row + rows) of window.rows().
///
/// With the weights (out x channels * taps) as a matrix, weights * columns is the convolution of the image.
template <class T>
void im2col(const T* image, Index channels, const Window& window, Index first_row, Index rows, T* columns) {
  const WindowAxis& width = window.width;
  for_each_window_row(channels, window, first_row, rows,
                      [&](Index source_row, Index begin, Index end, Index source_column) {
                        const T* source = image + source_row * width.input + source_column;
                        std::fill(columns, columns + begin, T{0});
                        if (width.stride == 1) {
                          std::copy(source, source + (end - begin), columns + begin);
                        } else {
                          for (Index i = begin; i < end; ++i, source += width.stride) columns[i] = *source;
                        }
                        std::fill(columns + end, columns + width.output, T{0});
                        columns += width.output;
                      });
}

/// All output rows.
template <class T>
void im2col(const T* image, Index channels, const Window& window, T* columns) {
  im2col(image, channels, window, 0, window.rows(), columns);
}

/// The transpose of `im2col`: adds every entry of the matrix to the pixel it came from. With columns = weights^T *
/// gradient this is the gradient of the convolution's input. The image is added to, so it starts as zeros.
template <class T>
void col2im(const T* columns, Index channels, const Window& window, Index first_row, Index rows, T* image) {
  const WindowAxis& width = window.width;
  for_each_window_row(channels, window, first_row, rows,
                      [&](Index target_row, Index begin, Index end, Index target_column) {
                        T* target = image + target_row * width.input + target_column;
                        if (width.stride == 1) {
                          for (Index i = begin; i < end; ++i) *target++ += columns[i];
                        } else {
                          for (Index i = begin; i < end; ++i, target += width.stride) *target += columns[i];
                        }
                        columns += width.output;
                      });
}

/// All output rows.
template <class T>
void col2im(const T* columns, Index channels, const Window& window, T* image) {
  col2im(columns, channels, window, 0, window.rows(), image);
}

}  // namespace condense::graph::reference

#endif
