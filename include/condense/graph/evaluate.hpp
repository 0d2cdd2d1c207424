#ifndef CONDENSE_GRAPH_EVALUATE_HPP
#define CONDENSE_GRAPH_EVALUATE_HPP

#include <functional>
#include <initializer_list>

#include "condense/graph/graph.hpp"

namespace condense::graph {

/// How a graph is evaluated.
struct EvaluateOptions {
  ThreadPool pool;

  /// Sees every value that is computed or fed, in the order of the nodes; calibration listens here. May be empty.
  std::function<void(Value, const Tensor&)> on_value;
};

/// The type of every value when the inputs have the given shapes, in the order of `graph.inputs()`; entry i belongs to
/// `Value{i}`. Throws `InvalidArgument` if a shape contradicts the declared one, or an operator refuses it.
inline std::vector<TensorType> infer_types(const Graph& graph, std::span<const Shape> input_shapes) {
  require(input_shapes.size() == graph.inputs().size(), "the graph has {} inputs, {} shapes are given",
          graph.inputs().size(), input_shapes.size());
  std::vector<TensorType> types;
  for (int i = 0; i < graph.value_count(); ++i) types.push_back(graph.type(Value{i}));
  for (std::size_t i = 0; i < input_shapes.size(); ++i) {
    const Value value = graph.inputs()[i];
    graph.require_fits(value, {graph.type(value).type, input_shapes[i]});
    types[static_cast<std::size_t>(value.index)].shape = input_shapes[i];
  }
  for (const Node& node : graph.nodes()) {
    const std::vector<TensorType> outputs =
        graph.infer(node, [&](Value value) { return types[static_cast<std::size_t>(value.index)]; });
    for (std::size_t i = 0; i < outputs.size(); ++i)
      types[static_cast<std::size_t>(node.outputs[i].index)] = outputs[i];
  }
  return types;
}

/// One node on given tensors: infers the outputs' types, allocates and evaluates them. An absent optional input is
/// null.
inline std::vector<Tensor> evaluate_node(const Node& node, std::span<const Tensor* const> inputs,
                                         const ThreadPool& pool = {}) {
  std::vector<std::optional<InputTypes::Input>> known;
  std::vector<InputBuffer> sources;
  for (const Tensor* tensor : inputs) {
    if (tensor == nullptr) {
      known.emplace_back();
      sources.emplace_back();
      continue;
    }
    const TensorType type{tensor->type(), tensor->shape()};
    known.push_back(InputTypes::Input{type, tensor});
    sources.push_back({type, tensor->raw()});
  }
  const std::vector<TensorType> types = infer_node(node, known);
  std::vector<Tensor> results;
  std::vector<OutputBuffer> targets;
  for (const TensorType& type : types) results.emplace_back(type.type, type.shape);
  for (Tensor& tensor : results) targets.push_back({{tensor.type(), tensor.shape()}, tensor.mutable_raw()});
  node.op.evaluate({sources, targets, pool});
  return results;
}

/// Runs the graph in its reference semantics and returns its outputs. `inputs` are in the order of `graph.inputs()`.
///
/// A tensor is released after its last use. Throws `InvalidArgument` naming the input or node if a type or shape does
/// not fit. The result does not depend on the number of threads.
inline std::vector<Tensor> evaluate(const Graph& graph, std::span<const Tensor> inputs,
                                    const EvaluateOptions& options = {}) {
  require(inputs.size() == graph.inputs().size(), "the graph has {} inputs, {} tensors are given",
          graph.inputs().size(), inputs.size());
  std::vector<std::optional<Tensor>> values(static_cast<std::size_t>(graph.value_count()));
  std::vector<int> pending_uses(values.size(), 0);
  for (const Node& node : graph.nodes()) {
    for (const Value value : node.inputs) {
      if (value.exists()) ++pending_uses[static_cast<std::size_t>(value.index)];
    }
  }
  for (const Value value : graph.outputs()) ++pending_uses[static_cast<std::size_t>(value.index)];

  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Value value = graph.inputs()[i];
    graph.require_fits(value, {inputs[i].type(), inputs[i].shape()});
    if (options.on_value) options.on_value(value, inputs[i]);
    values[static_cast<std::size_t>(value.index)] = inputs[i];
  }

  const auto tensor_of = [&](Value value) -> const Tensor* {
    if (!value.exists()) return nullptr;
    if (const Tensor* constant = graph.constant_if(value)) return constant;
    return &*values[static_cast<std::size_t>(value.index)];
  };
  std::vector<const Tensor*> arguments;
  for (const Node& node : graph.nodes()) {
    arguments.clear();
    for (const Value value : node.inputs) arguments.push_back(tensor_of(value));
    std::vector<Tensor> results = evaluate_node(node, arguments, options.pool);
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (options.on_value) options.on_value(node.outputs[i], results[i]);
      values[static_cast<std::size_t>(node.outputs[i].index)] = std::move(results[i]);
    }
    for (const Value value : node.inputs) {
      if (value.exists() && --pending_uses[static_cast<std::size_t>(value.index)] == 0) {
        values[static_cast<std::size_t>(value.index)].reset();
      }
    }
  }
  std::vector<Tensor> outputs;
  for (const Value value : graph.outputs()) outputs.push_back(*tensor_of(value));
  return outputs;
}

inline std::vector<Tensor> evaluate(const Graph& graph, std::initializer_list<Tensor> inputs,
                                    const EvaluateOptions& options = {}) {
  return evaluate(graph, std::span<const Tensor>(inputs.begin(), inputs.size()), options);
}

}  // namespace condense::graph

#endif
