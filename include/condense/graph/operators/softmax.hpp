#ifndef CONDENSE_GRAPH_OPERATORS_SOFTMAX_HPP
#define CONDENSE_GRAPH_OPERATORS_SOFTMAX_HPP

#include <cmath>

#include "condense/graph/reference/elementwise.hpp"

namespace condense::graph {

/// y = exp(x) / sum of exp(x) along one axis, after subtracting the maximum so that nothing overflows. ONNX Softmax,
/// opset 13 and later.
struct Softmax {
  static constexpr std::string_view kType = "Softmax";

  Index axis = -1;

  static void attributes(auto& op, auto&& visit) { visit("axis", op.axis); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    static_cast<void>(reference::infer_unary(inputs));
    static_cast<void>(inputs.shape(0).axis(axis));
    return {inputs[0]};
  }

  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const int along = shape.axis(axis);
    const Index extent = shape[along];
    const Index inner = shape.count(along + 1, shape.rank());
    const Index grain = std::max<Index>(1, reference::kElementwiseGrain / std::max<Index>(1, extent));
    with_float_type(e.input().type.type, [&]<class T>() {
      parallel_for(e.pool, shape.count(0, along) * inner, grain, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
          const Index first = i / inner * extent * inner + i % inner;
          normalize(e.input().as<T>() + first, e.output().as<T>() + first, extent, inner);
        }
      });
    });
  }

  friend bool operator==(const Softmax&, const Softmax&) = default;

 private:
  /// One vector of `extent` elements that lie `stride` apart.
  template <class T>
  static void normalize(const T* x, T* y, Index extent, Index stride) {
    if (extent == 0) return;
    T highest = x[0];
    for (Index i = 1; i < extent; ++i) highest = std::max(highest, x[i * stride]);
    T sum = 0;
    for (Index i = 0; i < extent; ++i) sum += y[i * stride] = std::exp(x[i * stride] - highest);
    for (Index i = 0; i < extent; ++i) y[i * stride] /= sum;
  }
};

}  // namespace condense::graph

#endif
