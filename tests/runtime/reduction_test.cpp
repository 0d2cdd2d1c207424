#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "support/backends.hpp"
#include "support/quantized_networks.hpp"

// Reductions and normalisations of floats on kernels, against the operators' own evaluation.

namespace condense::runtime {
namespace {

using graph::Graph;
using graph::Value;

class FloatRows : public BackendTest<kernels::Gemm> {
 protected:
  /// Runs a graph of one input. Sums are in double there and here, so that results differ in a rounding or two, and
  /// softmax by those of its exponentials and their sum.
  void expect_close(const Graph& graph, const Tensor& x, std::string_view kernel) const {
    Program program = compile(graph, {.input_shapes = {x.shape()}, .kernels = kernels()});
    EXPECT_TRUE(std::ranges::any_of(program.steps(), [&](const StepInfo& step) { return step.kernel == kernel; }));
    const Tensor expected = graph::evaluate(graph, {x}).front();
    const Tensor actual = program.run({x}).front();
    ASSERT_EQ(actual.shape(), expected.shape());
    for (Index i = 0; i < actual.count(); ++i) {
      const float wanted = expected.data<float>()[i];
      ASSERT_NEAR(actual.data<float>()[i], wanted, 1e-6F * std::max(1.0F, std::abs(wanted))) << i;
    }
    EXPECT_EQ(program.run({x}, ThreadPool(3)).front(), actual);
    Program scalar = compile(graph, {.input_shapes = {x.shape()}, .kernels = kernels::KernelSet::select("scalar")});
    EXPECT_EQ(scalar.run({x}).front(), actual) << "bytes depend on the backend";
  }

  /// A graph of one node behind its input, which lies channels last if a pool made it.
  Graph network(const graph::Operator& op, const Shape& shape, bool channels_last,
                const std::vector<Tensor>& constants) const {
    Graph graph;
    Value x = graph.input("x", DataType::float32, shape);
    if (channels_last) x = graph.add(graph::MaxPool{.kernel_shape = {1, 1}}, {x});
    std::vector<Value> inputs{x};
    for (const Tensor& constant : constants) {
      inputs.push_back(graph.constant(fmt::format("c{}", inputs.size()), constant));
    }
    graph.output(graph.add(op, inputs));
    return graph;
  }

  template <class Op>
  void expect_reductions(const Shape& shape, bool channels_last, std::span<const std::vector<std::int64_t>> all_axes) {
    Random random(static_cast<std::uint64_t>(shape.count()));
    const Tensor x = random_tensor(shape, random);
    for (const std::vector<std::int64_t>& axes : all_axes) {
      for (const bool keepdims : {false, true}) {
        SCOPED_TRACE(fmt::format("{} of {} over {} axes from {}, keepdims {}, channels last {}", Op::kType,
                                 shape.to_string(), axes.size(), axes.empty() ? 0 : axes[0], keepdims, channels_last));
        Tensor constant(DataType::int64, {static_cast<Index>(axes.size())});
        std::ranges::copy(axes, constant.mutable_data<std::int64_t>());
        expect_close(network(Op{.keepdims = keepdims}, shape, channels_last, {constant}), x, "reduction");
      }
    }
  }
};
CONDENSE_TEST_ALL_BACKENDS(FloatRows);

TEST_P(FloatRows, ReducesAnyAxesThatLieSideBySide) {
  const std::vector<std::int64_t> axes[] = {{}, {0}, {1}, {-1}, {2, 3}, {1, 2, 3}, {0, 1}, {1, 2}};
  for (const Shape& shape : {Shape{2, 5, 3, 4}, Shape{1, 37, 6, 7}, Shape{3, 150, 1, 2}}) {
    for (const bool channels_last : {false, true}) {
      expect_reductions<graph::ReduceMean>(shape, channels_last, axes);
      expect_reductions<graph::ReduceMax>(shape, channels_last, axes);
    }
  }
}

TEST_P(FloatRows, ReducesByEveryFunction) {
  const std::vector<std::int64_t> axes[] = {{1}, {-1}};
  const Shape shape{2, 33, 3, 4};
  expect_reductions<graph::ReduceSum>(shape, false, axes);
  expect_reductions<graph::ReduceMean>(shape, false, axes);
  expect_reductions<graph::ReduceL1>(shape, false, axes);
  expect_reductions<graph::ReduceL2>(shape, false, axes);
  expect_reductions<graph::ReduceSumSquare>(shape, false, axes);
  expect_reductions<graph::ReduceMax>(shape, false, axes);
  expect_reductions<graph::ReduceMin>(shape, false, axes);
}

TEST_P(FloatRows, LeavesAxesApartToTheOperator) {
  Random random(1);
  const Tensor x = random_tensor({2, 5, 3, 4}, random);
  const Graph graph = network(graph::ReduceMean{}, x.shape(), false, {Tensor::of<std::int64_t>(Shape{2}, {0, 2})});
  Program program = compile(graph, {.input_shapes = {}, .kernels = kernels()});
  EXPECT_EQ(program.steps().back().kernel, "reference");
  EXPECT_EQ(program.run({x}).front(), graph::evaluate(graph, {x}).front());
}

TEST_P(FloatRows, ComputesSoftmaxOfTheLastAxisAndOfChannels) {
  Random random(2);
  for (const Shape& shape : {Shape{3, 1}, Shape{2, 1000}, Shape{2, 5, 3, 4}, Shape{4, 7, 9}, Shape{2, 6, 1, 1}}) {
    for (const Index axis : {Index{-1}, Index{1}}) {
      SCOPED_TRACE(fmt::format("{} over {}", shape.to_string(), axis));
      Tensor x = random_tensor(shape, random);
      for (float& value : x.mutable_values<float>()) value *= 10;
      expect_close(network(graph::Softmax{.axis = axis}, shape, false, {}), x, "normalization");
      if (shape.rank() == 4) expect_close(network(graph::Softmax{.axis = axis}, shape, true, {}), x, "normalization");
    }
  }
}

TEST_P(FloatRows, NormalizesLayers) {
  Random random(3);
  const Tensor x = random_tensor({2, 7, 4, 10}, random);
  const Tensor scale = random_tensor({10}, random);
  const Tensor bias = random_tensor({1, 1, 10}, random);
  const Tensor plane = random_tensor({4, 10}, random);
  expect_close(network(graph::LayerNormalization{}, x.shape(), false, {scale, bias}), x, "normalization");
  expect_close(network(graph::LayerNormalization{}, x.shape(), true, {scale}), x, "normalization");
  expect_close(network(graph::LayerNormalization{.axis = 2, .epsilon = 0.1F}, x.shape(), false, {plane, plane}), x,
               "normalization");
  expect_close(network(graph::LayerNormalization{}, x.shape(), false, {Tensor::scalar(2.0F)}), x, "normalization");
}

TEST_P(FloatRows, LeavesScalesOfRowsToTheOperator) {
  Random random(4);
  const Tensor x = random_tensor({4, 4}, random);
  const Graph graph = network(graph::LayerNormalization{}, x.shape(), false, {random_tensor({4, 1}, random)});
  EXPECT_EQ(compile(graph, {.input_shapes = {}, .kernels = kernels()}).steps().back().kernel, "reference");
}

}  // namespace
}  // namespace condense::runtime
