#ifndef CONDENSE_KERNELS_SPARSE_GEMM_SCALAR_HPP
#define CONDENSE_KERNELS_SPARSE_GEMM_SCALAR_HPP

#include <cmath>

#include "condense/core/rounding.hpp"
#include "condense/core/wrapping.hpp"
#include "condense/kernels/sparse_gemm/detail/sparse_tiles.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

namespace detail {

/// One column at a time: a panel of one column, a weight a step.
struct ScalarSparse {
  using Panels = SparsePanels<1, 1, 128, false, false>;
  static constexpr Index kRows = 8;
  static constexpr Index kLanes = 1;
  static constexpr bool kFlipsSigned = true;

  static void multiply(const SparseTile<Panels>& tile) noexcept {
    SparseBlocks<Panels, kRows> blocks(tile);
    std::int32_t sums[kRows];
    std::fill_n(sums, kRows, tile.start != nullptr ? *tile.start : 0);
    const std::uint8_t* index = tile.panel.indices;
    const std::int8_t* weight = tile.panel.weights;
    for (Index block = 0; block < blocks.count(); ++block) {
      const Index elements = blocks.next();
      for (Index step = 0; step < tile.panel.steps[block]; ++step, ++index, ++weight) {
        if (*index >= elements) continue;  // only in what is no packed weight
        for (Index r = 0; r < kRows; ++r) {
          const int activation = blocks.rows[r][blocks.first + *index] ^ tile.flip;
          sums[r] = wrapping_sum(sums[r], activation * *weight);
        }
      }
    }
    std::copy_n(sums, tile.rows, tile.sums);
  }

  static void finish(const GemmTile& tile) noexcept {
    const GemmArguments& g = *tile.product;
    const GemmEpilogue& e = g.epilogue;
    for (Index r = 0; r < tile.rows; ++r) {
      const Index row = tile.row + r;
      const Index at = row * g.output_stride + tile.column;
      const std::int32_t sum = tile.sums[r];
      if (g.output_type == ElementType::int32) {
        static_cast<std::int32_t*>(g.output)[at] = wrapping_sum(sum, e.bias[tile.column]);
        continue;
      }
      float value;
      if (e.row_scales == nullptr) {
        value = static_cast<float>(wrapping_sum(sum, e.bias[tile.column])) * e.multipliers[tile.column];
      } else {
        const std::int32_t shift =
            e.row_zero_points != nullptr ? wrapping_product(e.row_zero_points[row], e.column_sums[tile.column]) : 0;
        value = std::fma(static_cast<float>(wrapping_difference(sum, shift)),
                         e.row_scales[row] * e.multipliers[tile.column], e.float_bias[tile.column]);
      }
      if (g.output_type == ElementType::float32) {
        static_cast<float*>(g.output)[at] = std::min(std::max(value, e.low), e.high);
      } else {
        static_cast<std::uint8_t*>(g.output)[at] =
            static_cast<std::uint8_t>(round_to_code(value, e.zero_point, e.lowest, e.highest));
      }
    }
  }
};

}  // namespace detail

/// Plain loops over the weights that are not zero.
template <>
struct SparseGemm<simd::Scalar> : detail::TiledSparseGemm<detail::ScalarSparse> {};

}  // namespace condense::kernels

#endif
