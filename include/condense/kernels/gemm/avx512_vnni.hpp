#ifndef CONDENSE_KERNELS_GEMM_AVX512_VNNI_HPP
#define CONDENSE_KERNELS_GEMM_AVX512_VNNI_HPP

#if defined(__x86_64__)

#include "condense/kernels/detail/avx512.hpp"
#include "condense/kernels/gemm/detail/avx512_groups.hpp"
#include "condense/kernels/gemm/detail/tiled.hpp"

// GCC 12 takes the undefined upper halves in its own AVX-512 headers for uninitialised variables.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace condense::kernels {

namespace detail {

/// Tiles of up to 6 rows by 64 columns, or 12 by 32: 24 of the 32 registers hold sums, up to 4 weights, one
/// activations. A step of 34 instructions has 24 products, so that the two multiplying ports are the limit and not the
/// loads.
struct Avx512VnniMicro : Avx512Groups {
  using Activation = std::uint8_t;
  static constexpr Index kRows = 12;
  static constexpr Index kPanel = 64;
  static constexpr std::optional<ElementType> kFlipped = ElementType::int8;  // vpdpbusd: unsigned times signed

  static Index rows_of(Index lanes, bool grouped) noexcept { return lanes == 4 || grouped ? 6 : 12; }

  static void multiply(const GemmTile& tile) noexcept { multiply_sums(tile, nullptr, tile.sums, tile.stride); }

  /// Raw sums and most codes go to the output straight from registers.
  static void multiply_and_finish(const GemmTile& tile) noexcept {
    if (tile.product->output_type == ElementType::int32 && is_whole(tile)) return multiply_raw(tile);
    if (to_codes(tile) && (tile.lanes == 4 ? is_whole(tile) : tile.rows > 8)) return multiply_codes(tile);
    multiply(tile);
    if (!to_codes(tile)) return finish(tile);
    if (tile.lanes == 4) return finish_codes<4>(tile);
    tile.lanes == 2 ? finish_codes<2>(tile) : finish_codes<1>(tile);
  }

  static bool reads_in_line(const GemmTile& tile) noexcept {
    return to_codes(tile) && tile.rows == rows_of(tile.lanes, false) && (tile.lanes < 4 || is_whole(tile)) &&
           tile.ahead == nullptr;
  }

  /// A table of 16 makes signed bytes of 4 bits; with their upper two bits ignored also of 2.
  CONDENSE_TARGET_AVX512_VNNI static void unpack(const std::byte* packed, int bits, Index vectors,
                                                 std::int8_t* codes) noexcept {
    const __m512i nibbles = _mm512_set1_epi8(0x0F);
    const __m512i table =
        _mm512_broadcast_i32x4(bits == 4 ? _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1)
                                         : _mm_setr_epi8(0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1));
    const auto store = [&](__m512i raw) CONDENSE_TARGET_AVX512_VNNI {
      _mm512_storeu_si512(codes, _mm512_shuffle_epi8(table, _mm512_and_si512(raw, nibbles)));
      codes += kLane * kStep;
    };
    const Index planes = 8 / bits;
    for (Index vector = 0; vector < vectors; vector += planes, packed += kLane * kStep) {
      const __m512i raw = _mm512_loadu_si512(packed);
      store(raw);
      if (bits == 2) store(_mm512_srli_epi16(raw, 2));
      store(_mm512_srli_epi16(raw, 4));
      if (bits == 2) store(_mm512_srli_epi16(raw, 6));
    }
  }

  static void look_up(const std::uint8_t* data, const std::uint8_t* padding, const std::int32_t* offsets, Index count,
                      const void** pieces) noexcept {
    avx512::look_up<0>(data, padding, offsets, count, pieces);
  }

  template <class Code>
  static void copy(const Code* codes, Index count, std::uint8_t* out) noexcept {
    copy_bytes(codes, count, out);
  }

 private:
  static bool to_codes(const GemmTile& tile) noexcept {
    return is_code(tile.product->output_type) && tile.product->epilogue.row_scales == nullptr;
  }

  /// Whether the output has all columns of a panel.
  static bool is_whole(const GemmTile& tile) noexcept {
    return tile.column + tile.lanes * kLane <= tile.product->weights.columns;
  }

  /// What becomes of the sums of a tile; in line are all rows that it can have.
  enum class To { sums, codes, codes_in_line };

  /// The sums of a tile, with a bias unless it is null, to `out`.
  static void multiply_sums(const GemmTile& tile, const std::int32_t* bias, std::int32_t* out, Index stride) noexcept {
    if (tile.rows > 8) {
      return tile.lanes == 2 ? multiply_tile<12, 2>(tile, bias, out, stride)
                             : multiply_tile<12, 1>(tile, bias, out, stride);
    }
    if (tile.rows > 6) {
      return tile.lanes == 2 ? multiply_tile<8, 2>(tile, bias, out, stride)
                             : multiply_tile<8, 1>(tile, bias, out, stride);
    }
    with_height(tile, [&](auto height, const GemmTile& t) {
      constexpr unsigned kHeight = decltype(height)::value;
      if (t.lanes == 4) return multiply_wide<kHeight, To::sums>(t, bias, out, stride);
      if (t.lanes == 2) return multiply_tile<kHeight, 2>(t, bias, out, stride);
      multiply_tile<kHeight, 1>(t, bias, out, stride);
    });
  }

  static void multiply_raw(const GemmTile& tile) noexcept {
    const GemmArguments& g = *tile.product;
    auto* out = static_cast<std::int32_t*>(g.output) + tile.row * g.output_stride + tile.column;
    multiply_sums(tile, g.epilogue.bias + tile.column, out, g.output_stride);
  }

  static void multiply_codes(const GemmTile& tile) noexcept {
    const std::int32_t* bias = tile.product->epilogue.bias + tile.column;
    if (tile.first != nullptr && reads_in_line(tile)) {
      if (tile.lanes == 1) return multiply_tile<12, 1, To::codes_in_line>(tile, bias, nullptr, 0);
      if (tile.lanes == 2) return multiply_tile<12, 2, To::codes_in_line>(tile, bias, nullptr, 0);
      return multiply_tile<6, 4, To::codes_in_line>(tile, bias, nullptr, 0);
    }
    if (tile.lanes == 1) return multiply_tile<12, 1, To::codes>(tile, bias, nullptr, 0);
    if (tile.lanes == 2) return multiply_tile<12, 2, To::codes>(tile, bias, nullptr, 0);
    with_height(tile, [bias](auto height, const GemmTile& t) {
      multiply_wide<decltype(height)::value, To::codes>(t, bias, nullptr, 0);
    });
  }

  template <unsigned kHeight, To kTo>
  static void multiply_wide(const GemmTile& t, const std::int32_t* bias, std::int32_t* out, Index stride) noexcept {
    if constexpr (kHeight > 2) {
      if (t.ahead != nullptr) return multiply_tile<kHeight, 4, kTo, true>(t, bias, out, stride);
    }
    multiply_tile<kHeight, 4, kTo>(t, bias, out, stride);
  }

  /// Sums to `out`, or through the epilogue as codes to the output. What reads all of its rows in line looks up nothing
  /// and tests nothing, which counts where there are few steps: 10 % at 784x192x32.
  template <unsigned kHeight, unsigned kLanes, To kTo = To::sums, bool kAhead = false>
  CONDENSE_TARGET_AVX512_VNNI static void multiply_tile(const GemmTile& t, const std::int32_t* bias, std::int32_t* out,
                                                        Index stride) noexcept {
    constexpr bool kInLine = kTo == To::codes_in_line;
    constexpr bool kWhole = kTo == To::sums || kLanes == 4;
    const Index columns = kWhole ? kLanes * kLane : t.product->weights.columns - t.column;
    __mmask16 exist[kLanes];
    __m512i sums[kHeight][kLanes];
    // The bias is where the sums start, if nothing comes between; they fit, in whatever order they are taken.
#pragma GCC unroll 4
    for (unsigned l = 0; l < kLanes; ++l) {
      __m512i first = _mm512_setzero_si512();
      exist[l] = kWhole ? 0xFFFF : avx512::first_lanes(columns - l * kLane);
      if (bias != nullptr) first = _mm512_maskz_loadu_epi32(exist[l], bias + l * kLane);
      if (t.start != nullptr && (kInLine || t.row_start == 0)) {
        first = _mm512_add_epi32(first, _mm512_loadu_si512(t.start + l * kLane));
      }
#pragma GCC unroll 12
      for (unsigned r = 0; r < kHeight; ++r) sums[r][l] = first;
    }
    if (!kInLine && t.row_start != 0) {
#pragma GCC unroll 12
      for (unsigned r = 0; r < kHeight; ++r) {
#pragma GCC unroll 4
        for (unsigned l = 0; l < kLanes; ++l) {
          const __m512i start = _mm512_loadu_si512(t.start + t.row_at(r) * t.row_start + l * kLane);
          sums[r][l] = _mm512_add_epi32(sums[r][l], start);
        }
      }
    }
    const __m512i flip = _mm512_set1_epi32(static_cast<int>(t.flip));
    const std::int8_t* weights = t.weights;
    [[maybe_unused]] const std::int8_t* ahead = t.ahead;
    for (Index tap = 0; tap < (kInLine ? 1 : t.taps); ++tap) {
      const std::uint8_t* rows[kHeight];
      if constexpr (kInLine) {
        spread_rows(static_cast<const std::uint8_t*>(t.first), t.input_stride, kHeight, rows);
      } else {
        if (t.skips(tap)) {
          weights += t.steps * kLanes * kLane * kStep;
          if constexpr (kAhead) ahead += t.steps * kCacheLine;
          continue;
        }
        pieces_of_tap(t.pieces, t.taps, tap, rows);
      }
      for (Index k = 0; k < t.steps * kStep; k += kStep, weights += kLanes * kLane * kStep) {
        if constexpr (kAhead) __builtin_prefetch(ahead + k / kStep * kCacheLine, 0, 2);
        __m512i w[kLanes];
#pragma GCC unroll 4
        for (unsigned l = 0; l < kLanes; ++l) w[l] = _mm512_loadu_si512(weights + l * kLane * kStep);
#pragma GCC unroll 12
        for (unsigned r = 0; r < kHeight; ++r) {
          const __m512i a = _mm512_xor_si512(flip, broadcast(rows[r] + k));
#pragma GCC unroll 4
          for (unsigned l = 0; l < kLanes; ++l) add_products(sums[r][l], a, w[l]);
        }
      }
      if constexpr (kAhead) ahead += t.steps * kCacheLine;
    }
    if constexpr (kTo != To::sums) {
      constexpr unsigned kRowsAtOnce = 4 / kLanes;
      const GemmArguments& g = *t.product;
      const float* multipliers = g.epilogue.multipliers + t.column;
      const avx512::Requantize requantize(g.epilogue.zero_point, g.epilogue.lowest, g.epilogue.highest);
      const auto value = [&](__m512i sum, unsigned l) CONDENSE_TARGET_AVX512_VNNI {
        return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_maskz_loadu_ps(exist[l], multipliers + l * kLane));
      };
      const Index height = kInLine ? kHeight : t.rows;
      auto* to = static_cast<std::uint8_t*>(g.output) + t.row * g.output_stride + t.column;
#pragma GCC unroll 12
      for (unsigned r = 0; r < kHeight; r += kRowsAtOnce, to += kRowsAtOnce * g.output_stride) {
        if (r >= height) break;
        const __m512i codes = requantize.bytes(
            value(sums[r][0], 0), value(sums[r + 1 / kLanes][1 % kLanes], 1 % kLanes),
            value(sums[r + 2 / kLanes][2 % kLanes], 2 % kLanes), value(sums[r + 3 / kLanes][3 % kLanes], 3 % kLanes));
        if (r + kRowsAtOnce > height) return store_rows<kLanes>(codes, height - r, columns, to, g.output_stride);
        store_rows<kLanes>(codes, kRowsAtOnce, columns, to, g.output_stride);
      }
    } else {
#pragma GCC unroll 12
      for (unsigned r = 0; r < kHeight; ++r, out += stride) {
        if (r >= t.rows) break;
#pragma GCC unroll 4
        for (unsigned l = 0; l < kLanes; ++l) _mm512_storeu_si512(out + l * kLane, sums[r][l]);
      }
    }
  }
};

}  // namespace detail

/// Integer products by vpdpbusd on vectors of 64 bytes.
template <>
struct Gemm<simd::Avx512Vnni> : detail::TiledGemm<detail::Avx512VnniMicro> {};

}  // namespace condense::kernels

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
#endif
