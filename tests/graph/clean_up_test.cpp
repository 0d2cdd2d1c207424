#include "condense/graph/passes/clean_up.hpp"

#include "graph/pass_run.hpp"

namespace condense::graph {
namespace {

/// A pass, and then the removal of the nodes that it leaves unread.
auto without_dead(void (*pass)(Graph&)) {
  return [pass](Graph& graph) {
    pass(graph);
    remove_dead_nodes(graph);
  };
}

using FoldKnownValues = PassTest;

TEST_F(FoldKnownValues, OnlyTheSameForEveryBinding) {
  const Value x = graph.add(Relu{}, {input("x", {kDynamic, 3, 4})});
  const Value shape = graph.add(ShapeOf{}, {x});
  const auto extent = [&](std::int64_t axis) { return graph.add(Gather{}, {shape, integers({axis})}); };
  const Value channels = graph.add(Mul{}, {extent(1), extent(2)});
  output(graph.add(Reshape{}, {x, graph.add(Concat{.axis = 0}, {integers({-1}), channels})}));
  output(graph.add(Reshape{}, {x, graph.add(Concat{.axis = 0}, {extent(0), channels})}));
  expect_after(without_dead(fold_constants), {"Relu", "Shape", "Reshape", "Gather", "Concat", "Reshape"}, 0);
}

TEST_F(FoldKnownValues, WithoutOpenDimensionsAll) {
  const Value x = graph.add(Relu{}, {input("x", {2, 3})});
  output(graph.add(Reshape{}, {x, graph.add(ShapeOf{}, {graph.add(Transpose{}, {x})})}));
  expect_after(without_dead(fold_constants), {"Relu", "Reshape"}, 0);
}

TEST_F(FoldKnownValues, NotWhatDependsOnData) {
  const Value x = input("x", {3, 4});
  const Value found = graph.add(NonZero{}, {x});
  output(graph.add(Cast{.to = DataType::float32}, {graph.add(ShapeOf{}, {found})}));
  expect_untouched(fold_constants);
}

TEST_F(FoldKnownValues, NothingLargerThanItsInputsAreWorth) {
  const Value x = input("x", {1});
  const Value zeros = graph.add(ConstantOfShape{}, {integers({1 << 20, 1 << 10})});
  const Value small = graph.add(ConstantOfShape{}, {integers({100, 100})});
  const Value wide = graph.add(Expand{}, {number(1), integers({200, 200})});
  const Value moved = graph.add(Mul{}, {x, graph.add(ReduceSum{}, {small})});
  graph.output(graph.add(Mul{}, {moved, graph.add(ReduceSum{}, {wide})}));
  graph.output(graph.add(Mul{}, {moved, graph.add(ReduceSum{}, {zeros})}));
  fold_constants(graph);
  EXPECT_EQ(types(), (Types{"ConstantOfShape", "Expand", "Mul", "ReduceSum", "Mul", "ReduceSum", "Mul"}));
}

TEST_F(FoldKnownValues, NoMoreThanAllConstantsAreWorth) {
  Value value = weights({64, 1024});
  for (int i = 0; i < 8; ++i) value = graph.add(Concat{.axis = 0}, {value, value, value, value});
  graph.output(graph.add(ReduceSum{}, {value}));
  fold_constants(graph);
  std::size_t bytes = 0;
  for (int i = 0; i < graph.value_count(); ++i) {
    if (const Tensor* tensor = graph.constant_if(Value{i})) bytes += tensor->bytes();
  }
  EXPECT_LT(bytes, std::size_t{70} << 20);
  EXPECT_FALSE(graph.nodes().empty());
}

using MoreIdentities = PassTest;

TEST_F(MoreIdentities, AreRemoved) {
  Value value = graph.add(Relu{}, {input("x", {kDynamic, 2, 3})}, "first");
  value = graph.add(Identity{}, {value});
  value = graph.add(Dropout{}, {value, number(0.5F)});
  value = graph.add(Cast{.to = DataType::float32}, {value});
  value = graph.add(Transpose{.perm = {0, 1, 2}}, {value});
  value = graph.add(Mul{}, {number(1), value});
  value = graph.add(Sub{}, {graph.add(Add{}, {value, number(0)}), number(0)});
  value = graph.add(Pow{}, {graph.add(Div{}, {value, number(1)}), number(1)});
  value = graph.add(Squeeze{}, {graph.add(Unsqueeze{}, {value, integers({1, -1})}), integers({1, 4})});
  value = graph.add(Reshape{}, {graph.add(Flatten{}, {value}), integers({-1, 2, 3})});
  output(graph.add(Neg{}, {value}));
  expect_after(without_dead(remove_identities), {"Relu", "Neg"}, 0);
}

TEST_F(MoreIdentities, AReshapeReadsWhatIsBeforeOthers) {
  const Value x = graph.add(Relu{}, {input("x", {kDynamic, 2, 3})});
  const Value flat = graph.add(Flatten{}, {x});
  output(graph.add(Reshape{}, {flat, integers({-1, 3})}));
  output(graph.add(Reshape{}, {flat, integers({0, 3, 2})}));
  output(flat);
  expect_after(remove_identities, {"Relu", "Flatten", "Reshape", "Reshape"}, 0);
  EXPECT_EQ(graph.nodes()[2].inputs[0], graph.nodes()[0].outputs[0]);
  EXPECT_EQ(graph.nodes()[3].inputs[0], graph.nodes()[1].outputs[0]);
}

TEST_F(MoreIdentities, StayWhereTheyChangeSomething) {
  const Value x = graph.add(Relu{}, {input("x", {2, 3})});
  output(graph.add(Cast{.to = DataType::float32}, {graph.add(Cast{.to = DataType::float64}, {x})}));
  output(graph.add(Transpose{}, {x}));
  output(graph.add(Mul{}, {x, constant(filled({1, 1, 1}, 1))}));
  output(graph.add(Sub{}, {number(0), x}));
  output(graph.add(Pow{}, {number(1), x}));
  output(graph.add(Squeeze{}, {graph.add(Unsqueeze{}, {x, integers({0})}), integers({0})}));
  const Value open = graph.add(Relu{}, {input("open", {kDynamic, kDynamic})});
  output(graph.add(Reshape{}, {graph.add(Flatten{.axis = 0}, {open}), integers({-1, 1})}));
  graph.output(graph.add_node(Dropout{.outputs = {2}}, {x}).outputs[1]);
  const std::size_t nodes = graph.nodes().size();
  without_dead(remove_identities)(graph);
  EXPECT_EQ(graph.nodes().size(), nodes - 3);  // Unsqueeze and Squeeze lead back, and nothing reads the Flatten
}

class InlineIf : public PassTest {
 protected:
  /// A graph of two captures that adds or subtracts them, and gives a constant, too.
  static std::shared_ptr<const Graph> branch(bool adds) {
    Graph inner;
    const Value a = inner.input("a", DataType::float32, {2});
    const Value b = inner.input("b", DataType::float32, {2});
    inner.output(adds ? inner.add(Add{}, {a, b}, "inner") : inner.add(Sub{}, {a, b}, "inner"));
    inner.output(inner.constant("k", filled({2}, adds ? 1 : 2)));
    inner.output(a);
    return std::make_shared<const Graph>(std::move(inner));
  }
  void add_if(Value condition) {
    const Value x = input("x", {2});
    const Value y = graph.add(Relu{}, {x}, "inner");
    If op;
    op.then_branch = branch(true);
    op.else_branch = branch(false);
    for (const Value value : graph.add_node(op, {condition, x, y, x, y}, "choice").outputs) output(value);
  }
};

TEST_F(InlineIf, PutsTheBranchInItsPlace) {
  for (const bool condition : {true, false}) {
    graph = Graph();
    add_if(constant(Tensor::of<bool>({}, {condition})));
    expect_after(inline_if, {"Relu", condition ? "Add" : "Sub", "Identity"}, 0);
  }
}

TEST_F(InlineIf, OfAConditionThatIsAlwaysTheSame) {
  const Value other = input("other", {kDynamic, 5});
  const Value extent = graph.add(Gather{}, {graph.add(ShapeOf{}, {other}), integers({1})});
  add_if(graph.add(Equal{}, {extent, integers({5})}));
  expect_after(without_dead(inline_if), {"Relu", "Add", "Identity"}, 0);
}

TEST_F(InlineIf, NotOfAConditionOnAnOpenExtent) {
  const Value other = input("other", {kDynamic, 5});
  const Value extent = graph.add(Gather{}, {graph.add(ShapeOf{}, {other}), integers({0})});
  add_if(graph.add(Equal{}, {extent, integers({1})}));
  expect_untouched(inline_if);
}

using CleanUp = PassTest;

TEST_F(CleanUp, FindsAllOfItAndKeepsTheOutputs) {
  const Value x = input("x", {kDynamic, 4, 5, 5});
  const Value padded = graph.add(Pad{}, {x, integers({0, 0, 1, 1, 0, 0, 1, 1})});
  const Value conv = graph.add(Conv{}, {padded, weights({6, 4, 3, 3})}, "conv");
  const Value bn =
      graph.add(BatchNormalization{}, {conv, weights({6}), weights({6}), weights({6}), weights({6}, 1, 2)});
  const Value gate = graph.add(Clip{}, {graph.add(Add{}, {bn, number(3)}), number(0), number(6)});
  const Value swish = graph.add(Div{}, {graph.add(Mul{}, {bn, gate}), number(6)});
  const Value pooled = graph.add(GlobalAveragePool{}, {graph.add(Identity{}, {swish})});
  const Value shape = graph.add(ShapeOf{}, {pooled});
  const Value batch = graph.add(Slice{}, {shape, integers({0}), integers({1})});
  const Value flat = graph.add(Reshape{}, {pooled, graph.add(Concat{.axis = 0}, {batch, integers({6})})});
  const Value product = graph.add(MatMul{}, {flat, weights({6, 3})}, "product");
  output(graph.add(Softmax{}, {graph.add(Add{}, {product, weights({3})})}));
  graph.add(Neg{}, {flat}, "dead");
  expect_after(clean_up,
               {"Conv", "HardSwish", "GlobalAveragePool", "Shape", "Slice", "Concat", "Reshape", "Gemm", "Softmax"});
  EXPECT_EQ(graph.nodes()[0].name, "conv");
}

TEST_F(CleanUp, AlsoWithinTheGraphsOfNodes) {
  Graph inner;
  const Value a = inner.input("a", DataType::float32, {2});
  inner.output(inner.add(Mul{}, {a, inner.add(Sigmoid{}, {inner.add(Identity{}, {a})})}));
  If op;
  op.then_branch = op.else_branch = std::make_shared<const Graph>(std::move(inner));
  const Value condition = graph.input("condition", DataType::boolean, {});
  const Value x = input("x", {2});
  output(graph.add(op, {condition, x, x}));
  const std::vector<Tensor> fed{Tensor::of<bool>({}, {true}), Tensor::of<float>({2}, {1, -2})};
  const std::vector<Tensor> before = evaluate(graph, fed);
  clean_up(graph);
  expect_near(evaluate(graph, fed)[0], before[0], 1e-6);
  EXPECT_EQ(graph.nodes()[0].op.get_if<If>()->else_branch->nodes().size(), 1U);
}

}  // namespace
}  // namespace condense::graph
