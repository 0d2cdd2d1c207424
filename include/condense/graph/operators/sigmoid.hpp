#ifndef CONDENSE_GRAPH_OPERATORS_SIGMOID_HPP
#define CONDENSE_GRAPH_OPERATORS_SIGMOID_HPP

#include "condense/graph/reference/activation_functions.hpp"
#include "condense/graph/reference/elementwise.hpp"

namespace condense::graph {

/// y = 1 / (1 + exp(-x)), without overflow for any x. ONNX Sigmoid.
struct Sigmoid {
  static constexpr std::string_view kType = "Sigmoid";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary(e, [](auto x) { return reference::sigmoid(x); });
  }

  friend bool operator==(const Sigmoid&, const Sigmoid&) = default;
};

}  // namespace condense::graph

#endif
