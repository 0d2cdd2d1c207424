#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "support/backends.hpp"
#include "support/quantized_networks.hpp"

namespace condense::runtime {
namespace {

bool is_pair(const StepInfo& step) { return step.kernel == "depthwise + gemm"; }

Index pairs(const Program& program) { return std::ranges::count_if(program.steps(), is_pair); }

/// Runs a graph with and without pairs, on one thread and on several: the bytes are the same.
void expect_same_bytes(const graph::Graph& graph, const Tensor& x, const std::string& backend) {
  const auto kernels = kernels::KernelSet::select(backend);
  Program with = compile(graph, {.kernels = kernels});
  Program without = compile(graph, {.kernels = kernels, .pair_products = false});
  EXPECT_EQ(pairs(without), 0);
  EXPECT_LE(with.arena_bytes(), without.arena_bytes());
  std::int64_t work[2] = {0, 0};
  for (const StepInfo& step : with.steps()) work[0] += step.multiply_accumulates;
  for (const StepInfo& step : without.steps()) work[1] += step.multiply_accumulates;
  EXPECT_EQ(work[0], work[1]);
  const std::vector<Tensor> expected = without.run({x});
  for (const int threads : {1, 3}) EXPECT_EQ(with.run(std::vector{x}, ThreadPool(threads)), expected) << threads;
}

class ProductPair : public BackendTest<kernels::Gemm> {};

TEST_P(ProductPair, GivesTheBytesOfTwoSteps) {
  Index found = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(seed);
    QuantizedNetwork network(seed, ActivationTypes::mixed);
    graph::Value x = network.quantized(network.graph().input("x", DataType::float32, {2, 36, 61, 63}), -2, 2);
    x = network.separable(x, 20, 1);
    network.graph().output(network.separable(x, 7, 2));  // of which little lies between
    const Tensor input = random_tensor({2, 36, 61, 63}, network.random());
    expect_same_bytes(network.graph(), input, GetParam());
    found += pairs(compile(network.graph(), {.kernels = kernels::KernelSet::select(GetParam())}));
  }
  EXPECT_GT(found, 0);
}

TEST_P(ProductPair, OfFloatsWithWhatFollows) {
  Random random(1);
  const Shape shape{1, 40, 50, 50};
  graph::Graph graph;
  const graph::Value x = graph.input("x", DataType::float32, shape);
  const auto weights = [&](const std::string& name, const Shape& extents) {
    return graph.constant(name, random_tensor(extents, random));
  };
  const graph::Conv same{.group = 40, .auto_pad = graph::AutoPad::same_upper};
  graph::Value y = graph.add(same, {x, weights("depthwise", {40, 1, 3, 3})});
  y = graph.add(graph::HardSwish{}, {y});
  y = graph.add(graph::Conv{}, {y, weights("pointwise", {40, 40, 1, 1}), weights("bias", {40})});
  graph.output(graph.add(graph::Relu{}, {graph.add(graph::Add{}, {y, x})}));
  const Tensor input = random_tensor(shape, random);
  expect_same_bytes(graph, input, GetParam());
  EXPECT_EQ(pairs(compile(graph, {.kernels = kernels::KernelSet::select(GetParam())})), 1);
}

TEST_P(ProductPair, IsNotMadeWhereSomebodyElseReadsWhatIsBetween) {
  Random random(2);
  const Shape shape{1, 40, 50, 50};
  graph::Graph graph;
  const graph::Value x = graph.input("x", DataType::float32, shape);
  const graph::Conv same{.group = 40, .auto_pad = graph::AutoPad::same_upper};
  const graph::Value between = graph.add(same, {x, graph.constant("depthwise", random_tensor({40, 1, 3, 3}, random))});
  graph.output(graph.add(graph::Conv{}, {between, graph.constant("pointwise", random_tensor({8, 40, 1, 1}, random))}));
  graph.output(graph.add(graph::Sigmoid{}, {between}));
  EXPECT_EQ(pairs(compile(graph, {.kernels = kernels::KernelSet::select(GetParam())})), 0);
}

INSTANTIATE_TEST_SUITE_P(Backends, ProductPair, testing::ValuesIn(all_backends()),
                         [](const auto& backend) { return backend.param; });

}  // namespace
}  // namespace condense::runtime
