#ifndef CONDENSE_KERNELS_DETAIL_ROWS_HPP
#define CONDENSE_KERNELS_DETAIL_ROWS_HPP

#include <cstdint>

#include "condense/kernels/operands.hpp"

namespace condense::kernels::detail {

/// Pointers to `Rows` rows that lie `stride` elements apart. Rows from `rows` on repeat the last one, so that a few
/// heights of tiles do for all.
template <class T, unsigned Rows>
[[gnu::always_inline]] inline void spread_rows(T* first, Index stride, Index rows, T* (&out)[Rows]) noexcept {
  out[0] = first;
#pragma GCC unroll 16
  for (unsigned r = 1; r < Rows; ++r) out[r] = out[r - 1] + (r < rows ? stride : 0);
}

/// Finds the pieces of `ActivationRows`, from their element `first` on, by their offsets.
template <class T>
class Pieces {
 public:
  Pieces(const ActivationRows& input, Index first) noexcept
      : data_(static_cast<const T*>(input.data) + first),
        padding_(input.padding != nullptr ? static_cast<const T*>(input.padding) + first : nullptr) {}

  [[gnu::always_inline]] const T* at(std::int32_t offset) const noexcept {
    return offset < 0 ? padding_ : data_ + offset;
  }

 private:
  const T* data_;
  const T* padding_;
};

}  // namespace condense::kernels::detail

#endif
