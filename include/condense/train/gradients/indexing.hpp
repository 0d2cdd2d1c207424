#ifndef CONDENSE_TRAIN_GRADIENTS_INDEXING_HPP
#define CONDENSE_TRAIN_GRADIENTS_INDEXING_HPP

#include "condense/graph/operators/indexing.hpp"
#include "condense/train/detail/selection.hpp"

namespace condense::train {

namespace detail {

/// The gradient of elements that were taken one by one along an axis: dy of all places where each went.
inline Tensor scatter_elements(const Backward& b, Index axis, const Tensor& indices, const Tensor& output_gradient) {
  Tensor gradient = zeros(b, output_gradient.type(), b.input_shape());
  const Shape& data = gradient.shape();
  const int along = data.axis(axis);
  const Index stride = data.count(along + 1, data.rank());
  const std::vector<Index> chosen =
      graph::reference::positions({{indices.type(), indices.shape()}, indices.raw()}, 1, data[along]);
  graph::with_float_type(gradient.type(), [&]<class T>() {
    const T* dy = output_gradient.data<T>();
    T* dx = gradient.mutable_data<T>();
    graph::detail::for_each_row_of_indices(indices.shape(), data, along,
                                           [&](Index first, Index row, Index length, Index step) {
                                             const Index* index = chosen.data() + first;
                                             for (Index k = 0; k < length; ++k) {
                                               dx[row + index[k] * stride + k * step] += dy[first + k];
                                             }
                                           });
  });
  return gradient;
}

/// The gradients of a tensor and the updates that are scattered into it, where `gather` is the operator that takes what
/// was updated out again. An update that replaces an element ends its gradient, and that of updates before.
template <class Op, class Gather>
std::vector<Tensor> differentiate_scatter(const Op& op, const Gather& gather, const Backward& b) {
  refuse(b, 1, "the indices");
  std::vector<Tensor> gradients(3);
  if (op.reduction == graph::ScatterReduction::add) {
    gradients[0] = b.output_gradient();
    if (b.wants(2)) gradients[2] = evaluate(b, gather, {&b.output_gradient(), &b.input(1)});
    return gradients;
  }
  if (op.reduction != graph::ScatterReduction::none) {
    throw Unsupported(fmt::format("its reduction {} has no gradient, those of none and add do", name_of(op.reduction)));
  }
  const Index count = b.input_shape().count();
  const Tensor elements = element_numbers(b, b.input_shape());
  const Tensor updates = element_numbers(b, b.input_shape(2), count);
  const Tensor winners = evaluate(b, op, {&elements, &b.input(1), &updates});
  if (b.wants(0)) gradients[0] = gather_gradient(b, winners, b.output_gradient(), b.input_shape());
  if (b.wants(2)) gradients[2] = gather_gradient(b, winners, b.output_gradient(), b.input_shape(2), count);
  return gradients;
}

}  // namespace detail

/// Every slice gets dy of all places where it went.
template <>
struct Gradient<graph::Gather> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Gather& op, const Backward& b) {
    detail::refuse(b, 1, "the indices");
    const Shape& shape = b.input_shape();
    const int along = shape.axis(op.axis);
    const Index inner = shape.count(along + 1, shape.rank());
    const std::vector<Index> chosen = graph::reference::positions(detail::input_buffers(b)[1], 1, shape[along]);
    Tensor gradient = detail::zeros(b, b.output_gradient().type(), shape);
    graph::with_float_type(gradient.type(), [&]<class T>() {
      const T* all = b.output_gradient().data<T>();
      T* dx = gradient.mutable_data<T>();
      parallel_for(b.pool, shape.count(0, along), [&](Index outer) {
        const T* dy = all + outer * static_cast<Index>(chosen.size()) * inner;
        for (const Index position : chosen) {
          T* slice = dx + (outer * shape[along] + position) * inner;
          for (Index k = 0; k < inner; ++k) slice[k] += *dy++;
        }
      });
    });
    return {gradient};
  }
};

/// Every element gets dy of all places where it went.
template <>
struct Gradient<graph::GatherElements> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::GatherElements& op, const Backward& b) {
    detail::refuse(b, 1, "the indices");
    return {detail::scatter_elements(b, op.axis, b.input(1), b.output_gradient())};
  }
};

/// Every slice gets dy of all places where it went.
template <>
struct Gradient<graph::GatherND> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::GatherND& op, const Backward& b) {
    detail::refuse(b, 1, "the indices");
    Tensor gradient = detail::zeros(b, b.output_gradient().type(), b.input_shape());
    if (b.output_gradient().count() == 0) return {gradient};
    const std::vector<Index> sources =
        graph::detail::tuple_targets(detail::input_buffers(b)[1], b.input_shape(), static_cast<int>(op.batch_dims));
    const Index run = b.output_gradient().count() / static_cast<Index>(sources.size());
    graph::with_float_type(gradient.type(), [&]<class T>() {
      const T* dy = b.output_gradient().data<T>();
      T* dx = gradient.mutable_data<T>();
      for (const Index source : sources) {
        for (Index k = 0; k < run; ++k) dx[source + k] += *dy++;
      }
    });
    return {gradient};
  }
};

/// dy where an element stayed, and where an update went and stayed; with the reduction `add` both get all of dy.
template <>
struct Gradient<graph::ScatterElements> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::ScatterElements& op, const Backward& b) {
    return detail::differentiate_scatter(op, graph::GatherElements{op.axis}, b);
  }
};

/// dy where an element stayed, and where an update went and stayed; with the reduction `add` both get all of dy.
template <>
struct Gradient<graph::ScatterND> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::ScatterND& op, const Backward& b) {
    return detail::differentiate_scatter(op, graph::GatherND{}, b);
  }
};

/// The off and the on value get dy of all places where they stand.
template <>
struct Gradient<graph::OneHot> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::OneHot& op, const Backward& b) {
    detail::refuse(b, 0, "the indices");
    detail::refuse(b, 1, "the depth");
    const Tensor numbers = detail::element_numbers(b, b.input_shape(2));
    const Tensor moved = detail::evaluate(b, op, {&b.input(0), &b.input(1), &numbers});
    std::vector<Tensor> gradients(3);
    gradients[2] = detail::gather_gradient(b, moved, b.output_gradient(), b.input_shape(2));
    return gradients;
  }
};

}  // namespace condense::train

#endif
