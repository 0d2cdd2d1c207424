#ifndef CONDENSE_GRAPH_REFERENCE_CODES_HPP
#define CONDENSE_GRAPH_REFERENCE_CODES_HPP

#include <cstdint>
#include <cstring>

#include "condense/core/data_type.hpp"
#include "condense/core/packing.hpp"

namespace condense::graph::reference {

/// Reading and writing the elements of a tensor of integers of 2, 4 or 8 bits, by index.
template <int Bits, bool Signed>
struct Codes {
  static std::int32_t load(const std::byte* data, Index i) noexcept {
    const std::uint8_t code = packed_code(data, static_cast<std::size_t>(i), Bits);
    return Signed ? std::int32_t{sign_extend(code, Bits)} : std::int32_t{code};
  }

  /// Elements are stored in ascending order, so that the first of a byte clears it.
  static void store(std::byte* data, Index i, std::int32_t code) noexcept {
    const std::size_t bit = static_cast<std::size_t>(i) * Bits;
    const auto bits = static_cast<std::byte>((static_cast<std::uint32_t>(code) & ((1U << Bits) - 1)) << (bit % 8));
    std::byte& byte = data[bit / 8];
    byte = bit % 8 == 0 ? bits : byte | bits;
  }
};

/// Calls `body.operator()<Codes<bits, is_signed>>()` for the elements of a quantised type.
template <class Body>
decltype(auto) with_codes(DataType type, Body&& body) {
  switch (type) {
    case DataType::int8: return body.template operator()<Codes<8, true>>();
    case DataType::uint8: return body.template operator()<Codes<8, false>>();
    case DataType::int4: return body.template operator()<Codes<4, true>>();
    case DataType::uint4: return body.template operator()<Codes<4, false>>();
    case DataType::int2: return body.template operator()<Codes<2, true>>();
    case DataType::uint2: return body.template operator()<Codes<2, false>>();
    default: throw InvalidArgument(fmt::format("an integer type of 8, 4 or 2 bits is needed here, not {}", name(type)));
  }
}

/// Copies `count` elements from element `from_first` to element `to_first`. Calls on one target ascend without overlap.
inline void copy_elements(DataType type, const std::byte* from, Index from_first, std::byte* to, Index to_first,
                          Index count) {
  const Index to_a_byte = is_packed(type) ? 8 / bits(type) : 1;
  if (from_first % to_a_byte == 0 && to_first % to_a_byte == 0 && count % to_a_byte == 0) {
    std::memcpy(to + bytes(type, to_first), from + bytes(type, from_first), bytes(type, count));
    return;
  }
  with_codes(type, [&]<class Code>() {
    for (Index i = 0; i < count; ++i) Code::store(to, to_first + i, Code::load(from, from_first + i));
  });
}

}  // namespace condense::graph::reference

#endif
