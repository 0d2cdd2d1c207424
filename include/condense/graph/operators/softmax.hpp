#ifndef CONDENSE_GRAPH_OPERATORS_SOFTMAX_HPP
#define CONDENSE_GRAPH_OPERATORS_SOFTMAX_HPP

#include <cmath>

#include "condense/graph/reference/along_axis.hpp"

namespace condense::graph {

/// y = exp(x) / sum of exp(x) along one axis, after subtracting the maximum so that nothing overflows. ONNX Softmax,
/// opset 13 and later.
struct Softmax {
  static constexpr std::string_view kType = "Softmax";

  Index axis = -1;

  static void attributes(auto& op, auto&& visit) { visit("axis", op.axis); }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_along(inputs, axis); }
  void evaluate(const Evaluation& e) const {
    reference::evaluate_along(e, axis, []<class T>(const T* x, T* y, Index extent, Index stride) {
      T highest = x[0];
      for (Index i = 1; i < extent; ++i) highest = std::max(highest, x[i * stride]);
      T sum = 0;
      for (Index i = 0; i < extent; ++i) sum += y[i * stride] = std::exp(x[i * stride] - highest);
      for (Index i = 0; i < extent; ++i) y[i * stride] /= sum;
    });
  }

  friend bool operator==(const Softmax&, const Softmax&) = default;
};

}  // namespace condense::graph

#endif
