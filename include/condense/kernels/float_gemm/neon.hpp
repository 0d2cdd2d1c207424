#ifndef CONDENSE_KERNELS_FLOAT_GEMM_NEON_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_NEON_HPP

#if defined(__aarch64__)

#include <algorithm>

#include "condense/kernels/detail/neon.hpp"
#include "condense/kernels/float_gemm/detail/tiled.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

namespace detail {

/// Tiles of 8 x 8 sums in 16 of 32 registers: 4 elements of K take 16 loads and 64 fused multiplications by lane.
struct FloatTileNeon {
  static constexpr Index kRows = 8;
  static constexpr Index kLane = 4;
  static constexpr Index kLanes = 2;
  using Heights = std::integer_sequence<unsigned, 1, 2, 3, 4, 5, 6, 7, 8>;

  template <unsigned Rows, unsigned Lanes>
  [[gnu::noinline]] static void multiply(const FloatTile& tile) noexcept {
    // Eight multiplications are under way at a time (4 cycles, 2 a cycle), so a low tile has sums for each lane.
    constexpr unsigned kChains = Rows * Lanes >= 8 ? 1 : Rows * Lanes >= 4 ? 2 : 4;
    constexpr Index kStep = kLane * Lanes;
    const Index depth = tile.product->input.depth;
    Sums<Rows, Lanes> sums[kChains];
#pragma GCC unroll 4
    for (unsigned chain = 0; chain < kChains; ++chain) sums[chain].clear();
    const float* w = tile.weights;
    for (Index tap = 0; tap < tile.product->input.taps; ++tap) {
      const float* a[Rows];
      tile.pieces(tap, a);
      float32x4_t x[Rows];
      Index i = 0;
      for (; i + 4 <= depth; i += 4, w += 4 * kStep) {
#pragma GCC unroll 8
        for (unsigned r = 0; r < Rows; ++r) x[r] = vld1q_f32(a[r] + i);
        sums[0].template add<0>(x, w);
        sums[1 % kChains].template add<1>(x, w + kStep);
        sums[2 % kChains].template add<2>(x, w + 2 * kStep);
        sums[3 % kChains].template add<3>(x, w + 3 * kStep);
      }
      for (; i < depth; ++i, w += kStep) {
#pragma GCC unroll 8
        for (unsigned r = 0; r < Rows; ++r) x[r] = vld1q_dup_f32(a[r] + i);
        sums[0].template add<0>(x, w);
      }
    }
#pragma GCC unroll 4
    for (unsigned chain = kChains - 1; chain > 0; --chain) sums[chain / 2].add(sums[chain]);
    sums[0].store(tile);
  }

 private:
  template <unsigned Rows, unsigned Lanes>
  struct Sums {
    float32x4_t of[Rows][Lanes];

    [[gnu::always_inline]] void clear() noexcept {
#pragma GCC unroll 8
      for (unsigned r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) of[r][v] = vdupq_n_f32(0);
      }
    }

    /// Adds the products of one lane of the activations of every row with an element of K of the weights. Through
    /// assembly, because GCC 12 copies sums from register to register for the intrinsic, 9 times in 64.
    template <int Lane>
    [[gnu::always_inline]] void add(const float32x4_t (&x)[Rows], const float* weights) noexcept {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) {
        neon::hold_loads();
        const float32x4_t w = vld1q_f32(weights + v * kLane);
#pragma GCC unroll 8
        for (unsigned r = 0; r < Rows; ++r) {
          asm("fmla %0.4s, %1.4s, %2.s[%c3]" : "+w"(of[r][v]) : "w"(w), "w"(x[r]), "i"(Lane));
        }
      }
    }

    [[gnu::always_inline]] void add(const Sums& other) noexcept {
#pragma GCC unroll 8
      for (unsigned r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) of[r][v] = vaddq_f32(of[r][v], other.of[r][v]);
      }
    }

    /// The epilogue. Columns beyond the last are read from and written to a buffer.
    [[gnu::always_inline]] void store(const FloatTile& tile) const noexcept {
      const float32x4_t low = vdupq_n_f32(tile.product->low);
      const float32x4_t high = vdupq_n_f32(tile.product->high);
      const bool whole = tile.columns() >= Lanes * kLane;
      const auto bytes = static_cast<std::size_t>(std::min(tile.columns(), Lanes * kLane)) * sizeof(float);
      float buffer[4 * Lanes] = {};
      const float* bias = tile.product->bias + tile.column;
      if (!whole) bias = static_cast<const float*>(std::memcpy(buffer, bias, bytes));
      float32x4_t b[Lanes];
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) b[v] = vld1q_f32(bias + v * kLane);
      float* output[Rows];
      tile.outputs(output);
#pragma GCC unroll 8
      for (unsigned r = 0; r < Rows; ++r) {
        float* to = whole ? output[r] : buffer;
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) {
          vst1q_f32(to + v * kLane, vminq_f32(vmaxq_f32(vaddq_f32(of[r][v], b[v]), low), high));
        }
        if (!whole) std::memcpy(output[r], buffer, bytes);
      }
    }
  };
};

}  // namespace detail

/// Float products by fused multiplications by lane.
template <>
struct FloatGemm<simd::Neon> : detail::TiledFloatGemm<detail::FloatTileNeon> {};

}  // namespace condense::kernels

#endif
#endif
