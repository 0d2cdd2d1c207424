#ifndef CONDENSE_TRAIN_DETAIL_BACKWARD_HPP
#define CONDENSE_TRAIN_DETAIL_BACKWARD_HPP

#include <algorithm>
#include <string_view>
#include <vector>

#include "condense/graph/node.hpp"
#include "condense/graph/reference/elementwise.hpp"
#include "condense/graph/reference/integers.hpp"
#include "condense/train/gradient.hpp"

namespace condense::train::detail {

/// Throws `Unsupported` if the gradient of input i is asked for, which is not a number that a result follows smoothly.
inline void refuse(const Backward& b, std::size_t i, std::string_view what) {
  if (b.wants(i)) throw Unsupported(fmt::format("its input {}, {}, has no gradient; train other values", i, what));
}

/// Throws `Unsupported` if the loss depends on output i.
inline void refuse_output(const Backward& b, std::size_t i, std::string_view what) {
  if (i < b.output_gradients.size() && b.output_gradients[i] != nullptr) {
    throw Unsupported(fmt::format("its output {}, {}, has no gradient; leave it out of the loss", i, what));
  }
}

/// The type of the gradients of an operator with several outputs: that of the first one that is there.
inline DataType gradient_type(const Backward& b) {
  for (const Tensor* gradient : b.output_gradients) {
    if (gradient != nullptr) return gradient->type();
  }
  throw InvalidArgument("the loss depends on none of its outputs");
}

/// A tensor of zeros.
inline Tensor zeros(const Backward& b, DataType type, const Shape& shape) {
  Tensor result = b.memory.make(type, shape);
  std::fill_n(result.mutable_raw(), result.bytes(), std::byte{0});
  return result;
}

/// What an operator makes of tensors, null for absent ones.
inline std::vector<Tensor> evaluate(const Backward& b, const graph::Operator& op,
                                    std::span<const Tensor* const> inputs) {
  return graph::evaluate_node({"gradient", op, {}, {}}, inputs, b.pool,
                              [&](DataType type, const Shape& shape) { return b.memory.make(type, shape); });
}
inline Tensor evaluate(const Backward& b, const graph::Operator& op, std::initializer_list<const Tensor*> inputs) {
  return evaluate(b, op, std::span<const Tensor* const>(inputs.begin(), inputs.size())).front();
}

/// The inputs of the node as an evaluation sees them.
inline std::vector<graph::InputBuffer> input_buffers(const Backward& b) {
  std::vector<graph::InputBuffer> buffers;
  for (const Tensor* tensor : b.inputs) {
    buffers.push_back(tensor == nullptr ? graph::InputBuffer{}
                                        : graph::InputBuffer{{tensor->type(), tensor->shape()}, tensor->raw()});
  }
  return buffers;
}

}  // namespace condense::train::detail

#endif
