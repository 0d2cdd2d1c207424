#ifndef CONDENSE_COMPRESS_EARLY_EXIT_IPP
#define CONDENSE_COMPRESS_EARLY_EXIT_IPP

#include <algorithm>
#include <memory>
#include <numeric>

#include "condense/compress/detail/node_copier.hpp"
#include "condense/compress/early_exit.hpp"
#include "condense/core/inline.hpp"
#include "condense/graph/operators.hpp"
#include "condense/train/initialize.hpp"

namespace condense::compress {

namespace detail {

/// Which nodes of a graph some value depends on.
inline std::vector<bool> ancestors(const graph::Graph& graph, graph::Value value) {
  const std::vector<int> producers = graph.producers();
  std::vector<bool> found(graph.nodes().size(), false);
  std::vector<graph::Value> pending{value};
  while (!pending.empty()) {
    const graph::Value next = pending.back();
    pending.pop_back();
    const int n = next.exists() ? producers[static_cast<std::size_t>(next.index)] : -1;
    if (n < 0 || found[static_cast<std::size_t>(n)]) continue;
    found[static_cast<std::size_t>(n)] = true;
    const std::vector<graph::Value>& inputs = graph.nodes()[static_cast<std::size_t>(n)].inputs;
    pending.insert(pending.end(), inputs.begin(), inputs.end());
  }
  return found;
}

/// The nodes that make `result` from what other nodes make, as a graph; `captures` are the values that it reads.
inline std::shared_ptr<const graph::Graph> rest_of(const graph::Graph& graph, const std::vector<bool>& is_part,
                                                   graph::Value result, std::vector<graph::Value>& captures) {
  graph::Graph body;
  NodeCopier copier(graph, body);
  std::vector<bool> is_there(static_cast<std::size_t>(graph.value_count()), false);
  const auto require_input = [&](graph::Value value) {
    if (!value.exists() || graph.is_constant(value) || is_there[static_cast<std::size_t>(value.index)]) return;
    is_there[static_cast<std::size_t>(value.index)] = true;
    captures.push_back(value);
    copier.place_input(value);
  };
  for (std::size_t n = 0; n < is_part.size(); ++n) {
    if (!is_part[n]) continue;
    for (const graph::Value output : graph.nodes()[n].outputs) is_there[static_cast<std::size_t>(output.index)] = true;
  }
  for (std::size_t n = 0; n < is_part.size(); ++n) {
    if (is_part[n]) std::ranges::for_each(graph.nodes()[n].inputs, require_input);
  }
  require_input(result);
  for (std::size_t n = 0; n < is_part.size(); ++n) {
    if (is_part[n]) copier.copy(graph.nodes()[n]);
  }
  body.output(copier.copy_of(result));
  return std::make_shared<const graph::Graph>(std::move(body));
}

/// A graph that gives its input back; through a node, since ONNX Runtime refuses branches without one.
inline std::shared_ptr<const graph::Graph> unchanged(const graph::TensorType& type) {
  graph::Graph body;
  body.output(body.add(graph::Identity{}, {body.input("logits", type.type, type.shape)}));
  return std::make_shared<const graph::Graph>(std::move(body));
}

}  // namespace detail

CONDENSE_INLINE graph::Graph add_early_exit(graph::Graph graph, const std::string& at, const EarlyExitConfig& config) {
  require(!graph.outputs().empty() && graph.type(graph.outputs()[0]).shape.rank() == 2,
          "an exit gives what the first output does, logits (n x classes); this graph has none");
  require(config.grid >= 1, "the means of an exit are of 1 part or more along an axis, not {}", config.grid);
  graph::Value value = graph.find(at);
  const Shape shape = graph.type(value).shape;
  require(!graph.is_constant(value) && shape.rank() >= 2, "the value '{}' of shape {} has no channels to classify by",
          at, shape.to_string());
  std::vector<Index> part;
  Index features = shape[1];
  for (int axis = 2; axis < shape.rank(); ++axis) {
    require(shape[axis] % config.grid == 0, "the value '{}' of shape {} cannot be divided into {} parts along axis {}",
            at, shape.to_string(), config.grid, axis);
    part.push_back(shape[axis] / config.grid);
    features *= config.grid;
  }
  if (!part.empty()) {
    graph::Operator mean = graph::GlobalAveragePool{};
    if (config.grid > 1) mean = graph::AveragePool{.kernel_shape = part, .strides = part};
    value = graph.add(std::move(mean), {value}, at + ".exit.mean");
    value = graph.add(graph::Flatten{}, {value}, at + ".exit.flat");
  }
  const Index classes = graph.type(graph.outputs()[0]).shape[1];
  const train::Initialization how{.variance = train::Initialization::Variance::xavier};
  const graph::Value weights = graph.constant(
      at + ".exit.weight", train::random_weights({classes, features}, {features, classes}, how, Random(config.seed)));
  const graph::Value bias = graph.constant(at + ".exit.bias", Tensor(DataType::float32, {classes}));
  graph.output(graph.add(graph::Gemm{.trans_b = true}, {value, weights, bias}, at + ".exit"));
  return graph;
}

CONDENSE_INLINE train::Objective joint_objective(const graph::Graph& graph, std::vector<double> weights) {
  require(weights.size() == graph.outputs().size(), "the graph has {} outputs, {} weights are given",
          graph.outputs().size(), weights.size());
  const std::vector<graph::Value> outputs(graph.outputs().begin(), graph.outputs().end());
  return [outputs, weights = std::move(weights)](const train::ForwardPass& pass, const train::Batch& batch) {
    train::ObjectiveValue result;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      train::LossValue loss = train::SoftmaxCrossEntropy{}(pass.value(outputs[i]), batch.targets);
      result.value += weights[i] * loss.value;
      for (float& slope : loss.gradient.mutable_values<float>()) slope *= static_cast<float>(weights[i]);
      result.gradients.push_back({outputs[i], std::move(loss.gradient)});
    }
    return result;
  };
}

CONDENSE_INLINE graph::Graph to_early_exit(const graph::Graph& original, const std::vector<float>& thresholds) {
  require(original.outputs().size() >= 2, "the graph has no exits; add_early_exit makes some");
  require(thresholds.size() + 1 == original.outputs().size(), "the graph has {} exits, {} thresholds are given",
          original.outputs().size() - 1, thresholds.size());
  graph::Graph graph = original;
  const std::vector<bool> is_of_end = detail::ancestors(original, original.outputs()[0]);
  const auto depth = [&](std::size_t i) {  // the last node that the end needs, too
    const std::vector<bool> is_of_exit = detail::ancestors(original, original.outputs()[i + 1]);
    std::size_t last = 0;
    for (std::size_t n = 0; n < is_of_exit.size(); ++n) last = is_of_exit[n] && is_of_end[n] ? n : last;
    return last;
  };
  std::vector<std::size_t> exits(thresholds.size());
  std::iota(exits.begin(), exits.end(), std::size_t{0});
  std::ranges::sort(exits, std::greater<>(), depth);  // the last one is a part of what follows the others
  graph::Value result = original.outputs()[0];
  for (const std::size_t i : exits) {
    const graph::Value logits = original.outputs()[i + 1];
    require(graph.type(logits) == graph.type(result), "the exit '{}' has shape {}, the first output {}",
            graph.name(logits), graph.type(logits).shape.to_string(), graph.type(result).shape.to_string());
    const std::string name = graph.name(logits);
    std::vector<bool> is_rest = detail::ancestors(graph, result);
    const std::vector<bool> is_before = detail::ancestors(graph, logits);
    for (std::size_t n = 0; n < is_rest.size(); ++n) is_rest[n] = is_rest[n] && !is_before[n];
    std::vector<graph::Value> captures;
    const auto rest = detail::rest_of(graph, is_rest, result, captures);
    const auto constant = [&](const std::string& part, Tensor tensor) {
      return graph.constant(graph.unused_value_name(name + part), std::move(tensor));
    };
    const graph::Value probabilities = graph.add(graph::Softmax{.axis = 1}, {logits}, name + ".probabilities");
    const graph::Value largest = graph.add(
        graph::ReduceMax{}, {probabilities, constant(".axes", Tensor::of<std::int64_t>({1}, {1}))}, name + ".largest");
    const graph::Value threshold = constant(".threshold", Tensor::scalar(thresholds[i]));
    std::vector<graph::Value> inputs{graph.add(graph::GreaterOrEqual{}, {largest, threshold}, name + ".is_sure"),
                                     logits};
    inputs.insert(inputs.end(), captures.begin(), captures.end());
    result = graph.add(graph::If{detail::unchanged(graph.type(logits)), rest}, std::move(inputs), name + ".if");
  }
  graph::Graph deployed;
  detail::NodeCopier copier(graph, deployed);
  for (const graph::Value input : graph.inputs()) {
    copier.place(input, deployed.input(graph.name(input), graph.type(input).type, graph.declared_shape(input),
                                       graph.type(input).shape));
  }
  const std::vector<bool> is_needed = detail::ancestors(graph, result);
  for (std::size_t n = 0; n < is_needed.size(); ++n) {
    if (is_needed[n]) copier.copy(graph.nodes()[n]);
  }
  const std::string& name = original.name(original.outputs()[0]);
  deployed.output(copier.copy_of(result), deployed.has_value_named(name) ? std::string() : name);
  return deployed;
}

}  // namespace condense::compress

#endif
