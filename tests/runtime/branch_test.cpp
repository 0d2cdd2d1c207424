#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "condense/runtime/profile.hpp"
#include "condense/runtime/program_file.hpp"
#include "support/branch_networks.hpp"
#include "support/temporary_folder.hpp"
#include "support/throws.hpp"

namespace condense::runtime {
namespace {

std::vector<Tensor> inputs_of(std::uint64_t seed, unsigned conditions) {
  Random random(seed, 5);
  std::vector<Tensor> inputs{random_tensor({1, 4, 6, 6}, random)};
  for (int i = 0; i < BranchNetwork::kConditions; ++i) inputs.push_back(Tensor::scalar((conditions >> i & 1U) != 0));
  return inputs;
}

/// Chains of ten sums of 36 products of numbers about 1; the largest results are far larger than the errors of those.
void expect_near(const Tensor& actual, const Tensor& expected) {
  float largest = 1;
  for (const float value : expected.values<float>()) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < expected.values<float>().size(); ++i) {
    ASSERT_NEAR(actual.values<float>()[i], expected.values<float>()[i], 1e-4F * largest) << "element " << i;
  }
}

int count_of(const Program& program, std::string_view kernel) {
  return static_cast<int>(std::ranges::count(program.steps(), kernel, &StepInfo::kernel));
}

TEST(Branches, GiveWhatTheGraphGives) {
  int branches = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const BranchNetwork network(seed);
    Program program = compile(network.graph());
    branches += count_of(program, "branch");
    for (unsigned conditions = 0; conditions < 4; ++conditions) {
      SCOPED_TRACE(fmt::format("seed {}, conditions {}", seed, conditions));
      const std::vector<Tensor> inputs = inputs_of(seed, conditions);
      expect_near(program.run(inputs)[0], graph::evaluate(network.graph(), inputs)[0]);
    }
  }
  EXPECT_GT(branches, 200);
}

TEST(Branches, GiveTheSameBytesFromAFile) {
  const TemporaryFolder folder;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Program program = compile(BranchNetwork(seed).graph());
    save_program(program, folder / "program");
    Program loaded = load_program(folder / "program");
    EXPECT_EQ(loaded.arena_bytes(), program.arena_bytes());
    for (unsigned conditions = 0; conditions < 4; ++conditions) {
      const std::vector<Tensor> inputs = inputs_of(seed, conditions);
      EXPECT_EQ(loaded.run(inputs), program.run(inputs)) << seed;
    }
  }
}

/// Two products of x (1, 64) behind a condition each, one in the other: y = c ? (d ? x A : x B) : x.
graph::Graph nested() {
  Random random(3);
  const auto product = [&](graph::Graph& g, graph::Value x) {
    return g.add(graph::MatMul{}, {x, g.constant("weights", random_tensor({64, 64}, random))});
  };
  const auto body = [](auto&& build) {
    graph::Graph g;
    const graph::Value x = g.input("x", DataType::float32, {kDynamic, 64});
    const graph::Value d = g.input("d", DataType::boolean, {});
    g.output(build(g, x, d));
    return std::make_shared<const graph::Graph>(std::move(g));
  };
  const auto a = body([&](graph::Graph& g, graph::Value x, graph::Value) { return product(g, x); });
  const auto b = body([&](graph::Graph& g, graph::Value x, graph::Value) { return product(g, x); });
  const auto inner = body([&](graph::Graph& g, graph::Value x, graph::Value d) {
    return g.add(graph::If{a, b}, {d, x, d, x, d}, "inner");
  });
  const auto none = body([&](graph::Graph&, graph::Value x, graph::Value) { return x; });
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float32, {kDynamic, 64});
  const graph::Value c = g.input("c", DataType::boolean, {});
  const graph::Value d = g.input("d", DataType::boolean, {});
  g.output(g.add(graph::If{inner, none}, {c, x, d, x, d}, "outer"), "y");
  return g;
}

std::vector<Tensor> inputs_of_nested(bool c, bool d) {
  Random random(4);
  return {random_tensor({1, 64}, random), Tensor::scalar(c), Tensor::scalar(d)};
}

TEST(Branches, LeaveStepsOut) {
  Program program = compile(nested());
  const std::vector<StepInfo> steps = program.steps();
  EXPECT_EQ(std::ranges::count_if(steps, [](const StepInfo& step) { return step.multiply_accumulates > 0; }), 2);
  for (const bool c : {false, true}) {
    for (const bool d : {false, true}) {
      const std::vector<Tensor> inputs = inputs_of_nested(c, d);
      std::vector<Tensor> outputs{Tensor(DataType::float32, {1, 64})};
      std::vector<std::string> products;
      program.run(inputs, outputs, {}, [&](std::size_t i) {
        if (i < steps.size() && steps[i].multiply_accumulates > 0) products.push_back(steps[i].name);
      });
      EXPECT_EQ(products.size(), c ? 1U : 0U);
      EXPECT_EQ(outputs[0] == inputs[0], !c);
    }
  }
}

TEST(Branches, AreShownByAProfile) {
  Program program = compile(nested());
  const Profile measured = profile(program, inputs_of_nested(true, false), {.rounds = 2, .warm_up = 0});
  int products = 0;
  for (const StepProfile& step : measured.steps) {
    EXPECT_EQ(step.ran, step.seconds > 0);
    EXPECT_EQ(step.fraction_of_limit() > 0, step.ran);
    products += step.ran && step.info.multiply_accumulates > 0;
  }
  EXPECT_EQ(products, 1);
  EXPECT_LT(std::ranges::count(measured.steps, true, &StepProfile::ran), std::ssize(measured.steps));
}

TEST(Branches, AreNoneWhereTheConditionIsKnown) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float32, {kDynamic, 3});
  const graph::Value rows =
      g.add(graph::Gather{}, {g.add(graph::ShapeOf{}, {x}), g.constant("0", Tensor::scalar(Index{0}))});
  const graph::Value is_one = g.add(graph::Equal{}, {rows, g.constant("1", Tensor::scalar(Index{1}))});
  const auto body = [](const auto& op) {
    graph::Graph branch;
    const graph::Value v = branch.input("v", DataType::float32, {kDynamic, 3});
    branch.output(branch.add(op, {v}));
    return std::make_shared<const graph::Graph>(std::move(branch));
  };
  g.output(g.add(graph::If{body(graph::Relu{}), body(graph::Sigmoid{})}, {is_one, x, x}));
  for (const Index batch : {1, 2}) {
    Program program = compile(g, {.input_shapes = {{batch, 3}}});
    EXPECT_EQ(count_of(program, "branch"), 0);
    Random random(8);
    const Tensor input = random_tensor({batch, 3}, random);
    expect_near(program.run({input})[0], graph::evaluate(g, {input})[0]);
  }
}

TEST(Branches, OfDifferentShapesAreRefused) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float32, {1, 3});
  const graph::Value c = g.input("c", DataType::boolean, {});
  const auto body = [](int copies) {
    graph::Graph branch;
    const graph::Value v = branch.input("v", DataType::float32, {1, 3});
    branch.output(branch.add(graph::Concat{.axis = 0}, std::vector<graph::Value>(static_cast<std::size_t>(copies), v)));
    return std::make_shared<const graph::Graph>(std::move(branch));
  };
  g.output(g.add(graph::If{body(1), body(2)}, {c, x, x}, "growing"));
  EXPECT_TRUE(throws<Unsupported>("growing", [&] { compile(g); }));
}

}  // namespace
}  // namespace condense::runtime
