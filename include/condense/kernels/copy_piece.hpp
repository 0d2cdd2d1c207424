#ifndef CONDENSE_KERNELS_COPY_PIECE_HPP
#define CONDENSE_KERNELS_COPY_PIECE_HPP

#include <cstring>

#include "condense/kernels/operands.hpp"

namespace condense::kernels {

namespace detail {

/// Copies the first and the last `kBytes` bytes of a piece that has as many or more, twice as many at most.
template <std::size_t kBytes>
inline void copy_ends(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
  std::byte last[kBytes];
  std::memcpy(last, from + bytes - kBytes, kBytes);
  std::memcpy(to, from, kBytes);
  std::memcpy(to + bytes - kBytes, last, kBytes);
}

}  // namespace detail

/// Copies `count` bytes that do not overlap, quicker than memcpy if they are few, some 100 or less.
inline void copy_piece(void* target, const void* source, Index count) noexcept {
  auto* to = static_cast<std::byte*>(target);
  const auto* from = static_cast<const std::byte*>(source);
  const auto bytes = static_cast<std::size_t>(count);
  if (bytes > 256) {
    std::memcpy(to, from, bytes);
  } else if (bytes >= 16) {
    for (std::size_t i = 0; i + 16 <= bytes; i += 16) std::memcpy(to + i, from + i, 16);
    std::memcpy(to + bytes - 16, from + bytes - 16, 16);
  } else if (bytes >= 8) {
    detail::copy_ends<8>(to, from, bytes);
  } else if (bytes >= 4) {
    detail::copy_ends<4>(to, from, bytes);
  } else if (bytes >= 2) {
    detail::copy_ends<2>(to, from, bytes);
  } else if (bytes == 1) {
    *to = *from;
  }
}

}  // namespace condense::kernels

#endif
