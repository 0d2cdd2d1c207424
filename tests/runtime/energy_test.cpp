#include "condense/runtime/energy.hpp"

#include <gtest/gtest.h>

#include "condense/graph/operators.hpp"
#include "condense/runtime/compile.hpp"
#include "support/quantized_networks.hpp"

namespace condense::runtime {
namespace {

TEST(EnergyFigures, AreThoseOfTheSmallestMemoryThatHoldsASet) {
  const EnergyFigures figures;
  EXPECT_EQ(figures.of_byte(0), 1.25);
  EXPECT_EQ(figures.of_byte(8192), 1.25);
  EXPECT_EQ(figures.of_byte(8193), 2.5);
  EXPECT_EQ(figures.of_byte(32769), 12.5);
  EXPECT_EQ(figures.of_byte(1 << 20), 12.5);
  EXPECT_EQ(figures.of_byte((1 << 20) + 1), 162.5);
}

TEST(EnergyEstimate, IsTheSumOverSteps) {
  Random random(1);
  graph::Graph graph;
  const graph::Value x = graph.input("x", DataType::float32, {4, 64});
  const graph::Value y = graph.add(graph::Gemm{}, {x, graph.constant("weights", random_tensor({64, 32}, random))});
  graph.output(y);
  const Program program = compile(graph);
  const StepInfo step = program.steps().at(0);
  const EnergyEstimate energy = estimate_energy(program);
  EXPECT_DOUBLE_EQ(energy.arithmetic, 4 * 64 * 32 * 4.6e-12);
  EXPECT_DOUBLE_EQ(energy.weights, static_cast<double>(step.weight_bytes) * 2.5e-12);
  EXPECT_DOUBLE_EQ(energy.activations, 4 * (64 + 32) * 4 * 1.25e-12);
  EXPECT_DOUBLE_EQ(energy.joules(), energy.arithmetic + energy.weights + energy.activations);
  EXPECT_DOUBLE_EQ(energy.tera_operations_per_watt(), 2 * 4 * 64 * 32 / energy.joules() / 1e12);
}

TEST(EnergyEstimate, CountsIntegerProductsAsIntegers) {
  const Program program = compile(random_quantized_network(1, ActivationTypes::mixed));
  std::int64_t integers = 0;
  for (const StepInfo& step : program.steps()) {
    EXPECT_TRUE(step.multiply_accumulates == 0 || multiplies_integers(step)) << step.name;
    integers += step.multiply_accumulates;
  }
  const EnergyEstimate energy = estimate_energy(program, {.integer_multiply = 5, .integer_add = 2});
  EXPECT_EQ(energy.multiply_accumulates, integers);
  EXPECT_NEAR(energy.arithmetic, 7e-12 * static_cast<double>(integers), 1e-18);
}

TEST(EnergyEstimate, OfNothingIsNothing) {
  EXPECT_EQ(EnergyEstimate{}.joules(), 0);
  EXPECT_EQ(EnergyEstimate{}.tera_operations_per_watt(), 0);
}

}  // namespace
}  // namespace condense::runtime
