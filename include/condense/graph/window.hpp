#ifndef CONDENSE_GRAPH_WINDOW_HPP
#define CONDENSE_GRAPH_WINDOW_HPP

#include <string_view>
#include <vector>

#include "condense/core/enum_names.hpp"
#include "condense/core/shape.hpp"

namespace condense::graph {

/// Where the padding of a convolution or pool comes from, as in ONNX.
enum class AutoPad { not_set, same_upper, same_lower, valid };

}  // namespace condense::graph

template <>
inline constexpr std::pair<condense::graph::AutoPad, std::string_view>
    condense::enum_names<condense::graph::AutoPad>[] = {{graph::AutoPad::not_set, "NOTSET"},
                                                        {graph::AutoPad::same_upper, "SAME_UPPER"},
                                                        {graph::AutoPad::same_lower, "SAME_LOWER"},
                                                        {graph::AutoPad::valid, "VALID"}};

namespace condense::graph {

/// The most elements, taps and steps that a window may have along an axis: no sum or product of two such numbers
/// overflows.
inline constexpr Index kLargestWindow = Index{1} << 30;

/// Throws unless an attribute of a window is empty or has `wanted` entries of `least` or more.
inline void check_window_attribute(std::string_view name, const std::vector<Index>& list, std::size_t wanted,
                                   Index least) {
  require(list.empty() || list.size() == wanted, "its attribute {} has {} entries instead of {}", name, list.size(),
          wanted);
  for (const Index entry : list) {
    require(entry >= least, "its attribute {} holds {}, the least is {}", name, entry, least);
    require(entry <= kLargestWindow, "its attribute {} holds {}, the largest is {}", name, entry, kLargestWindow);
  }
}

/// Throws unless a window of `kernel` taps can move over spatial axis `axis` of `input` elements.
inline void check_window_extents(std::size_t axis, Index input, Index kernel) {
  require(kernel >= 1, "its kernel extent {} is {}, the least is 1", axis, kernel);
  require(kernel <= kLargestWindow && input <= kLargestWindow,
          "spatial axis {} has {} elements and {} taps, the most are {}", axis, input, kernel, kLargestWindow);
}

/// Attributes that convolutions and pools share. Empty lists mean 1 (strides, dilations) or 0 (pads).
struct WindowAttributes {
  const std::vector<Index>& strides;
  const std::vector<Index>& dilations;
  const std::vector<Index>& pads;  ///< Begins of every spatial axis, then ends.
  AutoPad auto_pad = AutoPad::not_set;
  bool ceil_mode = false;
};

/// How a window moves along one spatial axis.
struct WindowAxis {
  Index input = 1;
  Index output = 1;
  Index kernel = 1;
  Index stride = 1;
  Index dilation = 1;
  Index pad_begin = 0;
  Index pad_end = 0;

  /// Position in the input of tap `tap` of the window at `position`; outside [0, input) it is padding.
  Index source(Index position, Index tap) const noexcept { return position * stride - pad_begin + tap * dilation; }

  friend bool operator==(const WindowAxis&, const WindowAxis&) = default;
};

/// A window over the spatial axes of volumes (n, c, depth, height, width). Images (n, c, height, width) and signals
/// (n, c, width) have an extent of 1 along the axes that they lack.
struct Window {
  WindowAxis depth;
  WindowAxis height;
  WindowAxis width;

  /// True if there is nothing to the depth: the window of an image or a signal.
  bool is_planar() const noexcept { return depth == WindowAxis{}; }
  Index taps() const noexcept { return depth.kernel * height.kernel * width.kernel; }
  Index pixels() const noexcept { return depth.input * height.input * width.input; }  ///< Of one input channel.
  Index rows() const noexcept { return depth.output * height.output; }  ///< Of all planes of one output channel.
  Index positions() const noexcept { return rows() * width.output; }
};

/// The window over volumes (n, c, depth, height, width), images (n, c, height, width) or signals (n, c, width) with the
/// given kernel extents.
///
/// Output extents follow ONNX: floor((input + pads - dilation * (kernel - 1) - 1) / stride) + 1, the ceiling with
/// `ceil_mode` (where a window that would start in the end padding is dropped), and ceil(input / stride) with
/// `same_*`. Throws `InvalidArgument` if the attributes contradict each other or the window does not fit.
inline Window make_window(const Shape& images, std::span<const Index> kernel, const WindowAttributes& attributes) {
  const int spatial = images.rank() - 2;
  if (spatial < 1 || spatial > 3) [[unlikely]] {  // not `require`: a window is made during evaluation, without heap
    throw InvalidArgument(
        fmt::format("its input 0 is (n x c x width), (n x c x height x width) or (n x c x depth x height x width), "
                    "this one has shape {}",
                    images.to_string()));
  }
  const auto count = static_cast<std::size_t>(spatial);
  require(kernel.size() == count, "its kernel has {} extents, the input has {} spatial axes", kernel.size(), spatial);
  check_window_attribute("strides", attributes.strides, count, 1);
  check_window_attribute("dilations", attributes.dilations, count, 1);
  check_window_attribute("pads", attributes.pads, 2 * count, 0);

  const auto axis = [&](std::size_t i) {
    WindowAxis result;
    result.input = images[static_cast<int>(i) + 2];
    result.kernel = kernel[i];
    check_window_extents(i, result.input, result.kernel);
    if (!attributes.strides.empty()) result.stride = attributes.strides[i];
    if (!attributes.dilations.empty()) result.dilation = attributes.dilations[i];
    const Index reach = result.dilation * (result.kernel - 1) + 1;
    if (attributes.auto_pad == AutoPad::same_upper || attributes.auto_pad == AutoPad::same_lower) {
      result.output = (result.input + result.stride - 1) / result.stride;
      const Index padding = std::max<Index>(0, (result.output - 1) * result.stride + reach - result.input);
      const bool upper = attributes.auto_pad == AutoPad::same_upper;
      result.pad_begin = upper ? padding / 2 : padding - padding / 2;
      result.pad_end = padding - result.pad_begin;
      return result;
    }
    if (attributes.auto_pad == AutoPad::not_set && !attributes.pads.empty()) {
      result.pad_begin = attributes.pads[i];
      result.pad_end = attributes.pads[i + count];
    }
    const Index room = result.input + result.pad_begin + result.pad_end - reach;
    if (room < 0) [[unlikely]] {
      throw InvalidArgument(
          fmt::format("its window reaches over {} elements, spatial axis {} of the padded input {} has only {}", reach,
                      i, images.to_string(), room + reach));
    }
    result.output = (room + (attributes.ceil_mode ? result.stride - 1 : 0)) / result.stride + 1;
    if (attributes.ceil_mode && (result.output - 1) * result.stride >= result.input + result.pad_begin) --result.output;
    return result;
  };
  Window window;
  window.width = axis(count - 1);
  if (spatial >= 2) window.height = axis(count - 2);
  if (spatial == 3) window.depth = axis(0);
  require(window.depth.kernel <= Shape::kMaximumCount / (window.height.kernel * window.width.kernel),
          "its window of {} x {} x {} taps is too large", window.depth.kernel, window.height.kernel,
          window.width.kernel);
  return window;
}

/// Shape of the images that a window produces: (n, channels, ...) with the rank of its input.
inline Shape output_shape(const Shape& images, Index channels, const Window& window) {
  if (images.rank() == 3) return {images[0], channels, window.width.output};
  if (images.rank() == 4) return {images[0], channels, window.height.output, window.width.output};
  return {images[0], channels, window.depth.output, window.height.output, window.width.output};
}

}  // namespace condense::graph

#endif
