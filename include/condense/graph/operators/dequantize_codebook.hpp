#ifndef CONDENSE_GRAPH_OPERATORS_DEQUANTIZE_CODEBOOK_HPP
#define CONDENSE_GRAPH_OPERATORS_DEQUANTIZE_CODEBOOK_HPP

#include "condense/graph/reference/codes.hpp"
#include "condense/graph/reference/scale_input.hpp"

namespace condense::graph {

/// y = codebook[code] * scale: weights whose levels are not evenly spaced, such as powers of two, sums of powers of two
/// or the centres of clusters. An operator of condense's own.
///
/// Inputs: codes, uint8, uint4 or uint2; codebook (levels), float32 or int8; scale, float32, laid out as that of
/// `DequantizeLinear`. The result is float32. A code that the codebook has no level for throws `InvalidArgument`: when
/// the codes are a constant already as the types are inferred, otherwise in the evaluation.
struct DequantizeCodebook {
  static constexpr std::string_view kType = "DequantizeCodebook";

  Index axis = 1;        ///< Of the channels or blocks; a negative one counts from the back.
  Index block_size = 0;  ///< Elements of a block; 0 for per tensor or per channel.

  static void attributes(auto& op, auto&& visit) {
    visit("axis", op.axis);
    visit("block_size", op.block_size);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(3, 3);
    const DataType type = inputs.type(0);
    require(type == DataType::uint8 || type == DataType::uint4 || type == DataType::uint2,
            "its input 0, the codes, is uint8, uint4 or uint2; this one is {}", name(type));
    inputs.require_rank(1, 1);
    require(inputs.type(1) == DataType::float32 || inputs.type(1) == DataType::int8,
            "its input 1, the codebook, is float32 or int8; this one is {}", name(inputs.type(1)));
    reference::check_scale(inputs, 2, axis, block_size);
    const Index levels = inputs.shape(1)[0];
    if (const Tensor* codes = inputs.known(0); codes != nullptr && levels < Index{1} << bits(type)) {
      reference::with_codes(type, [&]<class Code>() {
        for (Index i = 0; i < codes->count(); ++i) check(Code::load(codes->raw(), i), i, levels);
      });
    }
    return {{DataType::float32, inputs.shape(0)}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    if (e.input(1).type.type == DataType::int8) {
      look_up(e, e.input(1).as<std::int8_t>());
    } else {
      look_up(e, e.input(1).as<float>());
    }
  }

  friend bool operator==(const DequantizeCodebook&, const DequantizeCodebook&) = default;

 private:
  static void check(std::int32_t code, Index element, Index levels) {
    require(code < levels, "its input 0 holds the code {} at element {}, its codebook has {} levels", code, element,
            levels);
  }

  template <class Level>
  void look_up(const Evaluation& e, const Level* codebook) const {
    const Index levels = e.input(1).count();
    const float* scales = e.input(2).as<float>();
    float* y = e.output().as<float>();
    const auto layout = reference::scale_layout(e.input(0).shape(), e.input(2).shape(), 2, axis, block_size);
    reference::with_codes(e.input(0).type.type, [&]<class Code>() {
      reference::for_each_element(layout, e.output().count(), e.pool, [&](Index element, Index scale) {
        const std::int32_t code = Code::load(e.input(0).data, element);
        check(code, element, levels);
        y[element] = static_cast<float>(codebook[code]) * scales[scale];
      });
    });
  }
};

}  // namespace condense::graph

#endif
