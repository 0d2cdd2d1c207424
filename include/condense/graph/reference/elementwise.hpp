#ifndef CONDENSE_GRAPH_REFERENCE_ELEMENTWISE_HPP
#define CONDENSE_GRAPH_REFERENCE_ELEMENTWISE_HPP

#include "condense/graph/operator.hpp"

namespace condense::graph::reference {

/// Elements that one task works on: enough to outweigh handing it over.
inline constexpr Index kElementwiseGrain = 16384;

/// One float input, one output of the same type.
inline std::vector<TensorType> infer_unary(const InputTypes& inputs) {
  inputs.require_count(1, 1);
  inputs.require_float(0);
  return {inputs[0]};
}

/// y[i] = function(x[i]) for elements of type T.
template <class T, class Function>
void evaluate_unary_as(const Evaluation& e, Function&& function) {
  const T* x = e.input().as<T>();
  T* y = e.output().as<T>();
  parallel_for(e.pool, e.output().count(), kElementwiseGrain, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) y[i] = function(x[i]);
  });
}

/// y[i] = function(x[i]) for float32 and float64.
template <class Function>
void evaluate_unary(const Evaluation& e, Function&& function) {
  with_float_type(e.input().type.type, [&]<class T>() { evaluate_unary_as<T>(e, function); });
}

}  // namespace condense::graph::reference

#endif
