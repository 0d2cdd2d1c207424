#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_RECURRENT_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_RECURRENT_HPP

#include "condense/graph/operators/dynamic_quantize_lstm.hpp"
#include "condense/runtime/detail/lower_operator.hpp"
#include "condense/runtime/detail/product.hpp"

namespace condense::runtime::detail {

/// `graph::reference::DynamicWeights` packed for a kernel: the same sums of integers.
struct PackedDynamicWeights {
  kernels::GemmKernel gemm;
  kernels::WeightShape shape;
  AlignedBytes packed;
  std::vector<std::int32_t> column_sums;
  std::vector<float> scales;  ///< One for each column.

  std::size_t bytes() const noexcept { return packed.size() + 4 * (column_sums.size() + scales.size()); }

  void add_product(const float* x, Index rows, Index depth, float* y, const ThreadPool& pool) const {
    if (depth == 0) return;
    const quantize::Affine affine = graph::reference::dynamic_parameters(x, rows * depth);
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(rows * depth));
    for (std::size_t i = 0; i < codes.size(); ++i) {
      codes[i] = static_cast<std::uint8_t>(quantize::quantize_value(x[i], affine, quantize::kUint8));
    }
    std::vector<std::int32_t> bias;
    for (const std::int32_t sum : column_sums) bias.push_back(-affine.zero_point * sum);
    std::vector<std::int32_t> sums(static_cast<std::size_t>(rows * shape.columns));
    for_row_blocks(pool, 1, rows, [&](Index, Index first, Index count) {
      const Index start = first * shape.columns;
      gemm.run({.input = {.data = codes.data() + first * depth, .rows = count, .depth = depth, .row_stride = depth},
                .weights = shape,
                .packed_weights = packed.data(),
                .epilogue = {.bias = bias.data()},
                .output = sums.data() + start,
                .output_type = kernels::ElementType::int32,
                .output_stride = shape.columns});
      for (Index row = first; row < first + count; ++row) {
        for (Index column = 0; column < shape.columns; ++column) {
          const float multiplier = affine.scale * scales[static_cast<std::size_t>(column)];
          const Index i = row * shape.columns + column;
          y[i] += static_cast<float>(sums[static_cast<std::size_t>(i)]) * multiplier;
        }
      }
    });
  }
};

/// A DynamicQuantizeLSTM whose weights are packed.
struct PackedLstm {
  static constexpr std::string_view kType = graph::DynamicQuantizeLstm::kType;
  using Weights = std::shared_ptr<const PackedDynamicWeights>;

  graph::DynamicQuantizeLstm op;
  std::vector<Weights> input_weights;  ///< One for each direction.
  std::vector<Weights> state_weights;

  std::vector<graph::TensorType> infer(const graph::InputTypes& inputs) const { return op.infer(inputs); }

  void evaluate(const graph::Evaluation& e) const {
    struct Shared {
      Weights weights;
      void add_product(const float* x, Index rows, Index depth, float* y, const ThreadPool& pool) const {
        weights->add_product(x, rows, depth, y, pool);
      }
    };
    op.run<Shared>(e, [&](std::size_t input, Index direction) {
      return Shared{(input == 1 ? input_weights : state_weights)[static_cast<std::size_t>(direction)]};
    });
  }

  friend bool operator==(const PackedLstm&, const PackedLstm&) = default;
};

/// Packs weights (directions, depth, columns) of 8 bits, one for each direction. Empty if they are not constant or do
/// not fit 8 signed bits without their zero points, or if their sums could leave int32.
inline std::vector<PackedLstm::Weights> packed_directions(const Lowering& lowering, const graph::Node& node,
                                                          std::size_t input) {
  const std::size_t scale_input = input == 1 ? 8 : 10;
  const Tensor* codes = lowering.graph().constant_if(node.inputs[input]);
  const Tensor* scales = lowering.graph().constant_if(node.inputs[scale_input]);
  const Tensor* zero_points = lowering.graph().constant_if(node.inputs[scale_input + 1]);
  constexpr Index kDeepest = std::numeric_limits<std::int32_t>::max() / (2 * 128 * 255);
  if (codes == nullptr || scales == nullptr || zero_points == nullptr || codes->shape()[1] > kDeepest) return {};
  const Index directions = codes->shape()[0];
  const Index depth = codes->shape()[1];
  const Index columns = codes->shape()[2];
  if (depth == 0 || columns == 0) return {};
  const std::vector<std::int32_t> values = integers_of(*codes);
  const std::vector<std::int32_t> zeros = integers_of(*zero_points);
  const auto of_column = [&](const auto& parameters, Index direction, Index column) {
    const auto count = static_cast<Index>(parameters.size()) / directions;
    return parameters[static_cast<std::size_t>(direction * count + (count == 1 ? 0 : column))];
  };
  std::vector<PackedLstm::Weights> result;
  for (Index direction = 0; direction < directions; ++direction) {
    auto weights = std::make_shared<PackedDynamicWeights>();
    weights->gemm = lowering.kernels().gemm;
    weights->shape = {.columns = columns, .depth = depth};
    std::vector<std::int8_t> ordered;  // (columns x depth)
    for (Index column = 0; column < columns; ++column) {
      std::int32_t sum = 0;
      for (Index k = 0; k < depth; ++k) {
        const std::int32_t value = values[static_cast<std::size_t>((direction * depth + k) * columns + column)] -
                                   of_column(zeros, direction, column);
        if (value < -128 || value > 127) return {};
        ordered.push_back(static_cast<std::int8_t>(value));
        sum += value;
      }
      weights->column_sums.push_back(sum);
      weights->scales.push_back(of_column(scales->values<float>(), direction, column));
    }
    weights->packed = AlignedBytes(weights->gemm.packed_bytes(weights->shape));
    weights->gemm.pack(weights->shape, {.codes = ordered.data()}, weights->packed.data());
    result.push_back(std::move(weights));
  }
  return result;
}

/// A DynamicQuantizeLSTM of constant weights: its products run on packed ones. False if the node is none.
inline bool lower_recurrent(Lowering& lowering, const graph::Node& node) {
  const auto* op = node.op.get_if<graph::DynamicQuantizeLstm>();
  if (op == nullptr) return false;
  PackedLstm lstm{*op, packed_directions(lowering, node, 1), packed_directions(lowering, node, 2)};
  if (lstm.input_weights.empty() || lstm.state_weights.empty()) return false;
  StepInfo info{node.name, std::string(node.op.type()), "int8", "recurrent"};
  for (const auto* weights : {&lstm.input_weights, &lstm.state_weights}) {
    for (const PackedLstm::Weights& of_direction : *weights) {
      info.weight_bytes += of_direction->bytes();
      const kernels::WeightShape& shape = of_direction->shape;
      const Shape& x = lowering.shape(node.inputs[0]);
      info.multiply_accumulates += std::int64_t{x[0]} * x[1] * shape.depth * shape.columns;
    }
  }
  OperatorStep step{std::move(lstm)};
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const graph::Value value = node.inputs[i];
    const bool is_packed_weight = i == 1 || i == 2 || i >= 8;
    if (!value.exists()) {
      step.add_absent_input();
    } else {
      step.add_input(lowering.type(value), is_packed_weight ? -1 : lowering.request(value, Layout::channels_first));
    }
  }
  for (const graph::Value value : node.outputs) {
    step.add_output(lowering.type(value), lowering.produce(value, Layout::channels_first));
  }
  append_operator(lowering, node, std::move(info), std::move(step));
  return true;
}

}  // namespace condense::runtime::detail

#endif
