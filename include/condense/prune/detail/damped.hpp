#ifndef CONDENSE_PRUNE_DETAIL_DAMPED_HPP
#define CONDENSE_PRUNE_DETAIL_DAMPED_HPP

#include <algorithm>
#include <cmath>

#include "condense/core/tensor.hpp"

namespace condense::prune::detail {

/// A Gram matrix with `damping` times the mean of its diagonal added to it, and with ones on the diagonal of dead
/// inputs, those that are always 0: they have no influence and must not make it singular.
inline Tensor damped(TensorRef<const double> gram, double damping) {
  const Index n = gram.shape()[0];
  Tensor result = Tensor::of<double>(gram.shape(), gram.values());
  double* values = result.mutable_data<double>();
  double mean = 0;
  for (Index i = 0; i < n; ++i) mean += values[i * n + i] / static_cast<double>(n);
  for (Index i = 0; i < n; ++i) {
    double& diagonal = values[i * n + i];
    if (diagonal > 0) {
      diagonal += damping * mean;
    } else {
      std::fill_n(values + i * n, n, 0.0);
      for (Index k = 0; k < n; ++k) values[k * n + i] = 0;
      diagonal = mean > 0 ? mean : 1;
    }
  }
  return result;
}

/// Throws unless a matrix is square, finite and has no negative element on its diagonal, as a Gram matrix has none.
inline void require_gram(TensorRef<const double> gram) {
  const Shape& shape = gram.shape();
  require(shape.rank() == 2 && shape[0] == shape[1], "a Gram matrix is square, this one has shape {}",
          shape.to_string());
  const auto values = gram.values();
  const auto found = std::ranges::find_if(values, [](double value) { return !std::isfinite(value); });
  require(found == values.end(), "element {} of the Gram matrix is {}; it must be finite", found - values.begin(),
          found == values.end() ? 0.0 : *found);
  for (Index i = 0; i < shape[0]; ++i) {
    const double diagonal = gram.data()[i * shape[0] + i];
    require(diagonal >= 0, "element ({0}, {0}) of the Gram matrix is {1}; sums of squares are 0 or more", i, diagonal);
  }
}

/// Calls `attempt(matrix)`, which may overwrite it, with a Gram matrix damped more and more until it returns true:
/// `damping` times the mean of the diagonal at first (none if it is 0), then 10 times as much each time, from 1e-8 on.
/// Returns the damping with which it did.
///
/// It ends: with damping enough a matrix is diagonally dominant. Throws for one whose damping is not finite by then,
/// which is no sum of squares.
template <class Attempt>
double with_damping(TensorRef<const double> gram, double damping, Attempt&& attempt) {
  if (gram.count() == 0) return damping;
  constexpr double kLeast = 1e-8;
  for (;; damping = std::max(kLeast, 10 * damping)) {
    Tensor matrix = damped(gram, damping);
    require(std::isfinite(matrix.data<double>()[0]), "the Gram matrix {} is no sum of squares: no damping helps",
            gram.shape().to_string());
    if (attempt(matrix.mutable_data<double>())) return damping;
  }
}

}  // namespace condense::prune::detail

#endif
