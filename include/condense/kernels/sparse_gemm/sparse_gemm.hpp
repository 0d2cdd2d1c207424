#ifndef CONDENSE_KERNELS_SPARSE_GEMM_SPARSE_GEMM_HPP
#define CONDENSE_KERNELS_SPARSE_GEMM_SPARSE_GEMM_HPP

#include "condense/kernels/gemm/gemm.hpp"

namespace condense::kernels {

/// Integer product with weights of which many are zero, for the instruction set `Isa`: the same sums as `Gemm`, and so
/// the same bytes, without the work of the zeros. A specialisation has
///
///   static std::size_t packed_bytes(const WeightShape&, const std::int8_t* codes) noexcept;
///   static void pack(const WeightShape&, const std::int8_t* codes, std::byte* packed) noexcept;
///   static bool is_packed(const WeightShape&, const std::byte* packed, std::size_t bytes) noexcept;
///   static void run(const GemmArguments&) noexcept;
///
/// `codes` are (columns x taps x depth), one weight a byte; the shape has no groups and no zero points, and its `bits`
/// do not matter. How many bytes packed weights have depends on which of them are zero; indices and counts are among
/// them. `is_packed` tells whether that many bytes, wherever they come from, may be run as the packed weights of a
/// shape without leaving memory. `run` takes the arguments of a dense product. `packed` is aligned to 64 bytes.
template <class Isa>
struct SparseGemm;

/// A backend's sparse integer product, chosen at run time.
struct SparseGemmKernel {
  std::size_t (*packed_bytes)(const WeightShape&, const std::int8_t*) noexcept;
  void (*pack)(const WeightShape&, const std::int8_t*, std::byte*) noexcept;
  bool (*is_packed)(const WeightShape&, const std::byte*, std::size_t) noexcept;
  void (*run)(const GemmArguments&) noexcept;

  template <class Isa>
  static constexpr SparseGemmKernel of() noexcept {
    return {&SparseGemm<Isa>::packed_bytes, &SparseGemm<Isa>::pack, &SparseGemm<Isa>::is_packed, &SparseGemm<Isa>::run};
  }
};

}  // namespace condense::kernels

#endif
