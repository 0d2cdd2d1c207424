#ifndef CONDENSE_KERNELS_GEMM_DETAIL_NEON_TILES_HPP
#define CONDENSE_KERNELS_GEMM_DETAIL_NEON_TILES_HPP

#if defined(__aarch64__)

#include "condense/kernels/detail/neon.hpp"
#include "condense/kernels/gemm/detail/tiled.hpp"

namespace condense::kernels::detail::neon {

/// What the instruction sets of ARM share of a tile: panels of 16 columns, the terms of groups, and the epilogue.
///
/// They differ in `Sums<kRows, kColumns>`, the registers of a block, which has
///
///   void clear() noexcept;
///   void add(rows, Index steps, const std::int8_t* weights, Index stride, std::uint32_t flip) noexcept;
///   int32x4_t row(Index r, Index v) const noexcept;
///
/// where `add` multiplies `steps` steps of the `rows`, xored with `flip`, with weights that are `stride` bytes a step
/// apart, and `row` gives the sums of 4 neighbouring columns. Everything is inlined into a function that has the
/// attribute of its instruction set.
template <Index kMostRows>
struct GemmTiles {
  using Activation = std::uint8_t;
  static constexpr Index kRows = kMostRows;
  static constexpr Index kLane = 4;
  static constexpr Index kPanel = 16;

  /// A tile by blocks of `kHeight` rows, or 2 fewer as often as these suffice, and of up to `kColumns` columns.
  template <template <Index, Index> class Sums, Index kColumns, Index kHeight = kMostRows>
  [[gnu::always_inline]] static void multiply_by(const GemmTile& t) noexcept {
    constexpr Index kFewer = kHeight > 2 ? kHeight - 2 : 1;
    if constexpr (kFewer < kHeight) {
      if (t.rows <= kFewer) return multiply_by<Sums, kColumns, kFewer>(t);
    }
    for_blocks<Sums, kHeight, kColumns, false>(t, 0);
  }

  /// The same for groups, which need registers for values beside those of the sums.
  template <template <Index, Index> class Sums, Index kColumns, Index kHeight = kMostRows>
  [[gnu::always_inline]] static void multiply_groups_by(const GemmTile& t) noexcept {
    constexpr Index kFewer = kHeight > 2 ? kHeight - 2 : 1;
    if constexpr (kFewer < kHeight) {
      if (t.rows <= kFewer) return multiply_groups_by<Sums, kColumns, kFewer>(t);
    }
    for_blocks<Sums, kHeight, kColumns, true>(t, 0);
  }

  /// Codes of few bits are moved to the top of their bytes and back, which extends their sign.
  template <Index kStep>
  static void unpack_steps(const std::byte* packed, int bits, Index vectors, std::int8_t* codes) noexcept {
    constexpr Index kBytes = kLane * kStep;
    const int8x16_t down = vdupq_n_s8(static_cast<std::int8_t>(bits - 8));
    for (Index vector = 0; vector < vectors; vector += 8 / bits) {
      for (int left = 8 - bits; left >= 0; left -= bits, codes += kBytes) {
        const int8x16_t up = vdupq_n_s8(static_cast<std::int8_t>(left));
#pragma GCC unroll 4
        for (Index i = 0; i < kBytes; i += 16) {
          const int8x16_t raw = vld1q_s8(reinterpret_cast<const std::int8_t*>(packed) + i);
          vst1q_s8(codes + i, vshlq_s8(vshlq_s8(raw, up), down));
        }
      }
      packed += kBytes;
    }
  }

  template <class Code>
  static void copy(const Code* codes, Index count, std::uint8_t* out) noexcept {
    copy_bytes(codes, count, out);
  }

  static void finish(const GemmTile& t) noexcept {
    const Index count = std::min(t.lanes * kLane, t.product->weights.columns - t.column);
    if (count == kPanel) return finish_columns(t, std::integral_constant<Index, kPanel>{});
    finish_columns(t, count);
  }

 private:
  template <template <Index, Index> class Sums, Index kHeight, Index kColumns, bool kGrouped>
  [[gnu::always_inline]] static void for_blocks(const GemmTile& t, Index column) noexcept {
    for (; column + kColumns <= t.lanes * kLane; column += kColumns) {
      if constexpr (kGrouped) {
        add_groups<Sums<kHeight, kColumns>, kHeight, kColumns>(t, column);
      } else {
        add_pieces<Sums<kHeight, kColumns>, kHeight, kColumns>(t, column);
      }
    }
    if constexpr (kColumns > kLane) for_blocks<Sums, kHeight, kColumns / 2, kGrouped>(t, column);
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
      Array<const std::uint8_t*, kHeight> rows;
#pragma GCC unroll 8
      for (Index r = 0; r < kHeight; ++r) rows[r] = static_cast<const std::uint8_t*>(t.pieces[tap * kMostRows + r]);
      sums.add(rows, t.steps, weights, stride, t.flip);
    }
#pragma GCC unroll 8
    for (Index r = 0; r < kHeight; ++r) {
      if (r >= t.rows) break;
#pragma GCC unroll 4
      for (Index v = 0; v < kColumns / 4; ++v) {
        const Index at = column + 4 * v;
        int32x4_t sum = sums.row(r, v);
        if (t.start != nullptr) sum = vaddq_s32(sum, vld1q_s32(t.start + r * t.row_start + at));
        vst1q_s32(t.sums + r * t.stride + at, sum);
      }
    }
  }

  /// Adds the sums of every group to the values of a block.
  template <class Sums, Index kHeight, Index kColumns>
  [[gnu::always_inline]] static void add_groups(const GemmTile& t, Index column) noexcept {
    constexpr Index kStep = Sums::kStep;
    const Index panel = t.lanes * kLane;
    const std::int8_t* weights = t.weights + column * kStep;
    Array<Array<float32x4_t, kColumns / 4>, kHeight> values;
    Array<const std::uint8_t*, kHeight> rows;
#pragma GCC unroll 8
    for (Index r = 0; r < kHeight; ++r) {
      rows[r] = static_cast<const std::uint8_t*>(t.pieces[r]);
#pragma GCC unroll 4
      for (Index v = 0; v < kColumns / 4; ++v) {
        values[r][v] = vld1q_f32(t.values + t.row_at(r) * t.stride + column + 4 * v);
      }
    }
    for (Index group = 0; group < t.groups; ++group, weights += t.steps * panel * kStep) {
      Sums sums;
      sums.clear();
      sums.add(rows, t.steps, weights, panel * kStep, t.flip);
#pragma GCC unroll 8
      for (Index r = 0; r < kHeight; ++r) {
        rows[r] += t.steps * kStep;
#pragma GCC unroll 4
        for (Index v = 0; v < kColumns / 4; ++v) {
          const Index at = column + 4 * v;
          const int32x4_t start = vld1q_s32(t.start + group * t.group_start + t.row_at(r) * t.row_start + at);
          const float32x4_t sum = vcvtq_f32_s32(vaddq_s32(sums.row(r, v), start));
          values[r][v] = vfmaq_f32(values[r][v], sum, vld1q_f32(t.multipliers + group * panel + at));
        }
      }
    }
#pragma GCC unroll 8
    for (Index r = 0; r < kHeight; ++r) {
      if (r >= t.rows) break;
#pragma GCC unroll 4
      for (Index v = 0; v < kColumns / 4; ++v) vst1q_f32(t.values + r * t.stride + column + 4 * v, values[r][v]);
    }
  }

  // ---- Epilogue

  /// What the epilogue reads for the columns of a panel; zeros for what it does not need.
  struct Columns {
    Sums bias{};
    Sums column_sums{};
    Floats multipliers{};
    Floats float_bias{};
  };

  template <class Lanes>
  static void finish_columns(const GemmTile& t, Lanes lanes) noexcept {
    const GemmArguments& g = *t.product;
    const GemmEpilogue& e = g.epilogue;
    const bool grouped = g.weights.group_size != 0;
    const bool by_row = e.row_scales != nullptr;
    Columns c;
    if (!grouped && !by_row) c.bias = load_sums(e.bias + t.column, lanes);
    if (!grouped && e.multipliers != nullptr) c.multipliers = load_floats(e.multipliers + t.column, lanes);
    if (by_row) c.float_bias = load_floats(e.float_bias + t.column, lanes);
    if (!grouped && e.row_zero_points != nullptr) c.column_sums = load_sums(e.column_sums + t.column, lanes);

    const Requantize requantize(e.zero_point, e.lowest, e.highest);
    Index out = t.row * g.output_stride + t.column;
    for (Index row = 0; row < t.rows; ++row, out += g.output_stride) {
      Floats values;
      if (grouped) {
        values = load_floats(t.values + row * t.stride, lanes);
      } else {
        const std::int32_t zero_point = e.row_zero_points != nullptr ? e.row_zero_points[t.row + row] : 0;
        Sums sums = load_sums(t.sums + row * t.stride, lanes);
#pragma GCC unroll 4
        for (Index i = 0; i < 4; ++i) {
          sums.part[i] = vaddq_s32(sums.part[i], c.bias.part[i]);
          if (by_row) sums.part[i] = vmlsq_n_s32(sums.part[i], c.column_sums.part[i], zero_point);
          values.part[i] = vcvtq_f32_s32(sums.part[i]);
        }
        if (g.output_type == ElementType::int32) {
          store_sums(static_cast<std::int32_t*>(g.output) + out, sums, lanes);
          continue;
        }
      }
      scale(values, c, grouped, by_row ? e.row_scales + t.row + row : nullptr);
      if (g.output_type == ElementType::float32) {
        store_floats(static_cast<float*>(g.output) + out, clamp(values, e.low, e.high), lanes);
      } else {
        store_bytes(static_cast<std::uint8_t*>(g.output) + out, requantize.bytes(values), lanes);
      }
    }
  }

  /// The real values of sums, or of what groups add up to.
  [[gnu::always_inline]] static void scale(Floats& values, const Columns& c, bool grouped,
                                           const float* row_scale) noexcept {
#pragma GCC unroll 4
    for (Index i = 0; i < 4; ++i) {
      float32x4_t& v = values.part[i];
      if (row_scale != nullptr) {
        const float32x4_t scale = vdupq_n_f32(*row_scale);
        v = vfmaq_f32(c.float_bias.part[i], v, grouped ? scale : vmulq_f32(scale, c.multipliers.part[i]));
      } else if (!grouped) {
        v = vmulq_f32(v, c.multipliers.part[i]);
      }
    }
  }
};

}  // namespace condense::kernels::detail::neon

#endif
#endif
