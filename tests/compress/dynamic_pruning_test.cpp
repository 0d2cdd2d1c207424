#include "condense/compress/dynamic_pruning.hpp"

#include <gtest/gtest.h>

#include "compress/gated_networks.hpp"
#include "condense/compress/dynamic_cost.hpp"
#include "condense/graph/statistics.hpp"
#include "condense/io/onnx.hpp"
#include "condense/train/fit.hpp"
#include "support/temporary_folder.hpp"
#include "support/throws.hpp"

namespace condense::compress {
namespace {

/// Gives the gates random weights, so that they are open for some samples; or all one bias.
void set_gates(graph::Graph& graph, std::uint64_t seed, std::optional<float> bias = {}) {
  Random random(seed, 14);
  for (const ChannelGate& gate : channel_gates(graph)) {
    for (const char* part : {".weight", ".bias"}) {
      const graph::Value value = graph.find(gate.name + part);
      Tensor tensor(DataType::float32, graph.constant(value).shape());
      for (float& x : tensor.mutable_values<float>()) x = bias ? 0 : random.normal();
      if (bias && part == std::string_view(".bias")) std::ranges::fill(tensor.mutable_values<float>(), *bias);
      graph.set_constant(value, tensor);
    }
  }
}

std::int64_t work_of(const graph::Graph& graph) {
  std::int64_t sum = 0;
  for (const graph::Node& node : graph.nodes()) sum += graph::multiply_accumulates(graph, node);
  return sum;
}

/// The deployed network gives, sample by sample, what the one with gates gives for all, evaluated and compiled.
void expect_same(const graph::Graph& gated, const graph::Graph& conditional, const Tensor& images) {
  const Tensor expected = graph::evaluate(gated, {images})[0];
  runtime::Program program = runtime::compile(conditional);
  for (Index i = 0; i < images.shape()[0]; ++i) {
    const Tensor image = train::gather(images, std::array{i});
    const Tensor evaluated = graph::evaluate(conditional, {image})[0];
    const Tensor run = program.run({image})[0];
    for (std::size_t k = 0; k < 3; ++k) {
      const float wanted = expected.values<float>()[static_cast<std::size_t>(3 * i) + k];
      EXPECT_NEAR(evaluated.values<float>()[k], wanted, 1e-4F * std::max(1.0F, std::abs(wanted)));
      EXPECT_NEAR(run.values<float>()[k], wanted, 1e-4F * std::max(1.0F, std::abs(wanted)));
    }
  }
}

TEST(ChannelGates, AreFoundInResidualBranches) {
  const graph::Graph gated = add_channel_gates(residual_network(1, true), {.groups = 2});
  const std::vector<ChannelGate> gates = channel_gates(gated);
  ASSERT_EQ(gates.size(), 2U);
  EXPECT_EQ(gates[0].layer, "block1.project");
  EXPECT_EQ(gates[1].layer, "block2.project");
  EXPECT_EQ(gates[0].multiply_accumulates, (std::vector<std::int64_t>(2, 36 * 6 * (6 + 9 + 6))));
  EXPECT_EQ(gates[1].multiply_accumulates, (std::vector<std::int64_t>(2, 36 * 3 * (9 + 6))));
}

TEST(ChannelGates, ChangeNothingWhereTheyAreOpen) {
  const graph::Graph network = residual_network(2, true);
  const Tensor images = random_images(3, 2);
  EXPECT_EQ(graph::evaluate(add_channel_gates(network), {images}), graph::evaluate(network, {images}));
}

TEST(ChannelGates, HaveTheGradientOfTheSigmoidBehindTheirRounding) {
  graph::Graph gated = add_channel_gates(residual_network(3, false), {.groups = 3});
  set_gates(gated, 3);
  const ChannelGate gate = channel_gates(gated)[0];
  const graph::Value bias = gated.find(gate.name + ".bias"), logits = gated.find(gate.name + ".logits");
  const Tensor images = random_images(4, 3);
  train::ForwardPass pass(gated, {&images, 1}, std::array{bias}, {.keep = {gate.open, logits}});
  Tensor seed(DataType::float32, {4, 3});
  for (std::size_t i = 0; i < 12; ++i) seed.mutable_values<float>()[i] = static_cast<float>(i) - 4;
  std::vector<double> expected(3, 0.0);
  for (std::size_t i = 0; i < 12; ++i) {
    const double sigmoid = 1 / (1 + std::exp(-static_cast<double>(pass.value(logits).values<float>()[i])));
    EXPECT_EQ(pass.value(gate.open).values<float>()[i], sigmoid > 0.5 ? 1.0F : 0.0F);
    expected[i % 3] += (static_cast<double>(i) - 4) * sigmoid * (1 - sigmoid);
  }
  const Tensor gradient = pass.backpropagate({{gate.open, seed}})[0];
  for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(gradient.values<float>()[k], expected[k], 1e-5) << k;
}

TEST(GateCost, IsTheSquaredDistanceOfTheWorkFromItsTarget) {
  graph::Graph gated = add_channel_gates(residual_network(4, false), {.groups = 2});
  set_gates(gated, 4);
  const std::vector<ChannelGate> gates = channel_gates(gated);
  const train::Objective none = [](const train::ForwardPass&, const train::Batch&) { return train::ObjectiveValue{}; };
  const train::Objective cost = with_gate_cost(gated, 0.25, 3, none);
  const Tensor images = random_images(5, 4);
  const Tensor labels(DataType::int64, {5});
  const train::ForwardPass pass(gated, {&images, 1}, {}, {.keep = gate_values(gated)});
  const train::ObjectiveValue result = cost(pass, {images, labels, {}});

  // Of the decisions as real numbers, with the derivative by central differences.
  std::vector<double> open;
  std::vector<double> work;
  for (const ChannelGate& gate : gates) {
    for (Index i = 0; i < 10; ++i) {
      open.push_back(static_cast<double>(pass.value(gate.open).values<float>()[static_cast<std::size_t>(i)]));
      work.push_back(static_cast<double>(gate.multiply_accumulates[static_cast<std::size_t>(i % 2)]));
    }
  }
  const auto value = [&] {
    double done = 0, all = 0;
    for (std::size_t i = 0; i < open.size(); ++i) {
      done += open[i] * work[i];
      all += work[i];
    }
    return 3 * (done / all - 0.25) * (done / all - 0.25);
  };
  EXPECT_NEAR(result.value, value(), 1e-12);
  ASSERT_EQ(result.gradients.size(), 2U);
  for (std::size_t i = 0; i < open.size(); ++i) {
    constexpr double kStep = 1e-4;
    open[i] += kStep;
    const double above = value();
    open[i] -= 2 * kStep;
    const double below = value();
    open[i] += kStep;
    EXPECT_NEAR(result.gradients[i / 10].gradient.values<float>()[i % 10], (above - below) / (2 * kStep), 1e-6) << i;
  }
}

TEST(ToConditional, GivesWhatTheGatesGive) {
  for (const Index groups : {1, 2, 3}) {
    for (const bool norm : {false, true}) {
      SCOPED_TRACE(fmt::format("{} groups, {}", groups, norm ? "normalised" : "biases"));
      graph::Graph gated = add_channel_gates(residual_network(5, norm), {.groups = groups});
      set_gates(gated, static_cast<std::uint64_t>(groups));
      expect_same(gated, to_conditional(gated), random_images(8, 5));
      graph::Graph plain = add_channel_gates(plain_network(6, norm), {.groups = groups, .layers = {"second", "third"}});
      set_gates(plain, static_cast<std::uint64_t>(groups) + 10);
      expect_same(plain, to_conditional(plain), random_images(8, 6));
    }
  }
}

TEST(ToConditional, LeavesOutTheWorkOfClosedGates) {
  graph::Graph gated = add_channel_gates(residual_network(7, true), {.groups = 2});
  std::int64_t of_groups = 0;
  for (const ChannelGate& gate : channel_gates(gated)) {
    for (const std::int64_t work : gate.multiply_accumulates) of_groups += work;
  }
  const std::int64_t all = work_of(gated);
  const Tensor images = random_images(3, 7);
  for (const float bias : {-3.0F, 3.0F}) {
    set_gates(gated, 7, bias);
    const DynamicCost cost = dynamic_cost(to_conditional(gated), images, {.rounds = 1});
    EXPECT_EQ(cost.worst_multiply_accumulates, bias > 0 ? all : all - of_groups);
    EXPECT_DOUBLE_EQ(cost.mean_multiply_accumulates, static_cast<double>(cost.worst_multiply_accumulates));
    ASSERT_EQ(cost.branches.size(), 4U);
    for (const BranchRate& branch : cost.branches) EXPECT_EQ(branch.taken, bias > 0 ? 1 : 0) << branch.name;
    EXPECT_GT(cost.mean_seconds, 0);
    EXPECT_GE(cost.worst_seconds, cost.mean_seconds);
    EXPECT_EQ(cost.outputs.shape(), (Shape{3, 3}));
  }
}

TEST(ToConditional, FindsTheGatesOfASavedGraph) {
  graph::Graph gated = add_channel_gates(residual_network(8, false), {.groups = 2});
  set_gates(gated, 8);
  const TemporaryFolder folder;
  io::OnnxModel model;
  model.graph = gated;
  io::write_onnx(folder / "gated.onnx", model);
  const graph::Graph read = io::read_onnx(folder / "gated.onnx").graph;
  EXPECT_EQ(channel_gates(read).size(), 2U);
  model.graph = to_conditional(read);
  io::write_onnx(folder / "conditional.onnx", model);
  expect_same(gated, io::read_onnx(folder / "conditional.onnx").graph, random_images(4, 8));
}

/// Images of which the mean of channel 0 says the class.
train::Dataset images_by_class(Index count) {
  train::Dataset data{random_images(count, 9), Tensor(DataType::int64, {count})};
  for (Index i = 0; i < count; ++i) {
    data.targets.mutable_data<std::int64_t>()[i] = i % 3;
    for (Index k = 0; k < 36; ++k)
      data.inputs.mutable_data<float>()[i * 144 + k] += 1.5F * static_cast<float>(i % 3 - 1);
  }
  return data;
}

TEST(GateCost, BringsTheWorkToItsTarget) {
  graph::Graph gated = add_channel_gates(residual_network(9, false), {.groups = 4});
  const train::Dataset data = images_by_class(120);
  const std::vector<ChannelGate> gates = channel_gates(gated);
  train::FitOptions options{
      .epochs = 20, .batch_size = 24, .optimizer = train::AdamW{}, .schedule = train::ConstantSchedule{1e-2}};
  options.objective = with_gate_cost(gated, 0.4, 5);
  options.keep = gate_values(gated);
  const graph::Graph trained = train::fit(gated, data, options).graph;
  const train::Objective none = [](const train::ForwardPass&, const train::Batch&) { return train::ObjectiveValue{}; };
  const double distance =
      train::score(trained, data, {.objective = with_gate_cost(gated, 0.4, 1, none), .keep = options.keep}).loss;
  EXPECT_LT(std::sqrt(distance), 0.15);  // 0.6 at first
  EXPECT_GT(train::accuracy(trained, data), 0.8);
  EXPECT_EQ(train::fit(gated, data, options).graph.constant(gated.find(gates[0].name + ".weight")),
            trained.constant(gated.find(gates[0].name + ".weight")));
}

TEST(ChannelGates, SayWhatIsWrong) {
  const graph::Graph network = residual_network(1, true);
  EXPECT_TRUE(throws<InvalidArgument>("0", [&] { add_channel_gates(network, {.groups = 0}); }));
  EXPECT_TRUE(throws<InvalidArgument>("13 groups", [&] { add_channel_gates(network, {.groups = 13}); }));
  EXPECT_TRUE(throws<InvalidArgument>("'missing'", [&] { add_channel_gates(network, {.layers = {"missing"}}); }));
  EXPECT_TRUE(throws<InvalidArgument>("'block1.depthwise' (Conv)",
                                      [&] { add_channel_gates(network, {.layers = {"block1.depthwise"}}); }));
  EXPECT_TRUE(throws<InvalidArgument>("no residual branch", [&] { add_channel_gates(plain_network(1, true)); }));
  EXPECT_TRUE(throws<InvalidArgument>("no gates", [&] { to_conditional(network); }));
  EXPECT_TRUE(throws<InvalidArgument>("no gates", [&] { with_gate_cost(network, 0.5, 1); }));
  const graph::Graph gated = add_channel_gates(network);
  EXPECT_TRUE(throws<InvalidArgument>("1.5", [&] { with_gate_cost(gated, 1.5, 1); }));
  EXPECT_TRUE(throws<InvalidArgument>("-2", [&] { with_gate_cost(gated, 0.5, -2); }));
}

}  // namespace
}  // namespace condense::compress
