#ifndef CONDENSE_GRAPH_PASSES_EXPAND_ATTENTION_HPP
#define CONDENSE_GRAPH_PASSES_EXPAND_ATTENTION_HPP

#include <cmath>

#include "condense/graph/graph.hpp"
#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/attention.hpp"
#include "condense/graph/operators/layout.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/graph/operators/softmax.hpp"

namespace condense::graph {

namespace detail {

/// True for an attention that is two products with a Softmax between them.
inline bool is_plain_attention(const Graph& graph, const Node& node) {
  const auto* attention = node.op.get_if<Attention>();
  if (attention == nullptr || attention->is_causal || attention->softcap != 0) return false;
  for (const Value value : node.inputs) {
    if (value.exists() && graph.type(value).type != DataType::float32) return false;
  }
  const Shape& q = graph.type(node.inputs[0]).shape;
  return q.rank() == 4 && graph.type(node.inputs[1]).shape[1] == q[1];
}

/// The keys with their last two axes exchanged; of a Transpose what that reads.
inline Value transposed_keys(Graph& graph, const Node& node, const std::vector<int>& producers) {
  const Value keys = node.inputs[1];
  const int index = producers[static_cast<std::size_t>(keys.index)];
  const Node* producer = index < 0 ? nullptr : &graph.nodes()[static_cast<std::size_t>(index)];
  const auto* transpose = producer == nullptr ? nullptr : producer->op.get_if<Transpose>();
  if (transpose == nullptr || transpose->perm.empty()) {
    return graph.add(Transpose{.perm = {0, 1, 3, 2}}, {keys}, node.name + ".keys");
  }
  std::vector<Index> perm = transpose->perm;
  std::swap(perm[2], perm[3]);
  return graph.add(Transpose{.perm = std::move(perm)}, {producer->inputs[0]}, node.name + ".keys");
}

}  // namespace detail

/// Puts two MatMul, a Softmax, and what scales and masks the scores in the place of each Attention of as many heads of
/// keys as of queries, without causal mask and softcap, for which `predicate(node)` holds. The node of the last product
/// has the name of the attention. Outputs are the same up to rounding where every query sees a key.
template <class Predicate>
void expand_attention(Graph& graph, Predicate&& predicate) {
  const std::vector<int> producers = graph.producers();
  const int count = static_cast<int>(graph.nodes().size());
  for (int index = 0; index < count; ++index) {
    const Node node = graph.nodes()[static_cast<std::size_t>(index)];
    if (!detail::is_plain_attention(graph, node) || !predicate(node)) continue;
    const Index size = graph.type(node.inputs[0]).shape[3];
    const float scale = node.op.get_if<Attention>()->scale.value_or(1 / std::sqrt(static_cast<float>(size)));
    Value queries = node.inputs[0];
    if (scale != 1) {
      const std::string name = graph.unused_value_name(node.name + ".scale");
      queries = graph.add(Mul{}, {queries, graph.constant(name, Tensor::scalar(scale))}, node.name + ".queries");
    }
    const Value keys = detail::transposed_keys(graph, node, producers);
    Value scores = graph.add(MatMul{}, {queries, keys}, node.name + ".scores");
    if (node.inputs.size() > 3 && node.inputs[3].exists()) {
      scores = graph.add(Add{}, {scores, node.inputs[3]}, node.name + ".masked");
    }
    const Value shares = graph.add(Softmax{.axis = -1}, {scores}, node.name + ".softmax");
    graph.set_operator(index, MatMul{}, {shares, node.inputs[2]});
  }
  graph.sort();
}

}  // namespace condense::graph

#endif
