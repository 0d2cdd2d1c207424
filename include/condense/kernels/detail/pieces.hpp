#ifndef CONDENSE_KERNELS_DETAIL_PIECES_HPP
#define CONDENSE_KERNELS_DETAIL_PIECES_HPP

#include <algorithm>
#include <cstring>

#include "condense/kernels/operands.hpp"

namespace condense::kernels::detail {

inline constexpr Index kMostPieces = 64;  ///< Of a row, that are multiplied at a time.

/// Whether the padding of rows that have offsets consists of `value`s.
template <class T>
bool padding_is(const ActivationRows& input, T value) noexcept {
  if (input.offsets == nullptr || input.padding == nullptr || input.depth == 0) return false;
  const auto* padding = static_cast<const T*>(input.padding);
  return std::memcmp(padding, &value, sizeof(T)) == 0 &&
         std::memcmp(padding, padding + 1, static_cast<std::size_t>(input.depth - 1) * sizeof(T)) == 0;
}

/// Writes where the first `taps` pieces of a tile's rows begin, (most x taps); rows beyond the last repeat it. A tap
/// that is padding for all rows is null in row 0, if such taps may be skipped: of 6 rows of images of 7x7 that is one
/// in 13.
///
/// `Micro` may have a function that looks them up quicker than one by one. On the first layer of a network, whose
/// pieces are short, it takes 20 % less time with AVX-512.
///
///   static void look_up(const T* data, const T* padding, const std::int32_t* offsets, Index count, const void**
///   pieces)
template <class Micro, class T>
void find_pieces(const ActivationRows& input, Index taps, Index row, Index rows, Index most, bool skips,
                 const void** pieces) noexcept {
  const auto* data = static_cast<const T*>(input.data);
  if (input.offsets == nullptr) {
    data += row * input.row_stride;
    for (Index r = 0; r < most; ++r, data += r < rows ? input.row_stride : 0) pieces[r] = data;
    return;
  }
  const auto* padding = static_cast<const T*>(input.padding);
  const auto look_up = [&](const std::int32_t* offsets, Index count, const void** out) {
    if constexpr (requires { Micro::look_up(data, padding, offsets, count, out); }) {
      Micro::look_up(data, padding, offsets, count, out);
    } else {
      for (Index i = 0; i < count; ++i) out[i] = offsets[i] < 0 ? padding : data + offsets[i];
    }
  };
  const std::int32_t* offsets = input.offsets + row * input.taps;
  if (taps == input.taps) {
    look_up(offsets, rows * taps, pieces);
  } else {
    for (Index r = 0; r < rows; ++r) look_up(offsets + r * input.taps, taps, pieces + r * taps);
  }
  for (Index r = rows; r < most; ++r) std::copy_n(pieces + (rows - 1) * taps, taps, pieces + r * taps);
  for (Index tap = 0; skips && tap < taps; ++tap) {
    Index r = 0;
    while (r < rows && offsets[r * input.taps + tap] < 0) ++r;
    if (r == rows) pieces[tap] = nullptr;
  }
}

/// The pieces of one tap, of those that `find_pieces` wrote. GCC 12 would rather keep all multiples of `taps` in
/// registers than add them up.
template <class T, unsigned Rows>
[[gnu::always_inline]] inline void pieces_of_tap(const void* const* pieces, Index taps, Index tap,
                                                 const T* (&out)[Rows]) noexcept {
  pieces += tap;
#pragma GCC unroll 16
  for (unsigned r = 0; r < Rows; ++r, pieces += taps) {
    out[r] = static_cast<const T*>(*pieces);
    asm("" : "+r"(pieces));
  }
}

}  // namespace condense::kernels::detail

#endif
