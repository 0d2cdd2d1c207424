#ifndef CONDENSE_GRAPH_OPERATORS_CLIP_HPP
#define CONDENSE_GRAPH_OPERATORS_CLIP_HPP

#include <limits>

#include "condense/graph/reference/elementwise.hpp"

namespace condense::graph {

/// y = min(max(x, lowest), highest); a NaN stays NaN. ONNX Clip, opset 11 and later.
///
/// Inputs: x; optional lowest and highest, scalars of its type. An absent one is no bound.
struct Clip {
  static constexpr std::string_view kType = "Clip";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 3);
    inputs.require_number(0);
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      if (!inputs.has(i)) continue;
      inputs.require_same_type(i);
      require(inputs.shape(i).count() == 1 && inputs.shape(i).rank() <= 1,
              "its input {}, a bound, is a scalar; this one has shape {}", i, inputs.shape(i).to_string());
    }
    return {inputs[0]};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::with_computation_type(e.input().type.type, [&]<class C>() {
      using Limits = std::numeric_limits<C>;
      const auto bound = [&](std::size_t i, C absent) {
        return e.has(i) ? *reference::read_elements(e.input(i).type.type, e.input(i).data, 0, 1, &absent) : absent;
      };
      const C lowest = bound(1, Limits::has_infinity ? -Limits::infinity() : Limits::lowest());
      const C highest = bound(2, Limits::has_infinity ? Limits::infinity() : Limits::max());
      reference::evaluate_unary_as<C>(e, [=](C x) {
        x = x < lowest ? lowest : x;
        return x > highest ? highest : x;
      });
    });
  }

  friend bool operator==(const Clip&, const Clip&) = default;
};

}  // namespace condense::graph

#endif
