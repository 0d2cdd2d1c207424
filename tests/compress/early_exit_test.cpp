#include "condense/compress/early_exit.hpp"

#include <gtest/gtest.h>

#include "compress/gated_networks.hpp"
#include "condense/compress/dynamic_cost.hpp"
#include "condense/compress/dynamic_pruning.hpp"
#include "condense/core/timing.hpp"
#include "support/throws.hpp"

namespace condense::compress {
namespace {

graph::Graph with_two_exits() {
  graph::Graph graph = add_early_exit(residual_network(1, false), "block1.relu", {.grid = 2, .seed = 1});
  return add_early_exit(std::move(graph), "stem.relu", {.grid = 3, .seed = 2});
}

float largest_probability(const Tensor& logits) {
  const std::span<const float> x = logits.values<float>();
  const float highest = *std::ranges::max_element(x);
  float sum = 0;
  for (const float value : x) sum += std::exp(value - highest);
  return 1 / sum;
}

TEST(EarlyExit, AnswersWhereItIsSure) {
  const graph::Graph network = with_two_exits();  // outputs: the end, the later exit, the earlier one
  ASSERT_EQ(network.outputs().size(), 3U);
  EXPECT_EQ(network.name(network.outputs()[1]), "block1.relu.exit");
  std::vector<float> thresholds;
  for (const std::size_t output : {1U, 2U}) {  // of which half the images are above
    std::vector<double> certainties;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      const Tensor logits = graph::evaluate(network, {random_images(1, seed)})[output];
      certainties.push_back(static_cast<double>(largest_probability(logits)));
    }
    thresholds.push_back(static_cast<float>(median(certainties)) - 1e-4F);
  }
  const graph::Graph deployed = to_early_exit(network, thresholds);
  ASSERT_EQ(deployed.outputs().size(), 1U);
  EXPECT_EQ(deployed.name(deployed.outputs()[0]), "logits");
  runtime::Program program = runtime::compile(deployed);
  std::vector<int> taken(3, 0);
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Tensor image = random_images(1, seed);
    const std::vector<Tensor> all = graph::evaluate(network, {image});
    std::size_t answer = 0;
    if (largest_probability(all[1]) >= thresholds[0]) answer = 1;
    if (largest_probability(all[2]) >= thresholds[1]) answer = 2;  // it comes first
    ++taken[answer];
    const Tensor evaluated = graph::evaluate(deployed, {image})[0];
    const Tensor run = program.run({image})[0];
    for (std::size_t k = 0; k < 3; ++k) {
      EXPECT_FLOAT_EQ(evaluated.values<float>()[k], all[answer].values<float>()[k]);
      EXPECT_NEAR(run.values<float>()[k], all[answer].values<float>()[k], 1e-4F);
    }
  }
  for (const int count : taken) EXPECT_GT(count, 0);
}

TEST(EarlyExit, LeavesOutWhatFollows) {
  const graph::Graph network = with_two_exits();
  const Tensor images = random_images(4, 3);
  const auto work = [&](const std::vector<float>& thresholds) {
    return dynamic_cost(to_early_exit(network, thresholds), images, {.rounds = 1}).mean_multiply_accumulates;
  };
  const double stem = 36 * 6 * 4 * 9 + 9 * 6 * 3;
  const double block1 = 36 * (6 * 12 + 12 * 9 + 12 * 6) + 4 * 6 * 3;
  const double block2 = 36 * (6 * 9 + 6 * 6) + 6 * 3;
  EXPECT_EQ(work({0, 0}), stem);
  EXPECT_EQ(work({0, 2}), stem + block1);
  EXPECT_EQ(work({2, 2}), stem + block1 + block2);
}

TEST(EarlyExit, GoesWithGates) {
  const graph::Graph gated = add_channel_gates(residual_network(1, false));
  const graph::Graph deployed = to_early_exit(to_conditional(add_early_exit(gated, "block1.relu")), {0.5F});
  runtime::Program program = runtime::compile(deployed);
  const Tensor image = random_images(1, 4);
  const Tensor expected = graph::evaluate(deployed, {image})[0];
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(program.run({image})[0].values<float>()[k], expected.values<float>()[k], 1e-4F);
  }
}

TEST(JointObjective, IsTheWeightedSumOfTheLosses) {
  const graph::Graph network = with_two_exits();
  const Tensor images = random_images(3, 5);
  const Tensor labels = Tensor::of<std::int64_t>({3}, {0, 2, 1});
  const train::ForwardPass pass(network, {&images, 1}, {}, {});
  const std::vector<double> weights{1, 0.5, 0.25};
  const train::ObjectiveValue result = joint_objective(network, weights)(pass, {images, labels, {}});
  double sum = 0;
  ASSERT_EQ(result.gradients.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const train::LossValue loss = train::SoftmaxCrossEntropy{}(pass.value(network.outputs()[i]), labels);
    sum += weights[i] * loss.value;
    for (std::size_t k = 0; k < 9; ++k) {
      EXPECT_FLOAT_EQ(result.gradients[i].gradient.values<float>()[k],
                      static_cast<float>(weights[i]) * loss.gradient.values<float>()[k]);
    }
  }
  EXPECT_DOUBLE_EQ(result.value, sum);
}

TEST(EarlyExit, SaysWhatIsWrong) {
  const graph::Graph network = residual_network(1, false);
  EXPECT_TRUE(throws<InvalidArgument>("'missing'", [&] { add_early_exit(network, "missing"); }));
  EXPECT_TRUE(throws<InvalidArgument>("4 parts", [&] { add_early_exit(network, "block1.relu", {.grid = 4}); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 0", [&] { add_early_exit(network, "block1.relu", {.grid = 0}); }));
  EXPECT_TRUE(throws<InvalidArgument>("no exits", [&] { to_early_exit(network, {}); }));
  EXPECT_TRUE(throws<InvalidArgument>("2 exits, 1 thresholds", [&] { to_early_exit(with_two_exits(), {0.5F}); }));
  EXPECT_TRUE(throws<InvalidArgument>("3 outputs, 2 weights", [&] { joint_objective(with_two_exits(), {1, 1}); }));
}

}  // namespace
}  // namespace condense::compress
