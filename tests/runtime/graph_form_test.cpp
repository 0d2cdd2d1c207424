#include <gtest/gtest.h>

#include <algorithm>

#include "condense/runtime/compile.hpp"
#include "support/integer_interpreter.hpp"
#include "support/quantized_networks.hpp"

// Graphs with a form of their own: what a random network does not have, or would have only by luck.

namespace condense::runtime {
namespace {

using graph::Graph;
using graph::Value;

/// Compares a program's bytes with the contract's; inputs are random floats.
void expect_bytes(const Graph& graph, std::uint64_t seed = 1) {
  Random random(seed);
  std::vector<Tensor> inputs;
  std::vector<Shape> shapes;
  for (const Value input : graph.inputs()) {
    shapes.push_back(graph.type(input).shape);
    inputs.push_back(graph.type(input).type == DataType::float32
                         ? random_tensor(shapes.back(), random)
                         : random_codes(graph.type(input).type, shapes.back(), 0, 127, random));
  }
  const std::vector<Tensor> expected = IntegerInterpreter(graph).run(inputs);
  const std::vector<Tensor> actual = compile(graph, {.input_shapes = shapes}).run(inputs);
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_TRUE(actual[i] == expected[i]) << "output '" << graph.name(graph.outputs()[i]) << "'";
  }
}

/// A graph on one quantised image, and shorthands.
struct Builder {
  QuantizedNetwork network{5, ActivationTypes::unsigned_asymmetric};
  Graph& graph = network.graph();

  Value image(const Shape& shape) { return network.quantized(graph.input("image", DataType::float32, shape), -2, 2); }
  Value add(graph::Operator op, std::vector<Value> inputs) { return graph.add(std::move(op), std::move(inputs)); }

  /// Codes with the given scale and zero point, and their reals.
  Value codes(Value x, float scale, Tensor zero_point) {
    return add(graph::QuantizeLinear{}, {x, network.scalar(scale), network.constant(std::move(zero_point))});
  }
  Value reals(Value codes, float scale, Tensor zero_point) {
    return add(graph::DequantizeLinear{}, {codes, network.scalar(scale), network.constant(std::move(zero_point))});
  }
  Value weights(const Shape& shape) {
    return add(
        graph::DequantizeLinear{},
        {network.constant(random_codes(DataType::int8, shape, -127, 127, network.random())), network.scalar(0.002F)});
  }
};

Tensor u8(int value) { return Tensor::scalar(static_cast<std::uint8_t>(value)); }
Tensor s8(int value) { return Tensor::scalar(static_cast<std::int8_t>(value)); }

TEST(Outputs, ThatAreImagesComeBackChannelsFirst) {
  Builder b;
  const Value x = b.image({2, 3, 5, 4});
  const Value y = b.add(graph::Conv{}, {x, b.weights({6, 3, 2, 2})});
  b.graph.output(y, "floats");
  b.graph.output(b.codes(y, 0.02F, u8(128)), "codes");
  b.graph.output(b.add(graph::HardSwish{}, {y}), "map");
  expect_bytes(b.graph);
}

TEST(Outputs, MayBeInputsAndConstants) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {1, 2, 3, 4});
  const Value codes = graph.input("codes", DataType::int8, {7});
  Random random(1);
  graph.output(x);
  graph.output(codes);
  graph.output(graph.constant("constant", random_tensor({2, 3, 4, 5}, random)));
  graph.output(graph.add(graph::Relu{}, {x}));
  graph.output(x);
  expect_bytes(graph);
}

TEST(Outputs, InTheMiddleOfAChainThatCouldBeFused) {
  for (int at = 0; at < 4; ++at) {
    Builder b;
    const Value conv = b.add(graph::Conv{}, {b.image({1, 4, 6, 6}), b.weights({5, 4, 3, 3})});
    const Value relu = b.add(graph::Relu{}, {conv});
    const Value codes = b.codes(relu, 0.01F, u8(0));
    const Value real = b.reals(codes, 0.01F, u8(0));
    b.graph.output(at == 0 ? conv : at == 1 ? relu : at == 2 ? codes : real, "middle");
    b.graph.output(b.add(graph::MaxPool{.kernel_shape = {2, 2}}, {real}), "end");
    expect_bytes(b.graph);
  }
}

TEST(Values, MayHaveSeveralConsumers) {
  Builder b;
  const Value x = b.image({1, 4, 6, 6});
  const Value conv = b.add(graph::Conv{}, {x, b.weights({4, 4, 1, 1})});
  const Value left = b.network.quantized(b.add(graph::Relu{}, {conv}), 0, 3);
  const Value right = b.network.quantized(conv, -3, 3);
  const Value both = b.network.quantized(b.add(graph::Add{}, {left, right}), -3, 6);
  b.graph.output(b.network.quantized(b.add(graph::Mul{}, {both, both}), -1, 9));
  b.graph.output(b.network.quantized(b.add(graph::Concat{.axis = 2}, {both, left, x, both})));
  b.graph.output(b.network.quantized(b.add(graph::Flatten{}, {both})));
  expect_bytes(b.graph);
}

TEST(Inputs, MayBeCodes) {
  Graph graph;
  Builder b;
  const Value image = b.graph.input("codes", DataType::uint8, {2, 3, 4, 4});
  const Value x = b.reals(image, 0.02F, u8(60));
  b.graph.output(b.network.quantized(b.add(graph::Conv{.pads = {1, 1, 1, 1}}, {x, b.weights({8, 3, 3, 3})})));
  expect_bytes(b.graph);
}

TEST(IntegerSteps, TakeSignals) {
  Builder b;
  const Value x = b.image({2, 5, 20});
  const Value y = b.network.quantized(
      b.add(graph::Conv{.strides = {2}, .dilations = {2}, .pads = {3, 1}}, {x, b.weights({6, 5, 3})}));
  const Value z = b.network.quantized(b.add(graph::MaxPool{.kernel_shape = {2}}, {y}));
  b.graph.output(b.network.quantized(b.add(graph::GlobalAveragePool{}, {z}), -1, 1));
  b.graph.output(b.network.quantized(b.add(graph::Concat{.axis = -1}, {y, z})));
  expect_bytes(b.graph);
}

TEST(IntegerSteps, TakeActivationsOfFourBits) {
  Builder b;
  const Tensor zero(DataType::uint4, {});
  const Tensor signed_zero(DataType::int4, {});
  const Value x = b.add(graph::Relu{}, {b.image({1, 4, 5, 5})});
  const Value four = b.reals(b.codes(x, 0.15F, zero), 0.15F, zero);
  const Value conv = b.add(graph::Conv{.pads = {1, 1, 0, 0}}, {four, b.weights({4, 4, 2, 2})});
  const Value again = b.reals(b.codes(conv, 0.1F, signed_zero), 0.1F, signed_zero);
  b.graph.output(b.codes(b.add(graph::Add{}, {four, again}), 0.02F, u8(9)));
  const Value pooled = b.add(graph::MaxPool{.kernel_shape = {1, 1}, .strides = {2, 2}, .pads = {2, 2, 1, 1}}, {again});
  b.graph.output(b.reals(b.codes(pooled, 0.1F, signed_zero), 0.1F, signed_zero));
  expect_bytes(b.graph);
}

TEST(IntegerSteps, PoolEmptyWindowsToTheLowestCodeThatTheClampLeaves) {
  Builder b;
  const graph::MaxPool pool{.kernel_shape = {1, 1}, .pads = {1, 0, 1, 1}};
  const Value y = b.add(graph::Relu{}, {b.add(pool, {b.image({1, 3, 3, 3})})});
  b.graph.output(b.codes(y, 0.03F, u8(100)));
  b.graph.output(b.codes(b.add(pool, {b.graph.add(graph::Relu{}, {b.graph.inputs()[0]})}), 0.05F, s8(3)));
  expect_bytes(b.graph);
}

TEST(IntegerSteps, AverageIntoCodesOfTheOtherSign) {
  for (const bool to_signed : {false, true}) {
    Builder b;
    const Value input = b.graph.input("image", DataType::float32, {2, 5, 4, 4});
    const Tensor in_zero = to_signed ? u8(120) : s8(-9);
    const Tensor out_zero = to_signed ? s8(17) : u8(140);
    const Value x = b.reals(b.codes(input, 0.016F, in_zero), 0.016F, in_zero);
    b.graph.output(b.codes(b.add(graph::GlobalAveragePool{}, {x}), 0.005F, out_zero));
    b.graph.output(
        b.codes(b.add(graph::AveragePool{.kernel_shape = {3, 3}, .pads = {1, 1, 1, 1}}, {x}), 0.01F, out_zero));
    expect_bytes(b.graph);
    for (const StepInfo& step : compile(b.graph).steps()) {
      EXPECT_TRUE(step.kernel != "pooling" || step.precision == "int8") << step.name;
    }
  }
}

TEST(IntegerSteps, ClipToTheUpperBoundIfTheBoundsAreExchanged) {
  Builder b;
  const Value bounds[] = {b.network.scalar(1.0F), b.network.scalar(0.25F)};
  const Value x = b.image({3, 6});
  b.graph.output(b.codes(b.add(graph::Clip{}, {x, bounds[0], bounds[1]}), 0.02F, u8(50)));
  const Value flat = b.add(
      graph::Clip{},
      {b.add(graph::Reshape{}, {x, b.network.constant(Tensor::of<std::int64_t>({1}, {18}))}), bounds[0], bounds[1]});
  b.graph.output(b.codes(flat, 0.02F, u8(50)));
  expect_bytes(b.graph);
}

TEST(IntegerSteps, TakeAScalarAndAnInt32BiasWithAZeroPoint) {
  Builder b;
  const Value x = b.image({3, 6});
  b.graph.output(b.codes(b.add(graph::Gemm{}, {x, b.weights({6, 1}), b.network.scalar(0.5F)}), 0.02F, u8(50)));

  // The bias is stored in the scale of the products, but shifted: not the integers that the sums start from.
  const float x_scale = 0.02F;
  const Value y = b.reals(b.codes(b.graph.inputs()[0], x_scale, u8(100)), x_scale, u8(100));
  const Value codes = b.network.constant(Tensor::of<std::int32_t>({1}, {700}));
  const Value zero_point = b.network.constant(Tensor::scalar(std::int32_t{-5000}));
  const Value bias = b.add(graph::DequantizeLinear{}, {codes, b.network.scalar(x_scale * 0.002F), zero_point});
  const Value biased = b.add(graph::Gemm{}, {y, b.weights({6, 1}), bias});
  b.graph.output(biased, "biased");
  Random random(2);
  const Tensor image = random_tensor({3, 6}, random);
  const Tensor expected = graph::evaluate(b.graph, {image}).back();
  const Tensor actual = compile(b.graph).run({image}).back();
  for (std::size_t i = 0; i < 3; ++i) {  // exact but for the float sums of the evaluation
    EXPECT_NEAR(actual.values<float>()[i], expected.values<float>()[i], 1e-5F);
  }
}

/// A user's operator without inputs: counts 0, 1, 2, ...
struct Ramp {
  static constexpr std::string_view kType = "Ramp";
  Index count = 0;
  std::vector<graph::TensorType> infer(const graph::InputTypes&) const { return {{DataType::float32, {1, count}}}; }
  void evaluate(const graph::Evaluation& e) const {
    for (Index i = 0; i < count; ++i) e.output().as<float>()[i] = static_cast<float>(i) * 0.01F;
  }
  friend bool operator==(const Ramp&, const Ramp&) = default;
};

TEST(IntegerSteps, TakeWeightsOfFourAndTwoBitsWithZeroPoints) {
  for (const DataType type : {DataType::uint4, DataType::int4, DataType::uint2}) {
    for (const Index block_size : {0, 16}) {
      Builder b;
      const int low = is_signed(type) ? -8 : 0;
      const auto codes = [&](const Shape& shape) {
        return b.network.constant(random_codes(type, shape, low, low + (1 << bits(type)) - 1, b.network.random()));
      };
      const Shape blocks = block_size == 0 ? Shape{7} : Shape{3, 7};
      Tensor scales(DataType::float32, blocks);
      for (float& scale : scales.mutable_values<float>()) scale = b.network.random().uniform(0.01F, 0.03F);
      const Value weights = b.add(graph::DequantizeLinear{.axis = block_size == 0 ? 1 : 0, .block_size = block_size},
                                  {codes({40, 7}), b.network.constant(scales), codes(blocks)});
      const Value product = b.add(graph::MatMul{}, {b.image({3, 40}), weights});
      b.graph.output(b.codes(product, 0.05F, u8(100)), "codes");
      expect_bytes(b.graph);
      EXPECT_EQ(compile(b.graph).steps().back().precision, "int4");
    }
  }
}

TEST(IntegerSteps, AddAResidualInTheStepOfTheProduct) {
  for (const bool product_first : {true, false}) {
    for (const Index groups : {1, 2, 6}) {
      Builder b;
      const Value x = b.image({2, 6, 9, 13});
      const Value conv =
          b.add(graph::Conv{.pads = {1, 1, 1, 1}, .group = groups}, {x, b.weights({6, 6 / groups, 3, 3})});
      const Value codes = b.reals(b.codes(conv, 0.03F, u8(131)), 0.03F, u8(131));
      const Value sum = b.add(graph::Add{}, {product_first ? codes : x, product_first ? x : codes});
      b.graph.output(b.codes(b.add(graph::Relu{}, {sum}), 0.02F, s8(-100)), "codes");
      expect_bytes(b.graph);
      const auto steps = compile(b.graph).steps();
      EXPECT_TRUE(std::ranges::any_of(steps, [](const auto& s) { return s.operation == "Conv + Add + Relu"; }));
      EXPECT_TRUE(std::ranges::none_of(steps, [](const auto& s) { return s.operation == "Add + Relu"; }));
    }
  }
}

TEST(IntegerSteps, KeepAProductApartWhoseCodesAreReadElsewhere) {
  Builder b;
  const Value x = b.image({1, 4, 5, 5});
  const Value codes = b.codes(b.add(graph::Conv{}, {x, b.weights({4, 4, 1, 1})}), 0.03F, u8(131));
  b.graph.output(codes, "product");
  const Value sum = b.add(graph::Add{}, {b.reals(codes, 0.03F, u8(131)), x});
  b.graph.output(b.codes(sum, 0.04F, u8(120)), "sum");
  const Value twice = b.codes(b.add(graph::Conv{}, {x, b.weights({4, 4, 1, 1})}), 0.03F, u8(131));
  const Value doubled = b.reals(twice, 0.03F, u8(131));
  b.graph.output(b.codes(b.add(graph::Add{}, {doubled, doubled}), 0.06F, u8(128)), "doubled");
  expect_bytes(b.graph);
}

TEST(Operators, OfTheUsersOwnRunAmongTheOthers) {
  Builder b;
  const Value ramp = b.add(Ramp{6}, {});
  const Value x = b.image({1, 6});
  b.graph.output(b.network.quantized(b.add(graph::Add{}, {x, b.network.quantized(ramp, 0, 1)})));
  b.graph.output(b.add(graph::MatMul{}, {b.weights({2, 1}), ramp}));  // a product whose right side is not constant
  Random random(2);
  const Tensor image = random_tensor({1, 6}, random);
  EXPECT_EQ(compile(b.graph).run({image})[0], IntegerInterpreter(b.graph).run({&image, 1})[0]);
}

}  // namespace
}  // namespace condense::runtime
