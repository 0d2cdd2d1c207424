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

/// Calls `body(first, extent, stride)` for every vector along an axis: `extent` >= 1 elements from `first` on that lie
/// `stride` apart.
template <class Body>
void for_each_vector(const Shape& shape, Index axis, const ThreadPool& pool, Body&& body) {
  const int along = shape.axis(axis);
  const Index extent = shape[along];
  const Index stride = shape.count(along + 1, shape.rank());
  if (extent == 0) return;
  const Index grain = std::max<Index>(1, kElementwiseGrain / extent);
  parallel_for(pool, shape.count(0, along) * stride, grain, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) body(i / stride * extent * stride + i % stride, extent, stride);
  });
}

/// Calls `body(x, y, extent, stride)` for every vector along an axis of input 0, of floats or doubles, and where it is
/// in output 0.
template <class Body>
void evaluate_along(const Evaluation& e, Index axis, Body&& body) {
  evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
    const T* x = floats.input().template as<T>();
    T* y = floats.output().template as<T>();
    for_each_vector(floats.input().shape(), axis, e.pool,
                    [&](Index first, Index extent, Index stride) { body(x + first, y + first, extent, stride); });
  });
}

}  // namespace condense::graph::reference

#endif
