#ifndef CONDENSE_KERNELS_SPARSE_GEMM_AVX2_HPP
#define CONDENSE_KERNELS_SPARSE_GEMM_AVX2_HPP

#if defined(__x86_64__)

#include "condense/kernels/gemm/detail/avx2_planned.hpp"
#include "condense/kernels/sparse_gemm/detail/sparse_tiles.hpp"

namespace condense::kernels {

namespace detail {

/// Tiles of up to 6 rows by 8 columns: VPSHUFB takes 2 of 16 activations for each column, widened to 16 bits as zeros
/// come between them, for one VPMADDWD, which is exact.
struct Avx2Sparse {
  using Panels = SparsePanels<8, 2, 16, false, false>;
  static constexpr Index kRows = 6;
  static constexpr Index kColumns = 8;
  static constexpr Index kLanes = 1;
  static constexpr bool kFlipsSigned = true;

  static void multiply(const SparseTile<Panels>& tile) noexcept {
    if (tile.rows > 4) return multiply_tile<6>(tile);
    if (tile.rows > 2) return multiply_tile<4>(tile);
    if (tile.rows > 1) return multiply_tile<2>(tile);
    multiply_tile<1>(tile);
  }

  static void finish(const GemmTile& tile) noexcept { Avx2PlannedMicro::finish(tile); }

 private:
  template <unsigned kHeight>
  CONDENSE_TARGET_AVX2 static void multiply_tile(const SparseTile<Panels>& t) noexcept {
    const __m128i flip = _mm_set1_epi8(static_cast<char>(t.flip));
    const __m256i none = _mm256_set1_epi16(static_cast<short>(0x8000));  // the upper byte of an activation is zero
    __m256i sums[kHeight];
    const __m256i start =
        t.start != nullptr ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(t.start)) : _mm256_setzero_si256();
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) sums[r] = start;
    SparseBlocks<Panels, kHeight> blocks(t);
    const auto* indices = reinterpret_cast<const __m128i*>(t.panel.indices);
    const auto* weights = reinterpret_cast<const __m128i*>(t.panel.weights);
    for (Index block = 0; block < blocks.count(); ++block) {
      const Index elements = blocks.next();
      const Index steps = t.panel.steps[block];
      if (steps == 0) continue;
      __m256i activations[kHeight];
#pragma GCC unroll 6
      for (unsigned r = 0; r < kHeight; ++r) {
        const __m128i row = avx2::load_bytes16(blocks.rows[r] + blocks.first, elements);
        activations[r] = _mm256_broadcastsi128_si256(_mm_xor_si128(row, flip));
      }
      for (Index step = 0; step < steps; ++step, ++indices, ++weights) {
        const __m256i index = _mm256_or_si256(_mm256_cvtepu8_epi16(_mm_loadu_si128(indices)), none);
        const __m256i w = _mm256_cvtepi8_epi16(_mm_loadu_si128(weights));
#pragma GCC unroll 6
        for (unsigned r = 0; r < kHeight; ++r) {
          sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(_mm256_shuffle_epi8(activations[r], index), w));
        }
      }
    }
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) {
      if (r >= t.rows) break;
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(t.sums + r * kColumns), sums[r]);
    }
  }
};

}  // namespace detail

template <>
struct SparseGemm<simd::Avx2> : detail::TiledSparseGemm<detail::Avx2Sparse> {};

}  // namespace condense::kernels

#endif
#endif
