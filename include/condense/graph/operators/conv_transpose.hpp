#ifndef CONDENSE_GRAPH_OPERATORS_CONV_TRANSPOSE_HPP
#define CONDENSE_GRAPH_OPERATORS_CONV_TRANSPOSE_HPP

#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/halves.hpp"
#include "condense/graph/reference/transposed_convolution.hpp"
#include "condense/graph/window.hpp"

namespace condense::graph {

/// The transpose of a convolution, of volumes, images or signals (n, in, ...): every pixel adds its multiple of the
/// kernel to the result. ONNX ConvTranspose (Zeiler et al., "Deconvolutional networks", CVPR 2010).
///
/// Inputs: images; weights (in, out / group, ...); optional bias (out). Along each axis the result has stride * (input
/// - 1) + output_padding + dilation * (kernel - 1) + 1 - pads elements, or, with `output_shape` or `same_*` (input *
/// stride), as many as are asked for: then the pads follow, half of what is to be cut off on either side, the odd one
/// at the end with same_upper and otherwise at the beginning. The kernel's extents are those of the weights. Halves are
/// computed in float.
struct ConvTranspose {
  static constexpr std::string_view kType = "ConvTranspose";

  std::vector<Index> strides = {};         ///< Empty for 1.
  std::vector<Index> dilations = {};       ///< Empty for 1.
  std::vector<Index> pads = {};            ///< Begins of every spatial axis, then ends; empty for 0.
  std::vector<Index> output_padding = {};  ///< Elements more at the end of every spatial axis; empty for 0.
  std::vector<Index> output_shape = {};    ///< Of the spatial axes; empty if it follows from the others.
  Index group = 1;
  AutoPad auto_pad = AutoPad::not_set;

  static void attributes(auto& op, auto&& visit) {
    visit("strides", op.strides);
    visit("dilations", op.dilations);
    visit("pads", op.pads);
    visit("output_padding", op.output_padding);
    visit("output_shape", op.output_shape);
    visit("group", op.group);
    visit("auto_pad", op.auto_pad);
  }

  /// The window of the convolution whose transpose this is, from its result to its input; throws unless it fits.
  Window window(const Shape& images, const Shape& weights) const {
    const int spatial = images.rank() - 2;
    require(spatial >= 1 && spatial <= 3 && weights.rank() == images.rank(),
            "its inputs 0 and 1 are (n x in x ...) and (in x out / group x ...) with 1 to 3 spatial axes, they have "
            "shapes {} and {}",
            images.to_string(), weights.to_string());
    const auto count = static_cast<std::size_t>(spatial);
    check_window_attribute("strides", strides, count, 1);
    check_window_attribute("dilations", dilations, count, 1);
    check_window_attribute("pads", pads, 2 * count, 0);
    check_window_attribute("output_padding", output_padding, count, 0);
    check_window_attribute("output_shape", output_shape, count, 0);
    Window result;
    WindowAxis* const axes[] = {&result.depth, &result.height, &result.width};
    for (std::size_t i = 0; i < count; ++i) {
      const auto axis = static_cast<int>(i) + 2;
      *axes[3 - count + i] = window_axis(i, count, images[axis], weights[axis]);
    }
    return result;
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 3);
    reference::require_any_float(inputs, 0);
    inputs.require_same_type(1);
    inputs.require_same_type(2);
    const Shape& images = inputs.shape(0);
    const Shape& weights = inputs.shape(1);
    const Window moved = window(images, weights);
    require(group >= 1, "its attribute group is {}, the least is 1", group);
    require(images[1] == weights[0], "its input 0 has {} channels, its weights {} take {}", images[1],
            weights.to_string(), weights[0]);
    require(images[1] % group == 0, "its input 0 has {} channels, which {} groups do not divide", images[1], group);
    static_cast<void>(Shape{weights[1], group});
    const Index out = weights[1] * group;
    require(!inputs.has(2) || inputs.shape(2) == Shape{out}, "its input 2, the bias, has shape {} instead of ({})",
            inputs.has(2) ? inputs.shape(2).to_string() : "", out);
    std::vector<Index> extents{images[0], out, moved.depth.input, moved.height.input, moved.width.input};
    extents.erase(extents.begin() + 2, extents.begin() + 7 - images.rank());
    return {{inputs.type(0), Shape(std::span<const Index>(extents))}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& images = e.input(0).shape();
    const Shape& weights = e.input(1).shape();
    const reference::ConvolutionSizes sizes{
        .images = images[0], .groups = group, .in = weights[0] / group, .out = weights[1]};
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
      reference::convolve_transposed(
          sizes, window(images, weights), floats.input(0).template as<T>(), floats.input(1).template as<T>(),
          floats.has(2) ? floats.input(2).template as<T>() : nullptr, floats.output().template as<T>(), floats.pool);
    });
  }

  friend bool operator==(const ConvTranspose&, const ConvTranspose&) = default;

 private:
  WindowAxis window_axis(std::size_t i, std::size_t count, Index input, Index kernel) const {
    check_window_extents(i, input, kernel);
    WindowAxis axis;
    axis.output = input;
    axis.kernel = kernel;
    if (!strides.empty()) axis.stride = strides[i];
    if (!dilations.empty()) axis.dilation = dilations[i];
    const Index padding = output_padding.empty() ? 0 : output_padding[i];
    const Index whole = axis.stride * (input - 1) + padding + axis.dilation * (kernel - 1) + 1;
    const bool same = auto_pad == AutoPad::same_upper || auto_pad == AutoPad::same_lower;
    if (same || !output_shape.empty()) {
      axis.input = output_shape.empty() ? input * axis.stride : output_shape[i];
      const Index cut = std::max<Index>(0, whole - axis.input);
      axis.pad_begin = auto_pad == AutoPad::same_upper ? cut / 2 : cut - cut / 2;
      axis.pad_end = cut - axis.pad_begin;
      return axis;
    }
    if (auto_pad == AutoPad::not_set && !pads.empty()) {
      axis.pad_begin = pads[i];
      axis.pad_end = pads[i + count];
    }
    axis.input = whole - axis.pad_begin - axis.pad_end;
    require(axis.input >= 0, "its pads cut {} elements off spatial axis {}, which has {}",
            axis.pad_begin + axis.pad_end, i, whole);
    return axis;
  }
};

}  // namespace condense::graph

#endif
