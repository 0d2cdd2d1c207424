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
/// loads and stores of its own; one narrower than a square is left to the definition.
template <>
struct Layout<simd::Neon> {
  static void transpose(const TransposeArguments& t) noexcept {
    switch (t.element_bytes) {
      case 1: return transpose_of<std::uint8_t>(t);
      case 2: return transpose_of<std::uint16_t>(t);
      case 4: return transpose_of<std::uint32_t>(t);
      default: return transpose_of<std::uint64_t>(t);
    }
  }

 private:
  template <class Element>
  static constexpr Index kSide = 16 / static_cast<Index>(sizeof(Element));

  template <class Element>
  static void transpose_of(const TransposeArguments& t) noexcept {
    constexpr bool kHasTriples = sizeof(Element) == 1 || sizeof(Element) == 4;
    const auto* in = static_cast<const Element*>(t.input);
    auto* out = static_cast<Element*>(t.output);
    const Index area = t.rows * t.columns;
    if (kHasTriples && t.rows == 3 && t.columns >= kSide<Element>) {
      for (Index b = 0; b < t.batch; ++b) join(in + b * area, t.columns, out + b * area);
    } else if (kHasTriples && t.columns == 3 && t.rows >= kSide<Element>) {
      for (Index b = 0; b < t.batch; ++b) split(in + b * area, t.rows, out + b * area);
    } else if (t.rows >= kSide<Element> && t.columns >= kSide<Element>) {
      for (Index b = 0; b < t.batch; ++b) transpose_matrix(in + b * area, t.rows, t.columns, out + b * area);
    } else {
      Layout<simd::Scalar>::transpose(t);
    }
  }

  /// Where a square would cross the edge it is moved back, and some elements are written twice.
  template <class Element>
  static void transpose_matrix(const Element* in, Index rows, Index columns, Element* out) noexcept {
    constexpr Index kStep = kSide<Element>;
    for (Index next_column = 0; next_column < columns; next_column += kStep) {
      const Index column = std::min(next_column, columns - kStep);
      for (Index next_row = 0; next_row < rows; next_row += kStep) {
        const Index row = std::min(next_row, rows - kStep);
        transpose_square(in + row * columns + column, columns, out + column * rows + row, rows);
      }
    }
  }

  /// Interleaving vector i with vector i + N / 2, for all i, moves the highest bit of the row's index to the lowest bit
  /// of the position: after log2(N) rounds rows and columns have changed places.
  template <class Element>
  static void transpose_square(const Element* in, Index in_stride, Element* out, Index out_stride) noexcept {
    typedef Element Vector __attribute__((vector_size(16)));
    constexpr Index kCount = kSide<Element>;
    Vector vectors[16 / sizeof(Element)];
#pragma GCC unroll 16
    for (Index i = 0; i < kCount; ++i) std::memcpy(&vectors[i], in + i * in_stride, sizeof(Vector));
#pragma GCC unroll 4
    for (Index round = 1; round < kCount; round *= 2) {
      Vector mixed[16 / sizeof(Element)];
#pragma GCC unroll 8
      for (Index i = 0; i < kCount / 2; ++i) {
        mixed[2 * i] = interleave<Element, 0>(vectors[i], vectors[i + kCount / 2]);
        mixed[2 * i + 1] = interleave<Element, kCount / 2>(vectors[i], vectors[i + kCount / 2]);
      }
#pragma GCC unroll 16
      for (Index i = 0; i < kCount; ++i) vectors[i] = mixed[i];
    }
#pragma GCC unroll 16
    for (Index i = 0; i < kCount; ++i) std::memcpy(out + i * out_stride, &vectors[i], sizeof(Vector));
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
  static void join(const Element* in, Index count, Element* out) noexcept {
    constexpr Index kStep = kSide<Element>;
    for (Index next = 0; next < count; next += kStep) {
      const Index i = std::min(next, count - kStep);
      if constexpr (sizeof(Element) == 1) {
        const uint8x16x3_t planes = {vld1q_u8(in + i), vld1q_u8(in + count + i), vld1q_u8(in + 2 * count + i)};
        vst3q_u8(out + 3 * i, planes);
      } else if constexpr (sizeof(Element) == 4) {
        const uint32x4x3_t planes = {vld1q_u32(in + i), vld1q_u32(in + count + i), vld1q_u32(in + 2 * count + i)};
        vst3q_u32(out + 3 * i, planes);
      }
    }
  }

  /// Triples to three planes.
  template <class Element>
  static void split(const Element* in, Index count, Element* out) noexcept {
    constexpr Index kStep = kSide<Element>;
    for (Index next = 0; next < count; next += kStep) {
      const Index i = std::min(next, count - kStep);
      if constexpr (sizeof(Element) == 1) {
        const uint8x16x3_t planes = vld3q_u8(in + 3 * i);
        for (Index p = 0; p < 3; ++p) vst1q_u8(out + p * count + i, planes.val[p]);
      } else if constexpr (sizeof(Element) == 4) {
        const uint32x4x3_t planes = vld3q_u32(in + 3 * i);
        for (Index p = 0; p < 3; ++p) vst1q_u32(out + p * count + i, planes.val[p]);
      }
    }
  }
};

}  // namespace condense::kernels

#endif
#endif
