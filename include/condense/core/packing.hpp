#ifndef CONDENSE_CORE_PACKING_HPP
#define CONDENSE_CORE_PACKING_HPP

#include <cstddef>
#include <cstdint>
#include <span>

#include "condense/core/error.hpp"

namespace condense {

/// Bytes that `count` codes of `bits` bits occupy, padded to whole bytes. `bits` is in [1, 8]; no count overflows.
constexpr std::size_t packed_bytes(std::size_t count, int bits) noexcept {
  const auto width = static_cast<std::size_t>(bits);
  return count / 8 * width + (count % 8 * width + 7) / 8;
}

/// Packs codes of 1 to 8 bits without gaps, lowest bits first: code i occupies the bits [i * bits, (i + 1) * bits) of
/// the little-endian bit string. So of two 4-bit codes in a byte the one with the lower index is the low nibble.
///
/// Only the low `bits` bits of a code count, so signed codes may be passed in two's complement. The last byte is padded
/// with zeros. Throws unless `packed` has exactly `packed_bytes(codes.size(), bits)` bytes.
inline void pack_codes(std::span<const std::uint8_t> codes, int bits, std::span<std::byte> packed) {
  require(bits >= 1 && bits <= 8, "codes have 1 to 8 bits, not {}", bits);
  require(packed.size() == packed_bytes(codes.size(), bits), "{} codes of {} bits need {} bytes, {} are given",
          codes.size(), bits, packed_bytes(codes.size(), bits), packed.size());
  const std::uint32_t mask = (1U << bits) - 1;
  std::uint32_t pending = 0;
  int pending_bits = 0;
  std::size_t written = 0;
  for (const std::uint8_t code : codes) {
    pending |= (code & mask) << pending_bits;
    pending_bits += bits;
    if (pending_bits >= 8) {
      packed[written++] = static_cast<std::byte>(pending & 0xFF);
      pending >>= 8;
      pending_bits -= 8;
    }
  }
  if (pending_bits > 0) packed[written] = static_cast<std::byte>(pending);
}

/// The code at `index` of a packed string, its upper bits zero. The index is within the string.
inline std::uint8_t packed_code(const std::byte* packed, std::size_t index, int bits) noexcept {
  const std::size_t first_bit = index * static_cast<std::size_t>(bits);
  const std::size_t byte = first_bit / 8;
  const int shift = static_cast<int>(first_bit % 8);
  std::uint32_t window = std::to_integer<std::uint32_t>(packed[byte]);
  if (shift + bits > 8) window |= std::to_integer<std::uint32_t>(packed[byte + 1]) << 8;
  return static_cast<std::uint8_t>((window >> shift) & ((1U << bits) - 1));
}

/// The inverse of `pack_codes`; the upper bits of every code are zero. Throws on the same conditions.
inline void unpack_codes(std::span<const std::byte> packed, int bits, std::span<std::uint8_t> codes) {
  require(bits >= 1 && bits <= 8, "codes have 1 to 8 bits, not {}", bits);
  require(packed.size() == packed_bytes(codes.size(), bits), "{} codes of {} bits need {} bytes, {} are given",
          codes.size(), bits, packed_bytes(codes.size(), bits), packed.size());
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = packed_code(packed.data(), i, bits);
}

/// A code of `bits` bits as the two's complement number that it stands for.
constexpr std::int8_t sign_extend(std::uint8_t code, int bits) noexcept {
  const auto sign = static_cast<std::uint8_t>(1U << (bits - 1));
  return static_cast<std::int8_t>(static_cast<std::uint8_t>((code ^ sign) - sign));
}

}  // namespace condense

#endif
