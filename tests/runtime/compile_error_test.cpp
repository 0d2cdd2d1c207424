#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "support/quantized_networks.hpp"
#include "support/throws.hpp"

namespace condense::runtime {
namespace {

using graph::Graph;
using graph::Value;

Graph doubling_graph() {
  Graph graph;
  const Value x = graph.input("pixels", DataType::float32, {kDynamic, 3});
  graph.output(graph.add(graph::Add{}, {x, x}), "doubled");
  return graph;
}

TEST(Compile, RefusesShapesThatDoNotFitByName) {
  const Graph graph = doubling_graph();
  EXPECT_TRUE(throws<InvalidArgument>("'pixels' has shape (? x 3), it is given (2 x 4)", [&] {
    compile(graph, {.input_shapes = {Shape{2, 4}}});
  }));
  EXPECT_TRUE(throws<InvalidArgument>("1 inputs, 2 shapes", [&] {
    compile(graph, {.input_shapes = {Shape{2, 3}, Shape{2, 3}}});
  }));
}

TEST(Program, RefusesTensorsOfAnotherShapeOrTypeByName) {
  Program program = compile(doubling_graph(), {.input_shapes = {Shape{2, 3}}});
  const auto run = [&](const Tensor& tensor) { return [&program, tensor] { program.run({tensor}); }; };
  EXPECT_TRUE(throws<InvalidArgument>("input 'pixels' is float32 (2 x 3)", run(Tensor(DataType::float32, {1, 3}))));
  EXPECT_TRUE(throws<InvalidArgument>("it is given float32 (1 x 3)", run(Tensor(DataType::float32, {1, 3}))));
  EXPECT_TRUE(throws<InvalidArgument>("it is given int8 (2 x 3)", run(Tensor(DataType::int8, {2, 3}))));
  EXPECT_EQ(program.run({Tensor(DataType::float32, {2, 3})}).size(), 1U);
}

TEST(Program, RefusesAnotherNumberOfTensorsWithBothNumbers) {
  Program program = compile(doubling_graph());
  const Tensor x(DataType::float32, {1, 3});
  EXPECT_TRUE(throws<InvalidArgument>("1 inputs, 2 tensors", [&] { program.run({x, x}); }));
  EXPECT_TRUE(throws<InvalidArgument>("1 inputs, 0 tensors", [&] { program.run({}); }));
  std::vector<Tensor> outputs(2, x);
  EXPECT_TRUE(throws<InvalidArgument>("1 outputs, 2 tensors", [&] { program.run({&x, 1}, outputs); }));
  outputs.assign(1, Tensor(DataType::float32, {3, 1}));
  EXPECT_TRUE(
      throws<InvalidArgument>("output 'doubled' is float32 (1 x 3) in this program, it is given float32 (3 x 1)", [&] {
        program.run({&x, 1}, outputs);
      }));
}

/// A quantised Gemm of the given depth whose weights are all 127.
Graph deep_product(Index depth, DataType activations, std::int32_t bias) {
  Graph graph;
  const Value x = graph.input("x", activations, {1, depth});
  const Value scale = graph.constant("scale", Tensor::scalar(1.0F));
  const Value real = graph.add(graph::DequantizeLinear{}, {x, scale});
  Tensor weights(DataType::int8, {1, depth});
  for (std::int8_t& w : weights.mutable_values<std::int8_t>()) w = 127;
  const Value w = graph.add(graph::DequantizeLinear{}, {graph.constant("weights", weights), scale});
  const Value b =
      graph.add(graph::DequantizeLinear{}, {graph.constant("bias", Tensor::of<std::int32_t>({1}, {bias})), scale});
  graph.output(graph.add(graph::Gemm{.trans_b = true}, {real, w, b}, "deep"));
  return graph;
}

TEST(Compile, RefusesSumsThatCouldOverflowAndNamesTheNode) {
  constexpr Index kDeepest = 66'311;  // 127 * 255 * depth < 2^31
  for (const DataType type : {DataType::uint8, DataType::int8}) {
    EXPECT_TRUE(throws<Unsupported>("node 'deep' (Gemm)", [&] { compile(deep_product(kDeepest + 1, type, 0)); }));
    EXPECT_TRUE(throws<Unsupported>("2147514120", [&] { compile(deep_product(kDeepest + 1, type, 0)); }));
    EXPECT_TRUE(throws<Unsupported>("'deep'", [&] { compile(deep_product(kDeepest, type, 20'000)); }));
    EXPECT_TRUE(throws<Unsupported>("'deep'", [&] { compile(deep_product(10, type, 2'147'483'000)); }));
  }
  Tensor brightest(DataType::uint8, {1, kDeepest});
  for (std::uint8_t& x : brightest.mutable_values<std::uint8_t>()) x = 255;
  Program program = compile(deep_product(kDeepest, DataType::uint8, 1000));
  EXPECT_EQ(program.run({brightest})[0].values<float>()[0], static_cast<float>(127.0 * 255 * kDeepest + 1000));
}

TEST(Compile, RefusesABiasThatIsInfinite) {
  Graph graph;
  const Value scale = graph.constant("scale", Tensor::scalar(1.0F));
  const Value x = graph.add(graph::DequantizeLinear{}, {graph.input("x", DataType::uint8, {1, 2}), scale});
  const Value w = graph.add(graph::DequantizeLinear{}, {graph.constant("w", Tensor(DataType::int8, {3, 2})), scale});
  const Value bias = graph.constant("b", Tensor::of<float>({3}, {0, INFINITY, 0}));
  graph.output(graph.add(graph::Gemm{.trans_b = true}, {x, w, bias}, "head"));
  EXPECT_TRUE(throws<InvalidArgument>("node 'head'", [&] { compile(graph); }));
}

TEST(Compile, RefusesOutputsBelowEightBitsByName) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {4});
  const Value zero = graph.constant("zero", Tensor(DataType::int4, {}));
  graph.output(graph.add(graph::QuantizeLinear{}, {x, graph.constant("scale", Tensor::scalar(1.0F)), zero}), "codes");
  EXPECT_TRUE(throws<Unsupported>("output 'codes' is int4", [&] { compile(graph); }));
}

TEST(Compile, RefusesOperatorsOnPackedActivationsByName) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {2, 4});
  const Value scales = graph.constant("scales", Tensor::of<float>({4}, {1, 2, 3, 4}));
  const Value codes =
      graph.add(graph::QuantizeLinear{.axis = 1, .output_dtype = DataType::int4}, {x, scales}, "by_channel");
  graph.output(graph.add(graph::DequantizeLinear{.axis = 1}, {codes, scales}));
  EXPECT_TRUE(throws<Unsupported>("node 'by_channel' (QuantizeLinear): it computes with the int4 value",
                                  [&] { compile(graph); }));
}

TEST(KernelSet, RefusesUnknownBackendsByName) {
  EXPECT_TRUE(throws<InvalidArgument>("no backend 'nonsense'", [] { kernels::KernelSet::select("nonsense"); }));
  EXPECT_TRUE(
      throws<InvalidArgument>("CONDENSE_BACKEND may be scalar", [] { kernels::KernelSet::select("nonsense"); }));
  EXPECT_EQ(kernels::KernelSet::select("scalar").name, "scalar");
}

}  // namespace
}  // namespace condense::runtime
