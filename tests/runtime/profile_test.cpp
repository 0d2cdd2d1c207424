#include "condense/runtime/profile.hpp"

#include <gtest/gtest.h>

#include "condense/graph/operators.hpp"
#include "condense/runtime/compile.hpp"
#include "support/quantized_networks.hpp"
#include "support/throws.hpp"

namespace condense::runtime {
namespace {

Tensor filled(const Shape& shape, std::uint64_t seed) {
  Random random(seed);
  return random_tensor(shape, random);
}

/// A product of 4 rows by 32 columns of 64 elements, and a Softmax that runs as reference or kernel.
graph::Graph two_steps() {
  graph::Graph graph;
  const graph::Value x = graph.input("x", DataType::float32, {4, 64});
  const graph::Value weights = graph.constant("weights", filled({64, 32}, 1));
  const graph::Value bias = graph.constant("bias", filled({32}, 2));
  const graph::Value y = graph.add(graph::Gemm{}, {x, weights, bias}, "product");
  graph.output(graph.add(graph::Softmax{}, {y}, "softmax"), "y");
  return graph;
}

TEST(Program, TellsAnObserverWhichStepComes) {
  Program program = compile(two_steps());
  const Tensor x = filled({4, 64}, 3);
  std::vector<Tensor> outputs{Tensor(DataType::float32, {4, 32})};
  std::vector<std::size_t> calls;
  program.run({&x, 1}, outputs, {}, [&](std::size_t step) { calls.push_back(step); });
  EXPECT_EQ(calls, (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(outputs, program.run({x}));
}

TEST(Program, CountsWhatStepsReadAndWrite) {
  const Program program = compile(two_steps());
  const std::vector<StepInfo> steps = program.steps();
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].bytes_read, 4U * 64 * 4);
  EXPECT_EQ(steps[0].bytes_written, 4U * 32 * 4);
  EXPECT_GE(steps[0].weight_bytes, (64U * 32 + 32) * 4);  // panels may be padded
  EXPECT_EQ(steps[1].bytes_read, 4U * 32 * 4);
  EXPECT_EQ(steps[1].bytes_written, 4U * 32 * 4);
  EXPECT_EQ(steps[1].weight_bytes, 0U);
}

TEST(Program, CountsEveryWeightOfEachStepAndOnceInAll) {
  bool any_shared = false;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {  // with residual sums, whose products are appended twice
    const Program program = compile(random_quantized_network(seed, ActivationTypes::mixed));
    std::size_t bytes = 0;
    for (const StepInfo& step : program.steps()) bytes += step.weight_bytes;
    EXPECT_GE(bytes, program.weight_bytes()) << seed;
    EXPECT_GT(program.weight_bytes(), 0U);
    any_shared = any_shared || bytes > program.weight_bytes();
  }
  EXPECT_TRUE(any_shared);  // such as the biases of zeros of two products
}

TEST(Profile, MeasuresEachStep) {
  for (const int threads : {1, 2}) {
    Program program = compile(two_steps());
    const Profile measured =
        profile(program, std::vector{filled({4, 64}, 3)}, {.rounds = 3, .warm_up = 1, .pool = ThreadPool(threads)});
    EXPECT_EQ(measured.threads, threads);
    EXPECT_EQ(measured.rounds, 3);
    EXPECT_EQ(measured.backend, program.backend());
    EXPECT_EQ(measured.multiply_accumulates(), 4 * 64 * 32);
    EXPECT_EQ(measured.weight_bytes, program.weight_bytes());
    ASSERT_EQ(measured.steps.size(), 2U);
    double sum = 0;
    double least = 0;
    for (const StepProfile& step : measured.steps) {
      EXPECT_GT(step.seconds, 0);
      EXPECT_GT(step.memory_seconds, 0);
      EXPECT_EQ(step.bytes(), step.info.bytes_read + step.info.bytes_written + step.info.weight_bytes);
      sum += step.seconds;
      least += std::max(step.memory_seconds, step.compute_seconds);
    }
    EXPECT_EQ(measured.steps[1].compute_seconds, 0);
    EXPECT_EQ(measured.steps[1].bound(), Bound::memory);
    EXPECT_DOUBLE_EQ(measured.seconds_of_steps(), sum);
    EXPECT_DOUBLE_EQ(measured.seconds_at_limit(), least);
  }
}

TEST(Profile, LeavesTheProgramAsItWas) {
  Program program = compile(two_steps());
  const Tensor x = filled({4, 64}, 3);
  const std::vector<Tensor> before = program.run({x});
  profile(program, {&x, 1}, {.rounds = 1, .pool = {}});
  EXPECT_EQ(program.run({x}), before);
}

TEST(StepProfile, IsBoundByTheLargerOfTheTwoLimits) {
  StepProfile step{.info = {.multiply_accumulates = 500, .weight_bytes = 100, .bytes_read = 20, .bytes_written = 30},
                   .seconds = 4,
                   .compute_seconds = 1,
                   .memory_seconds = 0.5};
  EXPECT_EQ(step.bound(), Bound::compute);
  EXPECT_DOUBLE_EQ(step.fraction_of_limit(), 0.25);
  EXPECT_DOUBLE_EQ(step.operations_per_second(), 250);
  EXPECT_DOUBLE_EQ(step.bytes_per_second(), 37.5);
  step.memory_seconds = 3;
  EXPECT_EQ(step.bound(), Bound::memory);
  EXPECT_DOUBLE_EQ(step.fraction_of_limit(), 0.75);
}

TEST(Profile, RefusesWhatCannotBeMeasured) {
  Program program = compile(two_steps());
  const Tensor x = filled({4, 64}, 3);
  EXPECT_TRUE(throws<InvalidArgument>("not 0", [&] { profile(program, {&x, 1}, {.rounds = 0, .pool = {}}); }));
  EXPECT_TRUE(throws<InvalidArgument>("-1", [&] { latencies(program, {&x, 1}, {.warm_up = -1, .pool = {}}); }));
  const Tensor narrow = filled({4, 63}, 3);
  EXPECT_TRUE(throws<InvalidArgument>("(4 x 63)", [&] { latencies(program, {&narrow, 1}); }));
}

TEST(Latencies, AreAsManyAsRounds) {
  Program program = compile(two_steps());
  const Tensor x = filled({4, 64}, 3);
  const std::vector<double> seconds = latencies(program, {&x, 1}, {.rounds = 7, .pool = {}});
  ASSERT_EQ(seconds.size(), 7U);
  for (const double each : seconds) EXPECT_GT(each, 0);
}

TEST(MachineLimits, GiveTheBandwidthOfTheNextSmallerSet) {
  const MachineLimits limits{.reads = {{100, 8.0}, {1000, 4.0}}};
  EXPECT_EQ(limits.bytes_per_second(0), 8);
  EXPECT_EQ(limits.bytes_per_second(100), 8);
  EXPECT_EQ(limits.bytes_per_second(999), 8);
  EXPECT_EQ(limits.bytes_per_second(1000), 4);
  EXPECT_EQ(limits.bytes_per_second(5000), 4);
  EXPECT_TRUE(throws<InvalidArgument>("no reads", [] { MachineLimits{}.bytes_per_second(1); }));
}

TEST(LimitMeter, KeepsTheFastestRound) {
  LimitMeter meter("none of its names", 100'000, ThreadPool());
  meter.measure_round();
  const MachineLimits first = meter.limits();
  EXPECT_EQ(first.reads.front().bytes, std::size_t{16} << 10);
  EXPECT_EQ(first.reads.back().bytes, std::size_t{128} << 10);  // the first that holds 100,000 bytes
  meter.measure_round();
  EXPECT_GE(meter.limits().integer_operations, first.integer_operations);
  EXPECT_GE(meter.limits().float_operations, first.float_operations);
  for (std::size_t i = 0; i < first.reads.size(); ++i) {
    EXPECT_GT(first.reads[i].bytes_per_second, 0);
    EXPECT_GE(meter.limits().reads[i].bytes_per_second, first.reads[i].bytes_per_second);
  }
}

TEST(LimitMeter, KnowsNoLimitOfPortableCode) {
  LimitMeter meter("scalar", 0, ThreadPool());
  meter.measure_round();
  EXPECT_EQ(meter.limits().integer_operations, 0);
  EXPECT_EQ(meter.limits().float_operations, 0);
}

}  // namespace
}  // namespace condense::runtime
