#include <gtest/gtest.h>

#include "condense/core/random.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators.hpp"
#include "condense/runtime/compile.hpp"
#include "support/backends.hpp"

// A DynamicQuantizeLSTM with packed weights against the operator's own evaluation: the sums of integers are the same,
// the floats around them are computed by the same code.

namespace condense::runtime {
namespace {

constexpr Index kSteps = 5;
constexpr Index kBatch = 3;
constexpr Index kInput = 37;
constexpr Index kHidden = 19;

struct Layer {
  DataType weights = DataType::int8;
  std::int32_t zero_point = 0;
  bool by_column = false;
  Index directions = 1;
};

class Recurrent : public BackendTest<kernels::Gemm> {};
CONDENSE_TEST_ALL_BACKENDS(Recurrent);

graph::Graph network(const Layer& layer) {
  Random random(11);
  graph::Graph graph;
  const auto floats = [&](const char* name, const Shape& shape, float low, float high) {
    Tensor tensor(DataType::float32, shape);
    for (float& value : tensor.mutable_values<float>()) value = random.uniform(low, high);
    return graph.constant(name, std::move(tensor));
  };
  const auto codes = [&](const char* name, const Shape& shape) {
    Tensor tensor(layer.weights, shape);
    for (Index i = 0; i < tensor.count(); ++i) {
      const int code = static_cast<int>(random.below(255)) - 127 + layer.zero_point;
      tensor.mutable_raw()[i] = static_cast<std::byte>(code);
    }
    return graph.constant(name, std::move(tensor));
  };
  const Index width = 4 * kHidden;
  const Shape scales = layer.by_column ? Shape{layer.directions, width} : Shape{layer.directions};
  const auto zero_points = [&](const char* name) {
    Tensor tensor(layer.weights, scales);
    for (Index i = 0; i < tensor.count(); ++i) tensor.mutable_raw()[i] = static_cast<std::byte>(layer.zero_point);
    return graph.constant(name, std::move(tensor));
  };
  const graph::Value x = graph.input("x", DataType::float32, {kSteps, kBatch, kInput});
  const graph::Value lengths = graph.constant("lengths", Tensor::of<std::int32_t>({kBatch}, {5, 0, 3}));
  const graph::DynamicQuantizeLstm op{.direction = layer.directions == 2 ? graph::RecurrentDirection::bidirectional
                                                                         : graph::RecurrentDirection::reverse};
  const graph::Node& node = graph.add_node(
      op,
      {x, codes("w", {layer.directions, kInput, width}), codes("r", {layer.directions, kHidden, width}),
       floats("b", {layer.directions, 2 * width}, -0.5F, 0.5F), lengths,
       floats("h", {layer.directions, kBatch, kHidden}, -1, 1), floats("c", {layer.directions, kBatch, kHidden}, -1, 1),
       graph::kNoValue, floats("ws", scales, 0.001F, 0.004F), zero_points("wz"), floats("rs", scales, 0.001F, 0.004F),
       zero_points("rz")},
      "lstm");
  for (const graph::Value output : std::vector<graph::Value>(node.outputs)) graph.output(output);
  return graph;
}

Tensor sequences() {
  Random random(3);
  Tensor x(DataType::float32, {kSteps, kBatch, kInput});
  for (float& value : x.mutable_values<float>()) value = random.uniform(-2, 3);
  return x;
}

TEST_P(Recurrent, IsTheOperatorsOwnEvaluationOnPackedWeights) {
  for (const Layer& layer :
       {Layer{}, Layer{.by_column = true, .directions = 2}, Layer{.weights = DataType::uint8, .zero_point = 128},
        Layer{.weights = DataType::uint8, .zero_point = 127, .by_column = true}}) {
    const graph::Graph graph = network(layer);
    const Tensor x = sequences();
    const std::vector<Tensor> expected = graph::evaluate(graph, std::vector<Tensor>{x});
    Program program = compile(graph, {.input_shapes = {}, .kernels = kernels()});
    EXPECT_EQ(program.steps().back().kernel, "recurrent");
    const std::vector<Tensor> actual = program.run({x});
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
      ASSERT_EQ(actual[i].shape(), expected[i].shape());
      for (Index k = 0; k < actual[i].count(); ++k) {
        // The same operations; a compiler may contract a product and a sum into one rounding.
        EXPECT_NEAR(actual[i].data<float>()[k], expected[i].data<float>()[k], 1e-6F);
      }
    }
  }
}

TEST_P(Recurrent, GivesTheSameBytesForAnyNumberOfThreads) {
  const graph::Graph graph = network({.by_column = true, .directions = 2});
  Program program = compile(graph, {.input_shapes = {}, .kernels = kernels()});
  const Tensor x = sequences();
  EXPECT_EQ(program.run({x}, ThreadPool(3)), program.run({x}));
}

TEST(RecurrentStep, LeavesWeightsThatDoNotFitToTheOperator) {
  const graph::Graph graph = network({.weights = DataType::uint8});  // differences up to 255
  EXPECT_EQ(compile(graph).steps().back().kernel, "reference");
}

}  // namespace
}  // namespace condense::runtime
