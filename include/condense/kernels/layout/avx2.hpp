#ifndef CONDENSE_KERNELS_LAYOUT_AVX2_HPP
#define CONDENSE_KERNELS_LAYOUT_AVX2_HPP

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "condense/kernels/layout/scalar.hpp"

namespace condense::kernels {

/// Tiles of 2 L rows by L columns in L registers, where L elements take 16 bytes. A matrix of three rows or columns, an
/// image in colours, has shuffles of its own; another one that is narrower than a tile is left to the definition.
template <>
struct Layout<simd::Avx2> {
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
  static constexpr Index kLane = 16 / static_cast<Index>(sizeof(Element));

  template <class Element>
  static void transpose_of(const TransposeArguments& t) noexcept {
    const auto* in = static_cast<const Element*>(t.input);
    auto* out = static_cast<Element*>(t.output);
    const Index area = t.rows * t.columns;
    if (t.rows == 3 && t.columns >= kLane<Element>) {
      for (Index b = 0; b < t.batch; ++b) join(in + b * area, t.columns, out + b * area);
    } else if (t.columns == 3 && t.rows >= kLane<Element>) {
      for (Index b = 0; b < t.batch; ++b) split(in + b * area, t.rows, out + b * area);
    } else if (t.rows >= 2 * kLane<Element> && t.columns >= kLane<Element>) {
      for (Index b = 0; b < t.batch; ++b) transpose_matrix(in + b * area, t.rows, t.columns, out + b * area);
    } else {
      Layout<simd::Scalar>::transpose(t);
    }
  }

  /// By strips of 64 bytes, so that a cache line of the input is read once. Where a tile would cross the edge it is
  /// moved back, and some elements are written twice.
  template <class Element>
  CONDENSE_TARGET_AVX2 static void transpose_matrix(const Element* in, Index rows, Index columns,
                                                    Element* out) noexcept {
    constexpr Index kStrip = 4 * kLane<Element>;
    for (Index strip = 0; strip < columns; strip += kStrip) {
      const Index end = std::min(strip + kStrip, columns);
      for (Index next_row = 0; next_row < rows; next_row += 2 * kLane<Element>) {
        const Index row = std::min(next_row, rows - 2 * kLane<Element>);
        for (Index next_column = strip; next_column < end; next_column += kLane<Element>) {
          const Index column = std::min(next_column, columns - kLane<Element>);
          transpose_tile(in + row * columns + column, columns, out + column * rows + row, rows);
        }
      }
    }
  }

  /// Register i holds row i in its lower half and row i + L in its upper half. Interleaving register i with register
  /// i + L / 2, for all i, moves the highest bit of the row's index to the lowest bit of the position: after log2(L)
  /// rounds rows and columns have changed places in both halves, and a register is a column of 2 L elements.
  template <class Element>
  CONDENSE_TARGET_AVX2 static void transpose_tile(const Element* in, Index in_stride, Element* out,
                                                  Index out_stride) noexcept {
    constexpr unsigned kCount = 16 / sizeof(Element);
    __m256i tile[kCount];
#pragma GCC unroll 16
    for (unsigned i = 0; i < kCount; ++i) {
      tile[i] = _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(in + (i + kCount) * in_stride),
                                    reinterpret_cast<const __m128i*>(in + i * in_stride));
    }
#pragma GCC unroll 4
    for (unsigned round = 1; round < kCount; round *= 2) {
      __m256i mixed[kCount];
#pragma GCC unroll 8
      for (unsigned i = 0; i < kCount / 2; ++i) {
        mixed[2 * i] = interleave_low<Element>(tile[i], tile[i + kCount / 2]);
        mixed[2 * i + 1] = interleave_high<Element>(tile[i], tile[i + kCount / 2]);
      }
#pragma GCC unroll 16
      for (unsigned i = 0; i < kCount; ++i) tile[i] = mixed[i];
    }
#pragma GCC unroll 16
    for (unsigned i = 0; i < kCount; ++i)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i * out_stride), tile[i]);
  }

  template <class Element>
  CONDENSE_TARGET_AVX2 static __m256i interleave_low(__m256i a, __m256i b) noexcept {
    if constexpr (sizeof(Element) == 1) return _mm256_unpacklo_epi8(a, b);
    if constexpr (sizeof(Element) == 2) return _mm256_unpacklo_epi16(a, b);
    if constexpr (sizeof(Element) == 4) return _mm256_unpacklo_epi32(a, b);
    if constexpr (sizeof(Element) == 8) return _mm256_unpacklo_epi64(a, b);
  }

  template <class Element>
  CONDENSE_TARGET_AVX2 static __m256i interleave_high(__m256i a, __m256i b) noexcept {
    if constexpr (sizeof(Element) == 1) return _mm256_unpackhi_epi8(a, b);
    if constexpr (sizeof(Element) == 2) return _mm256_unpackhi_epi16(a, b);
    if constexpr (sizeof(Element) == 4) return _mm256_unpackhi_epi32(a, b);
    if constexpr (sizeof(Element) == 8) return _mm256_unpackhi_epi64(a, b);
  }

  /// Makes three vectors of three: byte j of vector `to` is byte index[to][from][j] of the vector `from` for which that
  /// is not negative.
  struct Shuffle {
    alignas(16) std::int8_t index[3][3][16];

    CONDENSE_TARGET_AVX2 void operator()(const void* in, Index in_stride, void* out, Index out_stride) const noexcept {
      __m128i vectors[3];
#pragma GCC unroll 3
      for (Index from = 0; from < 3; ++from) {
        vectors[from] =
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(static_cast<const char*>(in) + from * in_stride));
      }
#pragma GCC unroll 3
      for (Index to = 0; to < 3; ++to) {
        __m128i bytes = _mm_setzero_si128();
#pragma GCC unroll 3
        for (Index from = 0; from < 3; ++from) {
          const __m128i places = _mm_load_si128(reinterpret_cast<const __m128i*>(index[to][from]));
          bytes = _mm_or_si128(bytes, _mm_shuffle_epi8(vectors[from], places));
        }
        _mm_storeu_si128(reinterpret_cast<__m128i*>(static_cast<char*>(out) + to * out_stride), bytes);
      }
    }
  };

  /// Of elements of `width` bytes: three planes to triples, or triples to three planes.
  static constexpr Shuffle shuffle_of_triples(int width, bool joins) noexcept {
    Shuffle shuffle{};
    for (auto& to : shuffle.index) {
      for (auto& from : to) std::fill(std::begin(from), std::end(from), std::int8_t{-1});
    }
    for (int byte = 0; byte < 48; ++byte) {  // in triples: element i of plane p is element 3 i + p
      const int element = byte / width;
      const int in_plane = element / 3 * width + byte % width;
      if (joins) {
        shuffle.index[byte / 16][element % 3][byte % 16] = static_cast<std::int8_t>(in_plane);
      } else {
        shuffle.index[element % 3][byte / 16][in_plane] = static_cast<std::int8_t>(byte % 16);
      }
    }
    return shuffle;
  }

  template <class Element>
  CONDENSE_TARGET_AVX2 static void join(const Element* planes, Index count, Element* triples) noexcept {
    static constexpr Shuffle kShuffle = shuffle_of_triples(sizeof(Element), true);
    for (Index next = 0; next < count; next += kLane<Element>) {
      const Index i = std::min(next, count - kLane<Element>);
      kShuffle(planes + i, count * static_cast<Index>(sizeof(Element)), triples + 3 * i, 16);
    }
  }

  template <class Element>
  CONDENSE_TARGET_AVX2 static void split(const Element* triples, Index count, Element* planes) noexcept {
    static constexpr Shuffle kShuffle = shuffle_of_triples(sizeof(Element), false);
    for (Index next = 0; next < count; next += kLane<Element>) {
      const Index i = std::min(next, count - kLane<Element>);
      kShuffle(triples + 3 * i, 16, planes + i, count * static_cast<Index>(sizeof(Element)));
    }
  }
};

}  // namespace condense::kernels

#endif
#endif
