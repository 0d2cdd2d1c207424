#ifndef CONDENSE_QUANTIZE_GRANULARITY_HPP
#define CONDENSE_QUANTIZE_GRANULARITY_HPP

#include <string>

#include "condense/core/shape.hpp"

namespace condense::quantize {

/// Which elements of a tensor share one scale and zero point: all of them, those of one index along an axis, or blocks
/// of `group_size` consecutive ones along an axis (the last block may be shorter).
struct Granularity {
  enum class Kind { per_tensor, per_channel, per_group };

  Kind kind = Kind::per_tensor;
  int axis = 0;          ///< For channels and groups; a negative one counts from the back.
  Index group_size = 0;  ///< For groups, >= 1.

  static constexpr Granularity per_tensor() noexcept { return {}; }
  static constexpr Granularity per_channel(int axis = 0) noexcept { return {Kind::per_channel, axis, 0}; }
  static constexpr Granularity per_group(int axis, Index group_size) noexcept {
    return {Kind::per_group, axis, group_size};
  }

  /// "per tensor", "per channel (axis 0)", "per group of 32 (axis 1)".
  std::string name() const {
    if (kind == Kind::per_tensor) return "per tensor";
    if (kind == Kind::per_channel) return fmt::format("per channel (axis {})", axis);
    return fmt::format("per group of {} (axis {})", group_size, axis);
  }

  friend constexpr bool operator==(const Granularity&, const Granularity&) = default;
};

/// A tensor's elements grouped by the scale they share. The scales are laid out as ONNX lays them out: one for a
/// tensor, (channels) for an axis, and for groups the tensor's shape with the axis divided, rounding up.
///
/// An element at (outer, i, inner), where i runs along the axis, has the scale
/// (outer * outer_stride + (i / group_size) * step + inner * inner_stride).
class ScaleLayout {
 public:
  ScaleLayout(const Shape& shape, const Granularity& granularity) {
    if (granularity.kind == Granularity::Kind::per_tensor) {
      inner_ = shape.count();
      return;
    }
    const int axis = shape.axis(granularity.axis);
    outer_ = shape.count(0, axis);
    extent_ = shape[axis];
    inner_ = shape.count(axis + 1, shape.rank());
    if (granularity.kind == Granularity::Kind::per_channel) {
      scale_shape_ = Shape{extent_};
      return;
    }
    require(granularity.group_size >= 1, "a group has 1 element or more, not {}", granularity.group_size);
    group_ = granularity.group_size;
    const Index groups = extent_ / group_ + (extent_ % group_ > 0 ? 1 : 0);
    outer_stride_ = groups * inner_;
    step_ = inner_;
    inner_stride_ = 1;
    scale_shape_ = shape.with(axis, groups);
  }

  /// Shape of the scales; rank 0 for one per tensor.
  const Shape& scale_shape() const noexcept { return scale_shape_; }
  Index scale_count() const { return scale_shape_.count(); }

  /// Calls `body(element, scale)` for every element in row-major order, with the index of its scale.
  template <class Body>
  void for_each(Body&& body) const {
    Index element = 0;
    for (Index outer = 0; outer < outer_; ++outer) {
      for (Index i = 0; i < extent_; ++i) {
        const Index scale = outer * outer_stride_ + (i / group_) * step_;
        for (Index inner = 0; inner < inner_; ++inner) body(element++, scale + inner * inner_stride_);
      }
    }
  }

 private:
  Shape scale_shape_;
  Index outer_ = 1;
  Index extent_ = 1;
  Index inner_ = 1;
  Index group_ = 1;
  Index outer_stride_ = 0;
  Index step_ = 1;
  Index inner_stride_ = 0;
};

}  // namespace condense::quantize

#endif
