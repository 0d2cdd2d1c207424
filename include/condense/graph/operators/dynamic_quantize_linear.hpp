#ifndef CONDENSE_GRAPH_OPERATORS_DYNAMIC_QUANTIZE_LINEAR_HPP
#define CONDENSE_GRAPH_OPERATORS_DYNAMIC_QUANTIZE_LINEAR_HPP

#include "condense/graph/reference/elementwise.hpp"
#include "condense/quantize/affine.hpp"

namespace condense::graph {

namespace reference {

/// The parameters with which DynamicQuantizeLinear quantises values in [min, max] to uint8, min <= 0 <= max.
inline quantize::Affine dynamic_parameters(float min, float max) {
  constexpr quantize::IntegerType type = quantize::kUint8;
  if (!(max > min)) return {};
  const float scale = (max - min) / 255;
  return {scale, round_to_code(-min / scale, 0, type.lowest(), type.highest())};
}

/// Those of `count` values; NaNs are left out of the range.
inline quantize::Affine dynamic_parameters(const float* x, Index count) {
  float min = 0;
  float max = 0;
  for (Index i = 0; i < count; ++i) {
    min = std::min(min, x[i]);
    max = std::max(max, x[i]);
  }
  return dynamic_parameters(min, max);
}

}  // namespace reference

/// Quantises a tensor, float32, to uint8 by its own range, widened to contain 0: scale = (max - min) / 255, zero_point
/// = saturate(round_half_even(-min / scale)), computed in float32; see `quantize::quantize_value`. A range of zero
/// width gives scale 1, zero point 0. Outputs: the codes; the scale and the zero point, scalars. ONNX
/// DynamicQuantizeLinear.
struct DynamicQuantizeLinear {
  static constexpr std::string_view kType = "DynamicQuantizeLinear";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    require(inputs.type(0) == DataType::float32, "its input 0 is float32, this one is {}", name(inputs.type(0)));
    return {{DataType::uint8, inputs.shape(0)}, {DataType::float32, {}}, {DataType::uint8, {}}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const float* x = e.input().as<float>();
    const Index count = e.input().count();
    constexpr quantize::IntegerType type = quantize::kUint8;
    const quantize::Affine affine = reference::dynamic_parameters(x, count);
    *e.output(1).as<float>() = affine.scale;
    *e.output(2).as<std::uint8_t>() = static_cast<std::uint8_t>(affine.zero_point);
    auto* y = e.output().as<std::uint8_t>();
    parallel_for(e.pool, count, reference::kElementwiseGrain, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) y[i] = static_cast<std::uint8_t>(quantize_value(x[i], affine, type));
    });
  }

  friend bool operator==(const DynamicQuantizeLinear&, const DynamicQuantizeLinear&) = default;
};

}  // namespace condense::graph

#endif
