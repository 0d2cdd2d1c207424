#ifndef CONDENSE_IO_ONNX_DETAIL_ELEMENT_TYPE_HPP
#define CONDENSE_IO_ONNX_DETAIL_ELEMENT_TYPE_HPP

#include <cstdint>
#include <string_view>

#include "condense/core/data_type.hpp"

namespace condense::io::onnx::detail {

/// The numbers of TensorProto.DataType. The integers of 2 bits came with opset 25.
struct ElementType {
  std::int64_t number;
  DataType type;
};
inline constexpr ElementType kElementTypes[] = {
    {1, DataType::float32},   {2, DataType::uint8},    {3, DataType::int8},    {4, DataType::uint16},
    {5, DataType::int16},     {6, DataType::int32},    {7, DataType::int64},   {9, DataType::boolean},
    {10, DataType::float16},  {11, DataType::float64}, {12, DataType::uint32}, {13, DataType::uint64},
    {16, DataType::bfloat16}, {21, DataType::uint4},   {22, DataType::int4},   {25, DataType::uint2},
    {26, DataType::int2},
};

/// The type of that number. Throws `Unsupported` at `place` if condense has none: strings, complex numbers, floats of 8
/// and 4 bits.
inline DataType element_type(std::int64_t number, std::string_view place) {
  for (const ElementType& entry : kElementTypes) {
    if (entry.number == number) return entry.type;
  }
  const std::string_view name = number == 8                    ? "strings"
                                : number == 14 || number == 15 ? "complex numbers"
                                : number >= 17 && number <= 24 ? "floats of 8 or 4 bits"
                                                               : "";
  if (name.empty()) {
    throw FormatError(fmt::format("{}: element type {} is none of ONNX's (1 to 26)", place, number));
  }
  throw Unsupported(
      fmt::format("{}: it holds {}, which condense has no type for; convert the model to numbers of "
                  "another type",
                  place, name));
}

inline std::int64_t element_type_number(DataType type) {
  for (const ElementType& entry : kElementTypes) {
    if (entry.type == type) return entry.number;
  }
  throw Unsupported(fmt::format("ONNX has no element type {}", name(type)));
}

}  // namespace condense::io::onnx::detail

#endif
