#ifndef CONDENSE_KERNELS_DEPTHWISE_DEPTHWISE_HPP
#define CONDENSE_KERNELS_DEPTHWISE_DEPTHWISE_HPP

#include "condense/kernels/gemm/gemm.hpp"

namespace condense::kernels {

/// Depthwise convolution: output[r][c] from the exact sums s = sum_t input[piece t of row r][c] * weight[t][c]. The
/// pieces have `depth` = channels elements; the epilogue is that of `GemmArguments` without groups.
struct DepthwiseArguments {
  ActivationRows input{};
  ElementType input_type = ElementType::uint8;
  const std::byte* packed_weights = nullptr;
  GemmEpilogue epilogue{};
  void* output = nullptr;
  ElementType output_type = ElementType::uint8;
  Index output_stride = 0;
};

/// Depthwise convolution for the instruction set `Isa`; members as in `Gemm`, with
/// `pack(channels, taps, weights, packed)` where `weights` is (taps x channels), one code per byte.
template <class Isa>
struct Depthwise;

/// A backend's depthwise convolution, chosen at run time.
struct DepthwiseKernel {
  std::size_t (*packed_bytes)(Index channels, Index taps) noexcept;
  void (*pack)(Index channels, Index taps, const std::int8_t*, std::byte*) noexcept;
  void (*run)(const DepthwiseArguments&) noexcept;

  template <class Isa>
  static constexpr DepthwiseKernel of() noexcept {
    return {&Depthwise<Isa>::packed_bytes, &Depthwise<Isa>::pack, &Depthwise<Isa>::run};
  }
};

/// Float depthwise convolution: output[r][c] = clamp(sum_t input * weights[t][c] + bias[c], low, high).
struct FloatDepthwiseArguments {
  ActivationRows input{};
  const float* weights = nullptr;  ///< (taps x channels)
  const float* bias = nullptr;     ///< (channels)
  float low = 0;
  float high = 0;
  float* output = nullptr;
  Index output_stride = 0;
};

/// Float depthwise convolution for the instruction set `Isa`: `run(const FloatDepthwiseArguments&)`.
template <class Isa>
struct FloatDepthwise;

/// A backend's float depthwise convolution, chosen at run time.
struct FloatDepthwiseKernel {
  void (*run)(const FloatDepthwiseArguments&) noexcept;

  template <class Isa>
  static constexpr FloatDepthwiseKernel of() noexcept {
    return {&FloatDepthwise<Isa>::run};
  }
};

}  // namespace condense::kernels

#endif
