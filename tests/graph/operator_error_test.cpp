#include <gtest/gtest.h>

#include <string>

#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators.hpp"
#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

using Inputs = std::vector<std::optional<Tensor>>;

Tensor f(const Shape& shape) { return Tensor(DataType::float32, shape); }
Tensor i8(const Shape& shape) { return Tensor(DataType::int8, shape); }
Tensor u8(const Shape& shape) { return Tensor(DataType::uint8, shape); }
Tensor f64(const Shape& shape) { return Tensor(DataType::float64, shape); }
Tensor extents(std::initializer_list<std::int64_t> values) {
  return Tensor::of<std::int64_t>({static_cast<Index>(values.size())}, values);
}

struct Mistake {
  Operator op;
  Inputs inputs;
  std::string message;  ///< Of the operator; the graph puts the node before it.
};

void expect_refused(const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes) {
    const Node node{"somewhere", mistake.op, {}, {}};
    std::vector<const Tensor*> inputs;
    for (const auto& input : mistake.inputs) inputs.push_back(input ? &*input : nullptr);
    const std::string node_part = fmt::format("node 'somewhere' ({}): ", mistake.op.type());
    const auto call = [&] { evaluate_node(node, inputs); };
    EXPECT_TRUE(throws<InvalidArgument>(mistake.message, call)) << mistake.op.type() << ": " << mistake.message;
    EXPECT_TRUE(throws<InvalidArgument>(node_part, call));
  }
}

/// A list of types. Operators of this one take any number of inputs, or as many as their graphs say.
template <class... Ops>
struct Listed {
  template <class T>
  static constexpr bool kHas = (std::is_same_v<T, Ops> || ...);
};
using TakeAny = Listed<Concat, Einsum, If, Loop, Max, Mean, Min, QLinearConv, Scan, Sum>;

TEST(EveryOperator, RefusesAWrongNumberOfInputs) {
  Operators::for_each([]<class T>() {
    expect_refused({{T{}, {}, "it takes"}});
    if constexpr (!TakeAny::kHas<T>) {
      expect_refused({{T{}, Inputs(13, f({1, 1, 1})), "it takes"}, {T{}, Inputs(13, f({1})), ", 13 are given"}});
    }
  });
}

TEST(EveryOperator, IsEqualToItsCopyAndHasAnOnnxName) {
  Operators::for_each([]<class T>() {
    EXPECT_EQ(Operator(T{}), Operator(T{})) << T::kType;
    EXPECT_TRUE(T::kType.front() >= 'A' && T::kType.front() <= 'Z');
  });
}

TEST(EveryFloatOperator, RefusesOtherTypes) {
  expect_refused({
      {Relu{}, {Tensor(DataType::boolean, {1})}, "its input 0 holds numbers of 8 bits or more, this one is boolean"},
      {LeakyRelu{}, {i8({1})}, "its input 0 is a float tensor, this one is int8"},
      {Sigmoid{}, {i8({1})}, "its input 0 is a float tensor, this one is int8"},
      {HardSwish{}, {i8({1})}, "its input 0 is a float tensor, this one is int8"},
      {Clip{}, {Tensor(DataType::int4, {1})}, "its input 0 holds numbers of 8 bits or more, this one is int4"},
      {Softmax{}, {i8({1})}, "its input 0 is a float tensor, this one is int8"},
      {Conv{}, {i8({1, 1, 1}), f({1, 1, 1})}, "its input 0 is a float tensor, this one is int8"},
      {Conv{}, {f({1, 1, 1}), f64({1, 1, 1})}, "its input 1 is float64 and its first input float32"},
      {Gemm{}, {f({1, 1}), f64({1, 1})}, "its input 1 is float64 and its first input float32"},
      {MatMul{}, {f({1, 1}), f64({1, 1})}, "its input 1 is float64 and its first input float32"},
      {AveragePool{}, {i8({1, 1, 1})}, "its input 0 is a float tensor, this one is int8"},
      {GlobalAveragePool{}, {i8({1, 1, 1})}, "its input 0 is a float tensor, this one is int8"},
      {MaxPool{},
       {Tensor(DataType::int4, {1, 1, 1})},
       "its input 0 is a float tensor, int8 or uint8, this one is int4"},
      {Add{},
       {Tensor(DataType::int4, {1}), Tensor(DataType::int4, {1})},
       "its input 0 holds numbers of 8 bits or more, this one is int4"},
      {Mul{}, {f({1}), i8({1})}, "its input 1 is int8 and its first input float32"},
      {Concat{}, {f({1}), i8({1})}, "its input 1 is int8 and its first input float32"},
  });
}

TEST(ConvolutionsAndPools, RefuseShapesThatDoNotFit) {
  const Tensor x = f({2, 4, 5, 6});
  expect_refused({
      {Conv{}, {x, f({3, 4, 3})}, "its input 1 is (out x in / group x ...) with as many dimensions as input 0"},
      {Conv{}, {x, f({3, 5, 3, 3})}, "its input 0 has 4 channels, its weights (3 x 5 x 3 x 3) in 1 groups take 5"},
      {Conv{.group = 2}, {x, f({3, 2, 3, 3})}, "its weights make 3 channels, which 2 groups do not divide"},
      {Conv{.group = 0}, {x, f({3, 4, 3, 3})}, "its attribute group is 0, the least is 1"},
      {Conv{}, {x, f({3, 4, 3, 3}), f({4})}, "its input 2, the bias, has shape (4) instead of (3)"},
      {Conv{}, {x, f({3, 4, 6, 3})}, "its window reaches over 6 elements, spatial axis 0"},
      {Conv{.strides = {1}}, {x, f({3, 4, 3, 3})}, "its attribute strides has 1 entries instead of 2"},
      {Conv{.strides = {0, 1}}, {x, f({3, 4, 3, 3})}, "its attribute strides holds 0, the least is 1"},
      {Conv{.pads = {0, 0, -1, 0}}, {x, f({3, 4, 3, 3})}, "its attribute pads holds -1, the least is 0"},
      {Conv{}, {f({1, 1, 1, 1, 1, 1}), f({1, 1, 1, 1, 1, 1})}, "this one has shape (1 x 1 x 1 x 1 x 1 x 1)"},
      {MaxPool{}, {x}, "its kernel has 0 extents, the input has 2 spatial axes"},
      {MaxPool{.kernel_shape = {2, 0}}, {x}, "its kernel extent 1 is 0, the least is 1"},
      {MaxPool{.kernel_shape = {2, 2}, .dilations = {5, 1}}, {x}, "its window reaches over 6 elements"},
      {MaxPool{.kernel_shape = {2}}, {f({4})}, "this one has shape (4)"},
      {AveragePool{.kernel_shape = {2, 2}, .pads = {1}}, {x}, "its attribute pads has 1 entries instead of 4"},
      {GlobalAveragePool{}, {f({2, 3})}, "its input 0 is (n x c x ...) with spatial axes, this one has shape (2 x 3)"},
      {GlobalAveragePool{}, {f({2, 3, 0})}, "its input 0 of shape (2 x 3 x 0) has no positions"},
  });
}

TEST(Products, RefuseShapesThatDoNotFit) {
  expect_refused({
      {Gemm{},
       {f({2, 3}), f({4, 5})},
       "its input 0 (2 x 3) and its input 1 (4 x 5) cannot be multiplied: the inner extents are 3 and 4"},
      {Gemm{.trans_a = true}, {f({2, 3}), f({3, 5})}, "its input 0 (2 x 3) transposed and its input 1 (3 x 5)"},
      {Gemm{}, {f({2, 3}), f({3})}, "its input 1 has 2 dimensions, this one has shape (3)"},
      {Gemm{}, {f({2, 3}), f({3, 5}), f({3})}, "its input 2 of shape (3) cannot be broadcast to the result (2 x 5)"},
      {Gemm{}, {f({2, 3}), f({3, 5}), f({1, 2, 5})}, "its input 2 of shape (1 x 2 x 5) cannot be broadcast"},
      {MatMul{},
       {f({2, 3}), f({4, 5})},
       "its inputs 0 and 1 of shapes (2 x 3) and (4 x 5) cannot be multiplied: the inner extents are 3 and 4"},
      {MatMul{}, {f({}), f({4, 5})}, "its inputs 0 and 1 are vectors or matrices, they have shapes () and (4 x 5)"},
      {MatMul{}, {f({2, 2, 3}), f({3, 3, 5})}, "its inputs 0 and 1 of shapes (2) and (3) do not broadcast"},
  });
}

TEST(BatchNormalization, RefusesParametersThatDoNotFit) {
  const Tensor c = f({3});
  expect_refused({
      {BatchNormalization{}, {f({2}), c, c, c, c}, "its input 0 is (n x channels x ...), this one has shape (2)"},
      {BatchNormalization{},
       {f({2, 3}), c, c, f({4}), c},
       "its input 3 has shape (4), the 3 channels of its input 0 need (3)"},
      {BatchNormalization{}, {f({2, 3}), c, c, c, std::nullopt}, "its input 4 is required"},
      {BatchNormalization{.epsilon = -1}, {f({2, 3}), c, c, c, c}, "its attribute epsilon is -1, the least is 0"},
      {BatchNormalization{.training_mode = true},
       {f({0, 3}), c, c, c, c},
       "its input 0 of shape (0 x 3) has no elements"},
  });
}

TEST(StructuralOperators, RefuseShapesThatDoNotFit) {
  const Tensor x = f({2, 6});
  expect_refused({
      {Add{}, {f({2}), f({3})}, "its inputs 0 and 1 of shapes (2) and (3) do not broadcast: 2 and 3"},
      {Clip{}, {x, f({2})}, "its input 1, a bound, is a scalar; this one has shape (2)"},
      {Clip{}, {x, std::nullopt, f64({})}, "its input 2 is float64"},
      {Flatten{.axis = 3}, {x}, "its attribute axis is 3, its input 0 of shape (2 x 6) allows -2 to 2"},
      {Softmax{.axis = 2}, {x}, "axis 2 does not exist in the shape (2 x 6)"},
      {Concat{.axis = 2}, {x}, "axis 2 does not exist in the shape (2 x 6)"},
      {Concat{},
       {x, f({2, 7})},
       "its input 1 has shape (2 x 7), which differs from that of its input 0, (2 x 6), in more than axis 0"},
      {Concat{}, {x, std::nullopt}, "its input 1 is required"},
      {Reshape{}, {x, f({2})}, "its input 1, the new shape, is an int64 vector; this one is float32 of shape (2)"},
      {Reshape{}, {x, extents({5, -1})}, "has 12 elements, which 5 do not divide"},
      {Reshape{}, {x, extents({-1, -1})}, "its input 1, the new shape, holds -1 at 0 and at 1"},
      {Reshape{}, {x, extents({-2})}, "its input 1, the new shape, holds -2 at 0; the least is -1"},
      {Reshape{}, {x, extents({3, 5})}, "its input 0 of shape (2 x 6) cannot become (3 x 5): the counts are 12 and 15"},
      {Reshape{}, {x, extents({1, 2, 0})}, "its input 1, the new shape, keeps extent 2 by a 0"},
      {Reshape{.allowzero = true}, {x, extents({0, -1})}, "has 12 elements, which 0 do not divide"},
  });
}

TEST(Reshape, TakesAShapeThatIsComputed) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {6});
  const Value shape = graph.input("shape", DataType::int64, {2});
  graph.output(graph.add(Reshape{}, {x, shape}, "r"));
  EXPECT_EQ(graph.type(graph.outputs()[0]).shape, (Shape{1, 1}));  // not known before it runs
  EXPECT_EQ(evaluate(graph, {f({6}), extents({2, -1})})[0].shape(), (Shape{2, 3}));
  const std::vector<Shape> shapes{{6}, {2}};
  EXPECT_TRUE(throws<Unsupported>("node 'r' (Reshape): the shape (? x ?) of its output 0 depends on values",
                                  [&] { infer_types(graph, shapes); }));
}

TEST(QuantizingOperators, RefuseInputsThatDoNotFit) {
  const Tensor x = f({2, 6});
  const Tensor one = f({});
  expect_refused({
      {QuantizeLinear{}, {f64({2}), one}, "its input 0 is float32, this one is float64"},
      {QuantizeLinear{}, {x, f64({})}, "its input 1, the scale, is float32, this one is float64"},
      {QuantizeLinear{},
       {x, f({5})},
       "its input 1, the scale, has shape (5); per channel (axis 1) its input 0 of shape (2 x 6) needs (6)"},
      {QuantizeLinear{.block_size = 4},
       {x, f({2, 3})},
       "per group of 4 (axis 1) its input 0 of shape (2 x 6) needs (2 x 2)"},
      {QuantizeLinear{.axis = 2}, {x, f({6})}, "axis 2 does not exist in the shape (2 x 6)"},
      {QuantizeLinear{.block_size = -1}, {x, one}, "its attribute block_size is -1, the least is 0"},
      {QuantizeLinear{}, {x, one, u8({1})}, "its input 2, the zero point, has shape (1), its scale ()"},
      {QuantizeLinear{}, {x, one, f({})}, "its result is an integer of 8, 4 or 2 bits, not float32"},
      {QuantizeLinear{.output_dtype = DataType::int8},
       {x, one, u8({})},
       "its input 2, the zero point, is uint8 and its attribute output_dtype int8"},
      {DequantizeLinear{}, {x, one}, "its input 0 is an integer of 8, 4 or 2 bits, or int32; this one is float32"},
      {DequantizeLinear{}, {u8({2}), one, i8({})}, "its input 2 is int8 and its first input uint8"},
      {DequantizeLinear{}, {u8({2, 6}), f({2})}, "its input 1, the scale, has shape (2)"},
      {DequantizeCodebook{},
       {i8({2}), f({4}), one},
       "its input 0, the codes, is uint8, uint4 or uint2; this one is int8"},
      {DequantizeCodebook{}, {u8({2}), f({2, 2}), one}, "its input 1 has 1 dimensions, this one has shape (2 x 2)"},
      {DequantizeCodebook{},
       {u8({2}), u8({4}), one},
       "its input 1, the codebook, is float32 or int8; this one is uint8"},
      {DequantizeCodebook{}, {u8({2, 6}), f({4}), f({2})}, "its input 2, the scale, has shape (2)"},
  });
}

}  // namespace
}  // namespace condense::graph
