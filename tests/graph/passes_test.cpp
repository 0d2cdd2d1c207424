#include <gtest/gtest.h>

#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/graph/operators/quantize_linear.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/graph/passes/fold_constants.hpp"
#include "condense/graph/passes/remove_dead_nodes.hpp"
#include "condense/graph/passes/remove_identities.hpp"
#include "graph/run.hpp"

namespace condense::graph {
namespace {

std::vector<std::string> node_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) names.push_back(node.name);
  return names;
}

using Names = std::vector<std::string>;

TEST(FoldConstants, EvaluatesWhatDependsOnConstantsAlone) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {2});
  const Value a = graph.constant("a", Tensor::of<float>({2}, {1, -2}));
  const Value sum = graph.add(Add{}, {a, a}, "sum");
  const Value act = graph.add(Relu{}, {sum}, "act");
  graph.output(graph.add(Add{}, {x, act}, "last"), "y");
  graph.output(act, "z");
  const Tensor input = Tensor::of<float>({2}, {10, 20});
  const std::vector<Tensor> before = evaluate(graph, {input});
  fold_constants(graph);
  EXPECT_EQ(node_names(graph), (Names{"last"}));
  EXPECT_EQ(evaluate(graph, {input}), before);
  EXPECT_EQ(graph.name(graph.outputs()[1]), "z");
  EXPECT_EQ(graph.constant(graph.find("z")), Tensor::of<float>({2}, {2, 0}));
}

TEST(FoldConstants, KeepsTheDequantisationOfWeights) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {2});
  const Value w = graph.constant("w", Tensor::of<float>({2}, {1, -2}));
  const Value scale = graph.constant("scale", Tensor::scalar(0.5F));
  const Value codes = graph.add(QuantizeLinear{.output_dtype = DataType::int8}, {w, scale}, "q");
  const Value weights = graph.add(DequantizeLinear{}, {codes, scale}, "dq");
  const Value book = graph.constant("book", Tensor::of<float>({4}, {1, 2, 3, 4}));
  const Value indices = graph.constant("indices", Tensor::of<std::uint8_t>({2}, {3, 0}));
  const Value clustered = graph.add(DequantizeCodebook{}, {indices, book, scale}, "look_up");
  graph.output(graph.add(Mul{}, {graph.add(Mul{}, {x, weights}, "m"), clustered}, "n"));
  const Tensor input = Tensor::of<float>({2}, {3, 5});
  const std::vector<Tensor> before = evaluate(graph, {input});
  fold_constants(graph);
  EXPECT_EQ(node_names(graph), (Names{"dq", "look_up", "m", "n"}));
  EXPECT_EQ(graph.constant(graph.find("q")), Tensor::of<std::int8_t>({2}, {2, -4}));
  EXPECT_EQ(evaluate(graph, {input}), before);
}

TEST(RemoveDeadNodes, KeepsWhatTheOutputsNeed) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {1});
  const Value needed = graph.add(Relu{}, {x}, "needed");
  const Value dead = graph.add(Relu{}, {needed}, "dead");
  graph.add(Add{}, {dead, needed}, "dead_too");
  graph.output(graph.add(Relu{}, {needed}, "last"));
  graph.input("unread", DataType::float32, {1});
  remove_dead_nodes(graph);
  EXPECT_EQ(node_names(graph), (Names{"needed", "last"}));
  EXPECT_EQ(graph.inputs().size(), 2U);
  graph.add(Relu{}, {x}, "dead");  // the name is free again
}

TEST(RemoveIdentities, RemovesEveryKind) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {kDynamic, 2, 3, 3});
  const auto extents = [&](const char* name, std::initializer_list<std::int64_t> values) {
    return graph.constant(name, Tensor::of<std::int64_t>({static_cast<Index>(values.size())}, values));
  };
  Value value = graph.add(Relu{}, {x}, "first");
  value = graph.add(Reshape{}, {value, extents("keep", {0, 0, 0, 0})});
  value = graph.add(Reshape{}, {value, extents("same", {-1, 2, 3, 3})});
  value = graph.add(Clip{}, {value, kNoValue, kNoValue});
  value = graph.add(Concat{.axis = 2}, {value});
  value = graph.add(AveragePool{.kernel_shape = {1, 1}}, {value});
  value = graph.add(MaxPool{.kernel_shape = {1, 1}, .strides = {1, 1}, .pads = {0, 0, 0, 0}}, {value});
  value = graph.add(Flatten{}, {value}, "flatten");
  value = graph.add(Flatten{}, {value});
  graph.output(graph.add(Reshape{}, {value, extents("matrix", {-1, 18})}), "y");
  Random random(22);
  const Tensor input = random_tensor({4, 2, 3, 3}, random);
  const std::vector<Tensor> before = evaluate(graph, {input});
  remove_identities(graph);
  EXPECT_EQ(node_names(graph), (Names{"first", "flatten"}));
  EXPECT_EQ(evaluate(graph, {input}), before);
  EXPECT_EQ(graph.name(graph.outputs()[0]), "y");
}

TEST(RemoveIdentities, KeepsWhatChangesSomething) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {kDynamic, kDynamic});
  const Value shape = graph.constant("shape", Tensor::of<std::int64_t>({2}, {-1, 1}));
  const Value column = graph.add(Reshape{}, {x, shape}, "column");  // (1, 1) stays (1, 1) but (2, 3) becomes (6, 1)
  const Value flat = graph.add(Flatten{.axis = 0}, {column}, "flat");
  graph.output(graph.add(Clip{}, {flat, graph.constant("low", Tensor::scalar(0.0F))}, "clip"));
  const Value image = graph.input("image", DataType::float32, {1, 1, 4});
  graph.output(graph.add(AveragePool{.kernel_shape = {1}, .strides = {2}}, {image}, "every_second"));
  graph.output(graph.add(MaxPool{.kernel_shape = {1}, .pads = {1, 0}}, {image}, "padded"));
  remove_identities(graph);
  EXPECT_EQ(graph.nodes().size(), 5U);
}

TEST(RemoveIdentities, KeepsTheNamesOfInputsAndOutputs) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {2});
  graph.output(graph.add(Clip{}, {x}, "direct"), "y");
  const Value act = graph.add(Relu{}, {x}, "act");
  graph.output(act, "a");
  graph.output(graph.add(Clip{}, {act}, "second_name"), "b");
  remove_identities(graph);
  EXPECT_EQ(node_names(graph), (Names{"direct", "act", "second_name"}));
  EXPECT_EQ(graph.name(graph.outputs()[2]), "b");
}

}  // namespace
}  // namespace condense::graph
