#ifndef CONDENSE_COMPRESS_RECIPE_HPP
#define CONDENSE_COMPRESS_RECIPE_HPP

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "condense/compress/footprint.hpp"
#include "condense/compress/post_training_config.hpp"
#include "condense/compress/progressive_pruning.hpp"
#include "condense/train/fit.hpp"

namespace condense::compress {

/// What a step of a recipe works with beside the network.
struct RecipeContext {
  const train::Dataset& training;
  ThreadPool pool = {};
  Progress progress = {};

  /// A file of the step's own, from which it goes on after a kill; empty if nothing is to be kept. It is removed when
  /// the step is done.
  std::filesystem::path state_file = {};
};

/// One method with its settings: a function from network to network. Steps know nothing of each other; the recipe says
/// the order.
struct RecipeStep {
  std::string name;
  std::function<graph::Graph(const graph::Graph& network, const RecipeContext& context)> apply;
};

/// Steps in their order.
using Recipe = std::vector<RecipeStep>;

/// Channels are pruned in rounds (`prune_progressively`), with training after each.
RecipeStep channel_pruning_step(ProgressivePruningConfig config, train::FitOptions training);

/// Training of all weights (`train::fit`).
RecipeStep fine_tuning_step(train::FitOptions training);

/// Quantisation after training, calibrated on the first images of the training set.
RecipeStep quantization_step(PostTrainingConfig config = {}, Index images = 512);

/// How far the default recipe goes, and how it trains.
struct DefaultRecipeOptions {
  double smaller = 20;     ///< The quantised network takes at most a part of the float one's bytes; >= 4.
  double cheaper = 1;      ///< The same of its multiply-accumulates; >= 1.
  Index round_to = 4;      ///< Channels that are left are a multiple of it, so that int8 kernels read whole words.
  Index round_epochs = 1;  ///< Of training after each round of pruning,
  Index epochs = 30;       ///< and after the last one.
  double learning_rate = 2e-3;
  train::FitOptions training = {};  ///< Everything else about training: batch, seed, optimiser, augmentation.
};

/// Prune, train, quantise: channels of the smallest L1 norm go in rounds, 20 % of them at first and 5 % more each time,
/// until the budget is met; the network is trained as a whole; and it is quantised to 8 bits. That is the order which
/// practice has settled on (Han et al., "Deep Compression", ICLR 2016; Li et al., "Pruning filters for efficient
/// convnets", ICLR 2017), and each step leaves the next one a network of its own kind: float until the last.
Recipe default_recipe(const graph::Graph& network, const DefaultRecipeOptions& options = {});

/// How a recipe is run.
struct RecipeConfig {
  std::optional<train::Dataset> test = {};  ///< Accuracies are measured on it; not at all without.
  int timed_runs = 200;                     ///< For the times of the report; 0 for none.

  /// If not empty, every step leaves its network in this folder, and a run that was killed goes on from there: to the
  /// same bytes as if it had never stopped. A folder belongs to one run: the same network, data and recipe.
  std::filesystem::path folder = {};

  ThreadPool pool = {};
  Progress progress = {};
};

/// A network on its way, and what it takes.
struct RecipeRow {
  std::string step;  ///< "original" for the first one.
  Footprint footprint = {};
  std::optional<double> accuracy = {};  ///< In [0, 1].
};

struct RecipeResult {
  graph::Graph graph;
  std::vector<RecipeRow> rows;
};

/// Applies the steps of a recipe in their order and measures the network after each. The original is folded and cleaned
/// up first (`simplified`), so that what the steps gain is theirs.
///
/// Throws what the steps throw, with the name of the step before it.
RecipeResult run_recipe(const graph::Graph& network, const train::Dataset& training, const Recipe& recipe,
                        const RecipeConfig& config = {});

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/recipe.ipp"
#endif

#endif
