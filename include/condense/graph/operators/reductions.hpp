#ifndef CONDENSE_GRAPH_OPERATORS_REDUCTIONS_HPP
#define CONDENSE_GRAPH_OPERATORS_REDUCTIONS_HPP

#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/accumulators.hpp"
#include "condense/graph/reference/cumulative_sum.hpp"
#include "condense/graph/reference/reduction.hpp"
#include "condense/graph/reference/requirements.hpp"

namespace condense::graph {

// The reductions take a tensor and optionally the axes to reduce, an int64 vector without duplicates in which negative
// ones count from the back; without it, or if it is empty, all axes are reduced, or none if `noop_with_empty_axes` is
// set; the function is applied then, too. The result keeps the reduced axes with an extent of 1 if `keepdims` is set.
// Floats are added as doubles in row-major order; integers wrap.

/// Where along an axis the largest element lies, as int64: the first of equal ones, or the last. A NaN counts as larger
/// than all numbers. Numbers of any type. ONNX ArgMax.
struct ArgMax {
  static constexpr std::string_view kType = "ArgMax";

  Index axis = 0;
  bool keepdims = true;
  bool select_last_index = false;

  static void attributes(auto& op, auto&& visit) {
    visit("axis", op.axis);
    visit("keepdims", op.keepdims);
    visit("select_last_index", op.select_last_index);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    return reference::infer_position(inputs, axis, keepdims);
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_position(e, axis, {.largest = true, .select_last = select_last_index});
  }

  friend bool operator==(const ArgMax&, const ArgMax&) = default;
};

/// Where along an axis the least element lies, as int64: the first of equal ones, or the last. A NaN counts as less
/// than all numbers. Numbers of any type. ONNX ArgMin.
struct ArgMin {
  static constexpr std::string_view kType = "ArgMin";

  Index axis = 0;
  bool keepdims = true;
  bool select_last_index = false;

  static void attributes(auto& op, auto&& visit) {
    visit("axis", op.axis);
    visit("keepdims", op.keepdims);
    visit("select_last_index", op.select_last_index);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    return reference::infer_position(inputs, axis, keepdims);
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_position(e, axis, {.largest = false, .select_last = select_last_index});
  }

  friend bool operator==(const ArgMin&, const ArgMin&) = default;
};

/// y[i] = x[0] + ... + x[i] along an axis, without x[i] if `exclusive`, from the other end if `reverse`. ONNX CumSum.
///
/// Inputs: x, numbers of any type; the axis, an int32 or int64 scalar. Floats are added as doubles; integers wrap.
struct CumSum {
  static constexpr std::string_view kType = "CumSum";

  bool exclusive = false;
  bool reverse = false;

  static void attributes(auto& op, auto&& visit) {
    visit("exclusive", op.exclusive);
    visit("reverse", op.reverse);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    inputs.require_number(0);
    reference::require_integers(inputs, 1);
    reference::require_one_element(inputs, 1);
    const Tensor* axis = inputs.known(1);
    if (axis != nullptr) static_cast<void>(inputs.shape(0).axis(reference::integers(*axis).front()));
    return {inputs[0]};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const int axis = e.input(0).shape().axis(reference::integers(e.input(1)).front());
    reference::with_computation_type(e.input().type.type, [&]<class C>() {
      reference::cumulative_sum<C, reference::Wide<C>>(e, axis, exclusive, reverse);
    });
  }

  friend bool operator==(const CumSum&, const CumSum&) = default;
};

/// The sum of |x| over axes. ONNX ReduceL1, opset 18.
struct ReduceL1 {
  static constexpr std::string_view kType = "ReduceL1";

  bool keepdims = true;
  bool noop_with_empty_axes = false;

  static void attributes(auto& op, auto&& visit) {
    visit("keepdims", op.keepdims);
    visit("noop_with_empty_axes", op.noop_with_empty_axes);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    return reference::infer_reduction(inputs, keepdims, noop_with_empty_axes);
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_reduction(e, noop_with_empty_axes, []<class C>() { return reference::SumOfMagnitudes<C>{}; });
  }

  friend bool operator==(const ReduceL1&, const ReduceL1&) = default;
};

/// The square root of the sum of x^2 over axes. ONNX ReduceL2, opset 18.
struct ReduceL2 {
  static constexpr std::string_view kType = "ReduceL2";

  bool keepdims = true;
  bool noop_with_empty_axes = false;

  static void attributes(auto& op, auto&& visit) {
    visit("keepdims", op.keepdims);
    visit("noop_with_empty_axes", op.noop_with_empty_axes);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    return reference::infer_reduction(inputs, keepdims, noop_with_empty_axes);
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_reduction(e, noop_with_empty_axes, []<class C>() { return reference::Norm<C>{}; });
  }

  friend bool operator==(const ReduceL2&, const ReduceL2&) = default;
};

/// log(sum of x) over axes; -infinity for no elements. ONNX ReduceLogSum, opset 18.
struct ReduceLogSum {
  static constexpr std::string_view kType = "ReduceLogSum";

  bool keepdims = true;
  bool noop_with_empty_axes = false;

  static void attributes(auto& op, auto&& visit) {
    visit("keepdims", op.keepdims);
    visit("noop_with_empty_axes", op.noop_with_empty_axes);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    return reference::infer_reduction(inputs, keepdims, noop_with_empty_axes);
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_reduction(e, noop_with_empty_axes, []<class C>() { return reference::LogOfSum<C>{}; });
  }

  friend bool operator==(const ReduceLogSum&, const ReduceLogSum&) = default;
};

/// log(sum of exp(x)) over axes, without overflow for any x; -infinity for no elements. ONNX ReduceLogSumExp, opset
/// 18.
struct ReduceLogSumExp {
  static constexpr std::string_view kType = "ReduceLogSumExp";

  bool keepdims = true;
  bool noop_with_empty_axes = false;

  static void attributes(auto& op, auto&& visit) {
    visit("keepdims", op.keepdims);
    visit("noop_with_empty_axes", op.noop_with_empty_axes);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    return reference::infer_reduction(inputs, keepdims, noop_with_empty_axes);
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_reduction(e, noop_with_empty_axes,
                                  []<class C>() { return reference::LogOfSumOfExponentials<C>{}; });
  }

  friend bool operator==(const ReduceLogSumExp&, const ReduceLogSumExp&) = default;
};

/// The largest element over axes, for numbers or booleans; a NaN wins. No elements give -infinity, or the lowest number
/// of the type. ONNX ReduceMax, opset 20.
struct ReduceMax {
  static constexpr std::string_view kType = "ReduceMax";

  bool keepdims = true;
  bool noop_with_empty_axes = false;

  static void attributes(auto& op, auto&& visit) {
    visit("keepdims", op.keepdims);
    visit("noop_with_empty_axes", op.noop_with_empty_axes);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    return reference::infer_reduction(inputs, keepdims, noop_with_empty_axes, true);
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    const DataType type = e.input().type.type;
    reference::evaluate_reduction(e, noop_with_empty_axes, [type]<class C>() {
      return reference::LargestOf<C>{reference::lowest_number<C>(type)};
    });
  }

  friend bool operator==(const ReduceMax&, const ReduceMax&) = default;
};

/// The mean over axes, of integers without the fraction; no elements give NaN, or 0. ONNX ReduceMean, opset 18.
struct ReduceMean {
  static constexpr std::string_view kType = "ReduceMean";

  bool keepdims = true;
  bool noop_with_empty_axes = false;

  static void attributes(auto& op, auto&& visit) {
    visit("keepdims", op.keepdims);
    visit("noop_with_empty_axes", op.noop_with_empty_axes);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    return reference::infer_reduction(inputs, keepdims, noop_with_empty_axes);
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_reduction(e, noop_with_empty_axes, []<class C>() { return reference::MeanOf<C>{}; });
  }

  friend bool operator==(const ReduceMean&, const ReduceMean&) = default;
};

/// The least element over axes, for numbers or booleans; a NaN wins. No elements give infinity, or the highest number
/// of the type. ONNX ReduceMin, opset 20.
struct ReduceMin {
  static constexpr std::string_view kType = "ReduceMin";

  bool keepdims = true;
  bool noop_with_empty_axes = false;

  static void attributes(auto& op, auto&& visit) {
    visit("keepdims", op.keepdims);
    visit("noop_with_empty_axes", op.noop_with_empty_axes);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    return reference::infer_reduction(inputs, keepdims, noop_with_empty_axes, true);
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    const DataType type = e.input().type.type;
    reference::evaluate_reduction(e, noop_with_empty_axes, [type]<class C>() {
      return reference::LeastOf<C>{reference::highest_number<C>(type)};
    });
  }

  friend bool operator==(const ReduceMin&, const ReduceMin&) = default;
};

/// The product over axes; 1 for no elements. ONNX ReduceProd, opset 18.
struct ReduceProd {
  static constexpr std::string_view kType = "ReduceProd";

  bool keepdims = true;
  bool noop_with_empty_axes = false;

  static void attributes(auto& op, auto&& visit) {
    visit("keepdims", op.keepdims);
    visit("noop_with_empty_axes", op.noop_with_empty_axes);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    return reference::infer_reduction(inputs, keepdims, noop_with_empty_axes);
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_reduction(e, noop_with_empty_axes, []<class C>() { return reference::ProductOf<C>{}; });
  }

  friend bool operator==(const ReduceProd&, const ReduceProd&) = default;
};

/// The sum over axes; 0 for no elements. ONNX ReduceSum, opset 13.
struct ReduceSum {
  static constexpr std::string_view kType = "ReduceSum";

  bool keepdims = true;
  bool noop_with_empty_axes = false;

  static void attributes(auto& op, auto&& visit) {
    visit("keepdims", op.keepdims);
    visit("noop_with_empty_axes", op.noop_with_empty_axes);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    return reference::infer_reduction(inputs, keepdims, noop_with_empty_axes);
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_reduction(e, noop_with_empty_axes, []<class C>() { return reference::SumOf<C>{}; });
  }

  friend bool operator==(const ReduceSum&, const ReduceSum&) = default;
};

/// The sum of x^2 over axes; 0 for no elements. ONNX ReduceSumSquare, opset 18.
struct ReduceSumSquare {
  static constexpr std::string_view kType = "ReduceSumSquare";

  bool keepdims = true;
  bool noop_with_empty_axes = false;

  static void attributes(auto& op, auto&& visit) {
    visit("keepdims", op.keepdims);
    visit("noop_with_empty_axes", op.noop_with_empty_axes);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    return reference::infer_reduction(inputs, keepdims, noop_with_empty_axes);
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_reduction(e, noop_with_empty_axes, []<class C>() { return reference::SumOfSquares<C>{}; });
  }

  friend bool operator==(const ReduceSumSquare&, const ReduceSumSquare&) = default;
};

using Reductions = OperatorList<ArgMax, ArgMin, CumSum, ReduceL1, ReduceL2, ReduceLogSum, ReduceLogSumExp, ReduceMax,
                                ReduceMean, ReduceMin, ReduceProd, ReduceSum, ReduceSumSquare>;

}  // namespace condense::graph

#endif
