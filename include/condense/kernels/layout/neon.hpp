#ifndef CONDENSE_KERNELS_LAYOUT_NEON_HPP
#define CONDENSE_KERNELS_LAYOUT_NEON_HPP

#if defined(__aarch64__)

#include <arm_neon.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "condense/kernels/layout/scalar.hpp"

namespace condense::kernels {

/// Squares that fit registers: N x N elements in N vectors. A matrix of three rows or columns, an image in colours, has
/// loads and stores of its own; one that is narrower than a square one way fills a part of it, and one that is both
/// ways is left to the definition.
template <>
struct Layout<simd::Neon> {
  static void transpose(const TransposeArguments& t) noexcept {
    detail::for_each_matrix(t, [&]<class Element>(const detail::Transposed<Element>& m) { transpose_of(m); });
  }

 private:
  template <class Element>
  static constexpr Index kSide = 16 / static_cast<Index>(sizeof(Element));
  template <class Element>
  static constexpr std::size_t kSquareElements = (16 / sizeof(Element)) * (16 / sizeof(Element));

  template <class Element>
  static void transpose_of(const detail::Transposed<Element>& m) noexcept {
    constexpr Index kStep = kSide<Element>;
    constexpr bool kHasTriples = sizeof(Element) == 1 || sizeof(Element) == 4;
    if (kHasTriples && m.rows == 3 && m.columns >= kStep && m.out_stride == 3) {
      join(m);
    } else if (kHasTriples && m.columns == 3 && m.rows >= kStep && m.in_stride == 3) {
      split(m);
    } else if (m.rows >= kStep && m.columns >= kStep) {
      transpose_matrix(m);
    } else if (m.rows >= kStep && m.columns > 1) {
      transpose_narrow(m);
    } else if (m.rows > 1 && m.columns >= kStep && m.out_stride == m.rows) {
      transpose_flat(m);
    } else {
      Layout<simd::Scalar>::transpose_matrix(m);
    }
  }

  /// Where a square would cross the edge it is moved back, and some elements are written twice.
  template <class Element>
  static void transpose_matrix(const detail::Transposed<Element>& m) noexcept {
    constexpr Index kStep = kSide<Element>;
    for (Index next_column = 0; next_column < m.columns; next_column += kStep) {
      const Index column = std::min(next_column, m.columns - kStep);
      for (Index next_row = 0; next_row < m.rows; next_row += kStep) {
        const Index row = std::min(next_row, m.rows - kStep);
        Square<Element> square;
        load(m.in + row * m.in_stride + column, m.in_stride, kStep, square);
        turn(square);
        Element* out = m.out + column * m.out_stride + row;
#pragma GCC unroll 16
        for (Index i = 0; i < kStep; ++i) store(out + i * m.out_stride, square.vectors[i]);
      }
    }
  }

  /// Fewer columns than a square has: rows are read beyond their end, and what comes of that is not stored.
  template <class Element>
  static void transpose_narrow(const detail::Transposed<Element>& m) noexcept {
    constexpr Index kStep = kSide<Element>;
    const Index readable = m.readable();
    for (Index next_row = 0; next_row < m.rows; next_row += kStep) {
      const Index row = std::min(next_row, m.rows - kStep);
      Square<Element> square;
      if ((row + kStep - 1) * m.in_stride + kStep <= readable) {
        load(m.in + row * m.in_stride, m.in_stride, kStep, square);
      } else {
        Element copy[kSquareElements<Element>] = {};
        for (Index i = 0; i < kStep; ++i) std::copy_n(m.in + (row + i) * m.in_stride, m.columns, copy + i * kStep);
        load(copy, kStep, kStep, square);
      }
      turn(square);
      for (Index i = 0; i < m.columns; ++i) store(m.out + i * m.out_stride + row, square.vectors[i]);
    }
  }

  /// Fewer rows than a square has, in an output without gaps: a column is stored whole, and the next one where its own
  /// elements end.
  template <class Element>
  static void transpose_flat(const detail::Transposed<Element>& m) noexcept {
    constexpr Index kStep = kSide<Element>;
    const Index last_whole = m.rows * m.columns - kStep;
    for (Index next_column = 0; next_column < m.columns; next_column += kStep) {
      const Index column = std::min(next_column, m.columns - kStep);
      Square<Element> square;
      load(m.in + column, m.in_stride, m.rows, square);
      turn(square);
      for (Index i = 0; i < kStep; ++i) {
        const Index at = (column + i) * m.rows;
        if (at <= last_whole) {
          store(m.out + at, square.vectors[i]);
        } else {
          Element elements[16 / sizeof(Element)];
          store(elements, square.vectors[i]);
          std::copy_n(elements, m.rows, m.out + at);
        }
      }
    }
  }

  /// N x N elements; after `turn` a vector is a column.
  template <class Element>
  struct Square {
    typedef Element Vector __attribute__((vector_size(16)));
    Vector vectors[16 / sizeof(Element)];
  };

  /// Rows from `rows` on repeat the last one.
  template <class Element>
  [[gnu::always_inline]] static inline void load(const Element* in, Index stride, Index rows,
                                                 Square<Element>& square) noexcept {
#pragma GCC unroll 16
    for (Index i = 0; i < kSide<Element>; ++i) {
      std::memcpy(&square.vectors[i], in + std::min(i, rows - 1) * stride, 16);
    }
  }

  template <class Element, class Vector>
  [[gnu::always_inline]] static inline void store(Element* out, const Vector& elements) noexcept {
    std::memcpy(out, &elements, 16);
  }

  /// Interleaving vector i with vector i + N / 2, for all i, moves the highest bit of the row's index to the lowest bit
  /// of the position: after log2(N) rounds rows and columns have changed places.
  template <class Element>
  [[gnu::always_inline]] static inline void turn(Square<Element>& square) noexcept {
    constexpr Index kCount = kSide<Element>;
#pragma GCC unroll 4
    for (Index round = 1; round < kCount; round *= 2) {
      Square<Element> mixed;
#pragma GCC unroll 8
      for (Index i = 0; i < kCount / 2; ++i) {
        mixed.vectors[2 * i] = interleave<Element, 0>(square.vectors[i], square.vectors[i + kCount / 2]);
        mixed.vectors[2 * i + 1] = interleave<Element, kCount / 2>(square.vectors[i], square.vectors[i + kCount / 2]);
      }
      square = mixed;
    }
  }

  /// Half of the elements of two vectors, from element `First` on, in turn.
  template <class Element, Index First, class Vector>
  static Vector interleave(Vector a, Vector b) noexcept {
    constexpr Index kCount = kSide<Element>;
    return [&]<Index... I>(std::integer_sequence<Index, I...>) {
      return __builtin_shufflevector(a, b, (First + I / 2 + I % 2 * kCount)...);
    }(std::make_integer_sequence<Index, kCount>{});
  }

  /// Three planes to triples.
  template <class Element>
  static void join(const detail::Transposed<Element>& m) noexcept {
    const Index plane = m.in_stride;
    for (Index next = 0; next < m.columns; next += kSide<Element>) {
      const Index i = std::min(next, m.columns - kSide<Element>);
      const Element* in = m.in + i;
      if constexpr (sizeof(Element) == 1) {
        const uint8x16x3_t planes = {vld1q_u8(in), vld1q_u8(in + plane), vld1q_u8(in + 2 * plane)};
        vst3q_u8(m.out + 3 * i, planes);
      } else if constexpr (sizeof(Element) == 4) {
        const uint32x4x3_t planes = {vld1q_u32(in), vld1q_u32(in + plane), vld1q_u32(in + 2 * plane)};
        vst3q_u32(m.out + 3 * i, planes);
      }
    }
  }

  /// Triples to three planes.
  template <class Element>
  static void split(const detail::Transposed<Element>& m) noexcept {
    for (Index next = 0; next < m.rows; next += kSide<Element>) {
      const Index i = std::min(next, m.rows - kSide<Element>);
      if constexpr (sizeof(Element) == 1) {
        const uint8x16x3_t planes = vld3q_u8(m.in + 3 * i);
        for (Index p = 0; p < 3; ++p) vst1q_u8(m.out + p * m.out_stride + i, planes.val[p]);
      } else if constexpr (sizeof(Element) == 4) {
        const uint32x4x3_t planes = vld3q_u32(m.in + 3 * i);
        for (Index p = 0; p < 3; ++p) vst1q_u32(m.out + p * m.out_stride + i, planes.val[p]);
      }
    }
  }
};

}  // namespace condense::kernels

#endif
#endif
