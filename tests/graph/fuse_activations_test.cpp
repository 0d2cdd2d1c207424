#include <numbers>

#include "condense/graph/passes/fuse_clip.hpp"
#include "condense/graph/passes/fuse_gelu.hpp"
#include "condense/graph/passes/fuse_hard_swish.hpp"
#include "condense/graph/passes/fuse_leaky_relu.hpp"
#include "condense/graph/passes/fuse_swish.hpp"
#include "graph/pass_run.hpp"

namespace condense::graph {
namespace {

class FuseActivations : public PassTest {
 protected:
  FuseActivations() { x = graph.add(Clip{}, {input("x", {kDynamic, 7}), number(-3.5F), number(3.5F)}, "before"); }

  Value add(Value a, Value b) { return graph.add(Add{}, {a, b}); }
  Value mul(Value a, Value b) { return graph.add(Mul{}, {a, b}); }
  Value div(Value a, Value b) { return graph.add(Div{}, {a, b}); }
  Value clipped(float shift = 3, float high = 6) {
    return graph.add(Clip{}, {add(x, number(shift)), number(0), number(high)});
  }
  Value erf_gate() { return add(graph.add(Erf{}, {div(x, number(std::numbers::sqrt2_v<float>))}), number(1)); }
  Value tanh_gate(Value inner, float root = 0.79788456F) {
    return add(number(1), graph.add(Tanh{}, {mul(inner, number(root))}));
  }
  Value cubic(Value cube) { return add(x, mul(number(0.044715F), cube)); }

  template <class Pass>
  void expect_fused(Pass&& pass, Value result, const std::string& type) {
    output(result);
    expect_after(pass, {"Clip", type});
  }

  Value x;
};

TEST_F(FuseActivations, HardSwishDividedLast) {
  expect_fused(fuse_hard_swish, div(mul(x, clipped()), number(6)), "HardSwish");
}
TEST_F(FuseActivations, HardSwishScaledLast) {
  expect_fused(fuse_hard_swish, mul(number(1 / 6.0F), mul(clipped(), x)), "HardSwish");
}
TEST_F(FuseActivations, HardSwishDividedGate) {
  expect_fused(fuse_hard_swish, mul(x, div(clipped(), number(6))), "HardSwish");
}
TEST_F(FuseActivations, HardSwishDividedInput) {
  expect_fused(fuse_hard_swish, mul(div(x, number(6)), clipped()), "HardSwish");
}
TEST_F(FuseActivations, HardSwishOfHardSigmoid) {
  expect_fused(fuse_hard_swish, mul(graph.add(HardSigmoid{.alpha = 1 / 6.0F}, {x}), x), "HardSwish");
}
TEST_F(FuseActivations, NoHardSwishOfOtherConstants) {
  output(div(mul(x, clipped(2)), number(6)));
  output(div(mul(x, clipped(3, 5)), number(6)));
  output(div(mul(x, clipped()), number(5)));
  output(mul(x, clipped()));
  output(mul(x, graph.add(HardSigmoid{.alpha = 0.2F}, {x})));
  output(mul(x, graph.add(HardSigmoid{.alpha = 1 / 6.0F, .beta = 0.4F}, {x})));
  output(div(number(6), add(mul(clipped(), clipped()), number(1))));
  expect_untouched(fuse_hard_swish);
}
TEST_F(FuseActivations, NoHardSwishWhereItsPartsAreRead) {
  const Value read_twice = clipped();
  output(div(mul(x, read_twice), number(6)));
  output(graph.add(Relu{}, {read_twice}));
  const Value is_output = mul(x, clipped());
  output(is_output);
  output(div(is_output, number(6)));
  expect_untouched(fuse_hard_swish);
}
TEST_F(FuseActivations, NoHardSwishOfAnotherInputOrABroadcast) {
  const Value y = graph.add(Neg{}, {x});
  output(div(mul(y, clipped()), number(6)));
  output(div(mul(x, clipped()), constant(filled({1, 1, 1}, 6))));
  expect_untouched(fuse_hard_swish);
}

TEST_F(FuseActivations, Swish) { expect_fused(fuse_swish, mul(x, graph.add(Sigmoid{}, {x})), "Swish"); }
TEST_F(FuseActivations, SwishOfAScaledGate) {
  const Value result = mul(graph.add(Sigmoid{}, {mul(number(1.702F), x)}), x);
  expect_fused(fuse_swish, result, "Swish");
  EXPECT_EQ(graph.nodes()[1].op, Operator(Swish{.alpha = 1.702F}));
}
TEST_F(FuseActivations, NoSwish) {
  output(mul(x, graph.add(Sigmoid{}, {graph.add(Neg{}, {x})})));
  const Value gate = graph.add(Sigmoid{}, {x});
  output(mul(x, gate));
  output(gate);
  const Value row = weights({7});
  output(mul(x, graph.add(Sigmoid{}, {mul(row, x)})));
  expect_untouched(fuse_swish);
}

TEST_F(FuseActivations, GeluInAnyOrder) { expect_fused(fuse_gelu, mul(mul(x, number(0.5F)), erf_gate()), "Gelu"); }
TEST_F(FuseActivations, GeluHalvedLast) { expect_fused(fuse_gelu, mul(number(0.5F), mul(erf_gate(), x)), "Gelu"); }
TEST_F(FuseActivations, GeluDividedByTwo) { expect_fused(fuse_gelu, div(mul(x, erf_gate()), number(2)), "Gelu"); }
TEST_F(FuseActivations, GeluOfAHalvedGate) { expect_fused(fuse_gelu, mul(x, mul(erf_gate(), number(0.5F))), "Gelu"); }
TEST_F(FuseActivations, GeluOfTanhAndPow) {
  const Value cube = graph.add(Pow{}, {x, number(3)});
  expect_fused(fuse_gelu, mul(mul(number(0.5F), x), tanh_gate(cubic(cube))), "Gelu");
  EXPECT_EQ(graph.nodes()[1].op, Operator(Gelu{.approximate = GeluApproximation::tanh}));
}
TEST_F(FuseActivations, GeluOfTanhAndProducts) {
  expect_fused(fuse_gelu, mul(mul(number(0.5F), x), tanh_gate(cubic(mul(x, mul(x, x))))), "Gelu");
}
TEST_F(FuseActivations, GeluOfTanhWithTheInputOutside) {
  const Value inner = mul(x, add(number(1), mul(mul(x, x), number(0.044715F))));
  expect_fused(fuse_gelu, mul(x, mul(number(0.5F), tanh_gate(inner))), "Gelu");
}
TEST_F(FuseActivations, NoGeluOfOtherConstants) {
  output(mul(mul(x, number(0.4F)), erf_gate()));
  output(mul(mul(x, number(0.5F)), add(graph.add(Erf{}, {div(x, number(1.5F))}), number(1))));
  output(mul(mul(x, number(0.5F)), add(graph.add(Erf{}, {div(x, number(1.4142135F))}), number(2))));
  output(mul(mul(x, number(0.5F)), tanh_gate(cubic(graph.add(Pow{}, {x, number(3)})), 0.8F)));
  output(mul(mul(x, number(0.5F)), tanh_gate(cubic(graph.add(Pow{}, {x, number(2)})))));
  output(mul(mul(x, number(0.5F)), tanh_gate(cubic(mul(x, mul(x, graph.add(Neg{}, {x})))))));
  expect_untouched(fuse_gelu);
}
TEST_F(FuseActivations, NoGeluWhereItsPartsAreRead) {
  const Value gate = erf_gate();
  output(mul(mul(x, number(0.5F)), gate));
  output(graph.add(Relu{}, {gate}));
  const Value inner = div(x, number(std::numbers::sqrt2_v<float>));
  output(inner);
  output(mul(mul(x, number(0.5F)), add(graph.add(Erf{}, {inner}), number(1))));
  expect_untouched(fuse_gelu);
}

TEST_F(FuseActivations, LeakyReluOfMax) {
  expect_fused(fuse_leaky_relu, graph.add(Max{}, {mul(x, number(0.2F)), x}), "LeakyRelu");
}
TEST_F(FuseActivations, LeakyReluOfASum) {
  const Value positive = mul(graph.add(Relu{}, {x}), number(0.75F));
  expect_fused(fuse_leaky_relu, add(mul(number(0.25F), x), positive), "LeakyRelu");
}
TEST_F(FuseActivations, LeakyReluOfADifference) {
  const Value negative = mul(graph.add(Relu{}, {graph.add(Neg{}, {x})}), number(0.3F));
  expect_fused(fuse_leaky_relu, graph.add(Sub{}, {graph.add(Relu{}, {x}), negative}), "LeakyRelu");
}
TEST_F(FuseActivations, NoLeakyRelu) {
  output(graph.add(Max{}, {mul(x, number(1.5F)), x}));
  output(graph.add(Max{}, {mul(x, number(-0.5F)), x}));
  output(graph.add(Min{}, {mul(x, number(0.5F)), x}));
  output(graph.add(Max{}, {mul(x, number(0.5F)), graph.add(Neg{}, {x})}));
  output(add(mul(number(0.25F), x), mul(graph.add(Relu{}, {x}), number(0.7F))));
  output(graph.add(Sub{}, {mul(number(0.25F), x), mul(graph.add(Relu{}, {x}), number(0.75F))}));
  const Value scaled = mul(x, number(0.2F));
  output(scaled);
  output(graph.add(Max{}, {scaled, x}));
  expect_untouched(fuse_leaky_relu);
}

TEST_F(FuseActivations, ClipOfMaxAndMin) {
  const Value low = graph.add(Max{}, {constant(filled({1, 1}, -0.5F)), x});
  output(graph.add(Min{}, {low, number(2)}));
  expect_after(fuse_clip, {"Clip", "Clip"}, 0);
}
TEST_F(FuseActivations, ClipOfEachAlone) {
  const Value low = graph.add(Max{}, {number(-0.5F), x});
  output(low);
  output(graph.add(Min{}, {low, number(2)}));
  expect_after(fuse_clip, {"Clip", "Clip", "Clip"}, 0);
}
TEST_F(FuseActivations, NoClipOfVectorsOrOfABroadcast) {
  output(graph.add(Max{}, {x, weights({7})}));
  output(graph.add(Max{}, {x, constant(filled({1, 1, 1}, 1))}));
  output(graph.add(Max{}, {x, x}));
  expect_untouched(fuse_clip);
}
TEST_F(FuseActivations, NoClipWhereTheBoundsAreInDisorder) {
  output(graph.add(Min{}, {graph.add(Max{}, {x, number(2)}), number(1)}));
  expect_after(fuse_clip, {"Clip", "Clip", "Clip"}, 0);
}

}  // namespace
}  // namespace condense::graph
