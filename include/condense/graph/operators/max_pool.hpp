#ifndef CONDENSE_GRAPH_OPERATORS_MAX_POOL_HPP
#define CONDENSE_GRAPH_OPERATORS_MAX_POOL_HPP

#include <limits>

#include "condense/graph/reference/im2col.hpp"
#include "condense/graph/reference/pool.hpp"

namespace condense::graph {

/// The largest element under a moving window; padding never wins. ONNX MaxPool, its first output.
///
/// Takes images (n, c, height, width) or signals (n, c, width) of float32, float64, int8 or uint8. A window that sees
/// nothing but padding gives the lowest value of the type, -infinity for floats. Whether a NaN wins is unspecified.
struct MaxPool {
  static constexpr std::string_view kType = "MaxPool";

  std::vector<Index> kernel_shape = {};
  std::vector<Index> strides = {};    ///< Empty for 1.
  std::vector<Index> dilations = {};  ///< Empty for 1.
  std::vector<Index> pads = {};       ///< Begins of every spatial axis, then ends; empty for 0.
  bool ceil_mode = false;
  AutoPad auto_pad = AutoPad::not_set;

  static void attributes(auto& op, auto&& visit) {
    visit("kernel_shape", op.kernel_shape);
    visit("strides", op.strides);
    visit("dilations", op.dilations);
    visit("pads", op.pads);
    visit("ceil_mode", op.ceil_mode);
    visit("auto_pad", op.auto_pad);
  }

  /// How the window moves over images of that shape; throws unless it fits.
  Window window(const Shape& images) const {
    return make_window(
        images, kernel_shape,
        {.strides = strides, .dilations = dilations, .pads = pads, .auto_pad = auto_pad, .ceil_mode = ceil_mode});
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    const DataType type = inputs.type(0);
    require(type == DataType::float32 || type == DataType::float64 || type == DataType::int8 || type == DataType::uint8,
            "its input 0 is float32, float64, int8 or uint8, this one is {}", name(type));
    return {{type, output_shape(inputs.shape(0), inputs.shape(0)[1], window(inputs.shape(0)))}};
  }

  void evaluate(const Evaluation& e) const {
    switch (e.input().type.type) {
      case DataType::float64: return pool<double>(e);
      case DataType::int8: return pool<std::int8_t>(e);
      case DataType::uint8: return pool<std::uint8_t>(e);
      default: return pool<float>(e);
    }
  }

  friend bool operator==(const MaxPool&, const MaxPool&) = default;

 private:
  template <class T>
  void pool(const Evaluation& e) const {
    using Limits = std::numeric_limits<T>;
    const T lowest = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    const Window window = this->window(e.input().shape());
    reference::for_each_plane<T>(e, window, [&](const T* x, T* y) {
      std::fill_n(y, window.positions(), lowest);
      reference::for_each_tap_run(window, [&](Index source, Index target, Index count) {
        const Index stride = window.width.stride;
        const T* from = x + source;
        T* to = y + target;
        if (stride == 1) {
          for (Index i = 0; i < count; ++i) to[i] = from[i] > to[i] ? from[i] : to[i];
        } else if (stride == 2) {
          for (Index i = 0; i < count; ++i) to[i] = from[2 * i] > to[i] ? from[2 * i] : to[i];
        } else {
          for (Index i = 0; i < count; ++i) to[i] = from[stride * i] > to[i] ? from[stride * i] : to[i];
        }
      });
    });
  }
};

}  // namespace condense::graph

#endif
