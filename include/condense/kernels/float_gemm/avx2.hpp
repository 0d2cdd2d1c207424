#ifndef CONDENSE_KERNELS_FLOAT_GEMM_AVX2_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_AVX2_HPP

#if defined(__x86_64__)

#include "condense/kernels/detail/avx2.hpp"
#include "condense/kernels/float_gemm/detail/tiled.hpp"

namespace condense::kernels {

namespace detail {

/// Tiles of 6 x 16 sums, in 12 of 16 registers: a step of K loads 2 vectors of weights and 6 activations for 12 FMAs.
struct FloatTileAvx2 {
  static constexpr Index kRows = 6;
  static constexpr Index kLane = 8;
  static constexpr unsigned kLanes = 2;
  using Heights = std::integer_sequence<unsigned, 1, 2, 4, 6>;

  template <unsigned Rows, unsigned Lanes>
  CONDENSE_TARGET_AVX2 __attribute__((noinline)) static void multiply(const FloatTile& tile) noexcept {
    // Eight FMAs are under way at a time (4 cycles, 2 a cycle), so a low tile takes several steps of K side by side.
    constexpr unsigned kChains = std::max(1U, 8 / (Rows * Lanes));
    constexpr Index kStep = Lanes * kLane;
    const Index depth = tile.product->input.depth;
    const Index taps = tile.product->input.taps;
    tile.prefetch_outputs<Rows>(kStep);
    __m256 sums[kChains][Rows][Lanes];
#pragma GCC unroll 2
    for (unsigned v = 0; v < Lanes; ++v) {
      const __m256i lanes = avx2::first_lanes(tile.columns() - v * kLane);
      const __m256 bias = _mm256_maskload_ps(tile.product->bias + tile.column + v * kLane, lanes);
#pragma GCC unroll 6
      for (unsigned r = 0; r < Rows; ++r) {
        sums[0][r][v] = bias;
#pragma GCC unroll 8
        for (unsigned chain = 1; chain < kChains; ++chain) sums[chain][r][v] = _mm256_setzero_ps();
      }
    }

    const float* w = tile.weights;
    for (Index tap = 0; tap < taps; ++tap) {
      const float* a[Rows];
      tile.pieces(tap, a);
      Index i = 0;
      for (; i + kChains <= depth; i += kChains, w += kChains * kStep) {
#pragma GCC unroll 8
        for (unsigned chain = 0; chain < kChains; ++chain) add_products(a, i + chain, w + chain * kStep, sums[chain]);
      }
      for (; kChains > 1 && i < depth; ++i, w += kStep) add_products(a, i, w, sums[0]);
    }

    const __m256 low = _mm256_set1_ps(tile.product->low);
    const __m256 high = _mm256_set1_ps(tile.product->high);
    float* output[Rows];
    tile.outputs(output);
#pragma GCC unroll 6
    for (unsigned r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) {
#pragma GCC unroll 8
        for (unsigned chain = 1; chain < kChains; ++chain) {
          sums[0][r][v] = _mm256_add_ps(sums[0][r][v], sums[chain][r][v]);
        }
        // The operands stand so that a NaN stays one.
        const __m256 value = _mm256_min_ps(high, _mm256_max_ps(low, sums[0][r][v]));
        avx2::store_floats(output[r] + v * kLane, value, tile.columns() - v * kLane);
      }
    }
  }

 private:
  /// One step of K. Weights are asked for 16 steps ahead, 1 KiB, which crosses pages.
  template <unsigned Rows, unsigned Lanes>
  CONDENSE_TARGET_AVX2 __attribute__((always_inline)) static void add_products(const float* const (&a)[Rows], Index i,
                                                                               const float* w,
                                                                               __m256 (&sums)[Rows][Lanes]) noexcept {
    _mm_prefetch(reinterpret_cast<const char*>(w + 16 * Lanes * kLane), _MM_HINT_T0);
    __m256 weights[Lanes];
#pragma GCC unroll 2
    for (unsigned v = 0; v < Lanes; ++v) weights[v] = _mm256_loadu_ps(w + v * kLane);
#pragma GCC unroll 6
    for (unsigned r = 0; r < Rows; ++r) {
      const __m256 value = _mm256_set1_ps(a[r][i]);
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) sums[r][v] = _mm256_fmadd_ps(value, weights[v], sums[r][v]);
    }
  }
};

}  // namespace detail

/// Vectors of 8 columns.
template <>
struct FloatGemm<simd::Avx2> : detail::TiledFloatGemm<detail::FloatTileAvx2> {};

}  // namespace condense::kernels

#endif
#endif
