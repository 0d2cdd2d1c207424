#ifndef CONDENSE_KERNELS_FLOAT_GEMM_AVX2_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_AVX2_HPP

#if defined(__x86_64__)

#include "condense/kernels/detail/avx2.hpp"
#include "condense/kernels/float_gemm/detail/tiled.hpp"

namespace condense::kernels {

namespace detail {

/// A unit of the weights of 8 columns, of which `at` takes out one element of K: a float, or a code.
template <WeightType kType>
struct WeightUnitAvx2 {
  static constexpr Index kBytes = 8 * unit_bytes(kType);
  __m256i words;

  CONDENSE_TARGET_AVX2 __attribute__((always_inline)) void load(const std::byte* unit) noexcept {
    if constexpr (bits(kType) == 16) {
      words = _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(unit)));
    } else {
      words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(unit));
    }
  }

  /// Brings the next element to where the first one was.
  CONDENSE_TARGET_AVX2 __attribute__((always_inline)) void shift() noexcept {
    if constexpr (unit_steps(kType) > 1) words = _mm256_slli_epi32(words, bits(kType));
  }

  template <unsigned kStep>
  CONDENSE_TARGET_AVX2 __attribute__((always_inline)) __m256 at() const noexcept {
    constexpr int kBits = bits(kType);
    if constexpr (kType == WeightType::float32) {
      return _mm256_castsi256_ps(words);
    } else if constexpr (kType == WeightType::float16) {
      return _mm256_cvtph_ps(_mm256_castsi256_si128(words));
    } else if constexpr (kType == WeightType::bfloat16) {
      return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(words)), 16));
    } else {
      const __m256i raised = kStep == 0 ? words : _mm256_slli_epi32(words, kBits * kStep);
      return _mm256_cvtepi32_ps(_mm256_srai_epi32(raised, 32 - kBits));
    }
  }
};

/// Tiles of 6 x 16 sums, in 12 of 16 registers: a step of K loads 2 vectors of weights and 6 activations for 12 FMAs.
struct FloatTileAvx2 {
  static constexpr Index kRows = 6;
  static constexpr Index kLane = 8;
  static constexpr unsigned kLanes = 2;
  using Heights = std::integer_sequence<unsigned, 1, 2, 4, 6>;

  template <unsigned Rows, unsigned Lanes, WeightCoding kCoding>
  CONDENSE_TARGET_AVX2 __attribute__((noinline)) static void multiply(const FloatTile& tile) noexcept {
    // Eight FMAs are under way at a time (4 cycles, 2 a cycle), so a low tile takes several steps of K side by side.
    constexpr unsigned kChains = std::max(1U, 8 / (Rows * Lanes));
    constexpr auto kUnit = static_cast<unsigned>(unit_steps(kCoding.type));
    constexpr unsigned kSteps = std::max(kChains, kUnit);
    const Index depth = tile.stretch.depth;
    tile.prefetch_outputs<Rows>(Lanes * kLane);
    Sums<Rows, Lanes> sums[kChains];
    Sums<Rows, Lanes> total;  // of integers: what the runs so far add up to
    (is_integer(kCoding.type) ? total : sums[0]).start(tile);
#pragma GCC unroll 8
    for (unsigned chain = 1; chain < kChains; ++chain) sums[chain].clear();

    Weights<Lanes, kCoding> weights{.next_unit = tile.weights, .unit = {}, .zero_points = {}};
    FloatTerms terms = tile.terms;
    for (Index tap = 0; tap < tile.stretch.taps; ++tap) {
      if (kCoding.type == WeightType::float32 && tile.skips(tap)) {
        weights.skip(depth);
        continue;
      }
      const float* a[Rows];
      tile.pieces(tap, a);
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
      total.store(tile);
    } else {
#pragma GCC unroll 8
      for (unsigned chain = 1; chain < kChains; ++chain) sums[0].add(sums[chain]);
      sums[0].store(tile);
    }
  }

  template <unsigned Lanes, WeightCoding kCoding>
  CONDENSE_TARGET_AVX2 __attribute__((noinline)) static void decode(const std::byte* units, const FloatTerms& terms,
                                                                    Index steps, float* values) noexcept {
    Weights<Lanes, kCoding> weights{.next_unit = units, .unit = {}, .zero_points = {}};
    if (kCoding.has_zero_points) weights.load_zero_points(terms);
    constexpr Index kUnit = unit_steps(kCoding.type);
    for (; steps > 0; steps -= kUnit, values += kUnit * Lanes * kLane) {
      weights.load();
      decode_unit<0>(weights, terms, values);
    }
  }

 private:
  CONDENSE_TARGET_AVX2 __attribute__((always_inline)) static __m256 scales(const FloatTerms& terms,
                                                                           unsigned v) noexcept {
    return _mm256_loadu_ps(reinterpret_cast<const float*>(terms.first) + v * kLane);
  }

  /// The weights of a panel, step by step. They are asked for 1 KiB ahead, which crosses pages.
  template <unsigned Lanes, WeightCoding kCoding>
  struct Weights {
    const std::byte* next_unit;
    WeightUnitAvx2<kCoding.type> unit[Lanes];
    __m256 zero_points[Lanes];

    CONDENSE_TARGET_AVX2 __attribute__((always_inline)) void load_zero_points(const FloatTerms& terms) noexcept {
      const std::byte* bytes = terms.first + Lanes * kLane * 4;
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) {
        zero_points[v] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadu_si64(bytes + v * kLane)));
      }
    }
    CONDENSE_TARGET_AVX2 __attribute__((always_inline)) void load() noexcept {
      _mm_prefetch(reinterpret_cast<const char*>(next_unit + 1024), _MM_HINT_T0);
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v, next_unit += unit[0].kBytes) unit[v].load(next_unit);
    }
    /// Passes over floats.
    CONDENSE_TARGET_AVX2 __attribute__((always_inline)) void skip(Index steps) noexcept {
      next_unit += steps * Index{Lanes} * unit[0].kBytes;
    }
    CONDENSE_TARGET_AVX2 __attribute__((always_inline)) void shift() noexcept {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) unit[v].shift();
    }
    template <unsigned kStep>
    CONDENSE_TARGET_AVX2 __attribute__((always_inline)) __m256 at(unsigned v) const noexcept {
      const __m256 value = unit[v].template at<kStep>();
      return kCoding.has_zero_points ? _mm256_sub_ps(value, zero_points[v]) : value;
    }
  };

  template <unsigned Rows, unsigned Lanes>
  struct Sums {
    __m256 of[Rows][Lanes];

    CONDENSE_TARGET_AVX2 __attribute__((always_inline)) void clear() noexcept {
#pragma GCC unroll 6
      for (unsigned r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) of[r][v] = _mm256_setzero_ps();
      }
    }

    /// What all rows start from is loaded once.
    CONDENSE_TARGET_AVX2 __attribute__((always_inline)) void start(const FloatTile& tile) noexcept {
      const float* starts[Rows];
      tile.starts(starts);
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) {
        const __m256i lanes = avx2::first_lanes(tile.columns() - v * kLane);
        if (tile.start_stride == 0) {
          const __m256 bias = _mm256_maskload_ps(tile.start + v * kLane, lanes);
#pragma GCC unroll 6
          for (unsigned r = 0; r < Rows; ++r) of[r][v] = bias;
        } else {
#pragma GCC unroll 6
          for (unsigned r = 0; r < Rows; ++r) of[r][v] = _mm256_maskload_ps(starts[r] + v * kLane, lanes);
        }
      }
    }

    /// One step of K.
    template <unsigned kStep, WeightCoding kCoding>
    CONDENSE_TARGET_AVX2 __attribute__((always_inline)) void add_products(
        const float* const (&a)[Rows], Index i, const Weights<Lanes, kCoding>& weights) noexcept {
      __m256 w[Lanes];
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) w[v] = weights.template at<kStep>(v);
#pragma GCC unroll 6
      for (unsigned r = 0; r < Rows; ++r) {
        const __m256 value = _mm256_set1_ps(a[r][i]);
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) of[r][v] = _mm256_fmadd_ps(value, w[v], of[r][v]);
      }
    }

    CONDENSE_TARGET_AVX2 __attribute__((always_inline)) void add(const Sums& other) noexcept {
#pragma GCC unroll 6
      for (unsigned r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) of[r][v] = _mm256_add_ps(of[r][v], other.of[r][v]);
      }
    }

    CONDENSE_TARGET_AVX2 __attribute__((always_inline)) void add_scaled(const Sums& other,
                                                                        const FloatTerms& terms) noexcept {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) {
#pragma GCC unroll 6
        for (unsigned r = 0; r < Rows; ++r) of[r][v] = _mm256_fmadd_ps(other.of[r][v], scales(terms, v), of[r][v]);
      }
    }

    /// The epilogue. The operands stand so that a NaN stays one.
    CONDENSE_TARGET_AVX2 __attribute__((always_inline)) void store(const FloatTile& tile) const noexcept {
      const __m256 low = _mm256_set1_ps(tile.low);
      const __m256 high = _mm256_set1_ps(tile.high);
      float* output[Rows];
      tile.outputs(output);
#pragma GCC unroll 6
      for (unsigned r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) {
          const __m256 value = _mm256_min_ps(high, _mm256_max_ps(low, of[r][v]));
          avx2::store_floats(output[r] + v * kLane, value, tile.columns() - v * kLane);
        }
      }
    }
  };

  /// Adds the products of the elements [i + kStep, i + kSteps) of K.
  template <unsigned kStep, unsigned kSteps, unsigned Rows, unsigned Lanes, WeightCoding kCoding, unsigned kChains>
  CONDENSE_TARGET_AVX2 __attribute__((always_inline)) static void add_steps(
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
  CONDENSE_TARGET_AVX2 __attribute__((always_inline)) static void decode_unit(const Weights<Lanes, kCoding>& weights,
                                                                              const FloatTerms& terms,
                                                                              float* values) noexcept {
    if constexpr (kStep < unit_steps(kCoding.type)) {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v, values += kLane) {
        const __m256 value = weights.template at<kStep>(v);
        _mm256_storeu_ps(values, is_integer(kCoding.type) ? _mm256_mul_ps(value, scales(terms, v)) : value);
      }
      decode_unit<kStep + 1>(weights, terms, values);
    }
  }
};

}  // namespace detail

/// Vectors of 8 columns.
template <>
struct FloatGemm<simd::Avx2> : detail::TiledFloatGemm<detail::FloatTileAvx2> {};

}  // namespace condense::kernels

#endif
#endif
