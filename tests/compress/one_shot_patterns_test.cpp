#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "compress/networks.hpp"
#include "compress/smooth_batches.hpp"
#include "condense/compress/one_shot_pruning.hpp"
#include "condense/prune/keep.hpp"
#include "condense/prune/scores.hpp"
#include "support/throws.hpp"

namespace condense::compress {
namespace {

TEST(OneShotPruning, KeepsNOfMAlongTheDepthAndWholeBlocks) {
  Network network({kDynamic, 8, 4, 4});
  network.convolution("conv", 4).flatten().fully_connected("full", 6);
  const graph::Graph graph = network.finish();
  const Batches batches = smooth_batches({2, 8, 4, 4}, 1);
  for (const PruningMethod method : {PruningMethod::magnitude, PruningMethod::wanda, PruningMethod::sparse_gpt}) {
    const OneShotPruningResult groups =
        one_shot_pruning(graph, batches, {.method = method, .pattern = prune::Pattern::n_of_m(1, 4)});
    for (Index o = 0; o < 4; ++o) {
      for (Index tap = 0; tap < 9; ++tap) {
        for (Index first = 0; first < 8; first += 4) {
          Index kept = 0;
          for (Index c = first; c < first + 4; ++c) kept += groups.masks[0].mask.keeps((o * 8 + c) * 9 + tap) ? 1 : 0;
          EXPECT_EQ(kept, 1);
        }
      }
    }
    EXPECT_EQ(groups.layers[1].sparsity, 0.75);
  }
  const OneShotPruningResult blocks = one_shot_pruning(
      graph, {}, {.method = PruningMethod::magnitude, .pattern = prune::Pattern::blocks(2, 8), .sparsity = 0.5});
  const prune::Mask& mask = blocks.masks[0].mask;  // blocks: two outputs, all channels of a tap
  EXPECT_EQ(mask.kept(), 9 * 16);
  for (Index i = 0; i < mask.count(); ++i) EXPECT_EQ(mask.keeps(i), mask.keeps(i / 144 * 144 + i % 9));
}

TEST(OneShotPruning, GloballyHasOneThreshold) {
  const graph::Graph network = plain_network();
  OneShotPruningConfig config{.method = PruningMethod::magnitude, .pattern = prune::Pattern::global(), .sparsity = 0.8};
  config.layers.sparsities = {{"hidden", 0.1}};
  const OneShotPruningResult result = one_shot_pruning(network, {}, config);
  float largest_gone = 0, smallest_kept = std::numeric_limits<float>::infinity();
  Index kept = 0, all = 0;
  for (std::size_t i = 0; i < result.masks.size(); ++i) {
    const auto& [value, mask] = result.masks[i];
    if (result.layers[i].name == "hidden") {
      EXPECT_EQ(mask.kept(), prune::kept_count(mask.count(), 0.1));
      continue;
    }
    kept += mask.kept();
    all += mask.count();
    for (Index k = 0; k < mask.count(); ++k) {
      const float w = std::abs(network.constant(value).data<float>()[k]);
      (mask.keeps(k) ? smallest_kept : largest_gone) =
          mask.keeps(k) ? std::min(smallest_kept, w) : std::max(largest_gone, w);
    }
  }
  EXPECT_EQ(kept, prune::kept_count(all, 0.8));
  EXPECT_LE(largest_gone, smallest_kept);
}

TEST(OneShotPruning, LeavesAloneWhatIsSomethingElseToAnotherNode) {
  Network network({kDynamic, 6, 6});
  const graph::Value shared = network.constant("shared", prune::random_scores({6, 6}, 1));
  network.apply(graph::MatMul{}, {network.value(), shared}, "a").apply(graph::MatMul{}, {network.value(), shared}, "b");
  const graph::Value tied = network.constant("tied", prune::random_scores({6, 6}, 2));
  network.apply(graph::MatMul{}, {network.value(), tied}, "c").apply(graph::Add{}, {network.value(), tied}, "sum");
  const graph::Graph graph = network.finish();
  const OneShotPruningResult result = one_shot_pruning(graph, smooth_batches({2, 6, 6}, 1));
  ASSERT_EQ(result.layers.size(), 1);
  EXPECT_EQ(result.layers[0].name, "a");  // once, for both of its readers
  EXPECT_EQ(result.masks[0].mask.kept(), 18);
  ASSERT_EQ(result.skipped.size(), 1);
  EXPECT_EQ(result.skipped[0].name, "c");
  EXPECT_NE(result.skipped[0].reason.find("'sum'"), std::string::npos);
}

TEST(OneShotPruning, TellsItsProgressAndDoesNotDependOnThreads) {
  const graph::Graph network = residual_network();
  const Batches batches = smooth_batches({2, 3, 8, 8}, 2);
  std::vector<std::string> seen;
  OneShotPruningConfig config;
  config.layers.depthwise = true;
  config.progress = [&](const ProgressReport& report) {
    EXPECT_EQ(report.total, 4);
    seen.emplace_back(report.detail);
  };
  const OneShotPruningResult result = one_shot_pruning(network, batches, config);
  EXPECT_EQ(seen, (std::vector<std::string>{"stem", "dw", "pw", "classifier"}));
  config.progress = {};
  config.pool = ThreadPool(3);
  const OneShotPruningResult again = one_shot_pruning(network, batches, config);
  for (const WeightMask& mask : result.masks) {
    EXPECT_EQ(result.graph.constant(mask.value), again.graph.constant(mask.value));
  }
}

TEST(OneShotPruning, RefusesWhatItCannotDo) {
  const graph::Graph network = plain_network();
  const Batches batches = smooth_batches({1, 3, 8, 8}, 1);
  const auto prune = [&](const OneShotPruningConfig& config) { one_shot_pruning(network, batches, config); };
  EXPECT_TRUE(throws<InvalidArgument>("0 batches", [&] { one_shot_pruning(network, {}); }));
  EXPECT_TRUE(throws<InvalidArgument>(
      "biases", [&] { one_shot_pruning(network, {}, {.method = PruningMethod::magnitude, .correct_bias = true}); }));
  EXPECT_TRUE(throws<InvalidArgument>("[0, 1), not 1", [&] { prune({.sparsity = 1}); }));
  EXPECT_TRUE(throws<InvalidArgument>("not -0.5", [&] { prune({.sparsity = -0.5}); }));
  EXPECT_TRUE(throws<InvalidArgument>("5 of 4", [&] { prune({.pattern = prune::Pattern::n_of_m(5, 4)}); }));
  EXPECT_TRUE(throws<InvalidArgument>("global", [&] { prune({.pattern = prune::Pattern::global()}); }));
  EXPECT_TRUE(throws<InvalidArgument>("blocks of 2 x 2", [&] { prune({.pattern = prune::Pattern::blocks(2, 2)}); }));
  EXPECT_TRUE(throws<InvalidArgument>("no layer 'steam' to prune; the graph has stem, body, hidden, classifier",
                                      [&] { prune({.layers = {.protected_layers = {"steam"}}}); }));
  EXPECT_TRUE(throws<InvalidArgument>("'stem' is 1.5", [&] { prune({.layers = {.sparsities = {{"stem", 1.5}}}}); }));
  const std::vector<std::string> all{"stem", "body", "hidden", "classifier"};
  EXPECT_TRUE(
      throws<InvalidArgument>("'body': it is protected", [&] { prune({.layers = {.protected_layers = all}}); }));
  const Batches wrong{{batches[0][0]}, {Tensor(DataType::float32, {1, 3, 8})}};
  EXPECT_TRUE(throws<InvalidArgument>("batch 1", [&] { one_shot_pruning(network, wrong); }));
  Batches infinite = batches;
  infinite[0][0].mutable_data<float>()[3] = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(throws<InvalidArgument>("layer 'stem', batch 0", [&] { one_shot_pruning(network, infinite); }));
  graph::Graph broken = network;
  Tensor weights = network.constant(network.find("body.weight"));
  weights.mutable_data<float>()[7] = std::numeric_limits<float>::quiet_NaN();
  broken.set_constant(network.find("body.weight"), weights);
  EXPECT_TRUE(throws<InvalidArgument>("'body': element 7 is nan", [&] { one_shot_pruning(broken, batches); }));
}

}  // namespace
}  // namespace condense::compress
