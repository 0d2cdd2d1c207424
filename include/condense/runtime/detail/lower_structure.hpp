#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_STRUCTURE_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_STRUCTURE_HPP

#include "condense/graph/operators/concat.hpp"
#include "condense/graph/operators/flatten.hpp"
#include "condense/graph/operators/reshape.hpp"
#include "condense/runtime/detail/lower_elementwise.hpp"
#include "condense/runtime/detail/steps/move.hpp"

namespace condense::runtime::detail {

/// Flatten and Reshape: the same bytes under another shape, channels first. False if the node is neither.
inline bool lower_reshape(Lowering& lowering, const graph::Node& node) {
  if (!node.op.is<graph::Flatten>() && !node.op.is<graph::Reshape>()) return false;
  const auto input = lowering.source(node.inputs[0]);
  const Tail tail = lowering.tail(node, true);
  if (input && tail.quantized) {
    lowering.cover(tail);
    lowering.place(tail.result, Layout::channels_first, request_as(lowering, *input, tail, Layout::channels_first));
  } else {
    lowering.place(node.outputs[0], Layout::channels_first, lowering.request(node.inputs[0], Layout::channels_first));
  }
  return true;
}

/// Concat: copies of consecutive pieces, after bringing codes to the parameters of the result. False if it is not one.
inline bool lower_concat(Lowering& lowering, const graph::Node& node) {
  const auto* concat = node.op.get_if<graph::Concat>();
  if (concat == nullptr) return false;
  Tail tail = lowering.tail(node, true);
  std::vector<QuantizedValue> sources;
  for (const graph::Value input : node.inputs) {
    if (const auto source = lowering.source(input)) sources.push_back(*source);
  }
  const bool in_codes = tail.quantized && sources.size() == node.inputs.size();
  const graph::Value result = in_codes ? tail.result : node.outputs[0];
  if (!in_codes && is_packed(lowering.type(result).type)) return false;
  const Shape& shape = lowering.shape(result);
  const int axis = shape.axis(concat->axis);

  // Channels-last images are (n, h, w, c) in memory, so that channels are joined position by position.
  const bool joins_channels = axis == 1 && (shape.rank() == 3 || shape.rank() == 4);
  const Layout layout = joins_channels ? Layout::channels_last : Layout::channels_first;
  const Index outer = joins_channels ? shape[0] * shape.count(2, shape.rank()) : shape.count(0, axis);
  const auto bytes = static_cast<Index>(lowering.element_bytes(result));
  JoinStep step{.pieces = {}, .output = {}, .outer = outer};
  if (in_codes) lowering.cover(tail);
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    // A value of one position or channel has one layout: it is what either layout would be.
    const int buffer =
        in_codes ? request_as(lowering, sources[i], tail, layout) : lowering.request(node.inputs[i], layout);
    const Index elements = lowering.shape(node.inputs[i]).count() / std::max<Index>(outer, 1);
    step.pieces.push_back({{buffer}, elements * bytes});
  }
  step.output = {lowering.produce(result, layout)};
  lowering.append({node.name, in_codes ? tail.operation : std::string("Concat"), in_codes ? "int8" : "-", "layout"},
                  std::move(step));
  return true;
}

}  // namespace condense::runtime::detail

#endif
