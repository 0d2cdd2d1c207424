#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_FLOAT_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_FLOAT_PRODUCT_HPP

#include "condense/runtime/detail/steps/float_elementwise.hpp"
#include "condense/runtime/detail/steps/product.hpp"

namespace condense::runtime::detail {

/// A product of floats with its bias and clamp, and with what follows.
struct FloatProductStep {
  static constexpr std::string_view kKind = "float product";

  ProductExtents product{};
  ProductInput input{};
  Reads packed{};  ///< The weights of all groups; of a depthwise product floats, (taps x channels).
  Reads bias{};    ///< (columns of all groups)
  Writes output{};
  kernels::FloatWeightShape weights{};  ///< Of one group of the product.
  Index packed_stride = 0;              ///< Bytes from one group to the next.
  float low = 0;
  float high = 0;
  FloatTail tail{};

  static void fields(auto& s, auto&& visit) {
    visit(s.product, s.input, s.packed, s.bias, s.output, s.weights, s.packed_stride, s.low, s.high, s.tail);
  }

  static constexpr std::size_t output_bytes() noexcept { return sizeof(float); }

  void check(const BufferSizes& buffers) const {
    input.check(buffers, product, sizeof(float));
    check_weights(buffers);
    check_output(buffers);
  }

  void check_weights(const BufferSizes& buffers) const {
    const ProductExtents& p = product;
    if (p.is_depthwise()) {
      buffers.require_readable(packed, p.taps * p.channels(), sizeof(float));
    } else {
      require(weights.columns == p.columns && weights.taps == p.taps && weights.depth == p.depth,
              "the weights of a product do not fit it");
      buffers.require_packed(packed, weights, p.groups, packed_stride);
    }
    buffers.require_readable(bias, p.all_columns(), sizeof(float));
  }

  void check_output(const BufferSizes& buffers) const {
    const Index count = checked_product({product.images, product.rows, product.groups, product.columns});
    buffers.require_writable(output, count, sizeof(float));
    tail.check(buffers, count);
  }

  void run(const Execution& e) const {
    for_row_blocks(e.pool, product, [&](Index image, Index first, Index count) {
      const Index columns = product.all_columns();
      const Index start = (image * product.rows + first) * columns;
      std::byte* out = e.at<std::byte>(output) + static_cast<std::size_t>(start) * output_bytes();
      multiply(e, image, first, count, out, columns);
      finish(e, out, start, count * columns);
    });
  }

  /// Rows [first, first + count) of one image, which are written `stride` elements apart.
  void multiply(const Execution& e, Index image, Index first, Index count, std::byte* out,
                Index stride) const noexcept {
    const Index groups = product.is_depthwise() ? 1 : product.groups;
    for (Index group = 0; group < groups; ++group) {
      multiply_group(e, input.rows(e, product, sizeof(float), image, group, first, count), group,
                     out + static_cast<std::size_t>(group * product.columns) * output_bytes(), stride);
    }
  }

  /// Rows that lie somewhere, times the weights of one group; all groups of a depthwise product are one.
  void multiply_group(const Execution& e, const kernels::ActivationRows& rows, Index group, std::byte* out,
                      Index stride) const noexcept {
    if (product.is_depthwise()) {
      e.kernels.float_depthwise.run({.input = rows,
                                     .weights = e.at<float>(packed),
                                     .bias = e.at<float>(bias),
                                     .low = low,
                                     .high = high,
                                     .output = reinterpret_cast<float*>(out),
                                     .output_stride = stride});
      return;
    }
    e.kernels.float_gemm.run({.input = rows,
                              .weights = weights,
                              .packed_weights = e.at<std::byte>(packed) + group * packed_stride,
                              .bias = e.at<float>(bias) + group * product.columns,
                              .low = low,
                              .high = high,
                              .output = reinterpret_cast<float*>(out),
                              .output_stride = stride});
  }

  /// What follows the product, on elements [start, start + count) of the result, which lie at `out`.
  void finish(const Execution& e, std::byte* out, Index start, Index count) const noexcept {
    tail.run(e, reinterpret_cast<float*>(out), start, count);
  }
};

}  // namespace condense::runtime::detail

#endif
