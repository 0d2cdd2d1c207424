#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_NORMALIZATION_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_NORMALIZATION_HPP

#include <algorithm>

#include "condense/runtime/detail/buffer_sizes.hpp"
#include "condense/runtime/detail/step_fields.hpp"

namespace condense::runtime::detail {

/// Rows of `columns` elements that make up a task.
inline Index rows_per_task(Index columns) noexcept {
  constexpr Index kElements = 8192;
  return std::max<Index>(1, kElements / std::max<Index>(1, columns));
}

/// Softmax of each row.
struct SoftmaxStep {
  static constexpr std::string_view kKind = "softmax";

  Reads input{};
  Writes output{};
  Index rows = 0;
  Index columns = 0;

  static void fields(auto& s, auto&& visit) { visit(s.input, s.output, s.rows, s.columns); }
  InPlace in_place() const { return {output, {input}}; }

  void check(const BufferSizes& buffers) const {
    buffers.require_readable(input, checked_product({rows, columns}), sizeof(float));
    buffers.require_writable(output, rows * columns, sizeof(float));
  }

  void run(const Execution& e) const {
    if (columns == 0) return;  // of however many rows
    parallel_for(e.pool, rows, rows_per_task(columns), [&](Index begin, Index end) {
      e.kernels.normalization.softmax({.input = e.at<float>(input) + begin * columns,
                                       .input_stride = columns,
                                       .output = e.at<float>(output) + begin * columns,
                                       .output_stride = columns,
                                       .rows = end - begin,
                                       .columns = columns});
    });
  }
};

/// Layer normalisation of each row.
struct LayerNormalizationStep {
  static constexpr std::string_view kKind = "layer normalization";

  Reads input{};
  Reads scale{};  ///< (columns); none for ones.
  Reads bias{};   ///< (columns); none for zeros.
  Writes output{};
  Index rows = 0;
  Index columns = 0;
  float epsilon = 0;

  static void fields(auto& s, auto&& visit) { visit(s.input, s.scale, s.bias, s.output, s.rows, s.columns, s.epsilon); }

  void check(const BufferSizes& buffers) const {
    require(columns >= 1, "rows of {} columns are not normalised", columns);
    buffers.require_readable(input, checked_product({rows, columns}), sizeof(float));
    if (scale.exists()) buffers.require_readable(scale, columns, sizeof(float));
    if (bias.exists()) buffers.require_readable(bias, columns, sizeof(float));
    buffers.require_writable(output, rows * columns, sizeof(float));
  }

  void run(const Execution& e) const {
    parallel_for(e.pool, rows, rows_per_task(columns), [&](Index begin, Index end) {
      e.kernels.normalization.layer_normalization({.input = e.at<float>(input) + begin * columns,
                                                   .input_stride = columns,
                                                   .output = e.at<float>(output) + begin * columns,
                                                   .output_stride = columns,
                                                   .rows = end - begin,
                                                   .columns = columns,
                                                   .scale = e.at<float>(scale),
                                                   .bias = e.at<float>(bias),
                                                   .epsilon = epsilon});
    });
  }
};

}  // namespace condense::runtime::detail

#endif
