#ifndef CONDENSE_KERNELS_GEMM_AVX2_HPP
#define CONDENSE_KERNELS_GEMM_AVX2_HPP

#if defined(__x86_64__)

#include "condense/kernels/gemm/detail/avx2_narrow.hpp"
#include "condense/kernels/gemm/detail/avx2_planned.hpp"

namespace condense::kernels {

/// Exact with an instruction that saturates: weights of 4 and 2 bits cannot make it, and those of 8 take it where they
/// are found to be small enough when they are packed; elsewhere products of 16 bits.
template <>
struct Gemm<simd::Avx2> {
  static std::size_t packed_bytes(const WeightShape& shape) noexcept {
    return shape.bits == 8 ? Planned::packed_bytes(shape) : Narrow::packed_bytes(shape);
  }
  static void pack(const WeightShape& shape, const WeightValues& weights, std::byte* packed) noexcept {
    shape.bits == 8 ? Planned::pack(shape, weights, packed) : Narrow::pack(shape, weights, packed);
  }
  static bool is_packed(const WeightShape& shape, const std::byte* packed) noexcept {
    return shape.bits == 8 ? Planned::is_packed(shape, packed) : Narrow::is_packed(shape, packed);
  }
  static void run(const GemmArguments& arguments) noexcept {
    arguments.weights.bits == 8 ? Planned::run(arguments) : Narrow::run(arguments);
  }

 private:
  using Planned = detail::TiledGemm<detail::Avx2PlannedMicro>;
  using Narrow = detail::TiledGemm<detail::Avx2NarrowMicro>;
};

}  // namespace condense::kernels

#endif
#endif
