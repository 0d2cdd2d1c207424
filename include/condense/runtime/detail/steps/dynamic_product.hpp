#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_DYNAMIC_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_DYNAMIC_PRODUCT_HPP

#include "condense/core/wrapping.hpp"
#include "condense/kernels/dynamic_product.hpp"
#include "condense/runtime/detail/steps/elementwise.hpp"
#include "condense/runtime/detail/steps/quantized_rows.hpp"

namespace condense::runtime::detail {

/// Floats as codes of their own range, with its scale and zero point: DynamicQuantizeLinear.
struct DynamicQuantizeStep {
  static constexpr std::string_view kKind = "dynamic quantize";

  Reads input{};
  Writes codes{};
  Writes scale{};       ///< float32
  Writes zero_point{};  ///< uint8
  Index count = 0;

  static void fields(auto& s, auto&& visit) { visit(s.input, s.codes, s.scale, s.zero_point, s.count); }

  void check(const BufferSizes& buffers) const {
    buffers.require_readable(input, count, sizeof(float));
    buffers.require_writable(codes, count, 1);
    buffers.require_writable(scale, 1, sizeof(float));
    buffers.require_writable(zero_point, 1, 1);
  }

  void run(const Execution& e) const {
    const quantize::Affine affine = dynamic_parameters(e, e.at<float>(input), count);
    *e.at<float>(scale) = affine.scale;
    *e.at<std::uint8_t>(zero_point) = static_cast<std::uint8_t>(affine.zero_point);
    quantize_all(e, e.at<float>(input), affine, count, e.at<std::uint8_t>(codes));
  }
};

/// A product of codes whose scale and zero point are only known when it runs, and constant weights of 8 bits: exact
/// sums, or with a scale v = clamp(fma(float(sum), scale * multiplier, bias), low, high).
struct DynamicProductStep {
  static constexpr std::string_view kKind = "dynamic product";

  ProductExtents product{};
  ProductInput input{};
  Reads zero_point{};  ///< Of the codes; none for 0.
  Reads scale{};       ///< Of the codes, float32; none if the result is the sums.
  Reads packed{};
  Reads column_sums{};  ///< int32 (columns of all groups): of the weights.
  Reads multipliers{};  ///< float32, the same: their scales.
  Reads bias{};         ///< float32, the same.
  Writes memory{};
  Writes output{};
  Index packed_stride = 0;
  kernels::ElementType input_type = kernels::ElementType::uint8;
  float low = 0;
  float high = 0;

  static void fields(auto& s, auto&& visit) {
    visit(s.product, s.input, s.zero_point, s.scale, s.packed, s.column_sums, s.multipliers, s.bias, s.memory, s.output,
          s.packed_stride, s.input_type, s.low, s.high);
  }

  kernels::WeightShape weights() const noexcept {
    return {.columns = product.columns, .taps = product.taps, .depth = product.depth};
  }

  /// Bytes of `memory`: what each row or column has, and a piece of padding.
  Index memory_bytes() const noexcept {
    return 4 * (scale.exists() ? 2 * kRowsPerTask : product.all_columns()) + product.channels();
  }

  void check(const BufferSizes& buffers) const {
    const ProductExtents& p = product;
    require_codes({input_type});
    require(!p.is_depthwise(), "a product of {} groups of one channel is no dynamic one", p.groups);
    input.check(buffers, p, 1);
    buffers.require_packed(packed, weights(), p.groups, packed_stride);
    if (zero_point.exists()) buffers.require_readable(zero_point, 1, 1);
    buffers.require_readable(column_sums, p.all_columns(), sizeof(std::int32_t));
    if (scale.exists()) {
      buffers.require_readable(scale, 1, sizeof(float));
      buffers.require_readable(multipliers, p.all_columns(), sizeof(float));
      buffers.require_readable(bias, p.all_columns(), sizeof(float));
    }
    buffers.require_writable(memory, memory_bytes(), 1);
    buffers.require_writable(output, p.images * p.rows * p.all_columns(), 4);
  }

  void run(const Execution& e) const {
    const ProductExtents& p = product;
    if (p.is_empty()) return;
    const std::int32_t zero = zero_of(e);
    auto* words = e.at<std::int32_t>(memory);
    auto* row_scales = e.at<float>(memory) + kRowsPerTask;
    std::byte* padding = e.at<std::byte>(memory) + memory_bytes() - p.channels();
    std::fill_n(padding, p.channels(), static_cast<std::byte>(zero));
    const auto* sums = e.at<std::int32_t>(column_sums);
    if (scale.exists()) {
      std::fill_n(words, kRowsPerTask, zero);
      std::fill_n(row_scales, kRowsPerTask, *e.at<float>(scale));
    } else {
      for (Index i = 0; i < p.all_columns(); ++i) words[i] = wrapping_product(-zero, sums[i]);
    }
    for_row_blocks(e.pool, p.images, p.rows, [&](Index image, Index first, Index count) {
      const Index start = (image * p.rows + first) * p.all_columns();
      for (Index group = 0; group < p.groups; ++group) {
        const Index column = group * p.columns;
        kernels::ActivationRows rows = input.rows(e, p, 1, image, group, first, count);
        rows.padding = padding;
        kernels::GemmEpilogue epilogue{.bias = words + column, .low = low, .high = high};
        if (scale.exists()) {
          epilogue = {.multipliers = e.at<float>(multipliers) + column,
                      .float_bias = e.at<float>(bias) + column,
                      .row_scales = row_scales,
                      .row_zero_points = words,
                      .column_sums = sums + column,
                      .low = low,
                      .high = high};
        }
        e.kernels.gemm.run({.input = rows,
                            .input_type = input_type,
                            .weights = weights(),
                            .packed_weights = e.at<std::byte>(packed) + group * packed_stride,
                            .epilogue = epilogue,
                            .output = e.at<float>(output) + start + column,
                            .output_type = scale.exists() ? kernels::ElementType::float32 : kernels::ElementType::int32,
                            .output_stride = p.all_columns()});
      }
    });
  }

 private:
  std::int32_t zero_of(const Execution& e) const noexcept {
    if (!zero_point.exists()) return 0;
    if (input_type == kernels::ElementType::int8) return *e.at<std::int8_t>(zero_point);
    return *e.at<std::uint8_t>(zero_point);
  }
};

/// Float rows times quantised weights on integers; see `kernels::DynamicProduct`.
struct QuantizedRowsStep {
  static constexpr std::string_view kKind = "quantized rows";

  Reads input{};
  Reads packed{};
  Reads multipliers{};  ///< float32 (columns): the weights' scales; without groups of weights, as the sums.
  Reads column_sums{};  ///< int32 (columns): of the weights.
  Reads bias{};         ///< float32 (columns)
  Writes memory{};      ///< For each block of rows a piece of its own.
  Writes output{};
  Index rows = 0;
  kernels::WeightShape weights{};
  float low = 0;
  float high = 0;

  static void fields(auto& s, auto&& visit) {
    visit(s.input, s.packed, s.multipliers, s.column_sums, s.bias, s.memory, s.output, s.rows, s.weights, s.low,
          s.high);
  }

  Index blocks() const noexcept { return (rows + kernels::kDynamicRows - 1) / kernels::kDynamicRows; }
  Index block_bytes() const noexcept {
    const auto bytes = static_cast<Index>(kernels::scratch_bytes({.rows = kernels::kDynamicRows, .weights = weights}));
    return (bytes + 63) / 64 * 64;
  }
  Index memory_bytes() const noexcept { return blocks() * block_bytes(); }

  void check(const BufferSizes& buffers) const {
    const bool grouped = weights.group_size != 0;
    require(weights.taps == 1, "weights of {} taps do not fit rows", weights.taps);
    checked_product({rows, weights.depth + 72});
    buffers.require_readable(input, checked_product({rows, weights.depth}), sizeof(float));
    buffers.require_packed(packed, weights, 1, 0);
    if (!grouped) {
      buffers.require_readable(multipliers, weights.columns, sizeof(float));
      buffers.require_readable(column_sums, weights.columns, sizeof(std::int32_t));
    }
    buffers.require_readable(bias, weights.columns, sizeof(float));
    buffers.require_writable(memory, memory_bytes(), 1);
    buffers.require_writable(output, checked_product({rows, weights.columns}), sizeof(float));
  }

  void run(const Execution& e) const {
    if (weights.columns == 0) return;
    parallel_for(e.pool, blocks(), [&](Index block) {
      const Index first = block * kernels::kDynamicRows;
      kernels::run({.input = e.at<float>(input) + first * weights.depth,
                    .input_stride = weights.depth,
                    .rows = std::min(kernels::kDynamicRows, rows - first),
                    .weights = weights,
                    .packed_weights = e.at<std::byte>(packed),
                    .multipliers = e.at<float>(multipliers),
                    .column_sums = e.at<std::int32_t>(column_sums),
                    .bias = e.at<float>(bias),
                    .low = low,
                    .high = high,
                    .output = e.at<float>(output) + first * weights.columns,
                    .output_stride = weights.columns},
                   e.kernels.elementwise, e.kernels.gemm, e.at<std::byte>(memory) + block * block_bytes());
    });
  }
};

}  // namespace condense::runtime::detail

#endif
