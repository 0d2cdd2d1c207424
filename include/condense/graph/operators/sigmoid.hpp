#ifndef CONDENSE_GRAPH_OPERATORS_SIGMOID_HPP
#define CONDENSE_GRAPH_OPERATORS_SIGMOID_HPP

#include <cmath>

#include "condense/graph/reference/elementwise.hpp"

namespace condense::graph {

/// y = 1 / (1 + exp(-x)), without overflow for any x. ONNX Sigmoid.
struct Sigmoid {
  static constexpr std::string_view kType = "Sigmoid";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary(inputs); }
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary(e, [](auto x) {
      using T = decltype(x);
      const T small = std::exp(-std::abs(x));
      return (x < 0 ? small : T{1}) / (T{1} + small);
    });
  }

  friend bool operator==(const Sigmoid&, const Sigmoid&) = default;
};

}  // namespace condense::graph

#endif
