#ifndef CONDENSE_IO_ONNX_DETAIL_CONSTANT_NODE_HPP
#define CONDENSE_IO_ONNX_DETAIL_CONSTANT_NODE_HPP

#include "condense/io/onnx/model.hpp"

namespace condense::io::onnx::detail {

/// The tensor that a node Constant holds. Throws `FormatError` unless it has one output and one attribute, and
/// `Unsupported` if that is no number or numbers.
inline Tensor constant_of(const Node& node) {
  if (node.outputs.size() != 1 || node.attributes.size() != 1) {
    throw FormatError("a constant has one output and one attribute");
  }
  const Attribute& attribute = node.attributes[0];
  if (const auto* value = std::get_if<Tensor>(&attribute.value)) return *value;
  if (const auto* value = std::get_if<float>(&attribute.value)) return Tensor::scalar(*value);
  if (const auto* value = std::get_if<std::int64_t>(&attribute.value)) return Tensor::scalar(*value);
  if (const auto* values = std::get_if<std::vector<float>>(&attribute.value)) {
    return Tensor::of<float>({static_cast<Index>(values->size())}, *values);
  }
  if (const auto* values = std::get_if<std::vector<std::int64_t>>(&attribute.value)) {
    return Tensor::of<std::int64_t>({static_cast<Index>(values->size())}, *values);
  }
  throw Unsupported(fmt::format("its attribute '{}' is no tensor of numbers", attribute.name));
}

}  // namespace condense::io::onnx::detail

#endif
