#ifndef CONDENSE_GRAPH_PASSES_FOLD_CONSTANTS_HPP
#define CONDENSE_GRAPH_PASSES_FOLD_CONSTANTS_HPP

#include "condense/graph/detail/bindings.hpp"
#include "condense/graph/detail/editor.hpp"
#include "condense/graph/operators/dequantize_codebook.hpp"
#include "condense/graph/operators/dequantize_linear.hpp"

namespace condense::graph {

namespace detail {

/// How much memory folded constants may take.
class FoldingBudget {
 public:
  explicit FoldingBudget(const Graph& graph) {
    for (int i = 0; i < graph.value_count(); ++i) {
      if (const Tensor* tensor = graph.constant_if(Value{i})) left_ += 4 * tensor->bytes();
    }
  }

  /// True, and taken off what is left, if results of that size may stand for inputs of that size.
  bool takes(std::size_t result_bytes, std::size_t input_bytes) {
    if (result_bytes > std::max<std::size_t>(64 << 10, 4 * input_bytes) || result_bytes > left_) return false;
    left_ -= result_bytes;
    return true;
  }

 private:
  std::size_t left_ = std::size_t{64} << 20;
};

/// The outputs of a node that are the same in every run, if the node is one to fold.
inline std::vector<Tensor> folded_outputs(const Bindings& bindings, FoldingBudget& budget, const Node& node,
                                          std::span<const Tensor* const> inputs, bool constant) {
  std::size_t input_bytes = 0;
  for (const Tensor* input : inputs) input_bytes += input == nullptr ? 0 : input->bytes();
  if (constant) {
    try {
      std::vector<std::optional<InputTypes::Input>> known;
      for (const Tensor* input : inputs) {
        known.emplace_back();
        if (input != nullptr) known.back() = InputTypes::Input{{input->type(), input->shape()}, input};
      }
      const std::vector<TensorType> types = infer_node(node, known);
      const bool is_open = std::ranges::any_of(types, [](const TensorType& type) { return !type.shape.is_concrete(); });
      std::size_t result_bytes = 0;
      if (!is_open) {
        for (const TensorType& type : types) result_bytes += condense::bytes(type.type, type.shape.count());
        if (!budget.takes(result_bytes, input_bytes)) return {};
      }
      std::vector<Tensor> results = evaluate_node(node, inputs);
      for (const Tensor& result : results) result_bytes += is_open ? result.bytes() : 0;
      return !is_open || budget.takes(result_bytes, input_bytes) ? results : std::vector<Tensor>();
    } catch (const Error&) {
      return {};  // it may never be run
    }
  }
  std::vector<Tensor> results;
  for (const Value output : node.outputs) {
    const Tensor* fixed = bindings.fixed_value(output);
    if (fixed == nullptr) return {};
    results.push_back(*fixed);
  }
  return results;
}

}  // namespace detail

/// Puts constants in the place of the outputs of nodes all of whose inputs are constants, and of values that are known
/// without a run and the same for every binding of the open dimensions, such as an extent that a network asks for. They
/// have the same names. Outputs are the same bytes.
///
/// DequantizeLinear and DequantizeCodebook stay: they mark a weight as stored in fewer bits. So do operators that can
/// take any time, and nodes that refuse their inputs. No results are larger than 64 KiB and four times their node's
/// inputs, nor all together than 64 MiB and four times the constants of the graph: a file cannot ask for more memory
/// than it is worth. Nodes that nothing reads any more are left to `remove_dead_nodes`.
inline void fold_constants(Graph& graph) {
  const detail::Bindings bindings(graph);
  detail::FoldingBudget budget(graph);
  detail::Editor editor(graph);
  for (int index = 0; index < editor.node_count(); ++index) {
    const Node node = editor.node(index);
    if (node.op.is<DequantizeLinear>() || node.op.is<DequantizeCodebook>() || node.op.takes_any_time()) continue;
    std::vector<const Tensor*> inputs;
    for (const Value value : node.inputs) inputs.push_back(graph.constant_if(editor.current(value)));
    bool constant = true;
    for (std::size_t i = 0; i < inputs.size(); ++i) constant &= inputs[i] != nullptr || !node.inputs[i].exists();
    std::vector<Tensor> results = detail::folded_outputs(bindings, budget, node, inputs, constant);
    if (results.empty()) continue;
    for (std::size_t i = 0; i < results.size() && i < node.outputs.size(); ++i) {
      const std::string name = graph.unused_value_name(graph.name(node.outputs[i]) + ".folded");
      editor.replace_and_rename(node.outputs[i], graph.constant(name, std::move(results[i])));
    }
    editor.remove(index);
  }
  editor.finish();
}

}  // namespace condense::graph

#endif
