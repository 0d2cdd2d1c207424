#ifndef CONDENSE_KERNELS_FLOAT_ELEMENTWISE_SCALAR_HPP
#define CONDENSE_KERNELS_FLOAT_ELEMENTWISE_SCALAR_HPP

#include <bit>
#include <cmath>

#include "condense/kernels/float_elementwise/detail/dispatch.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

namespace detail::scalar {

/// One float as a vector of float_functions.
struct Lane {
  float value;

  struct Bits {
    std::uint32_t value;

    static Bits all(std::uint32_t pattern) noexcept { return {pattern}; }
    template <int kPlaces>
    Bits shift_left() const noexcept {
      return {value << kPlaces};
    }
    template <int kPlaces>
    Bits shift_right() const noexcept {
      return {value >> kPlaces};
    }
    friend Bits operator+(const Bits& a, const Bits& b) noexcept { return {a.value + b.value}; }
    friend Bits operator-(const Bits& a, const Bits& b) noexcept { return {a.value - b.value}; }
    friend Bits operator&(const Bits& a, const Bits& b) noexcept { return {a.value & b.value}; }
    friend Bits operator|(const Bits& a, const Bits& b) noexcept { return {a.value | b.value}; }
  };

  static Lane all(float x) noexcept { return {x}; }
  static Lane of(const Bits& pattern) noexcept { return {std::bit_cast<float>(pattern.value)}; }
  friend Bits bits(const Lane& x) noexcept { return {std::bit_cast<std::uint32_t>(x.value)}; }

  friend Lane operator+(const Lane& a, const Lane& b) noexcept { return {a.value + b.value}; }
  friend Lane operator-(const Lane& a, const Lane& b) noexcept { return {a.value - b.value}; }
  friend Lane operator*(const Lane& a, const Lane& b) noexcept { return {a.value * b.value}; }
  friend Lane operator/(const Lane& a, const Lane& b) noexcept { return {a.value / b.value}; }
  friend Lane operator-(const Lane& a) noexcept { return {-a.value}; }
  friend Lane fma(const Lane& a, const Lane& b, const Lane& c) noexcept {
    return {std::fma(a.value, b.value, c.value)};
  }
  friend Lane square_root(const Lane& a) noexcept { return {std::sqrt(a.value)}; }
  friend Lane floor(const Lane& a) noexcept { return {std::floor(a.value)}; }
  friend Lane ceil(const Lane& a) noexcept { return {std::ceil(a.value)}; }
  friend Lane round(const Lane& a) noexcept { return {std::nearbyint(a.value)}; }
  friend Lane lesser(const Lane& a, const Lane& b) noexcept { return a.value < b.value ? a : b; }
  friend Lane greater(const Lane& a, const Lane& b) noexcept { return a.value > b.value ? a : b; }
  friend bool less(const Lane& a, const Lane& b) noexcept { return a.value < b.value; }
  friend bool is_nan(const Lane& a) noexcept { return std::isnan(a.value); }
  friend Lane select(bool mask, const Lane& a, const Lane& b) noexcept { return mask ? a : b; }
};

struct FloatLoops {
  template <class Function>
  static void map(const FloatMapArguments& m) noexcept {
    const float_functions::Parameters<Lane> parameters{{m.map.alpha}, {m.map.beta}};
    for (Index i = 0; i < m.count; ++i) m.output[i] = Function::of(Lane{m.input[i]}, parameters).value;
  }

  template <class Operation, bool kRepeatsA, bool kRepeatsB>
  static void row(const float* a, const float* b, Index columns, float* output) noexcept {
    for (Index i = 0; i < columns; ++i) {
      output[i] = Operation::of(Lane{a[kRepeatsA ? 0 : i]}, Lane{b[kRepeatsB ? 0 : i]}).value;
    }
  }
};

}  // namespace detail::scalar

/// The definition of the elementwise functions of floats.
template <>
struct FloatElementwise<simd::Scalar> {
  static void map(const FloatMapArguments& arguments) noexcept {
    detail::map_floats<detail::scalar::FloatLoops>(arguments);
  }
  static void pair(const FloatPairArguments& arguments) noexcept {
    detail::pair_floats<detail::scalar::FloatLoops>(arguments);
  }
};

}  // namespace condense::kernels

#endif
