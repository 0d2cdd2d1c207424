#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "support/backends.hpp"
#include "support/integer_interpreter.hpp"
#include "support/quantized_networks.hpp"

namespace condense::runtime {
namespace {

using graph::Graph;
using graph::Operator;
using graph::Value;

class CodeElementwiseSteps : public BackendTest<kernels::Elementwise> {
 protected:
  /// The bytes of the contract, for one thread and for three.
  Program expect_bytes(const Graph& graph, const std::vector<Tensor>& inputs) const {
    Program program = compile(graph, {.kernels = kernels()});
    const std::vector<Tensor> expected = IntegerInterpreter(graph).run(inputs);
    for (const int threads : {1, 3}) {
      const std::vector<Tensor> actual = program.run(inputs, ThreadPool(threads));
      for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(actual[i] == expected[i]) << "output " << i;
    }
    return program;
  }
};
CONDENSE_TEST_ALL_BACKENDS(CodeElementwiseSteps);

bool has_step(const Program& program, const std::string& operation) {
  for (const StepInfo& step : program.steps()) {
    if (step.operation == operation) return true;
  }
  return false;
}

/// The quantised result of a convolution with random weights.
Value product(QuantizedNetwork& network, Value x, const graph::Conv& conv, const Shape& weights) {
  const Value codes = network.constant(random_codes(DataType::int8, weights, -127, 127, network.random()));
  const Value values = network.graph().add(graph::DequantizeLinear{}, {codes, network.scalar(0.005F)});
  return network.quantized(network.graph().add(conv, {x, values}));
}

/// Shapes that meet, and whether their codes are read in place.
struct Meeting {
  Shape a;
  Shape b;
  bool in_place = true;
};

TEST_P(CodeElementwiseSteps, BroadcastCodesInEveryLayout) {
  const std::vector<Meeting> meetings{
      {{2, 6, 5, 7}, {2, 6, 5, 7}},
      {{2, 6, 5, 7}, {2, 6, 1, 1}},
      {{2, 6, 1, 1}, {2, 6, 5, 7}},
      {{2, 6, 5, 7}, {2, 1, 5, 7}},
      {{2, 6, 5, 7}, {1, 1, 1, 1}},
      {{1, 6, 5, 7}, {2, 6, 1, 1}},
      {{1, 3, 150, 150}, {1, 3, 1, 1}},
      {{1, 1500, 9}, {1, 1500, 1}},
      {{1, 5, 2500}, {1, 1, 2500}},
      {{40, 1}, {1, 30}},
      {{3, 20'000}, {3, 1}},
      {{3, 20'000}, {1, 20'000}},
      {{20'000, 3}, {1, 3}},
      {{20'000, 3}, {20'000, 1}},
      {{2, 1, 3, 1}, {1, 4, 1, 5}, false},
  };
  for (const Meeting& meeting : meetings) {
    for (const bool channels_last : {false, true}) {
      if (channels_last && meeting.a.rank() != 4) continue;
      SCOPED_TRACE(meeting.a.to_string() + " and " + meeting.b.to_string() + (channels_last ? ", last" : ", first"));
      for (const Operator& op : {Operator(graph::Add{}), Operator(graph::Mul{})}) {
        QuantizedNetwork network(3, ActivationTypes::mixed);
        Graph& graph = network.graph();
        Value a = network.quantized(graph.input("a", DataType::float32, meeting.a));
        const Value b = network.quantized(graph.input("b", DataType::float32, meeting.b));
        if (channels_last) {
          a = product(network, a, {}, {meeting.a[1], meeting.a[1], 1, 1});
          graph.output(a);  // so that no sum becomes a part of the product
        }
        graph.output(network.quantized(graph.add(op, {a, b})));
        const std::vector<Tensor> inputs{random_tensor(meeting.a, network.random()),
                                         random_tensor(meeting.b, network.random())};
        const Program program = expect_bytes(graph, inputs);
        EXPECT_EQ(has_step(program, "Expand"), !meeting.in_place);
      }
    }
  }
}

TEST_P(CodeElementwiseSteps, ReadConstantOperandsInPlace) {
  for (const Shape& shape : {Shape{6, 1, 1}, Shape{1, 6, 1, 1}, Shape{7}, Shape{2, 6, 5, 7}}) {
    QuantizedNetwork network(4, ActivationTypes::unsigned_asymmetric);
    Graph& graph = network.graph();
    const Value x = network.quantized(graph.input("x", DataType::float32, {2, 6, 5, 7}));
    const Value codes = network.constant(random_codes(DataType::int8, shape, -127, 127, network.random()));
    const Value constant = graph.add(graph::DequantizeLinear{}, {codes, network.scalar(0.02F)});
    graph.output(network.quantized(graph.add(graph::Mul{}, {x, constant})));
    graph.output(network.quantized(graph.add(graph::Add{}, {constant, x})));
    EXPECT_FALSE(has_step(expect_bytes(graph, {random_tensor({2, 6, 5, 7}, network.random())}), "Expand"));
  }
}

/// Convolutions, a sum and tables: (x -> conv -> function -> conv + function(...) -> function).
TEST_P(CodeElementwiseSteps, ApplyTablesToTheBlocksOfProducts) {
  for (const ActivationTypes types : {ActivationTypes::unsigned_asymmetric, ActivationTypes::mixed}) {
    // Codes that became outputs are somebody else's interest, and differ by seed.
    int fused = 0;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      QuantizedNetwork network(seed, types);
      Graph& graph = network.graph();
      const Value x = network.quantized(graph.input("x", DataType::float32, {2, 6, 21, 13}));
      const Value first = network.quantized(graph.add(graph::HardSwish{}, {product(network, x, {}, {6, 6, 1, 1})}));
      const graph::Conv depthwise{.pads = {1, 1, 1, 1}, .group = 6};
      const Value second =
          network.quantized(graph.add(graph::Sigmoid{}, {product(network, first, depthwise, {6, 1, 3, 3})}));
      const Value sum =
          network.quantized(graph.add(graph::Add{}, {product(network, second, {}, {6, 6, 1, 1}), second}));
      graph.output(network.quantized(graph.add(graph::LeakyRelu{.alpha = 0.1F}, {sum})));
      const Program program = expect_bytes(graph, {random_tensor({2, 6, 21, 13}, network.random())});
      for (const StepInfo& step : program.steps()) {
        fused += step.operation == "Conv + HardSwish" || step.operation == "Conv + Sigmoid" ||
                 step.operation == "Conv + Add + LeakyRelu";
      }
    }
    EXPECT_GT(fused, 12);
  }
}

/// Functions in a row are one table.
TEST_P(CodeElementwiseSteps, JoinTablesThatFollowAProduct) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    QuantizedNetwork network(seed, ActivationTypes::mixed);
    Graph& graph = network.graph();
    Value x = network.quantized(graph.input("x", DataType::float32, {2, 6, 21, 13}));
    x = network.quantized(graph.add(graph::HardSwish{}, {product(network, x, {}, {6, 6, 1, 1})}));
    x = network.quantized(graph.add(graph::Mul{}, {x, network.scalar(0.75F)}));
    graph.output(network.quantized(graph.add(graph::Sigmoid{}, {x}), 0, 1));
    const Program program = expect_bytes(graph, {random_tensor({2, 6, 21, 13}, network.random())});
    if (graph.outputs().size() > 1) continue;  // codes in between are somebody else's interest
    EXPECT_TRUE(has_step(program, "Conv + HardSwish + Mul + Sigmoid"));
  }
}

}  // namespace
}  // namespace condense::runtime
