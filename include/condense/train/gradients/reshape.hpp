#ifndef CONDENSE_TRAIN_GRADIENTS_RESHAPE_HPP
#define CONDENSE_TRAIN_GRADIENTS_RESHAPE_HPP

#include "condense/graph/operators/flatten.hpp"
#include "condense/graph/operators/reshape.hpp"
#include "condense/train/gradient.hpp"

namespace condense::train {

/// dy under the shape of the input; shares its memory.
template <>
struct Gradient<graph::Reshape> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Reshape&, const Backward& b) {
    if (b.wants(1)) throw Unsupported("its input 1, the new shape, has no gradient; train other values");
    return {b.output_gradient().reshaped(b.input_shape())};
  }
};

/// dy under the shape of the input; shares its memory.
template <>
struct Gradient<graph::Flatten> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Flatten&, const Backward& b) {
    return {b.output_gradient().reshaped(b.input_shape())};
  }
};

}  // namespace condense::train

#endif
