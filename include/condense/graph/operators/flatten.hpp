#ifndef CONDENSE_GRAPH_OPERATORS_FLATTEN_HPP
#define CONDENSE_GRAPH_OPERATORS_FLATTEN_HPP

#include <cstring>

#include "condense/graph/operator.hpp"

namespace condense::graph {

/// The elements as a matrix: the axes before `axis` are the rows, the others the columns. Any type. ONNX Flatten.
struct Flatten {
  static constexpr std::string_view kType = "Flatten";

  Index axis = 1;  ///< In [-rank, rank]; a negative one counts from the back.

  static void attributes(auto& op, auto&& visit) { visit("axis", op.axis); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    const Shape& shape = inputs.shape(0);
    const Index rank = shape.rank();
    require(axis >= -rank && axis <= rank, "its attribute axis is {}, its input 0 of shape {} allows {} to {}", axis,
            shape.to_string(), -rank, rank);
    const auto split = static_cast<int>(axis < 0 ? axis + rank : axis);
    return {{inputs.type(0), Shape{shape.count(0, split), shape.count(split, shape.rank())}}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    std::memcpy(e.output().data, e.input().data, bytes(e.input().type.type, e.input().count()));
  }

  friend bool operator==(const Flatten&, const Flatten&) = default;
};

}  // namespace condense::graph

#endif
