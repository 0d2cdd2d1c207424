#ifndef CONDENSE_GRAPH_REFERENCE_ACTIVATION_FUNCTIONS_HPP
#define CONDENSE_GRAPH_REFERENCE_ACTIVATION_FUNCTIONS_HPP

#include <algorithm>
#include <cmath>
#include <limits>

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

/// y = exp(x) / sum of exp(x) of a vector whose `extent` >= 1 elements lie `stride` apart, computed from differences to
/// the maximum so that nothing overflows. y may be x.
template <class T>
void softmax(const T* x, T* y, Index extent, Index stride) {
  T highest = x[0];
  for (Index i = 1; i < extent; ++i) highest = std::max(highest, x[i * stride]);
  T sum = 0;
  for (Index i = 0; i < extent; ++i) sum += y[i * stride] = std::exp(x[i * stride] - highest);
  for (Index i = 0; i < extent; ++i) y[i * stride] /= sum;
}

/// The same in place for scores of attention: -infinity is a key that is not seen, and without any other all become 0.
template <class T>
void softmax_of_seen(T* scores, Index count) {
  constexpr T kUnseen = -std::numeric_limits<T>::infinity();
  if (std::all_of(scores, scores + count, [](T score) { return score == kUnseen; })) {
    std::fill_n(scores, count, T{0});
  } else {
    softmax(scores, scores, count, 1);
  }
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
