#ifndef CONDENSE_COMPRESS_DETAIL_QUANTIZED_PARAMETERS_HPP
#define CONDENSE_COMPRESS_DETAIL_QUANTIZED_PARAMETERS_HPP

#include <cmath>
#include <limits>

#include "condense/graph/graph.hpp"
#include "condense/graph/operators.hpp"
#include "condense/quantize/mixed_precision.hpp"
#include "condense/quantize/range_search.hpp"
#include "condense/quantize/with_scheme.hpp"

namespace condense::compress::detail {

/// Axis of the outputs and of the depth in the weights of a Conv, Gemm or MatMul.
struct WeightAxes {
  int output = 0;
  int depth = 1;
};

inline WeightAxes weight_axes(const graph::Operator& op) {
  const graph::Gemm* gemm = op.get_if<graph::Gemm>();
  if (op.is<graph::Conv>() || (gemm != nullptr && gemm->trans_b)) return {0, 1};
  return {1, 0};
}

/// The granularity of a format, with the axes of a node's weights. Groups run along the depth; where that is a single
/// element, as in a depthwise convolution, a group would be one weight, and the format's groups become channels.
inline quantize::Granularity granularity_for(const graph::Operator& op, const Shape& weights,
                                             const quantize::NumberFormat& format) {
  const WeightAxes axes = weight_axes(op);
  const bool grouped = format.granularity.kind == quantize::Granularity::Kind::per_group;
  if (grouped && weights[axes.depth] > 1) {
    return quantize::Granularity::per_group(axes.depth, format.granularity.group_size);
  }
  const bool per_tensor = format.granularity.kind == quantize::Granularity::Kind::per_tensor;
  return per_tensor ? quantize::Granularity::per_tensor() : quantize::Granularity::per_channel(axes.output);
}

/// Quantises the weights of a node. `least_scales`, if not empty, are lower bounds of the scales; where one binds, the
/// weights use fewer codes.
inline quantize::QuantizedTensor quantize_weights(const graph::Operator& op, const Tensor& weights,
                                                  const quantize::NumberFormat& format, bool search_range,
                                                  std::span<const float> least_scales = {}) {
  const quantize::Granularity granularity = granularity_for(op, weights.shape(), format);
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

/// Adds constants and a dequantisation that make the reals of a quantised tensor, and returns these.
inline graph::Value add_dequantized(graph::Graph& graph, const std::string& name,
                                    const quantize::QuantizedTensor& tensor) {
  const quantize::Granularity& granularity = tensor.parameters.granularity;
  const Index axis = granularity.axis;
  const Index block_size = granularity.group_size;
  const graph::Value scale = graph.constant(name + ".scale", quantize::scale_tensor(tensor.parameters, tensor.shape));
  if (tensor.levels.empty()) {
    std::vector<graph::Value> inputs{graph.constant(name + ".codes", quantize::integers(tensor)), scale};
    if (!tensor.parameters.zero_points.empty()) {
      inputs.push_back(
          graph.constant(name + ".zero_point", quantize::zero_point_tensor(tensor.parameters, tensor.shape)));
    }
    return graph.add(graph::DequantizeLinear{.axis = axis, .block_size = block_size}, std::move(inputs),
                     name + ".dequantize");
  }
  const graph::Value codes = graph.constant(name + ".codes", quantize::indices(tensor));
  const auto integers = quantize::integer_levels(tensor.levels);
  const Shape levels{static_cast<Index>(tensor.levels.size())};
  const graph::Value codebook = graph.constant(
      name + ".codebook", integers ? Tensor::of<std::int8_t>(levels, std::span<const std::int8_t>(*integers))
                                   : Tensor::of<float>(levels, std::span<const float>(tensor.levels)));
  return graph.add(graph::DequantizeCodebook{.axis = axis, .block_size = block_size}, {codes, codebook, scale},
                   name + ".dequantize");
}

/// Largest magnitude of an int32 bias: a quarter of the range stays free for each of the products and the zero point.
inline constexpr double kLargestBias = 0x1p30;

/// The least weight scales with which a bias fits int32 at the scale (input scale x weight scale).
inline std::vector<float> least_scales_for_bias(const Tensor& bias, float input_scale, std::size_t scales) {
  std::vector<float> least(scales, 0.0F);
  const std::span<const float> values = bias.values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double needed = std::abs(static_cast<double>(values[i])) / (kLargestBias * static_cast<double>(input_scale));
    float& scale = least[scales == 1 ? 0 : i];
    scale = std::max(scale, std::nextafter(static_cast<float>(needed), std::numeric_limits<float>::max()));
  }
  return least;
}

/// Adds an int32 bias whose scale is exactly input scale x weight scale, as integer kernels need it, and returns its
/// reals.
inline graph::Value add_quantized_bias(graph::Graph& graph, const std::string& name, const Tensor& bias,
                                       float input_scale, std::span<const float> weight_scales) {
  std::vector<float> scales;
  for (const float weight_scale : weight_scales) scales.push_back(input_scale * weight_scale);
  Tensor codes(DataType::int32, bias.shape());
  const std::span<const float> values = bias.values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double scale = scales[scales.size() == 1 ? 0 : i];
    codes.mutable_data<std::int32_t>()[i] = static_cast<std::int32_t>(std::nearbyint(values[i] / scale));
  }
  const Shape shape = scales.size() == 1 ? Shape{} : Shape{static_cast<Index>(scales.size())};
  const graph::Value scale = graph.constant(name + ".scale", Tensor::of<float>(shape, std::span<const float>(scales)));
  return graph.add(graph::DequantizeLinear{.axis = bias.shape().rank() - 1},
                   {graph.constant(name + ".codes", std::move(codes)), scale}, name + ".dequantize");
}

}  // namespace condense::compress::detail

#endif
