#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "support/backends.hpp"
#include "support/quantized_networks.hpp"

namespace condense::runtime {
namespace {

using graph::Graph;
using graph::Operator;
using graph::Value;

/// Graphs whose constants have names of their own.
struct Network {
  Random random{11};
  Graph graph;
  int constants = 0;

  Value input(const Shape& shape) {
    return graph.input(fmt::format("x{}", graph.inputs().size()), DataType::float32, shape);
  }
  Value constant(Tensor tensor) { return graph.constant(fmt::format("c{}", ++constants), std::move(tensor)); }
  Value constant(const Shape& shape) { return constant(random_tensor(shape, random)); }

  /// A pointwise convolution, whose result lies channels last.
  Value convolution(Value x, Index out) {
    return graph.add(graph::Conv{}, {x, constant({out, graph.type(x).shape[1], 1, 1}), constant({out})});
  }
  std::vector<Tensor> tensors() {
    std::vector<Tensor> result;
    for (const Value value : graph.inputs()) result.push_back(random_tensor(graph.type(value).shape, random));
    return result;
  }
};

/// Runs a program with one and three threads, which give the same bytes, and compares it with the graph's evaluation.
/// Functions are within 8 units in the last place of the exact ones, and so are those of the standard library; products
/// have sums of a few terms.
void expect_close(Network& network, const kernels::KernelSet& kernels, float tolerance = 4e-6F) {
  const std::vector<Tensor> inputs = network.tensors();
  Program program = compile(network.graph, {.kernels = kernels});
  const std::vector<Tensor> expected = graph::evaluate(network.graph, inputs);
  const std::vector<Tensor> actual = program.run(inputs);
  const std::vector<Tensor> threaded = program.run(inputs, ThreadPool(3));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE(actual[i] == threaded[i]);
    for (std::size_t k = 0; k < static_cast<std::size_t>(expected[i].count()); ++k) {
      const float wanted = expected[i].values<float>()[k];
      const float given = actual[i].values<float>()[k];
      if (std::isnan(wanted) || std::isinf(wanted)) {
        ASSERT_TRUE(given == wanted || (std::isnan(given) && std::isnan(wanted)));
      } else {
        ASSERT_NEAR(given, wanted, tolerance * std::max(1.0F, std::abs(wanted))) << "output " << i << " element " << k;
      }
    }
  }
}

std::vector<std::string> operations(const Graph& graph) {
  std::vector<std::string> result;
  for (const StepInfo& step : compile(graph).steps()) result.push_back(step.operation);
  return result;
}

class FloatElementwiseSteps : public BackendTest<kernels::FloatElementwise> {};
CONDENSE_TEST_ALL_BACKENDS(FloatElementwiseSteps);

std::vector<Operator> functions() {
  return {graph::Relu{},
          graph::LeakyRelu{.alpha = 0.2F},
          graph::ThresholdedRelu{.alpha = 0.5F},
          graph::Shrink{.bias = 0.25F, .lambd = 0.75F},
          graph::HardSigmoid{.alpha = 0.3F},
          graph::HardSwish{},
          graph::Abs{},
          graph::Neg{},
          graph::Sign{},
          graph::Sqrt{},
          graph::Reciprocal{},
          graph::Floor{},
          graph::Ceil{},
          graph::Round{},
          graph::Softsign{},
          graph::Exp{},
          graph::Log{},
          graph::Sigmoid{},
          graph::Swish{.alpha = 1.5F},
          graph::Tanh{},
          graph::Elu{.alpha = 0.7F},
          graph::Celu{.alpha = 0.7F},
          graph::Selu{},
          graph::Softplus{},
          graph::Mish{},
          graph::Erf{},
          graph::Gelu{},
          graph::Gelu{.approximate = graph::GeluApproximation::tanh}};
}

TEST_P(FloatElementwiseSteps, MapWhatTheOperatorsMap) {
  for (const Operator& op : functions()) {
    SCOPED_TRACE(op.type());
    Network network;
    network.graph.output(network.graph.add(op, {network.input({2, 3, 5, 7})}));
    expect_close(network, kernels());
    EXPECT_EQ(compile(network.graph).steps().front().kernel, "elementwise");
  }
}

TEST_P(FloatElementwiseSteps, TakePowersThatAreAFewProducts) {
  for (const float exponent : {2.0F, 3.0F, 0.5F, -1.0F}) {
    Network network;
    const Value x = network.input({30'011});
    network.graph.output(network.graph.add(graph::Pow{}, {x, network.constant(Tensor::scalar(exponent))}));
    expect_close(network, kernels());
    EXPECT_EQ(compile(network.graph).steps().front().kernel, "elementwise") << exponent;
  }
}

/// Pairs of shapes, and whether their product takes one step without the reference.
struct Meeting {
  Shape a;
  Shape b;
  bool in_kernels = true;
};

TEST_P(FloatElementwiseSteps, BroadcastInEveryLayout) {
  const std::vector<Meeting> meetings{
      {{2, 6, 5, 7}, {2, 6, 5, 7}}, {{2, 6, 5, 7}, {2, 6, 1, 1}},
      {{2, 6, 1, 1}, {2, 6, 5, 7}}, {{2, 6, 5, 7}, {6, 1, 1}},
      {{2, 6, 5, 7}, {1}},          {{2, 6, 5, 7}, {}},
      {{2, 6, 5, 7}, {5, 7}},       {{2, 6, 5, 7}, {7}},
      {{2, 6, 5, 7}, {2, 1, 5, 7}}, {{1, 6, 5, 7}, {2, 6, 1, 1}},
      {{40, 1}, {1, 30}},           {{3, 20'000}, {3, 1}},
      {{20'000, 3}, {3}},           {{2, 1, 3, 1}, {1, 4, 1, 5}, false},  // four loops
  };
  for (const Meeting& meeting : meetings) {
    for (const bool channels_last : {false, true}) {
      if (channels_last && meeting.a.rank() != 4) continue;
      SCOPED_TRACE(meeting.a.to_string() + " and " + meeting.b.to_string() + (channels_last ? ", last" : ", first"));
      for (const Operator& op : {Operator(graph::Add{}), Operator(graph::Sub{}), Operator(graph::Mul{}),
                                 Operator(graph::Div{}), Operator(graph::Max{}), Operator(graph::Min{})}) {
        Network network;
        Value a = network.input(meeting.a);
        if (channels_last) {
          a = network.convolution(a, meeting.a[1]);
          network.graph.output(a);
        }
        const Value result = network.graph.add(op, {a, network.input(meeting.b)});
        network.graph.output(result);
        // A quotient is as sensitive as its denominator is small, and what is divided comes out of a sum.
        if (!channels_last || !op.is<graph::Div>()) expect_close(network, kernels());
        for (const StepInfo& step : compile(network.graph).steps()) {
          EXPECT_TRUE(!meeting.in_kernels || step.kernel != "reference") << step.operation;
        }
      }
    }
  }
}

TEST_P(FloatElementwiseSteps, ComputeSlopesOfARectifier) {
  Network network;
  const Value x = network.input({2, 6, 5, 7});
  network.graph.output(network.graph.add(graph::PRelu{}, {x, network.constant({6, 1, 1})}));
  network.graph.output(network.graph.add(graph::PRelu{}, {x, network.constant(Shape{1})}));
  expect_close(network, kernels());
}

TEST_P(FloatElementwiseSteps, FollowProductsBlockByBlock) {
  for (const Operator& op : functions()) {
    if (op.is<graph::Sign>() || op.is<graph::Floor>() || op.is<graph::Ceil>() || op.is<graph::Round>() ||
        op.is<graph::Log>() || op.is<graph::Sqrt>() || op.is<graph::Reciprocal>() || op.is<graph::Shrink>() ||
        op.is<graph::ThresholdedRelu>() || op.is<graph::Exp>()) {
      continue;  // they jump, have a pole, or blow up what differs in the sums
    }
    SCOPED_TRACE(op.type());
    Network network;
    const Value x = network.input({2, 4, 13, 9});
    const Value dense = network.graph.add(op, {network.convolution(x, 6)});
    const graph::Conv depthwise{.pads = {1, 1, 1, 1}, .group = 6};
    network.graph.output(
        network.graph.add(op, {network.graph.add(depthwise, {dense, network.constant({6, 1, 3, 3})})}));
    expect_close(network, kernels(), 1e-4F);
    const std::string name(op.type());
    EXPECT_EQ(operations(network.graph),
              (std::vector<std::string>{"to channels last", "Conv + " + name, "Conv + " + name, "to channels first"}));
  }
}

TEST_P(FloatElementwiseSteps, AddResidualsToProducts) {
  Network network;
  Graph& graph = network.graph;
  const Value x = network.input({2, 6, 13, 9});
  const Value first = graph.add(graph::Relu{}, {network.convolution(x, 6)});
  const Value sum = graph.add(graph::Relu{}, {graph.add(graph::Add{}, {network.convolution(first, 6), first})});
  const Value other = graph.add(graph::Add{}, {sum, network.convolution(sum, 6)});
  graph.output(graph.add(graph::HardSwish{}, {other}));
  expect_close(network, kernels(), 1e-4F);
  EXPECT_EQ(operations(graph), (std::vector<std::string>{"to channels last", "Conv + Relu", "Conv + Add + Relu",
                                                         "Conv + Add + HardSwish", "to channels first"}));
}

TEST_P(FloatElementwiseSteps, LeaveWhatOthersReadToItself) {
  Network network;
  Graph& graph = network.graph;
  const Value x = network.input({1, 6, 4, 4});
  const Value product = network.convolution(x, 6);
  graph.output(graph.add(graph::Tanh{}, {product}));
  graph.output(graph.add(graph::Add{}, {product, product}));
  expect_close(network, kernels(), 1e-4F);
  for (const std::string& operation : operations(graph)) EXPECT_EQ(operation.find(" + "), std::string::npos);
}

TEST_P(FloatElementwiseSteps, FollowAnIntegerProductThatStaysFloat) {
  QuantizedNetwork quantized(5, ActivationTypes::unsigned_asymmetric);
  Graph& graph = quantized.graph();
  const Value images = graph.input("images", DataType::float32, {2, 6, 8, 8});
  const Value codes = quantized.constant(random_codes(DataType::int8, {6, 6, 1, 1}, -127, 127, quantized.random()));
  const Value weights = graph.add(graph::DequantizeLinear{}, {codes, quantized.scalar(0.01F)});
  const Value conv = graph.add(graph::Conv{}, {quantized.quantized(images), weights});
  graph.output(graph.add(graph::HardSwish{}, {conv}), "result");
  const Tensor x = random_tensor({2, 6, 8, 8}, quantized.random());
  const Tensor expected = compile(graph, {.kernels = kernels::KernelSet::select("scalar")}).run({x}).back();
  Program program = compile(graph, {.kernels = kernels()});
  EXPECT_TRUE(program.run({x}).back() == expected);  // no float sum comes before
  bool fused = false;
  for (const StepInfo& step : program.steps()) fused = fused || step.operation == "Conv + HardSwish";
  EXPECT_TRUE(fused);
}

/// Functions of floats between integers give the same bytes on every backend.
TEST_P(FloatElementwiseSteps, KeepBytesOfIntegerNetworksIndependentOfTheBackend) {
  for (const Operator& op : functions()) {
    Network network;
    Graph& graph = network.graph;
    const Value x = network.input({1, 4, 9, 9});
    const Value y = network.input({1, 4, 9, 9});
    const Value sum = graph.add(graph::Add{}, {graph.add(op, {x}), graph.add(graph::Sigmoid{}, {y})});
    const Value scale = network.constant(Tensor::scalar(0.02F));
    graph.output(graph.add(graph::QuantizeLinear{}, {sum, scale, network.constant(Tensor::scalar(std::uint8_t{100}))}));
    const std::vector<Tensor> inputs = network.tensors();
    const auto bytes = [&](const kernels::KernelSet& set) { return compile(graph, {.kernels = set}).run(inputs)[0]; };
    EXPECT_TRUE(bytes(kernels()) == bytes(kernels::KernelSet::select("scalar"))) << op.type();
  }
}

}  // namespace
}  // namespace condense::runtime
