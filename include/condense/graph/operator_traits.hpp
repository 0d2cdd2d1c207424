#ifndef CONDENSE_GRAPH_OPERATOR_TRAITS_HPP
#define CONDENSE_GRAPH_OPERATOR_TRAITS_HPP

#include "condense/graph/graph.hpp"
#include "condense/graph/operators.hpp"

namespace condense::graph {

namespace detail {

template <class List>
struct Contains;
template <OperatorType... Types>
struct Contains<OperatorList<Types...>> {
  static bool any(const Operator& op) { return (op.is<Types>() || ...); }
};

/// Functions of one number, and what has such a function with its other inputs given.
using ElementMaps =
    OperatorList<Abs, Acos, Acosh, Asin, Asinh, Atan, Atanh, Ceil, Celu, Clip, Cos, Cosh, Elu, Erf, Exp, Floor, Gelu,
                 HardSigmoid, HardSwish, LeakyRelu, Log, Mish, Neg, Reciprocal, Relu, Round, Selu, Shrink, Sigmoid,
                 Sign, Sin, Sinh, Softplus, Softsign, Sqrt, Swish, Tan, Tanh, ThresholdedRelu>;

/// Functions of two numbers.
using PairMaps = OperatorList<Add, Div, Max, Min, Mul, Pow, PRelu, Sub>;

using ElementMoves =
    OperatorList<Concat, DepthToSpace, Expand, Flatten, Gather, GatherElements, GatherND, Identity, MaxPool, ReduceMax,
                 ReduceMin, Reshape, ReverseSequence, Slice, SpaceToDepth, Split, Squeeze, Tile, Transpose, Unsqueeze>;

}  // namespace detail

/// True for operators each element of whose results is an element of a data input (input 0, those of Concat all), taken
/// from where it lies or as the largest or smallest of some: they can work on codes in place of reals. Besides the
/// operators that always do, Pad, which adds elements, and Resize to the nearest neighbour.
inline bool moves_elements(const Operator& op) {
  if (const auto* resize = op.get_if<Resize>()) {
    return resize->mode == ResizeMode::nearest &&
           resize->coordinate_transformation_mode != CoordinateTransformation::tf_crop_and_resize;
  }
  return op.is<Pad>() || detail::Contains<detail::ElementMoves>::any(op);
}

/// The input that a node maps element by element with a function of one number; none if it does something else. Clip
/// has constant bounds then, and operators of two inputs have one constant number: of codes such a node is a table.
/// `constant_count(value)` is the number of elements of a value that is given, -1 if it is not.
template <class ConstantCount>
std::optional<std::size_t> mapped_input(const Graph& graph, const Node& node, ConstantCount&& constant_count) {
  if (detail::Contains<detail::ElementMaps>::any(node.op)) {
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
      if (node.inputs[i].exists() && constant_count(node.inputs[i]) < 0) return {};
    }
    return 0;
  }
  if (!detail::Contains<detail::PairMaps>::any(node.op) || node.inputs.size() != 2) return {};
  for (const std::size_t i : {0U, 1U}) {
    const Value other = node.inputs[1 - i];
    const bool keeps_shape = graph.type(node.inputs[i]).shape.rank() >= graph.type(other).shape.rank();
    if (keeps_shape && constant_count(other) == 1 && constant_count(node.inputs[i]) < 0) return i;
  }
  return {};
}
inline std::optional<std::size_t> mapped_input(const Graph& graph, const Node& node) {
  return mapped_input(graph, node, [&](Value value) -> Index {
    const Tensor* constant = graph.constant_if(value);
    return constant == nullptr ? -1 : constant->count();
  });
}

}  // namespace condense::graph

#endif
