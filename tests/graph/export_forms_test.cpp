#include <gtest/gtest.h>

#include "condense/graph/passes/use_mat_mul_n_bits.hpp"
#include "condense/graph/passes/use_q_linear_operators.hpp"
#include "graph/run.hpp"

namespace condense::graph {
namespace {

Index count_of(const Graph& graph, std::string_view type) {
  return std::ranges::count_if(graph.nodes(), [&](const Node& node) { return node.op.type() == type; });
}

Value scalar(Graph& graph, const std::string& name, float value) {
  return graph.constant(name, Tensor::of<float>({}, {value}));
}

/// x -> Q -> DQ -> Conv -> clamp -> Q -> DQ. The zero point of the result is `zero`.
Graph quantized_convolution(std::uint8_t zero, bool with_relu) {
  Random random(2);
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {2, 3, 6, 5});
  const Value x_scale = scalar(graph, "x_scale", 0.02F);
  const Value x_zero = graph.constant("x_zero", Tensor::of<std::uint8_t>({}, {120}));
  const Value codes = graph.add(QuantizeLinear{}, {x, x_scale, x_zero}, "codes");
  const Value xd = graph.add(DequantizeLinear{}, {codes, x_scale, x_zero}, "xd");
  const Tensor weights = random_tensor<std::int8_t>({4, 3, 3, 3}, random, -127, 127);
  const Value wd = graph.add(
      DequantizeLinear{.axis = 0},
      {graph.constant("w", weights), graph.constant("w_scale", Tensor::of<float>({4}, {0.01F, 0.02F, 0.003F, 0.01F}))},
      "wd");
  const Value bd = graph.add(DequantizeLinear{.axis = 0},
                             {graph.constant("b", Tensor::of<std::int32_t>({4}, {100, -2000, 5, 0})),
                              graph.constant("b_scale", Tensor::of<float>({4}, {0.0002F, 0.0004F, 0.00006F, 0.0002F}))},
                             "bd");
  Value y = graph.add(Conv{.strides = {2, 1}, .pads = {1, 0, 1, 0}}, {xd, wd, bd}, "conv");
  if (with_relu) y = graph.add(Relu{}, {y}, "relu");
  const Value y_scale = scalar(graph, "y_scale", 0.05F);
  const Value y_zero = graph.constant("y_zero", Tensor::of<std::uint8_t>({}, {zero}));
  const Value result = graph.add(QuantizeLinear{}, {y, y_scale, y_zero}, "result");
  graph.output(graph.add(DequantizeLinear{}, {result, y_scale, y_zero}, "y"));
  return graph;
}

TEST(UseQLinearOperators, GivesTheSameCodes) {
  Random random(3);
  const Tensor x = random_tensor({2, 3, 6, 5}, random, -2, 2);
  for (const auto& [zero, with_relu] : {std::pair{std::uint8_t{100}, false}, {std::uint8_t{0}, true}}) {
    const Graph before = quantized_convolution(zero, with_relu);
    Graph after = before;
    use_q_linear_operators(after);
    EXPECT_EQ(count_of(after, "QLinearConv"), 1);
    EXPECT_EQ(count_of(after, "Conv") + count_of(after, "Relu"), 0);
    expect_near(evaluate(after, {x})[0], evaluate(before, {x})[0], 0);  // no tie among these
  }
}

TEST(UseQLinearOperators, LeavesAClampThatSaturationIsNot) {
  Graph graph = quantized_convolution(100, true);
  use_q_linear_operators(graph);
  EXPECT_EQ(count_of(graph, "QLinearConv"), 0);
}

/// x times weights of few bits in blocks: (K, N) for MatMul, (N, K) for Gemm.
Graph product_in_blocks(DataType type, bool gemm, bool with_zero_points, Index block) {
  constexpr Index kN = 5;
  constexpr Index kK = 40;
  Random random(4);
  const Shape shape = gemm ? Shape{kN, kK} : Shape{kK, kN};
  const Index blocks = (kK + block - 1) / block;
  const Shape scale_shape = gemm ? Shape{kN, blocks} : Shape{blocks, kN};
  Tensor codes(type, shape);
  Tensor zeros(type, scale_shape);
  for (Tensor* tensor : {&codes, &zeros}) {
    for (std::size_t i = 0; i < tensor->bytes(); ++i)
      tensor->mutable_raw()[i] = static_cast<std::byte>(random.below(256));
  }
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {3, kK});
  std::vector<Value> stored{graph.constant("codes", codes),
                            graph.constant("scales", random_tensor(scale_shape, random, 0.1F, 1))};
  if (with_zero_points) stored.push_back(graph.constant("zeros", zeros));
  const Value w = graph.add(DequantizeLinear{.axis = gemm ? 1 : 0, .block_size = block}, stored, "w");
  if (gemm) {
    const Value bias = graph.constant("bias", random_tensor({kN}, random));
    graph.output(graph.add(Gemm{.trans_b = true}, {x, w, bias}, "y"));
  } else {
    graph.output(graph.add(MatMul{}, {x, w}, "y"));
  }
  return graph;
}

TEST(UseMatMulNBits, GivesTheSameProducts) {
  Random random(5);
  const Tensor x = random_tensor({3, 40}, random);
  for (const DataType type : {DataType::int4, DataType::uint4, DataType::int2, DataType::uint2}) {
    for (const bool gemm : {false, true}) {
      for (const bool with_zero_points : {false, true}) {
        if (!with_zero_points && !is_signed(type)) continue;  // a zero point of 0 is not the operator's default
        const Graph before = product_in_blocks(type, gemm, with_zero_points, 16);
        Graph after = before;
        use_mat_mul_n_bits(after);
        EXPECT_EQ(count_of(after, "MatMulNBits"), 1) << name(type);
        expect_near(evaluate(after, {x})[0], evaluate(before, {x})[0], 1e-4);  // sums of 40 in another order
      }
    }
  }
}

TEST(UseMatMulNBits, WritesZeroPointsOfUnsignedCodesOut) {
  Random random(6);
  const Tensor x = random_tensor({3, 40}, random);
  const Graph before = product_in_blocks(DataType::uint4, false, false, 16);
  Graph after = before;
  use_mat_mul_n_bits(after);
  expect_near(evaluate(after, {x})[0], evaluate(before, {x})[0], 1e-4);
}

TEST(UseMatMulNBits, LeavesBlocksThatTheOperatorDoesNotTake) {
  Graph graph = product_in_blocks(DataType::int4, false, false, 8);
  use_mat_mul_n_bits(graph);
  EXPECT_EQ(count_of(graph, "MatMulNBits"), 0);
}

}  // namespace
}  // namespace condense::graph
