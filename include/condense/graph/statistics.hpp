#ifndef CONDENSE_GRAPH_STATISTICS_HPP
#define CONDENSE_GRAPH_STATISTICS_HPP

#include <algorithm>
#include <cstdint>
#include <set>

#include "condense/graph/graph.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/conv_transpose.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/mat_mul.hpp"

namespace condense::graph {

namespace detail {

/// Calls `body(tensor)` once for each constant that a node reads or that is an output.
template <class Body>
void for_each_constant(const Graph& graph, Body&& body) {
  std::set<Value> used(graph.outputs().begin(), graph.outputs().end());
  for (const Node& node : graph.nodes()) used.insert(node.inputs.begin(), node.inputs.end());
  for (const Value value : used) {
    if (const Tensor* constant = graph.constant_if(value)) body(*constant);
  }
}

}  // namespace detail

/// Bytes of everything that the graph stores: weights, biases, scales, zero points, codebooks and other constants, each
/// in its own type and once. Names and structure are not counted.
inline std::size_t stored_bytes(const Graph& graph) {
  std::size_t total = 0;
  detail::for_each_constant(graph, [&](const Tensor& tensor) { total += tensor.bytes(); });
  return total;
}

/// Number of floating-point constants' elements: the parameters of a float network.
inline Index parameter_count(const Graph& graph) {
  Index total = 0;
  detail::for_each_constant(graph, [&](const Tensor& tensor) {
    if (is_float(tensor.type())) total += tensor.count();
  });
  return total;
}

/// Multiply-accumulates of a convolution or matrix product at batch 1; 0 for other nodes. A transposed convolution has
/// those of the pixels that its pads cut off, too.
inline std::int64_t multiply_accumulates(const Graph& graph, const Node& node) {
  const bool is_transposed = node.op.is<ConvTranspose>();
  if (!is_transposed && !node.op.is<Conv>() && !node.op.is<Gemm>() && !node.op.is<MatMul>()) return 0;
  const Shape& result = graph.type(node.outputs[0]).shape;
  const Shape& input = graph.type(node.inputs[0]).shape;
  const Shape& weights = graph.type(node.inputs[1]).shape;
  if (node.op.is<Conv>()) return std::int64_t{result.count()} * weights.count(1, weights.rank());
  if (is_transposed) return std::int64_t{input.count()} * weights.count(1, weights.rank());
  const Gemm* gemm = node.op.get_if<Gemm>();
  return std::int64_t{result.count()} * (gemm != nullptr && gemm->trans_a ? input[0] : input[input.rank() - 1]);
}

}  // namespace condense::graph

#endif
