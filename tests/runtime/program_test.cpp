#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "condense/kernels/gemm/scalar.hpp"
#include "condense/runtime/compile.hpp"
#include "support/integer_interpreter.hpp"
#include "support/quantized_networks.hpp"

namespace condense {

/// A backend of the test's own: its integer product counts and forwards to the scalar one.
struct Counting {
  static constexpr std::string_view name = "counting";
  static bool available() noexcept { return true; }
  static inline std::atomic<int> calls = 0;
  static inline std::atomic<const std::byte*> weights = nullptr;
};

template <>
struct kernels::Gemm<Counting> {
  using Forward = Gemm<simd::Scalar>;
  static std::size_t packed_bytes(const WeightShape& shape) noexcept { return Forward::packed_bytes(shape); }
  static void pack(const WeightShape& shape, const WeightValues& weights, std::byte* packed) noexcept {
    Forward::pack(shape, weights, packed);
  }
  static void run(const GemmArguments& arguments) noexcept {
    ++Counting::calls;
    Counting::weights = arguments.packed_weights;
    Forward::run(arguments);
  }
};

namespace runtime {
namespace {

using graph::Graph;
using graph::Value;

struct Network {
  Graph graph;
  Tensor images;
};

Network network(std::uint64_t seed, Index batch = 2) {
  Network result{random_quantized_network(seed, ActivationTypes::mixed), {}};
  Random random(seed, 9);
  result.images = random_tensor(result.graph.declared_shape(result.graph.inputs()[0]).with(0, batch), random);
  return result;
}

std::vector<Tensor> interpreted(const Graph& graph, const Tensor& input) {
  return IntegerInterpreter(graph).run({&input, 1});
}

TEST(Program, RunsOnKernelsOfTheUsersOwn) {
  const Network n = network(1, 1);
  kernels::KernelSet kernels = kernels::KernelSet::select("scalar");
  kernels.name = "counting";
  kernels.gemm = kernels::GemmKernel::of<Counting>();
  Program program = compile(n.graph, {.kernels = kernels});
  EXPECT_EQ(program.backend(), "counting");
  Counting::calls = 0;
  EXPECT_EQ(program.run({n.images}), interpreted(n.graph, n.images));
  EXPECT_GT(Counting::calls, 0);
}

TEST(Program, FindsKernelsOfTheUsersOwnInAListOfInstructionSets) {
  using Sets = simd::AllInstructionSets::with<Counting>;
  const auto kernel = simd::select<kernels::Gemm, kernels::GemmKernel, Sets>("counting");
  EXPECT_EQ(kernel.run, &kernels::Gemm<Counting>::run);
}

TEST(Program, SharesItsWeightsWithItsCopies) {
  const Network n = network(1, 1);
  kernels::KernelSet kernels = kernels::KernelSet::select("scalar");
  kernels.gemm = kernels::GemmKernel::of<Counting>();
  Program program = compile(n.graph, {.kernels = kernels});
  Program copy = program;
  const std::vector<Tensor> expected = program.run({n.images});
  const std::byte* weights = Counting::weights;
  EXPECT_EQ(copy.run({n.images}), expected);
  EXPECT_EQ(Counting::weights.load(), weights);

  Program assigned = compile(network(2).graph);
  assigned = copy;
  program = std::move(copy);
  EXPECT_EQ(assigned.run({n.images}), expected);
  EXPECT_EQ(program.run({n.images}), expected);
}

TEST(Program, RunsItsCopiesAtTheSameTime) {
  const Network n = network(7, 3);
  const Program program = compile(n.graph, {.input_shapes = {n.images.shape()}});
  std::vector<Tensor> inputs;
  std::vector<std::vector<Tensor>> expected;
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    Random random(seed);
    inputs.push_back(random_tensor(n.images.shape(), random));
    expected.push_back(interpreted(n.graph, inputs.back()));
  }
  int differences[2] = {0, 0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t, copy = program]() mutable {
      for (int repeat = 0; repeat < 30; ++repeat) {
        if (copy.run({inputs[t]}, ThreadPool(1 + repeat % 2)) != expected[t]) ++differences[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(differences[0], 0);
  EXPECT_EQ(differences[1], 0);
}

TEST(Program, GivesTheSameBytesWhenItRunsAgain) {
  const Network n = network(11);
  Program program = compile(n.graph, {.input_shapes = {n.images.shape()}});
  const std::vector<Tensor> first = program.run({n.images});
  Random random(1);
  program.run({random_tensor(n.images.shape(), random)});  // leaves other bytes in the arena
  EXPECT_EQ(program.run({n.images}), first);
}

TEST(Program, TellsItsTypesSizesAndSteps) {
  const Network n = network(1);
  const Program program = compile(n.graph, {.input_shapes = {n.images.shape()}});
  EXPECT_EQ(program.input_count(), 1U);
  EXPECT_EQ(program.output_count(), n.graph.outputs().size());
  EXPECT_EQ(program.input_type(0), (graph::TensorType{DataType::float32, n.images.shape()}));
  EXPECT_EQ(program.output_type(program.output_count() - 1), (graph::TensorType{DataType::float32, {2, 10}}));
  EXPECT_GE(program.arena_bytes(), program.arena_lower_bound());
  EXPECT_GE(program.arena_lower_bound(), n.images.bytes());
  EXPECT_GT(program.weight_bytes(), 0U);
  EXPECT_EQ(program.backend(), kernels::KernelSet::best().name);
}

TEST(Program, PacksWeightsOfFewerBitsIntoFewerBytes) {
  const auto weight_bytes = [](DataType type, int limit) {
    QuantizedNetwork network(1, ActivationTypes::unsigned_asymmetric);
    Graph& graph = network.graph();
    const Value x = network.quantized(graph.input("x", DataType::float32, {1, 256}));
    const Value codes = network.constant(random_codes(type, {64, 256}, -limit, limit - 1, network.random()));
    const Value weights = graph.add(graph::DequantizeLinear{}, {codes, network.scalar(0.01F)});
    graph.output(graph.add(graph::Gemm{.trans_b = true}, {x, weights}));
    return compile(graph, {.kernels = kernels::KernelSet::select("scalar")}).weight_bytes();
  };
  constexpr std::size_t kTerms = 64 * 8;  // a bias and a multiplier for each column
  EXPECT_EQ(weight_bytes(DataType::int8, 128), 64U * 256 + kTerms);
  EXPECT_EQ(weight_bytes(DataType::int4, 8), 64U * 128 + kTerms);
  EXPECT_EQ(weight_bytes(DataType::int2, 2), 64U * 64 + kTerms);
  EXPECT_EQ(weight_bytes(DataType::int8, 2), 64U * 64 + kTerms);  // as few as the codes need
}

}  // namespace
}  // namespace runtime
}  // namespace condense
