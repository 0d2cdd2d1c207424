#ifndef CONDENSE_COMPRESS_RECIPE_IPP
#define CONDENSE_COMPRESS_RECIPE_IPP

#include <algorithm>
#include <numeric>
#include <utility>

#include "condense/compress/checkpoint.hpp"
#include "condense/compress/coded_file.hpp"
#include "condense/compress/post_training.hpp"
#include "condense/compress/recipe.hpp"
#include "condense/core/inline.hpp"
#include "condense/runtime/compile.hpp"

namespace condense::compress {

namespace detail {

inline train::FitOptions in_context(train::FitOptions options, const RecipeContext& context) {
  options.pool = context.pool;
  options.progress = context.progress;
  return options;
}

/// The share of a test set's labels that a compiled network gets right.
inline double program_accuracy(const graph::Graph& network, const train::Dataset& test, const ThreadPool& pool) {
  constexpr Index kBatch = 100;
  Index correct = 0;
  std::optional<runtime::Program> program;
  for (Index first = 0; first < test.size(); first += kBatch) {
    const train::Dataset part = train::slice(test, first, std::min(test.size(), first + kBatch));
    if (!program || part.size() < kBatch) {
      program = runtime::compile(network, {.input_shapes = {part.inputs.shape()}});
    }
    correct += train::count_correct(program->run({part.inputs}, pool).front(), part.targets);
  }
  return static_cast<double>(correct) / static_cast<double>(test.size());
}

}  // namespace detail

CONDENSE_INLINE RecipeStep channel_pruning_step(ProgressivePruningConfig config, train::FitOptions training) {
  return {"channel pruning", [config = std::move(config), training = std::move(training)](
                                 const graph::Graph& network, const RecipeContext& context) {
            ProgressivePruningConfig rounds = config;
            rounds.channels.pool = context.pool;
            rounds.fine_tune = fine_tuning(context.training, detail::in_context(training, context));
            return prune_progressively(network, rounds).graph;
          }};
}

CONDENSE_INLINE RecipeStep fine_tuning_step(train::FitOptions training) {
  return {"fine-tuning", [training = std::move(training)](const graph::Graph& network, const RecipeContext& context) {
            const train::FitOptions options = detail::in_context(training, context);
            return context.state_file.empty()
                       ? train::fit(network, context.training, options).graph
                       : fit_with_checkpoints(context.state_file, network, context.training, options).graph;
          }};
}

CONDENSE_INLINE RecipeStep quantization_step(PostTrainingConfig config, Index images) {
  require(images >= 1, "quantisation is calibrated on 1 image or more, not {}", images);
  return {"quantisation",
          [config = std::move(config), images](const graph::Graph& network, const RecipeContext& context) {
            constexpr Index kBatch = 32;
            PostTrainingConfig quantization = config;
            quantization.pool = context.pool;
            quantization.progress = context.progress;
            std::vector<Batch> batches;
            const Index count = std::min(images, context.training.size());
            for (Index first = 0; first < count; first += kBatch) {
              batches.push_back({train::slice(context.training, first, std::min(first + kBatch, count)).inputs});
            }
            return post_training(network, batches, std::move(quantization)).graph;
          }};
}

CONDENSE_INLINE Recipe default_recipe(const graph::Graph& network, const DefaultRecipeOptions& options) {
  constexpr double kInt8Shrinks = 3.7;  // not 4: biases and scales stay
  require(options.smaller >= 4, "8 bits alone make a network 4 times smaller, ask for 4 or more, not {}",
          options.smaller);
  require(options.cheaper >= 1, "a network becomes cheaper by 1 or more, not {}", options.cheaper);
  const NetworkSize size = network_size(network);
  const double by_bytes = options.smaller / kInt8Shrinks;
  ProgressivePruningConfig pruning;
  pruning.channels.round_to = options.round_to;
  pruning.channels.target =
      options.cheaper > by_bytes
          ? ChannelTarget{ChannelCost::multiply_accumulates,
                          static_cast<double>(size.multiply_accumulates) / options.cheaper}
          : ChannelTarget{ChannelCost::stored_bytes, static_cast<double>(size.stored_bytes) / by_bytes};
  train::FitOptions rounds = options.training;
  rounds.epochs = options.round_epochs;
  rounds.schedule = train::CosineSchedule{.rate = options.learning_rate / 2};
  train::FitOptions last = options.training;
  last.epochs = options.epochs;
  last.schedule = train::CosineSchedule{.rate = options.learning_rate};
  return {channel_pruning_step(std::move(pruning), std::move(rounds)), fine_tuning_step(std::move(last)),
          quantization_step()};
}

CONDENSE_INLINE RecipeResult run_recipe(const graph::Graph& network, const train::Dataset& training,
                                        const Recipe& recipe, const RecipeConfig& config) {
  require(!recipe.empty(), "the recipe has no step");
  const auto file = [&](std::size_t step, std::string_view suffix) {
    return config.folder.empty() ? std::filesystem::path()
                                 : config.folder / fmt::format("{}_{}.{}", step + 1, recipe[step].name, suffix);
  };
  if (!config.folder.empty()) std::filesystem::create_directories(config.folder);
  RecipeResult result{.graph = network, .rows = {}};
  const auto add_row = [&](const std::string& name) {
    const graph::Graph simple = simplified(result.graph);
    RecipeRow& row = result.rows.emplace_back();
    row.step = name;
    row.footprint = measure_footprint(simple, config.timed_runs);
    if (config.test) row.accuracy = detail::program_accuracy(simple, *config.test, config.pool);
  };
  add_row("original");
  for (std::size_t i = 0; i < recipe.size(); ++i) {
    const std::filesystem::path done = file(i, "condense");
    if (!done.empty() && std::filesystem::exists(done)) {
      result.graph = load_coded(done);
    } else {
      const std::filesystem::path state = file(i, "state");
      try {
        result.graph = recipe[i].apply(
            result.graph,
            {.training = training, .pool = config.pool, .progress = config.progress, .state_file = state});
      } catch (const InvalidArgument& error) {
        throw InvalidArgument(fmt::format("step {} ({}): {}", i + 1, recipe[i].name, error.what()));
      }
      // Read again where it is kept, so that what follows is the same whether the run was killed or not.
      if (!done.empty()) {
        save_coded(result.graph, done);
        result.graph = load_coded(done);
        std::filesystem::remove(state);
      }
    }
    add_row(recipe[i].name);
  }
  return result;
}

}  // namespace condense::compress

#endif
