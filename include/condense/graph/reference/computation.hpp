#ifndef CONDENSE_GRAPH_REFERENCE_COMPUTATION_HPP
#define CONDENSE_GRAPH_REFERENCE_COMPUTATION_HPP

#include <algorithm>
#include <concepts>
#include <iterator>

#include "condense/graph/operator.hpp"

namespace condense::graph::reference {

/// Calls `body.operator()<T>()` with the C++ type of the elements of an unpacked tensor.
template <class Body>
decltype(auto) with_element_type(DataType type, Body&& body) {
  switch (type) {
    case DataType::float32: return body.template operator()<float>();
    case DataType::float64: return body.template operator()<double>();
    case DataType::float16: return body.template operator()<Float16>();
    case DataType::bfloat16: return body.template operator()<BFloat16>();
    case DataType::int8: return body.template operator()<std::int8_t>();
    case DataType::uint8: return body.template operator()<std::uint8_t>();
    case DataType::int16: return body.template operator()<std::int16_t>();
    case DataType::uint16: return body.template operator()<std::uint16_t>();
    case DataType::int32: return body.template operator()<std::int32_t>();
    case DataType::uint32: return body.template operator()<std::uint32_t>();
    case DataType::int64: return body.template operator()<std::int64_t>();
    case DataType::uint64: return body.template operator()<std::uint64_t>();
    case DataType::boolean: return body.template operator()<bool>();
    default: throw Unsupported(fmt::format("it does not compute with {}; cast to int8 or uint8 first", name(type)));
  }
}

/// The type in which elements of type T are computed. Four of them serve all, so that an operator is compiled four
/// times: float for itself and for halves, double, std::uint64_t, and std::int64_t for all other integers and booleans.
/// Results are rounded to T, or keep its low bits.
template <Element T>
using Computation = std::conditional_t<std::same_as<T, double>, double,
                                       std::conditional_t<std::same_as<T, std::uint64_t>, std::uint64_t,
                                                          std::conditional_t<std::integral<T>, std::int64_t, float>>>;

/// Calls `body.operator()<C>()` with the type in which elements of `type` are computed.
template <class Body>
decltype(auto) with_computation_type(DataType type, Body&& body) {
  if (type == DataType::float64) return body.template operator()<double>();
  if (type == DataType::uint64) return body.template operator()<std::uint64_t>();
  if (is_float(type)) return body.template operator()<float>();
  return body.template operator()<std::int64_t>();
}

/// Elements that are converted at a time: few enough for the first-level cache.
inline constexpr Index kChunk = 1024;

/// Elements [first, first + count) of a buffer as C: in place, or converted into `converted`; at most kChunk.
template <class C>
const C* read_elements(DataType type, const std::byte* data, Index first, Index count, C* converted) {
  if (type == data_type_of<C>) return reinterpret_cast<const C*>(data) + first;
  with_element_type(type, [&]<class T>() {
    const T* elements = reinterpret_cast<const T*>(data) + first;
    if constexpr (std::same_as<Computation<T>, C>) {
      for (Index i = 0; i < count; ++i) converted[i] = static_cast<C>(elements[i]);
    }
  });
  return converted;
}

/// All elements of a buffer, read as C, as `Result`.
template <class C, class Result = C>
std::vector<Result> elements_as(DataType type, const std::byte* data, Index count) {
  std::vector<Result> result;
  result.reserve(static_cast<std::size_t>(count));
  C converted[kChunk];
  for (Index first = 0; first < count; first += kChunk) {
    const Index length = std::min(kChunk, count - first);
    const C* from = read_elements<C>(type, data, first, length, converted);
    std::transform(from, from + length, std::back_inserter(result), [](C x) { return static_cast<Result>(x); });
  }
  return result;
}
template <class C>
std::vector<C> elements_as(const InputBuffer& buffer) {
  return elements_as<C>(buffer.type.type, buffer.data, buffer.count());
}

/// Calls `body(results)` with the place for elements [first, first + count) of a buffer as C, at most kChunk of them,
/// and converts what it has written there.
template <class C, class Body>
void write_elements(DataType type, std::byte* data, Index first, Index count, Body&& body) {
  if (type == data_type_of<C>) return body(reinterpret_cast<C*>(data) + first);
  C results[kChunk];
  body(static_cast<C*>(results));
  with_element_type(type, [&]<class T>() {
    T* elements = reinterpret_cast<T*>(data) + first;
    if constexpr (std::same_as<Computation<T>, C>) {
      for (Index i = 0; i < count; ++i) elements[i] = static_cast<T>(results[i]);
    }
  });
}

/// An operation on integers as if they were unsigned, so that they wrap where they overflow; on floats as it is.
template <class Function>
auto wrapping(Function function) {
  return [function]<class C>(C a, C b) {
    if constexpr (std::integral<C>) {
      return static_cast<C>(function(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
    } else {
      return function(a, b);
    }
  };
}

}  // namespace condense::graph::reference

#endif
