#ifndef CONDENSE_TRAIN_DETAIL_SELECTION_HPP
#define CONDENSE_TRAIN_DETAIL_SELECTION_HPP

#include <numeric>

#include "condense/train/detail/backward.hpp"

namespace condense::train::detail {

// An operator that only moves elements, from where its other inputs say, is applied to the numbers of the elements
// instead of the elements. The result says for each place which element went there, so its gradient follows from the
// operator itself.

/// The numbers first, first + 1, ... in row-major order, int64.
inline Tensor element_numbers(const Backward& b, const Shape& shape, Index first = 0) {
  Tensor numbers = b.memory.make(DataType::int64, shape);
  const std::span<std::int64_t> values = numbers.mutable_values<std::int64_t>();
  std::iota(values.begin(), values.end(), std::int64_t{first});
  return numbers;
}

/// The gradient of elements [first, first + shape.count()) by their numbers: that of all places where each went.
inline Tensor gather_gradient(const Backward& b, const Tensor& numbers, const Tensor& output_gradient,
                              const Shape& shape, Index first = 0) {
  Tensor gradient = zeros(b, output_gradient.type(), shape);
  graph::with_float_type(gradient.type(), [&]<class T>() {
    const std::int64_t* number = numbers.data<std::int64_t>();
    const T* dy = output_gradient.data<T>();
    T* dx = gradient.mutable_data<T>();
    const Index count = gradient.count();
    for (Index i = 0; i < numbers.count(); ++i) {
      const Index element = static_cast<Index>(number[i]) - first;
      if (element >= 0 && element < count) dx[element] += dy[i];
    }
  });
  return gradient;
}

/// Where the elements of input 0 go, the other inputs being those of the node.
inline Tensor moved_numbers(const graph::Operator& op, const Backward& b) {
  const Tensor numbers = element_numbers(b, b.input_shape());
  std::vector<const Tensor*> inputs(b.inputs.begin(), b.inputs.end());
  inputs[0] = &numbers;
  return evaluate(b, op, inputs).front();
}

/// The gradient of input 0 of an operator whose first output has elements of it and nothing else.
inline Tensor selection_gradient(const graph::Operator& op, const Backward& b) {
  return gather_gradient(b, moved_numbers(op, b), b.output_gradient(), b.input_shape());
}

}  // namespace condense::train::detail

#endif
