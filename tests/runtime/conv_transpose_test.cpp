#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "support/backends.hpp"
#include "support/integer_interpreter.hpp"
#include "support/quantized_networks.hpp"

namespace condense::runtime {
namespace {

using graph::ConvTranspose;
using graph::Graph;
using graph::Value;

/// Programs for the backend under test.
class ConvTransposeProgram : public BackendTest<kernels::Gemm> {
 protected:
  Program compiled(const Graph& graph, const Shape& input) const {
    return compile(graph, {.input_shapes = {input}, .kernels = kernels()});
  }

  /// Compares a node in float with its own evaluation. Sums of up to a few hundred terms of magnitude 4, taken in two
  /// orders, differ by at most about 2 * 300 * 2^-24 = 4e-5 of the sum of the magnitudes, usually by a hundredth of
  /// that.
  void expect_close(const ConvTranspose& op, const Shape& images, const Shape& weights, bool has_bias) const {
    Random random(7);
    Graph graph;
    std::vector<Value> inputs{graph.input("x", DataType::float32, images),
                              graph.constant("weights", random_tensor(weights, random))};
    if (has_bias) inputs.push_back(graph.constant("bias", random_tensor({weights[1] * op.group}, random)));
    graph.output(graph.add(graph::Relu{}, {graph.add(op, inputs)}));
    const Tensor x = random_tensor(images, random);
    const Tensor expected = graph::evaluate(graph, {x}).front();
    Program program = compiled(graph, images);
    for (const StepInfo& step : program.steps()) EXPECT_NE(step.kernel, "reference") << step.operation;
    for (const int threads : {1, 3}) {
      const Tensor actual = program.run({x}, ThreadPool(threads)).front();
      ASSERT_EQ(actual.shape(), expected.shape());
      for (std::size_t i = 0; i < static_cast<std::size_t>(expected.count()); ++i) {
        ASSERT_NEAR(actual.values<float>()[i], expected.values<float>()[i], 3e-4F)
            << images.to_string() << ", " << weights.to_string() << " at " << i;
      }
    }
  }
};
CONDENSE_TEST_ALL_BACKENDS(ConvTransposeProgram);

TEST_P(ConvTransposeProgram, ComputesEveryFormInFloat) {
  expect_close({.strides = {2, 2}}, {2, 6, 5, 7}, {6, 5, 2, 2}, true);    // lines of one product
  expect_close({.strides = {2, 3}}, {2, 6, 5, 150}, {6, 1, 2, 3}, true);  // few columns: one product
  expect_close({.strides = {2, 2}, .pads = {1, 1, 1, 1}, .output_padding = {1, 1}}, {1, 8, 6, 5}, {8, 17, 3, 3}, true);
  expect_close({.strides = {2, 2}, .pads = {1, 1, 1, 1}}, {1, 4, 6, 5}, {4, 3, 4, 4}, false);
  expect_close({.strides = {3, 1}, .dilations = {2, 3}, .pads = {0, 1, 2, 0}}, {2, 3, 5, 6}, {3, 20, 3, 2}, true);
  expect_close({.strides = {2, 2}, .group = 2}, {1, 6, 5, 4}, {6, 3, 2, 3}, true);
  expect_close({.strides = {2, 2}, .pads = {1, 1, 1, 1}, .group = 9}, {2, 9, 5, 4}, {9, 1, 4, 4}, true);  // depthwise
  expect_close({.strides = {3, 4}}, {1, 5, 3, 4}, {5, 4, 1, 2}, true);  // phases without a tap: the bias alone
  expect_close({.strides = {1, 1}}, {1, 5, 1, 1}, {5, 40, 3, 3}, true);
  expect_close({.strides = {2, 2}, .auto_pad = graph::AutoPad::same_upper}, {1, 5, 4, 3}, {5, 4, 3, 3}, true);
}

TEST_P(ConvTransposeProgram, ComputesSignalsInFloat) {
  expect_close({.strides = {8}, .pads = {4, 4}}, {1, 10, 30}, {10, 6, 16}, true);
  expect_close({.strides = {5}}, {2, 4, 33}, {4, 12, 5}, false);
  expect_close({.strides = {2}, .output_padding = {1}, .group = 4}, {1, 4, 200}, {4, 2, 3}, true);
}

TEST_P(ConvTransposeProgram, GivesTheBytesOfTheContractForAnyNumberOfThreads) {
  constexpr ActivationTypes kTypes[] = {ActivationTypes::unsigned_asymmetric, ActivationTypes::signed_symmetric,
                                        ActivationTypes::mixed};
  int products = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    QuantizedNetwork network(seed, kTypes[seed % 3]);
    Random& random = network.random();
    const Index channels = random_integer(random, 1, 10);
    Shape shape{kDynamic, channels, random_integer(random, 1, 6), random_integer(random, 1, 7)};
    if (seed % 4 == 0) shape = {kDynamic, channels, random_integer(random, 1, 40)};
    const Value x = network.quantized(network.graph().input("x", DataType::float32, shape), -2, 2);
    network.graph().output(network.any_transposed_convolution(x));
    const Graph& graph = network.graph();
    Random values(seed, 1);
    const Tensor input = random_tensor(shape.with(0, 2), values);
    const std::vector<Tensor> expected = IntegerInterpreter(graph).run({&input, 1});
    Program program = compiled(graph, input.shape());
    for (const StepInfo& step : program.steps()) {
      if (step.multiply_accumulates == 0) continue;
      EXPECT_TRUE(multiplies_integers(step)) << step.precision << " in network " << seed;
      ++products;
    }
    for (const int threads : {1, 3}) {
      const std::vector<Tensor> actual = program.run({input}, ThreadPool(threads));
      for (std::size_t i = 0; i < actual.size(); ++i) {
        ASSERT_TRUE(actual[i] == expected[i]) << "network " << seed << ", output " << i << ", " << threads
                                              << " threads, " << actual[i].shape().to_string();
      }
    }
  }
  EXPECT_EQ(products, 150);
}

TEST(ConvTransposeSteps, AreOneStepOfSeveralProducts) {
  Random random(2);
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {1, 8, 10, 10});
  const Value weights = graph.constant("weights", random_tensor({8, 4, 3, 3}, random));
  graph.output(graph.add(ConvTranspose{.strides = {2, 2}}, {x, weights}));
  std::int64_t work = 0;
  int steps = 0;
  for (const StepInfo& step : compile(graph).steps()) {
    work += step.multiply_accumulates;
    if (step.kernel == "gemm") ++steps;
  }
  EXPECT_EQ(steps, 1);
  // Of the 21 x 21 results those in odd lines and columns get one tap, the others two along an axis.
  EXPECT_EQ(work, (11 * 2 + 10) * (11 * 2 + 10) * 8 * 4);
}

}  // namespace
}  // namespace condense::runtime
