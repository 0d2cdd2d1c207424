#ifndef CONDENSE_GRAPH_REFERENCE_UNARY_OPERATOR_HPP
#define CONDENSE_GRAPH_REFERENCE_UNARY_OPERATOR_HPP

#include "condense/graph/reference/elementwise.hpp"

namespace condense::graph::reference {

/// What operators share that map every float by itself: y[i] = op(x[i]), where the operator is called with a float or
/// a double. Halves are computed as floats.
template <class Op>
struct FloatMap {
  std::vector<TensorType> infer(const InputTypes& inputs) const { return infer_unary(inputs); }
  void evaluate(const Evaluation& e) const {
    evaluate_unary(e, [&op = static_cast<const Op&>(*this)](auto x) { return op(x); });
  }

  friend bool operator==(const FloatMap&, const FloatMap&) = default;
};

/// The same for numbers of any type: the operator is called with a float, a double, a std::uint64_t or, for all other
/// integers, a std::int64_t, and of an integer result the low bits are kept.
template <class Op>
struct NumberMap {
  std::vector<TensorType> infer(const InputTypes& inputs) const { return infer_unary_number(inputs); }
  void evaluate(const Evaluation& e) const {
    evaluate_unary_number(e, [&op = static_cast<const Op&>(*this)](auto x) { return op(x); });
  }

  friend bool operator==(const NumberMap&, const NumberMap&) = default;
};

/// One input of floats, one output of booleans.
inline std::vector<TensorType> infer_question(const InputTypes& inputs) {
  static_cast<void>(infer_unary(inputs));
  return {{DataType::boolean, inputs.shape(0)}};
}

/// y[i] = question(x[i]) for floats.
template <class Question>
void evaluate_question(const Evaluation& e, Question&& question) {
  const auto ask = [&](auto x) { return std::int64_t{question(x)}; };
  if (e.input().type.type == DataType::float64) return evaluate_unary_as<double, std::int64_t>(e, ask);
  evaluate_unary_as<float, std::int64_t>(e, ask);
}

}  // namespace condense::graph::reference

#endif
