#ifndef CONDENSE_TRAIN_GRADIENTS_SELECTION_HPP
#define CONDENSE_TRAIN_GRADIENTS_SELECTION_HPP

#include "condense/graph/operators/selection.hpp"
#include "condense/train/gradients/indexing.hpp"

namespace condense::train {

/// dy at the places that were chosen, zeros elsewhere.
template <>
struct Gradient<graph::Compress> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Compress& op, const Backward& b) {
    detail::refuse(b, 1, "the conditions");
    return {detail::selection_gradient(op, b)};
  }
};

/// dy at the places of the k elements, zeros elsewhere.
template <>
struct Gradient<graph::TopK> {
  static constexpr Reads kReads = Reads::outputs;

  static std::vector<Tensor> backward(const graph::TopK& op, const Backward& b) {
    detail::refuse(b, 1, "k");
    detail::refuse_output(b, 1, "the indices");
    return {detail::scatter_elements(b, op.axis, b.output(1), b.output_gradient())};
  }
};

}  // namespace condense::train

#endif
