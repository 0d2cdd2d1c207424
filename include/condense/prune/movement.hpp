#ifndef CONDENSE_PRUNE_MOVEMENT_HPP
#define CONDENSE_PRUNE_MOVEMENT_HPP

#include <utility>

#include "condense/prune/scores.hpp"

namespace condense::prune {

/// Scores of movement: how far training has moved a weight away from zero, summed over the steps (Sanh, Wolf & Rush,
/// "Movement pruning: adaptive sparsity by fine-tuning", NeurIPS 2020, section 4):
///
///     score -= g * w
///
/// A weight that the gradient shrinks (g w > 0) is on its way out, however large it is.
class MovementScores {
 public:
  explicit MovementScores(const Shape& shape) : scores_(DataType::float32, shape) {}

  /// Continues from scores that were kept.
  explicit MovementScores(Tensor scores) : scores_(std::move(scores)) {
    detail::require_finite(scores_, "movement scores");
  }

  /// Adds one step. `gradient` is that of the loss by the weights as the network used them, masked; `weights` are what
  /// they are without their mask, so that one that is pruned goes on collecting a score and may return.
  void observe(TensorRef<const float> weights, TensorRef<const float> gradient) {
    require(weights.shape() == scores_.shape(), "the scores have shape {}, the weights {}", scores_.shape().to_string(),
            weights.shape().to_string());
    detail::require_gradient(weights, gradient);
    float* score = scores_.mutable_data<float>();
    for (Index i = 0; i < scores_.count(); ++i) score[i] -= gradient.data()[i] * weights.data()[i];
  }

  const Tensor& scores() const noexcept { return scores_; }

 private:
  Tensor scores_;
};

}  // namespace condense::prune

#endif
