#include "condense/graph/graph.hpp"

#include <gtest/gtest.h>

#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/relu.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

/// What a user may write: y = x * factor, and an output of its own for the factor.
struct Scale {
  static constexpr std::string_view kType = "Scale";
  float factor = 1;

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    require(inputs.type(0) == DataType::float32, "its input 0 is float32, this one is {}", name(inputs.type(0)));
    return {inputs[0], {DataType::float32, Shape{}}};
  }
  void evaluate(const Evaluation& e) const {
    for (Index i = 0; i < e.output().count(); ++i) e.output().as<float>()[i] = e.input().as<float>()[i] * factor;
    *e.output(1).as<float>() = factor;
  }
  friend bool operator==(const Scale&, const Scale&) = default;
};

TEST(Graph, RunsAnOperatorThatAUserWrote) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {kDynamic});
  const Node& node = graph.add_node(Scale{.factor = 3}, {x}, "triple");
  const std::vector<Value> results = node.outputs;
  EXPECT_EQ(graph.name(results[0]), "triple");
  EXPECT_EQ(graph.name(results[1]), "triple.1");
  graph.output(results[0], "y");
  graph.output(results[1]);
  const std::vector<Tensor> y = evaluate(graph, {Tensor::of<float>({2}, {1, 2})});
  EXPECT_EQ(y[0], Tensor::of<float>({2}, {3, 6}));
  EXPECT_EQ(y[1], Tensor::scalar(3.0F));
  EXPECT_TRUE(throws<InvalidArgument>("node 'bad' (Scale): its input 0 is float32, this one is int64", [&] {
    graph.add(Scale{}, {graph.input("indices", DataType::int64, {2})}, "bad");
  }));
}

TEST(Operator, ComparesByTypeAndAttributes) {
  const Operator three = Scale{.factor = 3};
  EXPECT_EQ(three, Operator(Scale{.factor = 3}));
  EXPECT_FALSE(three == Operator(Scale{.factor = 4}));
  EXPECT_FALSE(three == Operator(Relu{}));
  EXPECT_EQ(three.get_if<Scale>()->factor, 3);
  EXPECT_EQ(three.get_if<Relu>(), nullptr);
  EXPECT_TRUE(three.is<Scale>());
  EXPECT_EQ(three.type(), "Scale");
}

TEST(Graph, MakesNamesThatAreFree) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {1});
  EXPECT_EQ(graph.name(graph.add(Relu{}, {x})), "relu");
  EXPECT_EQ(graph.name(graph.add(Relu{}, {x})), "relu_1");
  graph.constant("relu_2", Tensor::of<float>({1}, {0}));
  graph.add(Relu{}, {x});
  EXPECT_EQ(graph.nodes().back().name, "relu_2");
  EXPECT_EQ(graph.name(graph.nodes().back().outputs[0]), "relu_2_1");
}

TEST(Graph, RefusesASecondThingOfOneName) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {1});
  const Value y = graph.add(Relu{}, {x}, "act");
  const auto refuses = [](std::string_view part, auto&& call) { EXPECT_TRUE(throws<InvalidArgument>(part, call)); };
  refuses("a value named 'x' already", [&] { graph.input("x", DataType::float32, {1}); });
  refuses("a value named 'x' already", [&] { graph.constant("x", Tensor{}); });
  refuses("a node named 'act' already", [&] { graph.add(Relu{}, {x}, "act"); });
  refuses("a value named 'x' already", [&] { graph.rename(y, "x"); });
  refuses("a value needs a name", [&] { graph.input("", DataType::float32, {1}); });
  refuses("no value named 'nothing'", [&] { graph.find("nothing"); });
  EXPECT_EQ(graph.find("act"), y);
}

TEST(Graph, RefusesValuesThatAreNotItsOwn) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {1});
  graph.add(Relu{}, {x});
  EXPECT_TRUE(throws<InvalidArgument>("node 'n': an input belongs to another graph",
                                      [&] { graph.add(Relu{}, {Value{17}}, "n"); }));
  EXPECT_TRUE(throws<InvalidArgument>("value 17 is not one of this graph's 2", [&] { graph.output(Value{17}); }));
  EXPECT_TRUE(throws<InvalidArgument>("value -1", [&] { graph.name(kNoValue); }));
  EXPECT_TRUE(throws<InvalidArgument>("there is no input 5", [&] { graph.set_input(0, 5, x); }));
  EXPECT_TRUE(throws<InvalidArgument>("the value 'x' is not a constant", [&] { graph.constant(x); }));
}

TEST(Graph, AMistakeLeavesItAsItWas) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {2});
  const Value w = graph.constant("w", Tensor::of<float>({3}, {1, 2, 3}));
  EXPECT_TRUE(throws<InvalidArgument>("node 'sum' (Add): its inputs 0 and 1 of shapes (2) and (3)", [&] {
    graph.add(Add{}, {x, w}, "sum");
  }));
  EXPECT_EQ(graph.value_count(), 2);
  EXPECT_TRUE(graph.nodes().empty());
  graph.add(Add{}, {x, x}, "sum");
}

TEST(Graph, AConstantKeepsItsType) {
  Graph graph;
  const Value w = graph.constant("w", Tensor::of<float>({2}, {1, 2}));
  graph.set_constant(w, Tensor::of<float>({2}, {3, 4}));
  EXPECT_EQ(graph.constant(w), Tensor::of<float>({2}, {3, 4}));
  EXPECT_TRUE(throws<InvalidArgument>("'w' is float32 (2), it cannot become float32 (3)", [&] {
    graph.set_constant(w, Tensor::of<float>({3}, {1, 2, 3}));
  }));
}

TEST(Sort, PutsNodesAfterThoseTheyNeed) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {1});
  const Value y = graph.add(Relu{}, {x}, "first");
  graph.output(graph.add(Relu{}, {y}, "second"));
  const Value late = graph.add(Add{}, {x, x}, "late");
  graph.set_input(0, 0, late);
  graph.sort();
  EXPECT_EQ(graph.nodes()[0].name, "late");
  EXPECT_EQ(graph.nodes()[1].name, "first");
  EXPECT_EQ(graph.nodes()[2].name, "second");
  EXPECT_EQ(evaluate(graph, {Tensor::of<float>({1}, {4})})[0], Tensor::of<float>({1}, {8}));
}

TEST(Sort, NamesTheNodesOfACycle) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {1});
  const Value a = graph.add(Relu{}, {x}, "a");
  const Value b = graph.add(Relu{}, {a}, "b");
  const Value c = graph.add(Relu{}, {b}, "c");
  graph.output(c);
  graph.set_input(0, 0, c);
  EXPECT_TRUE(throws<InvalidArgument>("cycle: 'a' <- 'c' <- 'b' <- 'a'", [&] { graph.sort(); }));
  graph.set_input(0, 0, a);
  EXPECT_TRUE(throws<InvalidArgument>("cycle: 'a' <- 'a'", [&] { graph.sort(); }));
}

TEST(Sort, NamesWhatNothingProduces) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {1});
  const Value a = graph.add(Relu{}, {x}, "a");
  graph.output(graph.add(Relu{}, {a}, "b"));
  Graph without_output = graph;
  graph.remove_nodes([](const Node& node) { return node.name == "a"; });
  EXPECT_TRUE(throws<InvalidArgument>("node 'b': nothing produces its input 'a'", [&] { graph.sort(); }));
  without_output.remove_nodes([](const Node& node) { return node.name == "b"; });
  EXPECT_TRUE(throws<InvalidArgument>("nothing produces the output 'b'", [&] { without_output.sort(); }));
}

TEST(Sort, InfersTypesAgainAndNamesTheNodeThatRefuses) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {2});
  const Value wide = graph.input("wide", DataType::float32, {3});
  const Value sum = graph.add(Add{}, {x, x}, "sum");
  const Value result = graph.add(Relu{}, {sum}, "act");
  graph.set_input(0, 0, wide);
  EXPECT_TRUE(throws<InvalidArgument>("node 'sum' (Add)", [&] { graph.sort(); }));
  graph.set_input(0, 1, wide);
  graph.sort();
  EXPECT_EQ(graph.type(result).shape, (Shape{3}));
}

TEST(Sort, ADeepGraphDoesNotExhaustTheStack) {
  constexpr int kDepth = 100'000;
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {1});
  Value value = graph.add(Relu{}, {x}, "n0");
  for (int i = 1; i < kDepth; ++i) value = graph.add(Relu{}, {value}, fmt::format("n{}", i));
  graph.output(value);
  const Value late = graph.add(Add{}, {x, x}, "late");  // so that the order changes at the bottom
  graph.set_input(0, 0, late);
  graph.sort();
  EXPECT_EQ(graph.nodes().front().name, "late");
  EXPECT_EQ(graph.nodes().back().name, fmt::format("n{}", kDepth - 1));
}

}  // namespace
}  // namespace condense::graph
