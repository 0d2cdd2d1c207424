#ifndef CONDENSE_COMPRESS_DETAIL_OPERATOR_KINDS_HPP
#define CONDENSE_COMPRESS_DETAIL_OPERATOR_KINDS_HPP

#include "condense/graph/operator_traits.hpp"
#include "condense/quantize/number_format.hpp"

namespace condense::compress::detail {

inline bool is_float32(const quantize::NumberFormat& format) { return format.scheme == quantize::SchemeKind::float32; }

/// True for formats whose integers an operator of 8-bit codes takes as they are: int8 and int8/channel.
inline bool is_int8(const quantize::NumberFormat& format) {
  return format.scheme == quantize::SchemeKind::symmetric && format.bits == 8 && format.is_signed &&
         format.granularity.kind != quantize::Granularity::Kind::per_group;
}

inline bool is_convolution(const graph::Operator& op) { return op.is<graph::Conv>() || op.is<graph::ConvTranspose>(); }

inline bool is_product(const graph::Operator& op) {
  return is_convolution(op) || op.is<graph::Gemm>() || op.is<graph::MatMul>();
}

inline bool is_recurrent(const graph::Operator& op) {
  return op.is<graph::Gru>() || op.is<graph::Lstm>() || op.is<graph::Rnn>();
}

/// An input that holds weights, with the axes of the outputs and of the depth.
struct WeightInput {
  std::size_t input = 1;
  int output_axis = 0;
  int depth_axis = 1;
};

/// The weights of an operator; none if it has no such inputs. The table of a Gather has rows in place of outputs.
inline std::vector<WeightInput> weight_inputs(const graph::Operator& op) {
  if (op.is<graph::Conv>()) return {{1, 0, 1}};
  if (op.is<graph::ConvTranspose>()) return {{1, 1, 0}};
  if (const auto* gemm = op.get_if<graph::Gemm>()) return {gemm->trans_b ? WeightInput{1, 0, 1} : WeightInput{1, 1, 0}};
  if (op.is<graph::MatMul>()) return {{1, 1, 0}};
  if (is_recurrent(op)) return {{1, 1, 2}, {2, 1, 2}};
  if (op.is<graph::Gather>()) return {{0, 0, 1}};
  return {};
}

inline bool is_average(const graph::Operator& op) {
  return op.is<graph::AveragePool>() || op.is<graph::GlobalAveragePool>();
}

/// Functions of one number that do not magnify the error of their argument much, so that it may be rounded to a code.
inline bool is_activation(const graph::Operator& op) {
  using Functions = graph::OperatorList<graph::Abs, graph::Celu, graph::Clip, graph::Elu, graph::Erf, graph::Gelu,
                                        graph::HardSigmoid, graph::HardSwish, graph::LeakyRelu, graph::Mish, graph::Neg,
                                        graph::Relu, graph::Selu, graph::Sigmoid, graph::Softplus, graph::Softsign,
                                        graph::Swish, graph::Tanh, graph::ThresholdedRelu>;
  return graph::detail::Contains<Functions>::any(op);
}

/// Sums and products of two tensors.
inline bool is_binary(const graph::Operator& op) { return op.is<graph::Add>() || op.is<graph::Mul>(); }

}  // namespace condense::compress::detail

#endif
