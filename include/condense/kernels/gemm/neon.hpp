#ifndef CONDENSE_KERNELS_GEMM_NEON_HPP
#define CONDENSE_KERNELS_GEMM_NEON_HPP

#if defined(__aarch64__)

#include "condense/kernels/gemm/detail/neon_tiles.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

namespace detail::neon {

/// Sums of products of signed bytes, 16 elements of a row by those of a column; what a vector holds is added up last.
///
/// A product is at most 128 * 128 = 2^14 and fits 16 bits, also -128 * -128. Two of them may be 2^15, which does not,
/// so they are added in pairs to 32 bits: 2 multiplications and 2 additions for 16 elements. Where weights are above
/// -128 two products are at most 128 * (127 + 127) = 2^15 - 2^8, and one addition is saved.
template <bool kAboveLowest, Index kRows, Index kColumns>
struct WideningProducts {
  static constexpr Index kStep = 16;
  static constexpr Index kLeastRows = 1;
  Array<Array<int32x4_t, kColumns>, kRows> sums;

  [[gnu::always_inline]] void clear() noexcept {
#pragma GCC unroll 8
    for (Index r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
      for (Index c = 0; c < kColumns; ++c) sums[r][c] = vdupq_n_s32(0);
    }
  }

  template <bool kPacked>
  [[gnu::always_inline]] void add(const Array<const std::uint8_t*, kRows>& rows, Index steps,
                                  const std::int8_t* weights, Index stride, std::uint32_t flip) noexcept {
    const uint8x16_t flips = vreinterpretq_u8_u32(vdupq_n_u32(flip));
    for (Index step = 0; step < steps; ++step, weights += stride) {
      Array<int8x16_t, kRows> a;
#pragma GCC unroll 8
      for (Index r = 0; r < kRows; ++r) a[r] = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(rows[r] + step * kStep), flips));
#pragma GCC unroll 16
      for (Index c = 0; c < kColumns; ++c) {
        const int8x16_t w = load_weights<kPacked, kStep>(weights, c);
#pragma GCC unroll 8
        for (Index r = 0; r < kRows; ++r) {
          const int16x8_t front = vmull_s8(vget_low_s8(a[r]), vget_low_s8(w));
          if constexpr (kAboveLowest) {
            sums[r][c] = vpadalq_s16(sums[r][c], vmlal_high_s8(front, a[r], w));
          } else {
            sums[r][c] = vpadalq_s16(vpadalq_s16(sums[r][c], front), vmull_high_s8(a[r], w));
          }
        }
      }
    }
  }

  [[gnu::always_inline]] int32x4_t row(Index r, Index v) const noexcept {
    return vpaddq_s32(vpaddq_s32(sums[r][4 * v], sums[r][4 * v + 1]),
                      vpaddq_s32(sums[r][4 * v + 2], sums[r][4 * v + 3]));
  }
};

/// Tiles of up to 4 rows by 16 columns, in blocks of 16 sums: of 4 by 4, 16 elements of K take 8 loads and 48 or 64
/// other instructions.
template <bool kAboveLowest>
struct NeonMicro : GemmTiles<4> {
  static constexpr Index kStep = 16;
  static constexpr std::optional<ElementType> kFlipped = ElementType::uint8;

  template <Index kHeight, Index kColumns>
  using Products = WideningProducts<kAboveLowest, kHeight, kColumns>;

  static void multiply(const GemmTile& tile) noexcept { multiply_by<Products, 16>(tile); }
  static void multiply_groups(const GemmTile& tile) noexcept {
    if (tile.row_start != 0) {
      multiply(tile);
      return add_sums_to_values(tile);
    }
    multiply_groups_by<Products, 16>(tile);
  }
  static void start_groups(const GemmTile& tile, std::int32_t* starts) noexcept {
    start_groups_by<Products>(tile, starts);
  }
  static void unpack(const std::byte* packed, int bits, Index vectors, std::int8_t* codes) noexcept {
    unpack_steps<kStep>(packed, bits, vectors, codes);
  }
};

/// Weights of 4 bits are always above -128.
struct NeonAboveLowestMicro : NeonMicro<true> {
  static constexpr Index kPackedRows = 2;
  static constexpr bool kPacksZeroPoints = false;
  static constexpr bool kPacksFactors = false;
  static void multiply_packed_groups(const GemmTile& tile) noexcept { multiply_packed_groups_by<Products, 16>(tile); }
};

}  // namespace detail::neon

/// Integer products by instructions that every processor has. `pack` finds out whether a weight is -128, which those
/// of condense's own quantizers are not.
template <>
struct Gemm<simd::Neon> {
 private:
  using General = detail::TiledGemm<detail::neon::NeonMicro<false>>;
  using AboveLowest = detail::TiledGemm<detail::neon::NeonAboveLowestMicro>;
  static constexpr std::size_t kHeaderBytes = 64;  ///< Keeps what follows aligned.

 public:
  static std::size_t packed_bytes(const WeightShape& shape) noexcept {
    return kHeaderBytes + General::packed_bytes(shape);
  }

  static void pack(const WeightShape& shape, const WeightValues& weights, std::byte* packed) noexcept {
    const Index count = shape.columns * shape.taps * shape.depth;
    const bool above = std::find(weights.codes, weights.codes + count, std::int8_t{-128}) == weights.codes + count;
    std::memset(packed, above ? 1 : 0, kHeaderBytes);
    General::pack(shape, weights, packed + kHeaderBytes);
  }

  static void run(const GemmArguments& arguments) noexcept {
    GemmArguments g = arguments;
    g.packed_weights += kHeaderBytes;
    if (arguments.packed_weights[0] == std::byte{1}) {
      AboveLowest::run(g);
    } else {
      General::run(g);
    }
  }
};

}  // namespace condense::kernels

#endif
#endif
