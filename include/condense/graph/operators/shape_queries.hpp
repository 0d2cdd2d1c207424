#ifndef CONDENSE_GRAPH_OPERATORS_SHAPE_QUERIES_HPP
#define CONDENSE_GRAPH_OPERATORS_SHAPE_QUERIES_HPP

#include <cmath>
#include <cstring>

#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/cast.hpp"
#include "condense/graph/reference/integers.hpp"

namespace condense::graph {

/// The extents of the axes [start, end) of a tensor of any type, int64. ONNX Shape, opset 15 and later.
struct ShapeOf {
  static constexpr std::string_view kType = "Shape";
  static constexpr bool kReadsTypesOnly = true;

  Index start = 0;                ///< A negative one counts from the back; outside the axes it becomes the nearest end.
  std::optional<Index> end = {};  ///< As `start`; absent for the rank.

  static void attributes(auto& op, auto&& visit) {
    visit("start", op.start);
    visit("end", op.end);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    const auto [first, last] = axes(inputs.shape(0).rank());
    return {{DataType::int64, Shape{last - first}}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const auto [first, last] = axes(shape.rank());
    for (Index axis = first; axis < last; ++axis) {
      e.output().as<std::int64_t>()[axis - first] = shape[static_cast<int>(axis)];
    }
  }

  friend bool operator==(const ShapeOf&, const ShapeOf&) = default;

 private:
  std::pair<Index, Index> axes(Index rank) const {
    const auto within = [&](Index axis) { return std::clamp<Index>(axis < 0 ? axis + rank : axis, 0, rank); };
    const Index first = within(start);
    return {first, std::max(first, within(end.value_or(rank)))};
  }
};

/// The number of elements of a tensor of any type, an int64 scalar. ONNX Size.
struct Size {
  static constexpr std::string_view kType = "Size";
  static constexpr bool kReadsTypesOnly = true;

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    return {{DataType::int64, Shape{}}};
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    *e.output().as<std::int64_t>() = e.input().count();
  }

  friend bool operator==(const Size&, const Size&) = default;
};

/// A tensor of the shape that its input, an int64 vector, holds, every element of which is `value`. ONNX
/// ConstantOfShape.
struct ConstantOfShape {
  static constexpr std::string_view kType = "ConstantOfShape";

  std::optional<Tensor> value = {};  ///< One element of any type; absent for 0 of float32.

  static void attributes(auto& op, auto&& visit) { visit("value", op.value); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    reference::require_integer_vector(inputs, 0);
    require(!value || value->count() == 1, "its attribute value is one element, this one has shape {}",
            value ? value->shape().to_string() : "");
    const DataType type = value ? value->type() : DataType::float32;
    const Tensor* wanted = inputs.known(0);
    if (wanted == nullptr) return {{type, dynamic_shape(inputs.shape(0)[0])}};
    return {{type, reference::shape_in(*wanted, 0)}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const OutputBuffer& y = e.output();
    if (!value) {
      std::fill_n(y.as<float>(), y.count(), 0.0F);
    } else if (is_packed(value->type())) {
      reference::with_codes(value->type(), [&]<class Code>() {
        for (Index i = 0; i < y.count(); ++i) Code::store(y.data, i, Code::load(value->raw(), 0));
      });
    } else {
      reference::with_word(value->type(), [&]<class T>() {
        std::fill_n(reinterpret_cast<T*>(y.data), y.count(), *reinterpret_cast<const T*>(value->raw()));
      });
    }
  }

  friend bool operator==(const ConstantOfShape&, const ConstantOfShape&) = default;
};

namespace detail {

/// The one element of a tensor of numbers.
template <class C>
C range_operand(DataType type, const std::byte* data) {
  C converted{};
  return *reference::read_elements<C>(type, data, 0, 1, &converted);
}

/// start + i * delta.
template <class C>
C range_term(C start, C delta, Index i) {
  if constexpr (std::integral<C>) {
    return static_cast<C>(static_cast<std::uint64_t>(start) +
                          static_cast<std::uint64_t>(delta) * static_cast<std::uint64_t>(i));
  } else {
    return static_cast<C>(static_cast<double>(start) + static_cast<double>(delta) * static_cast<double>(i));
  }
}

/// How many of start, start + delta, ... lie before the limit.
template <class C>
Index range_count(C start, C limit, C delta) {
  require(delta != C{0}, "its input 2, the delta, is 0; no number of steps leads from {} to {}", start, limit);
  const bool ascends = delta > C{0};
  if (ascends ? !(start < limit) : !(start > limit)) return 0;
  if constexpr (std::integral<C>) {
    const auto distance = [](C from, C to) {
      return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
    };
    const std::uint64_t span = ascends ? distance(start, limit) : distance(limit, start);
    const std::uint64_t step = ascends ? static_cast<std::uint64_t>(delta) : distance(delta, C{0});
    const std::uint64_t steps = (span - 1) / step + 1;
    require(steps <= static_cast<std::uint64_t>(Shape::kMaximumCount), "it would count {} steps from {} to {}", steps,
            start, limit);
    return static_cast<Index>(steps);
  } else {
    const double steps =
        std::ceil((static_cast<double>(limit) - static_cast<double>(start)) / static_cast<double>(delta));
    require(steps <= 0x1p53, "it would count {} steps from {} to {}", steps, start, limit);
    return static_cast<Index>(steps);
  }
}

}  // namespace detail

/// start, start + delta, start + 2 delta, ... as far as they lie before `limit`: max(ceil((limit - start) / delta), 0)
/// numbers. ONNX Range.
///
/// Inputs: start, limit, delta, scalars of one type of numbers. Floats are computed in double and rounded once.
struct Range {
  static constexpr std::string_view kType = "Range";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(3, 3);
    inputs.require_number(0);
    for (std::size_t i = 0; i < 3; ++i) {
      inputs.require_same_type(i);
      reference::require_one_element(inputs, i);
    }
    const DataType type = inputs.type(0);
    if (!inputs.known(0) || !inputs.known(1) || !inputs.known(2)) return {{type, dynamic_shape(1)}};
    return reference::with_computation_type(type, [&]<class C>() -> std::vector<TensorType> {
      const auto number = [&](std::size_t i) { return detail::range_operand<C>(type, inputs.known(i)->raw()); };
      return {{type, Shape{detail::range_count(number(0), number(1), number(2))}}};
    });
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const DataType type = e.output().type.type;
    reference::with_computation_type(type, [&]<class C>() {
      const C start = detail::range_operand<C>(type, e.input(0).data);
      const C delta = detail::range_operand<C>(type, e.input(2).data);
      for (Index first = 0; first < e.output().count(); first += reference::kChunk) {
        const Index length = std::min(reference::kChunk, e.output().count() - first);
        reference::write_elements<C>(type, e.output().data, first, length, [&](C* to) {
          for (Index i = 0; i < length; ++i) to[i] = detail::range_term(start, delta, first + i);
        });
      }
    });
  }

  friend bool operator==(const Range&, const Range&) = default;
};

/// A matrix with ones on its diagonal k and zeros elsewhere, of the shape of its input. ONNX EyeLike.
struct EyeLike {
  static constexpr std::string_view kType = "EyeLike";
  static constexpr bool kReadsTypesOnly = true;

  std::optional<DataType> dtype = {};  ///< Absent for the type of the input.
  Index k = 0;                         ///< Above 0 a diagonal above the main one, below 0 one below.

  static void attributes(auto& op, auto&& visit) {
    visit("dtype", op.dtype);
    visit("k", op.k);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    inputs.require_rank(0, 2);
    const DataType type = dtype.value_or(inputs.type(0));
    require(!is_packed(type), "its result holds elements of 8 bits or more, not {}", name(type));
    return {{type, inputs.shape(0)}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Index rows = e.output().shape()[0];
    const Index columns = e.output().shape()[1];
    const DataType type = e.output().type.type;
    std::memset(e.output().data, 0, bytes(type, rows * columns));
    const Index shift = std::clamp(k, -rows, columns);
    const Index last = std::min(rows, columns - shift);
    reference::with_element_type(type, [&]<class T>() {
      T* y = e.output().as<T>();
      for (Index row = std::max<Index>(0, -shift); row < last; ++row)
        y[row * columns + row + shift] = static_cast<T>(1);
    });
  }

  friend bool operator==(const EyeLike&, const EyeLike&) = default;
};

/// y = x, of any type. ONNX Identity.
struct Identity {
  static constexpr std::string_view kType = "Identity";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    return {inputs[0]};
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    std::memcpy(e.output().data, e.input().data, bytes(e.input().type.type, e.input().count()));
  }

  friend bool operator==(const Identity&, const Identity&) = default;
};

/// Input 0 in the type of input 1, see `reference::cast`; the values of input 1 do not count. ONNX CastLike.
struct CastLike {
  static constexpr std::string_view kType = "CastLike";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    return {{inputs.type(1), inputs.shape(0)}};
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::cast(e);
  }

  friend bool operator==(const CastLike&, const CastLike&) = default;
};

using ShapeQueries = OperatorList<CastLike, ConstantOfShape, EyeLike, Identity, Range, ShapeOf, Size>;

}  // namespace condense::graph

#endif
