#include <gtest/gtest.h>

#include <cstdlib>

#include "condense/runtime/compile.hpp"
#include "support/allocations.hpp"
#include "support/branch_networks.hpp"
#include "support/quantized_networks.hpp"

namespace condense::runtime {
namespace {

/// Allocations of twenty runs into outputs that exist, after a first one.
long allocations_of_runs(const graph::Graph& graph, const Tensor& input, const ThreadPool& pool) {
  Program program = compile(graph, {.input_shapes = {input.shape()}});
  std::vector<Tensor> outputs = program.run({input}, pool);  // a thread may set up its own state at the first call
  const long before = allocations_so_far();
  for (int repeat = 0; repeat < 20; ++repeat) program.run({&input, 1}, outputs, pool);
  return allocations_so_far() - before;
}

TEST(Program, AllocatesNothingWhenQuantizedNetworksRun) {
  for (const int threads : {1, 3}) {
    const ThreadPool pool(threads);
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      const graph::Graph graph = random_quantized_network(seed, ActivationTypes::mixed);
      Random random(seed);
      const Tensor images = random_tensor(graph.declared_shape(graph.inputs()[0]).with(0, 2), random);
      EXPECT_EQ(allocations_of_runs(graph, images, pool), 0) << seed << ", " << threads << " threads";
    }
  }
}

TEST(Program, AllocatesNothingWhenItTakesBranches) {
  Random random(6);
  const Tensor image = random_tensor({1, 4, 6, 6}, random);
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    EXPECT_EQ(allocations_of_runs(BranchNetwork(seed, true).graph(), image, {}), 0) << seed;
  }
}

/// A float network in which operators without a kernel of their own run too.
graph::Graph float_network() {
  Random random(4);
  graph::Graph graph;
  int constants = 0;
  const auto constant = [&](const Shape& shape) {
    return graph.constant(fmt::format("c{}", ++constants), random_tensor(shape, random));
  };
  graph::Value x = graph.input("images", DataType::float32, {kDynamic, 3, 12, 12});
  x = graph.add(graph::Conv{.pads = {1, 1, 1, 1}}, {x, constant({8, 3, 3, 3}), constant({8})});
  x = graph.add(graph::BatchNormalization{.epsilon = 5},
                {x, constant({8}), constant({8}), constant({8}), constant({8})});
  x = graph.add(graph::HardSwish{}, {x});
  x = graph.add(graph::Conv{.group = 8}, {x, constant({8, 1, 3, 3})});
  x = graph.add(graph::Add{}, {graph.add(graph::Mul{}, {x, constant({8, 1, 1})}), x});
  x = graph.add(graph::Concat{.axis = 1}, {x, graph.add(graph::Sigmoid{}, {x})});
  x = graph.add(graph::MaxPool{.kernel_shape = {2, 2}}, {x});
  x = graph.add(graph::Flatten{}, {graph.add(graph::GlobalAveragePool{}, {x})});
  x = graph.add(graph::Gemm{}, {x, constant({16, 10}), constant({10})});
  graph.output(graph.add(graph::Softmax{}, {x}));
  return graph;
}

TEST(Program, AllocatesNothingWhenFloatNetworksRun) {
  Random random(2);
  const Tensor images = random_tensor({2, 3, 12, 12}, random);
  for (const int threads : {1, 3}) EXPECT_EQ(allocations_of_runs(float_network(), images, ThreadPool(threads)), 0);
}

/// Attention, recurrent layers and products that are quantised as they come.
graph::Graph sequence_network() {
  Random random(6);
  graph::Graph graph;
  int constants = 0;
  const auto constant = [&](const Shape& shape) {
    return graph.constant(fmt::format("c{}", ++constants), random_tensor(shape, random));
  };
  const graph::Value x = graph.input("x", DataType::float32, {2, 9, 16});
  const graph::Value q = graph.add(graph::MatMul{}, {x, constant({16, 16})});
  const graph::Value scores = graph.add(graph::MatMul{}, {q, graph.add(graph::Transpose{.perm = {0, 2, 1}}, {x})});
  graph::Value y = graph.add(graph::MatMul{}, {graph.add(graph::Softmax{}, {scores}), x});
  y = graph.add(graph::LayerNormalization{}, {graph.add(graph::Add{}, {x, y}), constant({16}), constant({16})});
  const auto first = [&](const graph::Operator& op, const std::vector<graph::Value>& inputs) {
    return graph.add_node(op, inputs, fmt::format("n{}", ++constants)).outputs[0];
  };
  const graph::Value lstm = first(graph::Lstm{.layout = 1}, {y, constant({1, 48, 16}), constant({1, 48, 12})});
  const graph::Value gru = first(graph::Gru{.layout = 1}, {y, constant({1, 36, 16}), constant({1, 36, 12})});
  const graph::Value rnn = first(graph::Rnn{.layout = 1}, {y, constant({1, 12, 16}), constant({1, 12, 12})});
  for (const graph::Value output : {lstm, gru, rnn}) graph.output(output);

  const graph::Node quantized = graph.add_node(graph::DynamicQuantizeLinear{}, {y}, "quantize");
  Tensor weights(DataType::int8, {16, 10});
  for (Index i = 0; i < weights.count(); ++i) weights.mutable_raw()[i] = static_cast<std::byte>(i % 13);
  const graph::Value sums =
      graph.add(graph::MatMulInteger{},
                {quantized.outputs[0], graph.constant("codes", std::move(weights)), quantized.outputs[2]});
  const graph::Value scale = graph.add(graph::Mul{}, {quantized.outputs[1], constant({10})});
  const graph::Value logits = graph.add(graph::Mul{}, {graph.add(graph::Cast{.to = DataType::float32}, {sums}), scale});
  graph.output(
      graph.add(graph::ReduceMean{}, {logits, graph.constant("axes", Tensor::of<std::int64_t>(Shape{1}, {1}))}));
  return graph;
}

TEST(Program, AllocatesNothingWhenSequencesRun) {
  Random random(2);
  const Tensor x = random_tensor({2, 9, 16}, random);
  const graph::Graph graph = sequence_network();
  for (const StepInfo& step : compile(graph).steps()) EXPECT_NE(step.kernel, "reference") << step.operation;
  for (const int threads : {1, 3}) EXPECT_EQ(allocations_of_runs(graph, x, ThreadPool(threads)), 0);
}

TEST(Program, AllocationsWouldBeCounted) {
  Random random(2);
  const Tensor images = random_tensor({2, 3, 12, 12}, random);
  Program program = compile(float_network(), {.input_shapes = {images.shape()}});
  long before = allocations_so_far();
  program.run({images});  // makes its outputs
  EXPECT_GT(allocations_so_far() - before, 0);
#if defined(CONDENSE_TEST_COUNTS_MALLOC)
  before = allocations_so_far();
  void* volatile memory = std::malloc(static_cast<std::size_t>(before));  // GCC leaves out what nobody could see
  std::free(memory);
  EXPECT_EQ(allocations_so_far() - before, 1);
#endif
}

}  // namespace
}  // namespace condense::runtime
