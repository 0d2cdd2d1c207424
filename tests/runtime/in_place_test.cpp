#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "condense/runtime/detail/finish_plan.hpp"
#include "condense/runtime/detail/steps.hpp"
#include "support/backends.hpp"
#include "support/program_networks.hpp"

// Elementwise steps write over what they read for the last time.

namespace condense::runtime {
namespace {

/// Where the buffers of a step lie in the arena.
std::size_t offset_of(const Program& program, int buffer) {
  return program.plan().arena.offsets[static_cast<std::size_t>(buffer)];
}

const detail::Step& step_of(const Program& program, std::string_view operation) {
  for (const detail::Step& step : program.plan().steps) {
    if (step.info.operation.starts_with(operation)) return step;
  }
  throw InvalidArgument(fmt::format("there is no step {}", operation));
}

constexpr std::size_t kBytes = 2 * 4096 * sizeof(float);

TEST(InPlace, AFunctionOfFloatsTakesTheMemoryOfItsInput) {
  FloatNetwork n(1);
  graph::Value x = n.input({2, 4096});
  for (int i = 0; i < 3; ++i) x = n.add(graph::Exp{}, {n.add(graph::Sigmoid{}, {x})});
  const Program program = compile(n.finished(x));
  EXPECT_EQ(program.arena_bytes(), kBytes);
  EXPECT_EQ(program.arena_lower_bound(), kBytes);
}

TEST(InPlace, WhatIsReadLaterIsKept) {
  FloatNetwork n(1);
  const graph::Value x = n.input({2, 4096});
  const graph::Value y = n.add(graph::Exp{}, {x});
  Program program = compile(n.finished(n.add(graph::Mul{}, {y, x})));
  EXPECT_EQ(program.arena_bytes(), 2 * kBytes);
  const Tensor input = random_inputs(program, 1)[0];
  const Tensor output = program.run({input})[0];
  for (Index i = 0; i < input.count(); ++i) {
    const float value = input.data<float>()[i];
    ASSERT_NEAR(output.data<float>()[i], std::exp(value) * value, 1e-4F);
  }
}

TEST(InPlace, OutputsOfTheProgramAreKept) {
  FloatNetwork n(1);
  const graph::Value x = n.add(graph::Exp{}, {n.input({2, 4096})});
  n.graph().output(x);
  const Program program = compile(n.finished(n.add(graph::Sigmoid{}, {x})));
  EXPECT_EQ(program.arena_bytes(), 2 * kBytes);
}

TEST(InPlace, ASquareTakesTheMemoryOfItsFactor) {
  FloatNetwork n(1);
  const graph::Value x = n.input({2, 4096});
  const graph::Value y = n.add(graph::Exp{}, {x});
  EXPECT_EQ(compile(n.finished(n.add(graph::Mul{}, {y, y}))).arena_bytes(), kBytes);
}

TEST(InPlace, AnOperandThatIsRepeatedIsNotWrittenOver) {
  FloatNetwork n(1);
  const graph::Value x = n.input({64, 1});
  const graph::Value y = n.add(graph::Exp{}, {n.add(graph::Sigmoid{}, {x})});
  const Program program = compile(n.finished(n.add(graph::Mul{}, {y, n.floats({1, 64})})));
  const detail::Step& step = step_of(program, "Mul");
  EXPECT_NE(offset_of(program, step.writes[0]), offset_of(program, step.reads[0]));
  EXPECT_EQ(program.arena_lower_bound(), 64U * 4U + 64U * 64U * 4U);
}

detail::Step map_step(int from, int to, Index count) {
  return detail::make_step({}, detail::FloatMapStep{.input = {from}, .output = {to}, .count = count});
}

TEST(InPlace, ALargerResultHasMemoryOfItsOwn) {
  detail::Plan plan{};
  plan.kernels = kernels::KernelSet::select("scalar");
  plan.buffers = {{64}, {128}, {64}, {64}};
  plan.inputs = {{"x", {DataType::float32, {16}}, 0}};
  for (const int i : {0, 1, 2}) plan.steps.push_back(map_step(i, i + 1, 16));
  plan.outputs = {{"y", {DataType::float32, {16}}, 3}};
  const std::vector<int> memory = detail::take_over(plan, detail::lifetimes(plan));
  EXPECT_EQ(memory, (std::vector<int>{0, 1, 1, 1}));
  detail::finish(plan);
  EXPECT_EQ(plan.arena.lower_bound, 192U);
  EXPECT_EQ(plan.arena.bytes, 192U);
  EXPECT_EQ(plan.arena.offsets[1], plan.arena.offsets[3]);
}

TEST(InPlace, OffsetsThatLetOtherBuffersOverlapAreRefused) {
  detail::Plan plan{};
  plan.kernels = kernels::KernelSet::select("scalar");
  plan.buffers = {{64}, {64}, {64}};
  plan.inputs = {{"x", {DataType::float32, {16}}, 0}};
  plan.steps = {map_step(0, 1, 16), map_step(0, 2, 16)};
  plan.outputs = {{"y", {DataType::float32, {16}}, 1}, {"z", {DataType::float32, {16}}, 2}};
  detail::Plan other = plan;
  EXPECT_FALSE(detail::finish(other, std::vector<std::size_t>{0, 0, 64}));
  other = plan;
  EXPECT_TRUE(detail::finish(other, std::vector<std::size_t>{0, 64, 0}));  // the second step reads x for the last time
}

class InPlaceKernels : public BackendTest<kernels::Elementwise> {};
CONDENSE_TEST_ALL_BACKENDS(InPlaceKernels);

TEST_P(InPlaceKernels, OfCodesMayWriteOverEitherOperand) {
  Random random(1);
  for (Index count = 0; count < 200; ++count) {
    const Tensor a = random_codes(DataType::uint8, {count}, 0, 255, random);
    const Tensor b = random_codes(DataType::uint8, {count}, 0, 255, random);
    Tensor separate(DataType::uint8, {count});
    for (const bool over_a : {true, false}) {
      for (const bool adds : {true, false}) {
        Tensor written = over_a ? a : b;
        const auto run = [&](const void* left, const void* right, void* output) {
          const kernels::CodeOutput to{output, kernels::ElementType::uint8, 3, 0, 255};
          const kernels::Codes from_a{left, kernels::ElementType::uint8, 128};
          const kernels::Codes from_b{right, kernels::ElementType::uint8, 100};
          if (adds) return kernels().elementwise.add({from_a, from_b, 0.5F, 0.25F, to, count});
          kernels().elementwise.multiply({from_a, from_b, 0.01F, to, count});
        };
        run(a.raw(), b.raw(), separate.mutable_raw());
        std::byte* memory = written.mutable_raw();
        run(over_a ? memory : a.raw(), over_a ? b.raw() : memory, memory);
        ASSERT_TRUE(written == separate) << count;
      }
    }
    const Tensor table = random_codes(DataType::uint8, {256}, 0, 255, random);
    Tensor written = a;
    kernels().elementwise.lookup(a.data<std::uint8_t>(), table.data<std::uint8_t>(), count,
                                 separate.mutable_values<std::uint8_t>().data());
    std::uint8_t* memory = written.mutable_values<std::uint8_t>().data();
    kernels().elementwise.lookup(memory, table.data<std::uint8_t>(), count, memory);
    ASSERT_TRUE(written == separate) << count;
  }
}

}  // namespace
}  // namespace condense::runtime
