#ifndef CONDENSE_KERNELS_GEMM_DETAIL_AVX2_MICRO_HPP
#define CONDENSE_KERNELS_GEMM_DETAIL_AVX2_MICRO_HPP

#if defined(__x86_64__)

#include "condense/kernels/detail/avx2.hpp"
#include "condense/kernels/gemm/detail/tiled.hpp"

namespace condense::kernels::detail {

/// Tiles of up to 6 rows by 16 columns: 12 of the 16 registers hold sums, 2 weights, one activations. `Products` says
/// how vectors of 8 columns are multiplied:
///
///   using Activation; static constexpr Index kStep; static constexpr std::optional<ElementType> kFlipped;
///   static __m256i weights(const std::int8_t*) noexcept;                       (8 columns, kStep)
///   static __m256i activations(const Activation*, __m256i flip) noexcept;      kStep of them in every lane
///   static __m256i ones() noexcept;                                            activations of 1
///   static void add(__m256i& sums, __m256i activations, __m256i weights) noexcept;
///   static void unpack_two(const std::int8_t*, __m256i (&weights)[2]) noexcept;  two vectors of packed 4 bits,
///   2^kShift
///                                                                               times too large
///   static void copy(const Code*, Index count, Activation*) noexcept;
template <class Products>
struct Avx2Micro {
  using Activation = typename Products::Activation;
  static constexpr Index kRows = 6;
  static constexpr Index kLane = 8;
  static constexpr Index kPanel = 16;
  static constexpr Index kStep = Products::kStep;
  static constexpr std::optional<ElementType> kFlipped = Products::kFlipped;

  static void multiply(const GemmTile& tile) noexcept {
    if (tile.lanes == 2) return multiply_lanes<2>(tile);
    multiply_lanes<1>(tile);
  }

  /// By 3 rows, as values take registers beside the sums.
  static void multiply_groups(const GemmTile& tile) noexcept {
    for (Index row = 0; row < tile.rows; row += 3) {
      GemmTile part = tile;
      part.rows = std::min<Index>(3, tile.rows - row);
      part.pieces += row;
      if (part.start != nullptr) part.start += row * tile.row_start;
      part.values += row * tile.stride;
      if (tile.lanes == 2) {
        part.rows == 1 ? multiply_groups_of<1, 2>(part) : multiply_groups_of<3, 2>(part);
      } else {
        part.rows == 1 ? multiply_groups_of<1, 1>(part) : multiply_groups_of<3, 1>(part);
      }
    }
  }

  static constexpr Index kPackedRows = 2;
  static constexpr bool kPacksZeroPoints = false;
  static constexpr bool kPacksFactors = true;
  static void multiply_packed_groups(const GemmTile& tile) noexcept {
    tile.rows == 1 ? multiply_packed_groups_of<1>(tile) : multiply_packed_groups_of<2>(tile);
  }

  static void finish(const GemmTile& tile) noexcept {
    const bool grouped = tile.product->weights.group_size != 0;
    const bool by_row = tile.product->epilogue.row_scales != nullptr;
    if (grouped) return by_row ? finish_from<Source::values_by_row>(tile) : finish_from<Source::values>(tile);
    return by_row ? finish_from<Source::sums_by_row>(tile) : finish_from<Source::sums>(tile);
  }

  CONDENSE_TARGET_AVX2 static void start_groups(const GemmTile& t, std::int32_t* starts) noexcept {
    const __m256i factor = _mm256_set1_epi32(t.factor);
    for (Index group = 0; group < t.groups; ++group) {
      for (Index lane = 0; lane < t.lanes; ++lane, starts += kLane) {
        const std::int8_t* weights = t.weights + (group * t.steps * t.lanes + lane) * kLane * kStep;
        __m256i sums = _mm256_setzero_si256();
        for (Index step = 0; step < t.steps; ++step, weights += t.lanes * kLane * kStep) {
          Products::add(sums, Products::ones(), Products::weights(weights));
        }
        store(starts, _mm256_mullo_epi32(factor, sums));
      }
    }
  }

  /// A table of 16 makes signed bytes of 4 bits; with their upper two bits ignored also of 2.
  CONDENSE_TARGET_AVX2 static void unpack(const std::byte* packed, int bits, Index vectors,
                                          std::int8_t* codes) noexcept {
    constexpr Index kVector = kLane * kStep;
    const __m128i nibbles = _mm_set1_epi8(0x0F);
    const __m128i table = bits == 4 ? _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1)
                                    : _mm_setr_epi8(0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1);
    const Index planes = 8 / bits;
    for (Index vector = 0; vector < vectors; vector += planes, packed += kVector, codes += planes * kVector) {
      for (Index half = 0; half < kVector; half += 16) {
        __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(packed + half));
        for (Index plane = 0; plane < planes; ++plane) {
          _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + plane * kVector + half),
                           _mm_shuffle_epi8(table, _mm_and_si128(raw, nibbles)));
          raw = _mm_srl_epi16(raw, _mm_cvtsi32_si128(bits));
        }
      }
    }
  }

  template <class Code>
  static void copy(const Code* codes, Index count, Activation* out) noexcept {
    Products::copy(codes, count, out);
  }

 private:
  CONDENSE_TARGET_AVX2 static __m256i load(const std::int32_t* data) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data));
  }
  CONDENSE_TARGET_AVX2 static void store(std::int32_t* data, __m256i value) noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(data), value);
  }

  // ---- Epilogue

  enum class Source { sums, sums_by_row, values, values_by_row };

  /// What the epilogue reads for one vector of columns.
  struct Columns {
    Index count;
    __m256i mask;
    __m256i bias;
    __m256 multipliers;
    __m256 float_bias;
    __m256i column_sums;
  };

  template <Source kSource>
  CONDENSE_TARGET_AVX2 static Columns columns_of(const GemmTile& t, Index lane) noexcept {
    const GemmEpilogue& e = t.product->epilogue;
    const Index column = t.column + lane * kLane;
    Columns c;
    c.count = std::min(kLane, t.product->weights.columns - column);
    c.mask = avx2::first_lanes(c.count);
    c.bias = kSource == Source::sums ? _mm256_maskload_epi32(e.bias + column, c.mask) : _mm256_setzero_si256();
    c.multipliers =
        kSource == Source::sums_by_row || (kSource == Source::sums && t.product->output_type != ElementType::int32)
            ? _mm256_maskload_ps(e.multipliers + column, c.mask)
            : _mm256_set1_ps(1);
    c.float_bias = kSource == Source::sums_by_row || kSource == Source::values_by_row
                       ? _mm256_maskload_ps(e.float_bias + column, c.mask)
                       : _mm256_setzero_ps();
    c.column_sums = kSource == Source::sums_by_row && e.row_zero_points != nullptr
                        ? _mm256_maskload_epi32(e.column_sums + column, c.mask)
                        : _mm256_setzero_si256();
    return c;
  }

  /// The real values of one vector of a row.
  template <Source kSource>
  CONDENSE_TARGET_AVX2 static __m256 values_of(const GemmTile& t, Index row, Index lane, const Columns& c) noexcept {
    const GemmEpilogue& e = t.product->epilogue;
    const Index at = row * t.stride + lane * kLane;
    if constexpr (kSource == Source::sums) {
      return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(load(t.sums + at), c.bias)), c.multipliers);
    } else if constexpr (kSource == Source::values) {
      return _mm256_loadu_ps(t.values + at);
    } else {
      const __m256 scale = _mm256_mul_ps(_mm256_set1_ps(e.row_scales[t.row + row]), c.multipliers);
      if constexpr (kSource == Source::values_by_row) {
        return _mm256_fmadd_ps(_mm256_loadu_ps(t.values + at), scale, c.float_bias);
      }
      __m256i sums = load(t.sums + at);
      if (e.row_zero_points != nullptr) {
        const __m256i zero_point = _mm256_set1_epi32(e.row_zero_points[t.row + row]);
        sums = _mm256_sub_epi32(sums, _mm256_mullo_epi32(zero_point, c.column_sums));
      }
      return _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), scale, c.float_bias);
    }
  }

  template <Source kSource>
  CONDENSE_TARGET_AVX2 static void finish_from(const GemmTile& t) noexcept {
    const GemmArguments& g = *t.product;
    const avx2::Requantize requantize(g.epilogue.zero_point, g.epilogue.lowest, g.epilogue.highest);
    const __m256 low = _mm256_set1_ps(g.epilogue.low);
    const __m256 high = _mm256_set1_ps(g.epilogue.high);
    for (Index lane = 0; lane < t.lanes; ++lane) {
      const Columns c = columns_of<kSource>(t, lane);
      for (Index row = 0; row < t.rows; ++row) {
        const Index out = (t.row + row) * g.output_stride + t.column + lane * kLane;
        if (kSource == Source::sums && g.output_type == ElementType::int32) {
          const __m256i sums = _mm256_add_epi32(load(t.sums + row * t.stride + lane * kLane), c.bias);
          _mm256_maskstore_epi32(static_cast<std::int32_t*>(g.output) + out, c.mask, sums);
          continue;
        }
        const __m256 values = values_of<kSource>(t, row, lane, c);
        if (g.output_type == ElementType::float32) {
          _mm256_maskstore_ps(static_cast<float*>(g.output) + out, c.mask,
                              _mm256_min_ps(_mm256_max_ps(values, low), high));
        } else {
          avx2::store_bytes(static_cast<std::uint8_t*>(g.output) + out, requantize.bytes(values), c.count);
        }
      }
    }
  }

  // ---- Products

  /// Tiles come in heights of 1, 2, 4 and 6 rows.
  template <unsigned kLanes>
  static void multiply_lanes(const GemmTile& tile) noexcept {
    if (tile.rows > 4) return multiply_tile<6, kLanes>(tile);
    if (tile.rows > 2) return multiply_tile<4, kLanes>(tile);
    if (tile.rows > 1) return multiply_tile<2, kLanes>(tile);
    multiply_tile<1, kLanes>(tile);
  }

  template <unsigned kHeight, unsigned kLanes>
  CONDENSE_TARGET_AVX2 static void multiply_tile(const GemmTile& t) noexcept {
    __m256i sums[kHeight][kLanes];
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) {
#pragma GCC unroll 2
      for (unsigned l = 0; l < kLanes; ++l) {
        sums[r][l] =
            t.start == nullptr ? _mm256_setzero_si256() : load(t.start + t.row_at(r) * t.row_start + l * kLane);
      }
    }
    const __m256i flip = _mm256_set1_epi32(static_cast<int>(t.flip));
    const std::int8_t* weights = t.weights;
    for (Index tap = 0; tap < t.taps; ++tap) {
      if (t.skips(tap)) {
        weights += t.steps * kLanes * kLane * kStep;
        continue;
      }
      const Activation* rows[kHeight];
#pragma GCC unroll 6
      for (unsigned r = 0; r < kHeight; ++r) rows[r] = static_cast<const Activation*>(t.piece(r, tap));
      for (Index k = 0; k < t.steps * kStep; k += kStep, weights += kLanes * kLane * kStep) {
        __m256i w[kLanes];
#pragma GCC unroll 2
        for (unsigned l = 0; l < kLanes; ++l) w[l] = Products::weights(weights + l * kLane * kStep);
#pragma GCC unroll 6
        for (unsigned r = 0; r < kHeight; ++r) {
          const __m256i a = Products::activations(rows[r] + k, flip);
#pragma GCC unroll 2
          for (unsigned l = 0; l < kLanes; ++l) Products::add(sums[r][l], a, w[l]);
        }
      }
    }
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) {
      if (r >= t.rows) break;
#pragma GCC unroll 2
      for (unsigned l = 0; l < kLanes; ++l) store(t.sums + r * t.stride + l * kLane, sums[r][l]);
    }
  }

  template <unsigned kHeight, unsigned kLanes>
  CONDENSE_TARGET_AVX2 static void multiply_groups_of(const GemmTile& t) noexcept {
    __m256 values[kHeight][kLanes];
    const Activation* rows[kHeight];
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) rows[r] = static_cast<const Activation*>(t.piece(r));
#pragma GCC unroll 3
    for (unsigned r = 0; r < kHeight; ++r) {
#pragma GCC unroll 2
      for (unsigned l = 0; l < kLanes; ++l) {
        values[r][l] = _mm256_loadu_ps(t.values + t.row_at(r) * t.stride + l * kLane);
      }
    }
    const __m256i flip = _mm256_set1_epi32(static_cast<int>(t.flip));
    const std::int8_t* weights = t.weights;
    Index k = 0;
    for (Index group = 0; group < t.groups; ++group) {
      __m256i sums[kHeight][kLanes];
#pragma GCC unroll 2
      for (unsigned l = 0; l < kLanes; ++l) {
#pragma GCC unroll 3
        for (unsigned r = 0; r < kHeight; ++r) {
          sums[r][l] = t.start == nullptr
                           ? _mm256_setzero_si256()
                           : load(t.start + group * t.group_start + t.row_at(r) * t.row_start + l * kLane);
        }
      }
      for (Index step = 0; step < t.steps; ++step, k += kStep, weights += kLanes * kLane * kStep) {
        __m256i w[kLanes];
#pragma GCC unroll 2
        for (unsigned l = 0; l < kLanes; ++l) w[l] = Products::weights(weights + l * kLane * kStep);
#pragma GCC unroll 3
        for (unsigned r = 0; r < kHeight; ++r) {
          const __m256i a = Products::activations(rows[r] + k, flip);
#pragma GCC unroll 2
          for (unsigned l = 0; l < kLanes; ++l) Products::add(sums[r][l], a, w[l]);
        }
      }
#pragma GCC unroll 2
      for (unsigned l = 0; l < kLanes; ++l) {
        const __m256 multipliers = _mm256_loadu_ps(t.multipliers + (group * kLanes + l) * kLane);
#pragma GCC unroll 3
        for (unsigned r = 0; r < kHeight; ++r) {
          values[r][l] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[r][l]), multipliers, values[r][l]);
        }
      }
    }
#pragma GCC unroll 3
    for (unsigned r = 0; r < kHeight; ++r) {
      if (r >= t.rows) break;
#pragma GCC unroll 2
      for (unsigned l = 0; l < kLanes; ++l) _mm256_storeu_ps(t.values + r * t.stride + l * kLane, values[r][l]);
    }
  }

  template <unsigned kHeight>
  CONDENSE_TARGET_AVX2 static void multiply_packed_groups_of(const GemmTile& t) noexcept {
    __m256 values[kHeight][2];
    const Activation* rows[kHeight];
#pragma GCC unroll 2
    for (unsigned r = 0; r < kHeight; ++r) {
      rows[r] = static_cast<const Activation*>(t.piece(r));
#pragma GCC unroll 2
      for (unsigned l = 0; l < 2; ++l) values[r][l] = _mm256_loadu_ps(t.values + r * t.stride + l * kLane);
    }
    const __m256i flip = _mm256_set1_epi32(static_cast<int>(t.flip));
    const __m256i factor = _mm256_set1_epi32(t.factor);
    const std::int8_t* weights = t.weights;
    Index k = 0;
    for (Index group = 0; group < t.groups; ++group) {
      __m256i sums[kHeight][2];
      __m256i weight_sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
#pragma GCC unroll 2
      for (unsigned r = 0; r < kHeight; ++r) sums[r][0] = sums[r][1] = _mm256_setzero_si256();
      for (Index step = 0; step < t.steps; ++step, k += kStep, weights += kLane * kStep) {
        __m256i w[2];
        Products::unpack_two(weights, w);
#pragma GCC unroll 2
        for (unsigned l = 0; l < 2; ++l) Products::add(weight_sums[l], Products::ones(), w[l]);
#pragma GCC unroll 2
        for (unsigned r = 0; r < kHeight; ++r) {
          const __m256i a = Products::activations(rows[r] + k, flip);
#pragma GCC unroll 2
          for (unsigned l = 0; l < 2; ++l) Products::add(sums[r][l], a, w[l]);
        }
      }
#pragma GCC unroll 2
      for (unsigned l = 0; l < 2; ++l) {
        const Index column = (group * 2 + l) * kLane;
        const __m256i start = _mm256_mullo_epi32(factor, _mm256_srai_epi32(weight_sums[l], Products::kShift));
        const __m256 multipliers = _mm256_loadu_ps(t.multipliers + column);
#pragma GCC unroll 2
        for (unsigned r = 0; r < kHeight; ++r) {
          const __m256i sum = _mm256_add_epi32(_mm256_srai_epi32(sums[r][l], Products::kShift), start);
          values[r][l] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), multipliers, values[r][l]);
        }
      }
    }
#pragma GCC unroll 2
    for (unsigned r = 0; r < kHeight; ++r) {
#pragma GCC unroll 2
      for (unsigned l = 0; l < 2; ++l) _mm256_storeu_ps(t.values + r * t.stride + l * kLane, values[r][l]);
    }
  }
};

}  // namespace condense::kernels::detail

#endif
#endif
