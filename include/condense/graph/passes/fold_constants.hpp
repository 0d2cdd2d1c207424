#ifndef CONDENSE_GRAPH_PASSES_FOLD_CONSTANTS_HPP
#define CONDENSE_GRAPH_PASSES_FOLD_CONSTANTS_HPP

#include "condense/graph/detail/rewrite.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators/dequantize_codebook.hpp"
#include "condense/graph/operators/dequantize_linear.hpp"

namespace condense::graph {

/// Evaluates the nodes all of whose inputs are constants and puts their results, as constants of the same names, in
/// their place. Outputs are the same bytes.
///
/// DequantizeLinear and DequantizeCodebook stay: they mark a weight as stored in fewer bits.
inline void fold_constants(Graph& graph) {
  std::unordered_set<std::string> folded;
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const Node node = graph.nodes()[n];
    const auto is_known = [&](Value value) { return !value.exists() || graph.is_constant(value); };
    if (node.op.is<DequantizeLinear>() || node.op.is<DequantizeCodebook>()) continue;
    if (!std::ranges::all_of(node.inputs, is_known)) continue;
    std::vector<const Tensor*> inputs;
    for (const Value value : node.inputs) inputs.push_back(graph.constant_if(value));
    std::vector<Tensor> results = evaluate_node(node, inputs);
    for (std::size_t i = 0; i < results.size(); ++i) {
      const std::string name = detail::unused_value_name(graph, graph.name(node.outputs[i]) + ".folded");
      const Value constant = graph.constant(name, std::move(results[i]));
      detail::take_name(graph, node.outputs[i], constant);
      graph.replace_uses(node.outputs[i], constant);
    }
    folded.insert(node.name);
  }
  graph.remove_nodes([&](const Node& node) { return folded.contains(node.name); });
  graph.sort();
}

}  // namespace condense::graph

#endif
