#include "condense/compress/recipe.hpp"

#include <gtest/gtest.h>

#include "condense/train/gradients.hpp"
#include "support/file_bytes.hpp"
#include "support/temporary_folder.hpp"
#include "support/throws.hpp"
#include "train/tiny_task.hpp"

namespace condense::compress {
namespace {

using train::testing::bars;
using train::testing::small_network;

Recipe short_recipe(const graph::Graph& network) {
  DefaultRecipeOptions options{.smaller = 6, .round_to = 1, .round_epochs = 1, .epochs = 2};
  options.training.batch_size = 20;
  return default_recipe(network, options);
}

TEST(DefaultRecipe, PrunesTrainsAndQuantizesWithinItsBudget) {
  const graph::Graph network = small_network(1);
  const RecipeResult result =
      run_recipe(network, bars(80, 1), short_recipe(network), {.test = bars(40, 2), .timed_runs = 3});
  ASSERT_EQ(result.rows.size(), 4U);
  EXPECT_EQ(result.rows[0].step, "original");
  EXPECT_EQ(result.rows[3].step, "quantisation");
  const Footprint& first = result.rows[0].footprint;
  const Footprint& pruned = result.rows[1].footprint;
  EXPECT_LT(pruned.multiply_accumulates, first.multiply_accumulates);
  EXPECT_LT(static_cast<double>(pruned.stored_bytes), static_cast<double>(first.stored_bytes) / 1.5);
  EXPECT_EQ(result.rows[2].footprint.multiply_accumulates, pruned.multiply_accumulates);
  EXPECT_LT(result.rows[3].footprint.stored_bytes, pruned.stored_bytes);
  for (const RecipeRow& row : result.rows) {
    EXPECT_TRUE(row.accuracy.has_value() && row.footprint.seconds.has_value()) << row.step;
    EXPECT_LE(row.footprint.entropy_bytes, row.footprint.packed_bytes * 1.01) << row.step;
    EXPECT_GT(row.footprint.file_bytes, 0U);
  }
}

TEST(RunRecipe, GoesOnFromItsFolderToTheSameBytes) {
  struct Killed {};
  const TemporaryFolder folder;
  const graph::Graph network = small_network(1);
  const Recipe recipe = short_recipe(network);
  RecipeConfig config{.timed_runs = 0, .folder = folder / "whole"};
  run_recipe(network, bars(80, 1), recipe, config);
  for (const int killed_after : {2, 7, 11}) {  // reports of progress
    config.folder = folder / fmt::format("killed{}", killed_after);
    int reports = 0;
    config.progress = [&](const ProgressReport&) {
      if (++reports == killed_after) throw Killed{};
    };
    EXPECT_THROW(run_recipe(network, bars(80, 1), recipe, config), Killed);
    config.progress = {};
    run_recipe(network, bars(80, 1), recipe, config);
    for (const char* name : {"1_channel pruning", "2_fine-tuning", "3_quantisation"}) {
      const std::string file = fmt::format("{}.condense", name);
      EXPECT_EQ(read_bytes(folder / "whole" / file), read_bytes(config.folder / file)) << file;
    }
  }
}

TEST(RunRecipe, TakesStepsOfOnesOwnAndNamesThoseThatFail) {
  const graph::Graph network = small_network(1);
  const RecipeStep halve{"halve", [](graph::Graph graph, const RecipeContext&) {
                           Tensor weights = graph.constant(graph.find("fc.weight"));
                           for (float& weight : weights.mutable_values<float>()) weight /= 2;
                           graph.set_constant(graph.find("fc.weight"), std::move(weights));
                           return graph;
                         }};
  const RecipeResult result = run_recipe(network, bars(20, 1), {halve, halve}, {.timed_runs = 0});
  EXPECT_EQ(result.graph.constant(result.graph.find("fc.weight")).data<float>()[3],
            network.constant(network.find("fc.weight")).data<float>()[3] / 4);

  const RecipeStep fails{"fails", [](const graph::Graph&, const RecipeContext&) -> graph::Graph {
                           throw InvalidArgument("no such layer");
                         }};
  EXPECT_TRUE(throws<InvalidArgument>("step 2 (fails): no such layer", [&] {
    run_recipe(network, bars(20, 1), {halve, fails}, {.timed_runs = 0});
  }));
  EXPECT_TRUE(throws<InvalidArgument>("no step", [&] { run_recipe(network, bars(20, 1), {}); }));
}

TEST(DefaultRecipe, RefusesBudgetsThatAskForNothing) {
  EXPECT_TRUE(throws<InvalidArgument>("not 2", [] { default_recipe(small_network(1), {.smaller = 2}); }));
}

}  // namespace
}  // namespace condense::compress
