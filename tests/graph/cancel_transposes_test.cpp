#include "condense/graph/passes/cancel_transposes.hpp"

#include "condense/graph/passes/fuse_attention.hpp"
#include "graph/pass_run.hpp"

namespace condense::graph {
namespace {

class CancelTransposes : public PassTest {
 protected:
  Value turned(Value of, std::vector<Index> perm = {0, 2, 3, 1}) { return graph.add(Transpose{.perm = perm}, {of}); }
  Value back(Value of) { return turned(of, {0, 3, 1, 2}); }

  Value x = graph.add(Relu{}, {input("x", {kDynamic, 2, 3, 4})});
};

TEST_F(CancelTransposes, PairsAndWhatIsLeftOfOthers) {
  output(back(turned(x)));
  output(graph.add(Neg{}, {turned(turned(x))}));
  output(graph.add(Neg{}, {graph.add(Transpose{}, {graph.add(Transpose{}, {x})})}));
  expect_after(cancel_transposes, {"Relu", "Transpose", "Neg", "Neg"}, 0);
}

TEST_F(CancelTransposes, AcrossElementwiseNodesAndConstants) {
  const Value sum = graph.add(Add{}, {turned(x), weights({4, 1})});
  const Value scaled = graph.add(Mul{}, {graph.add(Sigmoid{}, {sum}), turned(graph.add(Neg{}, {x}))});
  const Value clipped = graph.add(Clip{}, {scaled, number(-0.5F), number(0.5F)});
  output(graph.add(Sub{}, {back(graph.add(Div{}, {number(2), graph.add(Exp{}, {clipped})})), number(1)}));
  expect_after(cancel_transposes, {"Relu", "Add", "Sigmoid", "Neg", "Mul", "Clip", "Exp", "Div", "Sub"}, 0);
}

TEST_F(CancelTransposes, KeepsAPairThatOthersReadInPart) {
  const Value first = turned(x);
  output(first);
  output(back(first));
  const Value act = graph.add(Relu{}, {turned(x)});
  output(act);
  output(back(act));
  expect_after(cancel_transposes, {"Relu", "Transpose", "Transpose", "Relu", "Transpose"}, 0);
}

TEST_F(CancelTransposes, LeavesOthers) {
  output(turned(graph.add(Relu{}, {turned(x)})));
  output(back(graph.add(Add{}, {turned(x), graph.add(Reshape{}, {x, integers({0, 3, 4, 2})})})));
  output(back(graph.add(Softmax{}, {turned(x)})));
  output(back(graph.add(Relu{}, {x})));
  expect_untouched(cancel_transposes);
}

TEST_F(CancelTransposes, KeepsTheNamesOfInputsAndOutputs) {
  output(back(turned(graph.inputs()[0])));
  expect_untouched(cancel_transposes);
}

class FuseAttention : public PassTest {
 protected:
  Value stack(const std::string& name, Index rows, Index columns) {
    return graph.add(Relu{}, {input(name, {kDynamic, 3, rows, columns})});
  }
  Value mul(Value a, Value b) { return graph.add(Mul{}, {a, b}); }
  Value flipped(Value of) { return graph.add(Transpose{.perm = {0, 1, 3, 2}}, {of}); }
  Value attend(Value scores) { return graph.add(MatMul{}, {graph.add(Softmax{}, {scores}), v}); }
  Value scores(Value a, Value b) { return graph.add(MatMul{}, {a, b}); }

  Value q = stack("q", 5, 4);
  Value k = stack("k", 6, 4);
  Value v = stack("v", 6, 7);
};

TEST_F(FuseAttention, WithAScaleAfterTheProduct) {
  output(attend(graph.add(Div{}, {scores(q, flipped(k)), number(2)})));
  expect_after(fuse_attention, {"Relu", "Relu", "Relu", "Attention"});
  EXPECT_EQ(graph.nodes()[3].op, Operator(Attention{.scale = 0.5F}));
}

TEST_F(FuseAttention, WithAScaleBeforeTheProductAndAMask) {
  const Value mask = weights({5, 6}, -3, 3);
  output(attend(graph.add(Add{}, {mask, scores(mul(q, number(0.7F)), mul(flipped(k), number(0.7F)))})));
  expect_after(fuse_attention, {"Relu", "Relu", "Relu", "Attention"});
}

TEST_F(FuseAttention, WithKeysThatComeInAnotherOrder) {
  const Value packed = graph.add(Relu{}, {input("packed", {kDynamic, 6, 3, 4})});
  output(attend(scores(q, graph.add(Transpose{.perm = {0, 2, 3, 1}}, {packed}))));
  output(graph.add(Neg{}, {k}));
  expect_after(fuse_attention, {"Relu", "Relu", "Relu", "Relu", "Transpose", "Attention", "Neg"});
}

TEST_F(FuseAttention, LeavesOthers) {
  output(graph.add(MatMul{}, {graph.add(Softmax{.axis = 2}, {scores(q, flipped(k))}), v}));
  const Value probabilities = graph.add(Softmax{}, {scores(q, flipped(k))});
  output(probabilities);
  output(graph.add(MatMul{}, {probabilities, v}));
  output(attend(scores(q, graph.add(Reshape{}, {k, integers({0, 3, 4, 6})}))));
  const Value shared_keys = graph.add(Relu{}, {input("one", {kDynamic, 1, 6, 4})});
  output(attend(scores(q, flipped(shared_keys))));
  output(attend(mul(scores(q, flipped(k)), weights({6}))));
  expect_untouched(fuse_attention);
}

}  // namespace
}  // namespace condense::graph
