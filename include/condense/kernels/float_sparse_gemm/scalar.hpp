#ifndef CONDENSE_KERNELS_FLOAT_SPARSE_GEMM_SCALAR_HPP
#define CONDENSE_KERNELS_FLOAT_SPARSE_GEMM_SCALAR_HPP

#include "condense/kernels/float_sparse_gemm/detail/sparse_rows.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

namespace detail {

/// Four rows at a time, as compilers make vectors of them.
struct ScalarSparseRows {
  static constexpr Index kLane = 4;
  static constexpr Index kVectors = 4;

  static void transpose(const float* const* rows, Index count, float* out, Index stride) noexcept {
    for (Index k = 0; k < count; ++k, out += stride) {
      for (Index r = 0; r < kLane; ++r) out[r] = rows[r][k];
    }
  }

  template <unsigned kCount>
  static void multiply(const float* activations, const SparseColumns::Block& block, Index columns,
                       float* sums) noexcept {
    constexpr Index kStride = Index{kCount} * kLane;
    const std::uint8_t* place = block.places;
    const float* weight = block.weights;
    for (Index column = 0; column < columns; ++column, sums += kStride) {
      for (Index i = 0; i < block.counts[column]; ++i, ++place, ++weight) {
        const float* rows = activations + *place * kStride;
        for (Index r = 0; r < kLane * Index{kCount}; ++r) sums[r] += rows[r] * *weight;
      }
    }
  }

  static void finish(const float* sums, Index stride, Index columns, Index rows, const FloatGemmArguments& g, Index row,
                     Index column) noexcept {
    for (Index r = 0; r < rows; ++r) {
      float* out = g.output + (row + r) * g.output_stride + column;
      for (Index c = 0; c < columns; ++c) out[c] = std::min(std::max(sums[c * stride + r], g.low), g.high);
    }
  }
};

}  // namespace detail

template <>
struct FloatSparseGemm<simd::Scalar> : detail::SparseFloatRows<detail::ScalarSparseRows> {};

}  // namespace condense::kernels

#endif
