#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_MATRIX_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_MATRIX_PRODUCT_HPP

#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "condense/runtime/detail/lowering.hpp"
#include "condense/runtime/detail/steps/matrix_product.hpp"

namespace condense::runtime::detail {

/// The extents and orders of a MatMul, or of a Gemm without bias, of two activations.
struct MatrixProduct {
  std::vector<MatrixPair> pairs;
  Index rows = 0;
  Index columns = 0;
  Index depth = 0;
  bool b_transposed = false;
};

/// Those of a node; empty if it is none.
inline std::optional<MatrixProduct> matrix_product_of(const Lowering& lowering, const graph::Node& node) {
  const auto* gemm = node.op.get_if<graph::Gemm>();
  if (gemm == nullptr && !node.op.is<graph::MatMul>()) return {};
  const Shape& a = lowering.shape(node.inputs[0]);
  const Shape& b = lowering.shape(node.inputs[1]);
  if (a.rank() < 2 || b.rank() < 2) return {};
  MatrixProduct result;
  if (gemm != nullptr) {
    if (gemm->trans_a || gemm->alpha != 1 || (node.inputs.size() > 2 && node.inputs[2].exists())) return {};
    result.rows = a[0];
    result.depth = a[1];
    result.columns = b[gemm->trans_b ? 0 : 1];
    result.b_transposed = gemm->trans_b;
    result.pairs.emplace_back();
  } else {
    const graph::reference::MatrixStacks stacks(a, b, 1);
    result.rows = stacks.sizes.rows;
    result.depth = stacks.sizes.depth;
    result.columns = stacks.sizes.columns;
    result.pairs.resize(static_cast<std::size_t>(stacks.stack.count()));
    stacks.for_each({}, [&](Index i, Index a_first, Index b_first) {
      result.pairs[static_cast<std::size_t>(i)] = {a_first, b_first};
    });
  }
  const bool is_empty = result.rows == 0 || result.columns == 0 || result.depth == 0 || result.pairs.empty();
  return is_empty || result.depth > MatrixProductStep::kDeepest ? std::nullopt : std::optional(std::move(result));
}

/// A product of two quantised activations, with clamp and requantisation. False if the node is not one.
inline bool lower_matrix_product(Lowering& lowering, const graph::Node& node) {
  std::optional<MatrixProduct> product = matrix_product_of(lowering, node);
  if (!product) return false;
  const auto a = lowering.source(node.inputs[0]);
  const auto b = lowering.source(node.inputs[1]);
  if (!a || !b || bits(a->type) != 8 || bits(b->type) != 8) return false;
  const Tail tail = lowering.tail(node, true);
  const kernels::WeightShape weights{.columns = product->columns, .depth = product->depth};
  const std::size_t packed_bytes = (lowering.kernels().gemm.packed_bytes(weights) + 63) / 64 * 64;
  const auto matrices = static_cast<Index>(product->pairs.size());
  const auto bytes = [&](Index elements) { return static_cast<std::size_t>(matrices * elements); };
  const std::int32_t half = is_signed(b->type) ? 0 : 128;

  lowering.cover(tail);
  MatrixProductStep step{
      .a = {lowering.request(a->codes, Layout::channels_first)},
      .b = {lowering.request(b->codes, Layout::channels_first)},
      .pairs = {lowering.table_buffer(product->pairs)},
      .codes = {lowering.scratch(bytes(product->columns * product->depth))},
      .bias = {lowering.scratch(bytes(product->columns) * sizeof(std::int32_t))},
      .packed = {lowering.scratch(bytes(1) * packed_bytes)},
      .sums = {lowering.scratch(bytes(product->rows * product->columns) * sizeof(std::int32_t))},
      .output = {lowering.produce(tail.result, Layout::channels_first)},
      .matrices = matrices,
      .rows = product->rows,
      .columns = product->columns,
      .depth = product->depth,
      .b_transposed = product->b_transposed,
      .a_type = a->element(),
      .a_zero_point = a->affine.zero_point,
      .half = half,
      .b_zero_point = b->affine.zero_point - half,
      .multiplier = a->affine.scale * b->affine.scale / (tail.quantized ? tail.quantized->affine.scale : 1.0F),
      .low = tail.low,
      .high = tail.high,
      .packed_bytes = static_cast<Index>(packed_bytes),
  };
  if (tail.quantized) step.form = code_output(tail);
  const std::int64_t multiplies = std::int64_t{matrices} * step.rows * step.columns * step.depth;
  lowering.append({node.name, tail.operation, "int8", "gemm", multiplies}, std::move(step));
  return true;
}

}  // namespace condense::runtime::detail

#endif
