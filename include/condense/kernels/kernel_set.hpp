#ifndef CONDENSE_KERNELS_KERNEL_SET_HPP
#define CONDENSE_KERNELS_KERNEL_SET_HPP

#include <string>
#include <string_view>

#include "condense/kernels/depthwise/depthwise.hpp"
#include "condense/kernels/elementwise/elementwise.hpp"
#include "condense/kernels/float_elementwise/float_elementwise.hpp"
#include "condense/kernels/float_gemm/float_gemm.hpp"
#include "condense/kernels/float_sparse_gemm/float_sparse_gemm.hpp"
#include "condense/kernels/gemm/gemm.hpp"
#include "condense/kernels/layout/layout.hpp"
#include "condense/kernels/normalization/normalization.hpp"
#include "condense/kernels/pooling/pooling.hpp"
#include "condense/kernels/reduction/reduction.hpp"
#include "condense/kernels/sparse_gemm/sparse_gemm.hpp"
#include "condense/simd/resolver.hpp"

namespace condense::kernels {

/// Every kernel that a program needs, each of one backend. A plain value: to add a backend of one's own for one kernel,
/// copy a set and put another kernel into it.
struct KernelSet {
  std::string name;
  GemmKernel gemm;
  FloatGemmKernel float_gemm;
  SparseGemmKernel sparse_gemm;
  FloatSparseGemmKernel float_sparse_gemm;
  DepthwiseKernel depthwise;
  FloatDepthwiseKernel float_depthwise;
  PoolingKernel pooling;
  ElementwiseKernel elementwise;
  FloatElementwiseKernel float_elementwise;
  LayoutKernel layout;
  ReductionKernel reduction;
  NormalizationKernel normalization;

  /// The best version of each kernel that this machine runs; the environment variable CONDENSE_BACKEND forces one.
  static KernelSet best() { return select(simd::backend_of_environment()); }

  /// The versions of one backend by name, such as "scalar"; where it lacks a kernel, of the next best below it. An
  /// empty name selects the best. Throws `InvalidArgument` unless this machine has it.
  static KernelSet select(std::string_view backend);
};

}  // namespace condense::kernels

#ifndef CONDENSE_COMPILED
#include "condense/kernels/kernel_set.ipp"
#endif

#endif
