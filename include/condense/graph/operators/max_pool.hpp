#ifndef CONDENSE_GRAPH_OPERATORS_MAX_POOL_HPP
#define CONDENSE_GRAPH_OPERATORS_MAX_POOL_HPP

#include <limits>

#include "condense/graph/reference/im2col.hpp"
#include "condense/graph/reference/pool.hpp"

namespace condense::graph {

/// The largest element under a moving window; padding never wins. ONNX MaxPool.
///
/// Takes volumes (n, c, depth, height, width), images (n, c, height, width) or signals (n, c, width) of floats, int8 or
/// uint8. A window that sees nothing but padding gives the lowest value of the type, -infinity for floats. Whether a
/// NaN wins is unspecified.
///
/// A second output, int64, holds where in the flattened input the largest elements are, of equal ones the first; -1 if
/// the window sees none. With `storage_order` 1 the spatial axes are counted column-major: the first one runs fastest.
struct MaxPool {
  static constexpr std::string_view kType = "MaxPool";
  static constexpr bool kTakesAnyTime = true;

  std::vector<Index> kernel_shape = {};
  std::vector<Index> strides = {};    ///< Empty for 1.
  std::vector<Index> dilations = {};  ///< Empty for 1.
  std::vector<Index> pads = {};       ///< Begins of every spatial axis, then ends; empty for 0.
  bool ceil_mode = false;
  AutoPad auto_pad = AutoPad::not_set;
  Index storage_order = 0;   ///< Of the indices: 0 row-major, 1 column-major.
  OutputCount outputs = {};  ///< 1, or 2 with the indices.

  static void attributes(auto& op, auto&& visit) {
    visit("kernel_shape", op.kernel_shape);
    visit("strides", op.strides);
    visit("dilations", op.dilations);
    visit("pads", op.pads);
    visit("ceil_mode", op.ceil_mode);
    visit("auto_pad", op.auto_pad);
    visit("storage_order", op.storage_order);
    visit("outputs", op.outputs);
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
    require(is_float(type) || type == DataType::int8 || type == DataType::uint8,
            "its input 0 is a float tensor, int8 or uint8, this one is {}", name(type));
    require(storage_order == 0 || storage_order == 1, "its attribute storage_order is 0 or 1, not {}", storage_order);
    require(outputs.count == 1 || outputs.count == 2, "it has 1 or 2 outputs, not {}", outputs.count);
    const Shape shape = output_shape(inputs.shape(0), inputs.shape(0)[1], window(inputs.shape(0)));
    if (outputs.count == 1) return {{type, shape}};
    return {{type, shape}, {DataType::int64, shape}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    switch (e.input().type.type) {
      case DataType::float64: return pool<double>(e);
      case DataType::float16: return pool<Float16>(e);
      case DataType::bfloat16: return pool<BFloat16>(e);
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
    if (outputs.count == 2) return pool_with_indices(e, window, lowest);
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

  template <class T>
  void pool_with_indices(const Evaluation& e, const Window& window, T lowest) const {
    std::int64_t* indices = e.output(1).as<std::int64_t>();
    reference::for_each_plane<T>(e, window, [&](const T* x, T* y) {
      const Index first = x - e.input().as<T>();
      std::int64_t* winner = indices + (y - e.output().as<T>());
      std::fill_n(y, window.positions(), lowest);
      std::fill_n(winner, window.positions(), std::int64_t{-1});
      reference::for_each_tap_run(window, [&](Index source, Index target, Index count) {
        for (Index i = target; i < target + count; ++i, source += window.width.stride) {
          if (winner[i] >= 0 && !(x[source] > y[i])) continue;
          y[i] = x[source];
          winner[i] = source;
        }
      });
      for (Index i = 0; i < window.positions(); ++i) {
        if (winner[i] >= 0) winner[i] = first + stored_at(window, winner[i]);
      }
    });
  }

  /// The place of a pixel of one channel in the order that `storage_order` asks for.
  Index stored_at(const Window& window, Index pixel) const noexcept {
    if (storage_order == 0) return pixel;
    const Index column = pixel % window.width.input;
    const Index row = pixel / window.width.input % window.height.input;
    const Index plane = pixel / window.width.input / window.height.input;
    return (column * window.height.input + row) * window.depth.input + plane;
  }
};

}  // namespace condense::graph

#endif
