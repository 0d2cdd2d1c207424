#ifndef CONDENSE_COMPRESS_DETAIL_QUANTIZED_PARAMETERS_HPP
#define CONDENSE_COMPRESS_DETAIL_QUANTIZED_PARAMETERS_HPP

#include <cmath>
#include <limits>

#include "condense/compress/detail/operator_kinds.hpp"
#include "condense/quantize/mixed_precision.hpp"
#include "condense/quantize/range_search.hpp"
#include "condense/quantize/with_scheme.hpp"

namespace condense::compress::detail {

/// The granularity of a format, with the axes of some weights. Groups run along the depth; where that is a single
/// element, as in a depthwise convolution, a group would be one weight, and the format's groups become channels.
inline quantize::Granularity granularity_for(const WeightInput& axes, const Shape& weights,
                                             const quantize::NumberFormat& format) {
  const bool grouped = format.granularity.kind == quantize::Granularity::Kind::per_group;
  if (grouped && weights[axes.depth_axis] > 1) {
    return quantize::Granularity::per_group(axes.depth_axis, format.granularity.group_size);
  }
  const bool per_tensor = format.granularity.kind == quantize::Granularity::Kind::per_tensor;
  return per_tensor ? quantize::Granularity::per_tensor() : quantize::Granularity::per_channel(axes.output_axis);
}

/// Quantises weights. `least_scales`, if not empty, are lower bounds of the scales; where one binds, the weights use
/// fewer codes.
inline quantize::QuantizedTensor quantize_weights(const quantize::Granularity& granularity, const Tensor& weights,
                                                  const quantize::NumberFormat& format, bool search_range,
                                                  std::span<const float> least_scales = {}) {
  return quantize::with_scheme(format, [&](const auto& scheme) {
    const std::vector<quantize::Range> ranges = search_range
                                                    ? quantize::mean_squared_error_ranges(weights, scheme, granularity)
                                                    : quantize::slice_ranges(weights, granularity);
    quantize::QuantizationParameters parameters = quantize::quantization_parameters(scheme, granularity, ranges);
    for (std::size_t i = 0; i < least_scales.size(); ++i) {
      parameters.scales[i] = std::max(parameters.scales[i], least_scales[i]);
    }
    return quantize::quantize(weights, scheme, parameters);
  });
}

/// Adds a constant, under another name if that one is taken.
inline graph::Value add_constant(graph::Graph& graph, const std::string& name, Tensor tensor) {
  return graph.constant(graph.unused_value_name(name), std::move(tensor));
}

/// Adds constants and a dequantisation that make the reals of a quantised tensor, and returns these.
inline graph::Value add_dequantized(graph::Graph& graph, const std::string& name,
                                    const quantize::QuantizedTensor& tensor) {
  const quantize::Granularity& granularity = tensor.parameters.granularity;
  const Index axis = granularity.axis;
  const Index block_size = granularity.group_size;
  const auto constant = [&](const char* what, Tensor value) {
    return add_constant(graph, name + what, std::move(value));
  };
  const graph::Value scale = constant(".scale", quantize::scale_tensor(tensor.parameters, tensor.shape));
  if (tensor.levels.empty()) {
    std::vector<graph::Value> inputs{constant(".codes", quantize::integers(tensor)), scale};
    if (!tensor.parameters.zero_points.empty()) {
      inputs.push_back(constant(".zero_point", quantize::zero_point_tensor(tensor.parameters, tensor.shape)));
    }
    return graph.add(graph::DequantizeLinear{.axis = axis, .block_size = block_size}, std::move(inputs),
                     name + ".dequantize");
  }
  const graph::Value codes = constant(".codes", quantize::indices(tensor));
  const auto integers = quantize::integer_levels(tensor.levels);
  const Shape levels{static_cast<Index>(tensor.levels.size())};
  const graph::Value codebook =
      constant(".codebook", integers ? Tensor::of<std::int8_t>(levels, std::span<const std::int8_t>(*integers))
                                     : Tensor::of<float>(levels, std::span<const float>(tensor.levels)));
  return graph.add(graph::DequantizeCodebook{.axis = axis, .block_size = block_size}, {codes, codebook, scale},
                   name + ".dequantize");
}

/// Largest magnitude of an int32 bias: a quarter of the range stays free for each of the products and the zero point.
inline constexpr double kLargestBias = 0x1p30;

/// The least weight scales with which a bias fits int32 at the scale (input scale x weight scale). One for all, or one
/// for each output; the groups of a transposed convolution share theirs.
inline std::vector<float> least_scales_for_bias(const Tensor& bias, float input_scale, std::size_t scales) {
  std::vector<float> least(scales, 0.0F);
  const std::span<const float> values = bias.values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double needed = std::abs(static_cast<double>(values[i])) / (kLargestBias * static_cast<double>(input_scale));
    float& scale = least[i % scales];
    scale = std::max(scale, std::nextafter(static_cast<float>(needed), std::numeric_limits<float>::max()));
  }
  return least;
}

/// Adds an int32 bias whose scale is exactly input scale x weight scale, as integer kernels need it, and returns its
/// reals.
inline graph::Value add_quantized_bias(graph::Graph& graph, const std::string& name, const Tensor& bias,
                                       float input_scale, std::span<const float> weight_scales) {
  std::vector<float> scales;
  const std::span<const float> values = bias.values<float>();
  const std::size_t count = weight_scales.size() == 1 ? 1 : values.size();
  for (std::size_t i = 0; i < count; ++i) scales.push_back(input_scale * weight_scales[i % weight_scales.size()]);
  Tensor codes(DataType::int32, bias.shape());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double scale = scales[scales.size() == 1 ? 0 : i];
    codes.mutable_data<std::int32_t>()[i] = static_cast<std::int32_t>(std::nearbyint(values[i] / scale));
  }
  const Shape shape = scales.size() == 1 ? Shape{} : Shape{static_cast<Index>(scales.size())};
  const graph::Value scale =
      add_constant(graph, name + ".scale", Tensor::of<float>(shape, std::span<const float>(scales)));
  return graph.add(graph::DequantizeLinear{.axis = bias.shape().rank() - 1},
                   {add_constant(graph, name + ".codes", std::move(codes)), scale}, name + ".dequantize");
}

}  // namespace condense::compress::detail

#endif
