#ifndef CONDENSE_KERNELS_FLOAT_GEMM_SCALAR_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_SCALAR_HPP

#include <algorithm>

#include "condense/kernels/float_gemm/float_gemm.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// Panels of 16 columns, so that the inner loop runs over neighbouring weights and a compiler can vectorise it.
template <>
struct FloatGemm<simd::Scalar> {
  static std::size_t packed_bytes(Index columns, Index k) noexcept {
    return static_cast<std::size_t>((columns + kPanel - 1) / kPanel * kPanel * k) * sizeof(float);
  }

  static void pack(Index columns, Index k, const float* weights, std::byte* packed) noexcept {
    auto* out = reinterpret_cast<float*>(packed);
    for (Index panel = 0; panel < columns; panel += kPanel) {
      for (Index i = 0; i < k; ++i) {
        for (Index c = panel; c < panel + kPanel; ++c) *out++ = c < columns ? weights[c * k + i] : 0.0F;
      }
    }
  }

  static void run(const FloatGemmArguments& g) noexcept {
    const ActivationRows& input = g.input;
    const Index k = input.taps * input.depth;
    for (Index row = 0; row < input.rows; row += kTileRows) {
      const Index rows = std::min(kTileRows, input.rows - row);
      for (Index panel = 0; panel < g.columns; panel += kPanel) {
        const float* w = reinterpret_cast<const float*>(g.packed_weights) + panel * k;
        float sums[kTileRows][kPanel] = {};
        for (Index tap = 0; tap < input.taps; ++tap) {
          // A row beyond the last repeats the last one, so that the loop below has a fixed number of rows.
          const float* a[kTileRows];
          for (Index r = 0; r < kTileRows; ++r) a[r] = piece_of(input, row + std::min(r, rows - 1), tap);
          for (Index i = 0; i < input.depth; ++i, w += kPanel) {
            for (Index r = 0; r < kTileRows; ++r) {
              for (Index c = 0; c < kPanel; ++c) sums[r][c] += a[r][i] * w[c];
            }
          }
        }
        const Index columns = std::min(kPanel, g.columns - panel);
        for (Index r = 0; r < rows; ++r) {
          float* out = g.output + (row + r) * g.output_stride + panel;
          for (Index c = 0; c < columns; ++c) {
            out[c] = std::min(std::max(sums[r][c] + g.bias[panel + c], g.low), g.high);
          }
        }
      }
    }
  }

 private:
  static constexpr Index kTileRows = 2;
  static constexpr Index kPanel = 16;

  static const float* piece_of(const ActivationRows& input, Index row, Index tap) noexcept {
    const auto* data = static_cast<const float*>(input.data);
    if (input.offsets == nullptr) return data + row * input.row_stride;
    const std::int32_t offset = input.offsets[row * input.taps + tap];
    return offset < 0 ? static_cast<const float*>(input.padding) : data + offset;
  }
};

}  // namespace condense::kernels

#endif
