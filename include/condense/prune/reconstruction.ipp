#ifndef CONDENSE_PRUNE_RECONSTRUCTION_IPP
#define CONDENSE_PRUNE_RECONSTRUCTION_IPP

#include <algorithm>
#include <cmath>
#include <numeric>

#include "condense/core/inline.hpp"
#include "condense/linalg/cholesky.hpp"
#include "condense/prune/detail/damped.hpp"
#include "condense/prune/reconstruction.hpp"

namespace condense::prune {

CONDENSE_INLINE ReconstructedWeights least_squares_weights(TensorRef<const double> gram, TensorRef<const double> cross,
                                                           double damping) {
  detail::require_gram(gram);
  const Index inputs = gram.shape()[0];
  require(cross.shape().rank() == 2 && cross.shape()[0] == inputs,
          "the Gram matrix has shape {}, the cross Gram matrix {}; they should have as many rows",
          gram.shape().to_string(), cross.shape().to_string());
  require(damping >= 0 && std::isfinite(damping), "the damping is 0 or more, not {}", damping);
  const auto values = cross.values();
  const auto found = std::ranges::find_if(values, [](double value) { return !std::isfinite(value); });
  require(found == values.end(), "element {} of the cross Gram matrix is {}; it must be finite", found - values.begin(),
          found == values.end() ? 0.0 : *found);

  const Index outputs = cross.shape()[1];
  Tensor solution = Tensor::of<double>(cross.shape(), values);
  ReconstructedWeights result{Tensor(DataType::float32, {outputs, inputs}), 0};
  result.damping = detail::with_damping(gram, damping, [&](double* matrix) {
    solution = Tensor::of<double>(cross.shape(), values);
    for (Index i = 0; i < inputs; ++i) {
      if (gram.data()[i * inputs + i] == 0) std::fill_n(solution.mutable_data<double>() + i * outputs, outputs, 0.0);
    }
    return linalg::solve_positive_definite(matrix, inputs, solution.mutable_data<double>(), outputs);
  });
  const double* from = solution.data<double>();
  float* to = result.weights.mutable_data<float>();
  for (Index i = 0; i < inputs; ++i) {
    for (Index o = 0; o < outputs; ++o) to[o * inputs + i] = static_cast<float>(from[i * outputs + o]);
  }
  return result;
}

CONDENSE_INLINE ReconstructedWeights reconstruct_without(TensorRef<const double> gram, TensorRef<const float> weights,
                                                         std::span<const Index> kept, double damping) {
  detail::require_gram(gram);
  const Index inputs = gram.shape()[0];
  require(weights.shape().rank() == 2 && weights.shape()[1] == inputs,
          "weights of shape {} do not fit a Gram matrix of {} inputs", weights.shape().to_string(), inputs);
  const Index outputs = weights.shape()[0];
  const auto count = static_cast<Index>(kept.size());
  Tensor gram_kept(DataType::float64, {count, count});
  Tensor cross(DataType::float64, {count, outputs});
  double* g = gram_kept.mutable_data<double>();
  double* c = cross.mutable_data<double>();
  for (const Index row : kept) {
    require(row >= 0 && row < inputs, "input {} does not exist, there are {}", row, inputs);
    const double* moments = gram.data() + row * inputs;
    for (const Index column : kept) *g++ = moments[column];
    for (Index o = 0; o < outputs; ++o) {
      const float* w = weights.data() + o * inputs;
      double sum = 0;
      for (Index i = 0; i < inputs; ++i) sum += moments[i] * static_cast<double>(w[i]);
      *c++ = sum;
    }
  }
  return least_squares_weights(gram_kept, cross, damping);
}

CONDENSE_INLINE std::vector<Index> select_channels_greedily(TensorRef<const double> gram, Index kept) {
  detail::require_gram(gram);
  const Index channels = gram.shape()[0];
  require(kept >= 0 && kept <= channels, "{} of {} channels cannot be kept", kept, channels);
  // |sum of removed + c|^2 = |sum of removed|^2 + 2 <sum of removed, c> + |c|^2, of which the first is the same for all
  std::vector<double> growth;
  for (Index c = 0; c < channels; ++c) growth.push_back(gram.data()[c * channels + c]);
  std::vector<Index> left(static_cast<std::size_t>(channels));
  std::iota(left.begin(), left.end(), Index{0});
  while (static_cast<Index>(left.size()) > kept) {
    auto least = left.begin();
    for (auto it = left.begin(); it != left.end(); ++it) {
      if (growth[static_cast<std::size_t>(*it)] <= growth[static_cast<std::size_t>(*least)]) least = it;
    }
    const double* moments = gram.data() + *least * channels;
    left.erase(least);
    for (const Index c : left) growth[static_cast<std::size_t>(c)] += 2 * moments[c];
  }
  return left;
}

}  // namespace condense::prune

#endif
