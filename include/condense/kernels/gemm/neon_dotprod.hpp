#ifndef CONDENSE_KERNELS_GEMM_NEON_DOTPROD_HPP
#define CONDENSE_KERNELS_GEMM_NEON_DOTPROD_HPP

#if defined(__aarch64__)

#include "condense/kernels/gemm/detail/neon_tiles.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

namespace detail::neon {

/// Sums of dot products of 4 bytes: a vector of weights holds 4 columns, and one of activations 4 steps of a row, which
/// SDOT takes by lane.
template <Index kRows, Index kColumns>
struct DotProducts {
  static constexpr Index kStep = 4;
  static constexpr Index kLeastRows = 1;
  static constexpr Index kVectors = kColumns / 4;
  Array<Array<int32x4_t, kVectors>, kRows> sums;

  [[gnu::always_inline]] void clear() noexcept {
#pragma GCC unroll 8
    for (Index r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (Index v = 0; v < kVectors; ++v) sums[r][v] = vdupq_n_s32(0);
    }
  }

  template <bool kPacked>
  [[gnu::always_inline]] void add(const Array<const std::uint8_t*, kRows>& rows, Index steps,
                                  const std::int8_t* weights, Index stride, std::uint32_t flip) noexcept {
    const uint8x16_t flips = vreinterpretq_u8_u32(vdupq_n_u32(flip));
    Array<uint8x16_t, kRows> a;
    Index step = 0;
    for (; step + 4 <= steps; step += 4, weights += 4 * stride) {
#pragma GCC unroll 8
      for (Index r = 0; r < kRows; ++r) a[r] = veorq_u8(vld1q_u8(rows[r] + step * kStep), flips);
      add_step<kPacked, 0>(a, weights);
      add_step<kPacked, 1>(a, weights + stride);
      add_step<kPacked, 2>(a, weights + 2 * stride);
      add_step<kPacked, 3>(a, weights + 3 * stride);
    }
    for (; step < steps; ++step, weights += stride) {
#pragma GCC unroll 8
      for (Index r = 0; r < kRows; ++r) {
        std::uint32_t four;
        std::memcpy(&four, rows[r] + step * kStep, sizeof(four));
        a[r] = vreinterpretq_u8_u32(vdupq_n_u32(four ^ flip));
      }
      add_step<kPacked, 0>(a, weights);
    }
  }

  [[gnu::always_inline]] int32x4_t row(Index r, Index v) const noexcept { return sums[r][v]; }

 private:
  /// Through assembly, because clang 14 declares the intrinsics only where the command line has the feature.
  template <bool kPacked, int kSlot>
  [[gnu::always_inline]] void add_step(const Array<uint8x16_t, kRows>& a, const std::int8_t* weights) noexcept {
#pragma GCC unroll 4
    for (Index v = 0; v < kVectors; ++v) {
      const int8x16_t w = load_weights<kPacked, kStep>(weights, v);
#pragma GCC unroll 8
      for (Index r = 0; r < kRows; ++r) {
        asm("sdot %0.4s, %1.16b, %2.4b[%c3]" : "+w"(sums[r][v]) : "w"(w), "w"(a[r]), "i"(kSlot));
      }
    }
  }
};

/// Tiles of up to 6 rows by 16 columns: 24 sums, 6 vectors of activations, one of weights and one to flip signs fill
/// the registers, and 16 steps take 22 loads for 96 products.
struct NeonDotprodMicro : GemmTiles<6> {
  static constexpr Index kStep = 4;
  static constexpr std::optional<ElementType> kFlipped = ElementType::uint8;  // SDOT: signed times signed

  CONDENSE_TARGET_NEON_DOTPROD static void multiply(const GemmTile& tile) noexcept {
    multiply_by<DotProducts, kRows * kPanel>(tile);
  }
  CONDENSE_TARGET_NEON_DOTPROD static void multiply_groups(const GemmTile& tile) noexcept {
    if (tile.row_start != 0) {
      multiply(tile);
      return add_sums_to_values(tile);
    }
    multiply_groups_by<DotProducts, kRows * kPanel / 2>(tile);
  }
  static constexpr Index kPackedRows = 2;
  static constexpr bool kPacksZeroPoints = false;
  static constexpr bool kPacksFactors = false;
  CONDENSE_TARGET_NEON_DOTPROD static void multiply_packed_groups(const GemmTile& tile) noexcept {
    multiply_packed_groups_by<DotProducts, kRows * kPanel / 2>(tile);
  }
  CONDENSE_TARGET_NEON_DOTPROD static void start_groups(const GemmTile& tile, std::int32_t* starts) noexcept {
    start_groups_by<DotProducts>(tile, starts);
  }
  static void unpack(const std::byte* packed, int bits, Index vectors, std::int8_t* codes) noexcept {
    unpack_steps<kStep>(packed, bits, vectors, codes);
  }
};

}  // namespace detail::neon

/// Integer products by SDOT.
template <>
struct Gemm<simd::NeonDotprod> : detail::TiledGemm<detail::neon::NeonDotprodMicro> {};

}  // namespace condense::kernels

#endif
#endif
