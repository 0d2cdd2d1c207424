#include "condense/graph/passes/fold_scaling.hpp"

#include "condense/graph/passes/fold_pads.hpp"
#include "graph/pass_run.hpp"

namespace condense::graph {
namespace {

/// Sums of fewer than 100 terms below 20 in two orders.
constexpr double kTolerance = 2 * 100 * 20 * 0x1p-24;

class FoldScaling : public PassTest {
 protected:
  Value images() { return graph.add(Relu{}, {input("images", {kDynamic, 4, 6, 5})}); }
  Value rows() { return graph.add(Relu{}, {input("rows", {kDynamic, 4})}); }
  Value normalize(Value x, Index channels) {
    return graph.add(BatchNormalization{},
                     {x, weights({channels}), weights({channels}), weights({channels}), weights({channels}, 0.5F, 2)});
  }
  Value mul(Value a, Value b) { return graph.add(Mul{}, {a, b}); }
  Value add(Value a, Value b) { return graph.add(Add{}, {a, b}); }
};

TEST_F(FoldScaling, FollowingAConvolution) {
  const Value conv = graph.add(Conv{.pads = {1, 1, 1, 1}, .group = 2}, {images(), weights({6, 2, 3, 3})}, "conv");
  const Value scaled = mul(number(1.5F), conv);
  const Value shifted = add(scaled, weights({1, 6, 1, 1}));
  const Value divided = graph.add(Div{}, {shifted, weights({6, 1, 1}, 1, 2)});
  output(graph.add(Sub{}, {number(0.25F), normalize(divided, 6)}));
  expect_after(fold_scaling, {"Relu", "Conv"}, kTolerance);
  EXPECT_EQ(graph.nodes()[1].name, "conv");
}

TEST_F(FoldScaling, FollowingATransposedConvolutionInGroups) {
  const Value conv = graph.add(ConvTranspose{.strides = {2, 2}, .group = 2}, {images(), weights({4, 3, 3, 3})});
  output(normalize(add(conv, weights({6, 1, 1})), 6));
  expect_after(fold_scaling, {"Relu", "ConvTranspose"}, kTolerance);
}

TEST_F(FoldScaling, MakesAGemmOfAMatMulOfAMatrix) {
  const Value product = graph.add(MatMul{}, {rows(), weights({4, 5})}, "product");
  output(mul(add(product, weights({1, 5})), number(0.5F)));
  expect_after(fold_scaling, {"Relu", "Gemm"}, kTolerance);
  EXPECT_EQ(graph.nodes()[1].name, "product");
  EXPECT_EQ(graph.type(graph.nodes()[1].inputs[2]).shape, (Shape{5}));
}

TEST_F(FoldScaling, FollowingGemmInEveryLayout) {
  const Value x = rows();
  const Gemm op{.alpha = 0.5F, .beta = 2, .trans_b = true};
  output(mul(graph.add(op, {x, weights({5, 4}), weights({1, 5})}), weights({5})));
  output(mul(graph.add(Gemm{}, {x, weights({4, 5}), number(3)}), weights({5})));
  expect_after(fold_scaling, {"Relu", "Gemm", "Gemm"}, kTolerance);
}

TEST_F(FoldScaling, PrecedingProductsThatPadNothing) {
  const Value scaled = add(mul(images(), weights({4, 1, 1})), weights({1, 4, 1, 1}));
  output(graph.add(Conv{.group = 2}, {scaled, weights({6, 2, 3, 3}), weights({6})}));
  const Value other = graph.add(Sub{}, {mul(rows(), number(3)), weights({4})});
  output(graph.add(Gemm{.alpha = 0.5F, .beta = 2}, {other, weights({4, 5}), weights({5})}));
  output(graph.add(MatMul{}, {graph.add(Add{}, {graph.find("relu_1"), number(1)}), weights({4, 3})}));
  expect_after(fold_scaling, {"Relu", "Conv", "Relu", "Gemm", "Gemm"}, kTolerance);
}

TEST_F(FoldScaling, AScaleButNoShiftBeforePads) {
  const Value x = images();
  output(graph.add(Conv{.pads = {1, 1, 1, 1}}, {mul(x, weights({4, 1, 1})), weights({3, 4, 3, 3})}));
  output(graph.add(Conv{.pads = {1, 1, 1, 1}}, {add(x, number(1)), weights({3, 4, 3, 3})}));
  output(graph.add(Conv{.auto_pad = AutoPad::same_upper}, {add(x, number(2)), weights({3, 4, 3, 3})}));
  output(graph.add(ConvTranspose{.group = 2}, {mul(x, weights({4, 1, 1})), weights({4, 3, 3, 3})}));
  expect_after(fold_scaling, {"Relu", "Conv", "Add", "Conv", "Add", "Conv", "ConvTranspose"}, kTolerance);
}

TEST_F(FoldScaling, AScaleButNoShiftAroundStacksOfMatrices) {
  const Value x = graph.add(Relu{}, {input("stack", {kDynamic, 2, 4})});
  output(mul(graph.add(MatMul{}, {mul(x, weights({4})), weights({4, 5})}), weights({5})));
  output(add(graph.add(MatMul{}, {x, weights({4, 5})}), weights({5})));
  expect_after(fold_scaling, {"Relu", "MatMul", "MatMul", "Add"}, kTolerance);
}

TEST_F(FoldScaling, LeavesWhatItCannotFold) {
  const Value x = images();
  const Value read_twice = graph.add(Conv{}, {x, weights({6, 4, 1, 1})});
  output(mul(read_twice, number(2)));
  output(graph.add(Relu{}, {read_twice}));
  const Value is_output = graph.add(Conv{}, {x, weights({6, 4, 1, 1})});
  output(is_output);
  output(mul(is_output, number(2)));
  output(mul(graph.add(Conv{}, {x, weights({6, 4, 1, 1})}), weights({6, 5})));     // by row and column
  output(mul(graph.add(Conv{}, {x, weights({5, 4, 1, 1})}), weights({5})));        // by column
  output(mul(graph.add(Conv{}, {x, weights({1, 4, 1, 1})}), weights({3, 1, 1})));  // makes it larger
  output(mul(graph.add(Conv{}, {x, weights({3, 4, 1, 1})}), weights({1, 1, 1, 1, 1})));
  output(graph.add(Div{}, {number(1), graph.add(Conv{}, {x, weights({3, 4, 1, 1}, 1, 2), weights({3}, 1, 2)})}));
  output(mul(graph.add(Conv{}, {x, graph.add(Relu{}, {weights({3, 4, 1, 1})})}), number(2)));
  const Value gate = graph.add(Sigmoid{}, {graph.add(GlobalAveragePool{}, {x})});
  output(mul(graph.add(Conv{}, {x, weights({4, 4, 1, 1})}), gate));
  expect_untouched(fold_scaling);
}

TEST_F(FoldScaling, ASharedWeightStaysForTheOthers) {
  const Value x = rows();
  const Value w = weights({4, 5});
  const Tensor original = graph.constant(w);
  output(mul(graph.add(Gemm{}, {x, w}), number(2)));
  output(graph.add(Gemm{}, {mul(x, number(3)), w}));
  output(graph.add(Gemm{}, {x, w}));
  expect_after(fold_scaling, {"Relu", "Gemm", "Gemm", "Gemm"}, kTolerance);
  EXPECT_EQ(graph.constant(w), original);
}

TEST_F(FoldScaling, NothingThatFloatsMayNotHold) {
  const Value x = rows();
  output(graph.add(Clip{}, {graph.add(Div{}, {graph.add(Gemm{}, {x, weights({4, 5}, 1, 2)}), number(1e-38F)}),
                            number(0), number(1)}));
  fold_scaling(graph);
  EXPECT_EQ(types(), (Types{"Relu", "Gemm", "Div", "Clip"}));
}

TEST_F(FoldScaling, TheWorkIsThatOfOneSweep) {
  Value value = graph.add(Gemm{}, {rows(), weights({4, 4})});
  for (int i = 0; i < 5000; ++i) value = graph.add(Add{}, {value, number(0.001F)}, fmt::format("add{}", i));
  output(value);
  expect_after(fold_scaling, {"Relu", "Gemm"}, 1e-2);
}

using FoldPads = PassTest;

TEST_F(FoldPads, ZerosBecomePadsOfTheConvolution) {
  const Value x = input("x", {kDynamic, 2, 5, 6});
  const auto pads = [&](std::initializer_list<std::int64_t> values) { return integers(values); };
  const Value all = graph.add(Pad{}, {x, pads({0, 0, 1, 0, 0, 0, 2, 3}), number(0)});
  output(graph.add(Conv{.strides = {2, 2}, .pads = {1, 1, 0, 2}}, {all, weights({3, 2, 3, 3})}));
  const Value some = graph.add(Pad{}, {x, pads({1, 2}), kNoValue, pads({-1})});
  output(graph.add(Conv{.pads = {4, 4, 4, 4}, .auto_pad = AutoPad::valid}, {some, weights({3, 2, 3, 3})}));
  expect_after(fold_pads, {"Conv", "Conv"}, 0);
  EXPECT_EQ(graph.nodes()[0].op, Operator(Conv{.strides = {2, 2}, .pads = {2, 1, 2, 5}}));
}

TEST_F(FoldPads, LeavesOtherPads) {
  const Value x = input("x", {kDynamic, 2, 5, 6});
  const auto conv = [&](Value of, Index channels, AutoPad pad = AutoPad::not_set) {
    output(graph.add(Conv{.auto_pad = pad}, {of, weights({3, channels, 1, 1})}));
  };
  conv(graph.add(Pad{}, {x, integers({0, 0, 1, 1, 0, 0, 1, 1}), number(0.5F)}), 2);
  conv(graph.add(Pad{.mode = PadMode::edge}, {x, integers({0, 0, 1, 1, 0, 0, 1, 1})}), 2);
  conv(graph.add(Pad{}, {x, integers({0, 1, 0, 0, 0, 1, 0, 0})}), 4);
  conv(graph.add(Pad{}, {x, integers({0, 0, -1, 1, 0, 0, 1, 1})}), 2);
  conv(graph.add(Pad{}, {x, integers({0, 0, 1, 1, 0, 0, 1, 1})}), 2, AutoPad::same_upper);
  expect_untouched(fold_pads);
}

}  // namespace
}  // namespace condense::graph
