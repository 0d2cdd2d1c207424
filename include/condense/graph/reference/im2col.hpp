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

/// Unfolds the windows of one image (channels, height, width) into a matrix: columns
/// (channels * taps x rows * width.output) holds in row (channel, tap) and column (row - first_row, position) the pixel
/// that this tap sees there, 0 in the padding. Covers the output rows [first_row, first_row + rows).
///
/// With the weights (out x channels * taps) as a matrix, weights * columns is the convolution of the image.
template <class T>
void im2col(const T* image, Index channels, const Window& window, Index first_row, Index rows, T* columns) {
  const WindowAxis& height = window.height;
  const WindowAxis& width = window.width;
  for (Index channel = 0; channel < channels; ++channel) {
    const T* plane = image + channel * height.input * width.input;
    for (Index y = 0; y < height.kernel; ++y) {
      for (Index x = 0; x < width.kernel; ++x) {
        const Interval inside = positions_inside(width, x);
        for (Index row = first_row; row < first_row + rows; ++row, columns += width.output) {
          const Index source_row = height.source(row, y);
          if (source_row < 0 || source_row >= height.input || inside.begin >= inside.end) {
            std::fill_n(columns, width.output, T{0});
            continue;
          }
          const T* source = plane + source_row * width.input + width.source(inside.begin, x);
          std::fill(columns, columns + inside.begin, T{0});
          if (width.stride == 1) {
            std::copy(source, source + (inside.end - inside.begin), columns + inside.begin);
          } else {
            for (Index i = inside.begin; i < inside.end; ++i, source += width.stride) columns[i] = *source;
          }
          std::fill(columns + inside.end, columns + width.output, T{0});
        }
      }
    }
  }
}

/// All output rows.
template <class T>
void im2col(const T* image, Index channels, const Window& window, T* columns) {
  im2col(image, channels, window, 0, window.height.output, columns);
}

/// The transpose of `im2col`: adds every entry of the matrix to the pixel it came from. With columns = weights^T *
/// gradient this is the gradient of the convolution's input. The image is added to, so it starts as zeros.
template <class T>
void col2im(const T* columns, Index channels, const Window& window, Index first_row, Index rows, T* image) {
  const WindowAxis& height = window.height;
  const WindowAxis& width = window.width;
  for (Index channel = 0; channel < channels; ++channel) {
    T* plane = image + channel * height.input * width.input;
    for (Index y = 0; y < height.kernel; ++y) {
      for (Index x = 0; x < width.kernel; ++x) {
        const Interval inside = positions_inside(width, x);
        for (Index row = first_row; row < first_row + rows; ++row, columns += width.output) {
          const Index target_row = height.source(row, y);
          if (target_row < 0 || target_row >= height.input || inside.begin >= inside.end) continue;
          T* target = plane + target_row * width.input + width.source(inside.begin, x);
          if (width.stride == 1) {
            for (Index i = inside.begin; i < inside.end; ++i) *target++ += columns[i];
          } else {
            for (Index i = inside.begin; i < inside.end; ++i, target += width.stride) *target += columns[i];
          }
        }
      }
    }
  }
}

/// All output rows.
template <class T>
void col2im(const T* columns, Index channels, const Window& window, T* image) {
  col2im(columns, channels, window, 0, window.height.output, image);
}

}  // namespace condense::graph::reference

#endif
