#include <gtest/gtest.h>

#include <set>

#include "condense/runtime/compile.hpp"
#include "support/backends.hpp"
#include "support/integer_interpreter.hpp"
#include "support/quantized_networks.hpp"

namespace condense::runtime {
namespace {

constexpr ActivationTypes kTypes[] = {ActivationTypes::unsigned_asymmetric, ActivationTypes::signed_symmetric,
                                      ActivationTypes::mixed};

Tensor images_for(const graph::Graph& graph, Index batch, std::uint64_t seed) {
  Random random(seed, 1);
  return random_tensor(graph.declared_shape(graph.inputs()[0]).with(0, batch), random);
}

/// Programs for the backend under test.
class IntegerNetwork : public BackendTest<kernels::Gemm> {
 protected:
  Program compiled(const graph::Graph& graph, const Shape& images) const {
    return compile(graph, {.input_shapes = {images}, .kernels = kernels()});
  }
};
CONDENSE_TEST_ALL_BACKENDS(IntegerNetwork);

TEST_P(IntegerNetwork, GivesTheBytesOfTheContractForAnyNumberOfThreads) {
  const ThreadPool pools[] = {ThreadPool(1), ThreadPool(2), ThreadPool(3), ThreadPool(8)};
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const graph::Graph graph = random_quantized_network(seed, kTypes[seed % 3]);
    for (const Index batch : {1, 3}) {
      const Tensor images = images_for(graph, batch, seed);
      const std::vector<Tensor> expected = IntegerInterpreter(graph).run({&images, 1});
      Program program = compiled(graph, images.shape());
      for (const ThreadPool& pool : pools) {
        const std::vector<Tensor> actual = program.run({images}, pool);
        ASSERT_EQ(actual.size(), expected.size());
        for (std::size_t i = 0; i < actual.size(); ++i) {
          ASSERT_TRUE(actual[i] == expected[i]) << "network " << seed << ", batch " << batch << ", " << pool.threads()
                                                << " threads, output '" << graph.name(graph.outputs()[i]) << "'";
        }
      }
    }
  }
}

TEST_P(IntegerNetwork, RunsEveryProductOnIntegers) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const graph::Graph graph = random_quantized_network(seed, kTypes[seed % 3]);
    const Program program = compiled(graph, images_for(graph, 1, seed).shape());
    int products = 0;
    for (const StepInfo& step : program.steps()) {
      if (step.kernel != "gemm" && step.kernel != "depthwise") continue;
      EXPECT_TRUE(step.precision == "int8" || step.precision == "int4") << step.name << " of network " << seed;
      EXPECT_GT(step.multiply_accumulates, 0) << step.name;
      ++products;
    }
    EXPECT_GE(products, 2) << seed;
  }
}

/// The networks have to be worth comparing: values that differ, and that are not all at the bounds.
TEST(RandomQuantizedNetwork, SpreadsItsCodes) {
  std::size_t spread = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const graph::Graph graph = random_quantized_network(seed, kTypes[seed % 3]);
    const Tensor images = images_for(graph, 3, seed);
    std::size_t most = 0;
    for (const Tensor& output : IntegerInterpreter(graph).run({&images, 1})) {
      const auto* bytes = reinterpret_cast<const unsigned char*>(output.raw());
      most = std::max(most, std::set<unsigned char>(bytes, bytes + output.bytes()).size());
    }
    if (most >= 25) ++spread;
  }
  EXPECT_GE(spread, 18U);
}

/// In float the same network gives nearly the same: the contract is not some other function. The error of a step is
/// half a code for each rounding of an activation, of which a network has a few tens.
TEST(RandomQuantizedNetwork, IsCloseToItsFloatEvaluation) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const graph::Graph graph = random_quantized_network(seed, kTypes[seed % 3]);
    const Tensor images = images_for(graph, 2, seed);
    const Tensor exact = IntegerInterpreter(graph).run({&images, 1}).back();
    const Tensor real = graph::evaluate(graph, {images}).back();
    double difference = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(exact.count()); ++i) {
      difference += std::abs(exact.values<float>()[i] - real.values<float>()[i]);
    }
    EXPECT_LE(difference / static_cast<double>(exact.count()), 0.05) << seed;  // two codes
  }
}

}  // namespace
}  // namespace condense::runtime
