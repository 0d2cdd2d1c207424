#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_FLOAT_ELEMENTWISE_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_FLOAT_ELEMENTWISE_HPP

#include "condense/graph/operators/activations.hpp"
#include "condense/graph/operators/binary_math.hpp"
#include "condense/graph/operators/hard_swish.hpp"
#include "condense/graph/operators/leaky_relu.hpp"
#include "condense/graph/operators/sigmoid.hpp"
#include "condense/graph/operators/unary_math.hpp"
#include "condense/runtime/detail/lower_elementwise.hpp"

namespace condense::runtime::detail {

/// x to the power of a constant number, if that takes a few operations.
inline std::optional<kernels::FloatMap> power_map(const Lowering& lowering, const graph::Node& node) {
  const auto exponent = lowering.float_constant(node.inputs[1]);
  if (!exponent || exponent->count() != 1 || exponent->shape().rank() > lowering.shape(node.inputs[0]).rank())
    return {};
  using enum kernels::FloatFunction;
  const float number = exponent->values<float>()[0];
  if (number == 2) return kernels::FloatMap{square};
  if (number == 3) return kernels::FloatMap{cube};
  if (number == 0.5F) return kernels::FloatMap{power_half};
  if (number == -1) return kernels::FloatMap{reciprocal};
  return {};
}

/// The function of single floats that a node computes of its first input; empty if the kernels do not have it.
inline std::optional<kernels::FloatMap> float_map_of(const Lowering& lowering, const graph::Node& node) {
  using enum kernels::FloatFunction;
  using kernels::FloatMap;
  const graph::Operator& op = node.op;
  if (const auto bounds = lowering.clamp_bounds(node)) return FloatMap{clip, bounds->min, bounds->max};
  if (const auto* leaky = op.get_if<graph::LeakyRelu>()) return FloatMap{leaky_relu, leaky->alpha};
  if (const auto* above = op.get_if<graph::ThresholdedRelu>()) return FloatMap{thresholded_relu, above->alpha};
  if (const auto* around = op.get_if<graph::Shrink>()) return FloatMap{shrink, around->lambd, around->bias};
  if (const auto* line = op.get_if<graph::HardSigmoid>()) return FloatMap{hard_sigmoid, line->alpha, line->beta};
  if (op.is<graph::HardSwish>()) return FloatMap{hard_swish};
  if (op.is<graph::Abs>()) return FloatMap{absolute};
  if (op.is<graph::Neg>()) return FloatMap{negate};
  if (op.is<graph::Sign>()) return FloatMap{sign};
  if (op.is<graph::Sqrt>()) return FloatMap{square_root};
  if (op.is<graph::Reciprocal>()) return FloatMap{reciprocal};
  if (op.is<graph::Floor>()) return FloatMap{floor};
  if (op.is<graph::Ceil>()) return FloatMap{ceil};
  if (op.is<graph::Round>()) return FloatMap{round};
  if (op.is<graph::Softsign>()) return FloatMap{softsign};
  if (op.is<graph::Exp>()) return FloatMap{exponential};
  if (op.is<graph::Log>()) return FloatMap{logarithm};
  if (op.is<graph::Sigmoid>()) return FloatMap{sigmoid};
  if (const auto* gate = op.get_if<graph::Swish>()) return FloatMap{swish, gate->alpha};
  if (op.is<graph::Tanh>()) return FloatMap{tanh};
  if (const auto* curve = op.get_if<graph::Elu>()) return FloatMap{elu, curve->alpha};
  if (const auto* curve = op.get_if<graph::Celu>(); curve != nullptr && curve->alpha > 0) {
    return FloatMap{celu, curve->alpha};
  }
  if (const auto* curve = op.get_if<graph::Selu>()) return FloatMap{selu, curve->alpha, curve->gamma};
  if (op.is<graph::Softplus>()) return FloatMap{softplus};
  if (op.is<graph::Mish>()) return FloatMap{mish};
  if (op.is<graph::Erf>()) return FloatMap{error};
  if (const auto* bell = op.get_if<graph::Gelu>()) {
    return FloatMap{bell->approximate == graph::GeluApproximation::none ? gelu : gelu_tanh};
  }
  if (op.is<graph::Pow>() && lowering.type(node.inputs[1]).type == DataType::float32) return power_map(lowering, node);
  return {};
}

/// The function of two floats that a node computes; empty if it is none.
inline std::optional<kernels::FloatPair> float_pair_of(const graph::Node& node) {
  using kernels::FloatPair;
  if (node.inputs.size() != 2) return {};
  if (node.op.is<graph::Add>() || node.op.is<graph::Sum>()) return FloatPair::add;
  if (node.op.is<graph::Sub>()) return FloatPair::subtract;
  if (node.op.is<graph::Mul>()) return FloatPair::multiply;
  if (node.op.is<graph::Div>()) return FloatPair::divide;
  if (node.op.is<graph::Min>()) return FloatPair::minimum;
  if (node.op.is<graph::Max>()) return FloatPair::maximum;
  if (node.op.is<graph::PRelu>()) return FloatPair::leaky_relu;
  return {};
}

/// True if a node has one output, of floats, and so are its operands; bounds and exponents may be anything.
inline bool is_of_floats(const Lowering& lowering, const graph::Node& node, std::size_t operands) {
  const auto is_float32 = [&](graph::Value value) { return lowering.type(value).type == DataType::float32; };
  return node.outputs.size() == 1 && node.inputs.size() >= operands && is_float32(node.outputs[0]) &&
         std::all_of(node.inputs.begin(), node.inputs.begin() + static_cast<std::ptrdiff_t>(operands), is_float32);
}

/// A function of single floats: a step, or a part of the step of the product whose result it maps, if nobody else reads
/// that. False if the node is not one that the kernels have.
inline bool lower_float_map(Lowering& lowering, const graph::Node& node) {
  if (!is_of_floats(lowering, node, 1)) return false;
  const auto map = float_map_of(lowering, node);
  if (!map) return false;
  const graph::Value input = node.inputs[0];
  const graph::Value result = node.outputs[0];
  if (auto product = lowering.last_product(input)) {
    FloatTail* tail = product->float_tail();
    if (tail != nullptr && !tail->map) {
      lowering.withdraw_product();
      tail->map = map;
      product->set_output(lowering.produce(result, product->layout));
      product->result = result;
      product->info.operation += fmt::format(" + {}", node.op.type());
      lowering.append_product(*std::move(product));
      return true;
    }
  }
  const Layout layout = lowering.present_layout(input);
  const int from = lowering.request(input, layout);
  lowering.append({node.name, std::string(node.op.type()), "float32", "elementwise"},
                  FloatMapStep{.input = {from},
                               .output = {lowering.produce(result, layout)},
                               .count = lowering.shape(result).count(),
                               .map = *map});
  return true;
}

/// A sum of two float tensors of which one is the result of the product before it, and of nobody else's interest: the
/// product's step adds the other one, block by block. False if the node is not such a sum.
inline bool lower_float_residual(Lowering& lowering, const graph::Node& node) {
  if (float_pair_of(node) != kernels::FloatPair::add || !is_of_floats(lowering, node, 2) ||
      lowering.shape(node.inputs[0]) != lowering.shape(node.inputs[1])) {
    return false;
  }
  for (const std::size_t i : {0U, 1U}) {
    auto product = lowering.last_product(node.inputs[i]);
    FloatTail* tail = product ? product->float_tail() : nullptr;
    if (tail == nullptr || tail->exists()) continue;
    lowering.withdraw_product();
    tail->residual = {lowering.request(node.inputs[1 - i], product->layout)};
    product->set_output(lowering.produce(node.outputs[0], product->layout));
    product->result = node.outputs[0];
    product->info.operation += fmt::format(" + {}", node.op.type());
    lowering.append_product(*std::move(product));
    return true;
  }
  return false;
}

/// A function of two float tensors that broadcast, with the function of single floats that follows. False if the node
/// is not one, or if its operands meet in more than three loops.
inline bool lower_float_pair(Lowering& lowering, const graph::Node& node) {
  const auto operation = float_pair_of(node);
  if (!operation || !is_of_floats(lowering, node, 2)) return false;
  graph::Value result = node.outputs[0];
  const graph::Value a = node.inputs[0];
  const graph::Value b = node.inputs[1];
  const Layout layout = layout_of_pair(lowering, a, b, result);
  const auto extents = broadcast_of(lowering, a, b, result, layout);
  if (!extents) return false;
  StepInfo info{node.name, std::string(node.op.type()), "float32", "elementwise"};
  std::optional<kernels::FloatMap> map;
  if (const graph::Node* next = lowering.only_consumer(result)) {
    if (is_of_floats(lowering, *next, 1) && next->inputs[0] == result) map = float_map_of(lowering, *next);
    if (map) {
      lowering.cover(*next);
      result = next->outputs[0];
      info.operation += fmt::format(" + {}", next->op.type());
    }
  }
  const int from_a = lowering.request(a, layout);
  const int from_b = lowering.request(b, layout);
  lowering.append(std::move(info), FloatPairStep{.a = {from_a},
                                                 .b = {from_b},
                                                 .output = {lowering.produce(result, layout)},
                                                 .operation = *operation,
                                                 .extents = *extents,
                                                 .map = map});
  return true;
}

inline bool lower_float_elementwise(Lowering& lowering, const graph::Node& node) {
  return lower_float_residual(lowering, node) || lower_float_map(lowering, node) || lower_float_pair(lowering, node);
}

}  // namespace condense::runtime::detail

#endif
