#ifndef CONDENSE_GRAPH_REFERENCE_TRANSPOSED_CONVOLUTION_HPP
#define CONDENSE_GRAPH_REFERENCE_TRANSPOSED_CONVOLUTION_HPP

#include <memory>

#include "condense/graph/reference/convolution.hpp"

namespace condense::graph::reference {

/// results = the transpose of a convolution applied to images, plus the bias of each output channel unless it is null:
/// images (n, groups * in, positions), weights (groups * in, out, taps), results (n, groups * out, pixels), with the
/// window of the convolution from results to images. It is the gradient of that convolution's input.
template <class T>
void convolve_transposed(const ConvolutionSizes& sizes, const Window& window, const T* images, const T* weights,
                         const T* bias, T* results, const ThreadPool& pool) {
  const Index depth = sizes.out * window.taps();
  const Index block = rows_per_block(window, depth);
  const auto unfolded_size = static_cast<std::size_t>(depth * std::min(block, window.rows()) * window.width.output);
  parallel_for(pool, sizes.images * sizes.groups, [&](Index task) {
    const Index group = task % sizes.groups;
    const T* source = images + task * sizes.in * window.positions();
    const T* filters = weights + group * sizes.in * depth;
    T* result = results + task * sizes.out * window.pixels();
    for (Index channel = 0; channel < sizes.out; ++channel) {
      std::fill_n(result + channel * window.pixels(), window.pixels(),
                  bias != nullptr ? bias[group * sizes.out + channel] : T{0});
    }
    const std::unique_ptr<T[]> unfolded(new T[unfolded_size]);
    for (Index first_row = 0; first_row < window.rows(); first_row += block) {
      const Index rows = std::min(block, window.rows() - first_row);
      const Index count = rows * window.width.output;
      linalg::multiply({filters, depth, sizes.in, depth, true},
                       {source + first_row * window.width.output, sizes.in, count, window.positions()}, unfolded.get(),
                       count);
      col2im(unfolded.get(), sizes.out, window, first_row, rows, result);
    }
  });
}

}  // namespace condense::graph::reference

#endif
