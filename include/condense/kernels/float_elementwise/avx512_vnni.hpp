#ifndef CONDENSE_KERNELS_FLOAT_ELEMENTWISE_AVX512_VNNI_HPP
#define CONDENSE_KERNELS_FLOAT_ELEMENTWISE_AVX512_VNNI_HPP

#if defined(__x86_64__)

#include "condense/kernels/detail/avx512.hpp"
#include "condense/kernels/float_elementwise/detail/dispatch.hpp"

// GCC 12 takes the undefined upper halves in its own AVX-512 headers for uninitialised variables, and without
// optimisation has macros there that convert masks.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif

namespace condense::kernels {

namespace detail::avx512 {

/// 16 floats as a vector of float_functions.
struct Lanes {
  __m512 values;

  struct Bits {
    __m512i values;

    CONDENSE_TARGET_AVX512_VNNI static Bits all(std::uint32_t pattern) noexcept {
      return {_mm512_set1_epi32(static_cast<int>(pattern))};
    }
    template <int kPlaces>
    CONDENSE_TARGET_AVX512_VNNI Bits shift_left() const noexcept {
      return {_mm512_slli_epi32(values, kPlaces)};
    }
    template <int kPlaces>
    CONDENSE_TARGET_AVX512_VNNI Bits shift_right() const noexcept {
      return {_mm512_srli_epi32(values, kPlaces)};
    }
    CONDENSE_TARGET_AVX512_VNNI friend Bits operator+(const Bits& a, const Bits& b) noexcept {
      return {_mm512_add_epi32(a.values, b.values)};
    }
    CONDENSE_TARGET_AVX512_VNNI friend Bits operator-(const Bits& a, const Bits& b) noexcept {
      return {_mm512_sub_epi32(a.values, b.values)};
    }
    CONDENSE_TARGET_AVX512_VNNI friend Bits operator&(const Bits& a, const Bits& b) noexcept {
      return {_mm512_and_si512(a.values, b.values)};
    }
    CONDENSE_TARGET_AVX512_VNNI friend Bits operator|(const Bits& a, const Bits& b) noexcept {
      return {_mm512_or_si512(a.values, b.values)};
    }
  };
  struct Mask {
    __mmask16 values;
  };

  CONDENSE_TARGET_AVX512_VNNI static Lanes all(float x) noexcept { return {_mm512_set1_ps(x)}; }
  CONDENSE_TARGET_AVX512_VNNI static Lanes of(const Bits& patterns) noexcept {
    return {_mm512_castsi512_ps(patterns.values)};
  }
  CONDENSE_TARGET_AVX512_VNNI friend Bits bits(const Lanes& x) noexcept { return {_mm512_castps_si512(x.values)}; }

  CONDENSE_TARGET_AVX512_VNNI friend Lanes operator+(const Lanes& a, const Lanes& b) noexcept {
    return {_mm512_add_ps(a.values, b.values)};
  }
  CONDENSE_TARGET_AVX512_VNNI friend Lanes operator-(const Lanes& a, const Lanes& b) noexcept {
    return {_mm512_sub_ps(a.values, b.values)};
  }
  CONDENSE_TARGET_AVX512_VNNI friend Lanes operator*(const Lanes& a, const Lanes& b) noexcept {
    return {_mm512_mul_ps(a.values, b.values)};
  }
  CONDENSE_TARGET_AVX512_VNNI friend Lanes operator/(const Lanes& a, const Lanes& b) noexcept {
    return {_mm512_div_ps(a.values, b.values)};
  }
  CONDENSE_TARGET_AVX512_VNNI friend Lanes operator-(const Lanes& a) noexcept {
    return {_mm512_xor_ps(a.values, _mm512_set1_ps(-0.0F))};
  }
  CONDENSE_TARGET_AVX512_VNNI friend Lanes fma(const Lanes& a, const Lanes& b, const Lanes& c) noexcept {
    return {_mm512_fmadd_ps(a.values, b.values, c.values)};
  }
  CONDENSE_TARGET_AVX512_VNNI friend Lanes square_root(const Lanes& a) noexcept { return {_mm512_sqrt_ps(a.values)}; }
  CONDENSE_TARGET_AVX512_VNNI friend Lanes floor(const Lanes& a) noexcept { return {_mm512_floor_ps(a.values)}; }
  CONDENSE_TARGET_AVX512_VNNI friend Lanes ceil(const Lanes& a) noexcept { return {_mm512_ceil_ps(a.values)}; }
  CONDENSE_TARGET_AVX512_VNNI friend Lanes round(const Lanes& a) noexcept {
    return {_mm512_roundscale_ps(a.values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
  }
  CONDENSE_TARGET_AVX512_VNNI friend Lanes lesser(const Lanes& a, const Lanes& b) noexcept {
    return {_mm512_min_ps(a.values, b.values)};
  }
  CONDENSE_TARGET_AVX512_VNNI friend Lanes greater(const Lanes& a, const Lanes& b) noexcept {
    return {_mm512_max_ps(a.values, b.values)};
  }
  CONDENSE_TARGET_AVX512_VNNI friend Mask less(const Lanes& a, const Lanes& b) noexcept {
    return {_mm512_cmplt_ps_mask(a.values, b.values)};
  }
  CONDENSE_TARGET_AVX512_VNNI friend Mask is_nan(const Lanes& a) noexcept {
    return {_mm512_cmpunord_ps_mask(a.values, a.values)};
  }
  CONDENSE_TARGET_AVX512_VNNI friend Lanes select(const Mask& mask, const Lanes& a, const Lanes& b) noexcept {
    return {_mm512_mask_blend_ps(mask.values, b.values, a.values)};
  }
};

struct FloatLoops {
  static constexpr Index kLanes = 16;

  template <class Function>
  CONDENSE_TARGET_AVX512_VNNI static void map(const FloatMapArguments& m) noexcept {
    const float_functions::Parameters<Lanes> parameters{Lanes::all(m.map.alpha), Lanes::all(m.map.beta)};
    Index i = 0;
    for (; i + kLanes <= m.count; i += kLanes) {
      const Lanes x{_mm512_loadu_ps(m.input + i)};
      _mm512_storeu_ps(m.output + i, Function::of(x, parameters).values);
    }
    if (i == m.count) return;
    const __mmask16 rest = first_lanes(m.count - i);
    const Lanes x{_mm512_maskz_loadu_ps(rest, m.input + i)};
    _mm512_mask_storeu_ps(m.output + i, rest, Function::of(x, parameters).values);
  }

  template <class Operation, bool kRepeatsA, bool kRepeatsB>
  CONDENSE_TARGET_AVX512_VNNI static void row(const float* a, const float* b, Index columns, float* output) noexcept {
    const Lanes all_a = Lanes::all(kRepeatsA && columns > 0 ? *a : 0);
    const Lanes all_b = Lanes::all(kRepeatsB && columns > 0 ? *b : 0);
    Index i = 0;
    for (; i + kLanes <= columns; i += kLanes) {
      const Lanes left = kRepeatsA ? all_a : Lanes{_mm512_loadu_ps(a + i)};
      const Lanes right = kRepeatsB ? all_b : Lanes{_mm512_loadu_ps(b + i)};
      _mm512_storeu_ps(output + i, Operation::of(left, right).values);
    }
    if (i == columns) return;
    const __mmask16 rest = first_lanes(columns - i);
    const Lanes left = kRepeatsA ? all_a : Lanes{_mm512_maskz_loadu_ps(rest, a + i)};
    const Lanes right = kRepeatsB ? all_b : Lanes{_mm512_maskz_loadu_ps(rest, b + i)};
    _mm512_mask_storeu_ps(output + i, rest, Operation::of(left, right).values);
  }
};

}  // namespace detail::avx512

/// Elementwise functions of floats, 16 at a time.
template <>
struct FloatElementwise<simd::Avx512Vnni> {
  static void map(const FloatMapArguments& arguments) noexcept {
    detail::map_floats<detail::avx512::FloatLoops>(arguments);
  }
  static void pair(const FloatPairArguments& arguments) noexcept {
    detail::pair_floats<detail::avx512::FloatLoops>(arguments);
  }
};

}  // namespace condense::kernels

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
#endif
