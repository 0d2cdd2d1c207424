#ifndef CONDENSE_GRAPH_OPERATORS_GLOBAL_AVERAGE_POOL_HPP
#define CONDENSE_GRAPH_OPERATORS_GLOBAL_AVERAGE_POOL_HPP

#include <Eigen/Core>

#include "condense/graph/reference/halves.hpp"

namespace condense::graph {

/// The mean of every channel over all positions: (n, c, ...) becomes (n, c, 1, ...). ONNX GlobalAveragePool.
///
/// Takes floats; float16 and bfloat16 are averaged in float.
struct GlobalAveragePool {
  static constexpr std::string_view kType = "GlobalAveragePool";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    reference::require_any_float(inputs, 0);
    Shape shape = inputs.shape(0);
    require(shape.rank() >= 3, "its input 0 is (n x c x ...) with spatial axes, this one has shape {}",
            shape.to_string());
    for (int axis = 2; axis < shape.rank(); ++axis) {
      require(shape[axis] >= 1, "its input 0 of shape {} has no positions to average", shape.to_string());
      shape = shape.with(axis, 1);
    }
    return {{inputs.type(0), shape}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const Index positions = shape.count(2, shape.rank());
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
      const T* x = floats.input().template as<T>();
      T* y = floats.output().template as<T>();
      const Index grain = std::max<Index>(1, reference::kElementwiseGrain / std::max<Index>(1, positions));
      parallel_for(e.pool, e.output().count(), grain, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
          y[i] = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>(x + i * positions, positions).sum() /
                 static_cast<T>(positions);
        }
      });
    });
  }

  friend bool operator==(const GlobalAveragePool&, const GlobalAveragePool&) = default;
};

}  // namespace condense::graph

#endif
