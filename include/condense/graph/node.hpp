#ifndef CONDENSE_GRAPH_NODE_HPP
#define CONDENSE_GRAPH_NODE_HPP

#include <algorithm>
#include <string>

#include "condense/graph/operator.hpp"

namespace condense::graph {

/// A value of a graph: an input, a constant, or an output of a node. A handle that stays valid while the graph lives.
struct Value {
  int index = -1;

  bool exists() const noexcept { return index >= 0; }
  friend auto operator<=>(const Value&, const Value&) = default;
};

/// Stands for an absent optional input of a node.
inline constexpr Value kNoValue{};

/// One application of an operator.
struct Node {
  std::string name;
  Operator op;
  std::vector<Value> inputs;  ///< An absent optional input is `kNoValue`.
  std::vector<Value> outputs;
};

/// Runs `body` and puts the node and its operator before what it complains about.
template <class Body>
decltype(auto) naming_node(const Node& node, Body&& body) {
  try {
    return body();
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(fmt::format("node '{}' ({}): {}", node.name, node.op.type(), error.what()));
  } catch (const Unsupported& error) {
    throw Unsupported(fmt::format("node '{}' ({}): {}", node.name, node.op.type(), error.what()));
  }
}

/// The output types of a node on inputs of the given types; extents that depend on values which are not known are
/// `kDynamic`. As many as the node has outputs, or any number above 0 if it is not in a graph yet and has none. Throws
/// `InvalidArgument` or `Unsupported` that name the node and operator.
inline std::vector<TensorType> infer_node(const Node& node, std::span<const std::optional<InputTypes::Input>> inputs) {
  return naming_node(node, [&] {
    std::vector<TensorType> types = node.op.infer(InputTypes(inputs));
    require(!types.empty(), "it has no outputs");
    require(node.outputs.empty() || types.size() == node.outputs.size(),
            "it makes {} outputs of these inputs, in the graph it has {}", types.size(), node.outputs.size());
    return types;
  });
}

/// One node on given tensors: infers the outputs' types, makes them by `make(type, shape)` and evaluates them. An
/// absent optional input is null.
template <class Make>
std::vector<Tensor> evaluate_node(const Node& node, std::span<const Tensor* const> inputs, const ThreadPool& pool,
                                  Make&& make) {
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
  return naming_node(node, [&] {
    std::vector<Tensor> results;
    if (node.op.computes()) {
      results = node.op.compute(inputs, pool);
      require(results.size() == types.size(), "it made {} outputs, it should have made {}", results.size(),
              types.size());
      return results;
    }
    std::vector<OutputBuffer> targets;
    for (const TensorType& type : types) results.push_back(make(type.type, type.shape));
    for (Tensor& tensor : results) targets.push_back({{tensor.type(), tensor.shape()}, tensor.mutable_raw()});
    node.op.evaluate({sources, targets, pool});
    return results;
  });
}
inline std::vector<Tensor> evaluate_node(const Node& node, std::span<const Tensor* const> inputs,
                                         const ThreadPool& pool = {}) {
  return evaluate_node(node, inputs, pool, [](DataType type, const Shape& shape) { return Tensor(type, shape); });
}

/// The outputs of a node as far as they are known without its being run: those that follow from constants and shapes,
/// such as the new shape of a Reshape that a network computes. Empty if they are not.
///
/// The work is small whatever a file asks for: the outputs together, and each input whose elements are read, have at
/// most 128 elements, where an extent of 0 counts as 1, and operators that can take any time are left out.
inline std::vector<Tensor> known_outputs(const Node& node, std::span<const std::optional<InputTypes::Input>> inputs,
                                         std::span<const TensorType> types) {
  constexpr Index kMostElements = 128;
  const auto size_of = [](const Shape& shape) {
    Index size = 1;
    for (const Index extent : shape) size *= std::max<Index>(extent, 1);
    return size;
  };
  if (node.op.takes_any_time()) return {};
  Index room = kMostElements;
  for (const TensorType& type : types) {
    if (!type.shape.is_concrete() || size_of(type.shape) > room) return {};
    room -= size_of(type.shape);
  }
  if (node.op.reads_types_only()) {
    std::vector<InputBuffer> sources;
    for (const auto& input : inputs) sources.push_back(input ? InputBuffer{input->type, nullptr} : InputBuffer{});
    std::vector<Tensor> results;
    std::vector<OutputBuffer> targets;
    for (const TensorType& type : types) results.emplace_back(type.type, type.shape);
    for (Tensor& tensor : results) targets.push_back({{tensor.type(), tensor.shape()}, tensor.mutable_raw()});
    node.op.evaluate({sources, targets, ThreadPool{}});
    return results;
  }
  std::vector<const Tensor*> tensors;
  for (const auto& input : inputs) {
    if (input && (input->known == nullptr || size_of(input->type.shape) > kMostElements)) return {};
    tensors.push_back(input ? input->known : nullptr);
  }
  return evaluate_node(node, tensors);
}

}  // namespace condense::graph

#endif
