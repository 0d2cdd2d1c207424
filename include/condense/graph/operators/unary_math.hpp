#ifndef CONDENSE_GRAPH_OPERATORS_UNARY_MATH_HPP
#define CONDENSE_GRAPH_OPERATORS_UNARY_MATH_HPP

#include <cmath>

#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/integer_math.hpp"
#include "condense/graph/reference/requirements.hpp"
#include "condense/graph/reference/unary_operator.hpp"

namespace condense::graph {

/// y = |x| for numbers of any type; the lowest signed integer, which has no opposite, stays. ONNX Abs.
struct Abs : reference::NumberMap<Abs> {
  static constexpr std::string_view kType = "Abs";

  template <class C>
  C operator()(C x) const {
    if constexpr (std::floating_point<C>) {
      return std::abs(x);
    } else {
      return x < C{0} ? reference::negated(x) : x;
    }
  }
};

/// y = arccos(x) for floats, in [0, pi]; NaN unless |x| <= 1. ONNX Acos.
struct Acos : reference::FloatMap<Acos> {
  static constexpr std::string_view kType = "Acos";

  auto operator()(auto x) const { return std::acos(x); }
};

/// y = arcosh(x) for floats; NaN unless x >= 1. ONNX Acosh.
struct Acosh : reference::FloatMap<Acosh> {
  static constexpr std::string_view kType = "Acosh";

  auto operator()(auto x) const { return std::acosh(x); }
};

/// y = arcsin(x) for floats, in [-pi/2, pi/2]; NaN unless |x| <= 1. ONNX Asin.
struct Asin : reference::FloatMap<Asin> {
  static constexpr std::string_view kType = "Asin";

  auto operator()(auto x) const { return std::asin(x); }
};

/// y = arsinh(x) for floats. ONNX Asinh.
struct Asinh : reference::FloatMap<Asinh> {
  static constexpr std::string_view kType = "Asinh";

  auto operator()(auto x) const { return std::asinh(x); }
};

/// y = arctan(x) for floats, in [-pi/2, pi/2]. ONNX Atan.
struct Atan : reference::FloatMap<Atan> {
  static constexpr std::string_view kType = "Atan";

  auto operator()(auto x) const { return std::atan(x); }
};

/// y = artanh(x) for floats; NaN unless |x| <= 1. ONNX Atanh.
struct Atanh : reference::FloatMap<Atanh> {
  static constexpr std::string_view kType = "Atanh";

  auto operator()(auto x) const { return std::atanh(x); }
};

/// Every bit of an integer of 8 bits or more inverted. ONNX BitwiseNot.
struct BitwiseNot {
  static constexpr std::string_view kType = "BitwiseNot";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    reference::require_any_integer(inputs, 0);
    return {inputs[0]};
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    if (e.input().type.type == DataType::uint64) {
      return reference::evaluate_unary_as<std::uint64_t>(e, [](std::uint64_t x) { return ~x; });
    }
    reference::evaluate_unary_as<std::int64_t>(e, [](std::int64_t x) { return ~x; });
  }

  friend bool operator==(const BitwiseNot&, const BitwiseNot&) = default;
};

/// y = the least integer >= x, for floats. ONNX Ceil.
struct Ceil : reference::FloatMap<Ceil> {
  static constexpr std::string_view kType = "Ceil";

  auto operator()(auto x) const { return std::ceil(x); }
};

/// y = cos(x) for floats. ONNX Cos.
struct Cos : reference::FloatMap<Cos> {
  static constexpr std::string_view kType = "Cos";

  auto operator()(auto x) const { return std::cos(x); }
};

/// y = cosh(x) for floats. ONNX Cosh.
struct Cosh : reference::FloatMap<Cosh> {
  static constexpr std::string_view kType = "Cosh";

  auto operator()(auto x) const { return std::cosh(x); }
};

/// y = erf(x) = 2 / sqrt(pi) * (integral of exp(-t^2) over [0, x]) for numbers of any type; of integers, whose result
/// lies in [-1, 1], the fraction is dropped. ONNX Erf.
struct Erf : reference::NumberMap<Erf> {
  static constexpr std::string_view kType = "Erf";

  template <class C>
  C operator()(C x) const {
    if constexpr (std::floating_point<C>) return std::erf(x);
    return static_cast<C>(std::erf(static_cast<double>(x)));
  }
};

/// y = exp(x) for floats. ONNX Exp.
struct Exp : reference::FloatMap<Exp> {
  static constexpr std::string_view kType = "Exp";

  auto operator()(auto x) const { return std::exp(x); }
};

/// y = the greatest integer <= x, for floats. ONNX Floor.
struct Floor : reference::FloatMap<Floor> {
  static constexpr std::string_view kType = "Floor";

  auto operator()(auto x) const { return std::floor(x); }
};

/// Whether a float is infinite, of the signs that are asked for. ONNX IsInf.
struct IsInf {
  static constexpr std::string_view kType = "IsInf";

  bool detect_negative = true;
  bool detect_positive = true;

  static void attributes(auto& op, auto&& visit) {
    visit("detect_negative", op.detect_negative);
    visit("detect_positive", op.detect_positive);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_question(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_question(
        e, [this](auto x) { return std::isinf(x) && (x < 0 ? detect_negative : detect_positive); });
  }

  friend bool operator==(const IsInf&, const IsInf&) = default;
};

/// Whether a float is not a number. ONNX IsNaN.
struct IsNaN {
  static constexpr std::string_view kType = "IsNaN";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_question(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_question(e, [](auto x) { return std::isnan(x); });
  }

  friend bool operator==(const IsNaN&, const IsNaN&) = default;
};

/// y = the natural logarithm of x, for floats; -infinity at 0, NaN below. ONNX Log.
struct Log : reference::FloatMap<Log> {
  static constexpr std::string_view kType = "Log";

  auto operator()(auto x) const { return std::log(x); }
};

/// y = -x for floats and signed integers, which wrap: the lowest one stays. ONNX Neg.
struct Neg {
  static constexpr std::string_view kType = "Neg";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    static_cast<void>(reference::infer_unary_number(inputs));
    require(is_signed(inputs.type(0)), "its input 0 holds signed numbers, this one is {}", name(inputs.type(0)));
    return {inputs[0]};
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary_number(e, []<class C>(C x) {
      if constexpr (std::floating_point<C>) {
        return -x;
      } else {
        return reference::negated(x);
      }
    });
  }

  friend bool operator==(const Neg&, const Neg&) = default;
};

/// y = not x for booleans. ONNX Not.
struct Not {
  static constexpr std::string_view kType = "Not";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    reference::require_boolean(inputs, 0);
    return {inputs[0]};
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary_as<std::int64_t>(e, [](std::int64_t x) { return std::int64_t{x == 0}; });
  }

  friend bool operator==(const Not&, const Not&) = default;
};

/// y = 1 / x for floats. ONNX Reciprocal.
struct Reciprocal : reference::FloatMap<Reciprocal> {
  static constexpr std::string_view kType = "Reciprocal";

  template <class T>
  T operator()(T x) const {
    return T{1} / x;
  }
};

/// y = the integer nearest to x, of two the even one, for floats. ONNX Round.
struct Round : reference::FloatMap<Round> {
  static constexpr std::string_view kType = "Round";

  auto operator()(auto x) const { return std::nearbyint(x); }
};

/// y = -1, 0 or 1 with the sign of x, for numbers of any type; a NaN stays NaN. ONNX Sign.
struct Sign : reference::NumberMap<Sign> {
  static constexpr std::string_view kType = "Sign";

  template <class C>
  C operator()(C x) const {
    if (x > C{0}) return C{1};
    if (x < C{0}) return static_cast<C>(-1);
    return x;
  }
};

/// y = sin(x) for floats. ONNX Sin.
struct Sin : reference::FloatMap<Sin> {
  static constexpr std::string_view kType = "Sin";

  auto operator()(auto x) const { return std::sin(x); }
};

/// y = sinh(x) for floats. ONNX Sinh.
struct Sinh : reference::FloatMap<Sinh> {
  static constexpr std::string_view kType = "Sinh";

  auto operator()(auto x) const { return std::sinh(x); }
};

/// y = sqrt(x) for floats; NaN below 0. ONNX Sqrt.
struct Sqrt : reference::FloatMap<Sqrt> {
  static constexpr std::string_view kType = "Sqrt";

  auto operator()(auto x) const { return std::sqrt(x); }
};

/// y = tan(x) for floats. ONNX Tan.
struct Tan : reference::FloatMap<Tan> {
  static constexpr std::string_view kType = "Tan";

  auto operator()(auto x) const { return std::tan(x); }
};

/// y = tanh(x) for floats. ONNX Tanh.
struct Tanh : reference::FloatMap<Tanh> {
  static constexpr std::string_view kType = "Tanh";

  auto operator()(auto x) const { return std::tanh(x); }
};

using UnaryMath = OperatorList<Abs, Acos, Acosh, Asin, Asinh, Atan, Atanh, BitwiseNot, Ceil, Cos, Cosh, Erf, Exp, Floor,
                               IsInf, IsNaN, Log, Neg, Not, Reciprocal, Round, Sign, Sin, Sinh, Sqrt, Tan, Tanh>;

}  // namespace condense::graph

#endif
