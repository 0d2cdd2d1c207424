#ifndef CONDENSE_KERNELS_FLOAT_GEMM_FLOAT_GEMM_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_FLOAT_GEMM_HPP

#include "condense/kernels/operands.hpp"

namespace condense::kernels {

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
  std::size_t (*packed_bytes)(Index columns, Index k) noexcept;
  void (*pack)(Index columns, Index k, const float*, std::byte*) noexcept;
  void (*run)(const FloatGemmArguments&) noexcept;

  template <class Isa>
  static constexpr FloatGemmKernel of() noexcept {
    return {&FloatGemm<Isa>::packed_bytes, &FloatGemm<Isa>::pack, &FloatGemm<Isa>::run};
  }
};

}  // namespace condense::kernels

#endif
