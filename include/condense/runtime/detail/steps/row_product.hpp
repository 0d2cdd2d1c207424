#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_ROW_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_ROW_PRODUCT_HPP

#include <limits>

#include "condense/runtime/detail/steps/quantized_rows.hpp"

namespace condense::runtime::detail {

/// Weights of a recurrent layer, packed for rows of floats, in each direction the same form: floats, or integers that
/// stand for floats, or with scales and sums of columns codes of 8 bits that meet rows which are quantised as a whole.
struct RowProduct {
  Reads packed{};
  Reads scales{};       ///< float32 (directions x columns), if rows are quantised.
  Reads column_sums{};  ///< int32 (directions x columns), the same.
  kernels::FloatWeightShape weights{};
  Index stride = 0;  ///< Bytes from one direction to the next.

  static void fields(auto& s, auto&& visit) { visit(s.packed, s.scales, s.column_sums, s.weights, s.stride); }

  bool quantizes() const noexcept { return scales.exists(); }
  kernels::WeightShape codes() const noexcept { return {.columns = weights.columns, .depth = weights.depth}; }

  /// Bytes that `run` works in, a multiple of 4.
  Index memory_bytes(Index rows) const noexcept {
    return quantizes() ? (QuantizedRows::bytes(rows, weights.depth) + 3) / 4 * 4 : 0;
  }

  void check(const BufferSizes& buffers, Index directions, Index columns, Index depth) const {
    require(weights.columns == columns && weights.depth == depth && weights.taps == 1,
            "weights of {} columns and {} rows do not fit {} and {}", weights.columns, weights.depth, columns, depth);
    if (!quantizes()) return buffers.require_packed(packed, weights, directions, stride);
    buffers.require_packed(packed, codes(), directions, stride);
    buffers.require_readable(scales, directions * columns, sizeof(float));
    buffers.require_readable(column_sums, directions * columns, sizeof(std::int32_t));
  }

  /// y (rows x columns) = x (rows x depth) * weights + bias (columns).
  void run(const Execution& e, Index direction, const float* x, Index rows, const float* bias, float* y,
           std::byte* memory) const {
    constexpr float kUnbounded = std::numeric_limits<float>::infinity();
    const std::byte* of_direction = e.at<std::byte>(packed) + direction * stride;
    const Index columns = weights.columns;
    const Index depth = weights.depth;
    if (!quantizes()) {
      for_row_blocks(e.pool, 1, rows, [&](Index, Index first, Index count) {
        e.kernels.float_gemm.run(
            {.input = {.data = x + first * depth, .rows = count, .depth = depth, .row_stride = depth},
             .weights = weights,
             .packed_weights = of_direction,
             .bias = bias,
             .low = -kUnbounded,
             .high = kUnbounded,
             .output = y + first * columns,
             .output_stride = columns});
      });
      return;
    }
    const QuantizedRows quantized(e, x, rows, depth, memory);
    for_row_blocks(e.pool, 1, rows, [&](Index, Index first, Index count) {
      e.kernels.gemm.run(
          {.input = {.data = quantized.codes + first * depth, .rows = count, .depth = depth, .row_stride = depth},
           .weights = codes(),
           .packed_weights = of_direction,
           .epilogue = {.multipliers = e.at<float>(scales) + direction * columns,
                        .float_bias = bias,
                        .row_scales = quantized.scales + first,
                        .row_zero_points = quantized.zero_points + first,
                        .column_sums = e.at<std::int32_t>(column_sums) + direction * columns,
                        .low = -kUnbounded,
                        .high = kUnbounded},
           .output = y + first * columns,
           .output_type = kernels::ElementType::float32,
           .output_stride = columns});
    });
  }
};

}  // namespace condense::runtime::detail

#endif
