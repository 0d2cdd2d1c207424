#ifndef CONDENSE_COMPRESS_GRADUAL_PRUNING_HPP
#define CONDENSE_COMPRESS_GRADUAL_PRUNING_HPP

#include <memory>
#include <vector>

#include "condense/compress/pruned_layers.hpp"
#include "condense/compress/weight_masks.hpp"
#include "condense/prune/pattern.hpp"
#include "condense/prune/schedule.hpp"
#include "condense/train/fit.hpp"

namespace condense::compress {

/// What training knows of a weight that decides whether it stays.
enum class TrainedCriterion {
  magnitude,  ///< |w|: what is pruned stays pruned.
  movement,   ///< `prune::MovementScores`: a pruned weight keeps its value aside, and may return with it.
  taylor,     ///< Mean of (g w)^2 over the steps since the last masks: what is pruned stays pruned.
};

/// How weights are pruned while a network is trained.
struct GradualPruningConfig {
  TrainedCriterion criterion = TrainedCriterion::magnitude;
  prune::Pattern pattern = prune::Pattern::unstructured();  ///< N:M at a sparsity: see `prune::keep_by_pattern`.

  /// The share of weights that is zero as steps pass from `begin` to `end`. A layer with a sparsity of its own gets
  /// the same course scaled to end at that one.
  prune::SparsitySchedule schedule = prune::CubicSparsity{};
  PrunedLayers layers = {};
  Index begin = 1;     ///< After so many steps of training the first masks are made, >= 1.
  Index end = 1000;    ///< After so many the last, >= begin; they stay for the rest of the training.
  Index period = 100;  ///< Steps from one making of masks to the next, >= 1.
};

/// All that gradual pruning is between two steps. Beside `train::FitState` it is what a checkpoint has to save.
struct GradualPruningState {
  Index step = 0;  ///< Steps of training done.
  WeightMasks masks = {};
  std::vector<Tensor> scores = {};   ///< Of movement and Taylor, one for each mask, in its shape.
  std::vector<Tensor> weights = {};  ///< Likewise: what the weights are; of movement, without their masks.
};

namespace detail {
class GradualPruner;
}

/// Pruning during training (Zhu & Gupta, "To prune, or not to prune", 2018, section 3, for the course of it; Sanh et
/// al., "Movement pruning", NeurIPS 2020): every `period` steps the masks are made anew for the sparsity of the
/// schedule, and hold in between.
///
/// Two lines to use: `GradualPruning pruning(graph, config)`, and `train::fit(graph, data, pruning.hold(options))`.
/// A handle: copies, and the options that `hold` returns, share one state, which is that of one training run.
/// Everything is deterministic; a run that continues from a `FitState` and this state makes the same bytes as one that
/// was never interrupted.
class GradualPruning {
 public:
  /// Throws for a configuration that does not fit the graph, as `one_shot_pruning` does.
  GradualPruning(const graph::Graph& graph, GradualPruningConfig config);

  /// Continues from a state that was kept. Throws if it is not one of this graph and configuration.
  GradualPruning(const graph::Graph& graph, GradualPruningConfig config, GradualPruningState state);

  /// Training options that prune, beside what they did before.
  train::FitOptions hold(train::FitOptions options) const;

  /// The masks of now; they keep everything at first.
  const WeightMasks& masks() const noexcept;

  /// A copy of all there is to know. Tensors are shared until they change.
  GradualPruningState state() const;

  /// Layers with weights that keep them, and why.
  const std::vector<SkippedLayer>& skipped() const noexcept;

 private:
  std::shared_ptr<detail::GradualPruner> pruner_;
};

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/gradual_pruning.ipp"
#endif

#endif
