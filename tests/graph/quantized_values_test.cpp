#include "condense/graph/quantized_values.hpp"

#include <gtest/gtest.h>

#include "condense/graph/operators.hpp"

namespace condense::graph {
namespace {

TEST(QuantizedValues, AreActivationsAndConstantsWithTheirRanges) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {kDynamic, 2});
  const Value scale = graph.constant("scale", Tensor::of<float>({}, {0.5F}));
  const Value zero_point = graph.constant("zero_point", Tensor::of<std::uint8_t>({}, {10}));
  const Value codes = graph.add(QuantizeLinear{}, {x, scale, zero_point});
  const Value y = graph.add(DequantizeLinear{}, {codes, scale, zero_point});
  const Value weights = graph.constant("weights", Tensor::of<std::int8_t>({2, 2}, {-4, 2, 3, 100}));
  const Value scales = graph.constant("scales", Tensor::of<float>({2}, {2, 0.25F}));
  const Value w = graph.add(DequantizeLinear{.axis = 1}, {weights, scales});
  const Value bias = graph.constant("bias", Tensor::of<std::int32_t>({2}, {-1000, 500}));
  const Value b = graph.add(DequantizeLinear{}, {bias, scale});
  graph.output(graph.add(Gemm{}, {y, w, b}), "y");
  const std::vector<QuantizedValue> values = quantized_values(graph);
  ASSERT_EQ(values.size(), 3U);
  EXPECT_EQ(values[0].name, "x");
  EXPECT_FALSE(values[0].is_constant);
  EXPECT_EQ(values[0].type, DataType::uint8);
  EXPECT_EQ(values[0].scales, std::vector<float>{0.5F});
  EXPECT_EQ(values[0].zero_points, std::vector<std::int64_t>{10});
  EXPECT_EQ(values[0].low, -5);
  EXPECT_EQ(values[0].high, 122.5F);
  EXPECT_EQ(values[1].name, "weights");
  EXPECT_TRUE(values[1].is_constant);
  EXPECT_EQ(values[1].axis, 1);
  EXPECT_EQ(values[1].scales, (std::vector<float>{2, 0.25F}));
  EXPECT_EQ(values[1].zero_points, (std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(values[1].low, -8);
  EXPECT_EQ(values[1].high, 25);
  EXPECT_EQ(values[2].type, DataType::int32);
  EXPECT_EQ(values[2].low, -500);
  EXPECT_EQ(values[2].high, 250);
}

TEST(QuantizedValues, AreListedOnceAndOnlyWithScalesThatAreThere) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {4});
  const Value measured = graph.input("measured", DataType::float32, {});
  graph.output(graph.add(QuantizeLinear{}, {x, measured}));
  const Value codes = graph.constant("codes", Tensor::of<std::uint8_t>({2}, {0, 255}));
  const Value scale = graph.constant("scale", Tensor::of<float>({}, {1}));
  graph.output(graph.add(DequantizeLinear{}, {codes, scale}));
  graph.output(graph.add(DequantizeLinear{}, {codes, scale}));
  const std::vector<QuantizedValue> values = quantized_values(graph);
  ASSERT_EQ(values.size(), 1U);
  EXPECT_EQ(values[0].high, 255);
}

}  // namespace
}  // namespace condense::graph
