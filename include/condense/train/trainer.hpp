#ifndef CONDENSE_TRAIN_TRAINER_HPP
#define CONDENSE_TRAIN_TRAINER_HPP

#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <vector>

#include "condense/train/backpropagate.hpp"
#include "condense/train/dataset.hpp"
#include "condense/train/loss.hpp"
#include "condense/train/optimizer.hpp"
#include "condense/train/parameters.hpp"
#include "condense/train/training_mode.hpp"

namespace condense::train {

/// The loss became infinite or not a number. The message names the place and what to try.
class Diverged : public Error {
 public:
  using Error::Error;
};

/// What a batch is to be trained for: a value, and its derivatives with respect to any values of the graph.
struct ObjectiveValue {
  double value = 0;
  std::vector<ValueGradient> gradients = {};
};

/// An objective sees the whole evaluation, not only the output: distillation looks at inner values, which it names in
/// `TrainerOptions::keep`, and finds what it knows of a sample by `Batch::samples`.
using Objective = std::function<ObjectiveValue(const ForwardPass& pass, const Batch& batch)>;

/// A loss on the first output of a graph as an objective.
template <LossType Loss>
Objective objective(const graph::Graph& graph, Loss loss) {
  require(!graph.outputs().empty(), "the graph has no output to take a loss of");
  const graph::Value output = graph.outputs()[0];
  return [output, loss = std::move(loss)](const ForwardPass& pass, const Batch& batch) {
    LossValue result = loss(pass.value(output), batch.targets);
    return ObjectiveValue{result.value, {{output, std::move(result.gradient)}}};
  };
}

/// What a step does beside following the gradient.
struct TrainerOptions {
  Optimizer optimizer = AdamW{};
  std::vector<graph::Value> parameters = {};  ///< What to train; empty for all of `parameters(graph)`.
  double largest_gradient_norm = 0;  ///< Longer gradients are scaled down to it (over all parameters); 0 for no limit.
  std::vector<graph::Value> keep = {};  ///< Values that the objective looks at, beside the outputs.
  GradientRules rules = {};
  ThreadPool pool = {};
  TensorPool memory = {};

  /// Sees and may change the gradients before the step, in the order of the parameters.
  std::function<void(std::span<const graph::Value> parameters, std::span<Tensor> gradients)> after_backward = {};

  /// Sees and may change the graph after the step: masks that hold pruned weights at zero, observers, clipping.
  std::function<void(graph::Graph&)> after_step = {};
};

/// What a step found.
struct StepResult {
  double loss = 0;
  std::optional<Index> correct = {};  ///< Samples whose label has the largest output, where there are labels.
};

/// How many rows of `output` (n x classes) have their largest entry at the label; of equal ones the first counts.
inline Index count_correct(const Tensor& output, const Tensor& labels) {
  require(output.shape().rank() == 2 && labels.shape() == Shape{output.shape()[0]},
          "accuracy takes outputs (n x classes) and labels (n), they have shapes {} and {}", output.shape().to_string(),
          labels.shape().to_string());
  const Index classes = output.shape()[1];
  const std::int64_t* label = labels.data<std::int64_t>();
  return graph::with_float_type(output.type(), [&]<class T>() {
    Index correct = 0;
    for (Index row = 0; row < output.shape()[0]; ++row) {
      const T* x = output.data<T>() + row * classes;
      if (std::max_element(x, x + classes) - x == label[row]) ++correct;
    }
    return correct;
  });
}

/// The samples of a batch that the first output of an evaluation gets right; nothing without labels.
inline std::optional<Index> correct_samples(const graph::Graph& graph, const ForwardPass& pass, const Batch& batch) {
  if (batch.targets.type() != DataType::int64) return {};
  const Tensor& output = pass.value(graph.outputs()[0]);
  if (output.shape().rank() != 2) return {};
  return count_correct(output, batch.targets);
}

namespace detail {

/// In double, in several sums at once, so that no addition waits for the one before it.
inline double sum_of_squares(std::span<const float> values) noexcept {
  constexpr std::size_t kSums = 8;
  std::array<double, kSums> sums = {};
  std::size_t i = 0;
  for (; i + kSums <= values.size(); i += kSums) {
    for (std::size_t s = 0; s < kSums; ++s) {
      const auto value = static_cast<double>(values[i + s]);
      sums[s] += value * value;
    }
  }
  for (; i < values.size(); ++i) sums[0] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace detail

/// Makes training steps on a graph: forward, backward, update, and the running statistics of batch normalisation.
class Trainer {
 public:
  /// The graph is taken `to_training`. Throws if there is nothing to train.
  Trainer(const graph::Graph& graph, Objective objective, TrainerOptions options, OptimizerState state = {})
      : graph_(to_training(graph)),
        objective_(std::move(objective)),
        options_(std::move(options)),
        state_(std::move(state)),
        parameters_(options_.parameters) {
    if (parameters_.empty()) {
      for (const Parameter& parameter : train::parameters(graph_)) parameters_.push_back(parameter.value);
    }
    require(!parameters_.empty(), "the graph has no parameters to train: no float constant is a weight of a node");
    for (const graph::Value value : parameters_) {
      require(graph_.constant(value).type() == DataType::float32, "the parameter '{}' is {}, training takes float32",
              graph_.name(value), name(graph_.constant(value).type()));
    }
    for (const RunningStatistic& statistic : running_statistics(graph_)) options_.keep.push_back(statistic.updated);
  }

  const graph::Graph& graph() const noexcept { return graph_; }
  const OptimizerState& state() const noexcept { return state_; }

  /// One step on a batch. Throws `Diverged`, and leaves everything as it was, if the loss or gradients are not finite.
  StepResult step(const Batch& batch, double learning_rate) {
    ForwardPass pass(
        graph_, {&batch.inputs, 1}, parameters_,
        {.rules = options_.rules, .keep = options_.keep, .pool = options_.pool, .memory = options_.memory});
    ObjectiveValue value = objective_(pass, batch);
    require_finite(value.value, "loss", learning_rate);
    const StepResult result{value.value, correct_samples(graph_, pass, batch)};
    std::vector<Tensor> gradients = pass.backpropagate(std::move(value.gradients));
    limit(gradients, learning_rate);
    if (options_.after_backward) options_.after_backward(parameters_, gradients);
    update(gradients, learning_rate);
    for (const RunningStatistic& statistic : running_statistics(graph_)) {
      const Tensor& updated = pass.value(statistic.updated);
      graph_.set_constant(statistic.constant, Tensor::of(updated.shape(), updated.values<float>()));
    }
    if (options_.after_step) options_.after_step(graph_);
    return result;
  }

 private:
  void require_finite(double value, std::string_view what, double learning_rate) const {
    if (std::isfinite(value)) return;
    throw Diverged(
        fmt::format("the {} is {} at step {}; lower the learning rate of {}, limit the gradient's norm, or "
                    "look for NaN in the data",
                    what, value, state_.step + 1, learning_rate));
  }

  /// Scales the gradients down if their common norm is too large (Pascanu et al., "On the difficulty of training
  /// recurrent neural networks", ICML 2013, algorithm 1).
  void limit(std::vector<Tensor>& gradients, double learning_rate) const {
    double squares = 0;
    for (const Tensor& gradient : gradients) squares += detail::sum_of_squares(gradient.values<float>());
    const double norm = std::sqrt(squares);
    require_finite(norm, "norm of the gradient", learning_rate);
    if (options_.largest_gradient_norm <= 0 || norm <= options_.largest_gradient_norm) return;
    const auto factor = static_cast<float>(options_.largest_gradient_norm / norm);
    for (Tensor& gradient : gradients) {
      for (float& slope : gradient.mutable_values<float>()) slope *= factor;
    }
  }

  void update(std::span<const Tensor> gradients, double learning_rate) {
    std::vector<Tensor> weights;
    for (const graph::Value value : parameters_) weights.push_back(graph_.constant(value));
    apply(options_.optimizer, learning_rate, weights, gradients, state_, options_.pool);
    for (std::size_t i = 0; i < weights.size(); ++i) graph_.set_constant(parameters_[i], std::move(weights[i]));
  }

  graph::Graph graph_;
  Objective objective_;
  TrainerOptions options_;
  OptimizerState state_;
  std::vector<graph::Value> parameters_;
};

}  // namespace condense::train

#endif
