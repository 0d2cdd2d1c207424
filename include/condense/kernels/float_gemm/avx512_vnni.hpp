#ifndef CONDENSE_KERNELS_FLOAT_GEMM_AVX512_VNNI_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_AVX512_VNNI_HPP

#if defined(__x86_64__)

#include "condense/kernels/detail/avx512.hpp"
#include "condense/kernels/float_gemm/detail/tiled.hpp"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace condense::kernels {

namespace detail {

/// Tiles of 12 x 32 sums, in 24 of 32 registers: a step of K loads 2 vectors of weights and 12 activations for 24 FMAs.
struct FloatTileAvx512 {
  static constexpr Index kRows = 12;
  static constexpr Index kLane = 16;
  static constexpr unsigned kLanes = 2;
  using Heights = std::integer_sequence<unsigned, 1, 2, 4, 6, 8, 12>;

  template <unsigned Rows, unsigned Lanes>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((noinline)) static void multiply(const FloatTile& tile) noexcept {
    // Eight FMAs are under way at a time (4 cycles, 2 a cycle), so a low tile takes several steps of K side by side.
    constexpr unsigned kChains = std::max(1U, 8 / (Rows * Lanes));
    constexpr Index kStep = Lanes * kLane;
    const Index depth = tile.product->input.depth;
    const Index taps = tile.product->input.taps;
    tile.prefetch_outputs<Rows>(kStep);
    __mmask16 mask[Lanes];
    __m512 sums[kChains][Rows][Lanes];
#pragma GCC unroll 2
    for (unsigned v = 0; v < Lanes; ++v) {
      mask[v] = avx512::first_lanes(tile.columns() - v * kLane);
      const __m512 bias = _mm512_maskz_loadu_ps(mask[v], tile.product->bias + tile.column + v * kLane);
#pragma GCC unroll 12
      for (unsigned r = 0; r < Rows; ++r) {
        sums[0][r][v] = bias;
#pragma GCC unroll 8
        for (unsigned chain = 1; chain < kChains; ++chain) sums[chain][r][v] = _mm512_setzero_ps();
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

    const __m512 low = _mm512_set1_ps(tile.product->low);
    const __m512 high = _mm512_set1_ps(tile.product->high);
    float* output[Rows];
    tile.outputs(output);
#pragma GCC unroll 12
    for (unsigned r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) {
#pragma GCC unroll 8
        for (unsigned chain = 1; chain < kChains; ++chain) {
          sums[0][r][v] = _mm512_add_ps(sums[0][r][v], sums[chain][r][v]);
        }
        // The operands stand so that a NaN stays one.
        const __m512 value = _mm512_min_ps(high, _mm512_max_ps(low, sums[0][r][v]));
        _mm512_mask_storeu_ps(output[r] + v * kLane, mask[v], value);
      }
    }
  }

 private:
  /// One step of K. Weights are asked for 8 steps ahead, 1 KiB, which crosses pages: 10 % where they come from L3.
  template <unsigned Rows, unsigned Lanes>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static void add_products(
      const float* const (&a)[Rows], Index i, const float* w, __m512 (&sums)[Rows][Lanes]) noexcept {
    __m512 weights[Lanes];
#pragma GCC unroll 2
    for (unsigned v = 0; v < Lanes; ++v) {
      _mm_prefetch(reinterpret_cast<const char*>(w + (8 * Lanes + v) * kLane), _MM_HINT_T0);
      weights[v] = _mm512_loadu_ps(w + v * kLane);
    }
#pragma GCC unroll 12
    for (unsigned r = 0; r < Rows; ++r) {
      const __m512 value = _mm512_set1_ps(a[r][i]);
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) sums[r][v] = _mm512_fmadd_ps(value, weights[v], sums[r][v]);
    }
  }
};

}  // namespace detail

/// Vectors of 16 columns.
template <>
struct FloatGemm<simd::Avx512Vnni> : detail::TiledFloatGemm<detail::FloatTileAvx512> {};

}  // namespace condense::kernels

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
#endif
