#ifndef CONDENSE_KERNELS_LAYOUT_DETAIL_MATRICES_HPP
#define CONDENSE_KERNELS_LAYOUT_DETAIL_MATRICES_HPP

#include "condense/kernels/copy_piece.hpp"
#include "condense/kernels/layout/layout.hpp"

namespace condense::kernels::detail {

/// A matrix (rows x columns) to be transposed.
template <class Element>
struct Transposed {
  const Element* in = nullptr;
  Index rows = 0;
  Index columns = 0;
  Index in_stride = 0;
  Element* out = nullptr;
  Index out_stride = 0;

  /// Elements from `in` to the end of the last row.
  Index readable() const noexcept { return (rows - 1) * in_stride + columns; }
  /// Elements from `out` that belong to this matrix alone.
  Index writable() const noexcept { return out_stride == rows ? rows * columns : 0; }
};

/// Transposes elements that are pieces of `t.element_bytes` bytes.
inline void transpose_pieces(const TransposeArguments& t, Index in_stride, Index out_stride) noexcept {
  const auto* in = static_cast<const std::byte*>(t.input);
  auto* out = static_cast<std::byte*>(t.output);
  const Index bytes = t.element_bytes;
  const Index matrix = t.rows * t.columns * bytes;
  for (Index b = 0; b < t.batch; ++b, in += matrix, out += matrix) {
    for (Index column = 0; column < t.columns; ++column) {
      for (Index row = 0; row < t.rows; ++row) {
        copy_piece(out + (column * out_stride + row) * bytes, in + (row * in_stride + column) * bytes, bytes);
      }
    }
  }
}

/// Calls `body(matrix)` for each matrix of elements of 1, 2, 4 or 8 bytes; others are transposed.
template <class Body>
void for_each_matrix(const TransposeArguments& t, Body&& body) noexcept {
  const Index in_stride = t.input_stride > 0 ? t.input_stride : t.columns;
  const Index out_stride = t.output_stride > 0 ? t.output_stride : t.rows;
  const auto each = [&]<class Element>(Element) {
    Transposed<Element> m{.in = static_cast<const Element*>(t.input),
                          .rows = t.rows,
                          .columns = t.columns,
                          .in_stride = in_stride,
                          .out = static_cast<Element*>(t.output),
                          .out_stride = out_stride};
    for (Index b = 0; b < t.batch; ++b, m.in += t.rows * t.columns, m.out += t.rows * t.columns) body(m);
  };
  switch (t.element_bytes) {
    case 1: return each(std::uint8_t{});
    case 2: return each(std::uint16_t{});
    case 4: return each(std::uint32_t{});
    case 8: return each(std::uint64_t{});
    default: return transpose_pieces(t, in_stride, out_stride);
  }
}

}  // namespace condense::kernels::detail

#endif
