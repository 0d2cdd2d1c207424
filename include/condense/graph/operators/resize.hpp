#ifndef CONDENSE_GRAPH_OPERATORS_RESIZE_HPP
#define CONDENSE_GRAPH_OPERATORS_RESIZE_HPP

#include <cstring>

#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/cast.hpp"
#include "condense/graph/reference/resize.hpp"

namespace condense::graph {

/// What becomes of sizes that would change the ratio of the extents: they are taken as they are, or as the bounds of
/// the largest or smallest result with that ratio.
enum class AspectRatioPolicy { stretch, not_larger, not_smaller };

}  // namespace condense::graph

template <>
inline constexpr std::pair<condense::graph::AspectRatioPolicy, std::string_view>
    condense::enum_names<condense::graph::AspectRatioPolicy>[] = {
        {graph::AspectRatioPolicy::stretch, "stretch"},
        {graph::AspectRatioPolicy::not_larger, "not_larger"},
        {graph::AspectRatioPolicy::not_smaller, "not_smaller"}};

namespace condense::graph {

/// The tensor with other extents, its elements interpolated along each axis. ONNX Resize, opset 19 and later.
///
/// Inputs: x of any type; for tf_crop_and_resize the region to take, begins of all axes and then their ends as
/// fractions of the axis; scales, float32, or else sizes, int64. An absent or empty one does not count. Scales make
/// floor(scale * extent) elements, computed in float32; the region has no part in that.
///
/// x is interpolated axis by axis in float32, in float64 if it holds that or integers of 32 bits or more. For integers
/// the fraction of the result is dropped, and what is out of range becomes the nearest end.
struct Resize {
  static constexpr std::string_view kType = "Resize";

  bool antialias = false;        ///< Linear and cubic kernels are stretched where an axis becomes shorter.
  std::vector<Index> axes = {};  ///< Those that inputs 1 to 3 speak of; empty for all.
  CoordinateTransformation coordinate_transformation_mode = CoordinateTransformation::half_pixel;
  float cubic_coeff_a = -0.75F;
  bool exclude_outside = false;   ///< Elements beyond the ends have weight 0, otherwise they repeat the last ones.
  float extrapolation_value = 0;  ///< What stands outside x, with tf_crop_and_resize.
  AspectRatioPolicy keep_aspect_ratio_policy = AspectRatioPolicy::stretch;
  ResizeMode mode = ResizeMode::nearest;
  NearestMode nearest_mode = NearestMode::round_prefer_floor;

  static void attributes(auto& op, auto&& visit) {
    visit("antialias", op.antialias);
    visit("axes", op.axes);
    visit("coordinate_transformation_mode", op.coordinate_transformation_mode);
    visit("cubic_coeff_a", op.cubic_coeff_a);
    visit("exclude_outside", op.exclude_outside);
    visit("extrapolation_value", op.extrapolation_value);
    visit("keep_aspect_ratio_policy", op.keep_aspect_ratio_policy);
    visit("mode", op.mode);
    visit("nearest_mode", op.nearest_mode);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 4);
    reference::require_whole_bytes(inputs, 0);
    require(!antialias || mode != ResizeMode::nearest,
            "its attribute antialias needs mode linear or cubic, not nearest");
    const Shape& shape = inputs.shape(0);
    const auto resized = static_cast<Index>(chosen(shape).size());
    const auto given = [&](std::size_t i, Index entries) {
      if (!inputs.has(i) || inputs.shape(i).count() == 0) return false;
      require(inputs.shape(i) == Shape{entries}, "its input {} has shape {} instead of ({})", i,
              inputs.shape(i).to_string(), entries);
      return true;
    };
    const bool by_scales = given(2, resized);
    const bool by_sizes = given(3, resized);
    require(by_scales != by_sizes, "it takes either scales, its input 2, or sizes, its input 3; {} given",
            by_scales ? "both are" : "none is");
    require(!by_scales || inputs.type(2) == DataType::float32, "its input 2, the scales, is float32; this one is {}",
            by_scales ? name(inputs.type(2)) : "absent");
    if (by_sizes) reference::require_integers(inputs, 3);
    require(!takes_region() || given(1, 2 * resized), "tf_crop_and_resize needs its input 1, a region of {} entries",
            2 * resized);
    require(!takes_region() || is_float(inputs.type(1)), "its input 1, the region, is a float tensor; this one is {}",
            takes_region() ? name(inputs.type(1)) : "absent");
    Shape result = shape;
    const Tensor* wanted = inputs.known(by_scales ? 2 : 3);
    if (wanted == nullptr) {
      for (const int axis : chosen(shape)) result = result.with(axis, kDynamic);
    } else {
      const std::vector<reference::ResizedAxis> plan =
          by_scales ? scaled(shape, wanted->values<float>()) : sized(shape, reference::integers(*wanted));
      for (int axis = 0; axis < shape.rank(); ++axis) {
        const reference::ResizedAxis& one = plan[static_cast<std::size_t>(axis)];
        require(one.input > 0 || one.output == 0, "its axis {} of extent 0 cannot become {}", axis, one.output);
        result = result.with(axis, one.output);
      }
    }
    return {{inputs.type(0), result}};
  }

  /// How an evaluation with these inputs resizes each axis.
  std::vector<reference::ResizedAxis> plan(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const bool by_scales = e.has(2) && e.input(2).count() > 0;
    Plan plan = by_scales ? scaled(shape, {e.input(2).as<float>(), static_cast<std::size_t>(e.input(2).count())})
                          : sized(shape, reference::integers(e.input(3)));
    if (takes_region()) set_region(e.input(1), shape, plan);
    return plan;
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    if (e.output().count() == 0) return;
    const std::vector<reference::ResizedAxis> plan = this->plan(e);
    const DataType type = e.input().type.type;
    if (mode == ResizeMode::nearest) return take_nearest(e, plan);
    if (type == DataType::float64 || (!is_float(type) && bits(type) >= 32)) return interpolate<double>(e, plan);
    interpolate<float>(e, plan);
  }

  friend bool operator==(const Resize&, const Resize&) = default;

 private:
  using Plan = std::vector<reference::ResizedAxis>;

  bool takes_region() const noexcept {
    return coordinate_transformation_mode == CoordinateTransformation::tf_crop_and_resize;
  }

  std::vector<int> chosen(const Shape& shape) const {
    return reference::distinct_axes(axes.empty() ? reference::all_axes(shape.rank()) : axes, shape.rank());
  }

  static Plan unchanged(const Shape& shape) {
    Plan plan;
    for (const Index extent : shape) plan.push_back({extent, extent, 1, static_cast<double>(extent)});
    return plan;
  }

  Plan scaled(const Shape& shape, std::span<const float> scales) const {
    Plan plan = unchanged(shape);
    const std::vector<int> where = chosen(shape);
    for (std::size_t i = 0; i < where.size(); ++i) {
      reference::ResizedAxis& axis = plan[static_cast<std::size_t>(where[i])];
      const float length = scales[i] * static_cast<float>(axis.input);
      require(scales[i] > 0 && length < 0x1p60F, "its input 2 scales axis {} of extent {} by {}", where[i], axis.input,
              scales[i]);
      axis.output = static_cast<Index>(std::floor(length));
      axis.scale = static_cast<double>(scales[i]);
      axis.length = static_cast<double>(length);
    }
    return plan;
  }

  Plan sized(const Shape& shape, const std::vector<Index>& sizes) const {
    Plan plan = unchanged(shape);
    const std::vector<int> where = chosen(shape);
    double common = 0;
    for (std::size_t i = 0; i < where.size(); ++i) {
      reference::ResizedAxis& axis = plan[static_cast<std::size_t>(where[i])];
      require(sizes[i] >= 0 && sizes[i] <= Shape::kMaximumCount, "its input 3 makes axis {} {} long", where[i],
              sizes[i]);
      axis.output = sizes[i];
      axis.length = static_cast<double>(sizes[i]);
      axis.scale = axis.length / static_cast<double>(axis.input);
      const bool larger = keep_aspect_ratio_policy == AspectRatioPolicy::not_smaller;
      common = i == 0 ? axis.scale : larger ? std::max(common, axis.scale) : std::min(common, axis.scale);
    }
    if (keep_aspect_ratio_policy == AspectRatioPolicy::stretch) return plan;
    for (const int i : where) {
      reference::ResizedAxis& axis = plan[static_cast<std::size_t>(i)];
      axis.scale = common;
      axis.length = common * static_cast<double>(axis.input);
      require(axis.length < 0x1p60, "its input 3 makes axis {} of extent {} {} long", i, axis.input, axis.length);
      axis.output = static_cast<Index>(std::floor(axis.length + 0.5));
    }
    return plan;
  }

  void set_region(const InputBuffer& region, const Shape& shape, Plan& plan) const {
    const std::vector<int> where = chosen(shape);
    reference::with_element_type(region.type.type, [&]<class T>() {
      const T* values = reinterpret_cast<const T*>(region.data);
      for (std::size_t i = 0; i < where.size(); ++i) {
        plan[static_cast<std::size_t>(where[i])].roi_begin = static_cast<double>(values[i]);
        plan[static_cast<std::size_t>(where[i])].roi_end = static_cast<double>(values[i + where.size()]);
      }
    });
  }

  void take_nearest(const Evaluation& e, const Plan& plan) const {
    reference::AxisMaps maps;
    for (const reference::ResizedAxis& axis : plan) {
      maps.push_back(reference::nearest_map(axis, coordinate_transformation_mode, nearest_mode));
    }
    const DataType type = e.input().type.type;
    std::byte fill[8] = {};
    reference::with_element_type(type, [&]<class T>() {
      const T value = reference::cast_number<T>(extrapolation_value);
      std::memcpy(fill, &value, sizeof value);
    });
    reference::mapped_copy(type, e.input().shape(), e.input().data, maps, fill, e.output().data, e.pool);
  }

  /// The axes that change: first those that become shorter, and of equal ones the inner, whose pass takes longest.
  std::vector<int> order_of_passes(const Plan& plan) const {
    std::vector<int> order;
    for (std::size_t i = plan.size(); i-- > 0;) {
      if (!plan[i].is_unchanged(coordinate_transformation_mode)) order.push_back(static_cast<int>(i));
    }
    std::ranges::stable_sort(order, {}, [&](int axis) { return plan[static_cast<std::size_t>(axis)].scale; });
    return order;
  }

  template <class T>
  void interpolate(const Evaluation& e, const Plan& plan) const {
    const DataType type = e.input().type.type;
    const std::vector<int> order = order_of_passes(plan);
    if (order.empty()) {
      std::memcpy(e.output().data, e.input().data, bytes(type, e.input().count()));
      return;
    }
    std::vector<T> values;
    const T* from = nullptr;
    if (type == data_type_of<T>) {
      from = e.input().as<T>();
    } else {
      values.resize(static_cast<std::size_t>(e.input().count()));
      reference::with_element_type(type, [&]<class From>() {
        std::transform(e.input().as<From>(), e.input().as<From>() + values.size(), values.begin(),
                       [](From x) { return static_cast<T>(x); });
      });
      from = values.data();
    }
    const reference::Interpolation how{.mode = mode,
                                       .transformation = coordinate_transformation_mode,
                                       .cubic_coeff_a = static_cast<double>(cubic_coeff_a),
                                       .exclude_outside = exclude_outside,
                                       .antialias = antialias};
    Shape shape = e.input().shape();
    for (const int axis : order) {
      const reference::ResizedAxis& one = plan[static_cast<std::size_t>(axis)];
      const Shape next = shape.with(axis, one.output);
      const bool ends_in_output = axis == order.back() && type == data_type_of<T>;
      std::vector<T> result(ends_in_output ? 0 : static_cast<std::size_t>(next.count()));
      reference::resize_axis(reference::interpolation_taps<T>(one, how), one.input, one.output, shape.count(0, axis),
                             shape.count(axis + 1, shape.rank()), from, static_cast<T>(extrapolation_value),
                             ends_in_output ? e.output().as<T>() : result.data(), e.pool);
      if (ends_in_output) return;
      values.swap(result);
      from = values.data();
      shape = next;
    }
    reference::with_element_type(type, [&]<class To>() {
      std::transform(values.begin(), values.end(), e.output().as<To>(),
                     [](T x) { return reference::cast_number<To>(x); });
    });
  }
};

using ResizeOperators = OperatorList<Resize>;

}  // namespace condense::graph

#endif
