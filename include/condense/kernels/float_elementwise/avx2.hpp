#ifndef CONDENSE_KERNELS_FLOAT_ELEMENTWISE_AVX2_HPP
#define CONDENSE_KERNELS_FLOAT_ELEMENTWISE_AVX2_HPP

#if defined(__x86_64__)

#include "condense/kernels/detail/avx2.hpp"
#include "condense/kernels/float_elementwise/detail/dispatch.hpp"

namespace condense::kernels {

namespace detail::avx2 {

/// 8 floats as a vector of float_functions.
struct Lanes {
  __m256 values;

  struct Bits {
    __m256i values;

    CONDENSE_TARGET_AVX2 static Bits all(std::uint32_t pattern) noexcept {
      return {_mm256_set1_epi32(static_cast<int>(pattern))};
    }
    template <int kPlaces>
    CONDENSE_TARGET_AVX2 Bits shift_left() const noexcept {
      return {_mm256_slli_epi32(values, kPlaces)};
    }
    template <int kPlaces>
    CONDENSE_TARGET_AVX2 Bits shift_right() const noexcept {
      return {_mm256_srli_epi32(values, kPlaces)};
    }
    CONDENSE_TARGET_AVX2 friend Bits operator+(const Bits& a, const Bits& b) noexcept {
      return {_mm256_add_epi32(a.values, b.values)};
    }
    CONDENSE_TARGET_AVX2 friend Bits operator-(const Bits& a, const Bits& b) noexcept {
      return {_mm256_sub_epi32(a.values, b.values)};
    }
    CONDENSE_TARGET_AVX2 friend Bits operator&(const Bits& a, const Bits& b) noexcept {
      return {_mm256_and_si256(a.values, b.values)};
    }
    CONDENSE_TARGET_AVX2 friend Bits operator|(const Bits& a, const Bits& b) noexcept {
      return {_mm256_or_si256(a.values, b.values)};
    }
  };
  struct Mask {
    __m256 values;
  };

  CONDENSE_TARGET_AVX2 static Lanes all(float x) noexcept { return {_mm256_set1_ps(x)}; }
  CONDENSE_TARGET_AVX2 static Lanes of(const Bits& patterns) noexcept { return {_mm256_castsi256_ps(patterns.values)}; }
  CONDENSE_TARGET_AVX2 friend Bits bits(const Lanes& x) noexcept { return {_mm256_castps_si256(x.values)}; }

  CONDENSE_TARGET_AVX2 friend Lanes operator+(const Lanes& a, const Lanes& b) noexcept {
    return {_mm256_add_ps(a.values, b.values)};
  }
  CONDENSE_TARGET_AVX2 friend Lanes operator-(const Lanes& a, const Lanes& b) noexcept {
    return {_mm256_sub_ps(a.values, b.values)};
  }
  CONDENSE_TARGET_AVX2 friend Lanes operator*(const Lanes& a, const Lanes& b) noexcept {
    return {_mm256_mul_ps(a.values, b.values)};
  }
  CONDENSE_TARGET_AVX2 friend Lanes operator/(const Lanes& a, const Lanes& b) noexcept {
    return {_mm256_div_ps(a.values, b.values)};
  }
  CONDENSE_TARGET_AVX2 friend Lanes operator-(const Lanes& a) noexcept {
    return {_mm256_xor_ps(a.values, _mm256_set1_ps(-0.0F))};
  }
  CONDENSE_TARGET_AVX2 friend Lanes fma(const Lanes& a, const Lanes& b, const Lanes& c) noexcept {
    return {_mm256_fmadd_ps(a.values, b.values, c.values)};
  }
  CONDENSE_TARGET_AVX2 friend Lanes square_root(const Lanes& a) noexcept { return {_mm256_sqrt_ps(a.values)}; }
  CONDENSE_TARGET_AVX2 friend Lanes floor(const Lanes& a) noexcept { return {_mm256_floor_ps(a.values)}; }
  CONDENSE_TARGET_AVX2 friend Lanes ceil(const Lanes& a) noexcept { return {_mm256_ceil_ps(a.values)}; }
  CONDENSE_TARGET_AVX2 friend Lanes round(const Lanes& a) noexcept {
    return {_mm256_round_ps(a.values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
  }
  CONDENSE_TARGET_AVX2 friend Lanes lesser(const Lanes& a, const Lanes& b) noexcept {
    return {_mm256_min_ps(a.values, b.values)};
  }
  CONDENSE_TARGET_AVX2 friend Lanes greater(const Lanes& a, const Lanes& b) noexcept {
    return {_mm256_max_ps(a.values, b.values)};
  }
  CONDENSE_TARGET_AVX2 friend Mask less(const Lanes& a, const Lanes& b) noexcept {
    return {_mm256_cmp_ps(a.values, b.values, _CMP_LT_OQ)};
  }
  CONDENSE_TARGET_AVX2 friend Mask is_nan(const Lanes& a) noexcept {
    return {_mm256_cmp_ps(a.values, a.values, _CMP_UNORD_Q)};
  }
  CONDENSE_TARGET_AVX2 friend Lanes select(const Mask& mask, const Lanes& a, const Lanes& b) noexcept {
    return {_mm256_blendv_ps(b.values, a.values, mask.values)};
  }
};

struct FloatLoops {
  static constexpr Index kLanes = 8;

  template <class Function>
  CONDENSE_TARGET_AVX2 static void map(const FloatMapArguments& m) noexcept {
    const float_functions::Parameters<Lanes> parameters{Lanes::all(m.map.alpha), Lanes::all(m.map.beta)};
    Index i = 0;
    for (; i + kLanes <= m.count; i += kLanes) {
      const Lanes x{_mm256_loadu_ps(m.input + i)};
      _mm256_storeu_ps(m.output + i, Function::of(x, parameters).values);
    }
    if (i == m.count) return;
    const __m256i rest = first_lanes(m.count - i);
    const Lanes x{_mm256_maskload_ps(m.input + i, rest)};
    _mm256_maskstore_ps(m.output + i, rest, Function::of(x, parameters).values);
  }

  template <class Operation, bool kRepeatsA, bool kRepeatsB>
  CONDENSE_TARGET_AVX2 static void row(const float* a, const float* b, Index columns, float* output) noexcept {
    const Lanes all_a = Lanes::all(kRepeatsA && columns > 0 ? *a : 0);
    const Lanes all_b = Lanes::all(kRepeatsB && columns > 0 ? *b : 0);
    Index i = 0;
    for (; i + kLanes <= columns; i += kLanes) {
      const Lanes left = kRepeatsA ? all_a : Lanes{_mm256_loadu_ps(a + i)};
      const Lanes right = kRepeatsB ? all_b : Lanes{_mm256_loadu_ps(b + i)};
      _mm256_storeu_ps(output + i, Operation::of(left, right).values);
    }
    if (i == columns) return;
    const __m256i rest = first_lanes(columns - i);
    const Lanes left = kRepeatsA ? all_a : Lanes{_mm256_maskload_ps(a + i, rest)};
    const Lanes right = kRepeatsB ? all_b : Lanes{_mm256_maskload_ps(b + i, rest)};
    _mm256_maskstore_ps(output + i, rest, Operation::of(left, right).values);
  }
};

}  // namespace detail::avx2

/// Elementwise functions of floats, 8 at a time.
template <>
struct FloatElementwise<simd::Avx2> {
  static void map(const FloatMapArguments& arguments) noexcept {
    detail::map_floats<detail::avx2::FloatLoops>(arguments);
  }
  static void pair(const FloatPairArguments& arguments) noexcept {
    detail::pair_floats<detail::avx2::FloatLoops>(arguments);
  }
};

}  // namespace condense::kernels

#endif
#endif
