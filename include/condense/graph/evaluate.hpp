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

/// What follows from the shapes of the inputs; entry i belongs to `Value{i}`.
struct InferredValues {
  std::vector<TensorType> types;
  std::vector<std::optional<Tensor>> known;  ///< Of those that nodes make: small ones that need no run.
};

/// The type of every value when the inputs have the given shapes, in the order of `graph.inputs()`. Throws
/// `InvalidArgument` if a shape contradicts the declared one, or an operator refuses it, and `Unsupported` naming the
/// node if an extent depends on values that are only known when the graph is run.
inline InferredValues infer_values(const Graph& graph, std::span<const Shape> input_shapes) {
  require(input_shapes.size() == graph.inputs().size(), "the graph has {} inputs, {} shapes are given",
          graph.inputs().size(), input_shapes.size());
  InferredValues result;
  auto& [types, known] = result;
  known.resize(static_cast<std::size_t>(graph.value_count()));
  for (int i = 0; i < graph.value_count(); ++i) types.push_back(graph.type(Value{i}));
  for (std::size_t i = 0; i < input_shapes.size(); ++i) {
    const Value value = graph.inputs()[i];
    graph.require_fits(value, {graph.type(value).type, input_shapes[i]});
    types[static_cast<std::size_t>(value.index)].shape = input_shapes[i];
  }
  std::vector<std::optional<InputTypes::Input>> inputs;
  for (const Node& node : graph.nodes()) {
    inputs.clear();
    for (const Value value : node.inputs) {
      inputs.emplace_back();
      if (!value.exists()) continue;
      const auto index = static_cast<std::size_t>(value.index);
      const Tensor* tensor = known[index] ? &*known[index] : graph.constant_if(value);
      inputs.back() = InputTypes::Input{types[index], tensor};
    }
    const std::vector<TensorType> outputs = infer_node(node, inputs);
    const std::vector<Tensor> values = known_outputs(node, inputs, outputs);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i].shape.is_concrete()) {
        throw Unsupported(
            fmt::format("node '{}' ({}): the shape {} of its output {} depends on values that are only known when the "
                        "graph is run; make those constants, or evaluate the graph node by node",
                        node.name, node.op.type(), outputs[i].shape.to_string(), i));
      }
      types[static_cast<std::size_t>(node.outputs[i].index)] = outputs[i];
      if (!values.empty()) known[static_cast<std::size_t>(node.outputs[i].index)] = values[i];
    }
  }
  return result;
}

/// The types alone.
inline std::vector<TensorType> infer_types(const Graph& graph, std::span<const Shape> input_shapes) {
  return infer_values(graph, input_shapes).types;
}

/// Runs the graph in its reference semantics and returns its outputs. `inputs` are in the order of `graph.inputs()`.
///
/// A tensor is released after its last use. Throws `InvalidArgument` naming the input or node if a type or shape does
/// not fit, and `std::bad_alloc` if a result that can be addressed does not fit into memory. The result does not depend
/// on the number of threads.
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
