#ifndef CONDENSE_GRAPH_REFERENCE_ACTIVATION_FUNCTIONS_HPP
#define CONDENSE_GRAPH_REFERENCE_ACTIVATION_FUNCTIONS_HPP

#include <algorithm>
#include <cmath>

#include "condense/core/shape.hpp"

namespace condense::graph::reference {

/// 1 / (1 + exp(-x)), without overflow for any x.
template <class T>
T sigmoid(T x) {
  const T small = std::exp(-std::abs(x));
  return (x < 0 ? small : T{1}) / (T{1} + small);
}

/// log(1 + exp(x)), without overflow for any x.
template <class T>
T softplus(T x) {
  return (x < 0 ? T{0} : x) + std::log1p(std::exp(-std::abs(x)));
}

/// y = x - log(sum of exp(x)) of a vector whose `extent` >= 1 elements lie `stride` apart, computed from differences to
/// the maximum so that nothing overflows.
template <class T>
void log_softmax(const T* x, T* y, Index extent, Index stride) {
  T highest = x[0];
  for (Index i = 1; i < extent; ++i) highest = std::max(highest, x[i * stride]);
  T sum = 0;
  for (Index i = 0; i < extent; ++i) sum += std::exp(x[i * stride] - highest);
  const T logarithm = std::log(sum);
  for (Index i = 0; i < extent; ++i) y[i * stride] = x[i * stride] - highest - logarithm;
}

}  // namespace condense::graph::reference

#endif
