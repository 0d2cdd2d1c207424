#ifndef CONDENSE_GRAPH_OPERATORS_CAST_HPP
#define CONDENSE_GRAPH_OPERATORS_CAST_HPP

#include "condense/graph/reference/cast.hpp"

namespace condense::graph {

/// y = x in another type, see `reference::cast`. ONNX Cast.
struct Cast {
  static constexpr std::string_view kType = "Cast";

  DataType to = DataType::float32;

  static void attributes(auto& op, auto&& visit) { visit("to", op.to); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    return {{to, inputs.shape(0)}};
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::cast(e);
  }

  friend bool operator==(const Cast&, const Cast&) = default;
};

}  // namespace condense::graph

#endif
