#ifndef CONDENSE_COMPRESS_DETAIL_LAYER_INPUTS_HPP
#define CONDENSE_COMPRESS_DETAIL_LAYER_INPUTS_HPP

#include <algorithm>

#include "condense/compress/detail/operator_kinds.hpp"
#include "condense/compress/detail/weight_matrix.hpp"

namespace condense::compress::detail {

/// A layer as the product of a matrix of weights (outputs x columns) with samples of its inputs: a Conv in one group,
/// whose samples are its windows, a Gemm or a MatMul with constant weights.
class LayerInputs {
 public:
  static bool supports(const graph::Graph& graph, const graph::Node& node) {
    if (!is_product(node.op) || node.op.is<graph::ConvTranspose>() || !graph.is_constant(node.inputs[1])) return false;
    const graph::TensorType& type = graph.type(node.inputs[1]);
    const auto* conv = node.op.get_if<graph::Conv>();
    const auto* gemm = node.op.get_if<graph::Gemm>();
    const bool is_plain = gemm == nullptr || (!gemm->trans_a && gemm->alpha == 1 && gemm->beta == 1);
    return type.type == DataType::float32 && is_plain &&
           (conv != nullptr ? conv->group == 1 : type.shape.rank() == 2) && !graph.is_constant(node.inputs[0]);
  }

  LayerInputs(const graph::Graph& graph, const graph::Node& node)
      : node_(node), axes_(weight_inputs(node.op).front()), tensor_(graph.constant(node.inputs[1])) {}

  graph::Value input() const { return node_.inputs[0]; }
  graph::Value weights() const { return node_.inputs[1]; }
  graph::Value output() const { return node_.outputs[0]; }
  graph::Value bias() const { return node_.inputs.size() > 2 ? node_.inputs[2] : graph::kNoValue; }
  int depth_axis() const { return axes_.depth_axis; }
  int output_axis() const { return axes_.output_axis; }
  Index taps() const { return tensor_.shape().count(2, std::max(2, tensor_.shape().rank())); }
  Index outputs() const { return tensor_.shape()[axes_.output_axis]; }
  Index columns() const { return tensor_.shape()[axes_.depth_axis] * taps(); }

  /// The weights as a matrix (outputs x columns).
  Tensor matrix() const {
    if (axes_.output_axis == 0) return tensor_.reshaped({outputs(), columns()});
    return transposed(tensor_);
  }

  /// The weights of such a matrix, as the layer reads them.
  Tensor from_matrix(const Tensor& matrix) const {
    return axes_.output_axis == 0 ? matrix.reshaped(tensor_.shape()) : transposed(matrix);
  }

  /// Calls `body(samples, transposed, first)` with the samples (n x columns), or (columns x n) if `transposed`, of an
  /// input of the layer, the first of which is sample `first`.
  template <class Body>
  void for_each_block(const Tensor& input, Body&& body) const {
    const WeightMatrix matrix{.rows = outputs(), .columns = columns(), .taps = taps()};
    Index first = 0;
    observe_inputs(node_, matrix, tensor_.shape(), input,
                   [&](Index, TensorRef<const float> samples, bool is_transposed) {
                     body(samples, is_transposed, first);
                     first += samples.shape()[is_transposed ? 1 : 0];
                   });
  }

 private:
  static Tensor transposed(const Tensor& matrix) {
    Tensor result(DataType::float32, {matrix.shape()[1], matrix.shape()[0]});
    result.mutable_matrix<float>() = matrix.matrix<float>().transpose();
    return result;
  }

  const graph::Node& node_;
  WeightInput axes_;
  Tensor tensor_;
};

}  // namespace condense::compress::detail

#endif
