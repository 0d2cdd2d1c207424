#ifndef CONDENSE_KERNELS_KERNEL_SET_HPP
#define CONDENSE_KERNELS_KERNEL_SET_HPP

#include <string>
#include <string_view>
#include <utility>

#include "condense/kernels/depthwise/scalar.hpp"
#include "condense/kernels/elementwise/scalar.hpp"
#include "condense/kernels/float_gemm/scalar.hpp"
#include "condense/kernels/gemm/avx512_vnni.hpp"
#include "condense/kernels/gemm/scalar.hpp"
#include "condense/kernels/layout/scalar.hpp"
#include "condense/kernels/pooling/scalar.hpp"
#include "condense/simd/resolver.hpp"

namespace condense::kernels {

/// Every kernel that a program needs, each of one backend. A plain value: to add a backend of one's own for one kernel,
/// copy a set and put another kernel into it.
struct KernelSet {
  std::string name;
  GemmKernel gemm;
  FloatGemmKernel float_gemm;
  DepthwiseKernel depthwise;
  FloatDepthwiseKernel float_depthwise;
  PoolingKernel pooling;
  ElementwiseKernel elementwise;
  LayoutKernel layout;

  /// The best version of each kernel that this machine runs; the environment variable CONDENSE_BACKEND forces one.
  static KernelSet best() { return select(simd::backend_of_environment()); }

  /// The versions of one backend by name, such as "scalar"; where it lacks a kernel, of the next best below it. An
  /// empty name selects the best. Throws `InvalidArgument` unless this machine has it.
  static KernelSet select(std::string_view backend) {
    std::string chosen(backend);
    if (chosen.empty()) simd::for_each_available<Gemm>([&](auto isa) { chosen = isa.name; });
    return {.name = std::move(chosen),
            .gemm = simd::select<Gemm, GemmKernel>(backend),
            .float_gemm = simd::select<FloatGemm, FloatGemmKernel>(backend),
            .depthwise = simd::select<Depthwise, DepthwiseKernel>(backend),
            .float_depthwise = simd::select<FloatDepthwise, FloatDepthwiseKernel>(backend),
            .pooling = simd::select<Pooling, PoolingKernel>(backend),
            .elementwise = simd::select<Elementwise, ElementwiseKernel>(backend),
            .layout = simd::select<Layout, LayoutKernel>(backend)};
  }
};

}  // namespace condense::kernels

#endif
