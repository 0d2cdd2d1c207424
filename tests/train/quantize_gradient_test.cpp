#include <gtest/gtest.h>

#include "condense/graph/operators/dequantize_linear.hpp"
#include "condense/graph/operators/quantize_linear.hpp"
#include "condense/quantize/affine.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

Tensor ramp(Index count, float first, float step) {
  Tensor x(DataType::float32, {count});
  for (Index i = 0; i < count; ++i) x.mutable_data<float>()[i] = first + step * static_cast<float>(i);
  return x;
}

// x -> quantise -> dequantise, and the gradient of sum(weights * result).
struct Pair {
  graph::Graph g;
  graph::Value x, codes;

  Pair(const Shape& shape, const Tensor& scale, const Tensor& zero_point, Index axis = 0, Index block_size = 0) {
    x = g.input("x", DataType::float32, shape);
    const graph::Value s = g.constant("scale", scale), z = g.constant("zero_point", zero_point);
    codes = g.add(graph::QuantizeLinear{.axis = axis, .block_size = block_size}, {x, s, z}, "quantize");
    g.output(g.add(graph::DequantizeLinear{.axis = axis, .block_size = block_size}, {codes, s, z}, "dequantize"));
  }
};

TEST(QuantizeGradient, PassesStraightThroughWithinTheRangeAndStopsOutside) {
  const float scale = 0.125F;
  for (const std::int32_t zero_point : {0, 3, -128, 127}) {
    const Pair pair({601}, Tensor::scalar(scale), Tensor::scalar(static_cast<std::int8_t>(zero_point)));
    const Tensor x = ramp(601, -37.51F, scale);  // every code and many that saturate; none at half a step
    Tensor weights(DataType::float32, {601});
    for (Index i = 0; i < 601; ++i) weights.mutable_data<float>()[i] = static_cast<float>(i % 7) - 3.0F;
    const std::vector<graph::Value> wanted = {pair.x, pair.codes};
    ForwardPass pass(pair.g, {&x, 1}, wanted);
    const std::vector<Tensor> gradients = pass.backpropagate({{pair.g.outputs()[0], weights}});
    int inside = 0;
    for (Index i = 0; i < 601; ++i) {
      const double code = std::nearbyint(static_cast<double>(x.data<float>()[i]) / 0.125) + zero_point;
      const bool passes = code >= -128 && code <= 127;
      inside += passes ? 1 : 0;
      // A power of two as scale: dividing by it and multiplying with it again is exact.
      EXPECT_EQ(gradients[0].data<float>()[i], passes ? weights.data<float>()[i] : 0.0F) << i;
      EXPECT_EQ(gradients[1].data<float>()[i], weights.data<float>()[i] * scale) << i;
    }
    EXPECT_EQ(inside, 256);
  }
}

TEST(QuantizeGradient, UsesTheScaleOfEachChannelAndGroup) {
  const Tensor x = Tensor::of<float>({2, 4}, {0.9F, -1.1F, 0.9F, -1.1F, 0.9F, -1.1F, 0.9F, -1.1F});
  const Tensor ones = Tensor::of<float>({2, 4}, {1, 1, 1, 1, 1, 1, 1, 1});
  const auto gradient = [&](const Pair& pair) {
    ForwardPass pass(pair.g, {&x, 1}, pair.g.inputs());
    return pass.backpropagate({{pair.g.outputs()[0], ones}})[0];
  };
  // int4 reaches to 7.5 steps: 0.1 saturates 0.9 and -1.1, 1 neither.
  const std::byte zero{0};
  Tensor two(DataType::int4, {2}), four(DataType::int4, {2, 2});
  *two.mutable_raw() = zero;
  const Pair channels({2, 4}, Tensor::of<float>({2}, {0.1F, 1}), two, 0);
  EXPECT_EQ(gradient(channels), Tensor::of<float>({2, 4}, {0, 0, 0, 0, 1, 1, 1, 1}));
  const Pair groups({2, 4}, Tensor::of<float>({2, 2}, {0.1F, 1, 1, 0.1F}), four, 1, 2);
  EXPECT_EQ(gradient(groups), Tensor::of<float>({2, 4}, {0, 0, 1, 1, 1, 1, 0, 0}));
}

TEST(QuantizeGradient, RefusesScalesAsParameters) {
  const Pair pair({4}, Tensor::scalar(0.5F), Tensor::scalar(std::int8_t{0}));
  const Tensor x = ramp(4, -1, 0.5F);
  const std::vector<graph::Value> wanted = {pair.g.find("scale")};
  ForwardPass pass(pair.g, {&x, 1}, wanted);
  try {
    static_cast<void>(pass.backpropagate({{pair.g.outputs()[0], x}}));
    FAIL() << "accepted";
  } catch (const Unsupported& error) {
    EXPECT_NE(std::string(error.what()).find("node 'dequantize'"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace condense::train
