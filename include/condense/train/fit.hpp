#ifndef CONDENSE_TRAIN_FIT_HPP
#define CONDENSE_TRAIN_FIT_HPP

#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "condense/core/progress.hpp"
#include "condense/train/evaluation.hpp"
#include "condense/train/initialize.hpp"
#include "condense/train/schedule.hpp"

namespace condense::train {

/// What one epoch came to.
struct EpochRecord {
  Index epoch = 0;                      ///< From 1.
  double learning_rate = 0;             ///< Of its last step.
  double loss = 0;                      ///< Mean over the samples as they were trained on.
  std::optional<double> accuracy = {};  ///< Likewise; where there are labels.
  std::optional<Scores> validation = {};
};

/// Which validation score decides what the best weights are.
enum class Monitor { loss, accuracy };

/// A training run between two epochs, all of it: continuing from it gives the same bytes as never having stopped.
struct FitState {
  graph::Graph graph;  ///< In inference mode, with the weights of the last epoch.
  OptimizerState optimizer = {};
  std::vector<EpochRecord> history = {};  ///< One for each epoch done.
  graph::Graph best = {};                 ///< The graph of the best epoch so far, if there are validation data.
  Index best_epoch = 0;                   ///< From 1; 0 before the first.
};

/// How a network is trained.
struct FitOptions {
  Index epochs = 10;
  Index batch_size = 64;   ///< The last batch of an epoch may be smaller.
  Index first_step = 0;    ///< Steps before it are left out: training begins as if they had been made (rewinding).
  std::uint64_t seed = 1;  ///< Of shuffling and augmentation.
  Optimizer optimizer = AdamW{};
  Schedule schedule = CosineSchedule{};

  /// What is minimised; empty for `SoftmaxCrossEntropy` of the first output. `objective(graph, loss)` makes one of a
  /// loss.
  Objective objective = {};
  Augmentation augment = {};  ///< May be empty. Validation data are not augmented.

  std::optional<Dataset> validation = {};
  Monitor monitor = Monitor::loss;
  bool restore_best = true;  ///< Return the weights of the best epoch, by validation, instead of the last ones.
  Index patience = 0;        ///< Stop after so many epochs without a better validation score; 0 for never.

  std::vector<graph::Value> parameters = {};  ///< What to train; empty for all of `parameters(graph)`.
  double largest_gradient_norm = 0;           ///< Longer gradients are scaled down to it; 0 for no limit.
  std::vector<graph::Value> keep = {};        ///< Values that the objective looks at, beside the outputs.
  GradientRules rules = {};
  ThreadPool pool = {};
  Progress progress = {};  ///< Stage "training", a step for each batch; the detail names epoch, loss and accuracy.

  /// See `TrainerOptions`.
  std::function<void(std::span<const graph::Value> parameters, std::span<Tensor> gradients)> after_backward = {};
  std::function<void(graph::Graph&)> after_step = {};

  /// Called after each epoch with all there is to know; a copy of it is a checkpoint. May be empty.
  std::function<void(const FitState&)> after_epoch = {};
};

/// What training gave.
struct FitResult {
  graph::Graph graph;  ///< In inference mode.
  std::vector<EpochRecord> history;
  Index best_epoch = 0;  ///< Whose weights these are, from 1.
};

namespace detail {

/// The random numbers of one purpose, epoch and sample.
inline Random training_random(std::uint64_t seed, std::uint64_t purpose, Index epoch, Index sample) {
  const auto stream = static_cast<std::uint64_t>(epoch) << 32 | static_cast<std::uint64_t>(sample);
  return Random(seed ^ purpose, stream);
}

inline constexpr std::uint64_t kShuffling = 0x73687566666c6531;
inline constexpr std::uint64_t kAugmentation = 0x6175676d656e7431;

inline Index batches_of_epoch(const Dataset& data, const FitOptions& options) {
  return (data.size() + options.batch_size - 1) / options.batch_size;
}

inline void validate(const graph::Graph& graph, const Dataset& data, const FitOptions& options) {
  train::validate(data, "training set");
  require(data.size() < (Index{1} << 32), "the training set has {} samples, more than 2^32 - 1", data.size());
  require(options.epochs >= 1, "training takes 1 epoch or more, not {}", options.epochs);
  require(options.batch_size >= 1, "a batch has 1 sample or more, not {}", options.batch_size);
  const Index steps = options.epochs * batches_of_epoch(data, options);
  require(options.first_step >= 0 && options.first_step < steps, "the first step is 0 to {}, not {}", steps - 1,
          options.first_step);
  require(options.patience >= 0, "the patience is 0 or more epochs, not {}", options.patience);
  require(options.largest_gradient_norm >= 0, "the largest norm of the gradient is 0 or more, not {}",
          options.largest_gradient_norm);
  require(graph.inputs().size() == 1 && !graph.outputs().empty(),
          "the graph has {} inputs and {} outputs; fit takes one input and an output at least", graph.inputs().size(),
          graph.outputs().size());
  if (options.validation) train::validate(*options.validation, "validation set");
  require(options.patience == 0 || options.validation, "early stopping with patience {} needs a validation set",
          options.patience);
  require(options.monitor == Monitor::loss || (options.validation && options.validation->has_labels()),
          "the accuracy can only be monitored with a validation set that has int64 labels");
  const Shape& output = graph.type(graph.outputs()[0]).shape;
  if (options.objective || output.rank() != 2) return;
  const auto check_labels = [&](const Dataset& set, std::string_view name) {
    if (!set.has_labels()) return;
    const std::span<const std::int64_t> labels = set.targets.values<std::int64_t>();
    for (std::size_t i = 0; i < labels.size(); ++i) {
      require(labels[i] >= 0 && labels[i] < output[1], "label {} of the {} is {}; the network has {} classes, 0 to {}",
              i, name, labels[i], output[1], output[1] - 1);
    }
  };
  check_labels(data, "training set");
  if (options.validation) check_labels(*options.validation, "validation set");
}

/// The rows of a dataset in a given order, augmented.
inline Batch make_batch(const Dataset& data, std::span<const Index> samples, Index epoch, const FitOptions& options,
                        const TensorPool& memory) {
  Batch batch{gather(data.inputs, samples, memory), gather(data.targets, samples), samples};
  if (!options.augment) return batch;
  const Shape shape = sample_shape(data.inputs);
  float* images = batch.inputs.mutable_data<float>();
  parallel_for(options.pool, static_cast<Index>(samples.size()), [&](Index i) {
    Random random = training_random(options.seed, kAugmentation, epoch, samples[static_cast<std::size_t>(i)]);
    options.augment(TensorRef<float>(images + i * shape.count(), shape), random);
  });
  return batch;
}

/// The samples of a dataset in the order of an epoch.
inline std::vector<Index> shuffled(Index count, std::uint64_t seed, Index epoch) {
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  training_random(seed, kShuffling, epoch, 0).shuffle(std::span<Index>(order));
  return order;
}

inline std::string describe(Index epoch, Index epochs, double loss, const std::optional<double>& accuracy) {
  std::string text = fmt::format("epoch {}/{}, loss {:.4f}", epoch, epochs, loss);
  if (accuracy) text += fmt::format(", accuracy {:.2f} %", 100 * *accuracy);
  return text;
}

/// One pass over the training set.
inline EpochRecord train_epoch(Trainer& trainer, const Dataset& data, Index epoch, const FitOptions& options,
                               const TensorPool& memory) {
  const std::vector<Index> order = shuffled(data.size(), options.seed, epoch);
  const Index batches = batches_of_epoch(data, options);
  EpochRecord record{.epoch = epoch};
  double loss = 0;
  Index seen = 0;
  Index correct = 0;
  for (Index b = std::max<Index>(0, options.first_step - (epoch - 1) * batches); b < batches; ++b) {
    const Index begin = b * options.batch_size;
    const Index count = std::min(options.batch_size, data.size() - begin);
    const auto samples = std::span(order).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
    const Batch batch = make_batch(data, samples, epoch, options, memory);
    const Index step = (epoch - 1) * batches + b;
    record.learning_rate =
        options.schedule({.step = step, .total = options.epochs * batches, .steps_per_epoch = batches});
    StepResult result;
    try {
      result = trainer.step(batch, record.learning_rate);
    } catch (const Diverged& error) {
      throw Diverged(fmt::format("epoch {}, batch {} of {}: {}", epoch, b + 1, batches, error.what()));
    }
    loss += result.loss * static_cast<double>(count);
    seen += count;
    record.loss = loss / static_cast<double>(seen);
    if (result.correct) {
      correct += *result.correct;
      record.accuracy = static_cast<double>(correct) / static_cast<double>(seen);
    }
    const std::string detail = describe(epoch, options.epochs, record.loss, record.accuracy);
    notify(options.progress,
           {.stage = "training", .done = step + 1, .total = options.epochs * batches, .detail = detail});
  }
  return record;
}

/// `to` with the constants of `from`, which has the same values.
inline graph::Graph with_constants(graph::Graph to, const graph::Graph& from) {
  for (int i = 0; i < to.value_count(); ++i) {
    if (to.is_constant({i}) && from.is_constant({i})) to.set_constant({i}, from.constant({i}));
  }
  return to;
}

inline bool is_better(const Scores& a, const Scores& b, Monitor monitor) {
  return monitor == Monitor::loss ? a.loss < b.loss : a.accuracy > b.accuracy;
}

}  // namespace detail

/// Continues a training run that `FitOptions::after_epoch` has shown, with the same data and options (`epochs` counts
/// those done before, too).
inline FitResult resume(FitState state, const Dataset& data, const FitOptions& options = {}) {
  detail::validate(state.graph, data, options);
  const Objective objective =
      options.objective ? options.objective : train::objective(state.graph, SoftmaxCrossEntropy{});
  const TensorPool memory;
  Trainer trainer(state.graph, objective,
                  {.optimizer = options.optimizer,
                   .parameters = options.parameters,
                   .largest_gradient_norm = options.largest_gradient_norm,
                   .keep = options.keep,
                   .rules = options.rules,
                   .pool = options.pool,
                   .memory = memory,
                   .after_backward = options.after_backward,
                   .after_step = options.after_step},
                  state.optimizer);
  const Index left_out = options.first_step / detail::batches_of_epoch(data, options);
  const auto done = [&] { return left_out + static_cast<Index>(state.history.size()); };
  const auto record_of = [&](Index epoch) { return state.history[static_cast<std::size_t>(epoch - left_out - 1)]; };
  const auto is_patient = [&] {
    return options.patience == 0 || done() - std::max(state.best_epoch, left_out) < options.patience;
  };
  while (done() < options.epochs && is_patient()) {
    EpochRecord record = detail::train_epoch(trainer, data, done() + 1, options, memory);
    state.graph = detail::with_constants(std::move(state.graph), trainer.graph());
    state.optimizer = trainer.state();
    if (options.validation) {
      record.validation = score(state.graph, *options.validation,
                                {.objective = objective, .keep = options.keep, .pool = options.pool, .memory = memory});
      const bool first = state.best_epoch == 0;
      if (first || detail::is_better(*record.validation, *record_of(state.best_epoch).validation, options.monitor)) {
        state.best = state.graph;
        state.best_epoch = record.epoch;
      }
    }
    state.history.push_back(record);
    if (options.after_epoch) options.after_epoch(state);
  }
  if (options.validation && options.restore_best) {
    return {std::move(state.best), std::move(state.history), state.best_epoch};
  }
  const Index last = done();
  return {std::move(state.graph), std::move(state.history), last};
}

/// Trains a graph with one input on a dataset and returns it in inference mode. The weights start as they are: new
/// networks take theirs from `initialize`.
///
/// Everything random follows from the seed, and sums are taken in an order that the sizes determine: the same graph,
/// data, options and machine give the same bytes for any number of threads. Throws `InvalidArgument` for data or
/// options that do not fit and `Diverged`, naming epoch and batch, if the loss stops being a number.
inline FitResult fit(const graph::Graph& graph, const Dataset& data, const FitOptions& options = {}) {
  return resume({.graph = to_inference(graph)}, data, options);
}

}  // namespace condense::train

#endif
