#include "condense/graph/evaluate.hpp"

#include <gtest/gtest.h>

#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/flatten.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/relu.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

/// x (n, 2) -> relu(x * w) (n, 3), and the input passed through.
Graph small_network() {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {kDynamic, 2});
  const Value w = graph.constant("w", Tensor::of<float>({2, 3}, {1, 0, -1, 0, 1, 1}));
  graph.output(graph.add(Relu{}, {graph.add(Gemm{}, {x, w}, "product")}, "act"), "y");
  graph.output(x);
  return graph;
}

TEST(Evaluate, RunsTheNodesAndReturnsTheOutputs) {
  const Tensor x = Tensor::of<float>({2, 2}, {1, 2, 5, 3});
  const std::vector<Tensor> y = evaluate(small_network(), {x});
  ASSERT_EQ(y.size(), 2U);
  EXPECT_EQ(y[0], Tensor::of<float>({2, 3}, {1, 2, 1, 5, 3, 0}));
  EXPECT_EQ(y[1], x);
}

TEST(Evaluate, ShowsEveryValueInOrder) {
  const Graph graph = small_network();
  std::vector<std::string> seen;
  EvaluateOptions options;
  options.on_value = [&](Value value, const Tensor& tensor) {
    seen.push_back(fmt::format("{} {}", graph.name(value), tensor.shape().to_string()));
  };
  evaluate(graph, {Tensor(DataType::float32, {4, 2})}, options);
  EXPECT_EQ(seen, (std::vector<std::string>{"x (4 x 2)", "product (4 x 3)", "y (4 x 3)"}));
}

TEST(Evaluate, NamesTheInputThatDoesNotFit) {
  const Graph graph = small_network();
  EXPECT_TRUE(throws<InvalidArgument>("the graph has 1 inputs, 0 tensors are given", [&] { evaluate(graph, {}); }));
  EXPECT_TRUE(throws<InvalidArgument>("the input 'x' is float32, it is given float64", [&] {
    evaluate(graph, {Tensor(DataType::float64, {1, 2})});
  }));
  EXPECT_TRUE(throws<InvalidArgument>("the input 'x' has shape (? x 2), it is given (1 x 3)", [&] {
    evaluate(graph, {Tensor(DataType::float32, {1, 3})});
  }));
}

/// A batch that the graph's own types, with 1 for the dynamic extent, do not show to be wrong.
TEST(Evaluate, NamesTheNodeThatRefusesTheShapesOfThisRun) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {kDynamic});
  graph.output(graph.add(Add{}, {x, graph.constant("w", Tensor(DataType::float32, {3}))}, "sum"));
  EXPECT_EQ(evaluate(graph, {Tensor(DataType::float32, {3})})[0].shape(), (Shape{3}));
  EXPECT_TRUE(throws<InvalidArgument>("node 'sum' (Add)", [&] { evaluate(graph, {Tensor(DataType::float32, {4})}); }));
}

TEST(Evaluate, AConstantCanBeAnOutput) {
  Graph graph;
  graph.output(graph.constant("c", Tensor::scalar(7.0F)));
  EXPECT_EQ(evaluate(graph, {})[0], Tensor::scalar(7.0F));
}

TEST(InferTypes, BindsTheDynamicExtents) {
  const Graph graph = small_network();
  const Shape shapes[] = {{5, 2}};
  const std::vector<TensorType> types = infer_types(graph, shapes);
  EXPECT_EQ(types[static_cast<std::size_t>(graph.find("y").index)].shape, (Shape{5, 3}));
  EXPECT_EQ(graph.type(graph.find("y")).shape, (Shape{1, 3}));
  const Shape wrong[] = {{5, 4}};
  EXPECT_TRUE(throws<InvalidArgument>("(5 x 4)", [&] { infer_types(graph, wrong); }));
  EXPECT_TRUE(throws<InvalidArgument>("the graph has 1 inputs, 0 shapes are given", [&] { infer_types(graph, {}); }));
}

}  // namespace
}  // namespace condense::graph
