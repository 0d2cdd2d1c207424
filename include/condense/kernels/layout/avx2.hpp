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
/// image in colours, has shuffles of its own; one that is narrower than a tile one way fills a part of it, and one that
/// is both ways is left to the definition.
template <>
struct Layout<simd::Avx2> {
  static void transpose(const TransposeArguments& t) noexcept {
    detail::for_each_matrix(t, [&]<class Element>(const detail::Transposed<Element>& m) { transpose_of(m); });
  }

 private:
  template <class Element>
  static constexpr Index kLane = 16 / static_cast<Index>(sizeof(Element));
  template <class Element>
  static constexpr std::size_t kTileElements = 2 * (16 / sizeof(Element)) * (16 / sizeof(Element));

  template <class Element>
  static void transpose_of(const detail::Transposed<Element>& m) noexcept {
    constexpr Index kWidth = kLane<Element>;
    if (m.rows == 3 && m.columns >= kWidth && m.out_stride == 3) {
      join(m);
    } else if (m.columns == 3 && m.rows >= kWidth && m.in_stride == 3) {
      split(m);
    } else if (m.rows >= 2 * kWidth && m.columns >= kWidth) {
      transpose_matrix(m);
    } else if (m.rows >= 2 * kWidth && m.columns > 1) {
      transpose_narrow(m);
    } else if (m.rows > 1 && m.columns >= kWidth && m.out_stride == m.rows) {
      transpose_flat(m);
    } else {
      Layout<simd::Scalar>::transpose_matrix(m);
    }
  }

  /// By strips of 64 bytes, so that a cache line of the input is read once. Where a tile would cross the edge it is
  /// moved back, and some elements are written twice.
  template <class Element>
  CONDENSE_TARGET_AVX2 static void transpose_matrix(const detail::Transposed<Element>& m) noexcept {
    constexpr Index kWidth = kLane<Element>;
    constexpr Index kStrip = 4 * kWidth;
    for (Index strip = 0; strip < m.columns; strip += kStrip) {
      const Index end = std::min(strip + kStrip, m.columns);
      for (Index next_row = 0; next_row < m.rows; next_row += 2 * kWidth) {
        const Index row = std::min(next_row, m.rows - 2 * kWidth);
        for (Index next_column = strip; next_column < end; next_column += kWidth) {
          const Index column = std::min(next_column, m.columns - kWidth);
          Tile<Element> tile;
          load(m.in + row * m.in_stride + column, m.in_stride, 2 * kWidth, tile);
          turn(tile);
          Element* out = m.out + column * m.out_stride + row;
#pragma GCC unroll 16
          for (Index i = 0; i < kWidth; ++i) store(out + i * m.out_stride, tile.column[i]);
        }
      }
    }
  }

  /// Fewer columns than a tile has: rows are read beyond their end, and what comes of that is not stored.
  template <class Element>
  CONDENSE_TARGET_AVX2 static void transpose_narrow(const detail::Transposed<Element>& m) noexcept {
    constexpr Index kWidth = kLane<Element>;
    const Index readable = m.readable();
    for (Index next_row = 0; next_row < m.rows; next_row += 2 * kWidth) {
      const Index row = std::min(next_row, m.rows - 2 * kWidth);
      Tile<Element> tile;
      if ((row + 2 * kWidth - 1) * m.in_stride + kWidth <= readable) {
        load(m.in + row * m.in_stride, m.in_stride, 2 * kWidth, tile);
      } else {
        Element copy[kTileElements<Element>] = {};
        for (Index i = 0; i < 2 * kWidth; ++i) {
          std::copy_n(m.in + (row + i) * m.in_stride, m.columns, copy + i * kWidth);
        }
        load(copy, kWidth, 2 * kWidth, tile);
      }
      turn(tile);
      for (Index column = 0; column < m.columns; ++column)
        store(m.out + column * m.out_stride + row, tile.column[column]);
    }
  }

  /// Fewer rows than a tile has, in an output without gaps: a column is stored whole, and the next one where its own
  /// elements end.
  template <class Element>
  CONDENSE_TARGET_AVX2 static void transpose_flat(const detail::Transposed<Element>& m) noexcept {
    constexpr Index kWidth = kLane<Element>;
    const Index last_whole = m.rows * m.columns - 2 * kWidth;
    for (Index next_column = 0; next_column < m.columns; next_column += kWidth) {
      const Index column = std::min(next_column, m.columns - kWidth);
      Tile<Element> tile;
      load(m.in + column, m.in_stride, m.rows, tile);
      turn(tile);
      for (Index i = 0; i < kWidth; ++i) {
        const Index at = (column + i) * m.rows;
        if (at <= last_whole) {
          store(m.out + at, tile.column[i]);
        } else {
          Element elements[32 / sizeof(Element)];
          store(elements, tile.column[i]);
          std::copy_n(elements, m.rows, m.out + at);
        }
      }
    }
  }

  /// 2 L rows by L columns; after `turn` a register is a column.
  template <class Element>
  struct Tile {
    __m256i column[16 / sizeof(Element)];
  };

  /// Register i takes row i in its lower half and row i + L in its upper half. Rows from `rows` on repeat the last one.
  template <class Element>
  [[gnu::always_inline]] CONDENSE_TARGET_AVX2 static inline void load(const Element* in, Index stride, Index rows,
                                                                      Tile<Element>& tile) noexcept {
    constexpr Index kWidth = kLane<Element>;
#pragma GCC unroll 16
    for (Index i = 0; i < kWidth; ++i) {
      const Element* low = in + std::min(i, rows - 1) * stride;
      const Element* high = in + std::min(i + kWidth, rows - 1) * stride;
      tile.column[i] =
          _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(high), reinterpret_cast<const __m128i*>(low));
    }
  }

  template <class Element>
  [[gnu::always_inline]] CONDENSE_TARGET_AVX2 static inline void store(Element* out, __m256i elements) noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), elements);
  }

  /// Interleaving register i with register i + L / 2, for all i, moves the highest bit of the row's index to the lowest
  /// bit of the position: after log2(L) rounds rows and columns have changed places in both halves.
  template <class Element>
  [[gnu::always_inline]] CONDENSE_TARGET_AVX2 static inline void turn(Tile<Element>& tile) noexcept {
    constexpr unsigned kCount = 16 / sizeof(Element);
#pragma GCC unroll 4
    for (unsigned round = 1; round < kCount; round *= 2) {
      Tile<Element> mixed;
#pragma GCC unroll 8
      for (unsigned i = 0; i < kCount / 2; ++i) {
        mixed.column[2 * i] = interleave_low<Element>(tile.column[i], tile.column[i + kCount / 2]);
        mixed.column[2 * i + 1] = interleave_high<Element>(tile.column[i], tile.column[i + kCount / 2]);
      }
      tile = mixed;
    }
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
  CONDENSE_TARGET_AVX2 static void join(const detail::Transposed<Element>& m) noexcept {
    static constexpr Shuffle kShuffle = shuffle_of_triples(sizeof(Element), true);
    for (Index next = 0; next < m.columns; next += kLane<Element>) {
      const Index i = std::min(next, m.columns - kLane<Element>);
      kShuffle(m.in + i, m.in_stride * static_cast<Index>(sizeof(Element)), m.out + 3 * i, 16);
    }
  }

  template <class Element>
  CONDENSE_TARGET_AVX2 static void split(const detail::Transposed<Element>& m) noexcept {
    static constexpr Shuffle kShuffle = shuffle_of_triples(sizeof(Element), false);
    for (Index next = 0; next < m.rows; next += kLane<Element>) {
      const Index i = std::min(next, m.rows - kLane<Element>);
      kShuffle(m.in + 3 * i, 16, m.out + i, m.out_stride * static_cast<Index>(sizeof(Element)));
    }
  }
};

}  // namespace condense::kernels

#endif
#endif
