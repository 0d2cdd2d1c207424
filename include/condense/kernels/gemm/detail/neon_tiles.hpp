#ifndef CONDENSE_KERNELS_GEMM_DETAIL_NEON_TILES_HPP
#define CONDENSE_KERNELS_GEMM_DETAIL_NEON_TILES_HPP

#if defined(__aarch64__)

#include <algorithm>
#include <bit>
#include <cstring>

#include "condense/kernels/detail/neon.hpp"
#include "condense/kernels/gemm/detail/tiled.hpp"

namespace condense::kernels::detail::neon {

/// 16 weights: number `index` of a step. Packed ones of 4 bits lie two to a byte, those of 4 columns in the lower
/// halves and those of the next 4 in the upper ones.
template <bool kPacked, Index kStep>
[[gnu::always_inline]] inline int8x16_t load_weights(const std::int8_t* weights, Index index) noexcept {
  hold_loads();
  if constexpr (!kPacked) return vld1q_s8(weights + 16 * index);
  constexpr Index kVectors = kStep / 4;  // of 4 columns
  const int8x16_t both = vld1q_s8(weights + 16 * (index / (2 * kVectors) * kVectors + index % kVectors));
  return vshrq_n_s8(index / kVectors % 2 == 0 ? vshlq_n_s8(both, 4) : both, 4);
}

/// What the instruction sets of ARM share that does not depend on how they multiply.
struct GemmPanels {
  using Activation = std::uint8_t;
  static constexpr Index kLane = 4;
  static constexpr Index kPanel = 16;
  static constexpr Index kFewestSteps = 4;

  /// Codes of few bits are moved to the top of their bytes and back, which extends their sign.
  template <Index kStep>
  static void unpack_steps(const std::byte* packed, int bits, Index vectors, std::int8_t* codes) noexcept {
    if (bits == 4) {
      unpack_bits<4, kLane * kStep>(packed, vectors, codes);
    } else {
      unpack_bits<2, kLane * kStep>(packed, vectors, codes);
    }
  }

  template <class Code>
  static void copy(const Code* codes, Index count, std::uint8_t* out) noexcept {
    copy_bytes(codes, count, out);
  }

  static void finish(const GemmTile& t) noexcept {
    const bool by_row = t.product->epilogue.row_scales != nullptr;
    if (t.product->weights.group_size != 0) return by_row ? finish_tile<true, true>(t) : finish_tile<true, false>(t);
    return by_row ? finish_tile<false, true>(t) : finish_tile<false, false>(t);
  }

  /// Adds sums, the last ones of a group that is longer than a stretch, to the values of a tile.
  static void add_sums_to_values(const GemmTile& t) noexcept {
    for (Index r = 0; r < t.rows; ++r) {
      for (Index column = 0; column < t.lanes * kLane; column += 4) {
        float* value = t.values + r * t.stride + column;
        const float32x4_t sum = vcvtq_f32_s32(vld1q_s32(t.sums + r * t.stride + column));
        vst1q_f32(value, vfmaq_f32(vld1q_f32(value), sum, vld1q_f32(t.multipliers + column)));
      }
    }
  }

 private:
  template <int kBits, Index kBytes>
  static void unpack_bits(const std::byte* packed, Index vectors, std::int8_t* codes) noexcept {
    constexpr Index kPlanes = 8 / kBits;
    for (; vectors > 0; vectors -= kPlanes, packed += kBytes, codes += kPlanes * kBytes) {
#pragma GCC unroll 4
      for (Index i = 0; i < kBytes; i += 16) {
        const int8x16_t raw = vld1q_s8(reinterpret_cast<const std::int8_t*>(packed) + i);
#pragma GCC unroll 4
        for (int plane = 0; plane < kPlanes; ++plane) {
          const int8x16_t top = vshlq_s8(raw, vdupq_n_s8(static_cast<std::int8_t>(8 - kBits - kBits * plane)));
          vst1q_s8(codes + plane * kBytes + i, vshrq_n_s8(top, 8 - kBits));
        }
      }
    }
  }

  /// What the epilogue reads for the columns of a panel, as far as it needs it.
  struct Columns {
    Sums bias{};
    Sums column_sums{};
    Floats multipliers{};
    Floats float_bias{};
  };

  template <bool kGrouped, bool kByRow>
  static void finish_tile(const GemmTile& t) noexcept {
    const Index count = std::min(t.lanes * kLane, t.product->weights.columns - t.column);
    if (count == kPanel) return finish_columns<kGrouped, kByRow>(t, std::integral_constant<Index, kPanel>{});
    finish_columns<kGrouped, kByRow>(t, count);
  }

  template <bool kGrouped, bool kByRow, class Lanes>
  static void finish_columns(const GemmTile& t, Lanes lanes) noexcept {
    const GemmArguments& g = *t.product;
    const GemmEpilogue& e = g.epilogue;
    const bool has_zero_points = kByRow && !kGrouped && e.row_zero_points != nullptr;
    Columns c;
    if (!kGrouped && !kByRow) c.bias = load_sums(e.bias + t.column, lanes);
    if (!kGrouped && g.output_type != ElementType::int32) c.multipliers = load_floats(e.multipliers + t.column, lanes);
    if (kByRow) c.float_bias = load_floats(e.float_bias + t.column, lanes);
    if (has_zero_points) c.column_sums = load_sums(e.column_sums + t.column, lanes);

    const Requantize requantize(e.zero_point, e.lowest, e.highest);
    Index out = t.row * g.output_stride + t.column;
    for (Index row = 0; row < t.rows; ++row, out += g.output_stride) {
      Floats values;
      if constexpr (kGrouped) {
        values = load_floats(t.values + row * t.stride, lanes);
      } else {
        const std::int32_t zero_point = has_zero_points ? e.row_zero_points[t.row + row] : 0;
        Sums sums = load_sums(t.sums + row * t.stride, lanes);
#pragma GCC unroll 4
        for (Index i = 0; i < 4; ++i) {
          sums.part[i] = kByRow ? vmlsq_n_s32(sums.part[i], c.column_sums.part[i], zero_point)
                                : vaddq_s32(sums.part[i], c.bias.part[i]);
          values.part[i] = vcvtq_f32_s32(sums.part[i]);
        }
        if (g.output_type == ElementType::int32) {
          store_sums(static_cast<std::int32_t*>(g.output) + out, sums, lanes);
          continue;
        }
      }
      const float row_scale = kByRow ? e.row_scales[t.row + row] : 1;
#pragma GCC unroll 4
      for (Index i = 0; i < 4; ++i) {
        float32x4_t& v = values.part[i];
        if constexpr (kByRow) {
          const float32x4_t scale = vdupq_n_f32(row_scale);
          v = vfmaq_f32(c.float_bias.part[i], v, kGrouped ? scale : vmulq_f32(scale, c.multipliers.part[i]));
        } else if constexpr (!kGrouped) {
          v = vmulq_f32(v, c.multipliers.part[i]);
        }
      }
      if (g.output_type == ElementType::float32) {
        store_floats(static_cast<float*>(g.output) + out, clamp(values, e.low, e.high), lanes);
      } else {
        store_bytes(static_cast<std::uint8_t*>(g.output) + out, requantize.bytes(values), lanes);
      }
    }
  }
};

/// Tiles of up to `kMostRows` rows. The instruction sets differ in `Sums<kRows, kColumns>`, the registers of a block,
/// which has
///
///   static constexpr Index kStep, kLeastRows;
///   void clear() noexcept;
///   template <bool kPacked>
///   void add(rows, Index steps, const std::int8_t* weights, Index stride, std::uint32_t flip) noexcept;
///   int32x4_t row(Index r, Index v) const noexcept;
///
/// where `add` multiplies `steps` steps of the `rows`, xored with `flip`, with weights (see `load_weights`) that are
/// `stride` bytes a step apart, and `row` gives the sums of 4 neighbouring columns. Everything is inlined into a
/// function that has the attribute of its instruction set.
template <Index kMostRows>
struct GemmTiles : GemmPanels {
  static constexpr Index kRows = kMostRows;

  /// A tile by blocks of up to `kMost` sums: of `kHeight` rows, or 2 fewer as often as these suffice, and of 16, 8 or 4
  /// columns.
  template <template <Index, Index> class Sums, Index kMost, Index kHeight = kMostRows>
  [[gnu::always_inline]] static void multiply_by(const GemmTile& t) noexcept {
    constexpr Index kFewer = kHeight > 2 ? kHeight - 2 : Sums<1, kLane>::kLeastRows;
    if constexpr (kFewer < kHeight) {
      if (t.rows <= kFewer) return multiply_by<Sums, kMost, kFewer>(t);
    }
    for_blocks<Sums, kHeight, columns_for(kMost, kHeight), Mode::pieces>(t, 0);
  }

  /// The same for whole groups, which need registers for values beside those of the sums.
  template <template <Index, Index> class Sums, Index kMost, Index kHeight = kMostRows>
  [[gnu::always_inline]] static void multiply_groups_by(const GemmTile& t) noexcept {
    constexpr Index kFewer = kHeight > 2 ? kHeight - 2 : Sums<1, kLane>::kLeastRows;
    if constexpr (kFewer < kHeight) {
      if (t.rows <= kFewer) return multiply_groups_by<Sums, kMost, kFewer>(t);
    }
    for_blocks<Sums, kHeight, columns_for(kMost, kHeight), Mode::groups>(t, 0);
  }

  /// See `TiledGemm`: a row of ones gives the sums of the weights.
  template <template <Index, Index> class Sums>
  [[gnu::always_inline]] static void start_groups_by(const GemmTile& t, std::int32_t* starts) noexcept {
    constexpr Index kStep = Sums<1, kLane>::kStep;
    alignas(16) std::uint8_t ones[256];  // as many as a stretch has elements
    std::memset(ones, 1, sizeof(ones));
    const Index stride = t.lanes * kLane * kStep;
    for (Index group = 0; group < t.groups; ++group) {
      for (Index lane = 0; lane < t.lanes; ++lane, starts += kLane) {
        Sums<1, kLane> sums;
        sums.clear();
        Array<const std::uint8_t*, 1> row;
        row[0] = ones;
        sums.template add<false>(row, t.steps, t.weights + group * t.steps * stride + lane * kLane * kStep, stride, 0);
        vst1q_s32(starts, vmulq_n_s32(sums.row(0, 0), t.factor));
      }
    }
  }

  /// The same for 1 or 2 rows and weights of 4 bits as they are packed.
  template <template <Index, Index> class Sums, Index kMost>
  [[gnu::always_inline]] static void multiply_packed_groups_by(const GemmTile& t) noexcept {
    if (t.rows == 1) return for_blocks<Sums, 1, columns_for(kMost, 1), Mode::packed_groups>(t, 0);
    for_blocks<Sums, 2, columns_for(kMost, 2), Mode::packed_groups>(t, 0);
  }

 private:
  enum class Mode { pieces, groups, packed_groups };

  static constexpr Index columns_for(Index sums, Index rows) noexcept {
    return std::clamp<Index>(static_cast<Index>(std::bit_floor(static_cast<std::size_t>(sums / rows))), kLane, kPanel);
  }

  /// Where the sums of a tile start that has no other start.
  static constexpr std::int32_t kZeros[kPanel] = {};

  template <template <Index, Index> class Sums, Index kHeight, Index kColumns, Mode kMode>
  [[gnu::always_inline]] static void for_blocks(const GemmTile& t, Index column) noexcept {
    for (; column + kColumns <= t.lanes * kLane; column += kColumns) {
      if constexpr (kMode == Mode::pieces) {
        add_pieces<Sums<kHeight, kColumns>, kHeight, kColumns>(t, column);
      } else {
        add_groups<Sums<kHeight, kColumns>, kHeight, kColumns, kMode == Mode::packed_groups>(t, column);
      }
    }
    constexpr Index kLeast = kMode == Mode::packed_groups ? 2 * kLane : kLane;
    if constexpr (kColumns > kLeast) for_blocks<Sums, kHeight, kColumns / 2, kMode>(t, column);
  }

  /// The sums of a block over the pieces of its rows.
  template <class Sums, Index kHeight, Index kColumns>
  [[gnu::always_inline]] static void add_pieces(const GemmTile& t, Index column) noexcept {
    constexpr Index kStep = Sums::kStep;
    const Index stride = t.lanes * kLane * kStep;
    const std::int8_t* weights = t.weights + column * kStep;
    Sums sums;
    sums.clear();
    for (Index tap = 0; tap < t.taps; ++tap, weights += t.steps * stride) {
      if (t.skips(tap)) continue;
      Array<const std::uint8_t*, kHeight> rows;
#pragma GCC unroll 8
      for (Index r = 0; r < kHeight; ++r) rows[r] = static_cast<const std::uint8_t*>(t.piece(r, tap));
      sums.template add<false>(rows, t.steps, weights, stride, t.flip);
    }
    const std::int32_t* start = (t.start == nullptr ? kZeros : t.start) + column;
    std::int32_t* out = t.sums + column;
#pragma GCC unroll 8
    for (Index r = 0; r < kHeight; ++r, start += t.row_start, out += t.stride) {
      if (r >= t.rows) break;
#pragma GCC unroll 4
      for (Index v = 0; v < kColumns / 4; ++v) {
        vst1q_s32(out + 4 * v, vaddq_s32(sums.row(r, v), vld1q_s32(start + 4 * v)));
      }
    }
  }

  /// Adds the sums of every group to the values of a block.
  template <class Sums, Index kHeight, Index kColumns, bool kPacked>
  [[gnu::always_inline]] static void add_groups(const GemmTile& t, Index column) noexcept {
    constexpr Index kStep = Sums::kStep;
    constexpr Index kVectors = kColumns / 4;
    const Index panel = t.lanes * kLane;
    const Index stride = panel * kStep / (kPacked ? 2 : 1);
    const std::int8_t* weights = t.weights + column * kStep / (kPacked ? 2 : 1);
    const std::int32_t* start = t.start == nullptr ? kZeros : t.start + column;
    const float* multipliers = t.multipliers + column;
    Array<Array<float32x4_t, kVectors>, kHeight> values;
    Array<const std::uint8_t*, kHeight> rows;
#pragma GCC unroll 8
    for (Index r = 0; r < kHeight; ++r) {
      rows[r] = static_cast<const std::uint8_t*>(t.piece(r));
#pragma GCC unroll 4
      for (Index v = 0; v < kVectors; ++v) values[r][v] = vld1q_f32(t.values + t.row_at(r) * t.stride + column + 4 * v);
    }
    for (Index group = 0; group < t.groups; ++group) {
      Sums sums;
      sums.clear();
      sums.template add<kPacked>(rows, t.steps, weights, stride, t.flip);
#pragma GCC unroll 4
      for (Index v = 0; v < kVectors; ++v) {
        const int32x4_t first = vld1q_s32(start + 4 * v);
        const float32x4_t scale = vld1q_f32(multipliers + 4 * v);
#pragma GCC unroll 8
        for (Index r = 0; r < kHeight; ++r) {
          values[r][v] = vfmaq_f32(values[r][v], vcvtq_f32_s32(vaddq_s32(sums.row(r, v), first)), scale);
        }
      }
#pragma GCC unroll 8
      for (Index r = 0; r < kHeight; ++r) rows[r] += t.steps * kStep;
      weights += t.steps * stride;
      start += t.group_start;
      multipliers += panel;
    }
#pragma GCC unroll 8
    for (Index r = 0; r < kHeight; ++r) {
      if (r >= t.rows) break;
#pragma GCC unroll 4
      for (Index v = 0; v < kVectors; ++v) vst1q_f32(t.values + r * t.stride + column + 4 * v, values[r][v]);
    }
  }
};

}  // namespace condense::kernels::detail::neon

#endif
#endif
