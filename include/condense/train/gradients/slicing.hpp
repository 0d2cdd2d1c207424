#ifndef CONDENSE_TRAIN_GRADIENTS_SLICING_HPP
#define CONDENSE_TRAIN_GRADIENTS_SLICING_HPP

#include "condense/graph/operators/slicing.hpp"
#include "condense/train/detail/selection.hpp"

namespace condense::train {

/// dy at the places that the slice is from, zeros elsewhere.
template <>
struct Gradient<graph::Slice> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Slice& op, const Backward& b) {
    constexpr std::string_view kNames[] = {"the starts", "the ends", "the axes", "the steps"};
    for (std::size_t i = 1; i < 5; ++i) detail::refuse(b, i, kNames[i - 1]);
    return {detail::selection_gradient(op, b)};
  }
};

/// The gradients of the parts beside each other; zeros for a part that the loss does not depend on.
template <>
struct Gradient<graph::Split> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Split& op, const Backward& b) {
    detail::refuse(b, 1, "the extents of the parts");
    Tensor gradient = detail::zeros(b, detail::gradient_type(b), b.input_shape());
    const Shape& shape = b.input_shape();
    const int along = shape.axis(op.axis);
    const Index inner = shape.count(along + 1, shape.rank());
    Index first = 0;
    for (std::size_t i = 0; i < b.output_types.size(); ++i) {
      const Index run = b.output_types[i].shape[along] * inner;
      if (b.output_gradients[i] != nullptr) {
        graph::reference::StridedCopy copy;
        copy.loop(shape.count(0, along), run, shape[along] * inner);
        copy.loop(run, 1, 1);
        copy.run(gradient.type(), b.output_gradients[i]->raw(), gradient.mutable_raw() + bytes(gradient.type(), first),
                 b.pool);
      }
      first += run;
    }
    return {gradient};
  }
};

/// Every element gets dy of all places where it stands; the constant that of all others.
template <>
struct Gradient<graph::Pad> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Pad& op, const Backward& b) {
    detail::refuse(b, 1, "the pads");
    detail::refuse(b, 3, "the axes");
    const Tensor numbers = detail::element_numbers(b, b.input_shape());
    const Tensor constant = Tensor::scalar(std::int64_t{numbers.count()});  // as if it came after the elements
    const Tensor* const inputs[] = {&numbers, &b.input(1), &constant, b.has(3) ? &b.input(3) : nullptr};
    const Tensor moved = detail::evaluate(b, op, inputs).front();
    std::vector<Tensor> gradients(b.inputs.size());
    if (b.wants(0)) gradients[0] = detail::gather_gradient(b, moved, b.output_gradient(), b.input_shape());
    if (b.wants(2)) {
      gradients[2] = detail::gather_gradient(b, moved, b.output_gradient(), b.input_shape(2), numbers.count());
    }
    return gradients;
  }
};

/// dy with the same steps in reverse order.
template <>
struct Gradient<graph::ReverseSequence> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::ReverseSequence& op, const Backward& b) {
    detail::refuse(b, 1, "the lengths");
    return {detail::evaluate(b, op, {&b.output_gradient(), &b.input(1)})};
  }
};

}  // namespace condense::train

#endif
