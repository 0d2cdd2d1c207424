#ifndef CONDENSE_KERNELS_FLOAT_SPARSE_GEMM_AVX512_VNNI_HPP
#define CONDENSE_KERNELS_FLOAT_SPARSE_GEMM_AVX512_VNNI_HPP

#if defined(__x86_64__)

#include "condense/kernels/detail/avx512.hpp"
#include "condense/kernels/float_sparse_gemm/detail/sparse_rows.hpp"

// GCC 12 takes the undefined upper halves in its own AVX-512 headers for uninitialised variables.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace condense::kernels {

namespace detail {

/// Tiles of 64 rows. Two weights of a column are added to two sets of 4 sums, so that 8 FMAs are under way; of
/// one vector four to four.
struct Avx512SparseRows {
  static constexpr Index kLane = 16;
  static constexpr Index kVectors = 4;

  CONDENSE_TARGET_AVX512_VNNI static void transpose(const float* const* rows, Index count, float* out,
                                                    Index stride) noexcept {
    for (Index k = 0; k < count; k += kLane, out += kLane * stride) {
      const Index elements = std::min(kLane, count - k);
      const __mmask16 mask = avx512::first_lanes(elements);
      __m512 of[16];
#pragma GCC unroll 16
      for (unsigned r = 0; r < 16; ++r) of[r] = _mm512_maskz_loadu_ps(mask, rows[r] + k);
      transpose_vectors(of);
      if (elements == kLane) {
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; ++i) _mm512_storeu_ps(out + Index{i} * stride, of[i]);
      } else {
        alignas(64) float last[16][16];
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; ++i) _mm512_store_ps(last[i], of[i]);
        for (Index i = 0; i < elements; ++i) std::memcpy(out + i * stride, last[i], sizeof(last[i]));
      }
    }
  }

  template <unsigned kCount>
  CONDENSE_TARGET_AVX512_VNNI static void multiply(const float* activations, const SparseColumns::Block& block,
                                                   Index columns, float* sums) noexcept {
    constexpr Index kStride = Index{kCount} * kLane;
    constexpr unsigned kChains = kCount == 1 ? 4 : 2;
    const std::uint8_t* place = block.places;
    const float* weight = block.weights;
    for (Index column = 0; column < columns; ++column, sums += kStride) {
      unsigned left = block.counts[column];
      if (left == 0) continue;
      __m512 of[kChains][kCount];
#pragma GCC unroll 4
      for (unsigned v = 0; v < kCount; ++v) {
        of[0][v] = _mm512_loadu_ps(sums + v * kLane);
#pragma GCC unroll 4
        for (unsigned c = 1; c < kChains; ++c) of[c][v] = _mm512_setzero_ps();
      }
      for (; left >= kChains; left -= kChains, place += kChains, weight += kChains) {
#pragma GCC unroll 4
        for (unsigned c = 0; c < kChains; ++c) add<kCount>(activations + place[c] * kStride, weight[c], of[c]);
      }
      for (; left > 0; --left) add<kCount>(activations + *place++ * kStride, *weight++, of[0]);
#pragma GCC unroll 4
      for (unsigned v = 0; v < kCount; ++v) {
#pragma GCC unroll 4
        for (unsigned c = 1; c < kChains; ++c) of[0][v] = _mm512_add_ps(of[0][v], of[c][v]);
        _mm512_storeu_ps(sums + v * kLane, of[0][v]);
      }
    }
  }

  CONDENSE_TARGET_AVX512_VNNI static void finish(const float* sums, Index stride, Index columns, Index rows,
                                                 const FloatGemmArguments& g, Index row, Index column) noexcept {
    const __m512 low = _mm512_set1_ps(g.low);
    const __m512 high = _mm512_set1_ps(g.high);
    for (Index c = 0; c < columns; c += kLane) {
      const Index count = std::min(kLane, columns - c);
      const __mmask16 mask = avx512::first_lanes(count);
      for (Index r = 0; r < rows; r += kLane) {
        __m512 of[16];
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; ++i) {
          of[i] = _mm512_loadu_ps(sums + (c + std::min<Index>(i, count - 1)) * stride + r);
        }
        transpose_vectors(of);
        float* out = g.output + (row + r) * g.output_stride + column + c;
        const Index left = rows - r;
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; ++i) {
          if (Index{i} >= left) break;
          _mm512_mask_storeu_ps(out, mask, _mm512_min_ps(_mm512_max_ps(of[i], low), high));
          out += g.output_stride;
        }
      }
    }
  }

 private:
  template <unsigned kCount>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static inline void add(const float* rows, float weight,
                                                                                    __m512 (&sums)[kCount]) noexcept {
    const __m512 w = _mm512_set1_ps(weight);
#pragma GCC unroll 4
    for (unsigned v = 0; v < kCount; ++v) sums[v] = _mm512_fmadd_ps(w, _mm512_loadu_ps(rows + v * kLane), sums[v]);
  }

  /// 16 x 16: by pairs, by fours, then by quarters of vectors.
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static inline void transpose_vectors(
      __m512 (&of)[16]) noexcept {
    __m512 t[16];
#pragma GCC unroll 8
    for (unsigned i = 0; i < 16; i += 2) {
      t[i] = _mm512_unpacklo_ps(of[i], of[i + 1]);
      t[i + 1] = _mm512_unpackhi_ps(of[i], of[i + 1]);
    }
#pragma GCC unroll 4
    for (unsigned i = 0; i < 16; i += 4) {  // of[i + j]: elements 4q + j of rows i to i + 3, in quarter q
      of[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
      of[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xEE);
      of[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
      of[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
#pragma GCC unroll 4
    for (unsigned j = 0; j < 4; ++j) {
      const __m512 a = _mm512_shuffle_f32x4(of[j], of[4 + j], 0x88);
      const __m512 b = _mm512_shuffle_f32x4(of[j], of[4 + j], 0xDD);
      const __m512 c = _mm512_shuffle_f32x4(of[8 + j], of[12 + j], 0x88);
      const __m512 d = _mm512_shuffle_f32x4(of[8 + j], of[12 + j], 0xDD);
      t[j] = _mm512_shuffle_f32x4(a, c, 0x88);
      t[4 + j] = _mm512_shuffle_f32x4(b, d, 0x88);
      t[8 + j] = _mm512_shuffle_f32x4(a, c, 0xDD);
      t[12 + j] = _mm512_shuffle_f32x4(b, d, 0xDD);
    }
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; ++i) of[i] = t[i];
  }
};

}  // namespace detail

template <>
struct FloatSparseGemm<simd::Avx512Vnni> : detail::SparseFloatRows<detail::Avx512SparseRows> {};

}  // namespace condense::kernels

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
#endif
