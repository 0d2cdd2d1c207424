#ifndef CONDENSE_KERNELS_GEMM_DETAIL_AVX512_GROUPS_HPP
#define CONDENSE_KERNELS_GEMM_DETAIL_AVX512_GROUPS_HPP

#if defined(__x86_64__)

#include "condense/kernels/gemm/detail/avx512_epilogue.hpp"

// GCC 12 takes the undefined upper halves in its own AVX-512 headers for uninitialised variables.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace condense::kernels::detail {

/// Products by vpdpbusd whose weights have a scale for each group of the depth: the sums of a group become floats
/// before the next one begins.
struct Avx512Groups : Avx512Epilogue {
  static constexpr Index kStep = 4;

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

  static constexpr Index kPackedRows = 48;  // unpacked to memory first, 16 rows are 10 % slower, 128 as fast
  static constexpr bool kPacksZeroPoints = true;
  static constexpr bool kPacksFactors = true;
  static void multiply_packed_groups(const GemmTile& tile) noexcept {
    tile.zero_points == nullptr ? multiply_packed<false>(tile) : multiply_packed<true>(tile);
  }

  CONDENSE_TARGET_AVX512_VNNI static void start_groups(const GemmTile& t, std::int32_t* starts) noexcept {
    const __m512i factor = _mm512_set1_epi32(t.factor);
    const __m512i ones = _mm512_set1_epi8(1);
    for (Index group = 0; group < t.groups; ++group) {
      for (Index lane = 0; lane < t.lanes; ++lane, starts += kLane) {
        const std::int8_t* weights = t.weights + (group * t.steps * t.lanes + lane) * kLane * kStep;
        __m512i sums = _mm512_setzero_si512();
        for (Index step = 0; step < t.steps; ++step, weights += t.lanes * kLane * kStep) {
          add_products(sums, ones, _mm512_loadu_si512(weights));
        }
        _mm512_storeu_si512(starts, _mm512_mullo_epi32(factor, sums));
      }
    }
  }

 protected:
  template <unsigned kValue>
  struct Number {
    static constexpr unsigned value = kValue;
  };

  /// Tiles come in heights of 1, 2, 4, 5 and 6 rows, those of one or two lanes also of 8 and 12. So 32 rows are two
  /// tiles of 6 and four of 5.
  template <class Multiply>
  static void with_height(const GemmTile& tile, Multiply&& multiply) noexcept {
    if (tile.rows > 5) return multiply(Number<6>{}, tile);
    if (tile.rows > 4) return multiply(Number<5>{}, tile);
    if (tile.rows > 2) return multiply(Number<4>{}, tile);
    if (tile.rows > 1) return multiply(Number<2>{}, tile);
    multiply(Number<1>{}, tile);
  }

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

 private:
  /// One or two rows read packed groups faster than they come; asking for them that far ahead crosses pages: 20 % where
  /// they come from memory. Weights of 8 bits are read in longer lines, and it would cost 15 % in L3.
  static constexpr Index kAheadBytes = 2048;

  template <bool kZeroPoints>
  static void multiply_packed(const GemmTile& tile) noexcept {
    const auto by = [&](auto height, auto lanes) {
      constexpr unsigned kLanes = decltype(lanes)::value;
      for (Index lane = 0; lane < tile.lanes; lane += kLanes) {
        multiply_packed_groups_of<decltype(height)::value, kLanes, kZeroPoints>(tile, lane);
      }
    };
    if (tile.rows == 1 && tile.lanes == 4) return by(Number<1>{}, Number<4>{});
    if (tile.rows == 2 && tile.lanes == 4) return by(Number<2>{}, Number<4>{});
    tile.rows > 4 ? by(Number<6>{}, Number<2>{}) : by(Number<4>{}, Number<2>{});
  }

  template <unsigned kHeight, unsigned kLanes>
  CONDENSE_TARGET_AVX512_VNNI static void multiply_groups_of(const GemmTile& t, Index lane) noexcept {
    __m512 values[kHeight][kLanes];
    const std::uint8_t* rows[kHeight];
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) rows[r] = static_cast<const std::uint8_t*>(t.piece(r));
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
      const std::int32_t* start = t.start == nullptr ? nullptr : t.start + group * t.group_start + lane * kLane;
      __m512i sums[kHeight][kLanes];
#pragma GCC unroll 4
      for (unsigned l = 0; l < kLanes; ++l) {
        const __m512i first = start == nullptr ? _mm512_setzero_si512() : _mm512_loadu_si512(start + l * kLane);
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
  /// two vectors; the sums of a group, exact in 32 bits, are divided by 16 before anything is added. A zero point takes
  /// itself times the sum of the activations from the sum of a column.
  template <unsigned kHeight, unsigned kLanes, bool kZeroPoints>
  CONDENSE_TARGET_AVX512_VNNI static void multiply_packed_groups_of(const GemmTile& t, Index lane) noexcept {
    __m512 values[kHeight][kLanes];
    const std::uint8_t* rows[kHeight];
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) {
      rows[r] = static_cast<const std::uint8_t*>(t.piece(r));
#pragma GCC unroll 4
      for (unsigned l = 0; l < kLanes; ++l) {
        values[r][l] = _mm512_loadu_ps(t.values + t.row_at(r) * t.stride + (lane + l) * kLane);
      }
    }
    const __m512i flip = _mm512_set1_epi32(static_cast<int>(t.flip));
    const __m512i factor = _mm512_set1_epi32(t.factor);
    const __m512i upper = _mm512_set1_epi8(static_cast<char>(0xF0));
    const __m512i ones = _mm512_set1_epi8(1);
    [[maybe_unused]] const __m512i elements = _mm512_set1_epi32(static_cast<int>(t.steps * kStep));
    const Index panel = t.lanes * kLane;
    const std::int8_t* weights = t.weights + lane / 2 * kLane * kStep;
    Index k = 0;
    for (Index group = 0; group < t.groups; ++group) {
      __m512i sums[kHeight][kLanes];
      __m512i weight_sums[kLanes];
      __m512i row_sums[kHeight];
#pragma GCC unroll 4
      for (unsigned l = 0; l < kLanes; ++l) weight_sums[l] = _mm512_setzero_si512();
#pragma GCC unroll 6
      for (unsigned r = 0; r < kHeight; ++r) {
        if constexpr (kZeroPoints) row_sums[r] = _mm512_setzero_si512();
#pragma GCC unroll 4
        for (unsigned l = 0; l < kLanes; ++l) sums[r][l] = _mm512_setzero_si512();
      }
      for (Index step = 0; step < t.steps; ++step, k += kStep, weights += panel / 2 * kStep) {
        __m512i w[kLanes];
#pragma GCC unroll 2
        for (unsigned l = 0; l < kLanes; l += 2) {
          const __m512i raw = _mm512_loadu_si512(weights + l / 2 * kLane * kStep);
          if constexpr (kHeight <= 4) __builtin_prefetch(weights + l / 2 * kLane * kStep + kAheadBytes);
          w[l] = _mm512_and_si512(_mm512_slli_epi16(raw, 4), upper);
          w[l + 1] = _mm512_and_si512(raw, upper);
          add_products(weight_sums[l], ones, w[l]);
          add_products(weight_sums[l + 1], ones, w[l + 1]);
        }
#pragma GCC unroll 6
        for (unsigned r = 0; r < kHeight; ++r) {
          const __m512i a = _mm512_xor_si512(flip, broadcast(rows[r] + k));
          if constexpr (kZeroPoints) add_products(row_sums[r], a, ones);
#pragma GCC unroll 4
          for (unsigned l = 0; l < kLanes; ++l) add_products(sums[r][l], a, w[l]);
        }
      }
#pragma GCC unroll 4
      for (unsigned l = 0; l < kLanes; ++l) {
        const Index column = group * panel + (lane + l) * kLane;
        __m512i weight_sum = _mm512_srai_epi32(weight_sums[l], 4);
        const __m512 multipliers = _mm512_loadu_ps(t.multipliers + column);
        if constexpr (kHeight <= 4) __builtin_prefetch(t.multipliers + column + kAheadBytes / 4);
        __m512i zero_points;
        if constexpr (kZeroPoints) {
          zero_points = _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(t.zero_points + column)));
          weight_sum = _mm512_sub_epi32(weight_sum, _mm512_mullo_epi32(zero_points, elements));
        }
        const __m512i start = _mm512_mullo_epi32(factor, weight_sum);
#pragma GCC unroll 6
        for (unsigned r = 0; r < kHeight; ++r) {
          __m512i sum = _mm512_add_epi32(_mm512_srai_epi32(sums[r][l], 4), start);
          if constexpr (kZeroPoints) sum = _mm512_sub_epi32(sum, _mm512_mullo_epi32(row_sums[r], zero_points));
          values[r][l] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), multipliers, values[r][l]);
        }
      }
    }
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) {
      if (r >= t.rows) break;
#pragma GCC unroll 4
      for (unsigned l = 0; l < kLanes; ++l) {
        _mm512_storeu_ps(t.values + r * t.stride + (lane + l) * kLane, values[r][l]);
      }
    }
  }
};

}  // namespace condense::kernels::detail

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
#endif
