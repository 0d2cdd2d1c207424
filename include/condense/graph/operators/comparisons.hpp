#ifndef CONDENSE_GRAPH_OPERATORS_COMPARISONS_HPP
#define CONDENSE_GRAPH_OPERATORS_COMPARISONS_HPP

#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/integers.hpp"
#include "condense/graph/reference/requirements.hpp"
#include "condense/graph/reference/variadic.hpp"

namespace condense::graph {

namespace reference {

/// Two inputs of numbers of one type; the output is boolean and has their broadcast shape.
inline std::vector<TensorType> infer_comparison(const InputTypes& inputs) {
  return {{DataType::boolean, infer_binary(inputs).front().shape}};
}

/// Two inputs of booleans; the output is boolean and has their broadcast shape.
inline std::vector<TensorType> infer_logic(const InputTypes& inputs) {
  inputs.require_count(2, 2);
  require_boolean(inputs, 0);
  require_boolean(inputs, 1);
  return {{DataType::boolean, broadcast_shape(inputs.shape(0), inputs.shape(1))}};
}

/// y = question(a, b) on broadcast elements of one type.
template <class Question>
void evaluate_comparison(const Evaluation& e, Question&& question) {
  with_computation_type(e.input().type.type, [&]<class C>() {
    evaluate_binary_as<C, C, std::int64_t>(e, [&](C a, C b) { return std::int64_t{question(a, b)}; });
  });
}

/// y = function(a, b) on broadcast booleans.
template <class Function>
void evaluate_logic(const Evaluation& e, Function&& function) {
  evaluate_binary_as<std::int64_t, std::int64_t, std::int64_t>(e, function);
}

}  // namespace reference

/// Whether both of two booleans are true, broadcast as NumPy does. ONNX And.
struct And {
  static constexpr std::string_view kType = "And";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_logic(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_logic(e, [](std::int64_t a, std::int64_t b) { return a & b; });
  }

  friend bool operator==(const And&, const And&) = default;
};

/// Whether a = b, for booleans or numbers of one type, broadcast as NumPy does. ONNX Equal.
struct Equal {
  static constexpr std::string_view kType = "Equal";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    if (inputs.type(0) == DataType::boolean) return reference::infer_logic(inputs);
    return reference::infer_comparison(inputs);
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_comparison(e, [](auto a, auto b) { return a == b; });
  }

  friend bool operator==(const Equal&, const Equal&) = default;
};

/// Whether a > b, for numbers of one type, broadcast as NumPy does. ONNX Greater.
struct Greater {
  static constexpr std::string_view kType = "Greater";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_comparison(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_comparison(e, [](auto a, auto b) { return a > b; });
  }

  friend bool operator==(const Greater&, const Greater&) = default;
};

/// Whether a >= b, for numbers of one type, broadcast as NumPy does. ONNX GreaterOrEqual.
struct GreaterOrEqual {
  static constexpr std::string_view kType = "GreaterOrEqual";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_comparison(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_comparison(e, [](auto a, auto b) { return a >= b; });
  }

  friend bool operator==(const GreaterOrEqual&, const GreaterOrEqual&) = default;
};

/// Whether a < b, for numbers of one type, broadcast as NumPy does. ONNX Less.
struct Less {
  static constexpr std::string_view kType = "Less";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_comparison(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_comparison(e, [](auto a, auto b) { return a < b; });
  }

  friend bool operator==(const Less&, const Less&) = default;
};

/// Whether a <= b, for numbers of one type, broadcast as NumPy does. ONNX LessOrEqual.
struct LessOrEqual {
  static constexpr std::string_view kType = "LessOrEqual";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_comparison(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_comparison(e, [](auto a, auto b) { return a <= b; });
  }

  friend bool operator==(const LessOrEqual&, const LessOrEqual&) = default;
};

/// Whether one or both of two booleans are true, broadcast as NumPy does. ONNX Or.
struct Or {
  static constexpr std::string_view kType = "Or";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_logic(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_logic(e, [](std::int64_t a, std::int64_t b) { return a | b; });
  }

  friend bool operator==(const Or&, const Or&) = default;
};

/// y = a where the condition holds, otherwise b. ONNX Where.
///
/// Inputs: the condition, boolean; a and b of one type, any of 8 bits or more. All three broadcast as NumPy does.
struct Where {
  static constexpr std::string_view kType = "Where";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(3, 3);
    reference::require_boolean(inputs, 0);
    require(inputs.type(1) == inputs.type(2), "its inputs 1 and 2 are {} and {}; they must agree", name(inputs.type(1)),
            name(inputs.type(2)));
    reference::require_whole_bytes(inputs, 1);
    return {{inputs.type(1), reference::broadcast_inputs(inputs)}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::with_word(e.output().type.type, [&]<class Word>() { choose<Word>(e); });
  }

  friend bool operator==(const Where&, const Where&) = default;

 private:
  template <class Word>
  static void choose(const Evaluation& e) {
    const Shape& shape = e.output().shape();
    const reference::Broadcast conditions(shape, e.input(0).shape(), shape);
    const reference::Broadcast operands[] = {{shape, e.input(2).shape(), shape}, {shape, e.input(1).shape(), shape}};
    const Word* sources[] = {reinterpret_cast<const Word*>(e.input(2).data),
                             reinterpret_cast<const Word*>(e.input(1).data)};
    const bool* condition = e.input(0).as<bool>();
    auto* y = reinterpret_cast<Word*>(e.output().data);
    parallel_for(e.pool, e.output().count(), reference::kChunk, [&](Index begin, Index end) {
      bool holds[reference::kChunk];
      conditions.for_each_run(begin, end, [&](Index first, Index, Index from, Index length, Index, Index stride) {
        for (Index i = 0; i < length; ++i) holds[first - begin + i] = condition[from + i * stride];
      });
      for (const bool which : {false, true}) {
        operands[which].for_each_run(begin, end,
                                     [&](Index first, Index, Index from, Index length, Index, Index stride) {
                                       for (Index i = 0; i < length; ++i) {
                                         if (holds[first - begin + i] == which)
                                           y[first + i] = sources[which][from + i * stride];
                                       }
                                     });
      }
    });
  }
};

/// Whether exactly one of two booleans is true, broadcast as NumPy does. ONNX Xor.
struct Xor {
  static constexpr std::string_view kType = "Xor";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_logic(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_logic(e, [](std::int64_t a, std::int64_t b) { return a ^ b; });
  }

  friend bool operator==(const Xor&, const Xor&) = default;
};

using Comparisons = OperatorList<And, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Or, Where, Xor>;

}  // namespace condense::graph

#endif
