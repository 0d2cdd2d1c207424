#ifndef CONDENSE_KERNELS_FLOAT_SPARSE_GEMM_FLOAT_SPARSE_GEMM_HPP
#define CONDENSE_KERNELS_FLOAT_SPARSE_GEMM_FLOAT_SPARSE_GEMM_HPP

#include "condense/kernels/float_gemm/float_gemm.hpp"

namespace condense::kernels {

/// Float product with weights of which many are zero, for the instruction set `Isa`: what `FloatGemm` computes, without
/// the products of the zeros, in another order of sums and with the same bound on its error. A specialisation has
///
///   static std::size_t packed_bytes(const FloatWeightShape&, const float* weights) noexcept;
///   static void pack(const FloatWeightShape&, const float* weights, std::byte* packed) noexcept;
///   static bool is_packed(const FloatWeightShape&, const std::byte* packed, std::size_t bytes) noexcept;
///   static void run(const FloatGemmArguments&) noexcept;
///
/// `weights` are (columns x taps x depth), and float32. How many bytes packed weights have depends on which of them are
/// zero; indices and counts are among them. `is_packed` tells whether that many bytes, wherever they come from, may be
/// run as the packed weights of a shape without leaving memory. An activation that meets only weights of zero is not
/// looked at, and an infinite one does not make a NaN of them. `packed` is aligned to 64 bytes.
template <class Isa>
struct FloatSparseGemm;

/// A backend's sparse float product, chosen at run time.
struct FloatSparseGemmKernel {
  std::size_t (*packed_bytes)(const FloatWeightShape&, const float*) noexcept;
  void (*pack)(const FloatWeightShape&, const float*, std::byte*) noexcept;
  bool (*is_packed)(const FloatWeightShape&, const std::byte*, std::size_t) noexcept;
  void (*run)(const FloatGemmArguments&) noexcept;

  template <class Isa>
  static constexpr FloatSparseGemmKernel of() noexcept {
    return {&FloatSparseGemm<Isa>::packed_bytes, &FloatSparseGemm<Isa>::pack, &FloatSparseGemm<Isa>::is_packed,
            &FloatSparseGemm<Isa>::run};
  }
};

}  // namespace condense::kernels

#endif
