#ifndef CONDENSE_TRAIN_GRADIENTS_LAYOUT_HPP
#define CONDENSE_TRAIN_GRADIENTS_LAYOUT_HPP

#include "condense/graph/operators/layout.hpp"
#include "condense/train/detail/backward.hpp"
#include "condense/train/detail/reduce.hpp"

namespace condense::train {

/// dy with its axes in the order of the input.
template <>
struct Gradient<graph::Transpose> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Transpose& op, const Backward& b) {
    graph::Transpose back;  // without an order it reverses the axes, which is its own inverse
    if (!op.perm.empty()) {
      const std::vector<int> order = graph::reference::distinct_axes(op.perm, b.input_shape().rank());
      back.perm.resize(order.size());
      for (std::size_t i = 0; i < order.size(); ++i) {
        back.perm[static_cast<std::size_t>(order[i])] = static_cast<Index>(i);
      }
    }
    return {detail::evaluate(b, back, {&b.output_gradient()})};
  }
};

/// dy under the shape of the input; shares its memory.
template <>
struct Gradient<graph::Squeeze> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Squeeze&, const Backward& b) {
    detail::refuse(b, 1, "the axes");
    return {b.output_gradient().reshaped(b.input_shape())};
  }
};

/// dy under the shape of the input; shares its memory.
template <>
struct Gradient<graph::Unsqueeze> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Unsqueeze&, const Backward& b) {
    detail::refuse(b, 1, "the axes");
    return {b.output_gradient().reshaped(b.input_shape())};
  }
};

/// dy summed over the axes along which the input was repeated.
template <>
struct Gradient<graph::Expand> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Expand&, const Backward& b) {
    detail::refuse(b, 1, "the shape");
    return {detail::sum_to_shape(b.output_gradient(), b.input_shape(), b.memory)};
  }
};

/// dy summed over the repetitions, axis by axis.
template <>
struct Gradient<graph::Tile> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Tile&, const Backward& b) {
    detail::refuse(b, 1, "the repeats");
    Tensor sum = b.output_gradient();
    if (b.input_shape().count() == 0) return {sum.reshaped(b.input_shape())};
    for (int axis = 0; axis < sum.shape().rank(); ++axis) {
      const Shape shape = sum.shape();
      const Index extent = b.input_shape()[axis];
      const Index outer = shape.count(0, axis);
      const Index run = extent * shape.count(axis + 1, shape.rank());
      const Tensor repeated = sum.reshaped({outer, shape[axis] / extent, run});
      sum = detail::sum_to_shape(repeated, {outer, 1, run}, b.memory).reshaped(shape.with(axis, extent));
    }
    return {sum};
  }
};

/// The blocks of pixels of dy as channels.
template <>
struct Gradient<graph::DepthToSpace> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::DepthToSpace& op, const Backward& b) {
    const Tensor blocks = detail::evaluate(b, graph::SpaceToDepth{op.blocksize}, {&b.output_gradient()});
    if (op.mode == graph::DepthToSpaceMode::dcr) return {blocks};
    // SpaceToDepth has the position in a block before the channel, and mode CRD the channel before it.
    const Shape& shape = b.input_shape();
    const Index area = op.blocksize * op.blocksize;
    const Tensor positions_first = blocks.reshaped({shape[0], area, shape[1] / area, shape[2] * shape[3]});
    return {detail::evaluate(b, graph::Transpose{{0, 2, 1, 3}}, {&positions_first}).reshaped(shape)};
  }
};

/// The channels of dy as blocks of pixels.
template <>
struct Gradient<graph::SpaceToDepth> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::SpaceToDepth& op, const Backward& b) {
    return {detail::evaluate(b, graph::DepthToSpace{.blocksize = op.blocksize}, {&b.output_gradient()})};
  }
};

/// The triangle of dy.
template <>
struct Gradient<graph::Trilu> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Trilu& op, const Backward& b) {
    detail::refuse(b, 1, "the diagonal");
    return {detail::evaluate(b, op, {&b.output_gradient(), b.has(1) ? &b.input(1) : nullptr})};
  }
};

}  // namespace condense::train

#endif
