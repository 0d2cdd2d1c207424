#ifndef CONDENSE_RUNTIME_DETAIL_RECURRENT_WEIGHTS_HPP
#define CONDENSE_RUNTIME_DETAIL_RECURRENT_WEIGHTS_HPP

#include "condense/runtime/detail/lowering.hpp"
#include "condense/runtime/detail/packed_weights.hpp"
#include "condense/runtime/detail/steps/row_product.hpp"

namespace condense::runtime::detail {

/// Constant weights of a recurrent layer, (directions x columns x depth), of the type that they are kept in.
struct RecurrentWeights {
  Index directions = 0;
  Index columns = 0;
  Index depth = 0;
  kernels::WeightType type = kernels::WeightType::float32;
  Index group_size = 0;
  std::vector<float> floats = {};  ///< Or codes, scales and zero points.
  std::vector<std::int8_t> codes = {};
  std::vector<float> scales = {};             ///< (directions x columns x groups)
  std::vector<std::int8_t> zero_points = {};  ///< The same; empty for zeros.

  Index groups() const noexcept { return group_size == 0 ? 1 : (depth + group_size - 1) / group_size; }
};

/// The integers behind an input of a node; empty if there are none, or if those of a column, or of one of its groups,
/// do not share a scale.
inline std::optional<RecurrentWeights> recurrent_codes(const Lowering& lowering, graph::Value value) {
  const auto stored = quantized_codes(lowering.graph(), lowering.producer(value));
  if (!stored || stored->shape.rank() != 3) return {};
  RecurrentWeights result{.directions = stored->shape[0], .columns = stored->shape[1], .depth = stored->shape[2]};
  result.type = stored->bits == 8   ? kernels::WeightType::int8
                : stored->bits == 4 ? kernels::WeightType::int4
                                    : kernels::WeightType::int2;
  if (stored->granularity.kind == quantize::Granularity::Kind::per_group) {
    result.group_size = stored->granularity.group_size;
  }
  std::vector<Index> slices;  // (directions x columns x groups)
  bool is_shared = true;
  quantize::ScaleLayout(stored->shape, stored->granularity).for_each([&](Index element, Index slice) {
    const Index k = element % result.depth;
    if (k == 0 || (result.group_size != 0 && k % result.group_size == 0)) slices.push_back(slice);
    is_shared = is_shared && slices.back() == slice;
  });
  if (!is_shared) return {};
  for (const Index slice : slices) {
    const auto i = static_cast<std::size_t>(slice);
    result.scales.push_back(stored->scales[i]);
    if (!stored->zero_points.empty()) result.zero_points.push_back(stored->zero_points[i]);
  }
  result.codes = stored->values;
  return result;
}

/// The weights behind an input of a node, as integers if the graph has them so; empty if they are not constant.
inline std::optional<RecurrentWeights> recurrent_weights(const Lowering& lowering, graph::Value value) {
  if (auto codes = recurrent_codes(lowering, value)) return codes;
  const std::optional<Tensor> floats = lowering.float_constant(value);
  if (!floats) return {};
  const Shape& shape = floats->shape();
  RecurrentWeights result{.directions = shape[0], .columns = shape[1], .depth = shape[2]};
  result.floats.assign(floats->values<float>().begin(), floats->values<float>().end());
  return result;
}

/// Packs the columns [first, first + count) of each direction.
inline RowProduct pack(Lowering& lowering, const RecurrentWeights& w, Index first, Index count) {
  const kernels::FloatGemmKernel& gemm = lowering.kernels().float_gemm;
  RowProduct result{.weights = {.columns = count,
                                .depth = w.depth,
                                .type = w.type,
                                .group_size = w.group_size,
                                .has_zero_points = !w.zero_points.empty()}};
  const auto from = [](const auto& values, Index start) { return values.empty() ? nullptr : values.data() + start; };
  PackedWeights packed =
      pack_each(w.directions, gemm.packed_bytes(result.weights), [&](Index direction, std::byte* to) {
        const Index column = direction * w.columns + first;
        gemm.pack(result.weights,
                  {.floats = from(w.floats, column * w.depth),
                   .codes = from(w.codes, column * w.depth),
                   .scales = from(w.scales, column * w.groups()),
                   .zero_points = from(w.zero_points, column * w.groups())},
                  to);
      });
  result.stride = static_cast<Index>(packed.stride);
  result.packed = {lowering.constant_buffer(std::move(packed.bytes))};
  return result;
}

/// The weights of a DynamicQuantizeLSTM, (directions, depth, columns) of 8 bits, for rows that are quantised. Empty if
/// they are not constant or do not fit 8 signed bits without their zero points, or if their sums could leave int32.
inline std::optional<RowProduct> pack_dynamic(Lowering& lowering, const graph::Node& node, std::size_t input) {
  const std::size_t scale_input = input == 1 ? 8 : 10;
  const Tensor* codes = lowering.graph().constant_if(node.inputs[input]);
  const Tensor* scales = lowering.graph().constant_if(node.inputs[scale_input]);
  const Tensor* zero_points = lowering.graph().constant_if(node.inputs[scale_input + 1]);
  constexpr Index kDeepest = std::numeric_limits<std::int32_t>::max() / (2 * 128 * 255);
  if (codes == nullptr || scales == nullptr || zero_points == nullptr || codes->shape()[1] > kDeepest) return {};
  const Index directions = codes->shape()[0];
  const Index depth = codes->shape()[1];
  const Index columns = codes->shape()[2];
  const std::vector<std::int32_t> values = integers_of(*codes);
  const std::vector<std::int32_t> zeros = integers_of(*zero_points);
  const auto of_column = [&](const auto& parameters, Index direction, Index column) {
    const auto count = static_cast<Index>(parameters.size()) / directions;
    return parameters[static_cast<std::size_t>(direction * count + (count == 1 ? 0 : column))];
  };
  RowProduct result{.weights = {.columns = columns, .depth = depth, .type = kernels::WeightType::int8}};
  const kernels::GemmKernel& gemm = lowering.kernels().gemm;
  std::vector<float> column_scales;
  std::vector<std::int32_t> column_sums;
  std::vector<std::int8_t> ordered;  // (directions x columns x depth)
  for (Index direction = 0; direction < directions; ++direction) {
    for (Index column = 0; column < columns; ++column) {
      std::int32_t sum = 0;
      for (Index k = 0; k < depth; ++k) {
        const std::int32_t value = values[static_cast<std::size_t>((direction * depth + k) * columns + column)] -
                                   of_column(zeros, direction, column);
        if (value < -128 || value > 127) return {};
        ordered.push_back(static_cast<std::int8_t>(value));
        sum += value;
      }
      column_sums.push_back(sum);
      column_scales.push_back(of_column(scales->values<float>(), direction, column));
    }
  }
  PackedWeights packed = pack_each(directions, gemm.packed_bytes(result.codes()), [&](Index direction, std::byte* to) {
    gemm.pack(result.codes(), {.codes = ordered.data() + direction * columns * depth}, to);
  });
  result.stride = static_cast<Index>(packed.stride);
  result.packed = {lowering.constant_buffer(std::move(packed.bytes))};
  result.scales = {lowering.constant_buffer(column_scales)};
  result.column_sums = {lowering.constant_buffer(column_sums)};
  return result;
}

}  // namespace condense::runtime::detail

#endif
