#ifndef CONDENSE_TRAIN_GRADIENTS_CONV_HPP
#define CONDENSE_TRAIN_GRADIENTS_CONV_HPP

#include "condense/graph/operators/conv.hpp"
#include "condense/train/detail/convolution.hpp"
#include "condense/train/gradient.hpp"

namespace condense::train {

/// With y = W * x + bias as a product of the unfolded images: dW = sum of dy * columns(x)^T over the images,
/// dx = fold(W^T * dy), dbias = sum of dy over images and positions.
template <>
struct Gradient<graph::Conv> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Conv& op, const Backward& b) {
    const Shape& images = b.input_shape(0);
    const Shape& weights = b.input_shape(1);
    const graph::reference::ConvolutionSizes sizes{
        .images = images[0], .groups = op.group, .in = weights[1], .out = weights[0] / op.group};
    std::vector<Tensor> gradients(b.inputs.size());
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (b.wants(i)) gradients[i] = b.like_input(i);
    }
    graph::with_float_type(b.output_gradient().type(), [&]<class T>() {
      const auto target = [&](std::size_t i) { return b.wants(i) ? gradients[i].mutable_data<T>() : nullptr; };
      detail::ConvolutionGradient<T>{.sizes = sizes,
                                     .window = op.window(images, weights),
                                     .images = b.input(0).data<T>(),
                                     .weights = b.input(1).data<T>(),
                                     .result_gradient = b.output_gradient().data<T>(),
                                     .image_gradient = target(0),
                                     .weight_gradient = target(1),
                                     .bias_gradient = target(2)}
          .compute(b.pool, b.memory);
    });
    return gradients;
  }
};

}  // namespace condense::train

#endif
