#ifndef CONDENSE_GRAPH_REFERENCE_ELEMENTWISE_HPP
#define CONDENSE_GRAPH_REFERENCE_ELEMENTWISE_HPP

#include <functional>

#include "condense/graph/reference/computation.hpp"

namespace condense::graph::reference {

/// Elements that one task works on: enough to outweigh handing it over.
inline constexpr Index kElementwiseGrain = 16384;

/// One input of floats, one output of the same type.
inline std::vector<TensorType> infer_unary(const InputTypes& inputs) {
  inputs.require_count(1, 1);
  require(is_float(inputs.type(0)), "its input 0 is a float tensor, this one is {}", name(inputs.type(0)));
  return {inputs[0]};
}

/// One input of numbers, one output of the same type.
inline std::vector<TensorType> infer_unary_number(const InputTypes& inputs) {
  inputs.require_count(1, 1);
  inputs.require_number(0);
  return {inputs[0]};
}

/// Maps elements that are computed as C to results that are computed as `Result`, by calls of `run(from, to, count)`.
/// All that does not depend on the function is compiled once and not once per operator.
template <class C, class Result>
void map_elements(const Evaluation& e, const std::function<void(const C*, Result*, Index)>& run) {
  const InputBuffer& x = e.input();
  const OutputBuffer& y = e.output();
  parallel_for(e.pool, y.count(), kElementwiseGrain, [&](Index begin, Index end) {
    C converted[kChunk];
    for (; begin < end; begin += kChunk) {
      const Index count = std::min(kChunk, end - begin);
      const C* from = read_elements<C>(x.type.type, x.data, begin, count, converted);
      write_elements<Result>(y.type.type, y.data, begin, count, [&](Result* to) { run(from, to, count); });
    }
  });
}

/// y[i] = function(x[i]) for elements that are computed as C; the results may be of another type, computed as `Result`.
template <class C, class Result = C, class Function>
void evaluate_unary_as(const Evaluation& e, Function&& function) {
  const auto run = [&](const C* from, Result* to, Index count) {
    for (Index i = 0; i < count; ++i) to[i] = function(from[i]);
  };
  map_elements<C, Result>(e, std::cref(run));
}

/// y[i] = function(x[i]) for floats.
template <class Function>
void evaluate_unary(const Evaluation& e, Function&& function) {
  if (e.input().type.type == DataType::float64) return evaluate_unary_as<double>(e, function);
  evaluate_unary_as<float>(e, function);
}

/// y[i] = function(x[i]) for numbers of any type.
template <class Function>
void evaluate_unary_number(const Evaluation& e, Function&& function) {
  with_computation_type(e.input().type.type, [&]<class C>() { evaluate_unary_as<C>(e, function); });
}

}  // namespace condense::graph::reference

#endif
