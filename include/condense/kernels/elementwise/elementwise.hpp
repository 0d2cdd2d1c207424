#ifndef CONDENSE_KERNELS_ELEMENTWISE_ELEMENTWISE_HPP
#define CONDENSE_KERNELS_ELEMENTWISE_ELEMENTWISE_HPP

#include <bit>

#include "condense/kernels/operands.hpp"

namespace condense::kernels {

/// One quantised tensor as an operand: codes of 8 bits.
struct Codes {
  const void* data = nullptr;
  ElementType type = ElementType::uint8;
  std::int32_t zero_point = 0;
};

/// How an integer result is stored.
struct CodeOutput {
  void* data = nullptr;
  ElementType type = ElementType::uint8;
  std::int32_t zero_point = 0;
  std::int32_t lowest = 0;
  std::int32_t highest = 255;
};

/// Sum of two quantised tensors: clamp(round_half_even(a_multiplier * (a - a_zero) + b_multiplier * (b - b_zero)) +
/// zero_point, lowest, highest).
///
/// The multipliers come from `short_multiplier`, so that both products are exact in float32: the sum is then rounded
/// once, whether or not a compiler contracts it into a fused multiply-add, and every backend gives the same bytes.
struct AddArguments {
  Codes a{};
  Codes b{};
  float a_multiplier = 1;
  float b_multiplier = 1;
  CodeOutput output{};
  Index count = 0;
};

/// Product of two quantised tensors: clamp(round_half_even(float((a - a_zero) * (b - b_zero)) * multiplier) +
/// zero_point, lowest, highest).
struct MultiplyArguments {
  Codes a{};
  Codes b{};
  float multiplier = 1;
  CodeOutput output{};
  Index count = 0;
};

/// `value` rounded to 16 significant bits, ties to even: its product with an integer of 8 bits and a sign is exact in
/// float32. The relative error is at most 2^-16, under 0.004 of a step for codes of 8 bits.
inline float short_multiplier(float value) noexcept {
  const auto pattern = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t half = 0x7FU + ((pattern >> 8) & 1U);
  return std::bit_cast<float>((pattern + half) & ~0xFFU);
}

/// Elementwise kernels for the instruction set `Isa`:
///
///   static void add(const AddArguments&) noexcept;
///   static void multiply(const MultiplyArguments&) noexcept;
///   static void lookup(const std::uint8_t* input, const std::uint8_t* table, Index count, std::uint8_t* output)
///   noexcept; static void quantize(const float* input, float scale, const CodeOutput&, Index count) noexcept; static
///   void dequantize(const Codes&, float scale, Index count, float* output) noexcept;
///
/// `lookup` maps each byte through a table of 256. `quantize` and `dequantize` are those of the numeric contract.
template <class Isa>
struct Elementwise;

/// A backend's elementwise kernels, chosen at run time.
struct ElementwiseKernel {
  void (*add)(const AddArguments&) noexcept;
  void (*multiply)(const MultiplyArguments&) noexcept;
  void (*lookup)(const std::uint8_t*, const std::uint8_t*, Index, std::uint8_t*) noexcept;
  void (*quantize)(const float*, float, const CodeOutput&, Index) noexcept;
  void (*dequantize)(const Codes&, float, Index, float*) noexcept;

  template <class Isa>
  static constexpr ElementwiseKernel of() noexcept {
    return {&Elementwise<Isa>::add, &Elementwise<Isa>::multiply, &Elementwise<Isa>::lookup, &Elementwise<Isa>::quantize,
            &Elementwise<Isa>::dequantize};
  }
};

}  // namespace condense::kernels

#endif
