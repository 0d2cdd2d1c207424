#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_FLOAT_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_FLOAT_PRODUCT_HPP

#include "condense/runtime/detail/lower_integer_product.hpp"

namespace condense::runtime::detail {

/// A float product ready to run.
struct FloatProduct {
  Product product;
  AlignedBytes packed;
  std::size_t packed_stride = 0;
  std::vector<float> bias;
  std::vector<float> padding;
  float low = 0;
  float high = 0;
};

inline void run_float_product(const FloatProduct& work, const kernels::FloatGemmKernel& gemm,
                              const kernels::FloatDepthwiseKernel& depthwise, const float* input, float* output,
                              const ThreadPool& pool) {
  const Product& p = work.product;
  const auto* bytes = reinterpret_cast<const std::byte*>(input);
  for_row_blocks(pool, p.images, p.rows, [&](Index image, Index first, Index count) {
    float* out = output + (image * p.rows + first) * p.all_columns();
    if (p.is_depthwise()) {
      depthwise.run({.input = rows_of(p, bytes, sizeof(float), image, 0, first, count, work.padding.data()),
                     .weights = reinterpret_cast<const float*>(work.packed.data()),
                     .bias = work.bias.data(),
                     .low = work.low,
                     .high = work.high,
                     .output = out,
                     .output_stride = p.all_columns()});
      return;
    }
    for (Index group = 0; group < p.groups; ++group) {
      gemm.run({.input = rows_of(p, bytes, sizeof(float), image, group, first, count, work.padding.data()),
                .columns = p.columns,
                .packed_weights = work.packed.data() + work.packed_stride * static_cast<std::size_t>(group),
                .bias = work.bias.data() + group * p.columns,
                .low = work.low,
                .high = work.high,
                .output = out + group * p.columns,
                .output_stride = p.all_columns()});
    }
  });
}

inline void pack(const kernels::KernelSet& kernels, std::span<const float> weights, FloatProduct& result) {
  const Product& p = result.product;
  if (p.is_depthwise()) {
    result.packed = AlignedBytes(weights.size() * sizeof(float));
    auto* by_tap = reinterpret_cast<float*>(result.packed.data());  // (taps x channels)
    for (Index tap = 0; tap < p.taps; ++tap) {
      for (Index c = 0; c < p.channels(); ++c) *by_tap++ = weights[static_cast<std::size_t>(c * p.taps + tap)];
    }
    return;
  }
  result.packed_stride = (kernels.float_gemm.packed_bytes(p.columns, p.column_elements()) + 63) / 64 * 64;
  result.packed = AlignedBytes(result.packed_stride * static_cast<std::size_t>(p.groups));
  for (Index group = 0; group < p.groups; ++group) {
    kernels.float_gemm.pack(p.columns, p.column_elements(), weights.data() + group * p.columns * p.column_elements(),
                            result.packed.data() + result.packed_stride * static_cast<std::size_t>(group));
  }
}

/// Convolution, Gemm or MatMul in float with constant weights: one step with bias and clamp. False if it is not one.
inline bool lower_float_product(Lowering& lowering, const graph::Node& node) {
  const std::optional<Product> product = product_of(lowering, node);
  if (!product || lowering.type(node.inputs[0]).type != DataType::float32) return false;
  const std::optional<Tensor> weights = lowering.float_constant(node.inputs[1]);
  const auto bias = bias_of(lowering, node, product->all_columns());
  if (!weights || !bias) return false;

  const Tail tail = lowering.tail(node, false);
  auto work = std::make_shared<FloatProduct>();
  work->product = *product;
  const std::optional<PaddedImages> padded = join_lines(lowering, node, work->product);
  const Product& p = work->product;
  std::vector<float> ordered;
  for (const Index element : p.weight_order)
    ordered.push_back(weights->values<float>()[static_cast<std::size_t>(element)]);
  pack(lowering.kernels(), ordered, *work);
  work->bias = *bias;
  work->padding.assign(static_cast<std::size_t>(p.channels()), 0.0F);
  work->low = tail.low;
  work->high = tail.high;

  lowering.cover(tail);
  lowering.count_weights(work->packed.size() + work->bias.size() * sizeof(float));
  int from = lowering.request(node.inputs[0], p.layout);
  if (padded) from = pad(lowering, node, *padded, p.images, sizeof(float), 0, from);
  const int to = lowering.produce(tail.result, p.layout);
  lowering.append(
      {node.name, tail.operation, "float32", p.is_depthwise() ? "depthwise" : "gemm", p.multiply_accumulates()}, {from},
      {to},
      [work = std::shared_ptr<const FloatProduct>(std::move(work)), from, to, gemm = lowering.kernels().float_gemm,
       depthwise = lowering.kernels().float_depthwise](const Execution& e) {
        run_float_product(*work, gemm, depthwise, e.at<float>(from), e.at<float>(to), e.pool);
      });
  return true;
}

}  // namespace condense::runtime::detail

#endif
