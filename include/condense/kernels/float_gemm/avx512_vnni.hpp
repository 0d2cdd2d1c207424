#ifndef CONDENSE_KERNELS_FLOAT_GEMM_AVX512_VNNI_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_AVX512_VNNI_HPP

#if defined(__x86_64__)

#include "condense/kernels/detail/avx512.hpp"
#include "condense/kernels/float_gemm/detail/tiled.hpp"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace condense::kernels {

namespace detail {

/// A unit of the weights of 16 columns, of which `at` takes out one element of K: a float, or a code.
template <WeightType kType>
struct WeightUnitAvx512 {
  static constexpr Index kBytes = 16 * unit_bytes(kType);
  __m512i words;

  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) void load(const std::byte* unit) noexcept {
    if constexpr (bits(kType) == 16) {
      words = _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(unit)));
    } else {
      words = _mm512_loadu_si512(unit);
    }
  }

  /// Brings the next element to where the first one was.
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) void shift() noexcept {
    if constexpr (unit_steps(kType) > 1) words = _mm512_slli_epi32(words, bits(kType));
  }

  template <unsigned kStep>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) __m512 at() const noexcept {
    constexpr unsigned kBits = bits(kType);
    if constexpr (kType == WeightType::float32) {
      return _mm512_castsi512_ps(words);
    } else if constexpr (kType == WeightType::float16) {
      return _mm512_cvtph_ps(_mm512_castsi512_si256(words));
    } else if constexpr (kType == WeightType::bfloat16) {
      return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(words)), 16));
    } else if constexpr (kBits <= 4) {  // the permutation looks at the low 4 bits of a word
      return _mm512_permutexvar_ps(_mm512_srli_epi32(words, 32 - kBits * (kStep + 1)), table());
    } else {
      const __m512i raised = kStep == 0 ? words : _mm512_slli_epi32(words, kBits * kStep);
      return _mm512_cvtepi32_ps(_mm512_srai_epi32(raised, 24));
    }
  }

 private:
  /// What codes of 4 bits stand for, or of 2 bits behind any other 2.
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static __m512 table() noexcept {
    if constexpr (kType == WeightType::int2) return _mm512_setr4_ps(0, 1, -2, -1);
    return _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1);
  }
};

/// Tiles of 12 x 32 sums, in 24 of 32 registers: a step of K loads 2 vectors of weights and 12 activations for 24 FMAs.
struct FloatTileAvx512 {
  static constexpr Index kRows = 12;
  static constexpr Index kLane = 16;
  static constexpr unsigned kLanes = 2;
  using Heights = std::integer_sequence<unsigned, 1, 2, 4, 6, 8, 12>;

  template <unsigned Lanes>
  static void multiply_in_line(const FloatTile& tile) noexcept {
    multiply<kRows, Lanes, WeightCoding{}, true>(tile);
  }

  template <unsigned Rows, unsigned Lanes, WeightCoding kCoding, bool kInLine = false>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((noinline)) static void multiply(const FloatTile& tile) noexcept {
    if (kInLine && tile.rows != Rows) __builtin_unreachable();  // so that no row is tested for
    // Eight FMAs are under way at a time (4 cycles, 2 a cycle), so a low tile takes several steps of K side by side.
    constexpr unsigned kChains = std::max(1U, 8 / (Rows * Lanes));
    constexpr auto kUnit = static_cast<unsigned>(unit_steps(kCoding.type));
    constexpr unsigned kSteps = std::max(kChains, kUnit);
    const Index depth = tile.stretch.depth;
    tile.prefetch_outputs<Rows>(Lanes * kLane);
    __mmask16 mask[Lanes];
    Sums<Rows, Lanes> sums[kChains];
    Sums<Rows, Lanes> total;  // of integers: what the runs so far add up to
#pragma GCC unroll 2
    for (unsigned v = 0; v < Lanes; ++v) mask[v] = avx512::first_lanes(tile.columns() - v * kLane);
    (is_integer(kCoding.type) ? total : sums[0]).start(tile, mask);
#pragma GCC unroll 8
    for (unsigned chain = 1; chain < kChains; ++chain) sums[chain].clear();

    Weights<Lanes, kCoding> weights{.next_unit = tile.weights, .unit = {}, .zero_points = {}};
    FloatTerms terms = tile.terms;
    for (Index tap = 0; tap < (kInLine ? 1 : tile.stretch.taps); ++tap) {
      const float* a[Rows];
      if constexpr (kInLine) {
        tile.rows_in_line(a);
      } else {
        if (kCoding.type == WeightType::float32 && tile.skips(tap)) {
          weights.skip(depth);
          continue;
        }
        tile.pieces(tap, a);
      }
      for (Index i = 0, end = 0; i < depth;) {
        end = is_integer(kCoding.type) ? std::min(depth, i + tile.run) : depth;
        if constexpr (is_integer(kCoding.type)) {
          if (kCoding.has_zero_points) weights.load_zero_points(terms);
#pragma GCC unroll 8
          for (unsigned chain = 0; chain < kChains; ++chain) sums[chain].clear();
        }
        for (; i + kSteps <= end; i += kSteps) add_steps<0, kSteps>(a, i, weights, sums);
        for (unsigned step = 0; kSteps > 1 && i < end; ++i, ++step) {
          if (step % kUnit == 0) weights.load();
          sums[0].template add_products<0>(a, i, weights);
          weights.shift();
        }
        if constexpr (is_integer(kCoding.type)) {
#pragma GCC unroll 8
          for (unsigned chain = 1; chain < kChains; ++chain) sums[0].add(sums[chain]);
          total.add_scaled(sums[0], terms);
          terms.first += terms.stride;
        }
      }
    }
    if constexpr (is_integer(kCoding.type)) {
      total.store(tile, mask);
    } else {
#pragma GCC unroll 8
      for (unsigned chain = 1; chain < kChains; ++chain) sums[0].add(sums[chain]);
      sums[0].store(tile, mask);
    }
  }

  static void look_up(const float* data, const float* padding, const std::int32_t* offsets, Index count,
                      const void** pieces) noexcept {
    avx512::look_up<2>(data, padding, offsets, count, pieces);
  }

  template <unsigned Lanes, WeightCoding kCoding>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((noinline)) static void decode(const std::byte* units,
                                                                           const FloatTerms& terms, Index steps,
                                                                           float* values) noexcept {
    Weights<Lanes, kCoding> weights{.next_unit = units, .unit = {}, .zero_points = {}};
    if (kCoding.has_zero_points) weights.load_zero_points(terms);
    constexpr Index kUnit = unit_steps(kCoding.type);
    for (; steps > 0; steps -= kUnit, values += kUnit * Lanes * kLane) {
      weights.load();
      decode_unit<0>(weights, terms, values);
    }
  }

 private:
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static __m512 scales(const FloatTerms& terms,
                                                                                  unsigned v) noexcept {
    return _mm512_loadu_ps(reinterpret_cast<const float*>(terms.first) + v * kLane);
  }

  /// The weights of a panel, step by step. They are asked for 1 KiB ahead, which crosses pages: 10 % where they come
  /// from L3.
  template <unsigned Lanes, WeightCoding kCoding>
  struct Weights {
    const std::byte* next_unit;
    WeightUnitAvx512<kCoding.type> unit[Lanes];
    __m512 zero_points[Lanes];

    CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) void load_zero_points(const FloatTerms& terms) noexcept {
      const auto* bytes = reinterpret_cast<const __m128i*>(terms.first + Lanes * kLane * 4);
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) {
        zero_points[v] = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(bytes + v)));
      }
    }
    CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) void load() noexcept {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v, next_unit += unit[0].kBytes) {
        _mm_prefetch(reinterpret_cast<const char*>(next_unit + 1024), _MM_HINT_T0);
        unit[v].load(next_unit);
      }
    }
    /// Passes over floats.
    CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) void skip(Index steps) noexcept {
      next_unit += steps * Index{Lanes} * unit[0].kBytes;
    }
    CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) void shift() noexcept {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) unit[v].shift();
    }
    template <unsigned kStep>
    CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) __m512 at(unsigned v) const noexcept {
      const __m512 value = unit[v].template at<kStep>();
      return kCoding.has_zero_points ? _mm512_sub_ps(value, zero_points[v]) : value;
    }
  };

  template <unsigned Rows, unsigned Lanes>
  struct Sums {
    __m512 of[Rows][Lanes];

    CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) void clear() noexcept {
#pragma GCC unroll 12
      for (unsigned r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) of[r][v] = _mm512_setzero_ps();
      }
    }

    /// What all rows start from is loaded once.
    CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) void start(const FloatTile& tile,
                                                                          const __mmask16 (&mask)[Lanes]) noexcept {
      if (tile.start_stride == 0) {
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) {
          const __m512 bias = _mm512_maskz_loadu_ps(mask[v], tile.start + v * kLane);
#pragma GCC unroll 12
          for (unsigned r = 0; r < Rows; ++r) of[r][v] = bias;
        }
        return;
      }
      const float* starts[Rows];
      tile.starts(starts);
#pragma GCC unroll 12
      for (unsigned r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) of[r][v] = _mm512_maskz_loadu_ps(mask[v], starts[r] + v * kLane);
      }
    }

    /// One step of K.
    template <unsigned kStep, WeightCoding kCoding>
    CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) void add_products(
        const float* const (&a)[Rows], Index i, const Weights<Lanes, kCoding>& weights) noexcept {
      __m512 w[Lanes];
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) w[v] = weights.template at<kStep>(v);
#pragma GCC unroll 12
      for (unsigned r = 0; r < Rows; ++r) {
        const __m512 value = _mm512_set1_ps(a[r][i]);
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) of[r][v] = _mm512_fmadd_ps(value, w[v], of[r][v]);
      }
    }

    CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) void add(const Sums& other) noexcept {
#pragma GCC unroll 12
      for (unsigned r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) of[r][v] = _mm512_add_ps(of[r][v], other.of[r][v]);
      }
    }

    CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) void add_scaled(const Sums& other,
                                                                               const FloatTerms& terms) noexcept {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) {
#pragma GCC unroll 12
        for (unsigned r = 0; r < Rows; ++r) of[r][v] = _mm512_fmadd_ps(other.of[r][v], scales(terms, v), of[r][v]);
      }
    }

    /// The epilogue. The operands stand so that a NaN stays one.
    CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) void store(
        const FloatTile& tile, const __mmask16 (&mask)[Lanes]) const noexcept {
      const __m512 low = _mm512_set1_ps(tile.low);
      const __m512 high = _mm512_set1_ps(tile.high);
      float* output[Rows];
      tile.outputs(output);
#pragma GCC unroll 12
      for (unsigned r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) {
          _mm512_mask_storeu_ps(output[r] + v * kLane, mask[v], _mm512_min_ps(high, _mm512_max_ps(low, of[r][v])));
        }
      }
    }
  };

  /// Adds the products of the elements [i + kStep, i + kSteps) of K.
  template <unsigned kStep, unsigned kSteps, unsigned Rows, unsigned Lanes, WeightCoding kCoding, unsigned kChains>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static void add_steps(
      const float* const (&a)[Rows], Index i, Weights<Lanes, kCoding>& weights,
      Sums<Rows, Lanes> (&sums)[kChains]) noexcept {
    if constexpr (kStep < kSteps) {
      if constexpr (kStep % unit_steps(kCoding.type) == 0) weights.load();
      sums[kStep % kChains].template add_products<kStep % unit_steps(kCoding.type)>(a, i + kStep, weights);
      add_steps<kStep + 1, kSteps>(a, i, weights, sums);
    }
  }

  /// Writes the values of a unit.
  template <unsigned kStep, unsigned Lanes, WeightCoding kCoding>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static void decode_unit(
      const Weights<Lanes, kCoding>& weights, const FloatTerms& terms, float* values) noexcept {
    if constexpr (kStep < unit_steps(kCoding.type)) {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v, values += kLane) {
        const __m512 value = weights.template at<kStep>(v);
        _mm512_storeu_ps(values, is_integer(kCoding.type) ? _mm512_mul_ps(value, scales(terms, v)) : value);
      }
      decode_unit<kStep + 1>(weights, terms, values);
    }
  }
};

}  // namespace detail

/// Vectors of 16 columns.
template <>
struct FloatGemm<simd::Avx512Vnni> : detail::TiledFloatGemm<detail::FloatTileAvx512> {};

}  // namespace condense::kernels

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
#endif
