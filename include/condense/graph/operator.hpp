#ifndef CONDENSE_GRAPH_OPERATOR_HPP
#define CONDENSE_GRAPH_OPERATOR_HPP

#include <algorithm>
#include <concepts>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <typeindex>
#include <utility>
#include <vector>

#include "condense/core/parallel.hpp"
#include "condense/core/tensor.hpp"

namespace condense::graph {

/// Element type and shape of a value.
struct TensorType {
  DataType type = DataType::float32;
  Shape shape;

  friend bool operator==(const TensorType&, const TensorType&) = default;
};

/// The inputs of an operator as inference sees them: types, and the values of those that are known: constants, small
/// values that follow from constants and shapes, and when a graph is evaluated all. An optional input may be absent.
class InputTypes {
 public:
  struct Input {
    TensorType type;
    const Tensor* known = nullptr;
  };

  explicit InputTypes(std::span<const std::optional<Input>> inputs) : inputs_(inputs) {}

  std::size_t size() const noexcept { return inputs_.size(); }
  bool has(std::size_t i) const noexcept { return i < inputs_.size() && inputs_[i].has_value(); }
  const TensorType& operator[](std::size_t i) const { return at(i).type; }
  const Shape& shape(std::size_t i) const { return at(i).type.shape; }
  DataType type(std::size_t i) const { return at(i).type.type; }

  /// The value of input i if it is known, otherwise null.
  const Tensor* known(std::size_t i) const { return has(i) ? inputs_[i]->known : nullptr; }

  /// Throws unless there are `least` to `most` inputs and the first `least` are present.
  void require_count(std::size_t least, std::size_t most) const {
    require(size() >= least && size() <= most, "it takes {} to {} inputs, {} are given", least, most, size());
    for (std::size_t i = 0; i < least; ++i) require(has(i), "its input {} is required", i);
  }

  /// Throws unless input i has `rank` dimensions.
  void require_rank(std::size_t i, int rank) const {
    require(shape(i).rank() == rank, "its input {} has {} dimensions, this one has shape {}", i, rank,
            shape(i).to_string());
  }

  /// Throws unless input i is a float tensor, float32 or float64.
  void require_float(std::size_t i) const {
    require(type(i) == DataType::float32 || type(i) == DataType::float64,
            "its input {} is float32 or float64, this one is {}", i, name(type(i)));
  }

  /// Throws unless input i holds numbers of 8 bits or more.
  void require_number(std::size_t i) const {
    require(type(i) != DataType::boolean && !is_packed(type(i)),
            "its input {} holds numbers of 8 bits or more, this one is {}", i, name(type(i)));
  }

  /// Throws unless input i, if present, has the type of input 0.
  void require_same_type(std::size_t i) const {
    require(!has(i) || type(i) == type(0), "its input {} is {} and its first input {}; they must agree", i,
            has(i) ? name(type(i)) : "absent", name(type(0)));
  }

 private:
  const Input& at(std::size_t i) const {
    require(has(i), "its input {} is required", i);
    return *inputs_[i];
  }

  std::span<const std::optional<Input>> inputs_;
};

/// Memory of one input or output during evaluation. Data is null for an absent optional input.
template <class Byte>
struct Buffer {
  TensorType type;
  Byte* data = nullptr;

  const Shape& shape() const noexcept { return type.shape; }
  Index count() const { return type.shape.count(); }
  bool present() const noexcept { return data != nullptr; }

  /// The elements; `T` is the type that inference has established.
  template <Element T>
  auto* as() const noexcept {
    return reinterpret_cast<std::conditional_t<std::is_const_v<Byte>, const T, T>*>(data);
  }
};

using InputBuffer = Buffer<const std::byte>;
using OutputBuffer = Buffer<std::byte>;

/// What an operator computes with. Outputs have the types that `infer` gave and do not overlap the inputs.
struct Evaluation {
  std::span<const InputBuffer> inputs;
  std::span<const OutputBuffer> outputs;
  const ThreadPool& pool;

  bool has(std::size_t i) const noexcept { return i < inputs.size() && inputs[i].present(); }
  const InputBuffer& input(std::size_t i = 0) const noexcept { return inputs[i]; }
  const OutputBuffer& output(std::size_t i = 0) const noexcept { return outputs[i]; }
};

/// The attribute of an operator that has as many outputs as its node asks for.
struct OutputCount {
  Index count = 1;

  friend bool operator==(const OutputCount&, const OutputCount&) = default;
};

/// Operators that write to outputs whose shapes inference knows.
template <class T>
concept Evaluates = requires(const T& op, const Evaluation& evaluation) {
  { op.evaluate(evaluation) } -> std::same_as<void>;
};

/// Operators whose outputs' shapes follow only from computing them, such as NonZero or Loop: they make the outputs.
template <class T>
concept Computes = requires(const T& op, std::span<const Tensor* const> inputs, const ThreadPool& pool) {
  { op.compute(inputs, pool) } -> std::same_as<std::vector<Tensor>>;
};

/// A type that can be an operator: a value with its attributes as public fields.
///
/// `kType` is its ONNX name. `infer` gives the outputs' types or throws `InvalidArgument` with a sentence about "its
/// input i"; the graph puts the node's name before it. An extent that depends on a value that is not known is
/// `kDynamic`. `evaluate` (or `compute`, with null for absent inputs) is the reference semantics, in the ONNX sense, on
/// inputs that `infer` has accepted, all of them known; its result does not depend on the number of threads. It may be
/// a template (`template <class = void>`), as in condense: then its body is compiled with the operators that a program
/// makes, not in every file that includes them. Users may write their own.
///
/// Where no output has an element there is nothing to write, and `evaluate` is not called.
///
/// An operator that reads nothing but the types of its inputs says so by `kReadsTypesOnly = true`. One whose work is
/// not bounded by the extents of its inputs and outputs, such as one that runs graphs of its own or a pool with a
/// window of any size, says `kTakesAnyTime = true`: it is left alone until the graph is run. One with attributes lists
/// them, under their ONNX names, for files to read and write:
///
///     static void attributes(auto& op, auto&& visit) {
///       visit("alpha", op.alpha);
///       visit("strides", op.strides);
///     }
///
/// Attributes are `Index`, `bool`, `float`, `std::string`, `DataType`, enumerations with `enum_names`, vectors of the
/// first three, `std::optional` of any of these, or an `OutputCount`.
template <class T>
concept OperatorType = requires {
  {
    T::kType
  } -> std::convertible_to<std::string_view>;  // first: it keeps `Operator` itself out of the questions below
} && std::copy_constructible<T> && std::equality_comparable<T> && requires(const T& op, const InputTypes& types) {
  { op.infer(types) } -> std::same_as<std::vector<TensorType>>;
} && (Evaluates<T> || Computes<T>);

namespace detail {

/// What `Operator` asks of the operator that it holds.
struct OperatorBase {
  virtual ~OperatorBase() = default;
  virtual std::string_view type() const noexcept = 0;
  virtual std::type_index id() const noexcept = 0;
  virtual std::vector<TensorType> infer(const InputTypes& inputs) const = 0;
  virtual void evaluate(const Evaluation& evaluation) const = 0;
  virtual bool computes() const noexcept = 0;
  virtual std::vector<Tensor> compute(std::span<const Tensor* const> inputs, const ThreadPool& pool) const = 0;
  virtual bool reads_types_only() const noexcept = 0;
  virtual bool takes_any_time() const noexcept = 0;
  virtual bool equals(const OperatorBase& other) const = 0;
};

/// Apart from `OperatorModel`, so that looking at an operator compiles nothing of what it computes.
template <OperatorType T>
struct HeldOperator : OperatorBase {
  explicit HeldOperator(T value) : op(std::move(value)) {}
  const T op;
};

template <OperatorType T>
struct OperatorModel final : HeldOperator<T> {
  using HeldOperator<T>::HeldOperator;
  using HeldOperator<T>::op;

  std::string_view type() const noexcept override { return T::kType; }
  std::type_index id() const noexcept override { return typeid(T); }
  std::vector<TensorType> infer(const InputTypes& inputs) const override { return op.infer(inputs); }
  void evaluate([[maybe_unused]] const Evaluation& evaluation) const override {
    if constexpr (Evaluates<T>) {
      op.evaluate(evaluation);
    } else {
      throw Unsupported("it makes its own outputs, which are not written where somebody else wants them");
    }
  }
  bool computes() const noexcept override { return !Evaluates<T>; }
  std::vector<Tensor> compute([[maybe_unused]] std::span<const Tensor* const> inputs,
                              [[maybe_unused]] const ThreadPool& pool) const override {
    if constexpr (Evaluates<T>) {
      throw Unsupported("it writes to outputs that are made for it");
    } else {
      return op.compute(inputs, pool);
    }
  }
  bool reads_types_only() const noexcept override {
    if constexpr (requires { T::kReadsTypesOnly; }) return T::kReadsTypesOnly;
    return false;
  }
  bool takes_any_time() const noexcept override {
    if constexpr (requires { T::kTakesAnyTime; }) return T::kTakesAnyTime;
    return false;
  }
  bool equals(const OperatorBase& other) const override { return op == static_cast<const OperatorModel&>(other).op; }
};

/// The model of an operator of condense, where these are compiled once: defined in graph/compiled/ only.
template <class T>
std::shared_ptr<const OperatorBase> compiled_model(T op);

}  // namespace detail

/// Found by argument-dependent lookup for the classes of this very namespace, the operators of condense. Those of users
/// live in namespaces of their own.
template <class T>
void is_operator_of_condense(const T* op);

}  // namespace condense::graph

namespace condense::detail {

template <class T>
concept OperatorOfCondense = requires(const T* op) { is_operator_of_condense(op); };

}  // namespace condense::detail

namespace condense::graph {

/// Any operator: an immutable value that is cheap to copy.
class Operator {
 public:
  template <OperatorType T>
  Operator(T op) : model_(model(std::move(op))) {}

  /// ONNX name, such as "Conv".
  std::string_view type() const noexcept { return model_->type(); }

  /// The C++ type held.
  std::type_index id() const noexcept { return model_->id(); }

  /// The operator as a `T`, null if it is another one.
  template <OperatorType T>
  const T* get_if() const noexcept {
    return id() == typeid(T) ? &static_cast<const detail::HeldOperator<T>&>(*model_).op : nullptr;
  }
  template <OperatorType T>
  bool is() const noexcept {
    return id() == typeid(T);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return model_->infer(inputs); }

  /// Does nothing where no output has an element.
  void evaluate(const Evaluation& evaluation) const {
    const auto has_elements = [](const OutputBuffer& output) { return output.count() > 0; };
    if (std::ranges::any_of(evaluation.outputs, has_elements)) model_->evaluate(evaluation);
  }

  /// Whether it makes its outputs, by `compute` instead of `evaluate`.
  bool computes() const noexcept { return model_->computes(); }
  std::vector<Tensor> compute(std::span<const Tensor* const> inputs, const ThreadPool& pool) const {
    return model_->compute(inputs, pool);
  }

  bool reads_types_only() const noexcept { return model_->reads_types_only(); }
  bool takes_any_time() const noexcept { return model_->takes_any_time(); }

  friend bool operator==(const Operator& a, const Operator& b) {
    return a.model_ == b.model_ || (a.id() == b.id() && a.model_->equals(*b.model_));
  }

 private:
  template <class T>
  static std::shared_ptr<const detail::OperatorBase> model(T op) {
#ifdef CONDENSE_COMPILED
    constexpr bool kCompiled = condense::detail::OperatorOfCondense<T>;
#else
    constexpr bool kCompiled = false;
#endif
    if constexpr (kCompiled) {
      return detail::compiled_model(std::move(op));
    } else {
      return std::make_shared<detail::OperatorModel<T>>(std::move(op));
    }
  }

  std::shared_ptr<const detail::OperatorBase> model_;
};

/// The shape of `rank` dimensions that are not known.
inline Shape dynamic_shape(Index rank) {
  require(rank >= 0 && rank <= kMaximumRank, "its result would have {} dimensions; a tensor has at most {}", rank,
          kMaximumRank);
  const std::vector<Index> extents(static_cast<std::size_t>(rank), kDynamic);
  return Shape(std::span<const Index>(extents));
}

/// Calls `body.operator()<T>()` with the C++ type of a float32 or float64 tensor.
template <class Body>
decltype(auto) with_float_type(DataType type, Body&& body) {
  require(type == DataType::float32 || type == DataType::float64, "float32 or float64 is needed here, not {}",
          name(type));
  if (type == DataType::float64) return body.template operator()<double>();
  return body.template operator()<float>();
}

}  // namespace condense::graph

#endif
