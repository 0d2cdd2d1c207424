#ifndef CONDENSE_GRAPH_REFERENCE_CONVOLUTION_HPP
#define CONDENSE_GRAPH_REFERENCE_CONVOLUTION_HPP

#include <algorithm>
#include <memory>

#include "condense/core/parallel.hpp"
#include "condense/graph/reference/depthwise.hpp"
#include "condense/graph/reference/im2col.hpp"
#include "condense/linalg/product.hpp"

namespace condense::graph::reference {

/// Sizes of a grouped convolution: images (n, groups * in, ...), weights (groups * out, in, ...), results
/// (n, groups * out, ...). `in` and `out` are channels of one group.
struct ConvolutionSizes {
  Index images = 0;
  Index groups = 1;
  Index in = 0;
  Index out = 0;
};

/// True if a convolution is a plain product of matrices: one tap that sees every pixel once.
inline bool is_pointwise(const Window& window) noexcept {
  const auto plain = [](const WindowAxis& axis) {
    return axis.kernel == 1 && axis.stride == 1 && axis.pad_begin == 0 && axis.pad_end == 0;
  };
  return plain(window.depth) && plain(window.height) && plain(window.width);
}

/// Output rows unfolded at a time: a matrix that a second-level cache holds, but not so few columns that packing the
/// weights would cost more than the product. Depends on the sizes alone, so results do not depend on the threads.
inline Index rows_per_block(const Window& window, Index depth) noexcept {
  constexpr Index kEntries = Index{1} << 17;
  constexpr Index kLeastColumns = 128;
  const Index width = std::max<Index>(1, window.width.output);
  const Index rows = std::max(kEntries / std::max<Index>(1, depth * width), (kLeastColumns + width - 1) / width);
  return std::clamp<Index>(rows, 1, std::max<Index>(1, window.rows()));
}

/// One product for each image, group and block of output rows.
template <class T>
void convolve_dense(const ConvolutionSizes& sizes, const Window& window, const T* images, const T* weights,
                    const T* bias, T* results, const ThreadPool& pool) {
  const Index depth = sizes.in * window.taps();
  const Index block = rows_per_block(window, depth);
  const Index blocks = (window.rows() + block - 1) / block;
  const Index image_size = sizes.in * window.pixels();
  const bool pointwise = is_pointwise(window);
  parallel_for(pool, sizes.images * blocks, [&](Index task) {
    const Index image = task / blocks;
    const Index first_row = task % blocks * block;
    const Index rows = std::min(block, window.rows() - first_row);
    const Index count = rows * window.width.output;
    const std::unique_ptr<T[]> unfolded(pointwise ? nullptr : new T[static_cast<std::size_t>(depth * count)]);
    for (Index group = 0; group < sizes.groups; ++group) {
      const T* source = images + (image * sizes.groups + group) * image_size;
      const Index first_channel = group * sizes.out;
      T* result = results + (image * sizes.groups * sizes.out + first_channel) * window.positions() +
                  first_row * window.width.output;
      for (Index channel = 0; channel < sizes.out; ++channel) {
        std::fill_n(result + channel * window.positions(), count,
                    bias != nullptr ? bias[first_channel + channel] : T{0});
      }
      const T* columns = source + first_row * window.width.output;
      Index stride = window.positions();
      if (!pointwise) {
        im2col(source, sizes.in, window, first_row, rows, unfolded.get());
        columns = unfolded.get();
        stride = count;
      }
      linalg::add_product(T{1}, {weights + first_channel * depth, sizes.out, depth, depth},
                          {columns, depth, count, stride}, result, window.positions());
    }
  });
}

/// One input channel to a group of an image or signal: no product of matrices, but shifted sums.
template <class T>
void convolve_depthwise(const ConvolutionSizes& sizes, const Window& window, const T* images, const T* weights,
                        const T* bias, T* results, const ThreadPool& pool) {
  constexpr Index kPixels = 65536;
  const Index plane_size = window.pixels();
  const Index work = std::max<Index>(1, std::max(plane_size, sizes.out * window.positions()));
  parallel_for(pool, sizes.images * sizes.groups, std::max<Index>(1, kPixels / work), [&](Index begin, Index end) {
    PlaneConvolution<T> convolve(window);
    for (Index i = begin; i < end; ++i) {
      const Index first_channel = i % sizes.groups * sizes.out;
      convolve(images + i * plane_size, weights + first_channel * window.taps(),
               bias != nullptr ? bias + first_channel : nullptr, sizes.out,
               results + i * sizes.out * window.positions());
    }
  });
}

/// results = images convolved with weights, plus the bias of each output channel unless it is null.
template <class T>
void convolve(const ConvolutionSizes& sizes, const Window& window, const T* images, const T* weights, const T* bias,
              T* results, const ThreadPool& pool) {
  if (sizes.in == 1 && sizes.out <= 4 && window.is_planar()) {
    convolve_depthwise(sizes, window, images, weights, bias, results, pool);
  } else {
    convolve_dense(sizes, window, images, weights, bias, results, pool);
  }
}

}  // namespace condense::graph::reference

#endif
