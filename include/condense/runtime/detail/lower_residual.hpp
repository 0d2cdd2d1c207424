#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_RESIDUAL_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_RESIDUAL_HPP

#include "condense/runtime/detail/lower_elementwise.hpp"
#include "condense/runtime/detail/lower_integer_product.hpp"

namespace condense::runtime::detail {

/// A sum of two quantised tensors of which one is the result of the product before it, and of nobody else's interest:
/// the product's step adds the other one, block by block while its codes are in the cache. The bytes are those of two
/// steps. False if the node is not such a sum.
inline bool lower_residual(Lowering& lowering, const graph::Node& node) {
  const Lowering::LastProduct* last = lowering.last_product();
  if (!node.op.is<graph::Add>() || last == nullptr) return false;
  const auto is_result = [&](graph::Value input) {
    const auto source = lowering.source(input);
    return source && source->codes == last->codes && lowering.only_consumer(input) != nullptr &&
           lowering.only_consumer(source->codes) != nullptr;
  };
  const std::size_t at = is_result(node.inputs[0]) ? 0 : 1;
  if (!is_result(node.inputs[at])) return false;
  const auto own = lowering.source(node.inputs[at]);
  const auto other = lowering.source(node.inputs[1 - at]);
  Tail tail = lowering.tail(node, true);
  if (!other || !tail.quantized || lowering.shape(node.inputs[0]) != lowering.shape(node.inputs[1])) return false;

  Lowering::LastProduct product = *last;
  lowering.withdraw_product();
  lowering.cover(tail);
  const float scale = tail.quantized->affine.scale;
  IntegerProductStep& step = product.step;
  step.residual = {lowering.request(other->codes, product.layout)};
  step.output = {lowering.produce(tail.result, product.layout)};
  step.sum = kernels::AddArguments{
      .a = {.type = own->element(), .zero_point = own->affine.zero_point},
      .b = {.type = other->element(), .zero_point = other->affine.zero_point},
      .a_multiplier = kernels::short_multiplier(own->affine.scale / scale),
      .b_multiplier = kernels::short_multiplier(other->affine.scale / scale),
      .output = code_output(tail),
  };
  product.info.operation += " + " + tail.operation;
  lowering.append(std::move(product.info), std::move(step));
  return true;
}

}  // namespace condense::runtime::detail

#endif
