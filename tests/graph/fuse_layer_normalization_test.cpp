#include "condense/graph/passes/fuse_layer_normalization.hpp"

#include "graph/pass_run.hpp"

namespace condense::graph {
namespace {

class FuseLayerNormalization : public PassTest {
 protected:
  Value mean(Value of, std::initializer_list<std::int64_t> axes = {-1}) {
    return graph.add(ReduceMean{}, {of, integers(axes)});
  }
  Value centered(Value of, std::initializer_list<std::int64_t> axes = {-1}) {
    return graph.add(Sub{}, {of, mean(of, axes)});
  }
  Value deviation(Value difference, std::initializer_list<std::int64_t> axes = {-1}) {
    const Value square = graph.add(Pow{}, {difference, number(2)});
    return graph.add(Sqrt{}, {graph.add(Add{}, {mean(square, axes), number(1e-5F)})});
  }
  Value normalized(Value of, std::initializer_list<std::int64_t> axes = {-1}) {
    const Value difference = centered(of, axes);
    return graph.add(Div{}, {difference, deviation(difference, axes)});
  }

  Value x = graph.add(Relu{}, {input("x", {kDynamic, 4, 6})}, "x.relu");
};

const Types kFused{"Relu", "LayerNormalization"};

TEST_F(FuseLayerNormalization, WithScaleAndBias) {
  const Value scaled = graph.add(Mul{}, {normalized(x), weights({6})});
  output(graph.add(Add{}, {scaled, weights({6})}));
  expect_after(fuse_layer_normalization, kFused);
  EXPECT_EQ(graph.nodes()[1].op, Operator(LayerNormalization{.axis = -1, .epsilon = 1e-5F}));
}

TEST_F(FuseLayerNormalization, WithOperandsInTheOtherOrder) {
  const Value difference = centered(x);
  const Value square = graph.add(Mul{}, {difference, difference});
  const Value sum = graph.add(Add{}, {number(1e-3F), mean(square)});
  const Value inverse = graph.add(Reciprocal{}, {graph.add(Sqrt{}, {sum})});
  const Value scaled = graph.add(Mul{}, {weights({1, 1, 6}), graph.add(Mul{}, {inverse, difference})});
  output(graph.add(Add{}, {weights({6}), scaled}));
  expect_after(fuse_layer_normalization, kFused);
}

TEST_F(FuseLayerNormalization, WithTheDifferenceTwiceAndPow) {
  const Value m = mean(x);
  const Value square = graph.add(Pow{}, {graph.add(Sub{}, {x, m}), number(2)});
  const Value sum = graph.add(Add{}, {mean(square), number(1e-5F)});
  const Value inverse = graph.add(Pow{}, {sum, number(-0.5F)});
  output(graph.add(Mul{}, {graph.add(Sub{}, {x, mean(x)}), inverse}));
  expect_after(fuse_layer_normalization, kFused);
}

TEST_F(FuseLayerNormalization, WithoutScaleOverTwoAxes) {
  output(normalized(x, {2, 1}));
  expect_after(fuse_layer_normalization, kFused);
  EXPECT_EQ(graph.constant(graph.nodes()[1].inputs[1]), filled({4, 6}, 1));
}

TEST_F(FuseLayerNormalization, LeavesAScaleOfAnotherShapeOutside) {
  output(graph.add(Mul{}, {normalized(x), weights({4, 1})}));
  output(graph.add(Add{}, {normalized(x), number(2)}));
  expect_after(fuse_layer_normalization, {"Relu", "LayerNormalization", "Mul", "LayerNormalization", "Add"});
}

TEST_F(FuseLayerNormalization, NotOverAnOpenExtentWithoutScale) {
  graph.output(normalized(graph.add(Relu{}, {input("open", {2, kDynamic})})));
  expect_untouched(fuse_layer_normalization);
}

TEST_F(FuseLayerNormalization, NotOverOtherAxes) {
  output(normalized(x, {1}));
  output(normalized(x, {0}));
  const Value difference = centered(x, {-1});
  output(graph.add(Div{}, {difference, deviation(difference, {-2, -1})}));
  const Value of_all = centered(x, {1, 2});
  output(graph.add(Div{}, {of_all, deviation(of_all, {-1})}));
  expect_untouched(fuse_layer_normalization);
}

TEST_F(FuseLayerNormalization, NotWhereItsPartsAreRead) {
  const Value difference = centered(x);
  output(difference);
  output(graph.add(Div{}, {difference, deviation(difference)}));
  const Value second = centered(x);
  const Value root = deviation(second);
  output(graph.add(Div{}, {second, root}));
  output(graph.add(Neg{}, {root}));
  expect_untouched(fuse_layer_normalization);
}

TEST_F(FuseLayerNormalization, NotOfOtherFormulas) {
  const Value first = centered(x);
  const Value cube = graph.add(Pow{}, {graph.add(Abs{}, {first}), number(3)});
  output(graph.add(Div{}, {first, graph.add(Sqrt{}, {graph.add(Add{}, {mean(cube), number(1e-5F)})})}));
  const Value second = centered(x);
  output(graph.add(Mul{}, {second, deviation(second)}));
  output(graph.add(Div{}, {centered(x), deviation(centered(graph.add(Neg{}, {x})))}));
  const Value third = centered(x);
  const Value square = graph.add(Mul{}, {third, third});
  output(graph.add(Div{}, {third, graph.add(Sqrt{}, {graph.add(Add{}, {mean(square), weights({6}, 0.5F, 1)})})}));
  expect_untouched(fuse_layer_normalization);
}

}  // namespace
}  // namespace condense::graph
