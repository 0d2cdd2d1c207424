#ifndef CONDENSE_COMPRESS_GRADUAL_PRUNING_IPP
#define CONDENSE_COMPRESS_GRADUAL_PRUNING_IPP

#include <algorithm>
#include <utility>

#include "condense/compress/gradual_pruning.hpp"
#include "condense/core/inline.hpp"
#include "condense/prune/movement.hpp"
#include "condense/prune/scores.hpp"

namespace condense::compress {

namespace detail {

/// One training run that prunes.
class GradualPruner {
 public:
  GradualPruner(const graph::Graph& graph, GradualPruningConfig config, GradualPruningState state)
      : config_(std::move(config)), layers_(prunable_layers(graph, config_.layers)), state_(std::move(state)) {
    validate();
    if (state_.step == 0 && state_.masks.empty()) {
      start(graph);
    } else {
      check_state();
    }
    masks_ = std::make_shared<WeightMasks>(std::move(state_.masks));
  }

  const std::shared_ptr<WeightMasks>& masks() const noexcept { return masks_; }
  const std::vector<SkippedLayer>& skipped() const noexcept { return layers_.skipped; }
  GradualPruningState state() const { return {state_.step, *masks_, state_.scores, state_.weights}; }

  /// Sees the gradients that the network has with its masks.
  void observe(std::span<const graph::Value> parameters, std::span<const Tensor> gradients) {
    if (!reads_gradients() || state_.step >= config_.end) return;
    for (std::size_t i = 0; i < layers_.layers.size(); ++i) {
      const auto found = std::ranges::find(parameters, layers_.layers[i].value);
      require(found != parameters.end(), "the weights of '{}' are pruned by their gradients, but not trained",
              layers_.layers[i].name);
      const Tensor& gradient = gradients[static_cast<std::size_t>(found - parameters.begin())];
      Tensor& score = state_.scores[i];
      if (is_movement()) {
        prune::MovementScores movement(std::move(score));
        movement.observe(state_.weights[i], gradient);
        score = movement.scores();
      } else {
        const Tensor step = prune::taylor_scores(state_.weights[i], gradient);
        std::ranges::transform(score.values<float>(), step.values<float>(), score.mutable_data<float>(), std::plus<>{});
      }
    }
  }

  /// Follows a step of the optimiser: makes new masks when it is time, and brings back what they keep again.
  void step(graph::Graph& graph) {
    const bool done = state_.step >= config_.end;
    ++state_.step;
    if (done) return;
    apply_masks(*masks_, graph);  // momentum may have moved what is pruned, which must not count
    if (reads_gradients()) follow(graph);
    if (!is_due()) return;
    choose(graph);
    if (is_movement()) {
      for (std::size_t i = 0; i < masks_->size(); ++i) graph.set_constant((*masks_)[i].value, state_.weights[i]);
    } else if (reads_gradients()) {
      for (Tensor& score : state_.scores) score = Tensor(DataType::float32, score.shape());
    }
    apply_masks(*masks_, graph);
    if (reads_gradients() && !is_movement()) follow(graph);
  }

 private:
  bool is_movement() const noexcept { return config_.criterion == TrainedCriterion::movement; }
  bool reads_gradients() const noexcept { return config_.criterion != TrainedCriterion::magnitude; }

  void validate() const {
    config_.pattern.validate();
    require(config_.begin >= 1 && config_.end >= config_.begin,
            "masks are made from step 1 or later up to a step that is not before it, not from {} to {}", config_.begin,
            config_.end);
    require(config_.period >= 1, "masks are made every 1 step or more, not {}", config_.period);
    require(static_cast<bool>(config_.schedule), "gradual pruning needs a schedule, it is empty");
    prune::checked_sparsity(config_.schedule(point(config_.begin)));
    prune::checked_sparsity(config_.schedule(point(config_.end)));
  }

  void start(const graph::Graph& graph) {
    for (const PrunableLayer& layer : layers_.layers) {
      const Tensor& weights = graph.constant(layer.value);
      state_.masks.push_back({layer.value, prune::Mask(weights.shape())});
      if (!reads_gradients()) continue;
      state_.scores.emplace_back(DataType::float32, weights.shape());
      state_.weights.push_back(weights);
    }
  }

  /// Throws unless the state is one of these layers.
  void check_state() const {
    const std::size_t count = layers_.layers.size();
    const std::size_t tensors = reads_gradients() ? count : 0;
    require(state_.step >= 0 && state_.masks.size() == count && state_.scores.size() == tensors &&
                state_.weights.size() == tensors,
            "the state at step {} has {} masks, {} scores and {} weights; the graph has {} layers to prune",
            state_.step, state_.masks.size(), state_.scores.size(), state_.weights.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      const WeightMask& mask = state_.masks[i];
      const auto fits = [&](const std::vector<Tensor>& kept) {
        return kept.empty() || (kept[i].type() == DataType::float32 && kept[i].shape() == mask.mask.shape());
      };
      require(mask.value == layers_.layers[i].value && mask.mask.shape() == layers_.layers[i].shape &&
                  fits(state_.scores) && fits(state_.weights),
              "the state of the layer '{}' is not one of this graph: its mask has shape {}, the weights {}",
              layers_.layers[i].name, mask.mask.shape().to_string(), layers_.layers[i].shape.to_string());
    }
  }

  /// A step of training as the schedule sees it.
  prune::SparsityPoint point(Index step) const noexcept {
    const Index total = config_.end - config_.begin;
    return total == 0 ? prune::SparsityPoint{1, 1} : prune::SparsityPoint{step - config_.begin, total};
  }

  bool is_due() const noexcept {
    if (state_.step < config_.begin) return false;
    return state_.step == config_.end || (state_.step - config_.begin) % config_.period == 0;
  }

  /// Takes over the weights of the graph; with movement those that are pruned stay what they were.
  void follow(const graph::Graph& graph) {
    for (std::size_t i = 0; i < masks_->size(); ++i) {
      const auto& [value, mask] = (*masks_)[i];
      const Tensor& weights = graph.constant(value);
      if (!is_movement()) {
        state_.weights[i] = weights;
        continue;
      }
      float* kept = state_.weights[i].mutable_data<float>();
      for (Index k = 0; k < mask.count(); ++k) kept[k] = mask.keeps(k) ? weights.data<float>()[k] : kept[k];
    }
  }

  /// Scores of a layer, as its matrix.
  Tensor scores(const graph::Graph& graph, std::size_t i) const {
    const PrunableLayer& layer = layers_.layers[i];
    if (reads_gradients()) return layer.matrix.matrix_of(state_.scores[i]);
    return prune::magnitude_scores(layer.matrix.matrix_of(graph.constant(layer.value)));
  }

  /// Makes the masks of the present step.
  void choose(const graph::Graph& graph) {
    const double sparsity = prune::checked_sparsity(config_.schedule(point(state_.step)));
    const double last = config_.schedule(point(config_.end));
    std::vector<Tensor> global_scores;
    std::vector<std::size_t> global_layers;
    for (std::size_t i = 0; i < layers_.layers.size(); ++i) {
      const PrunableLayer& layer = layers_.layers[i];
      if (config_.pattern.kind == prune::Pattern::Kind::global && !layer.sparsity) {
        global_scores.push_back(scores(graph, i));
        global_layers.push_back(i);
        continue;
      }
      const double own = layer.sparsity && last > 0 ? std::min(1.0, sparsity / last) * *layer.sparsity : sparsity;
      keep(i, prune::keep_by_pattern(scores(graph, i), config_.pattern, own));
    }
    const std::vector<prune::Mask> masks = prune::keep_highest_of_all(global_scores, sparsity);
    for (std::size_t k = 0; k < masks.size(); ++k) keep(global_layers[k], masks[k]);
  }

  void keep(std::size_t i, const prune::Mask& matrix) {
    (*masks_)[i].mask = layers_.layers[i].matrix.mask_of(matrix, layers_.layers[i].shape);
  }

  GradualPruningConfig config_;
  PrunableLayers layers_;
  GradualPruningState state_;  ///< Without the masks.
  std::shared_ptr<WeightMasks> masks_;
};

}  // namespace detail

CONDENSE_INLINE GradualPruning::GradualPruning(const graph::Graph& graph, GradualPruningConfig config)
    : GradualPruning(graph, std::move(config), GradualPruningState{}) {}

CONDENSE_INLINE GradualPruning::GradualPruning(const graph::Graph& graph, GradualPruningConfig config,
                                               GradualPruningState state)
    : pruner_(std::make_shared<detail::GradualPruner>(graph, std::move(config), std::move(state))) {}

CONDENSE_INLINE train::FitOptions GradualPruning::hold(train::FitOptions options) const {
  options.after_backward = [pruner = pruner_, before = std::move(options.after_backward)](
                               std::span<const graph::Value> parameters, std::span<Tensor> gradients) {
    if (before) before(parameters, gradients);
    pruner->observe(parameters, gradients);
  };
  options.after_step = [pruner = pruner_, before = std::move(options.after_step)](graph::Graph& graph) {
    if (before) before(graph);
    pruner->step(graph);
  };
  return hold_masks(std::shared_ptr<const WeightMasks>(pruner_->masks()), std::move(options));
}

CONDENSE_INLINE const WeightMasks& GradualPruning::masks() const noexcept { return *pruner_->masks(); }

CONDENSE_INLINE GradualPruningState GradualPruning::state() const { return pruner_->state(); }

CONDENSE_INLINE const std::vector<SkippedLayer>& GradualPruning::skipped() const noexcept { return pruner_->skipped(); }

}  // namespace condense::compress

#endif
