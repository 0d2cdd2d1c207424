#ifndef CONDENSE_KERNELS_GEMM_GEMM_HPP
#define CONDENSE_KERNELS_GEMM_GEMM_HPP

#include "condense/kernels/operands.hpp"

namespace condense::kernels {

/// Weights as the product wants them: `columns` rows of taps * depth integers. `bits` is 8, 4 or 2, signed.
///
/// A weight is its code, or with zero points code - zero point: unsigned codes of a model become signed ones by taking
/// half of their range from them and from their zero points.
struct WeightShape {
  Index columns = 0;
  Index taps = 1;
  Index depth = 0;
  int bits = 8;
  Index group_size = 0;  ///< 0: one scale per column; otherwise one for each `group_size` elements of each piece.
  bool has_zero_points = false;  ///< One for each scale; of 4 and 2 bits.

  constexpr Index groups_per_tap() const noexcept {
    return group_size == 0 ? 1 : (depth + group_size - 1) / group_size;
  }
  constexpr Index groups() const noexcept { return group_size == 0 ? 1 : taps * groups_per_tap(); }
};

/// What `pack` takes: one code per byte, (columns x taps x depth), and what there is one of for each scale.
struct WeightValues {
  const std::int8_t* codes = nullptr;
  const float* multipliers = nullptr;        ///< (columns x groups), with groups.
  const std::int8_t* zero_points = nullptr;  ///< (columns x groups), in the range of the codes; if the shape has them.
};

/// output[r][n] from the exact sums s = sum_k activation * weight and, with groups, the sums t_g of the weights.
///
/// Without groups:    v = float(s + bias[n]) * multipliers[n]; the bias has the input's zero point in it.
/// With groups:       v = float_bias[n], then for g = 0, 1, ...: v = fma(float(s_g - input_zero_point * t_g),
///                    multiplier[n][g], v).
/// With row scales:   v = fma(float(s - row_zero_points[r] * column_sums[n]), row_scales[r] * multipliers[n],
///                    float_bias[n]); with groups the sum above from 0, then v = fma(v, row_scales[r], float_bias[n]).
/// An int32 output is s + bias[n], without groups or row scales; one of codes is clamp(round_half_even(v) + zero_point,
/// lowest, highest); a float one is clamp(v, low, high).
struct GemmEpilogue {
  const std::int32_t* bias = nullptr;             ///< (columns)
  const float* multipliers = nullptr;             ///< (columns)
  const float* float_bias = nullptr;              ///< (columns), with groups or row scales
  std::int32_t input_zero_point = 0;              ///< With groups.
  const float* row_scales = nullptr;              ///< (rows): activations quantised row by row
  const std::int32_t* row_zero_points = nullptr;  ///< (rows), with row scales and without groups; null for zeros
  const std::int32_t* column_sums = nullptr;      ///< (columns) of the weights, with row zero points
  std::int32_t zero_point = 0;
  std::int32_t lowest = 0;
  std::int32_t highest = 0;
  float low = 0;
  float high = 0;
};

/// One integer product with its epilogue.
struct GemmArguments {
  ActivationRows input{};
  ElementType input_type = ElementType::uint8;  ///< uint8 or int8.
  WeightShape weights{};
  const std::byte* packed_weights = nullptr;  ///< Made by `pack` of the same backend.
  GemmEpilogue epilogue{};
  void* output = nullptr;
  ElementType output_type = ElementType::uint8;
  Index output_stride = 0;  ///< Elements from one row of the output to the next, >= columns.
};

/// Integer matrix product over packed weights, for the instruction set `Isa`. A specialisation has
///
///   static std::size_t packed_bytes(const WeightShape&) noexcept;
///   static void pack(const WeightShape&, const WeightValues&, std::byte* packed) noexcept;
///   static void run(const GemmArguments&) noexcept;
///
/// and may have
///
///   static Index filled_depth(const WeightShape&) noexcept;
///
/// the depth up to which it pays to fill pieces with weights of zero, where whatever follows a piece may be read; by
/// default the depth that they have, and
///
///   static bool is_packed(const WeightShape&, const std::byte* packed) noexcept;
///
/// whether bytes, as many as `packed_bytes` says, may be run as packed weights without leaving memory, as where they
/// come from a file; by default any may.
///
/// Sums are exact: the caller guarantees that sum |weight| * 255 + |bias| fits int32. Results equal those of `Scalar`
/// bit for bit. `packed` is aligned to 64 bytes; nothing else needs to be.
template <class Isa>
struct Gemm;

/// A backend's integer product, chosen at run time.
struct GemmKernel {
  std::size_t (*packed_bytes)(const WeightShape&) noexcept;
  void (*pack)(const WeightShape&, const WeightValues&, std::byte*) noexcept;
  void (*run)(const GemmArguments&) noexcept;
  Index (*filled_depth)(const WeightShape&) noexcept = [](const WeightShape& shape) noexcept { return shape.depth; };
  bool (*is_packed)(const WeightShape&, const std::byte*) noexcept = [](const WeightShape&, const std::byte*) noexcept {
    return true;
  };

  template <class Isa>
  static constexpr GemmKernel of() noexcept {
    GemmKernel kernel{&Gemm<Isa>::packed_bytes, &Gemm<Isa>::pack, &Gemm<Isa>::run};
    if constexpr (requires { &Gemm<Isa>::filled_depth; }) kernel.filled_depth = &Gemm<Isa>::filled_depth;
    if constexpr (requires { &Gemm<Isa>::is_packed; }) kernel.is_packed = &Gemm<Isa>::is_packed;
    return kernel;
  }
};

}  // namespace condense::kernels

#endif
