#ifndef CONDENSE_GRAPH_OPERATORS_RELU_HPP
#define CONDENSE_GRAPH_OPERATORS_RELU_HPP

#include "condense/graph/reference/elementwise.hpp"

namespace condense::graph {

/// y = max(x, 0); a NaN stays NaN. ONNX Relu.
struct Relu {
  static constexpr std::string_view kType = "Relu";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary_number(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary_number(e, [](auto x) { return x < 0 ? decltype(x){0} : x; });
  }

  friend bool operator==(const Relu&, const Relu&) = default;
};

}  // namespace condense::graph

#endif
