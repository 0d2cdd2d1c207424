#ifndef CONDENSE_GRAPH_OPERATORS_HARD_SWISH_HPP
#define CONDENSE_GRAPH_OPERATORS_HARD_SWISH_HPP

#include "condense/graph/reference/elementwise.hpp"

namespace condense::graph {

/// y = x * min(max(x / 6 + 1/2, 0), 1) (Howard et al., "Searching for MobileNetV3", ICCV 2019). ONNX HardSwish.
struct HardSwish {
  static constexpr std::string_view kType = "HardSwish";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary(e, [](auto x) {
      using T = decltype(x);
      const T gate = x / T{6} + T{0.5};
      return x * (gate < 0 ? T{0} : gate > 1 ? T{1} : gate);
    });
  }

  friend bool operator==(const HardSwish&, const HardSwish&) = default;
};

}  // namespace condense::graph

#endif
