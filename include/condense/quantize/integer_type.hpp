#ifndef CONDENSE_QUANTIZE_INTEGER_TYPE_HPP
#define CONDENSE_QUANTIZE_INTEGER_TYPE_HPP

#include <cstdint>
#include <string>

#include "condense/core/data_type.hpp"
#include "condense/core/error.hpp"

namespace condense::quantize {

/// The integers that stand for reals: 1 to 8 bits, [lowest, highest].
///
/// `narrow` leaves out the most negative code of a signed type, so that the range is symmetric ([-127, 127]); weights
/// use it. Ternary is the narrow signed type of 2 bits, {-1, 0, 1}. Binary, {-1, 1}, is the signed type of 1 bit: it
/// has no zero, and its codes 0 and 1 stand for -1 and 1.
struct IntegerType {
  int bits = 8;
  bool is_signed = true;
  bool narrow = false;

  constexpr bool is_binary() const noexcept { return is_signed && bits == 1; }
  constexpr std::int32_t lowest() const noexcept {
    if (is_binary()) return -1;
    return is_signed ? -(1 << (bits - 1)) + (narrow ? 1 : 0) : 0;
  }
  constexpr std::int32_t highest() const noexcept {
    if (is_binary()) return 1;
    return is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
  }

  /// The smallest `DataType` that holds the codes of this type.
  constexpr DataType storage() const noexcept {
    if (bits <= 2) return is_signed ? DataType::int2 : DataType::uint2;
    if (bits <= 4) return is_signed ? DataType::int4 : DataType::uint4;
    return is_signed ? DataType::int8 : DataType::uint8;
  }

  /// "int8", "uint4", "int4 narrow", "ternary", "binary".
  std::string name() const {
    if (is_binary()) return "binary";
    if (is_signed && bits == 2 && narrow) return "ternary";
    return fmt::format("{}int{}{}", is_signed ? "" : "u", bits, narrow ? " narrow" : "");
  }

  friend constexpr bool operator==(const IntegerType&, const IntegerType&) = default;
};

inline constexpr IntegerType kInt8{8, true, false};
inline constexpr IntegerType kUint8{8, false, false};
inline constexpr IntegerType kInt4{4, true, false};
inline constexpr IntegerType kUint4{4, false, false};
inline constexpr IntegerType kInt2{2, true, false};
inline constexpr IntegerType kUint2{2, false, false};
inline constexpr IntegerType kInt8Narrow{8, true, true};  ///< [-127, 127], the type of weights.
inline constexpr IntegerType kInt4Narrow{4, true, true};  ///< [-7, 7].
inline constexpr IntegerType kTernary{2, true, true};     ///< {-1, 0, 1}.
inline constexpr IntegerType kBinary{1, true, false};     ///< {-1, 1}.

/// The full range of a quantised `DataType`.
constexpr IntegerType integer_type(DataType type) noexcept { return {bits(type), is_signed(type), false}; }

/// Throws unless the type has 1 to 8 bits and is one that exists.
inline void validate(const IntegerType& type) {
  require(type.bits >= 1 && type.bits <= 8, "an integer type has 1 to 8 bits, not {}", type.bits);
  require(!type.narrow || (type.is_signed && type.bits >= 2),
          "only a signed type of 2 bits or more can be narrow, not {}", type.name());
}

}  // namespace condense::quantize

#endif
