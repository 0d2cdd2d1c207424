#include <gtest/gtest.h>

#include "condense/core/random.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators.hpp"
#include "condense/runtime/compile.hpp"
#include "support/backends.hpp"
#include "support/throws.hpp"

// Recurrent layers with packed weights against the operators' own evaluation. Of a DynamicQuantizeLSTM the sums of
// integers are the same.

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

void expect_close(const std::vector<Tensor>& actual, const std::vector<Tensor>& expected, float tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(actual[i].shape(), expected[i].shape());
    for (Index k = 0; k < actual[i].count(); ++k) {
      ASSERT_NEAR(actual[i].data<float>()[k], expected[i].data<float>()[k], tolerance) << "output " << i << " at " << k;
    }
  }
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
    // A sum and its bias are rounded once instead of twice, activations differ in their last bits: some 2^-22 of values
    // up to 2, unless one moves the code of a state, by 1/255, which none does here.
    expect_close(program.run({x}), expected, 4e-6F);
  }
}

TEST_P(Recurrent, GivesTheSameBytesForAnyNumberOfThreads) {
  const graph::Graph graph = network({.by_column = true, .directions = 2});
  Program program = compile(graph, {.input_shapes = {}, .kernels = kernels()});
  const Tensor x = sequences();
  EXPECT_EQ(program.run({x}, ThreadPool(3)), program.run({x}));
}

/// An integer layer is the same on every backend, the floats around its sums included.
TEST_P(Recurrent, GivesTheBytesOfTheScalarBackend) {
  const graph::Graph graph = network({.by_column = true, .directions = 2});
  const Tensor x = sequences();
  Program scalar = compile(graph, {.input_shapes = {}, .kernels = kernels::KernelSet::select("scalar")});
  Program program = compile(graph, {.input_shapes = {}, .kernels = kernels()});
  EXPECT_EQ(program.run({x}), scalar.run({x}));
}

/// How the weights of a float layer are stored.
enum class Stored { floats, int8_by_column, int4_in_groups };

/// A graph of one node with random constants for all that `Op` takes. `all` gives the optional inputs, too.
template <class Op>
graph::Graph float_network(const Op& op, bool all, Stored stored) {
  Random random(17);
  graph::Graph graph;
  const Index directions = op.direction == graph::RecurrentDirection::bidirectional ? 2 : 1;
  const Index width = Op::kGates * kHidden;
  const auto floats = [&](const char* name, const Shape& shape, float size) {
    Tensor tensor(DataType::float32, shape);
    for (float& value : tensor.mutable_values<float>()) value = random.uniform(-size, size);
    return graph.constant(name, std::move(tensor));
  };
  const auto weights = [&](const char* name, Index depth) {
    const Shape shape{directions, width, depth};
    if (stored == Stored::floats) return floats(name, shape, 0.3F);
    const bool grouped = stored == Stored::int4_in_groups;
    Tensor codes(grouped ? DataType::int4 : DataType::int8, shape);
    for (std::size_t i = 0; i < codes.bytes(); ++i) codes.mutable_raw()[i] = static_cast<std::byte>(random.below(256));
    constexpr Index kGroup = 8;
    Tensor scales(DataType::float32, grouped ? Shape{directions, width, (depth + kGroup - 1) / kGroup} : Shape{width});
    const float largest = grouped ? 8 : 128;
    for (float& scale : scales.mutable_values<float>()) scale = random.uniform(0.1F, 0.3F) / largest;
    const std::string prefix(name);
    return graph.add(
        graph::DequantizeLinear{.axis = grouped ? 2 : 1, .block_size = grouped ? kGroup : 0},
        {graph.constant(prefix + ".codes", std::move(codes)), graph.constant(prefix + ".scales", std::move(scales))});
  };
  const bool batch_first = op.layout == 1;
  const Shape state = batch_first ? Shape{kBatch, directions, kHidden} : Shape{directions, kBatch, kHidden};
  std::vector<graph::Value> inputs{
      graph.input("x", DataType::float32, batch_first ? Shape{kBatch, kSteps, kInput} : Shape{kSteps, kBatch, kInput}),
      weights("w", kInput), weights("r", kHidden)};
  if (all) {
    inputs.push_back(floats("b", {directions, 2 * width}, 0.5F));
    inputs.push_back(graph.constant("lengths", Tensor::of<std::int32_t>({kBatch}, {5, 0, 3})));
    inputs.push_back(floats("h", state, 1));
    if (Op::kHasCellState) {
      inputs.push_back(floats("c", state, 1));
      inputs.push_back(floats("p", {directions, 3 * kHidden}, 0.5F));
    }
  }
  const graph::Node& node = graph.add_node(op, inputs, "layer");
  for (const graph::Value output : std::vector<graph::Value>(node.outputs)) graph.output(output);
  return graph;
}

template <class Op>
void expect_float_layer(const Op& op, const kernels::KernelSet& kernels) {
  for (const Stored stored : {Stored::floats, Stored::int8_by_column, Stored::int4_in_groups}) {
    for (const bool all : {false, true}) {
      SCOPED_TRACE(fmt::format("{}, stored {}, all {}", Op::kType, static_cast<int>(stored), all));
      const graph::Graph graph = float_network(op, all, stored);
      const Tensor sequence = sequences();
      Tensor x(DataType::float32, graph.declared_shape(graph.inputs()[0]));
      std::copy_n(sequence.data<float>(), x.count(), x.mutable_data<float>());
      Program program = compile(graph, {.input_shapes = {}, .kernels = kernels});
      const StepInfo step = program.steps().back();
      EXPECT_EQ(step.kernel, "recurrent");
      EXPECT_EQ(step.precision, stored == Stored::floats           ? "float32"
                                : stored == Stored::int8_by_column ? "float32 x int8"
                                                                   : "float32 x int4");
      const std::vector<Tensor> actual = program.run({x});
      // Sums of 37 products below 1 in another order are off by 60 * 2^-24 at most; activations contract them, and the
      // steps add them up.
      expect_close(actual, graph::evaluate(graph, std::vector<Tensor>{x}), 2e-5F);
      EXPECT_EQ(program.run({x}, ThreadPool(3)), actual);
    }
  }
}

TEST_P(Recurrent, ComputesFloatLayersOfEveryForm) {
  using graph::RecurrentDirection;
  expect_float_layer(graph::Rnn{.direction = RecurrentDirection::bidirectional}, kernels());
  expect_float_layer(graph::Rnn{.activations = {"Relu"}, .clip = 0.75F, .layout = 1}, kernels());
  expect_float_layer(graph::Gru{}, kernels());
  expect_float_layer(graph::Gru{.direction = RecurrentDirection::bidirectional, .linear_before_reset = true},
                     kernels());
  expect_float_layer(graph::Gru{.direction = RecurrentDirection::reverse, .layout = 1}, kernels());
  expect_float_layer(graph::Lstm{}, kernels());
  expect_float_layer(graph::Lstm{.direction = RecurrentDirection::bidirectional, .clip = 0.5F, .input_forget = true},
                     kernels());
  expect_float_layer(
      graph::Lstm{
          .direction = RecurrentDirection::reverse, .activations = {"HardSigmoid", "Softsign", "Tanh"}, .layout = 1},
      kernels());
}

TEST(RecurrentStep, RefusesALengthThatIsNone) {
  graph::Graph graph;
  const graph::Value x = graph.input("x", DataType::float32, {2, 1, 1});
  const graph::Value w = graph.constant("w", Tensor::of<float>({1, 1, 1}, {0.5F}));
  const graph::Value lengths = graph.input("lengths", DataType::int32, {1});
  const graph::Node& node = graph.add_node(graph::Rnn{}, {x, w, w, graph::kNoValue, lengths}, "layer");
  for (const graph::Value output : std::vector<graph::Value>(node.outputs)) graph.output(output);
  Program program = compile(graph);
  const Tensor values = Tensor::of<float>({2, 1, 1}, {1, 2});
  for (const std::int32_t length : {-1, 3}) {
    EXPECT_TRUE(throws<InvalidArgument>(fmt::format("the length {}, there are 2 steps", length), [&] {
      program.run({values, Tensor::of<std::int32_t>({1}, {length})});
    }));
  }
}

TEST(RecurrentStep, LeavesWeightsThatDoNotFitToTheOperator) {
  const graph::Graph graph = network({.weights = DataType::uint8});  // differences up to 255
  EXPECT_EQ(compile(graph).steps().back().kernel, "reference");
}

}  // namespace
}  // namespace condense::runtime
