#ifndef CONDENSE_KERNELS_DEPTHWISE_DETAIL_WINDOWS_HPP
#define CONDENSE_KERNELS_DEPTHWISE_DETAIL_WINDOWS_HPP

#include <cstdint>

#include "condense/kernels/detail/rows.hpp"

namespace condense::kernels::detail {

/// Some rows and channels of a depthwise convolution.
struct DepthwiseTile {
  Index row = 0;  ///< First of the output, and how many.
  Index rows = 0;
  Index channel = 0;  ///< First, and how many.
  Index channels = 0;
};

/// Taps of the windows of nearly every depthwise convolution, 3 x 3, which have kernels of their own.
inline constexpr Index kSquareTaps = 9;

/// Whether a window of 3 x 3 begins with the last `kShared` columns of the one before it, as neighbours do: 2 at a
/// stride of 1, 1 at a stride of 2. A load then serves all windows that it is in. Only offsets are compared, so that
/// columns are shared in the padding, too, and whatever the order of the windows.
template <Index kShared>
[[gnu::always_inline]] inline bool continues(const std::int32_t* window) noexcept {
  const std::int32_t* before = window - kSquareTaps + 3 - kShared;
  bool same = true;
#pragma GCC unroll 3
  for (Index line = 0; line < kSquareTaps; line += 3) {
    same = same && window[line] == before[line];
    if constexpr (kShared == 2) same = same && window[line + 1] == before[line + 1];
  }
  return same;
}

/// A walk along the windows of 3 x 3 of a tile, `Rows` at a time. The second of two is half a tile behind the first, so
/// that both go on along a line; with an odd number, the one between is visited twice.
template <class T, unsigned Rows>
struct WindowWalk {
  Pieces<T> pieces;
  Index row;  ///< Of the output; `other` is the second one.
  Index other;
  Index steps;  ///< That are left.
  const std::int32_t* windows[Rows];

  WindowWalk(const ActivationRows& input, const DepthwiseTile& tile) noexcept
      : pieces(input, tile.channel),
        row(tile.row),
        other(tile.row + tile.rows / Rows * (Rows - 1)),
        steps((tile.rows + Rows - 1) / Rows) {
    windows[0] = input.offsets + row * kSquareTaps;
    windows[Rows - 1] = input.offsets + other * kSquareTaps;
  }

  const T* piece(unsigned tap) const noexcept { return pieces.at(windows[0][tap]); }
  const T* other_piece(unsigned tap) const noexcept { return pieces.at(windows[Rows - 1][tap]); }

  /// Whether the windows `ahead` of these continue those before them.
  template <Index kShared>
  bool continues_at(Index ahead) const noexcept {
    return ahead < steps && continues<kShared>(windows[0] + ahead * kSquareTaps) &&
           continues<kShared>(windows[Rows - 1] + ahead * kSquareTaps);
  }

  void next() noexcept {
    ++row;
    ++other;
    --steps;
#pragma GCC unroll 2
    for (const std::int32_t*& window : windows) window += kSquareTaps;
  }
};

}  // namespace condense::kernels::detail

#endif
