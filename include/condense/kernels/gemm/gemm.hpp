#ifndef CONDENSE_KERNELS_GEMM_GEMM_HPP
#define CONDENSE_KERNELS_GEMM_GEMM_HPP

#include <cstddef>
#include <cstdint>

namespace condense::kernels {

using Index = std::ptrdiff_t;

/// Type of the elements that a kernel reads or writes.
enum class ElementType : std::uint8_t { uint8, int8, float32 };

/// Rows of activations, read in place. Row r is the concatenation of `taps` pieces of `depth` elements.
///
/// With `offsets`, piece t of row r starts at data[offsets[r * taps + t]]; a negative offset stands for `padding`, a
/// piece that holds the zero point. So a convolution is a matrix product whose rows are windows, and no window is ever
/// copied. Without `offsets`, `taps` is 1 and row r starts at data[r * row_stride].
struct ActivationRows {
  const void* data = nullptr;
  const std::int32_t* offsets = nullptr;
  const void* padding = nullptr;
  Index rows = 0;
  Index taps = 1;
  Index depth = 0;
  Index row_stride = 0;
};

/// Weights as the product wants them: `columns` rows of taps * depth integers. `bits` is 8, 4 or 2, signed.
struct WeightShape {
  Index columns = 0;
  Index taps = 1;
  Index depth = 0;
  int bits = 8;
  Index group_size = 0;  ///< 0: one scale per column; otherwise one for each `group_size` elements of each piece.

  constexpr Index groups_per_tap() const noexcept {
    return group_size == 0 ? 1 : (depth + group_size - 1) / group_size;
  }
  constexpr Index groups() const noexcept { return group_size == 0 ? 1 : taps * groups_per_tap(); }
};

/// output[r][n] from the exact sums s = sum_k activation * weight, with the input's zero point folded into the biases.
///
/// Without groups:  v = float(s + bias[n]) * multipliers[n].
/// With groups:     v = float_bias[n], then for g = 0, 1, ...: v = fma(float(s_g + corrections[n * groups + g]),
///                  multipliers[n * groups + g], v).
/// An integer output is clamp(round_half_even(v) + zero_point, lowest, highest), a float one clamp(v, low, high).
struct GemmEpilogue {
  const std::int32_t* bias = nullptr;         ///< (columns)
  const float* multipliers = nullptr;         ///< (columns x groups)
  const float* float_bias = nullptr;          ///< (columns), with groups
  const std::int32_t* corrections = nullptr;  ///< (columns x groups), with groups
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
///   static constexpr Index kTileRows;                          rows that one call handles best
///   static std::size_t packed_bytes(const WeightShape&) noexcept;
///   static void pack(const WeightShape&, const std::int8_t* weights, std::byte* packed) noexcept;
///   static void run(const GemmArguments&) noexcept;
///
/// where `weights` is (columns x taps x depth) with one code per byte. Sums are exact: the caller guarantees that
/// sum |weight| * 255 + |bias| fits int32. Results equal those of `Scalar` bit for bit.
template <class Isa>
struct Gemm;

/// A backend's integer product, chosen at run time.
struct GemmKernel {
  Index tile_rows;
  std::size_t (*packed_bytes)(const WeightShape&) noexcept;
  void (*pack)(const WeightShape&, const std::int8_t*, std::byte*) noexcept;
  void (*run)(const GemmArguments&) noexcept;

  template <class Isa>
  static constexpr GemmKernel of() noexcept {
    return {Gemm<Isa>::kTileRows, &Gemm<Isa>::packed_bytes, &Gemm<Isa>::pack, &Gemm<Isa>::run};
  }
};

/// One float product: output[r][n] = clamp(sum_k input * weight + bias[n], low, high).
struct FloatGemmArguments {
  ActivationRows input{};
  Index columns = 0;
  const std::byte* packed_weights = nullptr;
  const float* bias = nullptr;  ///< (columns)
  float low = 0;
  float high = 0;
  float* output = nullptr;
  Index output_stride = 0;
};

/// Float matrix product over packed weights; members as in `Gemm`, with `pack(columns, k, weights, packed)`. Sums may
/// be taken in any order.
template <class Isa>
struct FloatGemm;

/// A backend's float product, chosen at run time.
struct FloatGemmKernel {
  Index tile_rows;
  std::size_t (*packed_bytes)(Index columns, Index k) noexcept;
  void (*pack)(Index columns, Index k, const float*, std::byte*) noexcept;
  void (*run)(const FloatGemmArguments&) noexcept;

  template <class Isa>
  static constexpr FloatGemmKernel of() noexcept {
    return {FloatGemm<Isa>::kTileRows, &FloatGemm<Isa>::packed_bytes, &FloatGemm<Isa>::pack, &FloatGemm<Isa>::run};
  }
};

}  // namespace condense::kernels

#endif
