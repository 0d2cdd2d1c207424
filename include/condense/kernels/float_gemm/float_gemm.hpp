#ifndef CONDENSE_KERNELS_FLOAT_GEMM_FLOAT_GEMM_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_FLOAT_GEMM_HPP

#include <string_view>

#include "condense/kernels/operands.hpp"

namespace condense::kernels {

/// What the weights of a float product are kept as: floats, or integers that stand for floats.
enum class WeightType : std::uint8_t { float32, float16, bfloat16, int8, int4, int2 };

constexpr int bits(WeightType type) noexcept {
  switch (type) {
    case WeightType::float32: return 32;
    case WeightType::float16:
    case WeightType::bfloat16: return 16;
    case WeightType::int8: return 8;
    case WeightType::int4: return 4;
    default: return 2;
  }
}

constexpr std::string_view name(WeightType type) noexcept {
  constexpr std::string_view kNames[] = {"float32", "float16", "bfloat16", "int8", "int4", "int2"};
  return kNames[static_cast<std::size_t>(type)];
}

/// True for integers, which have scales. They are signed.
constexpr bool is_integer(WeightType type) noexcept { return bits(type) <= 8; }

/// Weights of a float product: `columns` rows of taps * depth values.
///
/// One of integers is (code - zero_point) * scale. A scale and a zero point are a column's, or with `group_size` those
/// of that many elements of one piece; the last group of a piece may be shorter.
struct FloatWeightShape {
  Index columns = 0;
  Index taps = 1;
  Index depth = 0;
  WeightType type = WeightType::float32;
  Index group_size = 0;  ///< 0: one scale per column.
  bool has_zero_points = false;

  constexpr Index groups_per_tap() const noexcept {
    return group_size == 0 ? 1 : (depth + group_size - 1) / group_size;
  }
  constexpr Index groups() const noexcept { return group_size == 0 ? 1 : taps * groups_per_tap(); }
};

/// What `pack` takes, (columns x taps x depth): floats, or codes with their scales.
///
/// Floats are rounded to the nearest of their type, half to even; to float16 from 65520 on to infinity, to bfloat16
/// from (2 - 2^-8) * 2^127 on. Subnormals, infinities and NaNs stay what they are.
struct FloatWeightValues {
  const float* floats = nullptr;
  const std::int8_t* codes = nullptr;        ///< One per byte.
  const float* scales = nullptr;             ///< (columns x groups); no value may overflow.
  const std::int8_t* zero_points = nullptr;  ///< (columns x groups), if the shape has them.
};

/// A matrix (depth x columns) of floats as it lies: element (k, n) is values[k * depth_stride + n * column_stride].
struct FloatMatrix {
  const float* values = nullptr;
  Index depth_stride = 0;
  Index column_stride = 1;
};

/// One float product: output[r][n] = clamp(sum_k input * weight + bias[n], low, high).
struct FloatGemmArguments {
  ActivationRows input{};
  FloatWeightShape weights{};
  const std::byte* packed_weights = nullptr;  ///< Made by `pack` of the same backend.
  const float* bias = nullptr;                ///< (columns)
  float low = 0;
  float high = 0;
  float* output = nullptr;
  Index output_stride = 0;
};

/// Float matrix product over packed weights, for the instruction set `Isa`. A specialisation has
///
///   static std::size_t packed_bytes(const FloatWeightShape&) noexcept;
///   static void pack(const FloatWeightShape&, const FloatWeightValues&, std::byte* packed) noexcept;
///   static void pack_matrix(const FloatWeightShape&, const FloatMatrix&, std::byte* packed) noexcept;
///   static void run(const FloatGemmArguments&) noexcept;
///
/// `pack_matrix` does the same for floats of one tap in any order, quickly enough to pack one factor of a product of
/// two activations whenever it is computed.
///
/// Packed weights have the bits of their type: few rows are bound by reading them. Sums are taken in any order, and a
/// scale may be applied to a weight or to a sum of products that share it: of K products, each passes at most K + 3
/// roundings, so that a result is off by at most about (K + 3) * 2^-24 * sum |input * weight|. `packed` is aligned to
/// 64 bytes; nothing else needs to be.
template <class Isa>
struct FloatGemm;

/// A backend's float product, chosen at run time.
struct FloatGemmKernel {
  std::size_t (*packed_bytes)(const FloatWeightShape&) noexcept;
  void (*pack)(const FloatWeightShape&, const FloatWeightValues&, std::byte*) noexcept;
  void (*pack_matrix)(const FloatWeightShape&, const FloatMatrix&, std::byte*) noexcept;
  void (*run)(const FloatGemmArguments&) noexcept;

  template <class Isa>
  static constexpr FloatGemmKernel of() noexcept {
    return {&FloatGemm<Isa>::packed_bytes, &FloatGemm<Isa>::pack, &FloatGemm<Isa>::pack_matrix, &FloatGemm<Isa>::run};
  }
};

}  // namespace condense::kernels

#endif
