#ifndef CONDENSE_KERNELS_GEMM_DETAIL_AVX2_NARROW_HPP
#define CONDENSE_KERNELS_GEMM_DETAIL_AVX2_NARROW_HPP

#if defined(__x86_64__)

#include "condense/kernels/gemm/detail/avx2_micro.hpp"

namespace condense::kernels::detail {

/// Products of unsigned by signed bytes, two of them added to 16 bits (vpmaddubsw). That instruction saturates, but
/// never for weights of 4 bits: less their zero points they lie within [-15, 15]. The activations are copied, so that
/// the sign of signed ones is flipped once for a block of rows.
struct Avx2NarrowProducts {
  using Activation = std::uint8_t;
  static constexpr Index kStep = 4;
  static constexpr std::optional<ElementType> kFlipped = ElementType::int8;

  CONDENSE_TARGET_AVX2 static __m256i weights(const std::int8_t* codes) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
  }
  CONDENSE_TARGET_AVX2 static __m256i activations(const std::uint8_t* codes) noexcept {
    std::int32_t four;
    std::memcpy(&four, codes, sizeof(four));
    return _mm256_set1_epi32(four);
  }
  CONDENSE_TARGET_AVX2 static __m256i ones() noexcept { return _mm256_set1_epi8(1); }

  /// The sums of two, in 16 bits, and those of four that they add up to.
  CONDENSE_TARGET_AVX2 static __m256i pairs(__m256i activations, __m256i weights) noexcept {
    return _mm256_maddubs_epi16(activations, weights);
  }
  CONDENSE_TARGET_AVX2 static void add_pairs(__m256i& sums, __m256i pairs) noexcept {
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  CONDENSE_TARGET_AVX2 static void add(__m256i& sums, __m256i activations, __m256i weights) noexcept {
    add_pairs(sums, pairs(activations, weights));
  }

  /// By the table of 4 bits, without a shift.
  CONDENSE_TARGET_AVX2 static void unpack_two(const std::int8_t* packed, __m256i (&weights)[2]) noexcept {
    const __m256i nibbles = _mm256_set1_epi8(0x0F);
    const __m256i table =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1));
    const __m256i raw = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(packed));
    weights[0] = _mm256_shuffle_epi8(table, _mm256_and_si256(raw, nibbles));
    weights[1] = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(raw, 4), nibbles));
  }

  template <class Code>
  CONDENSE_TARGET_AVX2 static void copy(const Code* codes, Index count, std::uint8_t* out) noexcept {
    if constexpr (std::is_signed_v<Code>) {
      const __m256i flip = _mm256_set1_epi8(-128);
      Index i = 0;
      for (; i + 32 <= count; i += 32) {
        const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + i));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_xor_si256(bytes, flip));
      }
      for (; i < count; ++i) out[i] = static_cast<std::uint8_t>(codes[i] + 128);
    } else {
      copy_bytes(codes, count, out);
    }
  }
};

/// Weights of 4 and 2 bits on AVX2: the sums of several steps fit 16 bits before they are widened, so that a step is
/// one multiplication and one addition of 32 products, where products of 16 bits take two of each. Tiles of up to 6
/// rows by 8 columns: 6 sums, the weights of 4 steps, and what is added up of one row.
struct Avx2NarrowMicro : Avx2Micro<Avx2NarrowProducts> {
  using Products = Avx2NarrowProducts;
  static constexpr bool kCopiesAll = true;

  /// Steps whose sums fit 16 bits: each adds two products to one, 2 * 255 * 15 (less zero points), or 2 * 255 * 8.
  static constexpr Index kTogether = 4;
  static constexpr Index kPackedTogether = 8;
  static_assert(kTogether * 2 * 255 * 15 <= 32767 && kPackedTogether * 2 * 255 * 8 <= 32767);

  static void multiply(const GemmTile& tile) noexcept {
    for (Index lane = 0; lane < tile.lanes; ++lane) {
      if (tile.rows > 4) {
        multiply_lane<6>(tile, lane);
      } else if (tile.rows > 2) {
        multiply_lane<4>(tile, lane);
      } else {
        tile.rows == 2 ? multiply_lane<2>(tile, lane) : multiply_lane<1>(tile, lane);
      }
    }
  }

  static Index rows_of(Index, bool grouped) noexcept { return grouped ? 4 : kRows; }

  static void multiply_groups(const GemmTile& tile) noexcept {
    tile.lanes == 2 ? multiply_groups_by<2>(tile) : multiply_groups_by<1>(tile);
  }

  static constexpr Index kPackedRows = 4;
  static void multiply_packed_groups(const GemmTile& tile) noexcept {
    if (tile.rows > 2) return multiply_packed_groups_of<4>(tile);
    tile.rows == 1 ? multiply_packed_groups_of<1>(tile) : multiply_packed_groups_of<2>(tile);
  }

  CONDENSE_TARGET_AVX2 static void start_groups(const GemmTile& t, std::int32_t* starts) noexcept {
    const __m256i factor = _mm256_set1_epi32(t.factor);
    for (Index group = 0; group < t.groups; ++group) {
      for (Index lane = 0; lane < t.lanes; ++lane, starts += kLane) {
        const std::int8_t* weights = t.weights + (group * t.steps * t.lanes + lane) * kLane * kStep;
        __m256i pairs = _mm256_setzero_si256();  // of at most kStretch weights
        for (Index step = 0; step < t.steps; ++step, weights += t.lanes * kLane * kStep) {
          pairs = _mm256_add_epi16(pairs, Products::pairs(Products::ones(), Products::weights(weights)));
        }
        __m256i sums = _mm256_setzero_si256();
        Products::add_pairs(sums, pairs);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(starts), _mm256_mullo_epi32(factor, sums));
      }
    }
  }

  CONDENSE_TARGET_AVX2 static void unpack(const std::byte* packed, int bits, Index vectors,
                                          std::int8_t* codes) noexcept {
    constexpr Index kVector = kLane * kStep;
    if (bits == 2) return Avx2Micro::unpack(packed, bits, vectors, codes);
    for (Index vector = 0; vector < vectors; vector += 2, packed += kVector, codes += 2 * kVector) {
      __m256i two[2];
      Products::unpack_two(reinterpret_cast<const std::int8_t*>(packed), two);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes), two[0]);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + kVector), two[1]);
    }
  }

 private:
  CONDENSE_TARGET_AVX2 static __m256i load(const std::int32_t* data) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data));
  }

  /// Adds the products of a few steps, whose vectors of weights are `width` apart.
  template <unsigned kSteps, unsigned kHeight>
  CONDENSE_TARGET_AVX2 static void add_steps(const std::int8_t* weights, Index width, const Activation* const* rows,
                                             Index k, __m256i (&sums)[kHeight]) noexcept {
    __m256i w[kSteps];
#pragma GCC unroll 4
    for (unsigned step = 0; step < kSteps; ++step) w[step] = Products::weights(weights + step * width);
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) {
      __m256i pairs = Products::pairs(Products::activations(rows[r] + k), w[0]);
#pragma GCC unroll 4
      for (unsigned step = 1; step < kSteps; ++step) {
        const __m256i a = Products::activations(rows[r] + k + step * kStep);
        pairs = _mm256_add_epi16(pairs, Products::pairs(a, w[step]));
      }
      Products::add_pairs(sums[r], pairs);
    }
  }

  /// Adds the products of `steps` steps, and goes on to what follows them.
  template <unsigned kHeight>
  CONDENSE_TARGET_AVX2 static void add_all(Index steps, Index width, const Activation* const* rows,
                                           const std::int8_t*& weights, Index& k, __m256i (&sums)[kHeight]) noexcept {
    for (; steps >= kTogether; steps -= kTogether, weights += kTogether * width, k += kTogether * kStep) {
      add_steps<kTogether>(weights, width, rows, k, sums);
    }
    for (; steps > 0; --steps, weights += width, k += kStep) add_steps<1>(weights, width, rows, k, sums);
  }

  template <unsigned kHeight>
  CONDENSE_TARGET_AVX2 static void multiply_lane(const GemmTile& t, Index lane) noexcept {
    __m256i sums[kHeight];
    const Activation* rows[kHeight];
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) {
      rows[r] = static_cast<const Activation*>(t.pieces[r]);
      sums[r] = t.start == nullptr ? _mm256_setzero_si256() : load(t.start + t.row_at(r) * t.row_start + lane * kLane);
    }
    const std::int8_t* weights = t.weights + lane * kLane * kStep;
    Index k = 0;
    add_all(t.steps, t.lanes * kLane * kStep, rows, weights, k, sums);
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) {
      if (r >= t.rows) break;
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(t.sums + r * t.stride + lane * kLane), sums[r]);
    }
  }

  template <unsigned kLanes>
  static void multiply_groups_by(const GemmTile& tile) noexcept {
    if (tile.rows > 2) return multiply_groups_of<4, kLanes>(tile);
    tile.rows == 2 ? multiply_groups_of<2, kLanes>(tile) : multiply_groups_of<1, kLanes>(tile);
  }

  /// Sums of 16 bits in registers: those of 32 bits and values are met once for each group.
  template <unsigned kHeight, unsigned kLanes>
  CONDENSE_TARGET_AVX2 static void multiply_groups_of(const GemmTile& t) noexcept {
    const Activation* rows[kHeight];
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) rows[r] = static_cast<const Activation*>(t.pieces[r]);
    const Index together = t.zero_points == nullptr ? kPackedTogether : kTogether;
    const std::int8_t* weights = t.weights;
    Index k = 0;
    for (Index group = 0; group < t.groups; ++group) {
      __m256i sums[kHeight][kLanes];
#pragma GCC unroll 6
      for (unsigned r = 0; r < kHeight; ++r) {
#pragma GCC unroll 2
        for (unsigned l = 0; l < kLanes; ++l) {
          sums[r][l] = t.start == nullptr
                           ? _mm256_setzero_si256()
                           : load(t.start + group * t.group_start + t.row_at(r) * t.row_start + l * kLane);
        }
      }
      for (Index left = t.steps; left > 0; left -= together) {
        __m256i pairs[kHeight][kLanes];
#pragma GCC unroll 6
        for (unsigned r = 0; r < kHeight; ++r) {
#pragma GCC unroll 2
          for (unsigned l = 0; l < kLanes; ++l) pairs[r][l] = _mm256_setzero_si256();
        }
        for (Index step = std::min(left, together); step > 0; --step, k += kStep, weights += kLanes * kLane * kStep) {
          __m256i w[kLanes];
#pragma GCC unroll 2
          for (unsigned l = 0; l < kLanes; ++l) w[l] = Products::weights(weights + l * kLane * kStep);
#pragma GCC unroll 6
          for (unsigned r = 0; r < kHeight; ++r) {
            const __m256i a = Products::activations(rows[r] + k);
#pragma GCC unroll 2
            for (unsigned l = 0; l < kLanes; ++l) {
              pairs[r][l] = _mm256_add_epi16(pairs[r][l], Products::pairs(a, w[l]));
            }
          }
        }
#pragma GCC unroll 6
        for (unsigned r = 0; r < kHeight; ++r) {
#pragma GCC unroll 2
          for (unsigned l = 0; l < kLanes; ++l) Products::add_pairs(sums[r][l], pairs[r][l]);
        }
      }
#pragma GCC unroll 6
      for (unsigned r = 0; r < kHeight; ++r) {
        if (r >= t.rows) break;
#pragma GCC unroll 2
        for (unsigned l = 0; l < kLanes; ++l) {
          float* values = t.values + r * t.stride + l * kLane;
          const __m256 multipliers = _mm256_loadu_ps(t.multipliers + (group * kLanes + l) * kLane);
          _mm256_storeu_ps(values,
                           _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[r][l]), multipliers, _mm256_loadu_ps(values)));
        }
      }
    }
  }

  template <unsigned kHeight>
  CONDENSE_TARGET_AVX2 static void multiply_packed_groups_of(const GemmTile& t) noexcept {
    __m256 values[kHeight][2];
    const Activation* rows[kHeight];
#pragma GCC unroll 4
    for (unsigned r = 0; r < kHeight; ++r) {
      rows[r] = static_cast<const Activation*>(t.pieces[r]);
#pragma GCC unroll 2
      for (unsigned l = 0; l < 2; ++l) values[r][l] = _mm256_loadu_ps(t.values + t.row_at(r) * t.stride + l * kLane);
    }
    const __m256i factor = _mm256_set1_epi32(t.factor);
    const std::int8_t* weights = t.weights;
    Index k = 0;
    for (Index group = 0; group < t.groups; ++group) {
      __m256i sums[kHeight][2];
      __m256i weight_pairs[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};  // of at most kStretch weights
#pragma GCC unroll 4
      for (unsigned r = 0; r < kHeight; ++r) sums[r][0] = sums[r][1] = _mm256_setzero_si256();
      for (Index first = 0; first < t.steps; first += kPackedTogether) {
        __m256i pairs[kHeight][2];
#pragma GCC unroll 4
        for (unsigned r = 0; r < kHeight; ++r) pairs[r][0] = pairs[r][1] = _mm256_setzero_si256();
        const Index end = std::min(first + kPackedTogether, t.steps);
        for (Index step = first; step < end; ++step, k += kStep, weights += kLane * kStep) {
          __m256i w[2];
          Products::unpack_two(weights, w);
#pragma GCC unroll 2
          for (unsigned l = 0; l < 2; ++l) {
            weight_pairs[l] = _mm256_add_epi16(weight_pairs[l], Products::pairs(Products::ones(), w[l]));
          }
#pragma GCC unroll 4
          for (unsigned r = 0; r < kHeight; ++r) {
            const __m256i a = Products::activations(rows[r] + k);
#pragma GCC unroll 2
            for (unsigned l = 0; l < 2; ++l) pairs[r][l] = _mm256_add_epi16(pairs[r][l], Products::pairs(a, w[l]));
          }
        }
#pragma GCC unroll 4
        for (unsigned r = 0; r < kHeight; ++r) {
#pragma GCC unroll 2
          for (unsigned l = 0; l < 2; ++l) Products::add_pairs(sums[r][l], pairs[r][l]);
        }
      }
#pragma GCC unroll 2
      for (unsigned l = 0; l < 2; ++l) {
        __m256i start = _mm256_setzero_si256();
        Products::add_pairs(start, weight_pairs[l]);
        start = _mm256_mullo_epi32(factor, start);
        const __m256 multipliers = _mm256_loadu_ps(t.multipliers + (group * 2 + l) * kLane);
#pragma GCC unroll 4
        for (unsigned r = 0; r < kHeight; ++r) {
          values[r][l] =
              _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(sums[r][l], start)), multipliers, values[r][l]);
        }
      }
    }
#pragma GCC unroll 4
    for (unsigned r = 0; r < kHeight; ++r) {
      if (r >= t.rows) break;
#pragma GCC unroll 2
      for (unsigned l = 0; l < 2; ++l) _mm256_storeu_ps(t.values + r * t.stride + l * kLane, values[r][l]);
    }
  }
};

}  // namespace condense::kernels::detail

#endif
#endif
