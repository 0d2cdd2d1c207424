#ifndef CONDENSE_GRAPH_OPERATORS_AVERAGE_POOL_HPP
#define CONDENSE_GRAPH_OPERATORS_AVERAGE_POOL_HPP

#include "condense/graph/reference/halves.hpp"
#include "condense/graph/reference/pool.hpp"

namespace condense::graph {

/// The mean of the elements under a moving window. ONNX AveragePool.
///
/// Takes floats: volumes (n, c, depth, height, width), images (n, c, height, width) or signals (n, c, width); float16
/// and bfloat16 are averaged in float. Padding counts as zeros with `count_include_pad`, otherwise it is left out; what
/// a window reaches beyond the padded input with `ceil_mode` is left out always. A window that sees nothing gives 0.
struct AveragePool {
  static constexpr std::string_view kType = "AveragePool";
  static constexpr bool kTakesAnyTime = true;

  std::vector<Index> kernel_shape = {};
  std::vector<Index> strides = {};    ///< Empty for 1.
  std::vector<Index> dilations = {};  ///< Empty for 1.
  std::vector<Index> pads = {};       ///< Begins of every spatial axis, then ends; empty for 0.
  bool ceil_mode = false;
  bool count_include_pad = false;
  AutoPad auto_pad = AutoPad::not_set;

  static void attributes(auto& op, auto&& visit) {
    visit("kernel_shape", op.kernel_shape);
    visit("strides", op.strides);
    visit("dilations", op.dilations);
    visit("pads", op.pads);
    visit("ceil_mode", op.ceil_mode);
    visit("count_include_pad", op.count_include_pad);
    visit("auto_pad", op.auto_pad);
  }

  /// How the window moves over images of that shape; throws unless it fits.
  Window window(const Shape& images) const {
    return make_window(
        images, kernel_shape,
        {.strides = strides, .dilations = dilations, .pads = pads, .auto_pad = auto_pad, .ceil_mode = ceil_mode});
  }

  /// How many taps the mean at one position along an axis is over. The count at a position is the product over the
  /// axes.
  Index counted(const WindowAxis& axis, Index position) const noexcept {
    Index count = 0;
    for (Index tap = 0; tap < axis.kernel; ++tap) {
      const Index source = axis.source(position, tap);
      if (count_include_pad ? source < axis.input + axis.pad_end : source >= 0 && source < axis.input) ++count;
    }
    return count;
  }

  /// Calls `body(count)` with the number of elements that the mean at each position is over, in row-major order.
  template <class Body>
  void for_each_count(const Window& window, Body&& body) const {
    for (Index plane = 0; plane < window.depth.output; ++plane) {
      const Index planes = counted(window.depth, plane);
      for (Index row = 0; row < window.height.output; ++row) {
        const Index rows = planes * counted(window.height, row);
        for (Index column = 0; column < window.width.output; ++column) body(rows * counted(window.width, column));
      }
    }
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    reference::require_any_float(inputs, 0);
    const Window moved = window(inputs.shape(0));
    return {{inputs.type(0), output_shape(inputs.shape(0), inputs.shape(0)[1], moved)}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) { pool<T>(floats); });
  }

  friend bool operator==(const AveragePool&, const AveragePool&) = default;

 private:
  template <class T>
  void pool(const Evaluation& e) const {
    const Window window = this->window(e.input().shape());
    reference::for_each_plane<T>(e, window, [&](const T* x, T* y) {
      std::fill_n(y, window.positions(), T{0});
      reference::for_each_tap_run(window, [&](Index source, Index target, Index count) {
        const Index stride = window.width.stride;
        for (Index i = 0; i < count; ++i) y[target + i] += x[source + stride * i];
      });
      for_each_count(window, [&](Index count) {
        if (count > 0) *y /= static_cast<T>(count);
        ++y;
      });
    });
  }
};

}  // namespace condense::graph

#endif
