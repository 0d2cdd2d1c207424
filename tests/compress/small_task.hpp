#ifndef CONDENSE_TESTS_COMPRESS_SMALL_TASK_HPP
#define CONDENSE_TESTS_COMPRESS_SMALL_TASK_HPP

#include "condense/core/random.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/train/fit.hpp"

namespace condense::compress {

/// Two layers (12 -> 16 -> 3) with random weights and small biases.
inline graph::Graph small_network(std::uint64_t seed) {
  graph::Graph graph;
  graph::Value value = graph.input("x", DataType::float32, {kDynamic, 12});
  Random random(seed);
  for (const auto& [name, outputs] : {std::pair{std::string("fc1"), Index{16}}, {std::string("fc2"), Index{3}}}) {
    const Index inputs = graph.type(value).shape[1];
    Tensor weights(DataType::float32, {outputs, inputs});
    for (float& weight : weights.mutable_values<float>()) weight = 0.4F * random.normal();
    Tensor bias(DataType::float32, {outputs});
    for (float& shift : bias.mutable_values<float>()) shift = 0.05F * random.normal();
    const graph::Value weight = graph.constant(name + ".weight", weights);
    const graph::Value shift = graph.constant(name + ".bias", bias);
    value = graph.add(graph::Gemm{.trans_b = true}, {value, weight, shift}, name);
    if (outputs > 3) value = graph.add(graph::Relu{}, {value}, name + ".relu");
  }
  graph.output(value, "y");
  return graph;
}

/// Clouds around three places, of which a network of that size gets nearly all right.
inline train::Dataset small_data(Index count, std::uint64_t seed) {
  train::Dataset data{Tensor(DataType::float32, {count, 12}), Tensor(DataType::int64, {count})};
  Random random(seed);
  for (Index i = 0; i < count; ++i) {
    const std::int64_t label = random.below(3);
    data.targets.mutable_data<std::int64_t>()[i] = label;
    for (Index k = 0; k < 12; ++k) {
      data.inputs.mutable_data<float>()[i * 12 + k] = (k % 3 == label ? 1.0F : 0.0F) + 0.6F * random.normal();
    }
  }
  return data;
}

}  // namespace condense::compress

#endif
