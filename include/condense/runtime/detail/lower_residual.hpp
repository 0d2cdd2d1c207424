#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_RESIDUAL_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_RESIDUAL_HPP

#include "condense/runtime/detail/lower_elementwise.hpp"

namespace condense::runtime::detail {

/// A sum of two quantised tensors of which one is the result of the product before it, and of nobody else's interest:
/// the product's step adds the other one, block by block while its codes are in the cache. The bytes are those of two
/// steps. False if the node is not such a sum.
inline bool lower_residual(Lowering& lowering, const graph::Node& node) {
  if (!node.op.is<graph::Add>() || lowering.shape(node.inputs[0]) != lowering.shape(node.inputs[1])) return false;
  const auto product_of = [&](graph::Value input) -> std::optional<Lowering::LastProduct> {
    const auto source = lowering.source(input);
    if (!source || lowering.only_consumer(input) == nullptr) return {};
    return lowering.last_product(source->codes);
  };
  auto product = product_of(node.inputs[0]);
  const std::size_t at = product ? 0 : 1;
  if (!product) product = product_of(node.inputs[1]);
  IntegerProductStep* step = product ? product->integers() : nullptr;
  if (step == nullptr || step->sum || step->table.exists()) return false;
  const auto own = lowering.source(node.inputs[at]);
  const auto other = lowering.source(node.inputs[1 - at]);
  const Tail tail = lowering.tail(node, true);
  if (!other || !tail.quantized) return false;

  lowering.withdraw_product();
  lowering.cover(tail);
  const float scale = tail.quantized->affine.scale;
  step->residual = {lowering.request(other->codes, product->layout)};
  step->output = {lowering.produce(tail.result, product->layout)};
  step->sum = kernels::AddArguments{
      .a = {.type = own->element(), .zero_point = own->affine.zero_point},
      .b = {.type = other->element(), .zero_point = other->affine.zero_point},
      .a_multiplier = kernels::short_multiplier(own->affine.scale / scale),
      .b_multiplier = kernels::short_multiplier(other->affine.scale / scale),
      .output = code_output(tail),
  };
  product->result = tail.result;
  product->info.operation += " + " + tail.operation;
  lowering.append_product(*std::move(product));
  return true;
}

}  // namespace condense::runtime::detail

#endif
