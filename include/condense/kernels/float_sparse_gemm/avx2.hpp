#ifndef CONDENSE_KERNELS_FLOAT_SPARSE_GEMM_AVX2_HPP
#define CONDENSE_KERNELS_FLOAT_SPARSE_GEMM_AVX2_HPP

#if defined(__x86_64__)

#include "condense/kernels/detail/avx2.hpp"
#include "condense/kernels/float_sparse_gemm/detail/sparse_rows.hpp"

namespace condense::kernels {

namespace detail {

/// Tiles of 32 rows. Two weights of a column are added to two sets of 4 sums, so that 8 FMAs are under way; of
/// one vector four to four.
struct Avx2SparseRows {
  static constexpr Index kLane = 8;
  static constexpr Index kVectors = 4;

  CONDENSE_TARGET_AVX2 static void transpose(const float* const* rows, Index count, float* out, Index stride) noexcept {
    Index k = 0;
    for (; k + kLane <= count; k += kLane) {
      __m256 of[8];
#pragma GCC unroll 8
      for (unsigned r = 0; r < 8; ++r) of[r] = _mm256_loadu_ps(rows[r] + k);
      transpose_vectors(of);
#pragma GCC unroll 8
      for (unsigned i = 0; i < 8; ++i) _mm256_storeu_ps(out + (k + Index{i}) * stride, of[i]);
    }
    for (; k < count; ++k) {
      for (Index r = 0; r < kLane; ++r) out[k * stride + r] = rows[r][k];
    }
  }

  template <unsigned kCount>
  CONDENSE_TARGET_AVX2 static void multiply(const float* activations, const SparseColumns::Block& block, Index columns,
                                            float* sums) noexcept {
    constexpr Index kStride = Index{kCount} * kLane;
    constexpr unsigned kChains = kCount == 1 ? 4 : 2;
    const std::uint8_t* place = block.places;
    const float* weight = block.weights;
    for (Index column = 0; column < columns; ++column, sums += kStride) {
      unsigned left = block.counts[column];
      if (left == 0) continue;
      __m256 of[kChains][kCount];
#pragma GCC unroll 4
      for (unsigned v = 0; v < kCount; ++v) {
        of[0][v] = _mm256_loadu_ps(sums + v * kLane);
#pragma GCC unroll 4
        for (unsigned c = 1; c < kChains; ++c) of[c][v] = _mm256_setzero_ps();
      }
      for (; left >= kChains; left -= kChains, place += kChains, weight += kChains) {
#pragma GCC unroll 4
        for (unsigned c = 0; c < kChains; ++c) add<kCount>(activations + place[c] * kStride, weight[c], of[c]);
      }
      for (; left > 0; --left) add<kCount>(activations + *place++ * kStride, *weight++, of[0]);
#pragma GCC unroll 4
      for (unsigned v = 0; v < kCount; ++v) {
#pragma GCC unroll 4
        for (unsigned c = 1; c < kChains; ++c) of[0][v] = _mm256_add_ps(of[0][v], of[c][v]);
        _mm256_storeu_ps(sums + v * kLane, of[0][v]);
      }
    }
  }

  CONDENSE_TARGET_AVX2 static void finish(const float* sums, Index stride, Index columns, Index rows,
                                          const FloatGemmArguments& g, Index row, Index column) noexcept {
    const __m256 low = _mm256_set1_ps(g.low);
    const __m256 high = _mm256_set1_ps(g.high);
    for (Index c = 0; c < columns; c += kLane) {
      const Index count = std::min(kLane, columns - c);
      for (Index r = 0; r < rows; r += kLane) {
        __m256 of[8];
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; ++i) {
          of[i] = _mm256_loadu_ps(sums + (c + std::min<Index>(i, count - 1)) * stride + r);
        }
        transpose_vectors(of);
        float* out = g.output + (row + r) * g.output_stride + column + c;
        const Index left = rows - r;
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; ++i) {
          if (Index{i} >= left) break;
          avx2::store_floats(out, _mm256_min_ps(_mm256_max_ps(of[i], low), high), count);
          out += g.output_stride;
        }
      }
    }
  }

 private:
  template <unsigned kCount>
  CONDENSE_TARGET_AVX2 __attribute__((always_inline)) static inline void add(const float* rows, float weight,
                                                                             __m256 (&sums)[kCount]) noexcept {
    const __m256 w = _mm256_set1_ps(weight);
#pragma GCC unroll 4
    for (unsigned v = 0; v < kCount; ++v) sums[v] = _mm256_fmadd_ps(w, _mm256_loadu_ps(rows + v * kLane), sums[v]);
  }

  /// 8 x 8: by pairs, by fours, then by halves of vectors.
  CONDENSE_TARGET_AVX2 __attribute__((always_inline)) static inline void transpose_vectors(__m256 (&of)[8]) noexcept {
    __m256 t[8];
#pragma GCC unroll 4
    for (unsigned i = 0; i < 8; i += 2) {
      t[i] = _mm256_unpacklo_ps(of[i], of[i + 1]);
      t[i + 1] = _mm256_unpackhi_ps(of[i], of[i + 1]);
    }
#pragma GCC unroll 2
    for (unsigned i = 0; i < 8; i += 4) {
      of[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
      of[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
      of[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
      of[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
#pragma GCC unroll 4
    for (unsigned j = 0; j < 4; ++j) {
      t[j] = _mm256_permute2f128_ps(of[j], of[4 + j], 0x20);
      t[4 + j] = _mm256_permute2f128_ps(of[j], of[4 + j], 0x31);
    }
#pragma GCC unroll 8
    for (unsigned i = 0; i < 8; ++i) of[i] = t[i];
  }
};

}  // namespace detail

template <>
struct FloatSparseGemm<simd::Avx2> : detail::SparseFloatRows<detail::Avx2SparseRows> {};

}  // namespace condense::kernels

#endif
#endif
