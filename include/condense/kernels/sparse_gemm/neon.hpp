#ifndef CONDENSE_KERNELS_SPARSE_GEMM_NEON_HPP
#define CONDENSE_KERNELS_SPARSE_GEMM_NEON_HPP

#if defined(__aarch64__)

#include "condense/kernels/gemm/detail/neon_tiles.hpp"
#include "condense/kernels/sparse_gemm/detail/sparse_tiles.hpp"

namespace condense::kernels {

namespace detail {

/// Tiles of up to 4 rows by 4 columns: TBL takes 4 activations for each column out of two registers, SMULL multiplies
/// them to 16 bits, which holds any product, and SADALP adds them to 32 bits. Each column has two sums.
struct NeonSparse {
  using Panels = SparsePanels<4, 4, 16, true, false, 128>;
  static constexpr Index kRows = 4;
  static constexpr Index kColumns = 4;
  static constexpr Index kLanes = 1;
  static constexpr bool kFlipsSigned = false;  // SMULL: both signed

  static void multiply(const SparseTile<Panels>& tile) noexcept {
    if (tile.rows > 2) return multiply_tile<4>(tile);
    if (tile.rows > 1) return multiply_tile<2>(tile);
    multiply_tile<1>(tile);
  }

  static void finish(const GemmTile& tile) noexcept { neon::GemmPanels::finish(tile); }

 private:
  template <unsigned kHeight>
  static void multiply_tile(const SparseTile<Panels>& t) noexcept {
    const uint8x16_t flip = vdupq_n_u8(t.flip);
    int32x4_t front[kHeight];  // of columns 0 and 1
    int32x4_t back[kHeight];   // of columns 2 and 3
#pragma GCC unroll 4
    for (unsigned r = 0; r < kHeight; ++r) front[r] = back[r] = vdupq_n_s32(0);
    SparseBlocks<Panels, kHeight> blocks(t);
    const std::uint8_t* indices = t.panel.indices;
    const std::int8_t* weights = t.panel.weights;
    uint8x16x2_t activations[kHeight];
    const auto load = [&](int half) {
      const Index elements = blocks.next();
#pragma GCC unroll 4
      for (unsigned r = 0; r < kHeight; ++r) {
        const uint8x16_t row = elements > 0 ? neon::load_bytes(blocks.rows[r] + blocks.first, elements) : vdupq_n_u8(0);
        activations[r].val[half] = veorq_u8(row, flip);
      }
    };
    const auto add = [&](Index steps) {
      for (Index step = 0; step < steps; ++step, indices += 16, weights += 16) {
        const uint8x16_t index = vld1q_u8(indices);
        const int8x16_t w = vld1q_s8(weights);
#pragma GCC unroll 4
        for (unsigned r = 0; r < kHeight; ++r) {
          const int8x16_t a = vreinterpretq_s8_u8(vqtbl2q_u8(activations[r], index));
          front[r] = vpadalq_s16(front[r], vmull_s8(vget_low_s8(a), vget_low_s8(w)));
          back[r] = vpadalq_s16(back[r], vmull_high_s8(a, w));
        }
      }
    };
    load(0);
    const Index count = blocks.count();
    for (Index block = 0; block < count; block += 2) {
      load(1);
      add(t.panel.steps[block]);
      if (block + 1 == count) break;
      load(0);
      add(t.panel.steps[block + 1]);
    }
    const int32x4_t start = t.start != nullptr ? vld1q_s32(t.start) : vdupq_n_s32(0);
#pragma GCC unroll 4
    for (unsigned r = 0; r < kHeight; ++r) {
      if (r >= t.rows) break;
      vst1q_s32(t.sums + r * kColumns, vaddq_s32(start, vpaddq_s32(front[r], back[r])));
    }
  }
};

}  // namespace detail

template <>
struct SparseGemm<simd::Neon> : detail::TiledSparseGemm<detail::NeonSparse> {};

}  // namespace condense::kernels

#endif
#endif
