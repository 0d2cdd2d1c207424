#include "condense/compress/gradual_pruning.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "condense/prune/keep.hpp"
#include "condense/prune/movement.hpp"
#include "condense/prune/scores.hpp"
#include "support/throws.hpp"
#include "train/tiny_task.hpp"

namespace condense::compress {
namespace {

using train::testing::bars;
using train::testing::same_constants;
using train::testing::small_network;

/// 4 steps an epoch.
train::FitOptions options(Index epochs) { return {.epochs = epochs, .batch_size = 32, .seed = 3}; }

GradualPruningConfig config(TrainedCriterion criterion, prune::Pattern pattern = prune::Pattern::unstructured()) {
  return {.criterion = criterion,
          .pattern = pattern,
          .schedule = prune::CubicSparsity{.target = 0.8},
          .begin = 2,
          .end = 12,
          .period = 3};
}

constexpr TrainedCriterion kCriteria[] = {TrainedCriterion::magnitude, TrainedCriterion::movement,
                                          TrainedCriterion::taylor};

TEST(GradualPruning, FollowsItsScheduleAndHoldsTheMasks) {
  const train::Dataset data = bars(128, 1);
  for (const TrainedCriterion criterion : kCriteria) {
    const graph::Graph network = small_network(1);
    const GradualPruning pruning(network, config(criterion));
    train::FitOptions watched = options(5);
    std::vector<double> sparsities;
    watched = pruning.hold(std::move(watched));
    watched.after_step = [&, before = watched.after_step](graph::Graph& graph) {
      before(graph);
      sparsities.push_back(sparsity(pruning.masks()));
      for (const auto& [value, mask] : pruning.masks()) {
        EXPECT_EQ(prune::Mask::of_nonzero(graph.constant(value)) - mask, prune::Mask(mask.shape(), false));
      }
    };
    const graph::Graph trained = train::fit(network, data, watched).graph;
    ASSERT_EQ(sparsities.size(), 20);
    const prune::CubicSparsity schedule{.target = 0.8};
    for (Index step = 1; step <= 20; ++step) {
      const Index made = step < 2 ? 2 : step >= 12 ? 12 : 2 + (step - 2) / 3 * 3;  // 2, 5, 8, 11, 12
      // two layers of 54 and 216 weights: to the nearest of each
      EXPECT_NEAR(sparsities[static_cast<std::size_t>(step - 1)], schedule({.step = made - 2, .total = 10}), 1.0 / 270);
    }
    ASSERT_EQ(pruning.masks().size(), 2);
    EXPECT_EQ(pruning.skipped().size(), 1);
    EXPECT_EQ(pruning.skipped()[0].reason, "it is depthwise");
    EXPECT_EQ(pruning.masks()[0].mask.kept(), prune::kept_count(54, 0.8));
    EXPECT_EQ(pruning.masks()[1].mask.kept(), prune::kept_count(216, 0.8));
  }
}

TEST(GradualPruning, ContinuesFromItsStateToTheSameBytes) {
  const train::Dataset data = bars(128, 1);
  for (const TrainedCriterion criterion : kCriteria) {
    const graph::Graph network = small_network(1);
    const GradualPruning whole(network, config(criterion));
    const train::FitResult expected = train::fit(network, data, whole.hold(options(4)));

    const GradualPruning first(network, config(criterion));
    train::FitOptions interrupted = first.hold(options(4));
    train::FitState kept{network};
    GradualPruningState kept_state;
    interrupted.after_epoch = [&](const train::FitState& state) {
      kept = state;
      kept_state = first.state();
      if (state.history.size() == 2) throw Error("killed");
    };
    EXPECT_THROW(train::fit(network, data, interrupted), Error);
    EXPECT_EQ(kept_state.step, 8);
    const GradualPruning second(network, config(criterion), kept_state);
    const train::FitResult resumed = train::resume(kept, data, second.hold(options(4)));
    EXPECT_TRUE(same_constants(resumed.graph, expected.graph));
    EXPECT_EQ(sparsity(second.masks()), sparsity(whole.masks()));
  }
}

TEST(GradualPruning, PrunesInPatternsAndOverAllLayers) {
  const train::Dataset data = bars(128, 1);
  const graph::Graph network = small_network(1);
  GradualPruningConfig groups = config(TrainedCriterion::magnitude, prune::Pattern::n_of_m(1, 4));
  groups.layers.protected_layers = {"conv"};
  const GradualPruning grouped(network, groups);
  const graph::Graph pruned = train::fit(network, data, grouped.hold(options(4))).graph;
  ASSERT_EQ(grouped.masks().size(), 1);
  const Tensor weights = pruned.constant(grouped.masks()[0].value);  // (4 x 54)
  EXPECT_EQ(prune::keep_n_of_m(prune::magnitude_scores(weights), 1, 4), prune::Mask::of_nonzero(weights));

  const GradualPruning global(network, config(TrainedCriterion::magnitude, prune::Pattern::global()));
  const graph::Graph together = train::fit(network, data, global.hold(options(4))).graph;
  Index kept = 0;
  for (const WeightMask& mask : global.masks()) kept += mask.mask.kept();
  EXPECT_EQ(kept, prune::kept_count(270, 0.8));
  EXPECT_NE(global.masks()[0].mask.kept(), prune::kept_count(54, 0.8));
}

TEST(GradualPruning, ScalesTheCourseToALayersOwnSparsity) {
  GradualPruningConfig own = config(TrainedCriterion::magnitude);
  own.layers.sparsities = {{"gemm", 0.4}};
  const graph::Graph network = small_network(1);
  const GradualPruning pruning(network, own);
  train::fit(network, bars(128, 1), pruning.hold(options(3)));
  EXPECT_EQ(pruning.masks()[0].mask.kept(), prune::kept_count(54, 0.8));
  EXPECT_EQ(pruning.masks()[1].mask.kept(), prune::kept_count(216, 0.4));
}

TEST(GradualPruning, WithMovementBringsWeightsBackAsTheyWere) {
  // One step prunes all but one weight by its first movement; then the schedule lets all of them return.
  const graph::Graph network = small_network(1);
  GradualPruningConfig back = config(TrainedCriterion::movement);
  back.schedule = [](const prune::SparsityPoint& point) { return point.step == 0 ? 0.99 : 0.0; };
  back.begin = 1;
  back.end = 2;
  back.period = 1;
  const GradualPruning pruning(network, back);
  std::vector<graph::Graph> graphs;
  train::FitOptions watched = options(1);
  watched.schedule = train::ConstantSchedule{0.01};
  watched.optimizer = train::Sgd{.momentum = 0};
  watched = pruning.hold(std::move(watched));
  watched.after_step = [&, before = watched.after_step](graph::Graph& graph) {
    graphs.push_back(graph);  // with the optimiser's step
    before(graph);
    graphs.push_back(graph);
  };
  train::fit(network, bars(128, 1), watched);
  const graph::Value value = pruning.masks()[1].value;
  EXPECT_EQ(prune::Mask::of_nonzero(graphs[1].constant(value)).kept(), prune::kept_count(216, 0.99));
  const Tensor before = graphs[0].constant(value);
  const Tensor after = graphs[3].constant(value);
  const prune::Mask stayed = prune::Mask::of_nonzero(graphs[1].constant(value));
  for (Index i = 0; i < before.count(); ++i) {
    if (stayed.keeps(i)) continue;
    EXPECT_EQ(after.data<float>()[i], before.data<float>()[i]);
  }
}

TEST(GradualPruning, MovementScoresAreTheSumOfGradientsTimesWeights) {
  const graph::Graph network = small_network(1);
  GradualPruningConfig late = config(TrainedCriterion::movement);
  late.begin = late.end = 100;
  const GradualPruning pruning(network, late);
  const graph::Value value = pruning.masks()[1].value;
  prune::MovementScores expected(network.constant(value).shape());
  Tensor weights = network.constant(value);
  train::FitOptions watched = options(2);
  watched.after_backward = [&](std::span<const graph::Value> parameters, std::span<Tensor> gradients) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i] == value) expected.observe(weights, gradients[i]);
    }
  };
  watched.after_step = [&](graph::Graph& graph) { weights = graph.constant(value); };
  train::fit(network, bars(128, 1), pruning.hold(std::move(watched)));
  const Tensor scores = pruning.state().scores[1];
  for (Index i = 0; i < scores.count(); ++i) {
    EXPECT_NEAR(scores.data<float>()[i], expected.scores().data<float>()[i], 1e-6);  // fused or not
  }
  EXPECT_EQ(sparsity(pruning.masks()), 0);
}

TEST(GradualPruning, RefusesConfigurationsAndStatesThatDoNotFit) {
  const graph::Graph network = small_network(1);
  const auto make = [&](auto&& change) {
    GradualPruningConfig changed = config(TrainedCriterion::movement);
    change(changed);
    GradualPruning(network, changed);
  };
  EXPECT_TRUE(throws<InvalidArgument>("from 0", [&] { make([](auto& c) { c.begin = 0; }); }));
  EXPECT_TRUE(throws<InvalidArgument>("to 1", [&] { make([](auto& c) { c.end = 1; }); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 0", [&] { make([](auto& c) { c.period = 0; }); }));
  EXPECT_TRUE(throws<InvalidArgument>("empty", [&] { make([](auto& c) { c.schedule = {}; }); }));
  EXPECT_TRUE(throws<InvalidArgument>("1.5", [&] {
    make([](auto& c) { c.schedule = prune::CubicSparsity{0, 1.5}; });
  }));
  EXPECT_TRUE(throws<InvalidArgument>("'stem'", [&] { make([](auto& c) { c.layers.protected_layers = {"stem"}; }); }));
  EXPECT_TRUE(throws<InvalidArgument>("(Relu) has no weights",
                                      [&] { make([](auto& c) { c.layers.protected_layers = {"relu"}; }); }));
  GradualPruningState state = GradualPruning(network, config(TrainedCriterion::magnitude)).state();
  state.step = 1;
  EXPECT_TRUE(
      throws<InvalidArgument>("0 scores", [&] { GradualPruning(network, config(TrainedCriterion::movement), state); }));
  state.masks[0].mask = prune::Mask(Shape{3});
  EXPECT_TRUE(
      throws<InvalidArgument>("(3)", [&] { GradualPruning(network, config(TrainedCriterion::magnitude), state); }));
  train::FitOptions only = GradualPruning(network, config(TrainedCriterion::movement)).hold(options(1));
  only.parameters = {network.find("fc.bias")};
  EXPECT_TRUE(throws<InvalidArgument>("not trained", [&] { train::fit(network, bars(32, 1), only); }));
}

}  // namespace
}  // namespace condense::compress
