#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_NORMALIZATION_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_NORMALIZATION_HPP

#include "condense/graph/operators/normalizations.hpp"
#include "condense/graph/operators/softmax.hpp"
#include "condense/runtime/detail/lowering.hpp"
#include "condense/runtime/detail/steps/normalization.hpp"

namespace condense::runtime::detail {

/// Softmax of floats over an axis whose elements lie side by side in one of the layouts: the last one, or the channels.
/// False if the node is none.
inline bool lower_softmax(Lowering& lowering, const graph::Node& node) {
  const auto* op = node.op.get_if<graph::Softmax>();
  if (op == nullptr || lowering.type(node.inputs[0]).type != DataType::float32) return false;
  const Shape& shape = lowering.shape(node.inputs[0]);
  const int axis = shape.axis(op->axis);
  Layout layout = Layout::channels_first;
  if (shape.count(axis + 1, shape.rank()) != 1) {
    if (axis != 1 || !lowering.has_two_layouts(node.inputs[0])) return false;
    layout = Layout::channels_last;
  }
  const Index columns = shape[axis];
  const int from = lowering.request(node.inputs[0], layout);
  lowering.append({node.name, std::string(node.op.type()), "float32", "normalization"},
                  SoftmaxStep{.input = {from},
                              .output = {lowering.produce(node.outputs[0], layout)},
                              .rows = columns == 0 ? 0 : shape.count() / columns,
                              .columns = columns});
  return true;
}

/// Layer normalisation of floats with a constant scale and bias for each element of a row. False if the node is none.
inline bool lower_layer_normalization(Lowering& lowering, const graph::Node& node) {
  const auto* op = node.op.get_if<graph::LayerNormalization>();
  if (op == nullptr || op->outputs.count != 1 || lowering.type(node.inputs[0]).type != DataType::float32) return false;
  const Shape& shape = lowering.shape(node.inputs[0]);
  const int axis = shape.axis(op->axis);
  const Index columns = shape.count(axis, shape.rank());
  if (columns == 0) return false;
  std::optional<Tensor> terms[2];
  for (std::size_t i = 0; i < 2; ++i) {
    if (i + 1 >= node.inputs.size() || !node.inputs[i + 1].exists()) continue;
    terms[i] = lowering.float_constant(node.inputs[i + 1]);
    if (!terms[i]) return false;
    if (terms[i]->count() == 1) {
      Tensor repeated(DataType::float32, {columns});
      std::ranges::fill(repeated.mutable_values<float>(), terms[i]->data<float>()[0]);
      terms[i] = std::move(repeated);
    }
    const Shape& term = terms[i]->shape();
    const int last = std::max(0, term.rank() - (shape.rank() - axis));  // from here on its axes are those of a row
    if (terms[i]->count() != columns || term.count(last, term.rank()) != columns) return false;
  }
  LayerNormalizationStep step{.rows = shape.count() / columns, .columns = columns, .epsilon = op->epsilon};
  if (terms[0]) step.scale = {lowering.constant_buffer(*terms[0])};
  if (terms[1]) step.bias = {lowering.constant_buffer(*terms[1])};
  step.input = {lowering.request(node.inputs[0], Layout::channels_first)};
  step.output = {lowering.produce(node.outputs[0], Layout::channels_first)};
  lowering.append({node.name, std::string(node.op.type()), "float32", "normalization"}, std::move(step));
  return true;
}

}  // namespace condense::runtime::detail

#endif
