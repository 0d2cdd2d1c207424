#ifndef CONDENSE_GRAPH_OPERATORS_LEAKY_RELU_HPP
#define CONDENSE_GRAPH_OPERATORS_LEAKY_RELU_HPP

#include "condense/graph/reference/elementwise.hpp"

namespace condense::graph {

/// y = x for x >= 0, otherwise alpha * x. ONNX LeakyRelu.
struct LeakyRelu {
  static constexpr std::string_view kType = "LeakyRelu";

  float alpha = 0.01F;

  static void attributes(auto& op, auto&& visit) { visit("alpha", op.alpha); }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary(e, [this](auto x) { return x < 0 ? static_cast<decltype(x)>(alpha) * x : x; });
  }

  friend bool operator==(const LeakyRelu&, const LeakyRelu&) = default;
};

}  // namespace condense::graph

#endif
