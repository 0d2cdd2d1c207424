#ifndef CONDENSE_GRAPH_OPERATORS_SOFTMAX_HPP
#define CONDENSE_GRAPH_OPERATORS_SOFTMAX_HPP

#include "condense/graph/reference/activation_functions.hpp"
#include "condense/graph/reference/along_axis.hpp"

namespace condense::graph {

/// y = exp(x) / sum of exp(x) along one axis, after subtracting the maximum so that nothing overflows. ONNX Softmax,
/// opset 13 and later.
struct Softmax {
  static constexpr std::string_view kType = "Softmax";

  Index axis = -1;

  static void attributes(auto& op, auto&& visit) { visit("axis", op.axis); }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_along(inputs, axis); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_along(e, axis, []<class T>(const T* x, T* y, Index extent, Index stride) {
      reference::softmax(x, y, extent, stride);
    });
  }

  friend bool operator==(const Softmax&, const Softmax&) = default;
};

}  // namespace condense::graph

#endif
