#ifndef CONDENSE_TRAIN_GRADIENTS_RESIZE_HPP
#define CONDENSE_TRAIN_GRADIENTS_RESIZE_HPP

#include "condense/graph/operators/resize.hpp"
#include "condense/train/detail/backward.hpp"

namespace condense::train {

/// The transpose of the interpolation, axis by axis: every element gets dy of the places that it has a part in, times
/// its weight there.
template <>
struct Gradient<graph::Resize> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Resize& op, const Backward& b) {
    constexpr std::string_view kNames[] = {"the region", "the scales", "the sizes"};
    for (std::size_t i = 1; i < 4; ++i) detail::refuse(b, i, kNames[i - 1]);
    if (b.output_gradient().count() == 0) return {detail::zeros(b, b.output_gradient().type(), b.input_shape())};
    const std::vector<graph::InputBuffer> inputs = detail::input_buffers(b);
    const std::vector<graph::reference::ResizedAxis> plan = op.plan({inputs, {}, b.pool});
    Tensor gradient = b.output_gradient();
    graph::with_float_type(gradient.type(), [&]<class T>() {
      for (int axis = 0; axis < gradient.shape().rank(); ++axis) {
        const graph::reference::ResizedAxis& one = plan[static_cast<std::size_t>(axis)];
        if (one.is_unchanged(op.coordinate_transformation_mode)) continue;
        gradient = transposed(b, taps_of<T>(op, one), gradient, axis, one.input);
      }
    });
    return {gradient};
  }

 private:
  template <class T>
  static graph::reference::Taps<T> taps_of(const graph::Resize& op, const graph::reference::ResizedAxis& axis) {
    if (op.mode == graph::ResizeMode::nearest) {
      graph::reference::Taps<T> nearest{
          1, graph::reference::nearest_map(axis, op.coordinate_transformation_mode, op.nearest_mode), {}};
      nearest.weights.assign(nearest.sources.size(), T{1});
      return nearest;
    }
    return graph::reference::interpolation_taps<T>(axis, {.mode = op.mode,
                                                          .transformation = op.coordinate_transformation_mode,
                                                          .cubic_coeff_a = static_cast<double>(op.cubic_coeff_a),
                                                          .exclude_outside = op.exclude_outside,
                                                          .antialias = op.antialias});
  }

  /// The gradient of an axis of `extent` elements that became this axis of dy.
  template <class T>
  static Tensor transposed(const Backward& b, const graph::reference::Taps<T>& taps, const Tensor& output_gradient,
                           int axis, Index extent) {
    const Shape& shape = output_gradient.shape();
    const Index inner = shape.count(axis + 1, shape.rank());
    const Index positions = shape[axis];
    Tensor gradient = detail::zeros(b, output_gradient.type(), shape.with(axis, extent));
    const T* all = output_gradient.data<T>();
    T* target = gradient.mutable_data<T>();
    const Index grain = std::max<Index>(1, graph::reference::kElementwiseGrain / (positions * inner));
    parallel_for(b.pool, shape.count(0, axis), grain, [&](Index begin, Index end) {
      for (Index outer = begin; outer < end; ++outer) {
        for (Index i = 0; i < positions * taps.taps; ++i) {
          const Index source = taps.sources[static_cast<std::size_t>(i)];
          if (source == graph::reference::kFill) continue;  // it stands outside and is constant
          const T weight = taps.weights[static_cast<std::size_t>(i)];
          const T* dy = all + (outer * positions + i / taps.taps) * inner;
          T* dx = target + (outer * extent + source) * inner;
          for (Index k = 0; k < inner; ++k) dx[k] += weight * dy[k];
        }
      }
    });
    return gradient;
  }
};

}  // namespace condense::train

#endif
