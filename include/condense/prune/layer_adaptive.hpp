#ifndef CONDENSE_PRUNE_LAYER_ADAPTIVE_HPP
#define CONDENSE_PRUNE_LAYER_ADAPTIVE_HPP

#include <algorithm>
#include <numeric>
#include <vector>

#include "condense/prune/scores.hpp"

namespace condense::prune {

/// Magnitudes of a layer's weights in a measure that layers share: w^2 over the sum of the squares of all weights of
/// the layer that are not smaller (Lee, Park, Mo, Ahn, Shin, "Layer-adaptive sparsity for the magnitude-based pruning"
/// (LAMP), ICLR 2021, equation 3). One threshold over the scores of all layers then gives each layer a sparsity that
/// bounds what the output of the network changes, and leaves none without weights: the largest weight scores 1. Of
/// equal magnitudes the first counts as larger. Zeros score 0. Throws for weights that are not finite.
inline Tensor layer_adaptive_scores(TensorRef<const float> weights) {
  detail::require_finite(weights, "weights");
  const float* weight = weights.data();
  std::vector<Index> order(static_cast<std::size_t>(weights.count()));
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::stable_sort(order, std::greater<>{}, [&](Index i) { return std::abs(weight[i]); });
  Tensor scores(DataType::float32, weights.shape());
  float* score = scores.mutable_data<float>();
  double sum = 0;
  for (const Index i : order) {
    const double square = static_cast<double>(weight[i]) * static_cast<double>(weight[i]);
    sum += square;
    score[i] = square == 0 ? 0.0F : static_cast<float>(square / sum);
  }
  return scores;
}

}  // namespace condense::prune

#endif
