#ifndef CONDENSE_TRAIN_DETAIL_CONVOLUTION_HPP
#define CONDENSE_TRAIN_DETAIL_CONVOLUTION_HPP

#include <Eigen/Core>
#include <algorithm>

#include "condense/graph/reference/convolution.hpp"
#include "condense/linalg/product.hpp"
#include "condense/train/detail/partial_sums.hpp"
#include "condense/train/detail/plane_gradient.hpp"

namespace condense::train::detail {

/// The gradients of `graph::reference::convolve`, each computed unless its pointer is null.
///
/// Work is divided into blocks of images; what the images have in common, the gradients of weights and bias, is summed
/// within a block and then over the blocks in their order.
template <class T>
struct ConvolutionGradient {
  graph::reference::ConvolutionSizes sizes;
  graph::Window window;
  const T* images = nullptr;
  const T* weights = nullptr;
  const T* result_gradient = nullptr;
  T* image_gradient = nullptr;
  T* weight_gradient = nullptr;
  T* bias_gradient = nullptr;

  void compute(const ThreadPool& pool, const TensorPool& memory) const {
    const Index filters = sizes.groups * sizes.out;
    const Index filter_size = sizes.in * window.taps();
    const PartialSums<T> weight_sums(memory, sizes.images, weight_gradient != nullptr ? filters * filter_size : 0);
    const PartialSums<T> bias_sums(memory, sizes.images, bias_gradient != nullptr ? filters : 0, weight_sums.grain());
    parallel_for(pool, sizes.images, weight_sums.grain(), [&](Index begin, Index end) {
      T* weight_sum = weight_sums.start(begin);
      T* bias_sum = bias_sums.start(begin);
      if (image_gradient != nullptr) {
        const Index image_size = sizes.groups * sizes.in * window.pixels();
        std::fill(image_gradient + begin * image_size, image_gradient + end * image_size, T{0});
      }
      if (sizes.in == 1 && sizes.out <= 4 && window.is_planar()) {
        go_through_planes(begin, end, weight_sum);
      } else {
        go_through_products(begin, end, weight_sum, memory);
      }
      if (bias_gradient != nullptr) add_bias_gradient(begin, end, bias_sum);
    });
    if (weight_gradient != nullptr) weight_sums.finish(weight_gradient, pool);
    if (bias_gradient != nullptr) bias_sums.finish(bias_gradient, pool);
  }

 private:
  void go_through_products(Index begin, Index end, T* weight_sum, const TensorPool& memory) const {
    const Index depth = sizes.in * window.taps();
    const Index block = graph::reference::rows_per_block(window, depth);
    const Index image_size = sizes.in * window.pixels();
    const bool pointwise = graph::reference::is_pointwise(window);
    Tensor scratch = memory.make(data_type_of<T>, {pointwise ? 0 : depth * block * window.width.output});
    T* const unfolded = scratch.mutable_data<T>();
    for (Index image = begin; image < end; ++image) {
      for (Index first_row = 0; first_row < window.rows(); first_row += block) {
        const Index rows = std::min(block, window.rows() - first_row);
        const Index count = rows * window.width.output;
        const Index offset = first_row * window.width.output;
        for (Index group = 0; group < sizes.groups; ++group) {
          const Index source = (image * sizes.groups + group) * image_size;
          const linalg::Factor<T> gradient{
              result_gradient + (image * sizes.groups + group) * sizes.out * window.positions() + offset, sizes.out,
              count, window.positions()};
          const Index stride = pointwise ? window.positions() : count;
          if (weight_gradient != nullptr) {
            if (!pointwise) graph::reference::im2col(images + source, sizes.in, window, first_row, rows, unfolded);
            const T* columns = pointwise ? images + source + offset : unfolded;
            linalg::add_product(T{1}, gradient, {columns, count, depth, stride, true},
                                weight_sum + group * sizes.out * depth, depth);
          }
          if (image_gradient != nullptr) {
            const T* filters = weights + group * sizes.out * depth;
            T* columns = pointwise ? image_gradient + source + offset : unfolded;
            linalg::multiply({filters, depth, sizes.out, depth, true}, gradient, columns, stride);
            if (!pointwise) {
              graph::reference::col2im(unfolded, sizes.in, window, first_row, rows, image_gradient + source);
            }
          }
        }
      }
    }
  }

  void go_through_planes(Index begin, Index end, T* weight_sum) const {
    const Index plane_size = window.pixels();
    PlaneGradient<T> plane(window);
    for (Index i = begin * sizes.groups; i < end * sizes.groups; ++i) {
      const Index channel = i % sizes.groups;
      for (Index j = 0; j < sizes.out; ++j) {
        const Index filter = (channel * sizes.out + j) * window.taps();
        plane.load(result_gradient + (i * sizes.out + j) * window.positions());
        if (weight_gradient != nullptr) plane.add_filter_gradient(images + i * plane_size, weight_sum + filter);
        if (image_gradient != nullptr) plane.add_plane_gradient(weights + filter, image_gradient + i * plane_size);
      }
    }
  }

  void add_bias_gradient(Index begin, Index end, T* bias_sum) const {
    const Index filters = sizes.groups * sizes.out;
    for (Index image = begin; image < end; ++image) {
      const T* gradient = result_gradient + image * filters * window.positions();
      for (Index filter = 0; filter < filters; ++filter, gradient += window.positions()) {
        const Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>> plane(gradient, window.positions());
        bias_sum[filter] += plane.sum();
      }
    }
  }
};

}  // namespace condense::train::detail

#endif
