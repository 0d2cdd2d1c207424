#include "condense/graph/passes/insert_quantize_dequantize.hpp"

#include <gtest/gtest.h>

#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/relu.hpp"
#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

TEST(InsertQuantizeDequantize, RewiresEveryReaderAndTheOutput) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {3});
  const Value act = graph.add(Relu{}, {x}, "act");
  graph.output(act, "y");
  graph.output(graph.add(Add{}, {act, act}, "sum"));
  const Value result = insert_quantize_dequantize(graph, act, quantize::Affine{0.5F, 3}, DataType::uint8);
  const std::vector<Tensor> y = evaluate(graph, {Tensor::of<float>({3}, {0.6F, -1, 1000})});
  EXPECT_EQ(y[0], Tensor::of<float>({3}, {0.5F, 0, 126}));
  EXPECT_EQ(y[1], Tensor::of<float>({3}, {1, 0, 252}));
  EXPECT_EQ(graph.outputs()[0], result);
  EXPECT_EQ(graph.name(result), "y");
  EXPECT_EQ(graph.name(act), "y.unquantized");
  EXPECT_EQ(graph.constant(graph.find("y.scale")), Tensor::scalar(0.5F));
  EXPECT_EQ(graph.constant(graph.find("y.zero_point")), Tensor::scalar<std::uint8_t>(3));
  EXPECT_EQ(graph.nodes()[1].name, "y.quantize");
  EXPECT_EQ(graph.nodes()[2].name, "y.dequantize");
}

TEST(InsertQuantizeDequantize, TakesInputsConstantsAndANameOfItsOwn) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {2});
  const Value w = graph.constant("w", Tensor::of<float>({2}, {0.3F, -5}));
  graph.output(graph.add(Add{}, {x, w}, "sum"));
  insert_quantize_dequantize(graph, x, quantize::Affine{1, 0}, DataType::int8);
  insert_quantize_dequantize(graph, w, quantize::Affine{0.25F, 0}, DataType::int4, "weights");
  EXPECT_EQ(evaluate(graph, {Tensor::of<float>({2}, {1.4F, 200})})[0], Tensor::of<float>({2}, {1.25F, 125}));
  EXPECT_EQ(graph.constant(graph.find("w.zero_point")).type(), DataType::int4);
  EXPECT_TRUE(std::ranges::any_of(graph.nodes(), [](const Node& n) { return n.name == "weights.dequantize"; }));
}

TEST(InsertQuantizeDequantize, TakesScalesForChannelsAndGroups) {
  Graph graph;
  const Value w = graph.constant("w", Tensor::of<float>({2, 4}, {1, 2, 3, 4, 10, 20, 30, 40}));
  graph.output(w, "y");
  const Value channels = insert_quantize_dequantize(graph, w,
                                                    {.type = quantize::kInt4,
                                                     .granularity = quantize::Granularity::per_channel(0),
                                                     .scales = {1, 10},
                                                     .zero_points = {1, 0}});
  EXPECT_EQ(evaluate(graph, {})[0], Tensor::of<float>({2, 4}, {1, 2, 3, 4, 10, 20, 30, 40}));
  insert_quantize_dequantize(graph, channels,
                             {.type = quantize::kUint2,
                              .granularity = quantize::Granularity::per_group(1, 2),
                              .scales = {1, 2, 10, 20},
                              .zero_points = {}},
                             "groups");
  EXPECT_EQ(evaluate(graph, {})[0], Tensor::of<float>({2, 4}, {1, 2, 4, 4, 10, 20, 40, 40}));
}

TEST(InsertQuantizeDequantize, NamesTheValueItRefuses) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {2});
  const Value n = graph.input("n", DataType::int64, {2});
  EXPECT_TRUE(throws<InvalidArgument>("the value 'n' is int64, only float32 can be quantised", [&] {
    insert_quantize_dequantize(graph, n, quantize::Affine{1, 0}, DataType::int8);
  }));
  EXPECT_TRUE(throws<InvalidArgument>("the value 'x' is quantised to an integer of 8, 4 or 2 bits, not float32", [&] {
    insert_quantize_dequantize(graph, x, quantize::Affine{1, 0}, DataType::float32);
  }));
  EXPECT_TRUE(throws<InvalidArgument>("zero point 0 is 300, outside uint8", [&] {
    insert_quantize_dequantize(graph, x, quantize::Affine{1, 300}, DataType::uint8);
  }));
  EXPECT_EQ(graph.value_count(), 2);
}

}  // namespace
}  // namespace condense::graph
