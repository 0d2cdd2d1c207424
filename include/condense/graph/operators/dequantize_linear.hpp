#ifndef CONDENSE_GRAPH_OPERATORS_DEQUANTIZE_LINEAR_HPP
#define CONDENSE_GRAPH_OPERATORS_DEQUANTIZE_LINEAR_HPP

#include "condense/graph/reference/codes.hpp"
#include "condense/graph/reference/scale_input.hpp"
#include "condense/quantize/affine.hpp"

namespace condense::graph {

/// y = (x - zero_point) * scale, see `quantize::dequantize_value`. ONNX DequantizeLinear.
///
/// Inputs: x, an integer of 8, 4 or 2 bits, or int32 (a bias); scale, float32: a scalar, a vector along `axis`, or with
/// `block_size` the shape of x with the axis divided by it, rounding up; optional zero point of the type of x and the
/// scale's shape, 0 if absent. The result is float32.
struct DequantizeLinear {
  static constexpr std::string_view kType = "DequantizeLinear";

  Index axis = 1;        ///< Of the channels or blocks; a negative one counts from the back.
  Index block_size = 0;  ///< Elements of a block; 0 for per tensor or per channel.

  static void attributes(auto& op, auto&& visit) {
    visit("axis", op.axis);
    visit("block_size", op.block_size);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 3);
    require(is_quantized(inputs.type(0)) || inputs.type(0) == DataType::int32,
            "its input 0 is an integer of 8, 4 or 2 bits, or int32; this one is {}", name(inputs.type(0)));
    reference::check_scale(inputs, 1, axis, block_size);
    reference::check_zero_point(inputs);
    inputs.require_same_type(2);
    return {{DataType::float32, inputs.shape(0)}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const float* scales = e.input(1).as<float>();
    float* y = e.output().as<float>();
    const auto layout = reference::scale_layout(e.input(0).shape(), e.input(1).shape(), 1, axis, block_size);
    const DataType type = e.input(0).type.type;
    if (type == DataType::int32) {
      const std::int32_t* x = e.input(0).as<std::int32_t>();
      reference::for_each_element(layout, e.output().count(), e.pool, [&](Index element, Index scale) {
        const std::int64_t zero_point = e.has(2) ? e.input(2).as<std::int32_t>()[scale] : 0;
        y[element] = static_cast<float>(x[element] - zero_point) * scales[scale];
      });
      return;
    }
    reference::with_codes(type, [&]<class Code>() {
      reference::for_each_element(layout, e.output().count(), e.pool, [&](Index element, Index scale) {
        const quantize::Affine affine{scales[scale], e.has(2) ? Code::load(e.input(2).data, scale) : 0};
        y[element] = quantize::dequantize_value(Code::load(e.input(0).data, element), affine);
      });
    });
  }

  friend bool operator==(const DequantizeLinear&, const DequantizeLinear&) = default;
};

}  // namespace condense::graph

#endif
