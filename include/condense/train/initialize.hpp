#ifndef CONDENSE_TRAIN_INITIALIZE_HPP
#define CONDENSE_TRAIN_INITIALIZE_HPP

#include <cmath>
#include <cstdint>
#include <string_view>

#include "condense/core/random.hpp"
#include "condense/train/parameters.hpp"

namespace condense::train {

/// How far random weights spread. With fan_in inputs to a unit and fan_out units that an input feeds, the variance is
/// 2 / fan (He et al., "Delving deep into rectifiers", ICCV 2015, equations 10 and 14: for ReLU, either fan) or
/// 2 / (fan_in + fan_out) (Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
/// networks", AISTATS 2010, equation 12: Xavier, for units that are linear around 0).
struct Initialization {
  enum class Variance { he_fan_in, he_fan_out, xavier };
  enum class Distribution { normal, uniform };

  Variance variance = Variance::he_fan_in;
  Distribution distribution = Distribution::normal;
};

/// Connections of the weights of a layer.
struct Fans {
  Index in = 1;
  Index out = 1;
};

/// Random weights of that shape, with mean 0 and the variance asked for.
inline Tensor random_weights(const Shape& shape, const Fans& fans, const Initialization& how, Random random) {
  require(fans.in >= 1 && fans.out >= 1, "weights {} have {} inputs and {} outputs; at least 1 of each is needed",
          shape.to_string(), fans.in, fans.out);
  double variance = 2.0 / static_cast<double>(fans.in + fans.out);
  if (how.variance == Initialization::Variance::he_fan_in) variance = 2.0 / static_cast<double>(fans.in);
  if (how.variance == Initialization::Variance::he_fan_out) variance = 2.0 / static_cast<double>(fans.out);
  const auto deviation = static_cast<float>(std::sqrt(variance));
  const auto bound = static_cast<float>(std::sqrt(3 * variance));
  Tensor weights(DataType::float32, shape);
  for (float& weight : weights.mutable_values<float>()) {
    weight = how.distribution == Initialization::Distribution::normal ? deviation * random.normal()
                                                                      : random.uniform(-bound, bound);
  }
  return weights;
}

/// The connections of the weights that a node reads as its input i. Throws unless they are weights of Conv, Gemm or
/// MatMul.
inline Fans fans(const graph::Node& node, std::size_t i, const Shape& weights) {
  if (const auto* conv = node.op.get_if<graph::Conv>(); conv != nullptr && i == 1) {
    const Index taps = weights.count(2, weights.rank());
    return {weights[1] * taps, weights[0] / conv->group * taps};
  }
  if (const auto* gemm = node.op.get_if<graph::Gemm>(); gemm != nullptr && i == 1) {
    return gemm->trans_b ? Fans{weights[1], weights[0]} : Fans{weights[0], weights[1]};
  }
  require(node.op.is<graph::MatMul>(), "node '{}' ({}): its input {} is no weight", node.name, node.op.type(), i);
  const Index rows = weights.rank() >= 2 ? weights[weights.rank() - 2] : 1;
  const Index columns = weights[weights.rank() - 1];
  if (weights.rank() == 1) return {columns, 1};
  return i == 1 ? Fans{rows, columns} : Fans{columns, rows};
}

/// The graph with new parameters: random weights, biases 0, scales 1, and the running mean and variance of batch
/// normalisation 0 and 1. Every tensor has a stream of its own that follows from its name, so it does not depend on
/// what else the graph holds.
inline graph::Graph initialize(graph::Graph graph, std::uint64_t seed, const Initialization& how = {}) {
  const auto stream_of = [](std::string_view name) {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
  };
  const auto fill = [&](graph::Value value, float number) {
    Tensor tensor(DataType::float32, graph.constant(value).shape());
    for (float& element : tensor.mutable_values<float>()) element = number;
    graph.set_constant(value, std::move(tensor));
  };
  for (const Parameter& parameter : parameters(graph)) {
    const graph::Node& node = graph.nodes()[static_cast<std::size_t>(parameter.node)];
    const Shape& shape = graph.constant(parameter.value).shape();
    if (parameter.role == Role::weight) {
      const Random random(seed, stream_of(graph.name(parameter.value)));
      graph.set_constant(parameter.value, random_weights(shape, fans(node, parameter.input, shape), how, random));
    } else {
      fill(parameter.value, parameter.role == Role::scale ? 1.0F : 0.0F);
    }
  }
  for (const graph::Node& node : graph.nodes()) {
    if (!node.op.is<graph::BatchNormalization>()) continue;
    if (graph.is_constant(node.inputs[3])) fill(node.inputs[3], 0);
    if (graph.is_constant(node.inputs[4])) fill(node.inputs[4], 1);
  }
  return graph;
}

}  // namespace condense::train

#endif
