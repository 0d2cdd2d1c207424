#ifndef CONDENSE_KERNELS_ELEMENTWISE_ELEMENTWISE_HPP
#define CONDENSE_KERNELS_ELEMENTWISE_ELEMENTWISE_HPP

#include <algorithm>
#include <bit>
#include <limits>

#include "condense/core/rounding.hpp"
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

/// Dynamic quantisation of rows of floats, each with a scale and a zero point of its own: what a product takes as
/// `GemmEpilogue::row_scales` and `row_zero_points`.
///
/// A row's range, widened to contain 0, gives its parameters by `row_parameters`; then its codes are
/// clamp(round_half_even(x / scale) + zero_point, lowest, highest). A NaN is left out of the range and becomes the
/// lowest code; next to an infinity the scale is the largest float.
struct QuantizeRowsArguments {
  const float* input = nullptr;
  Index input_stride = 0;
  Index rows = 0;
  Index columns = 0;
  ElementType type = ElementType::uint8;  ///< uint8 or int8.
  std::int32_t lowest = 0;
  std::int32_t highest = 255;  ///< > lowest
  void* output = nullptr;      ///< Codes.
  Index output_stride = 0;
  float* row_scales = nullptr;              ///< (rows)
  std::int32_t* row_zero_points = nullptr;  ///< (rows); null: symmetric, scale = max|x| / highest and no zero points.
};

/// The scale and the zero point of a row whose values lie in [min, max], min <= 0 <= max.
struct RowParameters {
  float scale = 1;
  std::int32_t zero_point = 0;
};

/// scale = (max - min) / (highest - lowest), at least the smallest normal float, so that no quotient by it overflows
/// for finite values of the range; zero_point = clamp(round_half_even(lowest - min / scale), lowest, highest). Both are
/// computed in double and rounded to float. A range of zero width gives scale 1, zero point 0.
inline RowParameters row_parameters(float min, float max, std::int32_t lowest, std::int32_t highest) noexcept {
  if (min == max) return {};
  using Limits = std::numeric_limits<float>;
  const double width = static_cast<double>(max) - static_cast<double>(min);
  const auto scale = static_cast<float>(
      std::clamp(width / (highest - lowest), static_cast<double>(Limits::min()), static_cast<double>(Limits::max())));
  const auto offset = static_cast<float>(lowest - static_cast<double>(min) / static_cast<double>(scale));
  return {scale, round_to_code(offset, 0, lowest, highest)};
}

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
///   static void lookup(const std::uint8_t* input, const std::uint8_t* table, Index count,
///                      std::uint8_t* output) noexcept;
///   static void quantize(const float* input, float scale, const CodeOutput&, Index count) noexcept;
///   static void dequantize(const Codes&, float scale, Index count, float* output) noexcept;
///   static void requantize(const Codes&, float multiplier, const CodeOutput&, Index count) noexcept;
///   static void quantize_rows(const QuantizeRowsArguments&) noexcept;
///
/// `lookup` maps each byte through a table of 256. `quantize` and `dequantize` are those of the numeric contract.
/// `requantize` gives codes another scale and zero point: clamp(round_half_even(float(q - q_zero) * multiplier) +
/// zero_point, lowest, highest). All give the same bytes on every backend.
template <class Isa>
struct Elementwise;

namespace detail {

/// `quantize_rows` of a backend: `with_zero(values, count, min, max)` finds the numbers between which they and 0 lie.
template <class WithZero, class Quantize>
inline void quantize_rows(const QuantizeRowsArguments& q, const WithZero& with_zero,
                          const Quantize& quantize) noexcept {
  for (Index row = 0; row < q.rows; ++row) {
    const float* values = q.input + row * q.input_stride;
    float min = 0;
    float max = 0;
    with_zero(values, q.columns, min, max);
    const bool symmetric = q.row_zero_points == nullptr;
    const float largest = max > -min ? max : -min;
    const RowParameters parameters =
        symmetric ? row_parameters(0, largest, 0, q.highest) : row_parameters(min, max, q.lowest, q.highest);
    q.row_scales[row] = parameters.scale;
    if (!symmetric) q.row_zero_points[row] = parameters.zero_point;
    auto* codes = static_cast<std::uint8_t*>(q.output) + row * q.output_stride;
    quantize(values, parameters.scale, {codes, q.type, parameters.zero_point, q.lowest, q.highest}, q.columns);
  }
}

}  // namespace detail

/// A backend's elementwise kernels, chosen at run time.
struct ElementwiseKernel {
  void (*add)(const AddArguments&) noexcept;
  void (*multiply)(const MultiplyArguments&) noexcept;
  void (*lookup)(const std::uint8_t*, const std::uint8_t*, Index, std::uint8_t*) noexcept;
  void (*quantize)(const float*, float, const CodeOutput&, Index) noexcept;
  void (*dequantize)(const Codes&, float, Index, float*) noexcept;
  void (*requantize)(const Codes&, float, const CodeOutput&, Index) noexcept;
  void (*quantize_rows)(const QuantizeRowsArguments&) noexcept;

  template <class Isa>
  static constexpr ElementwiseKernel of() noexcept {
    return {&Elementwise<Isa>::add,          &Elementwise<Isa>::multiply,   &Elementwise<Isa>::lookup,
            &Elementwise<Isa>::quantize,     &Elementwise<Isa>::dequantize, &Elementwise<Isa>::requantize,
            &Elementwise<Isa>::quantize_rows};
  }
};

}  // namespace condense::kernels

#endif
