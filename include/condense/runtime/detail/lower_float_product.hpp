#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_FLOAT_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_FLOAT_PRODUCT_HPP

#include "condense/runtime/detail/lower_integer_product.hpp"
#include "condense/runtime/detail/steps/float_product.hpp"

namespace condense::runtime::detail {

/// Constant weights of a float product, in the order of the product and of the type that they are kept in.
struct FloatProductWeights {
  kernels::WeightType type = kernels::WeightType::float32;
  Index group_size = 0;
  std::vector<float> floats;  ///< Or codes, scales and zero points.
  std::vector<std::int8_t> codes = {};
  std::vector<float> scales = {};
  std::vector<std::int8_t> zero_points = {};  ///< Empty for zeros.
};

/// The integers behind the weights of a node; empty if there are none, or if their groups are not those of the product.
/// Depthwise convolutions have kernels for floats only.
inline std::optional<FloatProductWeights> integer_weights(const Lowering& lowering, const graph::Node& node,
                                                          const Product& p) {
  if (p.is_depthwise()) return {};
  const auto stored = quantized_codes(lowering.graph(), lowering.producer(node.inputs[1]));
  if (!stored) return {};
  FloatProductWeights result;
  result.type = stored->bits == 8   ? kernels::WeightType::int8
                : stored->bits == 4 ? kernels::WeightType::int4
                                    : kernels::WeightType::int2;
  if (stored->granularity.kind == quantize::Granularity::Kind::per_group) {
    result.group_size = stored->granularity.group_size;
  }
  const std::vector<Index> slices = slices_in_order(p, *stored, result.group_size);
  if (slices.empty()) return {};
  result.codes = gather<std::int8_t>(stored->values, p.weight_order);
  result.scales = gather<float>(stored->scales, slices);
  if (!stored->zero_points.empty()) result.zero_points = gather<std::int8_t>(stored->zero_points, slices);
  return result;
}

/// The weights of a node as floats; halves stay halves. Empty if they are not constant.
inline std::optional<FloatProductWeights> float_weights(const Lowering& lowering, const graph::Node& node,
                                                        const Product& p) {
  const std::optional<Tensor> values = lowering.float_constant(node.inputs[1]);
  if (!values) return {};
  FloatProductWeights result;
  result.floats = gather<float>(values->values<float>(), p.weight_order);
  const graph::Node* producer = lowering.producer(node.inputs[1]);
  if (producer == nullptr || !producer->op.is<graph::Cast>() || p.is_depthwise()) return result;
  const DataType stored = lowering.type(producer->inputs[0]).type;
  if (stored == DataType::float16) result.type = kernels::WeightType::float16;
  if (stored == DataType::bfloat16) result.type = kernels::WeightType::bfloat16;
  return result;
}

inline PackedWeights pack(const kernels::KernelSet& kernels, const FloatProductWeights& weights, const Product& p,
                          const kernels::FloatWeightShape& shape) {
  if (p.is_depthwise()) {
    PackedWeights result{AlignedBytes(weights.floats.size() * sizeof(float))};
    auto* by_tap = reinterpret_cast<float*>(result.bytes.data());  // (taps x channels)
    for (Index tap = 0; tap < p.taps; ++tap) {
      for (Index c = 0; c < p.channels(); ++c) *by_tap++ = weights.floats[static_cast<std::size_t>(c * p.taps + tap)];
    }
    return result;
  }
  const auto from = [](const auto& values, Index first) { return values.empty() ? nullptr : values.data() + first; };
  return pack_each(p.groups, kernels.float_gemm.packed_bytes(shape), [&](Index group, std::byte* packed) {
    const Index element = group * p.columns * p.column_elements();
    const Index slice = group * p.columns * shape.groups();
    kernels.float_gemm.pack(shape,
                            {.floats = from(weights.floats, element),
                             .codes = from(weights.codes, element),
                             .scales = from(weights.scales, slice),
                             .zero_points = from(weights.zero_points, slice)},
                            packed);
  });
}

/// Whether a product of floats is faster without its weights of zero, on this machine and one thread.
inline bool is_faster_sparse(const kernels::KernelSet& kernels, const Product& p,
                             const kernels::FloatWeightShape& shape, const std::vector<float>& bias,
                             const PackedWeights& sparse, const PackedWeights& dense) {
  SampleRows<float> sample(p);
  kernels::FloatGemmArguments arguments{.input = sample.rows(),
                                        .weights = shape,
                                        .packed_weights = dense.bytes.data(),
                                        .bias = bias.data(),
                                        .high = 1,
                                        .output = sample.output(),
                                        .output_stride = p.columns};
  kernels::FloatGemmArguments without_zeros = arguments;
  without_zeros.packed_weights = sparse.bytes.data();
  return is_faster([&] { kernels.float_sparse_gemm.run(without_zeros); }, [&] { kernels.float_gemm.run(arguments); });
}

/// The constant weights of a product in float, integers if the graph stores some; empty if they are not constant.
inline std::optional<FloatProductWeights> product_weights(const Lowering& lowering, const graph::Node& node,
                                                          const Product& p) {
  std::optional<FloatProductWeights> weights = integer_weights(lowering, node, p);
  return weights ? weights : float_weights(lowering, node, p);
}

/// The step of a product of floats, but for what it reads and writes.
inline FloatProductStep float_product_step(Lowering& lowering, const Product& p, const FloatProductWeights& weights,
                                           const std::vector<float>& bias, const Tail& tail) {
  const kernels::FloatWeightShape shape{.columns = p.columns,
                                        .taps = p.taps,
                                        .depth = p.depth,
                                        .type = weights.type,
                                        .group_size = weights.group_size,
                                        .has_zero_points = !weights.zero_points.empty()};
  PackedWeights packed = pack(lowering.kernels(), weights, p, shape);
  bool is_sparse = false;
  const SparseProducts sparse_products = lowering.sparse_products();
  if ((sparse_products == SparseProducts::measured || sparse_products == SparseProducts::always) &&
      weights.type == kernels::WeightType::float32 && may_be_sparse(weights.floats, p)) {
    PackedWeights sparse = pack_sparse(lowering.kernels().float_sparse_gemm, shape, weights.floats, p);
    is_sparse = sparse_products == SparseProducts::always ||
                is_faster_sparse(lowering.kernels(), p, shape, bias, sparse, packed);
    if (is_sparse) packed = std::move(sparse);
  }
  return {.product = p,
          .packed = {lowering.constant_buffer(std::move(packed.bytes))},
          .bias = {lowering.constant_buffer(bias)},
          .weights = shape,
          .packed_stride = static_cast<Index>(packed.stride),
          .is_sparse = is_sparse,
          .low = tail.low,
          .high = tail.high};
}

/// What a float product is called in reports.
inline std::string precision_of(const FloatProductWeights& weights) {
  if (weights.type == kernels::WeightType::float32) return "float32";
  return fmt::format("float32 x {}", kernels::name(weights.type));
}

/// Convolution, Gemm or MatMul in float with constant weights: one step with bias and clamp. False if it is not one.
///
/// Weights that the graph stores as integers of 8 bits or fewer, or as halves, stay so in memory.
inline bool lower_float_product(Lowering& lowering, const graph::Node& node) {
  std::optional<Product> product = product_of(lowering, node);
  if (!product || lowering.type(node.inputs[0]).type != DataType::float32) return false;
  Product& p = *product;
  const auto bias = bias_of(lowering, node, p.all_columns());
  const std::optional<FloatProductWeights> weights = product_weights(lowering, node, p);
  if (!weights || !bias) return false;

  const Tail tail = product_tail(lowering, node, false);
  std::optional<PaddedImages> padded;
  if (weights->group_size == 0) padded = join_lines(lowering, node, p);  // groups are those of each tap
  FloatProductStep step = float_product_step(lowering, p, *weights, *bias, tail);

  lowering.cover(tail);
  int from = lowering.request(node.inputs[0], p.layout);
  if (padded) from = pad(lowering, node, *padded, p.images, sizeof(float), 0, from);
  step.input = product_input(lowering, p, from, 0.0F);
  step.output = {lowering.produce(tail.result, p.layout)};
  const std::int64_t multiplies =
      step.is_sparse ? p.images * p.rows * count_nonzeros(weights->floats) : p.multiply_accumulates();
  const StepInfo info{node.name, tail.operation, precision_of(*weights), kernel_of(step), multiplies};
  lowering.append_product({tail.result, std::move(step), p.layout, info});
  return true;
}

}  // namespace condense::runtime::detail

#endif
