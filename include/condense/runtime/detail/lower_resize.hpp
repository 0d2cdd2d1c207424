#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_RESIZE_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_RESIZE_HPP

#include "condense/graph/operators/resize.hpp"
#include "condense/runtime/detail/lowering.hpp"
#include "condense/runtime/detail/steps/resize.hpp"

namespace condense::runtime::detail {

/// How a Resize with known inputs changes each axis; empty if they are not.
inline std::vector<graph::reference::ResizedAxis> resized_axes(const Lowering& lowering, const graph::Node& node,
                                                               const graph::Resize& resize) {
  std::vector<graph::InputBuffer> inputs{{lowering.type(node.inputs[0])}};
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    const graph::Value value = node.inputs[i];
    const Tensor* known = value.exists() ? lowering.known(value) : nullptr;
    if (value.exists() && known == nullptr) return {};
    inputs.push_back(known == nullptr ? graph::InputBuffer{} : graph::InputBuffer{lowering.type(value), known->raw()});
  }
  const ThreadPool pool;
  return resize.plan({inputs, {}, pool});
}

/// The taps of an axis whose positions lie `step` elements apart; empty if some of its results are outside.
inline std::optional<AxisTaps> axis_taps(Lowering& lowering, const graph::reference::ResizedAxis& axis,
                                         const graph::reference::Interpolation& how, Index step) {
  graph::reference::Taps<float> taps{.taps = 1, .sources = {}, .weights = {}};
  if (axis.is_unchanged(how.transformation)) {
    for (Index i = 0; i < axis.output; ++i) taps.sources.push_back(i);
    taps.weights.assign(taps.sources.size(), 1.0F);
  } else {
    taps = graph::reference::interpolation_taps<float>(axis, how);
  }
  std::vector<std::int32_t> sources;
  for (const Index source : taps.sources) {
    if (source == graph::reference::kFill) return {};
    sources.push_back(static_cast<std::int32_t>(source * step));
  }
  return AxisTaps{.sources = {lowering.table_buffer(sources)},
                  .weights = {lowering.table_buffer(taps.weights)},
                  .input = axis.input,
                  .output = axis.output,
                  .taps = taps.taps};
}

/// Resize by a linear or cubic function along the axes of images or signals in float, as they lie. False if the node is
/// not one.
inline bool lower_resize(Lowering& lowering, const graph::Node& node) {
  const auto* resize = node.op.get_if<graph::Resize>();
  if (resize == nullptr || resize->mode == graph::ResizeMode::nearest) return false;
  const Shape& images = lowering.shape(node.inputs[0]);
  if (lowering.type(node.inputs[0]).type != DataType::float32 || images.rank() < 3 || images.rank() > 4) return false;
  if (images.count() > std::numeric_limits<std::int32_t>::max() || lowering.shape(node.outputs[0]).count() == 0) {
    return false;
  }
  const auto axes = resized_axes(lowering, node, *resize);
  const auto transformation = resize->coordinate_transformation_mode;
  if (axes.empty() || !axes[0].is_unchanged(transformation) || !axes[1].is_unchanged(transformation)) return false;
  const graph::reference::Interpolation how{.mode = resize->mode,
                                            .transformation = transformation,
                                            .cubic_coeff_a = static_cast<double>(resize->cubic_coeff_a),
                                            .exclude_outside = resize->exclude_outside,
                                            .antialias = resize->antialias};

  const bool is_last =
      lowering.has_two_layouts(node.inputs[0]) && lowering.present_layout(node.inputs[0]) == Layout::channels_last;
  const Layout layout = is_last ? Layout::channels_last : Layout::channels_first;
  const Index channels = is_last ? images[1] : 1;
  const graph::reference::ResizedAxis one_line;
  const auto width = axis_taps(lowering, axes.back(), how, channels);
  const auto height = axis_taps(lowering, axes.size() == 4 ? axes[2] : one_line, how, axes.back().input * channels);
  if (!width || !height) return false;

  constexpr Index kMostBlocks = 64;
  ResizeStep step{.height = *height, .width = *width, .images = is_last ? images[0] : images[0] * images[1]};
  step.channels = channels;
  step.blocks = std::clamp<Index>(step.images * height->output, 1, kMostBlocks);
  step.input = {lowering.request(node.inputs[0], layout)};
  const auto line = static_cast<std::size_t>(width->input * channels) * sizeof(float);
  step.lines = {lowering.scratch(static_cast<std::size_t>(step.blocks) * line)};
  step.output = {lowering.produce(node.outputs[0], layout)};
  lowering.append({node.name, "Resize", "float32", "resize"}, step);
  return true;
}

}  // namespace condense::runtime::detail

#endif
