#ifndef CONDENSE_KERNELS_GEMM_NEON_I8MM_HPP
#define CONDENSE_KERNELS_GEMM_NEON_I8MM_HPP

#if defined(__aarch64__)

#include "condense/kernels/gemm/detail/neon_tiles.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

namespace detail::neon {

/// Sums of products of matrices, 2 rows x 8 elements by 8 elements x 2 columns, with activations of either sign.
template <bool kSigned, Index kRows, Index kColumns>
struct MatrixProducts {
  static constexpr Index kStep = 8;
  static constexpr Index kLeastRows = 2;
  static constexpr Index kPairs = (kRows + 1) / 2;
  static constexpr Index kBlocks = kColumns / 2;
  Array<Array<int32x4_t, kBlocks>, kPairs> sums;  ///< Two columns of a row, then of the next row.

  [[gnu::always_inline]] void clear() noexcept {
#pragma GCC unroll 4
    for (Index p = 0; p < kPairs; ++p) {
#pragma GCC unroll 8
      for (Index b = 0; b < kBlocks; ++b) sums[p][b] = vdupq_n_s32(0);
    }
  }

  template <bool kPacked>
  [[gnu::always_inline]] void add(const Array<const std::uint8_t*, kRows>& rows, Index steps,
                                  const std::int8_t* weights, Index stride, std::uint32_t) noexcept {
    Array<uint64x2_t, kPairs> first;
    Array<uint64x2_t, kPairs> second;
    Index step = 0;
    for (; step + 2 <= steps; step += 2, weights += 2 * stride) {
#pragma GCC unroll 4
      for (Index p = 0; p < kPairs; ++p) {
        const uint64x2_t even = vreinterpretq_u64_u8(vld1q_u8(rows[2 * p] + step * kStep));
        const uint64x2_t odd = vreinterpretq_u64_u8(vld1q_u8(rows[below(p)] + step * kStep));
        first[p] = vtrn1q_u64(even, odd);
        second[p] = vtrn2q_u64(even, odd);
      }
      add_step<kPacked>(first, weights);
      add_step<kPacked>(second, weights + stride);
    }
    if (step < steps) {
#pragma GCC unroll 4
      for (Index p = 0; p < kPairs; ++p) {
        first[p] = vreinterpretq_u64_u8(
            vcombine_u8(vld1_u8(rows[2 * p] + step * kStep), vld1_u8(rows[below(p)] + step * kStep)));
      }
      add_step<kPacked>(first, weights);
    }
  }

  [[gnu::always_inline]] int32x4_t row(Index r, Index v) const noexcept {
    const int64x2_t left = vreinterpretq_s64_s32(sums[r / 2][2 * v]);
    const int64x2_t right = vreinterpretq_s64_s32(sums[r / 2][2 * v + 1]);
    return vreinterpretq_s32_s64(r % 2 == 0 ? vtrn1q_s64(left, right) : vtrn2q_s64(left, right));
  }

 private:
  /// The second row of a pair; a row without one is taken twice.
  static constexpr Index below(Index pair) noexcept { return 2 * pair + 1 < kRows ? 2 * pair + 1 : 2 * pair; }

  template <bool kPacked>
  [[gnu::always_inline]] void add_step(const Array<uint64x2_t, kPairs>& a, const std::int8_t* weights) noexcept {
#pragma GCC unroll 8
    for (Index b = 0; b < kBlocks; ++b) {
      const int8x16_t w = load_weights<kPacked, kStep>(weights, b);
#pragma GCC unroll 4
      for (Index p = 0; p < kPairs; ++p) {
        if constexpr (kSigned) {
          asm("smmla %0.4s, %1.16b, %2.16b" : "+w"(sums[p][b]) : "w"(a[p]), "w"(w));
        } else {
          asm("usmmla %0.4s, %1.16b, %2.16b" : "+w"(sums[p][b]) : "w"(a[p]), "w"(w));
        }
      }
    }
  }
};

template <Index kRows, Index kColumns>
using SignedMatrixProducts = MatrixProducts<true, kRows, kColumns>;
template <Index kRows, Index kColumns>
using UnsignedMatrixProducts = MatrixProducts<false, kRows, kColumns>;

/// Tiles of up to 6 rows by 16 columns: 24 sums, and 16 steps take 22 loads and 6 moves for 48 products.
struct NeonI8mmMicro : GemmTiles<6> {
  static constexpr Index kStep = 8;
  static constexpr std::optional<ElementType> kFlipped = std::nullopt;

  CONDENSE_TARGET_NEON_I8MM static void multiply(const GemmTile& tile) noexcept {
    if (tile.product->input_type == ElementType::int8) {
      multiply_by<SignedMatrixProducts, kRows * kPanel>(tile);
    } else {
      multiply_by<UnsignedMatrixProducts, kRows * kPanel>(tile);
    }
  }
  CONDENSE_TARGET_NEON_I8MM static void multiply_groups(const GemmTile& tile) noexcept {
    if (tile.row_start != 0) {
      multiply(tile);
      return add_sums_to_values(tile);
    }
    if (tile.product->input_type == ElementType::int8) {
      multiply_groups_by<SignedMatrixProducts, kRows * kPanel / 2>(tile);
    } else {
      multiply_groups_by<UnsignedMatrixProducts, kRows * kPanel / 2>(tile);
    }
  }
  static constexpr Index kPackedRows = 2;
  static constexpr bool kPacksZeroPoints = false;
  static constexpr bool kPacksFactors = false;
  CONDENSE_TARGET_NEON_I8MM static void multiply_packed_groups(const GemmTile& tile) noexcept {
    if (tile.product->input_type == ElementType::int8) {
      multiply_packed_groups_by<SignedMatrixProducts, kRows * kPanel / 2>(tile);
    } else {
      multiply_packed_groups_by<UnsignedMatrixProducts, kRows * kPanel / 2>(tile);
    }
  }
  CONDENSE_TARGET_NEON_I8MM static void start_groups(const GemmTile& tile, std::int32_t* starts) noexcept {
    start_groups_by<SignedMatrixProducts>(tile, starts);
  }
  static void unpack(const std::byte* packed, int bits, Index vectors, std::int8_t* codes) noexcept {
    unpack_steps<kStep>(packed, bits, vectors, codes);
  }
};

}  // namespace detail::neon

/// Integer products by SMMLA and USMMLA.
template <>
struct Gemm<simd::NeonI8mm> : detail::TiledGemm<detail::neon::NeonI8mmMicro> {};

}  // namespace condense::kernels

#endif
#endif
