#ifndef CONDENSE_GRAPH_OPERATORS_DROPOUT_HPP
#define CONDENSE_GRAPH_OPERATORS_DROPOUT_HPP

#include <cstring>

#include "condense/graph/reference/halves.hpp"

namespace condense::graph {

/// Dropout as a network in use has it: y = x (Srivastava et al., "Dropout", JMLR 2014). ONNX Dropout.
///
/// Inputs: x, floats; optional scalar ratio, of any float type; optional scalar training mode, boolean. A second output
/// holds the mask of what is kept: true everywhere. A training mode of true with a ratio above 0, which would draw
/// random numbers, throws `Unsupported`.
struct Dropout {
  static constexpr std::string_view kType = "Dropout";

  std::optional<Index> seed = {};  ///< Of random numbers; there are none.
  OutputCount outputs = {};        ///< 1, or 2 with the mask.

  static void attributes(auto& op, auto&& visit) {
    visit("seed", op.seed);
    visit("outputs", op.outputs);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 3);
    reference::require_any_float(inputs, 0);
    reference::require_any_float(inputs, 1);
    for (const std::size_t i : {1U, 2U}) {
      require(!inputs.has(i) || inputs.shape(i).count() == 1, "its input {} is a scalar, this one has shape {}", i,
              inputs.has(i) ? inputs.shape(i).to_string() : "");
    }
    require(!inputs.has(2) || inputs.type(2) == DataType::boolean, "its input 2, the training mode, is boolean, not {}",
            inputs.has(2) ? name(inputs.type(2)) : "");
    require(outputs.count == 1 || outputs.count == 2, "it has 1 or 2 outputs, not {}", outputs.count);
    if (outputs.count == 1) return {inputs[0]};
    return {inputs[0], {DataType::boolean, inputs.shape(0)}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    if (e.has(2) && *e.input(2).as<bool>() && ratio(e) != 0) {
      throw Unsupported(fmt::format(
          "its training mode (input 2) is true with a ratio of {}; make it false or the ratio 0", ratio(e)));
    }
    std::memcpy(e.output().data, e.input().data, bytes(e.input().type.type, e.input().count()));
    if (e.outputs.size() > 1) std::fill_n(e.output(1).as<bool>(), e.output(1).count(), true);
  }

  friend bool operator==(const Dropout&, const Dropout&) = default;

 private:
  static double ratio(const Evaluation& e) {
    if (!e.has(1)) return 0.5;
    const InputBuffer& input = e.input(1);
    if (input.type.type == DataType::float64) return *input.as<double>();
    float converted = 0;
    return static_cast<double>(*reference::read_elements<float>(input.type.type, input.data, 0, 1, &converted));
  }
};

}  // namespace condense::graph

#endif
