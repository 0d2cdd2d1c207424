#ifndef CONDENSE_TRAIN_GRADIENTS_CONV_TRANSPOSE_HPP
#define CONDENSE_TRAIN_GRADIENTS_CONV_TRANSPOSE_HPP

#include "condense/graph/operators/conv_transpose.hpp"
#include "condense/train/detail/backward.hpp"
#include "condense/train/detail/convolution.hpp"
#include "condense/train/detail/reduce.hpp"

namespace condense::train {

/// The operator is the transpose of a convolution C from its results to its images, so dx = C(dy). The weights enter
/// sum(dy * y) = sum(C(dy) * x) alike, so dweights is their gradient in C(dy) where that has the gradient x. dbias =
/// the sum of dy over images and positions.
template <>
struct Gradient<graph::ConvTranspose> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::ConvTranspose& op, const Backward& b) {
    const Shape& images = b.input_shape(0);
    const Shape& weights = b.input_shape(1);
    const graph::reference::ConvolutionSizes sizes{
        .images = images[0], .groups = op.group, .in = weights[1], .out = images[1] / op.group};
    const graph::Window window = op.window(images, weights);
    std::vector<Tensor> gradients(b.inputs.size());
    graph::with_float_type(b.output_gradient().type(), [&]<class T>() {
      const T* dy = b.output_gradient().data<T>();
      const T* kernel = b.input(1).data<T>();
      if (b.wants(0)) {
        gradients[0] = b.like_input(0);
        graph::reference::convolve<T>(sizes, window, dy, kernel, nullptr, gradients[0].mutable_data<T>(), b.pool);
      }
      if (b.wants(1)) {
        gradients[1] = b.like_input(1);
        detail::ConvolutionGradient<T>{.sizes = sizes,
                                       .window = window,
                                       .images = dy,
                                       .weights = kernel,
                                       .result_gradient = b.input(0).data<T>(),
                                       .weight_gradient = gradients[1].mutable_data<T>()}
            .compute(b.pool, b.memory);
      }
    });
    if (b.wants(2)) {
      const Index channels = b.input_shape(2)[0];
      const Tensor planes = b.output_gradient().reshaped({images[0], channels, window.pixels()});
      gradients[2] = detail::sum_to_shape(planes, {channels, 1}, b.memory).reshaped(b.input_shape(2));
    }
    return gradients;
  }
};

}  // namespace condense::train

#endif
