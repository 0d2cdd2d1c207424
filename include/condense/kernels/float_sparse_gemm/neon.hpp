#ifndef CONDENSE_KERNELS_FLOAT_SPARSE_GEMM_NEON_HPP
#define CONDENSE_KERNELS_FLOAT_SPARSE_GEMM_NEON_HPP

#if defined(__aarch64__)

#include <arm_neon.h>

#include "condense/kernels/float_sparse_gemm/detail/sparse_rows.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

namespace detail {

/// Tiles of 32 rows: 8 sums of a column, so that 8 FMAs are under way.
struct NeonSparseRows {
  static constexpr Index kLane = 4;
  static constexpr Index kVectors = 8;

  static void transpose(const float* const* rows, Index count, float* out, Index stride) noexcept {
    Index k = 0;
    for (; k + kLane <= count; k += kLane) {
      float32x4_t of[4];
#pragma GCC unroll 4
      for (unsigned r = 0; r < 4; ++r) of[r] = vld1q_f32(rows[r] + k);
      transpose_vectors(of);
#pragma GCC unroll 4
      for (unsigned i = 0; i < 4; ++i) vst1q_f32(out + (k + Index{i}) * stride, of[i]);
    }
    for (; k < count; ++k) {
      for (Index r = 0; r < kLane; ++r) out[k * stride + r] = rows[r][k];
    }
  }

  template <unsigned kCount>
  static void multiply(const float* activations, const SparseColumns::Block& block, Index columns,
                       float* sums) noexcept {
    constexpr Index kStride = Index{kCount} * kLane;
    const std::uint8_t* place = block.places;
    const float* weight = block.weights;
    for (Index column = 0; column < columns; ++column, sums += kStride) {
      const Index count = block.counts[column];
      if (count == 0) continue;
      float32x4_t of[kCount];
#pragma GCC unroll 8
      for (unsigned v = 0; v < kCount; ++v) of[v] = vld1q_f32(sums + v * kLane);
      for (Index i = 0; i < count; ++i, ++place, ++weight) {
        const float* rows = activations + *place * kStride;
#pragma GCC unroll 8
        for (unsigned v = 0; v < kCount; ++v) of[v] = vfmaq_n_f32(of[v], vld1q_f32(rows + v * kLane), *weight);
      }
#pragma GCC unroll 8
      for (unsigned v = 0; v < kCount; ++v) vst1q_f32(sums + v * kLane, of[v]);
    }
  }

  static void finish(const float* sums, Index stride, Index columns, Index rows, const FloatGemmArguments& g, Index row,
                     Index column) noexcept {
    const float32x4_t low = vdupq_n_f32(g.low);
    const float32x4_t high = vdupq_n_f32(g.high);
    for (Index c = 0; c < columns; c += kLane) {
      const Index count = std::min(kLane, columns - c);
      for (Index r = 0; r < rows; r += kLane) {
        float32x4_t of[4];
#pragma GCC unroll 4
        for (unsigned i = 0; i < 4; ++i) of[i] = vld1q_f32(sums + (c + std::min<Index>(i, count - 1)) * stride + r);
        transpose_vectors(of);
        float* out = g.output + (row + r) * g.output_stride + column + c;
        for (Index i = 0; i < std::min(kLane, rows - r); ++i, out += g.output_stride) {
          const float32x4_t values = vminq_f32(vmaxq_f32(of[i], low), high);
          if (count == kLane) {
            vst1q_f32(out, values);
          } else {
            float last[4];
            vst1q_f32(last, values);
            std::copy_n(last, count, out);
          }
        }
      }
    }
  }

 private:
  [[gnu::always_inline]] static inline void transpose_vectors(float32x4_t (&of)[4]) noexcept {
    const float32x4x2_t front = vtrnq_f32(of[0], of[1]);
    const float32x4x2_t back = vtrnq_f32(of[2], of[3]);
    of[0] = vcombine_f32(vget_low_f32(front.val[0]), vget_low_f32(back.val[0]));
    of[1] = vcombine_f32(vget_low_f32(front.val[1]), vget_low_f32(back.val[1]));
    of[2] = vcombine_f32(vget_high_f32(front.val[0]), vget_high_f32(back.val[0]));
    of[3] = vcombine_f32(vget_high_f32(front.val[1]), vget_high_f32(back.val[1]));
  }
};

}  // namespace detail

template <>
struct FloatSparseGemm<simd::Neon> : detail::SparseFloatRows<detail::NeonSparseRows> {};

}  // namespace condense::kernels

#endif
#endif
