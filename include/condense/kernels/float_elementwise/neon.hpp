#ifndef CONDENSE_KERNELS_FLOAT_ELEMENTWISE_NEON_HPP
#define CONDENSE_KERNELS_FLOAT_ELEMENTWISE_NEON_HPP

#if defined(__aarch64__)

#include <arm_neon.h>

#include <algorithm>

#include "condense/kernels/float_elementwise/detail/dispatch.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

namespace detail::neon {

/// 4 floats as a vector of float_functions. The minimum and maximum instructions would let a NaN win.
struct Lanes {
  float32x4_t values;

  struct Bits {
    uint32x4_t values;

    static Bits all(std::uint32_t pattern) noexcept { return {vdupq_n_u32(pattern)}; }
    template <int kPlaces>
    Bits shift_left() const noexcept {
      return {vshlq_n_u32(values, kPlaces)};
    }
    template <int kPlaces>
    Bits shift_right() const noexcept {
      return {vshrq_n_u32(values, kPlaces)};
    }
    friend Bits operator+(const Bits& a, const Bits& b) noexcept { return {vaddq_u32(a.values, b.values)}; }
    friend Bits operator-(const Bits& a, const Bits& b) noexcept { return {vsubq_u32(a.values, b.values)}; }
    friend Bits operator&(const Bits& a, const Bits& b) noexcept { return {vandq_u32(a.values, b.values)}; }
    friend Bits operator|(const Bits& a, const Bits& b) noexcept { return {vorrq_u32(a.values, b.values)}; }
  };
  struct Mask {
    uint32x4_t values;
  };

  static Lanes all(float x) noexcept { return {vdupq_n_f32(x)}; }
  static Lanes of(const Bits& patterns) noexcept { return {vreinterpretq_f32_u32(patterns.values)}; }
  friend Bits bits(const Lanes& x) noexcept { return {vreinterpretq_u32_f32(x.values)}; }

  friend Lanes operator+(const Lanes& a, const Lanes& b) noexcept { return {vaddq_f32(a.values, b.values)}; }
  friend Lanes operator-(const Lanes& a, const Lanes& b) noexcept { return {vsubq_f32(a.values, b.values)}; }
  friend Lanes operator*(const Lanes& a, const Lanes& b) noexcept { return {vmulq_f32(a.values, b.values)}; }
  friend Lanes operator/(const Lanes& a, const Lanes& b) noexcept { return {vdivq_f32(a.values, b.values)}; }
  friend Lanes operator-(const Lanes& a) noexcept { return {vnegq_f32(a.values)}; }
  friend Lanes fma(const Lanes& a, const Lanes& b, const Lanes& c) noexcept {
    return {vfmaq_f32(c.values, a.values, b.values)};
  }
  friend Lanes square_root(const Lanes& a) noexcept { return {vsqrtq_f32(a.values)}; }
  friend Lanes floor(const Lanes& a) noexcept { return {vrndmq_f32(a.values)}; }
  friend Lanes ceil(const Lanes& a) noexcept { return {vrndpq_f32(a.values)}; }
  friend Lanes round(const Lanes& a) noexcept { return {vrndnq_f32(a.values)}; }
  friend Lanes lesser(const Lanes& a, const Lanes& b) noexcept { return select(less(a, b), a, b); }
  friend Lanes greater(const Lanes& a, const Lanes& b) noexcept { return select(less(b, a), a, b); }
  friend Mask less(const Lanes& a, const Lanes& b) noexcept { return {vcltq_f32(a.values, b.values)}; }
  friend Mask is_nan(const Lanes& a) noexcept { return {vmvnq_u32(vceqq_f32(a.values, a.values))}; }
  friend Lanes select(const Mask& mask, const Lanes& a, const Lanes& b) noexcept {
    return {vbslq_f32(mask.values, a.values, b.values)};
  }
};

struct FloatLoops {
  static constexpr Index kLanes = 4;

  template <class Function>
  static void map(const FloatMapArguments& m) noexcept {
    const float_functions::Parameters<Lanes> parameters{Lanes::all(m.map.alpha), Lanes::all(m.map.beta)};
    Index i = 0;
    for (; i + kLanes <= m.count; i += kLanes) {
      const Lanes x{vld1q_f32(m.input + i)};
      vst1q_f32(m.output + i, Function::of(x, parameters).values);
    }
    if (i == m.count) return;
    float rest[kLanes] = {};
    std::copy(m.input + i, m.input + m.count, rest);
    vst1q_f32(rest, Function::of(Lanes{vld1q_f32(rest)}, parameters).values);
    std::copy_n(rest, m.count - i, m.output + i);
  }

  template <class Operation, bool kRepeatsA, bool kRepeatsB>
  static void row(const float* a, const float* b, Index columns, float* output) noexcept {
    const Lanes all_a = Lanes::all(kRepeatsA && columns > 0 ? *a : 0);
    const Lanes all_b = Lanes::all(kRepeatsB && columns > 0 ? *b : 0);
    Index i = 0;
    for (; i + kLanes <= columns; i += kLanes) {
      const Lanes left = kRepeatsA ? all_a : Lanes{vld1q_f32(a + i)};
      const Lanes right = kRepeatsB ? all_b : Lanes{vld1q_f32(b + i)};
      vst1q_f32(output + i, Operation::of(left, right).values);
    }
    if (i == columns) return;
    const Lanes left = kRepeatsA ? all_a : first(a + i, columns - i);
    const Lanes right = kRepeatsB ? all_b : first(b + i, columns - i);
    float results[kLanes];
    vst1q_f32(results, Operation::of(left, right).values);
    std::copy_n(results, columns - i, output + i);
  }

 private:
  /// The first `count` < 4 floats, zeros behind them.
  static Lanes first(const float* data, Index count) noexcept {
    float floats[kLanes] = {};
    std::copy_n(data, count, floats);
    return {vld1q_f32(floats)};
  }
};

}  // namespace detail::neon

/// Elementwise functions of floats, 4 at a time.
template <>
struct FloatElementwise<simd::Neon> {
  static void map(const FloatMapArguments& arguments) noexcept {
    detail::map_floats<detail::neon::FloatLoops>(arguments);
  }
  static void pair(const FloatPairArguments& arguments) noexcept {
    detail::pair_floats<detail::neon::FloatLoops>(arguments);
  }
};

}  // namespace condense::kernels

#endif
#endif
