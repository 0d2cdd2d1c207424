#ifndef CONDENSE_KERNELS_GEMM_DETAIL_AVX2_PLANNED_HPP
#define CONDENSE_KERNELS_GEMM_DETAIL_AVX2_PLANNED_HPP

#if defined(__x86_64__)

#include "condense/kernels/gemm/detail/avx2_micro.hpp"
#include "condense/kernels/gemm/detail/quad_plan.hpp"

namespace condense::kernels::detail {

/// Products of 16 bits, two of them added to 32 (vpmaddwd): exact for all codes, where vpmaddubsw saturates. The
/// activations are widened once for a block of rows, the weights as they are loaded.
struct Avx2Products {
  using Activation = std::int16_t;
  static constexpr Index kStep = 2;
  static constexpr std::optional<ElementType> kFlipped = ElementType::int8;  // where weights are planned

  CONDENSE_TARGET_AVX2 static __m256i weights(const std::int8_t* codes) noexcept {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes)));
  }
  CONDENSE_TARGET_AVX2 static __m256i activations(const std::int16_t* codes) noexcept {
    std::int32_t two;
    std::memcpy(&two, codes, sizeof(two));
    return _mm256_set1_epi32(two);
  }
  CONDENSE_TARGET_AVX2 static __m256i activations(const std::int16_t* codes, __m256i) noexcept {
    return activations(codes);
  }
  CONDENSE_TARGET_AVX2 static __m256i ones() noexcept { return _mm256_set1_epi16(1); }
  CONDENSE_TARGET_AVX2 static void add(__m256i& sums, __m256i activations, __m256i weights) noexcept {
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(activations, weights));
  }

  template <class Code>
  CONDENSE_TARGET_AVX2 static void copy(const Code* codes, Index count, std::int16_t* out) noexcept {
    Index i = 0;
    for (; i + 16 <= count; i += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i),
                          std::is_signed_v<Code> ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes));
    }
    for (; i < count; ++i) out[i] = codes[i];
  }
};

/// Weights of 8 bits on AVX2. Where the weights of a panel allow (`QuadPlan`), its products are added up in 16 bits:
/// 128 of them take 3 multiplications and 2 additions, where products of 16 bits take 4 and 4.
///
/// A planned panel and stretch has quads of 8 columns by 4 elements of K, those of all lanes in turn: first two by two
/// those put together, in the order of their pairing, then the others as 2 steps of 2. Its plan says how many of each
/// lane are put together, then for each 3 * quad + pairing, and for the others quad.
struct Avx2PlannedMicro : Avx2Micro<Avx2Products> {
  using Products = Avx2Products;
  static constexpr bool kPlans = true;

  /// Beside its words, of which there are kStretch, a copied row has its bytes, 4 in each of the 3 orders for every
  /// quad.
  static constexpr Index kStretch = 4 * QuadPlan::kMostQuads;
  static constexpr Index kSpread = QuadPlan::kPairings * kStretch / 2;

  /// Arranges the codes of a panel and stretch, makes its plan, and adds what sums of flipped codes start from; leaves
  /// the codes as they are where less than half of them could be put together.
  static void arrange(std::byte* codes, Index steps, Index lanes, std::byte* plan, std::int32_t* starts) noexcept {
    const Index quads = steps / 2;
    if (steps % 2 != 0) return;
    std::int8_t old[kPanel * kStretch];
    std::memcpy(old, codes, static_cast<std::size_t>(quads * lanes * kQuad));
    const auto code = [&](Index lane, Index column, Index k) {
      return old[((k / 2 * lanes + lane) * kLane + column) * 2 + k % 2];
    };
    QuadPlan::Entry entries[kPanel / kLane][QuadPlan::kMostQuads];
    Index together = quads;
    for (Index lane = 0; lane < lanes; ++lane) {
      const QuadPlan lane_plan(quads, [&](Index column, Index k) { return code(lane, column, k); });
      for (Index i = 0; i < quads; ++i) entries[lane][i] = lane_plan[i];
      together = std::min(together, lane_plan.together());
      if (2 * together < quads) return;
    }
    *plan++ = static_cast<std::byte>(together);
    for (Index i = 0; i < quads; ++i) {
      for (Index lane = 0; lane < lanes; ++lane) {
        const bool is_together = i < together;
        const auto [quad, pairing] = is_together ? entries[lane][i] : QuadPlan::Entry{entries[lane][i].quad, 0};
        const Index at = is_together ? (i / 2 * lanes + lane) * 2 + i % 2 : i * lanes + lane;
        plan[at] = static_cast<std::byte>(is_together ? QuadPlan::kPairings * quad + pairing : quad);
        for (Index column = 0; column < kLane; ++column) {
          for (Index k = 0; k < 4; ++k) {
            const std::int8_t weight = code(lane, column, 4 * quad + QuadPlan::kOrders[pairing][k]);
            const Index within = is_together ? 4 * column + k : (k / 2 * kLane + column) * 2 + k % 2;
            codes[at * kQuad + within] = static_cast<std::byte>(weight);
            if (is_together) starts[lane * kLane + column] -= 128 * weight;
          }
        }
      }
    }
  }

  /// Writes the bytes of a row beside its words, with the sign of signed ones flipped.
  CONDENSE_TARGET_AVX2 static void spread(std::int16_t* row, Index steps, bool flipped) noexcept {
    const __m128i flip = _mm_set1_epi8(flipped ? -128 : 0);
    const __m128i orders[3] = {_mm_setr_epi8(0, 1, 2, 3, 0, 2, 1, 3, 0, 3, 1, 2, 4, 5, 6, 7),
                               _mm_setr_epi8(4, 6, 5, 7, 4, 7, 5, 6, 8, 9, 10, 11, 8, 10, 9, 11),
                               _mm_setr_epi8(8, 11, 9, 10, 12, 13, 14, 15, 12, 14, 13, 15, 12, 15, 13, 14)};
    auto* out = reinterpret_cast<__m128i*>(row + kStretch);
    for (Index k = 0; k < 2 * steps; k += 16, out += 3) {
      const auto* words = reinterpret_cast<const __m128i*>(row + k);
      const __m128i low = _mm_loadu_si128(words);
      const __m128i high = _mm_loadu_si128(words + 1);
      const __m128i bytes = _mm_xor_si128(flip, flipped ? _mm_packs_epi16(low, high) : _mm_packus_epi16(low, high));
      for (int i = 0; i < 3; ++i) _mm_storeu_si128(out + i, _mm_shuffle_epi8(bytes, orders[i]));
    }
  }

  /// Whether a plan stays within the quads of a stretch of `steps`.
  static bool is_plan(const std::byte* plan, Index steps, Index lanes) noexcept {
    const Index quads = steps / 2;
    const Index together = std::to_integer<Index>(plan[0]);
    if (together > quads || together % 2 != 0) return false;
    for (Index i = 0; together > 0 && i < quads * lanes; ++i) {
      const Index entries = i < together * lanes ? QuadPlan::kPairings * quads : quads;
      if (std::to_integer<Index>(plan[1 + i]) >= entries) return false;
    }
    return true;
  }

  static void multiply(const GemmTile& tile) noexcept {
    if (tile.plan == nullptr) return Avx2Micro::multiply(tile);
    tile.lanes == 2 ? multiply_planned_by<2>(tile) : multiply_planned_by<1>(tile);
  }

 private:
  static constexpr Index kQuad = 4 * kLane;

  CONDENSE_TARGET_AVX2 static __m256i vector(const void* data) noexcept {
    return _mm256_loadu_si256(static_cast<const __m256i*>(data));
  }

  template <unsigned kLanes>
  static void multiply_planned_by(const GemmTile& tile) noexcept {
    if (tile.rows > 4) return multiply_planned<6, kLanes>(tile);
    if (tile.rows > 2) return multiply_planned<4, kLanes>(tile);
    tile.rows == 2 ? multiply_planned<2, kLanes>(tile) : multiply_planned<1, kLanes>(tile);
  }

  template <unsigned kHeight, unsigned kLanes>
  CONDENSE_TARGET_AVX2 static void multiply_planned(const GemmTile& t) noexcept {
    __m256i sums[kHeight][kLanes];
    const std::int16_t* rows[kHeight];
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) {
      rows[r] = static_cast<const std::int16_t*>(t.pieces[r]);
#pragma GCC unroll 2
      for (unsigned l = 0; l < kLanes; ++l) {
        sums[r][l] =
            t.start == nullptr ? _mm256_setzero_si256() : vector(t.start + t.row_at(r) * t.row_start + l * kLane);
      }
    }
    const std::int8_t* weights = t.weights;
    const std::uint8_t* entry = t.plan + 1;
    const std::uint8_t* apart = entry + t.plan[0] * Index{kLanes};
    const std::uint8_t* end = entry + t.steps / 2 * kLanes;
    const __m256i ones = Products::ones();
    while (entry < apart) {
#pragma GCC unroll 2
      for (unsigned l = 0; l < kLanes; ++l, entry += 2, weights += 2 * kQuad) {
        const __m256i w[2] = {vector(weights), vector(weights + kQuad)};
        const Index at[2] = {kStretch + 2 * Index{entry[0]}, kStretch + 2 * Index{entry[1]}};
#pragma GCC unroll 6
        for (unsigned r = 0; r < kHeight; ++r) {
          const __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(Products::activations(rows[r] + at[0]), w[0]),
                                                 _mm256_maddubs_epi16(Products::activations(rows[r] + at[1]), w[1]));
          sums[r][l] = _mm256_add_epi32(sums[r][l], _mm256_madd_epi16(pairs, ones));
        }
      }
    }
    while (entry < end) {
#pragma GCC unroll 2
      for (unsigned l = 0; l < kLanes; ++l, ++entry, weights += kQuad) {
        const __m256i w[2] = {Products::weights(weights), Products::weights(weights + kQuad / 2)};
        const Index at = 4 * Index{*entry};
#pragma GCC unroll 6
        for (unsigned r = 0; r < kHeight; ++r) {
          Products::add(sums[r][l], Products::activations(rows[r] + at), w[0]);
          Products::add(sums[r][l], Products::activations(rows[r] + at + 2), w[1]);
        }
      }
    }
#pragma GCC unroll 6
    for (unsigned r = 0; r < kHeight; ++r) {
      if (r >= t.rows) break;
#pragma GCC unroll 2
      for (unsigned l = 0; l < kLanes; ++l) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(t.sums + r * t.stride + l * kLane), sums[r][l]);
      }
    }
  }
};

}  // namespace condense::kernels::detail

#endif
#endif
