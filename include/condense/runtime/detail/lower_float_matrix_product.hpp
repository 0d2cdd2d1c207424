#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_FLOAT_MATRIX_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_FLOAT_MATRIX_PRODUCT_HPP

#include <map>

#include "condense/runtime/detail/product.hpp"
#include "condense/runtime/detail/steps/float_matrix_product.hpp"

namespace condense::runtime::detail {

/// The extents and orders of a product of two stacks of float matrices.
struct FloatMatrixProduct {
  std::vector<FloatMatrixPair> pairs;
  std::vector<std::int64_t> starts;  ///< The first element of each b.
  Index rows = 0;
  Index columns = 0;
  Index depth = 0;
  bool b_transposed = false;
};

/// Those of a MatMul, or of a Gemm whose bias is one for each column. Empty if the node is none, or its result is.
inline std::optional<FloatMatrixProduct> float_matrix_product_of(const Lowering& lowering, const graph::Node& node) {
  FloatMatrixProduct result;
  if (node.op.is<graph::Gemm>()) {
    const std::optional<Product> product = product_of(lowering, node);
    if (!product) return {};
    result = {{{}}, {0}, product->rows, product->columns, product->depth, node.op.get_if<graph::Gemm>()->trans_b};
  } else if (node.op.is<graph::MatMul>()) {
    const Shape& a = lowering.shape(node.inputs[0]);
    const Shape& b = lowering.shape(node.inputs[1]);
    const graph::reference::MatrixStacks stacks(a, b, 1);
    result.rows = stacks.sizes.rows;
    result.columns = stacks.sizes.columns;
    result.depth = stacks.sizes.depth;
    if (b.rank() <= 2) {  // all of a is one tall matrix
      result.rows = a.count(0, a.rank() - 1);
      result.pairs = {{}};
      result.starts = {0};
    } else {
      std::map<Index, std::int64_t> numbers;  // of the b that starts at an element
      stacks.for_each({}, [&](Index, Index a_first, Index b_first) {
        const auto [entry, is_new] = numbers.try_emplace(b_first, static_cast<std::int64_t>(numbers.size()));
        if (is_new) result.starts.push_back(b_first);
        result.pairs.push_back({a_first, entry->second});
      });
    }
  } else {
    return {};
  }
  const bool is_empty = result.rows == 0 || result.columns == 0 || result.depth == 0 || result.pairs.empty();
  return is_empty ? std::nullopt : std::optional(std::move(result));
}

/// A product of two float activations, or of one and a stack of constant matrices, with bias and clamp. False if the
/// node is not one.
inline bool lower_float_matrix_product(Lowering& lowering, const graph::Node& node) {
  if (node.inputs.size() < 2 || lowering.type(node.outputs[0]).type != DataType::float32) return false;
  const std::optional<FloatMatrixProduct> product = float_matrix_product_of(lowering, node);
  if (!product) return false;
  const auto bias = bias_of(lowering, node, product->columns);
  if (!bias || static_cast<Index>(bias->size()) != product->columns) return false;
  const Tail tail = product_tail(lowering, node, false);
  const auto matrices = static_cast<Index>(product->pairs.size());
  const auto factors = static_cast<Index>(product->starts.size());
  FloatMatrixProductStep step{.pairs = {lowering.table_buffer(product->pairs)},
                              .bias = {lowering.constant_buffer(*bias)},
                              .matrices = matrices,
                              .factors = factors,
                              .rows = product->rows,
                              .columns = product->columns,
                              .depth = product->depth,
                              .b_transposed = product->b_transposed,
                              .low = tail.low,
                              .high = tail.high};
  const kernels::FloatGemmKernel& gemm = lowering.kernels().float_gemm;
  const std::size_t bytes = (gemm.packed_bytes(step.weights()) + 63) / 64 * 64;
  step.packed_bytes = static_cast<Index>(bytes);

  lowering.cover(tail);
  step.a = {lowering.request(node.inputs[0], Layout::channels_first)};
  if (const std::optional<Tensor> constant = lowering.float_constant(node.inputs[1])) {
    AlignedBytes packed(bytes * static_cast<std::size_t>(factors));
    for (std::size_t i = 0; i < product->starts.size(); ++i) {
      const float* values = constant->data<float>() + product->starts[i];
      gemm.pack_matrix(step.weights(),
                       product->b_transposed ? kernels::FloatMatrix{values, 1, step.depth}
                                             : kernels::FloatMatrix{values, step.columns, 1},
                       packed.data() + i * bytes);
    }
    step.constants = {lowering.constant_buffer(std::move(packed))};
  } else {
    step.b = {lowering.request(node.inputs[1], Layout::channels_first)};
    step.starts = {lowering.table_buffer(product->starts)};
    step.packed = {lowering.scratch(bytes * static_cast<std::size_t>(factors))};
  }
  step.output = {lowering.produce(tail.result, Layout::channels_first)};
  const std::int64_t multiplies = std::int64_t{matrices} * step.rows * step.columns * step.depth;
  lowering.append({node.name, tail.operation, "float32", "gemm", multiplies}, std::move(step));
  return true;
}

}  // namespace condense::runtime::detail

#endif
