#ifndef CONDENSE_GRAPH_OPERATORS_MUL_HPP
#define CONDENSE_GRAPH_OPERATORS_MUL_HPP

#include "condense/graph/reference/broadcast.hpp"

namespace condense::graph {

/// The product of two tensors of one type, broadcast as NumPy does. Integers wrap. ONNX Mul.
struct Mul {
  static constexpr std::string_view kType = "Mul";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_binary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_binary(e, reference::wrapping([](auto a, auto b) { return a * b; }));
  }

  friend bool operator==(const Mul&, const Mul&) = default;
};

}  // namespace condense::graph

#endif
