#ifndef CONDENSE_TESTS_COMPRESS_CLOSENESS_HPP
#define CONDENSE_TESTS_COMPRESS_CLOSENESS_HPP

#include "compress/quantized.hpp"
#include "condense/quantize/distortion.hpp"

namespace condense::compress {

inline double sqnr(const Tensor& reference, const Tensor& tensor) {
  return quantize::distortion(reference, tensor).sqnr_decibels();
}

inline Tensor normal(const Shape& shape, std::uint64_t seed, float deviation = 1) {
  Random random(seed);
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.mutable_values<float>()) value = deviation * random.normal();
  return tensor;
}

/// What a quantised graph gives is close to what the network gave, and what its program gives to that; names are kept.
inline void expect_close(const PostTrainingResult& result, const graph::Graph& network,
                         const std::vector<Tensor>& inputs, double least = 25) {
  const std::vector<Tensor> expected = graph::evaluate(network, inputs);
  const std::vector<Tensor> evaluated = graph::evaluate(result.graph, inputs);
  const std::vector<Tensor> compiled = run_compiled(result.graph, inputs, 2);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_GT(sqnr(expected[i], evaluated[i]), least) << i;
    EXPECT_GT(sqnr(evaluated[i], compiled[i]), 45) << i;
    EXPECT_EQ(result.graph.name(result.graph.outputs()[i]), network.name(network.outputs()[i]));
  }
}

}  // namespace condense::compress

#endif
