#ifndef CONDENSE_GRAPH_OPERATORS_QUANTIZE_LINEAR_HPP
#define CONDENSE_GRAPH_OPERATORS_QUANTIZE_LINEAR_HPP

#include "condense/graph/reference/codes.hpp"
#include "condense/graph/reference/scale_input.hpp"
#include "condense/quantize/affine.hpp"

namespace condense::graph {

/// y = saturate(round_half_even(x / scale) + zero_point), see `quantize::quantize_value`. ONNX QuantizeLinear.
///
/// Inputs: x, float32; scale, float32: a scalar, a vector along `axis`, or with `block_size` the shape of x with the
/// axis divided by it, rounding up; optional zero point of the scale's shape, 0 if absent. The result has the type of
/// the zero point, without one `output_dtype`, without that uint8: an integer of 8, 4 or 2 bits.
struct QuantizeLinear {
  static constexpr std::string_view kType = "QuantizeLinear";

  Index axis = 1;        ///< Of the channels or blocks; a negative one counts from the back.
  Index block_size = 0;  ///< Elements of a block; 0 for per tensor or per channel.
  std::optional<DataType> output_dtype = {};

  static void attributes(auto& op, auto&& visit) {
    visit("axis", op.axis);
    visit("block_size", op.block_size);
    visit("output_dtype", op.output_dtype);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 3);
    require(inputs.type(0) == DataType::float32, "its input 0 is float32, this one is {}", name(inputs.type(0)));
    reference::check_scale(inputs, 1, axis, block_size);
    reference::check_zero_point(inputs);
    require(!inputs.has(2) || !output_dtype || inputs.type(2) == *output_dtype,
            "its input 2, the zero point, is {} and its attribute output_dtype {}; they must agree",
            inputs.has(2) ? name(inputs.type(2)) : "", output_dtype ? name(*output_dtype) : "");
    const DataType type = inputs.has(2) ? inputs.type(2) : output_dtype.value_or(DataType::uint8);
    require(is_quantized(type), "its result is an integer of 8, 4 or 2 bits, not {}", name(type));
    return {{type, inputs.shape(0)}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const float* x = e.input(0).as<float>();
    const float* scales = e.input(1).as<float>();
    const auto layout = reference::scale_layout(e.input(0).shape(), e.input(1).shape(), 1, axis, block_size);
    const DataType type = e.output().type.type;
    const quantize::IntegerType codes = quantize::integer_type(type);
    reference::with_codes(type, [&]<class Code>() {
      reference::for_each_element(layout, e.output().count(), e.pool, [&](Index element, Index scale) {
        const quantize::Affine affine{scales[scale], e.has(2) ? Code::load(e.input(2).data, scale) : 0};
        Code::store(e.output().data, element, quantize::quantize_value(x[element], affine, codes));
      });
    });
  }

  friend bool operator==(const QuantizeLinear&, const QuantizeLinear&) = default;
};

}  // namespace condense::graph

#endif
