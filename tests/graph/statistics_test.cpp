#include "condense/graph/statistics.hpp"

#include <gtest/gtest.h>

#include "condense/graph/operators.hpp"
#include "graph/run.hpp"

namespace condense::graph {
namespace {

Tensor zeros(const Shape& shape, DataType type = DataType::float32) { return Tensor(type, shape); }

/// Of the node that computes a value.
std::int64_t work_of(const Graph& graph, Value value) {
  return multiply_accumulates(
      graph, graph.nodes()[static_cast<std::size_t>(graph.producers()[static_cast<std::size_t>(value.index)])]);
}

TEST(StoredBytes, CountsEachConstantInItsOwnTypeAndOnce) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {kDynamic, 6});
  const Value weights = graph.constant("w", zeros({6, 6}));
  const Value once = graph.add(MatMul{}, {x, weights});
  graph.output(graph.add(MatMul{}, {once, weights}));
  EXPECT_EQ(stored_bytes(graph), 6U * 6 * 4) << "both products read the same weights";
  EXPECT_EQ(parameter_count(graph), 36);
}

TEST(StoredBytes, CountsCodesScalesAndZeroPointsAsTheyAreStored) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {kDynamic, 5});
  const Value codes = graph.constant("codes", zeros({5, 7}, DataType::int4));
  const Value scales = graph.constant("scales", zeros({7}));
  const Value zero_points = graph.constant("zero_points", zeros({7}, DataType::int4));
  const Value weights = graph.add(DequantizeLinear{.axis = 1}, {codes, scales, zero_points});
  graph.output(graph.add(MatMul{}, {x, weights}));
  EXPECT_EQ(stored_bytes(graph), 18U + 28 + 4) << "35 codes of 4 bits, 7 scales, 7 zero points of 4 bits";
  EXPECT_EQ(parameter_count(graph), 7) << "integers are not counted, scales are";
}

TEST(StoredBytes, LeavesOutConstantsThatNothingReads) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {2});
  graph.constant("unused", zeros({1000}));
  graph.output(graph.add(Relu{}, {x}));
  EXPECT_EQ(stored_bytes(graph), 0U);
  EXPECT_EQ(parameter_count(graph), 0);
  graph.output(graph.constant("answer", zeros({3})));
  EXPECT_EQ(stored_bytes(graph), 12U) << "an output is stored though no node reads it";
}

TEST(MultiplyAccumulates, OfAConvolutionAreItsWeightsAtEveryPosition) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {kDynamic, 6, 9, 8});
  const Value full = graph.add(Conv{.strides = {2, 1}, .pads = {1, 1, 1, 1}},
                               {x, graph.constant("a", zeros({10, 6, 3, 3})), graph.constant("bias", zeros({10}))});
  EXPECT_EQ(work_of(graph, full), 10 * 5 * 8 * (6 * 9)) << "biases are sums only";
  const Value grouped = graph.add(Conv{.group = 3}, {x, graph.constant("b", zeros({9, 2, 1, 1}))});
  EXPECT_EQ(work_of(graph, grouped), 9 * 9 * 8 * 2) << "each output reads the channels of its group";
  const Value depthwise = graph.add(Conv{.group = 6}, {x, graph.constant("c", zeros({6, 1, 3, 3}))});
  EXPECT_EQ(work_of(graph, depthwise), 6 * 7 * 6 * 9);
  const Value relu = graph.add(Relu{}, {full});
  EXPECT_EQ(work_of(graph, relu), 0);
}

TEST(MultiplyAccumulates, OfATransposedConvolutionAreItsWeightsForEveryPixel) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {kDynamic, 6, 9, 8});
  const Value weights = graph.constant("a", zeros({6, 5, 2, 3}));
  const Value result = graph.add(ConvTranspose{.strides = {2, 3}, .group = 2}, {x, weights});
  EXPECT_EQ(work_of(graph, result), 6 * 9 * 8 * (5 * 2 * 3)) << "a pixel of a channel meets the weights of its channel";
}

TEST(MultiplyAccumulates, OfAProductAreItsDepthForEveryResult) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {kDynamic, 12});
  const Value gemm = graph.add(Gemm{}, {x, graph.constant("a", zeros({12, 5}))});
  EXPECT_EQ(work_of(graph, gemm), 12 * 5);
  const Value transposed = graph.add(Gemm{.trans_b = true}, {x, graph.constant("b", zeros({7, 12}))});
  EXPECT_EQ(work_of(graph, transposed), 12 * 7);
  const Value columns = graph.input("y", DataType::float32, {12, 3});
  const Value both = graph.add(Gemm{.trans_a = true, .trans_b = true}, {columns, graph.constant("c", zeros({7, 12}))});
  EXPECT_EQ(work_of(graph, both), 3 * 12 * 7);
  const Value sequences = graph.input("z", DataType::float32, {kDynamic, 4, 12});
  const Value product = graph.add(MatMul{}, {sequences, graph.constant("d", zeros({12, 6}))});
  EXPECT_EQ(work_of(graph, product), 4 * 12 * 6);
}

}  // namespace
}  // namespace condense::graph
