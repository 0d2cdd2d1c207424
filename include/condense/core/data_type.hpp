#ifndef CONDENSE_CORE_DATA_TYPE_HPP
#define CONDENSE_CORE_DATA_TYPE_HPP

#include <Eigen/Core>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "condense/core/shape.hpp"

namespace condense {

using Float16 = Eigen::half;       ///< IEEE 754 binary16, round to nearest-even.
using BFloat16 = Eigen::bfloat16;  ///< The upper half of binary32, round to nearest-even.

/// The type of a tensor's elements. Types below 8 bits are packed: the element with the lower index sits in the lower
/// bits of a byte, and a tensor's last byte is padded with zeros.
enum class DataType : std::uint8_t {
  float32,
  float64,
  float16,
  bfloat16,
  int8,
  uint8,
  int4,
  uint4,
  int2,
  uint2,
  int16,
  uint16,
  int32,
  uint32,
  int64,
  uint64,
  boolean,
};

namespace detail {

struct DataTypeFacts {
  std::string_view name;
  int bits;
  bool is_signed;
  bool is_float;
};

inline constexpr DataTypeFacts kDataTypeFacts[] = {
    {"float32", 32, true, true},  {"float64", 64, true, true},  {"float16", 16, true, true},
    {"bfloat16", 16, true, true}, {"int8", 8, true, false},     {"uint8", 8, false, false},
    {"int4", 4, true, false},     {"uint4", 4, false, false},   {"int2", 2, true, false},
    {"uint2", 2, false, false},   {"int16", 16, true, false},   {"uint16", 16, false, false},
    {"int32", 32, true, false},   {"uint32", 32, false, false}, {"int64", 64, true, false},
    {"uint64", 64, false, false}, {"boolean", 8, false, false},
};

constexpr const DataTypeFacts& facts(DataType type) noexcept { return kDataTypeFacts[static_cast<std::size_t>(type)]; }

}  // namespace detail

constexpr std::string_view name(DataType type) noexcept { return detail::facts(type).name; }
constexpr int bits(DataType type) noexcept { return detail::facts(type).bits; }
constexpr bool is_signed(DataType type) noexcept { return detail::facts(type).is_signed; }
constexpr bool is_float(DataType type) noexcept { return detail::facts(type).is_float; }

/// True for the packed integers of 4 and 2 bits.
constexpr bool is_packed(DataType type) noexcept { return bits(type) < 8; }

/// True for the integers of at most 8 bits, which stand for reals through a scale and a zero point.
constexpr bool is_quantized(DataType type) noexcept {
  return bits(type) <= 8 && !is_float(type) && type != DataType::boolean;
}

/// Bytes that `count` elements occupy, padded to whole bytes; `count` is in [0, `Shape::kMaximumCount`].
constexpr std::size_t bytes(DataType type, Index count) noexcept {
  const auto width = static_cast<std::size_t>(bits(type));
  const auto elements = static_cast<std::size_t>(count);
  return elements / 8 * width + (elements % 8 * width + 7) / 8;  // the bits may not fit where the bytes do
}

namespace detail {

template <class T>
struct DataTypeOf;
template <>
struct DataTypeOf<float> {
  static constexpr DataType value = DataType::float32;
};
template <>
struct DataTypeOf<double> {
  static constexpr DataType value = DataType::float64;
};
template <>
struct DataTypeOf<Float16> {
  static constexpr DataType value = DataType::float16;
};
template <>
struct DataTypeOf<BFloat16> {
  static constexpr DataType value = DataType::bfloat16;
};
template <>
struct DataTypeOf<std::int8_t> {
  static constexpr DataType value = DataType::int8;
};
template <>
struct DataTypeOf<std::uint8_t> {
  static constexpr DataType value = DataType::uint8;
};
template <>
struct DataTypeOf<std::int16_t> {
  static constexpr DataType value = DataType::int16;
};
template <>
struct DataTypeOf<std::uint16_t> {
  static constexpr DataType value = DataType::uint16;
};
template <>
struct DataTypeOf<std::int32_t> {
  static constexpr DataType value = DataType::int32;
};
template <>
struct DataTypeOf<std::uint32_t> {
  static constexpr DataType value = DataType::uint32;
};
template <>
struct DataTypeOf<std::int64_t> {
  static constexpr DataType value = DataType::int64;
};
template <>
struct DataTypeOf<std::uint64_t> {
  static constexpr DataType value = DataType::uint64;
};
template <>
struct DataTypeOf<bool> {
  static constexpr DataType value = DataType::boolean;
};

}  // namespace detail

/// A C++ type that a tensor can hold unpacked.
template <class T>
concept Element = requires { detail::DataTypeOf<T>::value; };

/// The `DataType` of a C++ element type.
template <Element T>
inline constexpr DataType data_type_of = detail::DataTypeOf<T>::value;

}  // namespace condense

#endif
