#ifndef CONDENSE_GRAPH_PASSES_CLEAN_UP_HPP
#define CONDENSE_GRAPH_PASSES_CLEAN_UP_HPP

#include "condense/graph/passes/cancel_transposes.hpp"
#include "condense/graph/passes/fold_constants.hpp"
#include "condense/graph/passes/fold_pads.hpp"
#include "condense/graph/passes/fold_scaling.hpp"
#include "condense/graph/passes/fuse_attention.hpp"
#include "condense/graph/passes/fuse_clip.hpp"
#include "condense/graph/passes/fuse_gelu.hpp"
#include "condense/graph/passes/fuse_hard_swish.hpp"
#include "condense/graph/passes/fuse_layer_normalization.hpp"
#include "condense/graph/passes/fuse_leaky_relu.hpp"
#include "condense/graph/passes/fuse_swish.hpp"
#include "condense/graph/passes/inline_if.hpp"
#include "condense/graph/passes/remove_dead_nodes.hpp"
#include "condense/graph/passes/remove_identities.hpp"

namespace condense::graph {

inline void clean_up(Graph& graph);

namespace detail {

/// Cleans up the graphs that the nodes of a graph run.
inline void clean_up_bodies(Graph& graph) {
  const auto cleaned = [](const std::shared_ptr<const Graph>& body) -> std::shared_ptr<const Graph> {
    if (body == nullptr) return nullptr;
    Graph copy = *body;
    clean_up(copy);
    return std::make_shared<const Graph>(std::move(copy));
  };
  for (int index = 0; index < static_cast<int>(graph.nodes().size()); ++index) {
    const Operator op = graph.nodes()[static_cast<std::size_t>(index)].op;
    if (const auto* choice = op.get_if<If>()) {
      If changed = *choice;
      changed.then_branch = cleaned(choice->then_branch);
      changed.else_branch = cleaned(choice->else_branch);
      graph.set_operator(index, std::move(changed));
    } else if (const auto* loop = op.get_if<Loop>()) {
      Loop changed = *loop;
      changed.body = cleaned(loop->body);
      graph.set_operator(index, std::move(changed));
    } else if (const auto* scan = op.get_if<Scan>()) {
      Scan changed = *scan;
      changed.body = cleaned(scan->body);
      graph.set_operator(index, std::move(changed));
    }
  }
}

}  // namespace detail

/// Simplifies a graph as files have it: each pass of this folder that makes fewer nodes of more, or operators that mean
/// something of those they are written with, and the same in the graphs that its nodes run.
///
/// Ifs that always go one way are inlined; what does not change becomes constants; identities, transposes that cancel
/// and dead nodes go; layer normalisation, attention, Gelu, HardSwish, Swish, LeakyRelu and Clip are found; pads, batch
/// normalisation and channel scalings fold into the products at them. Inputs and outputs keep their names, types and
/// order, and outputs agree up to rounding, as each pass says. The work is proportional to the size of the graph but
/// for the depth of Ifs in Ifs.
inline void clean_up(Graph& graph) {
  inline_if(graph);
  remove_dead_nodes(graph);
  fold_constants(graph);
  remove_identities(graph);
  fuse_layer_normalization(graph);
  fuse_gelu(graph);
  fuse_hard_swish(graph);
  fuse_swish(graph);
  fuse_leaky_relu(graph);
  fuse_attention(graph);
  fuse_clip(graph);
  fold_pads(graph);
  cancel_transposes(graph);
  fold_scaling(graph);
  fold_constants(graph);  // of what has become constant, or nothing reads any more
  remove_identities(graph);
  remove_dead_nodes(graph);
  detail::clean_up_bodies(graph);
}

}  // namespace condense::graph

#endif
