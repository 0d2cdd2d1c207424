#ifndef CONDENSE_KERNELS_FLOAT_GEMM_NEON_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_NEON_HPP

#if defined(__aarch64__)

#include <algorithm>

#include "condense/kernels/detail/neon.hpp"
#include "condense/kernels/float_gemm/detail/tiled.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

namespace detail {

/// A unit of the weights of 4 columns, of which `at` takes out one element of K: a float, or a code.
template <WeightType kType>
struct WeightUnitNeon {
  static constexpr Index kBytes = 4 * unit_bytes(kType);
  uint32x4_t words;

  [[gnu::always_inline]] void load(const std::byte* unit) noexcept {
    if constexpr (bits(kType) == 16) {
      const uint16x4_t halves = vld1_u16(reinterpret_cast<const std::uint16_t*>(unit));
      words = vreinterpretq_u32_u16(vcombine_u16(halves, halves));
    } else {
      words = vld1q_u32(reinterpret_cast<const std::uint32_t*>(unit));
    }
  }

  /// Brings the next element to where the first one was.
  [[gnu::always_inline]] void shift() noexcept {
    if constexpr (unit_steps(kType) > 1) words = vshlq_n_u32(words, bits(kType));
  }

  template <unsigned kStep>
  [[gnu::always_inline]] float32x4_t at() const noexcept {
    constexpr int kBits = bits(kType);
    if constexpr (kType == WeightType::float32) {
      return vreinterpretq_f32_u32(words);
    } else if constexpr (kType == WeightType::float16) {
      return vcvt_f32_f16(vget_low_f16(vreinterpretq_f16_u32(words)));
    } else if constexpr (kType == WeightType::bfloat16) {
      return vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(vreinterpretq_u16_u32(words)), 16));
    } else {
      const uint32x4_t raised = kStep == 0 ? words : vshlq_n_u32(words, kBits * kStep);
      return vcvtq_f32_s32(vshrq_n_s32(vreinterpretq_s32_u32(raised), 32 - kBits));
    }
  }
};

/// Tiles of 8 x 8 sums in 16 of 32 registers: 4 elements of K take 16 loads and 64 fused multiplications by lane.
struct FloatTileNeon {
  static constexpr Index kRows = 8;
  static constexpr Index kLane = 4;
  static constexpr unsigned kLanes = 2;
  using Heights = std::integer_sequence<unsigned, 1, 2, 3, 4, 5, 6, 7, 8>;

  template <unsigned Rows, unsigned Lanes, WeightCoding kCoding>
  [[gnu::noinline]] static void multiply(const FloatTile& tile) noexcept {
    // Eight multiplications are under way at a time (4 cycles, 2 a cycle), so a low tile has sums for each lane.
    constexpr unsigned kChains = Rows * Lanes >= 8 ? 1 : Rows * Lanes >= 4 ? 2 : 4;
    constexpr auto kUnit = static_cast<unsigned>(unit_steps(kCoding.type));
    constexpr unsigned kSteps = std::max(4U, kUnit);
    const Index depth = tile.stretch.depth;
    Sums<Rows, Lanes> sums[kChains];
    Sums<Rows, Lanes> total;  // of integers: what the runs so far add up to
    (is_integer(kCoding.type) ? total : sums[0]).start(tile);
#pragma GCC unroll 4
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
        end = std::min(depth, i + tile.run);
        if constexpr (is_integer(kCoding.type)) {
          if (kCoding.has_zero_points) weights.load_zero_points(terms);
#pragma GCC unroll 4
          for (unsigned chain = 0; chain < kChains; ++chain) sums[chain].clear();
        }
        for (; i + kSteps <= end; i += kSteps) add_steps<0, kSteps>(a, i, weights, sums);
        for (unsigned step = 0; i < end; ++i, ++step) {
          float32x4_t x[Rows];
#pragma GCC unroll 8
          for (unsigned r = 0; r < Rows; ++r) x[r] = vld1q_dup_f32(a[r] + i);
          if (step % kUnit == 0) weights.load();
          sums[0].template add<0, 0, false>(x, weights);
          weights.shift();
        }
        if constexpr (is_integer(kCoding.type)) {
          fold(sums);
          total.add_scaled(sums[0], terms);
          terms.first += terms.stride;
        }
      }
    }
    if constexpr (is_integer(kCoding.type)) {
      total.store(tile);
    } else {
      fold(sums);
      sums[0].store(tile);
    }
  }

  template <unsigned Lanes, WeightCoding kCoding>
  [[gnu::noinline]] static void decode(const std::byte* units, const FloatTerms& terms, Index steps,
                                       float* values) noexcept {
    constexpr Index kUnit = unit_steps(kCoding.type);
    Weights<Lanes, kCoding> weights{.next_unit = units, .unit = {}, .zero_points = {}};
    if (kCoding.has_zero_points) weights.load_zero_points(terms);
    for (; steps > 0; steps -= kUnit, values += kUnit * Lanes * kLane) {
      weights.load();
      decode_unit<0>(weights, terms, values);
    }
  }

 private:
  static float32x4_t scales(const FloatTerms& terms, unsigned v) noexcept {
    return vld1q_f32(reinterpret_cast<const float*>(terms.first) + v * kLane);
  }

  /// The weights of a panel, step by step.
  template <unsigned Lanes, WeightCoding kCoding>
  struct Weights {
    const std::byte* next_unit;
    WeightUnitNeon<kCoding.type> unit[Lanes];
    float32x4_t zero_points[Lanes];

    [[gnu::always_inline]] void load_zero_points(const FloatTerms& terms) noexcept {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) {
        std::int32_t bytes = 0;
        std::memcpy(&bytes, terms.first + Lanes * kLane * 4 + v * kLane, 4);
        const int16x4_t codes = vget_low_s16(vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(bytes))));
        zero_points[v] = vcvtq_f32_s32(vmovl_s16(codes));
      }
    }

    [[gnu::always_inline]] void load(unsigned v) noexcept {
      unit[v].load(next_unit);
      next_unit += unit[v].kBytes;
    }
    [[gnu::always_inline]] void load() noexcept {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) load(v);
    }
    /// Passes over floats.
    [[gnu::always_inline]] void skip(Index steps) noexcept { next_unit += steps * Index{Lanes} * unit[0].kBytes; }
    [[gnu::always_inline]] void shift() noexcept {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) unit[v].shift();
    }
    template <unsigned kStep>
    [[gnu::always_inline]] float32x4_t at(unsigned v) const noexcept {
      const float32x4_t value = unit[v].template at<kStep>();
      return kCoding.has_zero_points ? vsubq_f32(value, zero_points[v]) : value;
    }
  };

  template <unsigned Rows, unsigned Lanes>
  struct Sums {
    float32x4_t of[Rows][Lanes];

    [[gnu::always_inline]] void clear() noexcept {
#pragma GCC unroll 8
      for (unsigned r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) of[r][v] = vdupq_n_f32(0);
      }
    }

    /// Columns beyond the last are read from a buffer.
    [[gnu::always_inline]] void start(const FloatTile& tile) noexcept {
      const bool whole = tile.columns() >= Lanes * kLane;
      const float* starts[Rows];
      tile.starts(starts);
      float buffer[Lanes * kLane] = {};
#pragma GCC unroll 8
      for (unsigned r = 0; r < Rows; ++r) {
        const float* from = starts[r];
        if (!whole) {
          std::memcpy(buffer, from, static_cast<std::size_t>(tile.columns()) * sizeof(float));
          from = buffer;
        }
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) of[r][v] = vld1q_f32(from + v * kLane);
      }
    }

    /// Adds the products of one lane of the activations of every row with an element of K of the weights, that of the
    /// step `kStep` of their units, the next ones if it loads them. Through assembly, because GCC 12 copies sums from
    /// register to register for the intrinsic, 9 times in 64.
    template <int Lane, unsigned kStep, bool kLoads, WeightCoding kCoding>
    [[gnu::always_inline]] void add(const float32x4_t (&x)[Rows], Weights<Lanes, kCoding>& weights) noexcept {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) {
        neon::hold_loads();
        if constexpr (kLoads) weights.load(v);
        const float32x4_t w = weights.template at<kStep>(v);
#pragma GCC unroll 8
        for (unsigned r = 0; r < Rows; ++r) {
          asm("fmla %0.4s, %1.4s, %2.s[%c3]" : "+w"(of[r][v]) : "w"(w), "w"(x[r]), "i"(Lane));
        }
      }
    }

    [[gnu::always_inline]] void add(const Sums& other) noexcept {
#pragma GCC unroll 8
      for (unsigned r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) of[r][v] = vaddq_f32(of[r][v], other.of[r][v]);
      }
    }

    [[gnu::always_inline]] void add_scaled(const Sums& other, const FloatTerms& terms) noexcept {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) {
        const float32x4_t scale = scales(terms, v);
#pragma GCC unroll 8
        for (unsigned r = 0; r < Rows; ++r) of[r][v] = vfmaq_f32(of[r][v], other.of[r][v], scale);
      }
    }

    /// The epilogue. Columns beyond the last are written to a buffer.
    [[gnu::always_inline]] void store(const FloatTile& tile) const noexcept {
      const float32x4_t low = vdupq_n_f32(tile.low);
      const float32x4_t high = vdupq_n_f32(tile.high);
      const bool whole = tile.columns() >= Lanes * kLane;
      float buffer[Lanes * kLane];
      float* output[Rows];
      tile.outputs(output);
#pragma GCC unroll 8
      for (unsigned r = 0; r < Rows; ++r) {
        float* to = whole ? output[r] : buffer;
#pragma GCC unroll 2
        for (unsigned v = 0; v < Lanes; ++v) vst1q_f32(to + v * kLane, vminq_f32(vmaxq_f32(of[r][v], low), high));
        if (!whole) std::memcpy(output[r], buffer, static_cast<std::size_t>(tile.columns()) * sizeof(float));
      }
    }
  };

  template <unsigned Rows, unsigned Lanes, unsigned kChains>
  [[gnu::always_inline]] static void fold(Sums<Rows, Lanes> (&sums)[kChains]) noexcept {
#pragma GCC unroll 4
    for (unsigned chain = kChains - 1; chain > 0; --chain) sums[chain / 2].add(sums[chain]);
  }

  /// Adds the products of the elements [i + kStep, i + kSteps) of K, 4 at a time.
  template <unsigned kStep, unsigned kSteps, unsigned Rows, unsigned Lanes, WeightCoding kCoding, unsigned kChains>
  [[gnu::always_inline]] static void add_steps(const float* const (&a)[Rows], Index i, Weights<Lanes, kCoding>& weights,
                                               Sums<Rows, Lanes> (&sums)[kChains]) noexcept {
    if constexpr (kStep < kSteps) {
      float32x4_t x[Rows];
#pragma GCC unroll 8
      for (unsigned r = 0; r < Rows; ++r) x[r] = vld1q_f32(a[r] + i + kStep);
      add_lane<0, kStep>(x, weights, sums);
      add_lane<1, kStep>(x, weights, sums);
      add_lane<2, kStep>(x, weights, sums);
      add_lane<3, kStep>(x, weights, sums);
      add_steps<kStep + 4, kSteps>(a, i, weights, sums);
    }
  }
  template <int Lane, unsigned kStep, unsigned Rows, unsigned Lanes, WeightCoding kCoding, unsigned kChains>
  [[gnu::always_inline]] static void add_lane(const float32x4_t (&x)[Rows], Weights<Lanes, kCoding>& weights,
                                              Sums<Rows, Lanes> (&sums)[kChains]) noexcept {
    constexpr unsigned kInUnit = (kStep + Lane) % unit_steps(kCoding.type);
    sums[Lane % kChains].template add<Lane, kInUnit, kInUnit == 0>(x, weights);
  }

  /// Writes the values of a unit.
  template <unsigned kStep, unsigned Lanes, WeightCoding kCoding>
  [[gnu::always_inline]] static void decode_unit(const Weights<Lanes, kCoding>& weights, const FloatTerms& terms,
                                                 float* values) noexcept {
    if constexpr (kStep < unit_steps(kCoding.type)) {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v, values += kLane) {
        const float32x4_t value = weights.template at<kStep>(v);
        vst1q_f32(values, is_integer(kCoding.type) ? vmulq_f32(value, scales(terms, v)) : value);
      }
      decode_unit<kStep + 1>(weights, terms, values);
    }
  }
};

}  // namespace detail

/// Float products by fused multiplications by lane.
template <>
struct FloatGemm<simd::Neon> : detail::TiledFloatGemm<detail::FloatTileNeon> {};

}  // namespace condense::kernels

#endif
#endif
