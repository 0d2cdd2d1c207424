#ifndef CONDENSE_COMPRESS_DETAIL_WEIGHT_MATRIX_HPP
#define CONDENSE_COMPRESS_DETAIL_WEIGHT_MATRIX_HPP

#include <memory>
#include <optional>
#include <vector>

#include "condense/graph/graph.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "condense/prune/mask.hpp"

namespace condense::compress::detail {

/// The weights of a convolution or product as one matrix (outputs x inputs), a row for each output. The inputs of a
/// convolution are those of one group, in the order (tap, channel) in which the runtime's kernels read them, so that
/// groups of consecutive ones are groups there, too.
struct WeightMatrix {
  Index rows = 0;
  Index columns = 0;
  Index groups = 1;         ///< Of convolutions; a row belongs to group row / (rows / groups).
  Index taps = 1;           ///< Of convolutions.
  bool transposed = false;  ///< The tensor is (inputs x outputs).

  friend bool operator==(const WeightMatrix&, const WeightMatrix&) = default;

  /// The place in the tensor of an element of the matrix.
  Index element(Index row, Index column) const noexcept {
    if (transposed) return column * rows + row;
    const Index channels = columns / taps;
    return row * columns + column % channels * taps + column / channels;
  }

  /// Calls `body(element of the tensor, element of the matrix)` for all of them.
  template <class Body>
  void for_each(Body&& body) const {
    for (Index row = 0; row < rows; ++row) {
      for (Index column = 0; column < columns; ++column) body(element(row, column), row * columns + column);
    }
  }

  Tensor matrix_of(const Tensor& tensor) const {
    Tensor matrix(DataType::float32, {rows, columns});
    float* to = matrix.mutable_data<float>();
    for_each([&, from = tensor.data<float>()](Index of_tensor, Index of_matrix) { to[of_matrix] = from[of_tensor]; });
    return matrix;
  }

  Tensor tensor_of(const Tensor& matrix, const Shape& shape) const {
    Tensor tensor(DataType::float32, shape);
    float* to = tensor.mutable_data<float>();
    for_each([&, from = matrix.data<float>()](Index of_tensor, Index of_matrix) { to[of_tensor] = from[of_matrix]; });
    return tensor;
  }

  prune::Mask mask_of(const prune::Mask& matrix, const Shape& shape) const {
    prune::Mask mask(shape);
    for_each([&](Index of_tensor, Index of_matrix) { mask.set(of_tensor, matrix.keeps(of_matrix)); });
    return mask;
  }

  /// Where each column of the matrix is among the inputs as `observe_inputs` gives them.
  std::vector<Index> input_order() const {
    std::vector<Index> order;
    for (Index column = 0; column < columns; ++column) {
      const Index channels = columns / taps;
      order.push_back(column % channels * taps + column / channels);
    }
    return order;
  }
};

/// The weights of a node, its input 1, if it has such a matrix: of Conv, Gemm and MatMul, float32 and constant.
inline std::optional<WeightMatrix> weight_matrix(const graph::Graph& graph, const graph::Node& node) {
  const Tensor* weights = node.inputs.size() > 1 ? graph.constant_if(node.inputs[1]) : nullptr;
  if (weights == nullptr || weights->type() != DataType::float32 || weights->count() == 0) return {};
  const Shape& shape = weights->shape();
  if (const auto* conv = node.op.get_if<graph::Conv>()) {
    return WeightMatrix{shape[0], shape.count(1, shape.rank()), conv->group, shape.count(2, shape.rank())};
  }
  if (const auto* gemm = node.op.get_if<graph::Gemm>()) {
    if (gemm->trans_b) return WeightMatrix{shape[0], shape[1]};
    return WeightMatrix{.rows = shape[1], .columns = shape[0], .transposed = true};
  }
  if (node.op.is<graph::MatMul>() && shape.rank() == 2) {
    return WeightMatrix{.rows = shape[1], .columns = shape[0], .transposed = true};
  }
  return {};
}

/// Calls `body(group, samples, transposed)` with what each group of rows is multiplied with when the node sees `input`:
/// samples (n x columns), or (columns x n) if `transposed`. The columns of a convolution are (channel, tap): see
/// `WeightMatrix::input_order`. Bounded memory.
template <class Body>
void observe_inputs(const graph::Node& node, const WeightMatrix& matrix, const Shape& weights, const Tensor& input,
                    Body&& body) {
  const Shape& shape = input.shape();
  if (const auto* conv = node.op.get_if<graph::Conv>()) {
    const graph::Window window = conv->window(shape, weights);
    const Index channels = matrix.columns / matrix.taps;
    const Index block = graph::reference::rows_per_block(window, matrix.columns);
    std::unique_ptr<float[]> unfolded(
        new float[static_cast<std::size_t>(matrix.columns * std::min(block, window.rows()) * window.width.output)]);
    for (Index plane = 0; plane < shape[0] * matrix.groups; ++plane) {
      const float* image = input.data<float>() + plane * channels * window.pixels();
      for (Index row = 0; row < window.rows(); row += block) {
        const Index rows = std::min(block, window.rows() - row);
        graph::reference::im2col(image, channels, window, row, rows, unfolded.get());
        body(plane % matrix.groups,
             TensorRef<const float>(unfolded.get(), {matrix.columns, rows * window.width.output}), true);
      }
    }
    return;
  }
  const auto* gemm = node.op.get_if<graph::Gemm>();
  if (gemm != nullptr && gemm->trans_a) {
    body(Index{0}, TensorRef<const float>(input), true);
  } else {
    body(Index{0}, TensorRef<const float>(input.data<float>(), {input.count() / matrix.columns, matrix.columns}),
         false);
  }
}

}  // namespace condense::compress::detail

#endif
