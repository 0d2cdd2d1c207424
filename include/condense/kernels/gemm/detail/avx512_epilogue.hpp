#ifndef CONDENSE_KERNELS_GEMM_DETAIL_AVX512_EPILOGUE_HPP
#define CONDENSE_KERNELS_GEMM_DETAIL_AVX512_EPILOGUE_HPP

#if defined(__x86_64__)

#include <cstring>

#include "condense/kernels/detail/avx512.hpp"
#include "condense/kernels/gemm/detail/tiled.hpp"

// GCC 12 takes the undefined upper halves in its own AVX-512 headers for uninitialised variables.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace condense::kernels::detail {

/// What becomes of the sums and values of a tile, on vectors of 16 columns.
struct Avx512Epilogue {
  static constexpr Index kLane = 16;

  static void finish(const GemmTile& tile) noexcept {
    const bool grouped = tile.product->weights.group_size != 0;
    const bool by_row = tile.product->epilogue.row_scales != nullptr;
    if (grouped) return by_row ? finish_lanes<Source::values_by_row>(tile) : finish_lanes<Source::values>(tile);
    return by_row ? finish_lanes<Source::sums_by_row>(tile) : finish_lanes<Source::sums>(tile);
  }

  template <unsigned kLanes>
  CONDENSE_TARGET_AVX512_VNNI static void finish_codes(const GemmTile& t) noexcept {
    constexpr Index kRowsAtOnce = 4 / kLanes;
    const CodeStore<kLanes> store(t);
    __m512i bias[kLanes];
    for (unsigned l = 0; l < kLanes; ++l) {
      bias[l] = _mm512_maskz_loadu_epi32(avx512::first_lanes(store.columns - l * kLane),
                                         t.product->epilogue.bias + t.column + l * kLane);
    }
    const auto sum = [&](Index row, unsigned i) CONDENSE_TARGET_AVX512_VNNI {
      const std::int32_t* from = t.sums + std::min(row + i / kLanes, t.rows - 1) * t.stride + i % kLanes * kLane;
      return _mm512_add_epi32(_mm512_loadu_si512(from), bias[i % kLanes]);
    };
    for (Index row = 0; row < t.rows; row += kRowsAtOnce) {
      store.rows(row, store.codes(sum(row, 0), sum(row, 1), sum(row, 2), sum(row, 3)));
    }
  }

 protected:
  /// Stores the first `columns` of 64 codes, which are those of `rows` rows, at most 4 / kLanes.
  template <unsigned kLanes>
  CONDENSE_TARGET_AVX512_VNNI static void store_rows(__m512i codes, Index rows, Index columns, std::uint8_t* out,
                                                     Index stride) noexcept {
    if (columns < kLanes * kLane) {
      const __mmask64 mask = ~__mmask64{0} >> (64 - columns);
      for (; rows > 0; --rows, out += stride) {
        _mm512_mask_storeu_epi8(out, mask, codes);
        codes = _mm512_alignr_epi64(codes, codes, 2 * kLanes % 8);
      }
    } else if (kLanes == 4 || (stride == kLanes * kLane && rows == 4 / kLanes)) {
      _mm512_storeu_si512(out, codes);
    } else if constexpr (kLanes == 2) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_castsi512_si256(codes));
      if (rows > 1) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + stride), _mm512_extracti64x4_epi64(codes, 1));
    } else {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_castsi512_si128(codes));
      if (rows > 1) _mm_storeu_si128(reinterpret_cast<__m128i*>(out + stride), _mm512_extracti32x4_epi32(codes, 1));
      if (rows > 2) _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 2 * stride), _mm512_extracti32x4_epi32(codes, 2));
      if (rows > 3) _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 3 * stride), _mm512_extracti32x4_epi32(codes, 3));
    }
  }

 private:
  enum class Source { sums, sums_by_row, values, values_by_row };

  /// What the epilogue reads for one vector of columns.
  struct Columns {
    __mmask16 mask;
    __m512i bias;
    __m512 multipliers;
    __m512 float_bias;
    __m512i column_sums;
  };

  template <Source kSource>
  CONDENSE_TARGET_AVX512_VNNI static Columns columns_of(const GemmTile& t, Index lane) noexcept {
    const GemmEpilogue& e = t.product->epilogue;
    const Index column = t.column + lane * kLane;
    Columns c;
    c.mask = avx512::first_lanes(t.product->weights.columns - column);
    c.bias = kSource == Source::sums ? _mm512_maskz_loadu_epi32(c.mask, e.bias + column) : _mm512_setzero_si512();
    c.multipliers =
        kSource == Source::sums_by_row || (kSource == Source::sums && t.product->output_type != ElementType::int32)
            ? _mm512_maskz_loadu_ps(c.mask, e.multipliers + column)
            : _mm512_set1_ps(1);
    c.float_bias = kSource == Source::sums_by_row || kSource == Source::values_by_row
                       ? _mm512_maskz_loadu_ps(c.mask, e.float_bias + column)
                       : _mm512_setzero_ps();
    c.column_sums = kSource == Source::sums_by_row && e.row_zero_points != nullptr
                        ? _mm512_maskz_loadu_epi32(c.mask, e.column_sums + column)
                        : _mm512_setzero_si512();
    return c;
  }

  template <Source kSource>
  static void finish_lanes(const GemmTile& t) noexcept {
    if (t.lanes == 4) return finish_from<kSource, 4>(t, 0);
    for (Index lane = 0; lane < t.lanes; ++lane) finish_from<kSource, 1>(t, lane);
  }

  /// Row by row, with the terms of all columns in registers.
  template <Source kSource, unsigned kLanes>
  CONDENSE_TARGET_AVX512_VNNI static void finish_from(const GemmTile& t, Index lane) noexcept {
    const GemmArguments& g = *t.product;
    const GemmEpilogue& e = g.epilogue;
    constexpr bool kByRow = kSource == Source::sums_by_row || kSource == Source::values_by_row;
    constexpr bool kFromSums = kSource == Source::sums_by_row || kSource == Source::sums;
    const avx512::Requantize requantize(e.zero_point, e.lowest, e.highest);
    const __m512 low = _mm512_set1_ps(e.low);
    const __m512 high = _mm512_set1_ps(e.high);
    Columns columns[kLanes];
#pragma GCC unroll 4
    for (unsigned l = 0; l < kLanes; ++l) columns[l] = columns_of<kSource>(t, lane + l);
    for (Index row = 0; row < t.rows; ++row) {
      const Index out = (t.row + row) * g.output_stride + t.column + lane * kLane;
      const __m512 row_scale = _mm512_set1_ps(kByRow ? e.row_scales[t.row + row] : 1.0F);
      const bool shifts = kSource == Source::sums_by_row && e.row_zero_points != nullptr;
      const __m512i zero_point = _mm512_set1_epi32(shifts ? e.row_zero_points[t.row + row] : 0);
#pragma GCC unroll 4
      for (unsigned l = 0; l < kLanes; ++l) {
        const Columns& c = columns[l];
        const Index at = row * t.stride + (lane + l) * kLane;
        __m512 values;
        if constexpr (kFromSums) {
          __m512i sums = _mm512_loadu_si512(t.sums + at);
          if constexpr (kSource == Source::sums) sums = _mm512_add_epi32(sums, c.bias);
          if (shifts) sums = _mm512_sub_epi32(sums, _mm512_mullo_epi32(zero_point, c.column_sums));
          if (g.output_type == ElementType::int32) {
            _mm512_mask_storeu_epi32(static_cast<std::int32_t*>(g.output) + out + l * kLane, c.mask, sums);
            continue;
          }
          values = _mm512_cvtepi32_ps(sums);
        } else {
          values = _mm512_loadu_ps(t.values + at);
        }
        if constexpr (kByRow) {
          values = _mm512_fmadd_ps(values, _mm512_mul_ps(row_scale, c.multipliers), c.float_bias);
        } else if constexpr (kFromSums) {
          values = _mm512_mul_ps(values, c.multipliers);
        }
        if (g.output_type == ElementType::float32) {
          _mm512_mask_storeu_ps(static_cast<float*>(g.output) + out + l * kLane, c.mask,
                                _mm512_min_ps(_mm512_max_ps(values, low), high));
        } else {
          _mm_mask_storeu_epi8(static_cast<std::uint8_t*>(g.output) + out + l * kLane, c.mask,
                               requantize.bytes(values));
        }
      }
    }
  }

  /// The epilogue that makes codes, 64 sums at a time: of one row, of two or of four.
  template <unsigned kLanes>
  struct CodeStore {
    const GemmTile& tile;
    avx512::Requantize requantize;
    Index columns;
    __m512 multipliers[kLanes];

    CONDENSE_TARGET_AVX512_VNNI explicit CodeStore(const GemmTile& t) noexcept
        : tile(t),
          requantize(t.product->epilogue.zero_point, t.product->epilogue.lowest, t.product->epilogue.highest),
          columns(std::min<Index>(kLanes * kLane, t.product->weights.columns - t.column)) {
#pragma GCC unroll 4
      for (unsigned l = 0; l < kLanes; ++l) {
        multipliers[l] = _mm512_maskz_loadu_ps(avx512::first_lanes(columns - l * kLane),
                                               t.product->epilogue.multipliers + t.column + l * kLane);
      }
    }

    CONDENSE_TARGET_AVX512_VNNI __m512 value(__m512i sum, unsigned lane) const noexcept {
      return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), multipliers[lane]);
    }

    CONDENSE_TARGET_AVX512_VNNI __m512i codes(__m512i s0, __m512i s1, __m512i s2, __m512i s3) const noexcept {
      return requantize.bytes(value(s0, 0), value(s1, 1 % kLanes), value(s2, 2 % kLanes), value(s3, 3 % kLanes));
    }

    /// Stores the codes of the rows from `row` on, of those that the tile has.
    CONDENSE_TARGET_AVX512_VNNI void rows(Index row, __m512i codes) const noexcept {
      const Index stride = tile.product->output_stride;
      auto* out = static_cast<std::uint8_t*>(tile.product->output) + (tile.row + row) * stride + tile.column;
      const Index count = std::min<Index>(4 / kLanes, tile.rows - row);
      store_rows<kLanes>(codes, count, columns, out, stride);
    }
  };
};

}  // namespace condense::kernels::detail

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
#endif
