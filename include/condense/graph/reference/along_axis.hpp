#ifndef CONDENSE_GRAPH_REFERENCE_ALONG_AXIS_HPP
#define CONDENSE_GRAPH_REFERENCE_ALONG_AXIS_HPP

#include "condense/graph/reference/halves.hpp"

namespace condense::graph::reference {

/// One input of floats and an axis of it, one output of the same type.
inline std::vector<TensorType> infer_along(const InputTypes& inputs, Index axis) {
  static_cast<void>(infer_unary(inputs));
  static_cast<void>(inputs.shape(0).axis(axis));
  return {inputs[0]};
}

/// Calls `body(x, y, extent, stride)` for every vector along an axis, of floats or doubles: `extent` >= 1 elements that
/// lie `stride` apart in the input and in the output.
template <class Body>
void evaluate_along(const Evaluation& e, Index axis, Body&& body) {
  evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
    const Shape& shape = floats.input().shape();
    const int along = shape.axis(axis);
    const Index extent = shape[along];
    const Index stride = shape.count(along + 1, shape.rank());
    if (extent == 0) return;
    const T* x = floats.input().template as<T>();
    T* y = floats.output().template as<T>();
    const Index grain = std::max<Index>(1, kElementwiseGrain / extent);
    parallel_for(e.pool, shape.count(0, along) * stride, grain, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        const Index first = i / stride * extent * stride + i % stride;
        body(x + first, y + first, extent, stride);
      }
    });
  });
}

}  // namespace condense::graph::reference

#endif
