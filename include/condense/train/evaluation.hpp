#ifndef CONDENSE_TRAIN_EVALUATION_HPP
#define CONDENSE_TRAIN_EVALUATION_HPP

#include <numeric>
#include <optional>
#include <vector>

#include "condense/train/trainer.hpp"

namespace condense::train {

/// What a network does on a dataset.
struct Scores {
  double loss = 0;                      ///< Mean over the samples; 0 if no objective is given.
  std::optional<double> accuracy = {};  ///< Share of the labels that have the largest output, in [0, 1].
};

/// How a dataset is evaluated.
struct ScoreOptions {
  Objective objective = {};             ///< Its value is the loss; may be empty.
  std::vector<graph::Value> keep = {};  ///< Values that the objective looks at, beside the outputs.
  Index batch_size = 256;               ///< Bounds the memory; the scores do not depend on it but for rounding.
  ThreadPool pool = {};
  TensorPool memory = {};
};

/// Runs a graph with one input over a dataset, in inference mode, and returns its scores.
inline Scores score(const graph::Graph& graph, const Dataset& data, const ScoreOptions& options = {}) {
  validate(data, "dataset");
  require(options.batch_size >= 1, "a batch has 1 sample or more, not {}", options.batch_size);
  require(graph.inputs().size() == 1 && !graph.outputs().empty(),
          "the graph has {} inputs and {} outputs; one input and an output are needed", graph.inputs().size(),
          graph.outputs().size());
  const graph::Graph network = to_inference(graph);
  Scores scores;
  Index correct = 0;
  bool counted = true;
  for (Index begin = 0; begin < data.size(); begin += options.batch_size) {
    std::vector<Index> samples(static_cast<std::size_t>(std::min(options.batch_size, data.size() - begin)));
    std::iota(samples.begin(), samples.end(), begin);
    const Batch batch{gather(data.inputs, samples, options.memory), gather(data.targets, samples), samples};
    const ForwardPass pass(network, {&batch.inputs, 1}, {},
                           {.keep = options.keep, .pool = options.pool, .memory = options.memory});
    if (options.objective) {
      scores.loss += options.objective(pass, batch).value * static_cast<double>(samples.size());
    }
    const std::optional<Index> right = correct_samples(network, pass, batch);
    counted = counted && right.has_value();
    correct += right.value_or(0);
  }
  scores.loss /= static_cast<double>(data.size());
  if (counted) scores.accuracy = static_cast<double>(correct) / static_cast<double>(data.size());
  return scores;
}

/// The share of a dataset's labels that have the largest output of the graph (n x classes), in [0, 1].
inline double accuracy(const graph::Graph& graph, const Dataset& data, const ThreadPool& pool = {},
                       Index batch_size = 256) {
  require(data.has_labels(), "accuracy needs int64 labels, the targets are {}", name(data.targets.type()));
  const Scores scores = score(graph, data, {.batch_size = batch_size, .pool = pool});
  require(scores.accuracy.has_value(), "accuracy needs an output (n x classes), that of the graph has shape {}",
          graph.type(graph.outputs()[0]).shape.to_string());
  return *scores.accuracy;
}

}  // namespace condense::train

#endif
