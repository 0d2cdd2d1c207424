#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "support/backends.hpp"
#include "support/quantized_networks.hpp"

// Products of activations that are quantised as they come: DynamicQuantizeLinear with integer products, and rows of
// floats that a program quantises on demand.

namespace condense::runtime {
namespace {

using graph::Graph;
using graph::Value;

/// How a product's sums become floats, and what follows.
struct Form {
  DataType weights = DataType::int8;
  std::int32_t zero_point = 0;  ///< Of the weights.
  bool by_column = false;
  bool with_bias = false;
  bool with_relu = false;
};

class DynamicProduct : public BackendTest<kernels::Gemm> {
 protected:
  Program compiled(const Graph& graph, bool quantize_rows = false) const {
    return compile(graph, {.input_shapes = {}, .kernels = kernels(), .quantize_rows = quantize_rows});
  }

  /// One result of the program, the same for three threads and on the scalar backend.
  Tensor run(const Graph& graph, const Tensor& x, bool quantize_rows = false) const {
    Program program = compiled(graph, quantize_rows);
    const Tensor result = program.run({x}).front();
    EXPECT_EQ(program.run({x}, ThreadPool(3)).front(), result);
    Program scalar = compile(
        graph, {.input_shapes = {}, .kernels = kernels::KernelSet::select("scalar"), .quantize_rows = quantize_rows});
    EXPECT_EQ(scalar.run({x}).front(), result) << "bytes depend on the backend";
    return result;
  }
};
CONDENSE_TEST_ALL_BACKENDS(DynamicProduct);

Tensor codes_of(DataType type, const Shape& shape, std::int32_t zero_point, Random& random) {
  Tensor tensor(type, shape);
  for (Index i = 0; i < tensor.count(); ++i) {
    tensor.mutable_raw()[i] = static_cast<std::byte>(static_cast<int>(random.below(255)) - 127 + zero_point);
  }
  return tensor;
}

/// x, quantised dynamically, times `weights` of the operator's form, made floats as ONNX models and post-training write
/// it; with all codes as a second product that shares them if `shares`.
Graph network(const graph::Operator& op, const Shape& x_shape, const Shape& weights, Index columns, const Form& form,
              int channel_axis) {
  Random random(static_cast<std::uint64_t>(weights.count()));
  Graph graph;
  const Value x = graph.input("x", DataType::float32, x_shape);
  const graph::Node quantized = graph.add_node(graph::DynamicQuantizeLinear{}, {x}, "quantize");
  Shape per_column{columns};
  if (channel_axis == 1) per_column = Shape{1, columns, 1, 1};
  const auto floats = [&](const char* name, const Shape& shape, float low, float high) {
    Tensor tensor(DataType::float32, shape);
    for (float& value : tensor.mutable_values<float>()) value = random.uniform(low, high);
    return graph.constant(name, std::move(tensor));
  };
  const Value scale = graph.add(
      graph::Mul{}, {quantized.outputs[1], floats("ws", form.by_column ? per_column : Shape{}, 0.001F, 0.004F)});
  Tensor zero(form.weights, Shape{});
  zero.mutable_raw()[0] = static_cast<std::byte>(form.zero_point);
  const Value sums =
      graph.add(op,
                {quantized.outputs[0], graph.constant("w", codes_of(form.weights, weights, form.zero_point, random)),
                 quantized.outputs[2], graph.constant("wz", std::move(zero))},
                "sums");
  Value y = graph.add(graph::Mul{}, {graph.add(graph::Cast{.to = DataType::float32}, {sums}), scale});
  if (form.with_bias) y = graph.add(graph::Add{}, {y, floats("b", per_column, -1, 1)});
  if (form.with_relu) y = graph.add(graph::Relu{}, {y});
  graph.output(y);
  return graph;
}

constexpr Form kForms[] = {
    {},
    {.by_column = true},
    {.with_bias = true},
    {.weights = DataType::uint8, .zero_point = 128, .by_column = true, .with_bias = true, .with_relu = true}};

/// Without a bias the bytes are the graph's own; a bias and a product are rounded together instead of one by one.
void expect_form(const Tensor& actual, const Tensor& expected, const Form& form) {
  if (!form.with_bias) {
    EXPECT_EQ(actual, expected);
    return;
  }
  ASSERT_EQ(actual.shape(), expected.shape());
  for (Index i = 0; i < actual.count(); ++i) {
    const float wanted = expected.data<float>()[i];
    ASSERT_NEAR(actual.data<float>()[i], wanted, 0x1p-22F * (1 + std::abs(wanted))) << i;
  }
}

TEST_P(DynamicProduct, MultipliesMatricesInOneStep) {
  Random random(1);
  for (const Form& form : kForms) {
    for (const Index rows : {1, 7, 200}) {
      const Graph graph = network(graph::MatMulInteger{}, {2, rows, 70}, {70, 33}, 33, form, 2);
      const Tensor x = random_tensor({2, rows, 70}, random);
      expect_form(run(graph, x), graph::evaluate(graph, {x}).front(), form);
      const std::vector<StepInfo> steps = compiled(graph).steps();
      ASSERT_EQ(steps.size(), 2U);
      EXPECT_EQ(steps[0].operation, "DynamicQuantizeLinear");
      EXPECT_EQ(steps[1].operation, form.with_relu   ? "MatMulInteger + Mul + Add + Relu"
                                    : form.with_bias ? "MatMulInteger + Mul + Add"
                                                     : "MatMulInteger + Mul");
      EXPECT_EQ(steps[1].precision, "int8");
    }
  }
}

TEST_P(DynamicProduct, ConvolvesImagesInOneStep) {
  Random random(2);
  for (const Form& form : kForms) {
    for (const Index group : {1, 2}) {
      const graph::ConvInteger op{.strides = {2, 1}, .pads = {1, 1, 0, 1}, .group = group};
      const Graph graph = network(op, {2, 6, 9, 8}, {10, 6 / group, 3, 3}, 10, form, 1);
      const Tensor x = random_tensor({2, 6, 9, 8}, random);
      expect_form(run(graph, x), graph::evaluate(graph, {x}).front(), form);
    }
  }
}

/// What is not finite, or all the same, has a range, too.
TEST_P(DynamicProduct, QuantizesAsTheOperatorDoes) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {1, 300});
  const graph::Node node = graph.add_node(graph::DynamicQuantizeLinear{}, {x}, "quantize");
  for (const Value output : std::vector<Value>(node.outputs)) graph.output(output);
  Random random(3);
  Tensor values = random_tensor({1, 300}, random);
  Program program = compiled(graph);
  const auto expect_same = [&] { EXPECT_EQ(program.run({values}), graph::evaluate(graph, {values})); };
  expect_same();
  values.mutable_data<float>()[77] = std::numeric_limits<float>::quiet_NaN();
  expect_same();
  std::ranges::fill(values.mutable_values<float>(), 0.0F);
  expect_same();
  std::ranges::fill(values.mutable_values<float>(), -3.5F);
  expect_same();
}

TEST_P(DynamicProduct, GivesSumsAlone) {
  Random random(4);
  for (const DataType type : {DataType::uint8, DataType::int8}) {
    Graph graph;
    const Value x = graph.input("x", type, {5, 70});
    Tensor zero(type, Shape{});
    zero.mutable_raw()[0] = std::byte{3};
    Tensor zeros(DataType::int8, {33});
    for (Index i = 0; i < 33; ++i) zeros.mutable_raw()[i] = static_cast<std::byte>(i % 2 == 0 ? 1 : 0);
    graph.output(graph.add(graph::MatMulInteger{},
                           {x, graph.constant("w", random_codes(DataType::int8, {70, 33}, -100, 100, random)),
                            graph.constant("z", std::move(zero)), graph.constant("wz", std::move(zeros))}));
    const Tensor codes = codes_of(type, {5, 70}, 0, random);
    EXPECT_EQ(run(graph, codes), graph::evaluate(graph, {codes}).front());
    EXPECT_EQ(compiled(graph).steps()[0].kernel, "gemm");
  }
}

TEST_P(DynamicProduct, LeavesWeightsThatDoNotFitToTheOperator) {
  const Form form{.weights = DataType::uint8};  // up to 255
  const Graph graph = network(graph::MatMulInteger{}, {3, 70}, {70, 33}, 33, form, 1);
  Random random(5);
  const Tensor x = random_tensor({3, 70}, random);
  const Tensor actual = compiled(graph).run({x}).front();
  EXPECT_EQ(actual, graph::evaluate(graph, {x}).front());
}

/// x times weights that are stored as integers, in groups of 16 or by columns.
Graph weight_only(DataType type, bool grouped, Random& random) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {100, 64});
  const int limit = type == DataType::int8 ? 127 : 7;
  Tensor scales(DataType::float32, grouped ? Shape{4, 40} : Shape{40});
  for (float& scale : scales.mutable_values<float>()) scale = random.uniform(0.5F, 1) / static_cast<float>(limit);
  const Value weights = graph.add(graph::DequantizeLinear{.axis = grouped ? 0 : 1, .block_size = grouped ? 16 : 0},
                                  {graph.constant("w", random_codes(type, {64, 40}, -limit, limit, random)),
                                   graph.constant("s", std::move(scales))});
  graph.output(graph.add(graph::Relu{}, {graph.add(graph::Add{}, {graph.add(graph::MatMul{}, {x, weights}),
                                                                  graph.constant("b", random_tensor({40}, random))})}));
  return graph;
}

/// A row's step is its range / 255, at most 4 / 255, symmetric ones 2 / 127; the error of an element is half a step, of
/// a sum of 64 of them with weights up to 1 at random 0.0079 * 8 * 0.3; five times that.
TEST_P(DynamicProduct, QuantizesRowsOnDemand) {
  Random random(6);
  for (const DataType type : {DataType::int8, DataType::int4}) {
    for (const bool grouped : {false, true}) {
      const Graph graph = weight_only(type, grouped, random);
      const Tensor x = random_tensor({100, 64}, random);
      const Tensor actual = run(graph, x, true);
      const Tensor expected = graph::evaluate(graph, {x}).front();
      float largest = 0;
      for (Index i = 0; i < actual.count(); ++i) {
        largest = std::max(largest, std::abs(actual.data<float>()[i] - expected.data<float>()[i]));
      }
      EXPECT_LE(largest, 0.1F);
      EXPECT_GT(largest, 1e-4F) << "nothing was quantised";
      const StepInfo step = compiled(graph, true).steps().back();
      EXPECT_EQ(step.precision, type == DataType::int8 ? "int8" : "int4");
      EXPECT_EQ(step.operation, "MatMul + Add + Relu");
      EXPECT_EQ(compiled(graph).steps().back().precision, type == DataType::int8 ? "float32 x int8" : "float32 x int4");
    }
  }
}

}  // namespace
}  // namespace condense::runtime
