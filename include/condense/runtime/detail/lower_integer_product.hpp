#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_INTEGER_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_INTEGER_PRODUCT_HPP

#include "condense/runtime/detail/choose_sparse.hpp"
#include "condense/runtime/detail/product.hpp"
#include "condense/runtime/detail/steps/integer_product.hpp"

namespace condense::runtime::detail {

/// The values at some positions; zero for `Product::kZeroWeight`.
template <class T>
std::vector<T> gather(std::span<const T> values, const std::vector<Index>& positions) {
  std::vector<T> result;
  result.reserve(positions.size());
  for (const Index position : positions) {
    result.push_back(position == Product::kZeroWeight ? T{0} : values[static_cast<std::size_t>(position)]);
  }
  return result;
}

/// Number of the graph's scale for each (column, tap, group of the depth), in the order of the product. Empty if
/// elements that share a sum do not share a scale.
inline std::vector<Index> slices_in_order(const Product& p, const QuantizedWeights& weights, Index group_size) {
  std::vector<Index> slice_of(weights.values.size());
  quantize::ScaleLayout(weights.shape, weights.granularity).for_each([&](Index element, Index slice) {
    slice_of[static_cast<std::size_t>(element)] = slice;
  });
  const Index pieces = p.all_columns() * p.taps;
  std::vector<Index> slices;
  for (Index piece = 0; piece < pieces; ++piece) {
    if (group_size == 0 && piece % p.taps != 0) continue;
    const Index extent = group_size == 0 ? p.column_elements() : p.depth;
    const Index step = group_size == 0 ? extent : group_size;
    for (Index first = 0; first < extent; first += step) {
      const auto element = [&](Index k) { return p.weight_order[static_cast<std::size_t>(piece * p.depth + k)]; };
      const Index slice = slice_of[static_cast<std::size_t>(element(first))];
      for (Index k = first; k < std::min(first + step, extent); ++k) {
        if (element(k) == Product::kZeroWeight) continue;
        if (slice_of[static_cast<std::size_t>(element(k))] != slice) return {};
      }
      slices.push_back(slice);
    }
  }
  return slices;
}

/// The int32 bias that the graph stores for the given scales of the products, exactly; empty if it stores none of them.
/// Scales beyond the number of outputs are those of the first ones again, as of columns in a transposed convolution.
inline std::vector<std::int32_t> stored_bias(const Lowering& lowering, const graph::Node& node,
                                             std::span<const float> scales) {
  const graph::Node* dequantize = lowering.producer(bias_value(lowering, node));
  if (dequantize == nullptr || !dequantize->op.is<graph::DequantizeLinear>()) return {};
  const Tensor* codes = lowering.graph().constant_if(dequantize->inputs[0]);
  const Tensor* stored = lowering.graph().constant_if(dequantize->inputs[1]);
  if (codes == nullptr || codes->type() != DataType::int32 || stored == nullptr) return {};
  if (dequantize->inputs.size() > 2 && dequantize->inputs[2].exists()) {
    const Tensor* zero_points = lowering.graph().constant_if(dequantize->inputs[2]);
    if (zero_points == nullptr || std::ranges::any_of(integers_of(*zero_points), [](auto z) { return z != 0; }))
      return {};
  }
  const auto count = static_cast<std::size_t>(stored->count());
  for (std::size_t i = 0; i < scales.size(); ++i) {
    if (stored->values<float>()[i % count] != scales[i]) return {};
  }
  return integers_of(*codes);
}

/// What each sum of integers is added to and multiplied by, (columns x groups).
struct Terms {
  std::vector<std::int32_t> added;  ///< The input's zero point; without groups also the bias.
  std::vector<float> multipliers;
};

/// The terms of a product. Throws `Unsupported` where a sum could leave int32.
inline Terms terms_of(const Lowering& lowering, const graph::Node& node, const QuantizedValue& input, float out_scale,
                      const std::vector<std::int8_t>& weights, std::span<const float> scales,
                      std::span<const float> real_bias, const Product& p, Index group_size) {
  const Index group = group_size == 0 ? p.column_elements() : group_size;
  constexpr std::int64_t kLargest = 255;  // of any activation; what `kernels::Gemm` counts on for signed ones too
  std::vector<float> product_scales;
  for (const float scale : scales) product_scales.push_back(input.affine.scale * scale);
  Terms terms;
  for (const float scale : product_scales) terms.multipliers.push_back(scale / out_scale);
  const std::vector<std::int32_t> stored =
      group_size == 0 ? stored_bias(lowering, node, product_scales) : std::vector<std::int32_t>{};

  const Index extent = group_size == 0 ? p.column_elements() : p.depth;
  std::size_t slice = 0;
  for (Index start = 0; start < static_cast<Index>(weights.size()); start += extent) {
    for (Index first = start; first < start + extent; first += group, ++slice) {
      std::int64_t sum = 0;
      std::int64_t magnitude = 0;
      for (Index k = first; k < std::min(first + group, start + extent); ++k) {
        sum += weights[static_cast<std::size_t>(k)];
        magnitude += std::abs(weights[static_cast<std::size_t>(k)]);
      }
      std::int64_t term = -sum * input.affine.zero_point;
      if (group_size == 0) {
        const double bias = stored.empty()
                                ? std::nearbyint(static_cast<double>(real_bias[slice]) / product_scales[slice])
                                : stored[slice % stored.size()];
        require(std::abs(bias) < 0x1p62, "node '{}': a bias is infinite", node.name);
        term += static_cast<std::int64_t>(bias);
      }
      if (magnitude * kLargest + std::abs(term) > std::numeric_limits<std::int32_t>::max()) {
        throw Unsupported(fmt::format(
            "node '{}' ({}): the sums of output {} reach {} and would overflow 32 bits; keep the node in float, or "
            "raise its weight scale",
            node.name, node.op.type(), slice, magnitude * kLargest + std::abs(term)));
      }
      terms.added.push_back(static_cast<std::int32_t>(term));
    }
  }
  return terms;
}

/// Packs weights; `zero_points`, unless empty, has one for each scale of the product.
inline PackedWeights pack(const kernels::KernelSet& kernels, const std::vector<std::int8_t>& weights,
                          const Terms& terms, std::span<const std::int8_t> zero_points, const Product& p,
                          const kernels::WeightShape& shape) {
  if (p.is_depthwise()) {
    std::vector<std::int8_t> by_tap;  // (taps x channels)
    for (Index tap = 0; tap < p.taps; ++tap) {
      for (Index c = 0; c < p.channels(); ++c) by_tap.push_back(weights[static_cast<std::size_t>(c * p.taps + tap)]);
    }
    PackedWeights result{AlignedBytes(kernels.depthwise.packed_bytes(p.channels(), p.taps))};
    kernels.depthwise.pack(p.channels(), p.taps, by_tap.data(), result.bytes.data());
    return result;
  }
  std::vector<std::int8_t> codes = weights;
  if (shape.has_zero_points) {
    std::size_t scale = 0;
    const Index extent = shape.group_size == 0 ? p.column_elements() : p.depth;
    const Index group = shape.group_size == 0 ? extent : shape.group_size;
    for (auto piece = codes.begin(); piece != codes.end(); piece += extent) {
      for (Index first = 0; first < extent; first += group, ++scale) {
        const auto add = [&](std::int8_t w) { return static_cast<std::int8_t>(w + zero_points[scale]); };
        std::transform(piece + first, piece + std::min(first + group, extent), piece + first, add);
      }
    }
  }
  return pack_each(p.groups, kernels.gemm.packed_bytes(shape), [&](Index group, std::byte* packed) {
    const Index slice = group * p.columns * shape.groups();
    kernels.gemm.pack(shape,
                      {.codes = codes.data() + group * p.columns * p.column_elements(),
                       .multipliers = terms.multipliers.data() + slice,
                       .zero_points = shape.has_zero_points ? zero_points.data() + slice : nullptr},
                      packed);
  });
}

/// Whether a product of codes is faster without its weights of zero, on this machine and one thread.
inline bool is_faster_sparse(const kernels::KernelSet& kernels, const Product& p, const kernels::WeightShape& shape,
                             const Terms& terms, const PackedWeights& sparse, const PackedWeights& dense,
                             bool to_codes) {
  SampleRows<std::uint8_t> sample(p);
  kernels::GemmArguments arguments{
      .input = sample.rows(),
      .weights = shape,
      .packed_weights = dense.bytes.data(),
      .epilogue = {.bias = terms.added.data(), .multipliers = terms.multipliers.data(), .highest = 255, .high = 1},
      .output = sample.output(),
      .output_type = to_codes ? kernels::ElementType::uint8 : kernels::ElementType::float32,
      .output_stride = p.columns};
  kernels::GemmArguments without_zeros = arguments;
  without_zeros.packed_weights = sparse.bytes.data();
  return is_faster([&] { kernels.sparse_gemm.run(without_zeros); }, [&] { kernels.gemm.run(arguments); });
}

/// The step of a product of codes, but for what it reads and writes; `shape` is that of the weights of a group of `p`,
/// `bias` the real one. Empty if weights that share a sum do not share a scale.
inline std::optional<IntegerProductStep> integer_product_step(Lowering& lowering, const graph::Node& node,
                                                              const Product& p, const kernels::WeightShape& shape,
                                                              const QuantizedValue& input,
                                                              const QuantizedWeights& weights,
                                                              std::span<const float> bias, const Tail& tail) {
  const std::vector<Index> slices = slices_in_order(p, weights, shape.group_size);
  if (slices.empty()) return {};
  const std::vector<float> scales = gather<float>(weights.scales, slices);
  std::vector<std::int8_t> zero_points;
  if (!weights.zero_points.empty()) zero_points = gather<std::int8_t>(weights.zero_points, slices);
  const std::vector<std::int8_t> ordered = gather<std::int8_t>(weights.values, p.weight_order);
  const float out_scale = tail.quantized ? tail.quantized->affine.scale : 1.0F;
  const Terms terms = terms_of(lowering, node, input, out_scale, ordered, scales, bias, p, shape.group_size);
  PackedWeights packed = pack(lowering.kernels(), ordered, terms, zero_points, p, shape);
  bool is_sparse = false;
  if (lowering.sparse_products() != SparseProducts::never && shape.group_size == 0 && !shape.has_zero_points &&
      may_be_sparse(ordered, p)) {
    PackedWeights sparse = pack_sparse(lowering.kernels().sparse_gemm, shape, ordered, p);
    is_sparse = lowering.sparse_products() == SparseProducts::always ||
                is_faster_sparse(lowering.kernels(), p, shape, terms, sparse, packed, tail.quantized.has_value());
    if (is_sparse) packed = std::move(sparse);
  }

  IntegerProductStep step{.product = p,
                          .packed = {lowering.constant_buffer(std::move(packed.bytes))},
                          .weights = shape,
                          .packed_stride = static_cast<Index>(packed.stride),
                          .is_sparse = is_sparse,
                          .input_type = input.element()};
  step.epilogue.low = tail.low;
  step.epilogue.high = tail.high;
  if (shape.group_size == 0) {
    step.bias = {lowering.constant_buffer(terms.added)};
    step.multipliers = {lowering.constant_buffer(terms.multipliers)};
  } else {
    std::vector<float> float_bias;
    for (const float b : bias) float_bias.push_back(b / out_scale);
    step.float_bias = {lowering.constant_buffer(float_bias)};
    step.epilogue.input_zero_point = input.affine.zero_point;
  }
  if (tail.quantized) {
    step.output_type = tail.quantized->element();
    step.epilogue.zero_point = tail.quantized->affine.zero_point;
    step.epilogue.lowest = tail.lowest();
    step.epilogue.highest = tail.highest();
  }
  return step;
}

/// Convolution, Gemm or MatMul of quantised activations and quantised weights: one step with bias, clamp and
/// requantisation. False if the node is not one.
inline bool lower_integer_product(Lowering& lowering, const graph::Node& node) {
  std::optional<Product> product = product_of(lowering, node);
  if (!product) return false;
  Product& p = *product;
  const std::optional<QuantizedValue> input = lowering.source(node.inputs[0]);
  const std::optional<QuantizedWeights> weights =
      quantized_weights(lowering.graph(), lowering.producer(node.inputs[1]));
  const auto bias = bias_of(lowering, node, p.all_columns());
  if (!input || !weights || !bias) return false;

  std::int64_t multiply_accumulates = p.multiply_accumulates();
  const bool grouped = weights->granularity.kind == quantize::Granularity::Kind::per_group && !p.is_depthwise();
  std::optional<PaddedImages> padded;
  if (!grouped) padded = join_lines(lowering, node, p);  // groups are those of each tap
  kernels::WeightShape shape{.columns = p.columns,
                             .taps = p.taps,
                             .depth = p.depth,
                             .bits = weights->bits,
                             .group_size = grouped ? weights->granularity.group_size : 0,
                             .has_zero_points = !weights->zero_points.empty()};
  if (padded) {
    shape.depth = lowering.kernels().gemm.filled_depth(shape);
    fill_pieces(p, *padded, shape.depth);
  }
  const Tail tail = product_tail(lowering, node, true);
  auto step = integer_product_step(lowering, node, p, shape, *input, *weights, *bias, tail);
  if (!step) return false;
  if (step->is_sparse) {
    multiply_accumulates = p.images * p.rows * count_nonzeros(gather<std::int8_t>(weights->values, p.weight_order));
  }

  lowering.cover(tail);
  int from = lowering.request(input->codes, p.layout);
  if (padded) from = pad(lowering, node, *padded, p.images, 1, input->affine.zero_point, from);
  step->input = product_input(lowering, p, from, static_cast<std::uint8_t>(input->affine.zero_point));
  step->output = {lowering.produce(tail.result, p.layout)};
  const StepInfo info{node.name, tail.operation, fmt::format("int{}", std::max(4, weights->bits)), kernel_of(*step),
                      multiply_accumulates};
  lowering.append_product({tail.result, *std::move(step), p.layout, info});
  return true;
}

}  // namespace condense::runtime::detail

#endif
