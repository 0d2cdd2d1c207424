#include "condense/compress/weight_masks.hpp"

#include <gtest/gtest.h>

#include "condense/prune/keep.hpp"
#include "condense/prune/scores.hpp"
#include "support/throws.hpp"
#include "train/tiny_task.hpp"

namespace condense::compress {
namespace {

using train::testing::bars;
using train::testing::small_network;

WeightMasks random_masks(const graph::Graph& graph) {
  WeightMasks masks;
  for (const char* name : {"stem.weight", "fc.weight"}) {
    const graph::Value value = graph.find(name);
    masks.push_back({value, prune::keep_highest(prune::random_scores(graph.constant(value).shape(), 1), 0.75)});
  }
  return masks;
}

TEST(WeightMasks, AreAppliedToTheirConstantsAndNoOthers) {
  const graph::Graph network = small_network(1);
  const WeightMasks masks = random_masks(network);
  graph::Graph pruned = network;
  apply_masks(masks, pruned);
  for (const auto& [value, mask] : masks) {
    for (Index i = 0; i < mask.count(); ++i) {
      EXPECT_EQ(pruned.constant(value).data<float>()[i], mask.keeps(i) ? network.constant(value).data<float>()[i] : 0);
    }
  }
  const graph::Value other = network.find("depth.weight");
  EXPECT_EQ(pruned.constant(other), network.constant(other));
  const std::vector<graph::Value> values{masks[0].value, masks[1].value};
  const WeightMasks found = masks_of_nonzero(pruned, values);
  EXPECT_EQ(found[0].mask, masks[0].mask);
  EXPECT_EQ(found[1].mask, masks[1].mask);
}

TEST(WeightMasks, HaveTheSparsityOfAllOfThem) {
  const WeightMasks masks{{{0}, prune::Mask(Shape{3})}, {{1}, prune::Mask(Shape{9}, false)}};
  EXPECT_EQ(sparsity(masks), 0.75);
  EXPECT_EQ(sparsity({}), 0);
}

TEST(WeightMasks, HoldThroughMomentumAndWeightDecay) {
  graph::Graph network = small_network(1);
  const WeightMasks masks = random_masks(network);
  for (const train::Optimizer& optimizer :
       {train::Optimizer(train::Sgd{.weight_decay = 0.1, .nesterov = true}), train::Optimizer(train::AdamW{})}) {
    int called = 0;
    train::FitOptions options{.epochs = 2, .batch_size = 32, .optimizer = optimizer};
    options.after_backward = [&](auto, std::span<Tensor> gradients) {
      ++called;
      for (float& slope : gradients[0].mutable_values<float>()) slope += 1;  // whatever else is done to gradients
    };
    options.after_step = [&](graph::Graph&) { ++called; };
    const graph::Graph trained = train::fit(network, bars(64, 1), hold_masks(masks, options)).graph;
    EXPECT_EQ(called, 8);
    for (const auto& [value, mask] : masks) {
      EXPECT_EQ(prune::Mask::of_nonzero(trained.constant(value)) - mask, prune::Mask(mask.shape(), false));
      EXPECT_EQ(prune::Mask::of_nonzero(trained.constant(value)).kept(), mask.kept());
    }
  }
}

TEST(WeightMasks, SayWhereTheyDoNotFit) {
  graph::Graph network = small_network(1);
  const WeightMasks wrong{{network.find("fc.weight"), prune::Mask(Shape{2})}};
  EXPECT_TRUE(throws<InvalidArgument>("'fc.weight'", [&] { apply_masks(wrong, network); }));
}

}  // namespace
}  // namespace condense::compress
