#ifndef CONDENSE_GRAPH_OPERATORS_BINARY_MATH_HPP
#define CONDENSE_GRAPH_OPERATORS_BINARY_MATH_HPP

#include <cmath>

#include "condense/core/enum_names.hpp"
#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/cast.hpp"
#include "condense/graph/reference/integer_math.hpp"
#include "condense/graph/reference/requirements.hpp"
#include "condense/graph/reference/variadic.hpp"

namespace condense::graph {

/// Towards which end of a number its bits are shifted.
enum class ShiftDirection { left, right };

}  // namespace condense::graph

template <>
inline constexpr std::pair<condense::graph::ShiftDirection, std::string_view>
    condense::enum_names<condense::graph::ShiftDirection>[] = {{graph::ShiftDirection::left, "LEFT"},
                                                               {graph::ShiftDirection::right, "RIGHT"}};

namespace condense::graph {

namespace reference {

/// Two inputs of integers of one type; the output has their broadcast shape.
inline std::vector<TensorType> infer_binary_integer(const InputTypes& inputs) {
  inputs.require_count(2, 2);
  require_any_integer(inputs, 0);
  return infer_binary(inputs);
}

/// y = function(a, b) on broadcast integers as std::uint64_t, of whose results the low bits are kept.
template <class Function>
void evaluate_bits(const Evaluation& e, Function&& function) {
  const auto on_bits = wrapping(function);
  if (e.input().type.type == DataType::uint64) {
    return evaluate_binary_as<std::uint64_t, std::uint64_t, std::uint64_t>(e, on_bits);
  }
  evaluate_binary_as<std::int64_t, std::int64_t, std::int64_t>(e, on_bits);
}

}  // namespace reference

/// The bits of unsigned integers shifted by as many places as the second input says; those that are pushed out are
/// lost, and zeros come in. ONNX BitShift.
struct BitShift {
  static constexpr std::string_view kType = "BitShift";

  ShiftDirection direction = ShiftDirection::left;

  static void attributes(auto& op, auto&& visit) { visit("direction", op.direction); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    std::vector<TensorType> result = reference::infer_binary_integer(inputs);
    require(!is_signed(inputs.type(0)), "its input 0 holds unsigned integers, this one is {}", name(inputs.type(0)));
    return result;
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_bits(e, [left = direction == ShiftDirection::left](std::uint64_t x, std::uint64_t places) {
      if (places >= 64) return std::uint64_t{0};
      return left ? x << places : x >> places;
    });
  }

  friend bool operator==(const BitShift&, const BitShift&) = default;
};

/// The bits that two integers of one type share, broadcast as NumPy does. ONNX BitwiseAnd.
struct BitwiseAnd {
  static constexpr std::string_view kType = "BitwiseAnd";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_binary_integer(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_bits(e, [](std::uint64_t a, std::uint64_t b) { return a & b; });
  }

  friend bool operator==(const BitwiseAnd&, const BitwiseAnd&) = default;
};

/// The bits that either of two integers of one type has, broadcast as NumPy does. ONNX BitwiseOr.
struct BitwiseOr {
  static constexpr std::string_view kType = "BitwiseOr";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_binary_integer(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_bits(e, [](std::uint64_t a, std::uint64_t b) { return a | b; });
  }

  friend bool operator==(const BitwiseOr&, const BitwiseOr&) = default;
};

/// The bits in which two integers of one type differ, broadcast as NumPy does. ONNX BitwiseXor.
struct BitwiseXor {
  static constexpr std::string_view kType = "BitwiseXor";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_binary_integer(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_bits(e, [](std::uint64_t a, std::uint64_t b) { return a ^ b; });
  }

  friend bool operator==(const BitwiseXor&, const BitwiseXor&) = default;
};

/// a / b of two tensors of one type, broadcast as NumPy does. Of integers the fraction is dropped; they wrap, and a
/// division by zero gives 0. ONNX Div.
struct Div {
  static constexpr std::string_view kType = "Div";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_binary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_binary(e, []<class C>(C a, C b) {
      if constexpr (std::integral<C>) {
        return reference::quotient(a, b);
      } else {
        return a / b;
      }
    });
  }

  friend bool operator==(const Div&, const Div&) = default;
};

/// The largest of one or more tensors of one type, broadcast as NumPy does; a NaN wins. ONNX Max.
struct Max {
  static constexpr std::string_view kType = "Max";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_variadic(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_variadic(e, [](auto a, auto b) { return a < b || b != b ? b : a; });
  }

  friend bool operator==(const Max&, const Max&) = default;
};

/// The mean of one or more tensors of floats of one type, broadcast as NumPy does. ONNX Mean.
struct Mean {
  static constexpr std::string_view kType = "Mean";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    std::vector<TensorType> result = reference::infer_variadic(inputs);
    require(is_float(result.front().type), "its inputs are float tensors, they are {}", name(result.front().type));
    return result;
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    const auto evaluate_as = [&]<class C>(C count) {
      reference::evaluate_variadic_as<C>(
          e, [](C a, C b) { return a + b; }, [count](C sum) { return sum / count; });
    };
    if (e.output().type.type == DataType::float64) return evaluate_as(static_cast<double>(e.inputs.size()));
    evaluate_as(static_cast<float>(e.inputs.size()));
  }

  friend bool operator==(const Mean&, const Mean&) = default;
};

/// The least of one or more tensors of one type, broadcast as NumPy does; a NaN wins. ONNX Min.
struct Min {
  static constexpr std::string_view kType = "Min";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_variadic(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_variadic(e, [](auto a, auto b) { return b < a || b != b ? b : a; });
  }

  friend bool operator==(const Min&, const Min&) = default;
};

/// The remainder of a / b of two tensors of one type, broadcast as NumPy does: with the sign of b, for integers, or
/// with that of a if `fmod` is set, as the function of that name in C. An integer modulo 0 is 0. ONNX Mod.
struct Mod {
  static constexpr std::string_view kType = "Mod";

  bool fmod = false;

  static void attributes(auto& op, auto&& visit) { visit("fmod", op.fmod); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    std::vector<TensorType> result = reference::infer_binary(inputs);
    require(fmod || !is_float(inputs.type(0)), "its attribute fmod is 0, which takes integers; its input 0 is {}",
            name(inputs.type(0)));
    return result;
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_binary(e, [sign_of_a = fmod]<class C>(C a, C b) {
      if constexpr (std::integral<C>) {
        return sign_of_a ? reference::remainder(a, b) : reference::modulo(a, b);
      } else {
        return std::fmod(a, b);
      }
    });
  }

  friend bool operator==(const Mod&, const Mod&) = default;
};

/// a to the power of b, in the type of a, broadcast as NumPy does. ONNX Pow.
///
/// Inputs: a and b, numbers of any two types. Integers to the power of integers wrap, and lose the fraction where b is
/// negative; 0 to a negative power is 0. Integers to the power of floats are computed as doubles and become integers of
/// 64 bits as Cast defines it, of which the low bits are kept.
struct Pow {
  static constexpr std::string_view kType = "Pow";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    inputs.require_number(0);
    inputs.require_number(1);
    return {{inputs.type(0), reference::broadcast_shape(inputs.shape(0), inputs.shape(1))}};
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::with_computation_type(e.input(0).type.type, [&]<class A>() {
      reference::with_computation_type(e.input(1).type.type, [&]<class B>() {
        reference::evaluate_binary_as<A, B, A>(e, [](A a, B b) {
          if constexpr (std::integral<A> && std::integral<B>) {
            return reference::power(a, b);
          } else if constexpr (std::same_as<A, B>) {
            return std::pow(a, b);
          } else {
            return reference::cast_number<A>(std::pow(static_cast<double>(a), static_cast<double>(b)));
          }
        });
      });
    });
  }

  friend bool operator==(const Pow&, const Pow&) = default;
};

/// a - b of two tensors of one type, broadcast as NumPy does. Integers wrap. ONNX Sub.
struct Sub {
  static constexpr std::string_view kType = "Sub";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_binary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_binary(e, reference::wrapping([](auto a, auto b) { return a - b; }));
  }

  friend bool operator==(const Sub&, const Sub&) = default;
};

/// The sum of one or more tensors of one type, in their order, broadcast as NumPy does. Integers wrap, and halves are
/// added as floats. ONNX Sum.
struct Sum {
  static constexpr std::string_view kType = "Sum";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_variadic(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_variadic(e, reference::wrapping([](auto a, auto b) { return a + b; }));
  }

  friend bool operator==(const Sum&, const Sum&) = default;
};

using BinaryMath = OperatorList<BitShift, BitwiseAnd, BitwiseOr, BitwiseXor, Div, Max, Mean, Min, Mod, Pow, Sub, Sum>;

}  // namespace condense::graph

#endif
