#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "support/allocations.hpp"
#include "support/program_networks.hpp"
#include "support/throws.hpp"

namespace condense::runtime {
namespace {

Program program_for(const graph::Graph& graph, Index batch) {
  return compile(graph, {.input_shapes = {graph.declared_shape(graph.inputs()[0]).with(0, batch)}});
}

TEST(SharedArena, GivesTheSameResultsOneProgramAfterTheOther) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const graph::Graph graph = random_quantized_network(seed, ActivationTypes::mixed);
    Program large = program_for(graph, 8);
    Program small = program_for(graph, 1);
    Program shared = small.in_arena_of(large);
    for (std::uint64_t i = 0; i < 3; ++i) {
      const std::vector<Tensor> one = random_inputs(small, i);
      const std::vector<Tensor> eight = random_inputs(large, i);
      const std::vector<Tensor> expected = program_for(graph, 8).run(eight);
      EXPECT_TRUE(shared.run(one) == small.run(one));
      EXPECT_TRUE(large.run(eight) == expected);
    }
  }
}

TEST(SharedArena, TakesNoMemoryAndOutlivesTheOtherProgram) {
  FloatNetwork n(1);
  const graph::Value x = n.input({kDynamic, 1024});
  const graph::Graph graph = n.finished(n.add(graph::CumSum{}, {x, n.constant(Tensor::scalar(std::int32_t{1}))}));
  std::optional<Program> large = program_for(graph, 64);
  Program small = program_for(graph, 32);
  ASSERT_GE(small.arena_bytes(), 2U * 32U * 4096U);
  const std::size_t before = allocated_bytes_so_far();
  Program shared = small.in_arena_of(*large);
  EXPECT_LT(allocated_bytes_so_far() - before, 4096U);
  large.reset();
  const std::vector<Tensor> inputs = random_inputs(small, 1);
  EXPECT_TRUE(shared.run(inputs) == small.run(inputs));
}

TEST(SharedArena, MustBeLargeEnough) {
  const graph::Graph graph = random_quantized_network(1, ActivationTypes::mixed);
  const Program large = program_for(graph, 8);
  const Program small = program_for(graph, 1);
  EXPECT_TRUE(throws<InvalidArgument>(
      fmt::format("an arena of {} bytes, the one given has {}", large.arena_bytes(), small.arena_bytes()),
      [&] { large.in_arena_of(small); }));
}

}  // namespace
}  // namespace condense::runtime
