#ifndef CONDENSE_KERNELS_DYNAMIC_PRODUCT_HPP
#define CONDENSE_KERNELS_DYNAMIC_PRODUCT_HPP

#include <algorithm>

#include "condense/kernels/elementwise/elementwise.hpp"
#include "condense/kernels/gemm/gemm.hpp"

namespace condense::kernels {

/// Float rows times quantised weights on integers: the rows are quantised as they come.
///
/// Without groups to uint8, each row with a scale and a zero point of its own; with groups to int8, symmetric. Then
/// output[r][n] = clamp(v, low, high), where v is that of `GemmEpilogue` with row scales. The same bytes on every
/// backend.
struct DynamicProduct {
  const float* input = nullptr;  ///< (rows x depth)
  Index input_stride = 0;
  Index rows = 0;
  WeightShape weights{};  ///< Of one tap.
  const std::byte* packed_weights = nullptr;
  const float* multipliers = nullptr;         ///< (columns): the weights' scales; not with groups, which are packed.
  const std::int32_t* column_sums = nullptr;  ///< (columns) of the weights; not with groups.
  const float* bias = nullptr;                ///< (columns)
  float low = 0;
  float high = 0;
  float* output = nullptr;
  Index output_stride = 0;
};

/// Rows that are quantised before they are multiplied: their codes stay in the cache.
inline constexpr Index kDynamicRows = 48;

/// Bytes of scratch memory that `run` needs, aligned to 4.
constexpr std::size_t scratch_bytes(const DynamicProduct& p) noexcept {
  const Index rows = std::min(kDynamicRows, p.rows);
  return static_cast<std::size_t>(rows * (8 + p.weights.depth));
}

/// Computes the product; allocates nothing.
inline void run(const DynamicProduct& p, const ElementwiseKernel& elementwise, const GemmKernel& gemm,
                std::byte* scratch) noexcept {
  const Index depth = p.weights.depth;
  const Index most = std::min(kDynamicRows, p.rows);
  auto* scales = reinterpret_cast<float*>(scratch);
  auto* zero_points = reinterpret_cast<std::int32_t*>(scratch) + most;
  std::byte* codes = scratch + 8 * most;
  const bool grouped = p.weights.group_size != 0;
  for (Index row = 0; row < p.rows; row += most) {
    const Index rows = std::min(most, p.rows - row);
    elementwise.quantize_rows({.input = p.input + row * p.input_stride,
                               .input_stride = p.input_stride,
                               .rows = rows,
                               .columns = depth,
                               .type = grouped ? ElementType::int8 : ElementType::uint8,
                               .lowest = grouped ? -127 : 0,
                               .highest = grouped ? 127 : 255,
                               .output = codes,
                               .output_stride = depth,
                               .row_scales = scales,
                               .row_zero_points = grouped ? nullptr : zero_points});
    gemm.run({.input = {.data = codes, .rows = rows, .depth = depth, .row_stride = depth},
              .input_type = grouped ? ElementType::int8 : ElementType::uint8,
              .weights = p.weights,
              .packed_weights = p.packed_weights,
              .epilogue = {.multipliers = p.multipliers,
                           .float_bias = p.bias,
                           .row_scales = scales,
                           .row_zero_points = grouped ? nullptr : zero_points,
                           .column_sums = p.column_sums,
                           .low = p.low,
                           .high = p.high},
              .output = p.output + row * p.output_stride,
              .output_type = ElementType::float32,
              .output_stride = p.output_stride});
  }
}

}  // namespace condense::kernels

#endif
