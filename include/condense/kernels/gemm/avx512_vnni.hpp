#ifndef CONDENSE_KERNELS_GEMM_AVX512_VNNI_HPP
#define CONDENSE_KERNELS_GEMM_AVX512_VNNI_HPP

#if defined(__x86_64__)

#include "condense/kernels/detail/avx512.hpp"
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
struct Avx512VnniMicro {
  using Activation = std::uint8_t;
  static constexpr Index kRows = 12;
  static constexpr Index kLane = 16;
  static constexpr Index kPanel = 64;
  static constexpr Index kStep = 4;
  static constexpr std::optional<ElementType> kFlipped = ElementType::int8;  // vpdpbusd: unsigned times signed

  static Index rows_of(Index lanes, bool grouped) noexcept { return lanes == 4 || grouped ? 6 : 12; }

  static void multiply(const GemmTile& tile) noexcept { multiply_to<Sink::sums>(tile); }

  /// Raw sums, and the codes of wide panels, go to the output straight from registers.
  static void multiply_and_finish(const GemmTile& tile) noexcept {
    const GemmArguments& g = *tile.product;
    const bool whole = tile.column + tile.lanes * kLane <= g.weights.columns;
    const bool plain = g.epilogue.row_scales == nullptr;
    if (whole && g.output_type == ElementType::int32) return multiply_to<Sink::raw>(tile);
    if (whole && plain && is_code(g.output_type) && tile.lanes == 4) {
      return with_height(
          tile, [](auto height, const GemmTile& t) { multiply_tile<decltype(height)::value, 4, Sink::codes>(t); });
    }
    multiply(tile);
    if (!plain || !is_code(g.output_type)) return finish(tile);
    if (tile.lanes == 4) return finish_codes<4>(tile);
    tile.lanes == 2 ? finish_codes<2>(tile) : finish_codes<1>(tile);
  }

  /// Of a tile with many rows by halves of a panel, as values take registers beside the sums.
  static void multiply_groups(const GemmTile& tile) noexcept {
    with_height(tile, [](auto height, const GemmTile& t) {
      constexpr unsigned kHeight = decltype(height)::value;
      constexpr unsigned kLanes = kHeight > 2 ? 2 : 4;
      Index lane = 0;
      for (; lane + kLanes <= t.lanes; lane += kLanes) multiply_groups_of<kHeight, kLanes>(t, lane);
      for (; lane < t.lanes; ++lane) multiply_groups_of<kHeight, 1>(t, lane);
    });
  }

  static constexpr Index kPackedRows = 2;
  static void multiply_packed_groups(const GemmTile& tile) noexcept {
    const bool wide = tile.lanes == 4;
    if (tile.rows == 1) return wide ? multiply_packed_groups_of<1, 4>(tile) : multiply_packed_groups_of<1, 2>(tile);
    wide ? multiply_packed_groups_of<2, 4>(tile) : multiply_packed_groups_of<2, 2>(tile);
  }

  static void finish(const GemmTile& tile) noexcept {
    const bool grouped = tile.product->weights.group_size != 0;
    const bool by_row = tile.product->epilogue.row_scales != nullptr;
    if (grouped) return by_row ? finish_from<Source::values_by_row>(tile) : finish_from<Source::values>(tile);
    return by_row ? finish_from<Source::sums_by_row>(tile) : finish_from<Source::sums>(tile);
  }

  /// A table of 16 makes signed bytes of 4 bits; with their upper two bits ignored also of 2.
  CONDENSE_TARGET_AVX512_VNNI static void unpack(const std::byte* packed, int bits, Index vectors,
                                                 std::int8_t* codes) noexcept {
    const __m512i nibbles = _mm512_set1_epi8(0x0F);
    const __m512i table =
        _mm512_broadcast_i32x4(bits == 4 ? _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1)
                                         : _mm_setr_epi8(0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1));
    const Index planes = 8 / bits;
    for (Index vector = 0; vector < vectors; vector += planes, packed += kLane * kStep) {
      __m512i raw = _mm512_loadu_si512(packed);
      for (Index plane = 0; plane < planes; ++plane, codes += kLane * kStep) {
        _mm512_storeu_si512(codes, _mm512_shuffle_epi8(table, _mm512_and_si512(raw, nibbles)));
        raw = _mm512_srl_epi16(raw, _mm_cvtsi32_si128(bits));
      }
    }
  }

  template <class Code>
  static void copy(const Code* codes, Index count, std::uint8_t* out) noexcept {
    copy_bytes(codes, count, out);
  }

 private:
  template <unsigned kHeight>
  struct Height {
    static constexpr unsigned value = kHeight;
  };

  /// Tiles come in heights of 1, 2, 4 and 6 rows, those of one or two lanes also of 12.
  template <class Multiply>
  static void with_height(const GemmTile& tile, Multiply&& multiply) noexcept {
    if (tile.rows > 4) return multiply(Height<6>{}, tile);
    if (tile.rows > 2) return multiply(Height<4>{}, tile);
    if (tile.rows > 1) return multiply(Height<2>{}, tile);
    multiply(Height<1>{}, tile);
  }

  // ---- Epilogue

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

  /// The real values of one vector of a row.
  template <Source kSource>
  CONDENSE_TARGET_AVX512_VNNI static __m512 values_of(const GemmTile& t, Index row, Index lane,
                                                      const Columns& c) noexcept {
    const GemmEpilogue& e = t.product->epilogue;
    const Index at = row * t.stride + lane * kLane;
    if constexpr (kSource == Source::sums) {
      return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_loadu_si512(t.sums + at), c.bias)),
                           c.multipliers);
    } else if constexpr (kSource == Source::values) {
      return _mm512_loadu_ps(t.values + at);
    } else {
      const __m512 scale = _mm512_mul_ps(_mm512_set1_ps(e.row_scales[t.row + row]), c.multipliers);
      if constexpr (kSource == Source::values_by_row) {
        return _mm512_fmadd_ps(_mm512_loadu_ps(t.values + at), scale, c.float_bias);
      }
      __m512i sums = _mm512_loadu_si512(t.sums + at);
      if (e.row_zero_points != nullptr) {
        const __m512i zero_point = _mm512_set1_epi32(e.row_zero_points[t.row + row]);
        sums = _mm512_sub_epi32(sums, _mm512_mullo_epi32(zero_point, c.column_sums));
      }
      return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), scale, c.float_bias);
    }
  }

  template <Source kSource>
  CONDENSE_TARGET_AVX512_VNNI static void finish_from(const GemmTile& t) noexcept {
    const GemmArguments& g = *t.product;
    const GemmEpilogue& e = g.epilogue;
    const avx512::Requantize requantize(e.zero_point, e.lowest, e.highest);
    const __m512 low = _mm512_set1_ps(e.low);
    const __m512 high = _mm512_set1_ps(e.high);
    for (Index lane = 0; lane < t.lanes; ++lane) {
      const Columns c = columns_of<kSource>(t, lane);
      for (Index row = 0; row < t.rows; ++row) {
        const Index out = (t.row + row) * g.output_stride + t.column + lane * kLane;
        if (kSource == Source::sums && g.output_type == ElementType::int32) {
          const __m512i sums = _mm512_loadu_si512(t.sums + row * t.stride + lane * kLane);
          _mm512_mask_storeu_epi32(static_cast<std::int32_t*>(g.output) + out, c.mask, _mm512_add_epi32(sums, c.bias));
          continue;
        }
        const __m512 values = values_of<kSource>(t, row, lane, c);
        if (g.output_type == ElementType::float32) {
          _mm512_mask_storeu_ps(static_cast<float*>(g.output) + out, c.mask,
                                _mm512_min_ps(_mm512_max_ps(values, low), high));
        } else {
          _mm_mask_storeu_epi8(static_cast<std::uint8_t*>(g.output) + out, c.mask, requantize.bytes(values));
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

    /// Stores the codes of the rows from `row` on; of those that the tile has.
    CONDENSE_TARGET_AVX512_VNNI void rows(Index row, __m512i codes) const noexcept {
      constexpr Index kRowsAtOnce = 4 / kLanes;
      const Index stride = tile.product->output_stride;
      auto* out = static_cast<std::uint8_t*>(tile.product->output) + (tile.row + row) * stride + tile.column;
      if (columns < kLanes * kLane || row + kRowsAtOnce > tile.rows) {
        alignas(64) std::uint8_t bytes[64];
        _mm512_store_si512(bytes, codes);
        for (Index r = 0; r < std::min(kRowsAtOnce, tile.rows - row); ++r) {
          std::memcpy(out + r * stride, bytes + r * kLanes * kLane, static_cast<std::size_t>(columns));
        }
      } else if constexpr (kLanes == 4) {
        _mm512_storeu_si512(out, codes);
      } else if constexpr (kLanes == 2) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_castsi512_si256(codes));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + stride), _mm512_extracti64x4_epi64(codes, 1));
      } else {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_castsi512_si128(codes));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + stride), _mm512_extracti32x4_epi32(codes, 1));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 2 * stride), _mm512_extracti32x4_epi32(codes, 2));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 3 * stride), _mm512_extracti32x4_epi32(codes, 3));
      }
    }
  };

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

  // ---- Products

  /// vpdpbusd. Through the intrinsic, GCC 12 copies every sum into another register and back in each step.
  CONDENSE_TARGET_AVX512_VNNI static void add_products(__m512i& sums, __m512i activations, __m512i weights) noexcept {
    asm("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(activations), "v"(weights));
  }

  /// 4 activations in every lane.
  CONDENSE_TARGET_AVX512_VNNI static __m512i broadcast(const std::uint8_t* activations) noexcept {
    std::int32_t four;
    std::memcpy(&four, activations, sizeof(four));
    return _mm512_set1_epi32(four);
  }

  /// Where the sums of a tile go: to `GemmTile::sums`, or through the epilogue to the output.
  enum class Sink { sums, raw, codes };

  template <Sink kSink>
  static void multiply_to(const GemmTile& tile) noexcept {
    if (tile.rows > 6) return tile.lanes == 2 ? multiply_tile<12, 2, kSink>(tile) : multiply_tile<12, 1, kSink>(tile);
    with_height(tile, [](auto height, const GemmTile& t) {
      constexpr unsigned kHeight = decltype(height)::value;
      if (t.lanes == 4) return multiply_tile<kHeight, 4, kSink>(t);
      if (t.lanes == 2) return multiply_tile<kHeight, 2, kSink>(t);
      multiply_tile<kHeight, 1, kSink>(t);
    });
  }

  template <unsigned kHeight, unsigned kLanes, Sink kSink>
  CONDENSE_TARGET_AVX512_VNNI static void multiply_tile(const GemmTile& t) noexcept {
    __m512i sums[kHeight][kLanes];
    // The bias is where the sums start, if nothing comes between; they fit, in whatever order they are taken.
#pragma GCC unroll 4
    for (unsigned l = 0; l < kLanes; ++l) {
      __m512i first = kSink == Sink::sums ? _mm512_setzero_si512()
                                          : _mm512_loadu_si512(t.product->epilogue.bias + t.column + l * kLane);
      if (t.start != nullptr && t.row_start == 0) {
        first = _mm512_add_epi32(first, _mm512_loadu_si512(t.start + l * kLane));
      }
#pragma GCC unroll 12
      for (unsigned r = 0; r < kHeight; ++r) sums[r][l] = first;
    }
    if (t.row_start != 0) {
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
    for (Index tap = 0; tap < t.taps; ++tap) {
      const std::uint8_t* rows[kHeight];
#pragma GCC unroll 12
      for (unsigned r = 0; r < kHeight; ++r) rows[r] = static_cast<const std::uint8_t*>(t.pieces[tap * kRows + r]);
      for (Index k = 0; k < t.steps * kStep; k += kStep, weights += kLanes * kLane * kStep) {
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
    }
    if constexpr (kSink == Sink::codes) {
      const GemmArguments& g = *t.product;
      const float* multipliers = g.epilogue.multipliers + t.column;
      const avx512::Requantize requantize(g.epilogue.zero_point, g.epilogue.lowest, g.epilogue.highest);
      const auto value = [&](__m512i sum, unsigned l) CONDENSE_TARGET_AVX512_VNNI {
        return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(multipliers + l * kLane));
      };
      auto* out = static_cast<std::uint8_t*>(g.output) + t.row * g.output_stride + t.column;
#pragma GCC unroll 6
      for (unsigned r = 0; r < kHeight; ++r, out += g.output_stride) {
        if (r >= t.rows) break;
        const __m512i codes =
            requantize.bytes(value(sums[r][0], 0), value(sums[r][1], 1), value(sums[r][2], 2), value(sums[r][3], 3));
        _mm512_storeu_si512(out, codes);
      }
    } else {
      std::int32_t* out = t.sums;
      Index stride = t.stride;
      if constexpr (kSink == Sink::raw) {
        stride = t.product->output_stride;
        out = static_cast<std::int32_t*>(t.product->output) + t.row * stride + t.column;
      }
#pragma GCC unroll 12
      for (unsigned r = 0; r < kHeight; ++r, out += stride) {
        if (r >= t.rows) break;
#pragma GCC unroll 4
        for (unsigned l = 0; l < kLanes; ++l) _mm512_storeu_si512(out + l * kLane, sums[r][l]);
      }
    }
  }

  template <unsigned kHeight, unsigned kLanes>
  CONDENSE_TARGET_AVX512_VNNI static void multiply_groups_of(const GemmTile& t, Index lane) noexcept {
    __m512 values[kHeight][kLanes];
    const std::uint8_t* rows[kHeight];
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) rows[r] = static_cast<const std::uint8_t*>(t.pieces[r]);
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) {
#pragma GCC unroll 4
      for (unsigned l = 0; l < kLanes; ++l) {
        values[r][l] = _mm512_loadu_ps(t.values + t.row_at(r) * t.stride + (lane + l) * kLane);
      }
    }
    const __m512i flip = _mm512_set1_epi32(static_cast<int>(t.flip));
    const Index panel = t.lanes * kLane;
    const std::int8_t* weights = t.weights + lane * kLane * kStep;
    Index k = 0;
    for (Index group = 0; group < t.groups; ++group) {
      const std::int32_t* start = t.start + group * t.group_start + lane * kLane;
      __m512i sums[kHeight][kLanes];
#pragma GCC unroll 4
      for (unsigned l = 0; l < kLanes; ++l) {
        const __m512i first = _mm512_loadu_si512(start + l * kLane);
#pragma GCC unroll 6
        for (unsigned r = 0; r < kHeight; ++r) {
          sums[r][l] = t.row_start == 0 ? first : _mm512_loadu_si512(start + t.row_at(r) * t.row_start + l * kLane);
        }
      }
      for (Index step = 0; step < t.steps; ++step, k += kStep, weights += panel * kStep) {
        __m512i w[kLanes];
#pragma GCC unroll 4
        for (unsigned l = 0; l < kLanes; ++l) w[l] = _mm512_loadu_si512(weights + l * kLane * kStep);
#pragma GCC unroll 6
        for (unsigned r = 0; r < kHeight; ++r) {
          const __m512i a = _mm512_xor_si512(flip, broadcast(rows[r] + k));
#pragma GCC unroll 4
          for (unsigned l = 0; l < kLanes; ++l) add_products(sums[r][l], a, w[l]);
        }
      }
#pragma GCC unroll 4
      for (unsigned l = 0; l < kLanes; ++l) {
        const __m512 multipliers = _mm512_loadu_ps(t.multipliers + group * panel + (lane + l) * kLane);
#pragma GCC unroll 6
        for (unsigned r = 0; r < kHeight; ++r) {
          values[r][l] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[r][l]), multipliers, values[r][l]);
        }
      }
    }
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) {
      if (r >= t.rows) break;
#pragma GCC unroll 4
      for (unsigned l = 0; l < kLanes; ++l)
        _mm512_storeu_ps(t.values + r * t.stride + (lane + l) * kLane, values[r][l]);
    }
  }

  /// Codes of 4 bits stay in the upper halves of their bytes, 16 times too large, which takes three instructions for
  /// two vectors; the sums of a group, exact in 32 bits, are divided by 16 before anything is added.
  template <unsigned kHeight, unsigned kLanes>
  CONDENSE_TARGET_AVX512_VNNI static void multiply_packed_groups_of(const GemmTile& t) noexcept {
    __m512 values[kHeight][kLanes];
    const std::uint8_t* rows[kHeight];
#pragma GCC unroll 2
    for (unsigned r = 0; r < kHeight; ++r) {
      rows[r] = static_cast<const std::uint8_t*>(t.pieces[r]);
#pragma GCC unroll 4
      for (unsigned l = 0; l < kLanes; ++l) values[r][l] = _mm512_loadu_ps(t.values + r * t.stride + l * kLane);
    }
    const __m512i flip = _mm512_set1_epi32(static_cast<int>(t.flip));
    const __m512i upper = _mm512_set1_epi8(static_cast<char>(0xF0));
    const std::int8_t* weights = t.weights;
    Index k = 0;
    for (Index group = 0; group < t.groups; ++group) {
      __m512i sums[kHeight][kLanes];
#pragma GCC unroll 2
      for (unsigned r = 0; r < kHeight; ++r) {
#pragma GCC unroll 4
        for (unsigned l = 0; l < kLanes; ++l) sums[r][l] = _mm512_setzero_si512();
      }
      for (Index step = 0; step < t.steps; ++step, k += kStep, weights += kLanes / 2 * kLane * kStep) {
        __m512i a[kHeight];
#pragma GCC unroll 2
        for (unsigned r = 0; r < kHeight; ++r) a[r] = _mm512_xor_si512(flip, broadcast(rows[r] + k));
#pragma GCC unroll 2
        for (unsigned l = 0; l < kLanes; l += 2) {
          const __m512i raw = _mm512_loadu_si512(weights + l / 2 * kLane * kStep);
          const __m512i first = _mm512_and_si512(_mm512_slli_epi16(raw, 4), upper);
          const __m512i second = _mm512_and_si512(raw, upper);
#pragma GCC unroll 2
          for (unsigned r = 0; r < kHeight; ++r) {
            add_products(sums[r][l], a[r], first);
            add_products(sums[r][l + 1], a[r], second);
          }
        }
      }
      const Index terms = group * static_cast<Index>(kLanes) * kLane;
#pragma GCC unroll 4
      for (unsigned l = 0; l < kLanes; ++l) {
        const __m512i start = _mm512_loadu_si512(t.start + terms + l * kLane);
        const __m512 multipliers = _mm512_loadu_ps(t.multipliers + terms + l * kLane);
#pragma GCC unroll 2
        for (unsigned r = 0; r < kHeight; ++r) {
          const __m512i sum = _mm512_add_epi32(_mm512_srai_epi32(sums[r][l], 4), start);
          values[r][l] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), multipliers, values[r][l]);
        }
      }
    }
#pragma GCC unroll 2
    for (unsigned r = 0; r < kHeight; ++r) {
#pragma GCC unroll 4
      for (unsigned l = 0; l < kLanes; ++l) _mm512_storeu_ps(t.values + r * t.stride + l * kLane, values[r][l]);
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
