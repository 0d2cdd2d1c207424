#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_HPP

#include "condense/runtime/detail/lower_conv_transpose.hpp"
#include "condense/runtime/detail/lower_dynamic_product.hpp"
#include "condense/runtime/detail/lower_elementwise.hpp"
#include "condense/runtime/detail/lower_float_elementwise.hpp"
#include "condense/runtime/detail/lower_float_matrix_product.hpp"
#include "condense/runtime/detail/lower_float_product.hpp"
#include "condense/runtime/detail/lower_integer_product.hpp"
#include "condense/runtime/detail/lower_matrix_product.hpp"
#include "condense/runtime/detail/lower_move.hpp"
#include "condense/runtime/detail/lower_normalization.hpp"
#include "condense/runtime/detail/lower_operator.hpp"
#include "condense/runtime/detail/lower_pooling.hpp"
#include "condense/runtime/detail/lower_recurrent.hpp"
#include "condense/runtime/detail/lower_reduction.hpp"
#include "condense/runtime/detail/lower_residual.hpp"
#include "condense/runtime/detail/lower_resize.hpp"
#include "condense/runtime/detail/lower_structure.hpp"

namespace condense::runtime::detail {

inline void lower(Lowering& lowering, const graph::Node& node) {
  const graph::Value value = node.outputs[0];
  const auto is_known = [&](graph::Value output) { return lowering.known(output) != nullptr; };
  if (lowering.is_covered(node) || std::ranges::all_of(node.outputs, is_known)) return;
  if (node.op.is<graph::DequantizeLinear>() && lowering.source(value)) return;  // made where a float is asked for
  if (lowering.is_dequantized_constant(node)) return;                           // folded where it is asked for
  if (lower_integer_product(lowering, node) || lower_matrix_product(lowering, node) ||
      lower_dynamic_quantize(lowering, node) || lower_dynamic_scale(lowering, node) ||
      lower_integer_sums(lowering, node) || lower_quantized_rows(lowering, node) ||
      lower_float_product(lowering, node) || lower_float_matrix_product(lowering, node) ||
      lower_softmax(lowering, node) || lower_layer_normalization(lowering, node) || lower_reduction(lowering, node) ||
      lower_conv_transpose(lowering, node) || lower_residual(lowering, node) || lower_binary(lowering, node) ||
      lower_unary(lowering, node) || lower_float_elementwise(lowering, node) || lower_pooling(lowering, node) ||
      lower_move(lowering, node) || lower_reshape(lowering, node) || lower_concat(lowering, node) ||
      lower_move_of_codes(lowering, node) || lower_resize(lowering, node) || lower_recurrent(lowering, node) ||
      lower_quantize(lowering, node)) {
    return;
  }
  lower_operator(lowering, node);
}

}  // namespace condense::runtime::detail

#endif
