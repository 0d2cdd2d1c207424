#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_FLOAT_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_FLOAT_PRODUCT_HPP

#include "condense/runtime/detail/steps/float_elementwise.hpp"
#include "condense/runtime/detail/steps/product.hpp"

namespace condense::runtime::detail {

/// A product of floats with its bias and clamp, and with what follows.
struct FloatProductStep {
  static constexpr std::string_view kKind = "float product";
  static constexpr std::size_t kInputBytes = sizeof(float);

  ProductExtents product{};
  ProductInput input{};
  Reads packed{};  ///< The weights of all groups; of a depthwise product floats, (taps x channels).
  Reads bias{};    ///< (columns of all groups)
  Writes output{};
  kernels::FloatWeightShape weights{};  ///< Of one group of the product.
  Index packed_stride = 0;              ///< Bytes from one group to the next.
  bool is_sparse = false;               ///< Whether weights of zero are left out of the packed ones.
  float low = 0;
  float high = 0;
  FloatTail tail{};

  static void fields(auto& s, auto&& visit) {
    visit(s.product, s.input, s.packed, s.bias, s.output, s.weights, s.packed_stride, s.is_sparse, s.low, s.high,
          s.tail);
  }

  static constexpr std::size_t output_bytes() noexcept { return sizeof(float); }

  void check(const BufferSizes& buffers) const {
    input.check(buffers, product, kInputBytes);
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
      is_sparse ? buffers.require_sparse(packed, weights, p.groups, packed_stride)
                : buffers.require_packed(packed, weights, p.groups, packed_stride);
    }
    buffers.require_readable(bias, p.all_columns(), sizeof(float));
  }

  void check_output(const BufferSizes& buffers) const {
    const Index count = checked_product({product.images, product.rows, product.groups, product.columns});
    buffers.require_writable(output, count, sizeof(float));
    tail.check(buffers, count);
  }

  void run(const Execution& e) const { run_product(*this, e); }

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
    const auto run = is_sparse ? e.kernels.float_sparse_gemm.run : e.kernels.float_gemm.run;
    run({.input = rows,
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
