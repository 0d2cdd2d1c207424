#ifndef CONDENSE_PRUNE_SCORES_HPP
#define CONDENSE_PRUNE_SCORES_HPP

#include <algorithm>
#include <cmath>
#include <string_view>

#include "condense/core/random.hpp"
#include "condense/core/tensor.hpp"

namespace condense::prune {

// Scores say how much a network needs something: the higher, the more. Those of elements are float32 of the weights'
// shape, those of channels float32 (channels). Weights, gradients and norms that are NaN or infinite are refused.

namespace detail {

inline void require_finite(TensorRef<const float> values, std::string_view what) {
  const auto all = values.values();
  const auto found = std::ranges::find_if(all, [](float value) { return !std::isfinite(value); });
  require(found == all.end(), "element {} of the {} is {}; scores need finite numbers", found - all.begin(), what,
          found == all.end() ? 0.0F : *found);
}

inline void require_gradient(TensorRef<const float> weights, TensorRef<const float> gradient) {
  require(gradient.shape() == weights.shape(), "the weights have shape {}, their gradient {}",
          weights.shape().to_string(), gradient.shape().to_string());
  require_finite(weights, "weights");
  require_finite(gradient, "gradient");
}

}  // namespace detail

/// |w| of every element (Han et al., "Learning both weights and connections for efficient neural networks", NIPS 2015).
/// Squares would rank elements alike.
inline Tensor magnitude_scores(TensorRef<const float> weights) {
  detail::require_finite(weights, "weights");
  Tensor scores(DataType::float32, weights.shape());
  std::ranges::transform(weights.values(), scores.mutable_data<float>(), [](float w) { return std::abs(w); });
  return scores;
}

/// (g w)^2 of every element: the square of the change of the loss, to first order, if it becomes zero (Molchanov et
/// al., "Importance estimation for neural network pruning", CVPR 2019, section 3.1). Average over batches.
inline Tensor taylor_scores(TensorRef<const float> weights, TensorRef<const float> gradient) {
  detail::require_gradient(weights, gradient);
  Tensor scores(DataType::float32, weights.shape());
  float* score = scores.mutable_data<float>();
  for (Index i = 0; i < weights.count(); ++i) {
    const float change = gradient.data()[i] * weights.data()[i];
    score[i] = change * change;
  }
  return scores;
}

/// |w| |x| of every element of weights (rows x columns), where |x| is the Euclidean norm of the input of its column
/// over all samples (`InputNorms`). Meant to be compared within a row (Sun et al., "A simple and effective pruning
/// approach for large language models" (Wanda), ICLR 2024, equation 1).
inline Tensor wanda_scores(TensorRef<const float> weights, TensorRef<const float> input_norms) {
  const Shape& shape = weights.shape();
  require(shape.rank() == 2 && input_norms.shape() == Shape{shape[1]},
          "weights (rows x columns) and norms (columns) are needed, they have shapes {} and {}", shape.to_string(),
          input_norms.shape().to_string());
  detail::require_finite(input_norms, "norms");
  Tensor scores = magnitude_scores(weights);
  float* score = scores.mutable_data<float>();
  for (Index row = 0; row < shape[0]; ++row) {
    for (Index column = 0; column < shape[1]; ++column) *score++ *= input_norms.data()[column];
  }
  return scores;
}

/// Uniform random numbers in [0, 1): the control that every criterion has to beat.
inline Tensor random_scores(const Shape& shape, std::uint64_t seed, std::uint64_t stream = 0) {
  Tensor scores(DataType::float32, shape);
  Random random(seed, stream);
  for (float& score : scores.mutable_values<float>()) score = random.uniform();
  return scores;
}

}  // namespace condense::prune

#endif
