#ifndef CONDENSE_IO_ONNX_DETAIL_BODY_TYPES_HPP
#define CONDENSE_IO_ONNX_DETAIL_BODY_TYPES_HPP

#include "condense/graph/operators/control_flow.hpp"
#include "condense/io/onnx/model.hpp"

namespace condense::io::onnx::detail {

/// The types of what a Loop gives to its body: the number of the iteration, the condition, which some exporters declare
/// as vectors of one element, and the values of `inputs` from the third on.
inline std::vector<graph::TensorType> loop_body_types(const Graph& body, const graph::Graph& around,
                                                      std::span<const graph::Value> inputs) {
  std::vector<graph::TensorType> types;
  const auto declared = [&](std::size_t i, DataType type) {
    const bool is_vector = i < body.inputs.size() && body.inputs[i].shape && body.inputs[i].shape->size() == 1;
    types.push_back({type, is_vector ? Shape{1} : Shape{}});
  };
  declared(0, DataType::int64);
  declared(1, DataType::boolean);
  for (const graph::Value input : inputs.subspan(2)) types.push_back(around.type(input));
  return types;
}

/// The types of what a Scan gives to its body: values as they are, and entries of the tensors that it scans.
inline std::vector<graph::TensorType> scan_body_types(const graph::Scan& op, const graph::Graph& around,
                                                      std::span<const graph::Value> inputs) {
  const auto count = static_cast<Index>(inputs.size());
  require(op.num_scan_inputs >= 1 && op.num_scan_inputs <= count,
          "its attribute num_scan_inputs is {}, it has {} inputs", op.num_scan_inputs, count);
  std::vector<graph::TensorType> types;
  for (const graph::Value input : inputs) types.push_back(around.type(input));
  const auto scanned = static_cast<std::size_t>(count - op.num_scan_inputs);
  for (std::size_t i = scanned; i < types.size(); ++i) {
    const std::size_t k = i - scanned;
    Shape& shape = types[i].shape;
    const int axis = shape.axis(k < op.scan_input_axes.size() ? op.scan_input_axes[k] : 0);
    std::vector<Index> extents(shape.begin(), shape.end());
    extents.erase(extents.begin() + axis);
    shape = Shape(std::span<const Index>(extents));
  }
  return types;
}

}  // namespace condense::io::onnx::detail

#endif
