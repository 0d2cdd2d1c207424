#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_FLOAT_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_FLOAT_PRODUCT_HPP

#include "condense/runtime/detail/steps/product.hpp"

namespace condense::runtime::detail {

/// A product of floats with its bias and clamp.
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

  static void fields(auto& s, auto&& visit) {
    visit(s.product, s.input, s.packed, s.bias, s.output, s.weights, s.packed_stride, s.low, s.high);
  }

  void check(const BufferSizes& buffers) const {
    const ProductExtents& p = product;
    input.check(buffers, p, sizeof(float));
    if (p.is_depthwise()) {
      buffers.require_readable(packed, p.taps * p.channels(), sizeof(float));
    } else {
      require(weights.columns == p.columns && weights.taps == p.taps && weights.depth == p.depth &&
                  weights.type <= kernels::WeightType::int2 && weights.group_size >= 0 && packed_stride % 64 == 0,
              "the weights of a product do not fit it");
      const auto bytes = static_cast<Index>(buffers.kernels().float_gemm.packed_bytes(weights));
      require(packed_stride >= bytes, "the weights of a group have {} bytes, {} are needed", packed_stride, bytes);
      buffers.require_readable(packed, checked_product({p.groups, packed_stride}), 1);
    }
    buffers.require_readable(bias, p.all_columns(), sizeof(float));
    buffers.require_writable(output, p.images * p.rows * p.all_columns(), sizeof(float));
  }

  void run(const Execution& e) const {
    const ProductExtents& p = product;
    for_row_blocks(e.pool, p.images, p.rows, [&](Index image, Index first, Index count) {
      float* out = e.at<float>(output) + (image * p.rows + first) * p.all_columns();
      if (p.is_depthwise()) {
        e.kernels.float_depthwise.run({.input = input.rows(e, p, sizeof(float), image, 0, first, count),
                                       .weights = e.at<float>(packed),
                                       .bias = e.at<float>(bias),
                                       .low = low,
                                       .high = high,
                                       .output = out,
                                       .output_stride = p.all_columns()});
        return;
      }
      for (Index group = 0; group < p.groups; ++group) {
        e.kernels.float_gemm.run({.input = input.rows(e, p, sizeof(float), image, group, first, count),
                                  .weights = weights,
                                  .packed_weights = e.at<std::byte>(packed) + group * packed_stride,
                                  .bias = e.at<float>(bias) + group * p.columns,
                                  .low = low,
                                  .high = high,
                                  .output = out + group * p.columns,
                                  .output_stride = p.all_columns()});
      }
    });
  }
};

}  // namespace condense::runtime::detail

#endif
