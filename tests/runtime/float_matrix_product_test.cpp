#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "support/backends.hpp"
#include "support/quantized_networks.hpp"

// Products of two float activations, and with stacks of constant matrices, against the operators' own evaluation.

namespace condense::runtime {
namespace {

using graph::Graph;
using graph::Value;

class FloatMatrixProduct : public BackendTest<kernels::FloatGemm> {
 protected:
  /// `constant` is the operand that is one, or -1. Sums of up to 70 products of values below 4 differ by 2 * 70 * 2^-24
  /// of the sum of their magnitudes at most; a hundredth of that is usual.
  void expect_close(const graph::Operator& op, const Shape& a, const Shape& b, int constant = -1,
                    const std::vector<Tensor>& more = {}, bool with_relu = false) const {
    SCOPED_TRACE(fmt::format("{} of {} and {}, constant {}", op.type(), a.to_string(), b.to_string(), constant));
    Random random(static_cast<std::uint64_t>(a.count() + b.count()));
    Graph graph;
    std::vector<Tensor> tensors;
    std::vector<Shape> shapes;
    std::vector<Value> inputs;
    for (int i = 0; i < 2; ++i) {
      const Shape& shape = i == 0 ? a : b;
      Tensor tensor = random_tensor(shape, random);
      if (i == constant) {
        inputs.push_back(graph.constant(fmt::format("c{}", i), std::move(tensor)));
      } else {
        inputs.push_back(graph.input(fmt::format("x{}", i), DataType::float32, shape));
        tensors.push_back(std::move(tensor));
        shapes.push_back(shape);
      }
    }
    for (const Tensor& tensor : more) {
      inputs.push_back(graph.constant(fmt::format("m{}", inputs.size()), tensor));
    }
    Value y = graph.add(op, inputs);
    if (with_relu) {
      const Value bias = graph.constant("bias", random_tensor({b[b.rank() - 1]}, random));
      y = graph.add(graph::Relu{}, {graph.add(graph::Add{}, {y, bias})});
    }
    graph.output(y);
    Program program = compile(graph, {.input_shapes = shapes, .kernels = kernels()});
    ASSERT_EQ(program.steps().size(), 1U);
    EXPECT_EQ(program.steps()[0].kernel, "gemm");
    EXPECT_EQ(program.steps()[0].operation == "MatMul + Add + Relu", with_relu);
    const Tensor expected = graph::evaluate(graph, tensors).front();
    const Tensor actual = program.run(tensors).front();
    ASSERT_EQ(actual.shape(), expected.shape());
    for (Index i = 0; i < actual.count(); ++i) {
      ASSERT_NEAR(actual.data<float>()[i], expected.data<float>()[i], 2e-5F) << i;
    }
    EXPECT_EQ(program.run(tensors, ThreadPool(3)).front(), actual);
  }
};
CONDENSE_TEST_ALL_BACKENDS(FloatMatrixProduct);

TEST_P(FloatMatrixProduct, MultipliesStacksOfActivations) {
  expect_close(graph::MatMul{}, {5, 20}, {20, 7});
  expect_close(graph::MatMul{}, {2, 3, 17, 40}, {2, 3, 40, 33});
  expect_close(graph::MatMul{}, {2, 3, 4, 20}, {20, 7});
  expect_close(graph::MatMul{}, {2, 1, 4, 20}, {3, 20, 70});  // both are broadcast
  expect_close(graph::MatMul{}, {130, 64}, {64, 64});
  expect_close(graph::MatMul{}, {20}, {3, 20, 7});
  expect_close(graph::MatMul{}, {3, 4, 20}, {20});
  expect_close(graph::MatMul{}, {20}, {20});
}

TEST_P(FloatMatrixProduct, MultipliesConstants) {
  expect_close(graph::MatMul{}, {5, 20}, {20, 7}, 0);
  expect_close(graph::MatMul{}, {2, 4, 20}, {2, 20, 7}, 1);
  expect_close(graph::MatMul{}, {4, 20}, {3, 20, 7}, 1);
}

TEST_P(FloatMatrixProduct, AddsABiasAndClamps) {
  expect_close(graph::MatMul{}, {2, 3, 4, 20}, {2, 3, 20, 9}, -1, {}, true);
  Random random(1);
  expect_close(graph::Gemm{}, {5, 20}, {20, 9}, -1, {random_tensor({9}, random)});
  expect_close(graph::Gemm{.trans_b = true}, {5, 20}, {9, 20}, -1, {random_tensor({1, 9}, random)});
  expect_close(graph::Gemm{.trans_b = true}, {30, 64}, {70, 64});
}

TEST_P(FloatMatrixProduct, LeavesOtherFormsToTheOperator) {
  Graph graph;
  const Value a = graph.input("a", DataType::float32, {4, 5});
  const Value b = graph.input("b", DataType::float32, {4, 6});
  graph.output(graph.add(graph::Gemm{.trans_a = true}, {a, b}));
  EXPECT_EQ(compile(graph, {.input_shapes = {}, .kernels = kernels()}).steps()[0].kernel, "reference");
}

}  // namespace
}  // namespace condense::runtime
