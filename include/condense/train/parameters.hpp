#ifndef CONDENSE_TRAIN_PARAMETERS_HPP
#define CONDENSE_TRAIN_PARAMETERS_HPP

#include <algorithm>
#include <vector>

#include "condense/graph/graph.hpp"
#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/batch_normalization.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/dequantize_linear.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/graph/operators/quantize_linear.hpp"

namespace condense::train {

/// What a constant is to the node that reads it.
enum class Role { none, weight, bias, scale };

/// The role of input i of a node: weights and biases of Conv, Gemm and MatMul, scale and bias of BatchNormalization,
/// and the operands of Add (bias) and Mul (scale).
inline Role role(const graph::Node& node, std::size_t i) {
  if (node.op.is<graph::Conv>() || node.op.is<graph::Gemm>())
    return i == 1 ? Role::weight : i == 2 ? Role::bias : Role::none;
  if (node.op.is<graph::MatMul>()) return Role::weight;
  if (node.op.is<graph::BatchNormalization>()) return i == 1 ? Role::scale : i == 2 ? Role::bias : Role::none;
  if (node.op.is<graph::Add>()) return Role::bias;
  if (node.op.is<graph::Mul>()) return Role::scale;
  return Role::none;
}

/// A constant that training changes, and the input that it is for.
struct Parameter {
  graph::Value value;
  Role role = Role::none;
  int node = 0;           ///< Index into the graph's nodes.
  std::size_t input = 0;  ///< Of that node.
};

/// The parameters of a graph: its float constants that have a role, also if they reach their node through
/// QuantizeLinear and DequantizeLinear. In the order of the nodes; a shared one counts for the first. A constant of a
/// single element that is added or multiplied is a setting (a sixth, 255), not a parameter.
inline std::vector<Parameter> parameters(const graph::Graph& graph) {
  const std::vector<int> producer = graph.producers();
  const auto origin = [&](graph::Value value) {
    while (value.exists() && producer[static_cast<std::size_t>(value.index)] >= 0) {
      const graph::Node& node =
          graph.nodes()[static_cast<std::size_t>(producer[static_cast<std::size_t>(value.index)])];
      if (!node.op.is<graph::QuantizeLinear>() && !node.op.is<graph::DequantizeLinear>()) break;
      value = node.inputs[0];
    }
    return value;
  };
  std::vector<Parameter> found;
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const graph::Node& node = graph.nodes()[n];
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const Role what = role(node, i);
      if (what == Role::none) continue;
      const graph::Value value = origin(node.inputs[i]);
      const Tensor* constant = graph.constant_if(value);
      if (constant == nullptr || !is_float(constant->type())) continue;
      if (constant->count() == 1 && (node.op.is<graph::Add>() || node.op.is<graph::Mul>())) continue;
      if (std::ranges::find(found, value, &Parameter::value) != found.end()) continue;
      found.push_back({value, what, static_cast<int>(n), i});
    }
  }
  return found;
}

}  // namespace condense::train

#endif
