#ifndef CONDENSE_GRAPH_OPERATORS_CONV_HPP
#define CONDENSE_GRAPH_OPERATORS_CONV_HPP

#include "condense/graph/operator.hpp"
#include "condense/graph/reference/convolution.hpp"
#include "condense/graph/reference/halves.hpp"
#include "condense/graph/window.hpp"

namespace condense::graph {

/// Convolution (cross-correlation) of volumes (n, in, depth, height, width), images (n, in, height, width) or signals
/// (n, in, width). ONNX Conv.
///
/// Inputs: images; weights (out, in / group, ...); optional bias (out). The kernel's extents are those of the weights,
/// so there is no `kernel_shape`. Sums are taken in the element type, those of float16 and bfloat16 in float, in an
/// order that depends on the shapes alone.
struct Conv {
  static constexpr std::string_view kType = "Conv";

  std::vector<Index> strides = {};    ///< Empty for 1.
  std::vector<Index> dilations = {};  ///< Empty for 1.
  std::vector<Index> pads = {};       ///< Begins of every spatial axis, then ends; empty for 0.
  Index group = 1;                    ///< Divides the channels; as many groups as channels is a depthwise convolution.
  AutoPad auto_pad = AutoPad::not_set;

  /// How the kernel moves over images of that shape; throws unless it fits.
  Window window(const Shape& images, const Shape& weights) const {
    require(weights.rank() == images.rank() && weights.rank() >= 3,
            "its input 1 is (out x in / group x ...) with as many dimensions as input 0 {}, this one has shape {}",
            images.to_string(), weights.to_string());
    return make_window(images, weights.extents().subspan(2),
                       {.strides = strides, .dilations = dilations, .pads = pads, .auto_pad = auto_pad});
  }

  static void attributes(auto& op, auto&& visit) {
    visit("strides", op.strides);
    visit("dilations", op.dilations);
    visit("pads", op.pads);
    visit("group", op.group);
    visit("auto_pad", op.auto_pad);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 3);
    reference::require_any_float(inputs, 0);
    inputs.require_same_type(1);
    inputs.require_same_type(2);
    const Shape& images = inputs.shape(0);
    const Shape& weights = inputs.shape(1);
    const Window kernel = window(images, weights);
    require(group >= 1, "its attribute group is {}, the least is 1", group);
    static_cast<void>(Shape{weights[1], group});
    require(images[1] == weights[1] * group, "its input 0 has {} channels, its weights {} in {} groups take {}",
            images[1], weights.to_string(), group, weights[1] * group);
    require(weights[0] % group == 0, "its weights make {} channels, which {} groups do not divide", weights[0], group);
    require(!inputs.has(2) || inputs.shape(2) == Shape{weights[0]},
            "its input 2, the bias, has shape {} instead of ({})", inputs.has(2) ? inputs.shape(2).to_string() : "",
            weights[0]);
    return {{inputs.type(0), output_shape(images, weights[0], kernel)}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& images = e.input(0).shape();
    const Shape& weights = e.input(1).shape();
    const reference::ConvolutionSizes sizes{
        .images = images[0], .groups = group, .in = weights[1], .out = weights[0] / group};
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
      reference::convolve(sizes, window(images, weights), floats.input(0).template as<T>(),
                          floats.input(1).template as<T>(), floats.has(2) ? floats.input(2).template as<T>() : nullptr,
                          floats.output().template as<T>(), floats.pool);
    });
  }

  friend bool operator==(const Conv&, const Conv&) = default;
};

}  // namespace condense::graph

#endif
