#ifndef CONDENSE_KERNELS_KERNEL_SET_IPP
#define CONDENSE_KERNELS_KERNEL_SET_IPP

#include <utility>

#include "condense/core/inline.hpp"
#include "condense/kernels/all_versions.hpp"
#include "condense/kernels/kernel_set.hpp"

namespace condense::kernels {

CONDENSE_INLINE KernelSet KernelSet::select(std::string_view backend) {
  std::string chosen(backend);
  if (chosen.empty()) simd::for_each_available<Gemm>([&](auto isa) { chosen = isa.name; });
  return {.name = std::move(chosen),
          .gemm = simd::select<Gemm, GemmKernel>(backend),
          .float_gemm = simd::select<FloatGemm, FloatGemmKernel>(backend),
          .sparse_gemm = simd::select<SparseGemm, SparseGemmKernel>(backend),
          .float_sparse_gemm = simd::select<FloatSparseGemm, FloatSparseGemmKernel>(backend),
          .depthwise = simd::select<Depthwise, DepthwiseKernel>(backend),
          .float_depthwise = simd::select<FloatDepthwise, FloatDepthwiseKernel>(backend),
          .pooling = simd::select<Pooling, PoolingKernel>(backend),
          .elementwise = simd::select<Elementwise, ElementwiseKernel>(backend),
          .float_elementwise = simd::select<FloatElementwise, FloatElementwiseKernel>(backend),
          .layout = simd::select<Layout, LayoutKernel>(backend),
          .reduction = simd::select<Reduction, ReductionKernel>(backend),
          .normalization = simd::select<Normalization, NormalizationKernel>(backend)};
}

}  // namespace condense::kernels

#endif
