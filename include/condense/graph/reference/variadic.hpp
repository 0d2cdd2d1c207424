#ifndef CONDENSE_GRAPH_REFERENCE_VARIADIC_HPP
#define CONDENSE_GRAPH_REFERENCE_VARIADIC_HPP

#include "condense/graph/reference/broadcast.hpp"

namespace condense::graph::reference {

/// The shape that all inputs from `first` on broadcast to.
inline Shape broadcast_inputs(const InputTypes& inputs, std::size_t first = 0) {
  Shape result = inputs.shape(first);
  for (std::size_t i = first + 1; i < inputs.size(); ++i) {
    const Shape& shape = inputs.shape(i);
    for (int axis = 1; axis <= std::min(result.rank(), shape.rank()); ++axis) {
      const Index before = result[result.rank() - axis];
      const Index own = shape[shape.rank() - axis];
      require(before == own || before == 1 || own == 1,
              "its input {} of shape {} does not broadcast with those before it, of shape {}: {} and {}", i,
              shape.to_string(), result.to_string(), own, before);
    }
    result = broadcast_shape(result, shape);
  }
  return result;
}

/// One input or more of one type; the output has their broadcast shape.
inline std::vector<TensorType> infer_variadic(const InputTypes& inputs) {
  require(inputs.size() >= 1, "it takes 1 input or more, none is given");
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs.require_number(i);
    inputs.require_same_type(i);
  }
  return {{inputs.type(0), broadcast_inputs(inputs)}};
}

/// y = function(... function(function(x0, x1), x2) ..., xn) on broadcast elements, all computed as C, then finish(y).
template <class C, class Function, class Finish>
void evaluate_variadic_as(const Evaluation& e, Function&& function, Finish&& finish) {
  const OutputBuffer& y = e.output();
  parallel_for(e.pool, y.count(), kChunk, [&](Index begin, Index end) {
    C converted[kChunk];
    write_elements<C>(y.type.type, y.data, begin, end - begin, [&](C* results) {
      for (const InputBuffer& x : e.inputs) {
        const auto fold = [&](Index first, Index, Index from, Index length, Index, Index stride) {
          const C* elements = read_elements<C>(x.type.type, x.data, from, stride == 0 ? 1 : length, converted);
          C* to = results + (first - begin);
          if (&x == e.inputs.data()) {
            for (Index i = 0; i < length; ++i) to[i] = elements[i * stride];
          } else {
            for (Index i = 0; i < length; ++i) to[i] = function(to[i], elements[i * stride]);
          }
        };
        Broadcast(y.shape(), x.shape(), y.shape()).for_each_run(begin, end, fold);
      }
      for (Index i = 0; i < end - begin; ++i) results[i] = finish(results[i]);
    });
  });
}

/// The same for numbers of any type without a last step.
template <class Function>
void evaluate_variadic(const Evaluation& e, Function&& function) {
  with_computation_type(e.output().type.type,
                        [&]<class C>() { evaluate_variadic_as<C>(e, function, [](C x) { return x; }); });
}

}  // namespace condense::graph::reference

#endif
