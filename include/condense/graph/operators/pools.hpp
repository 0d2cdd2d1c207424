#ifndef CONDENSE_GRAPH_OPERATORS_POOLS_HPP
#define CONDENSE_GRAPH_OPERATORS_POOLS_HPP

#include <cmath>
#include <limits>

#include "condense/graph/operator_list.hpp"
#include "condense/graph/operators/conv_transpose.hpp"
#include "condense/graph/reference/halves.hpp"
#include "condense/graph/reference/pool.hpp"

namespace condense::graph {

namespace detail {

/// The type of a pool over all positions: (n, c, ...) becomes (n, c, 1, ...).
inline std::vector<TensorType> infer_global_pool(const InputTypes& inputs) {
  inputs.require_count(1, 1);
  reference::require_any_float(inputs, 0);
  Shape shape = inputs.shape(0);
  require(shape.rank() >= 3, "its input 0 is (n x c x ...) with spatial axes, this one has shape {}",
          shape.to_string());
  for (int axis = 2; axis < shape.rank(); ++axis) shape = shape.with(axis, 1);
  return {{inputs.type(0), shape}};
}

/// y = function(first, last) of the positions of every channel.
template <class Function>
void evaluate_global_pool(const Evaluation& e, Function&& function) {
  const Shape& shape = e.input().shape();
  const Index positions = shape.count(2, shape.rank());
  const Index grain = std::max<Index>(1, reference::kElementwiseGrain / std::max<Index>(1, positions));
  reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
    const T* x = floats.input().template as<T>();
    T* y = floats.output().template as<T>();
    parallel_for(floats.pool, floats.output().count(), grain, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) y[i] = function(x + i * positions, x + (i + 1) * positions);
    });
  });
}

/// |x|^p, and the p-th root of a sum of them.
template <class T>
T to_power(T x, Index p) {
  if (p == 1) return std::abs(x);
  return p == 2 ? x * x : std::pow(std::abs(x), static_cast<T>(p));
}
template <class T>
T root(T sum, Index p) {
  if (p == 1) return sum;
  return p == 2 ? std::sqrt(sum) : std::pow(sum, T{1} / static_cast<T>(p));
}

}  // namespace detail

/// The largest element of every channel over all positions, -infinity if there are none: (n, c, ...) becomes
/// (n, c, 1, ...). Whether a NaN wins is unspecified. ONNX GlobalMaxPool.
struct GlobalMaxPool {
  static constexpr std::string_view kType = "GlobalMaxPool";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return detail::infer_global_pool(inputs); }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    detail::evaluate_global_pool(e, []<class T>(const T* first, const T* last) {
      T largest = -std::numeric_limits<T>::infinity();
      for (; first != last; ++first) largest = std::max(largest, *first);
      return largest;
    });
  }

  friend bool operator==(const GlobalMaxPool&, const GlobalMaxPool&) = default;
};

/// (sum of |x|^p)^(1/p) of every channel over all positions: (n, c, ...) becomes (n, c, 1, ...). ONNX GlobalLpPool.
struct GlobalLpPool {
  static constexpr std::string_view kType = "GlobalLpPool";

  Index p = 2;  ///< >= 1.

  static void attributes(auto& op, auto&& visit) { visit("p", op.p); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    require(p >= 1, "its attribute p is {}, the least is 1", p);
    return detail::infer_global_pool(inputs);
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    detail::evaluate_global_pool(e, [this]<class T>(const T* first, const T* last) {
      T sum = 0;
      for (; first != last; ++first) sum += detail::to_power(*first, p);
      return detail::root(sum, p);
    });
  }

  friend bool operator==(const GlobalLpPool&, const GlobalLpPool&) = default;
};

/// (sum of |x|^p)^(1/p) of the elements under a moving window; padding adds nothing. ONNX LpPool (Gulcehre et al.,
/// "Learned-norm pooling", ECML 2014). Takes floats: volumes, images or signals; halves are computed in float.
struct LpPool {
  static constexpr std::string_view kType = "LpPool";
  static constexpr bool kTakesAnyTime = true;

  std::vector<Index> kernel_shape = {};
  std::vector<Index> strides = {};    ///< Empty for 1.
  std::vector<Index> dilations = {};  ///< Empty for 1.
  std::vector<Index> pads = {};       ///< Begins of every spatial axis, then ends; empty for 0.
  bool ceil_mode = false;
  AutoPad auto_pad = AutoPad::not_set;
  Index p = 2;  ///< >= 1.

  static void attributes(auto& op, auto&& visit) {
    visit("kernel_shape", op.kernel_shape);
    visit("strides", op.strides);
    visit("dilations", op.dilations);
    visit("pads", op.pads);
    visit("ceil_mode", op.ceil_mode);
    visit("auto_pad", op.auto_pad);
    visit("p", op.p);
  }

  /// How the window moves over images of that shape; throws unless it fits.
  Window window(const Shape& images) const {
    return make_window(
        images, kernel_shape,
        {.strides = strides, .dilations = dilations, .pads = pads, .auto_pad = auto_pad, .ceil_mode = ceil_mode});
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    reference::require_any_float(inputs, 0);
    require(p >= 1, "its attribute p is {}, the least is 1", p);
    const Window moved = window(inputs.shape(0));
    return {{inputs.type(0), output_shape(inputs.shape(0), inputs.shape(0)[1], moved)}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Window moved = window(e.input().shape());
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
      reference::for_each_plane<T>(floats, moved, [&](const T* x, T* y) {
        std::fill_n(y, moved.positions(), T{0});
        reference::for_each_tap_run(moved, [&](Index source, Index target, Index count) {
          for (Index i = target; i < target + count; ++i, source += moved.width.stride) {
            y[i] += detail::to_power(x[source], p);
          }
        });
        for (Index i = 0; i < moved.positions(); ++i) y[i] = detail::root(y[i], p);
      });
    });
  }

  friend bool operator==(const LpPool&, const LpPool&) = default;
};

/// The partial inverse of MaxPool: elements go where their indices say, everything else is 0. ONNX MaxUnpool.
///
/// Inputs: x (n, c, ...), floats; indices of x's shape, int64, into the flattened tensor that MaxPool took, whose
/// spatial extents are (x - 1) * stride + kernel - pads; optional shape of the result, int64, with extents not below
/// those: that tensor then lies at its beginning. Of equal indices the last one wins. An index outside throws
/// `InvalidArgument`.
struct MaxUnpool {
  static constexpr std::string_view kType = "MaxUnpool";

  std::vector<Index> kernel_shape = {};
  std::vector<Index> strides = {};  ///< Empty for 1.
  std::vector<Index> pads = {};     ///< Begins of every spatial axis, then ends; empty for 0.

  static void attributes(auto& op, auto&& visit) {
    visit("kernel_shape", op.kernel_shape);
    visit("strides", op.strides);
    visit("pads", op.pads);
  }

  /// The shape of what MaxPool took.
  Shape pooled_shape(const Shape& x) const {
    require(x.rank() >= 3 && x.rank() <= 5, "its input 0 is (n x c x ...) with 1 to 3 spatial axes, this one is {}",
            x.to_string());
    const ConvTranspose unpool{.strides = strides, .pads = pads};
    std::vector<Index> taps{x[1], 1};
    require(static_cast<int>(kernel_shape.size()) == x.rank() - 2,
            "its attribute kernel_shape has {} entries, the input has {} spatial axes", kernel_shape.size(),
            x.rank() - 2);
    taps.insert(taps.end(), kernel_shape.begin(), kernel_shape.end());
    check_window_attribute("kernel_shape", kernel_shape, kernel_shape.size(), 1);
    const Window window = unpool.window(x, Shape(std::span<const Index>(taps)));
    if (x.rank() == 3) return {x[0], x[1], window.width.input};
    if (x.rank() == 4) return {x[0], x[1], window.height.input, window.width.input};
    return {x[0], x[1], window.depth.input, window.height.input, window.width.input};
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 3);
    reference::require_any_float(inputs, 0);
    const Shape& x = inputs.shape(0);
    require(inputs.type(1) == DataType::int64 && inputs.shape(1) == x,
            "its input 1, the indices, is int64 of shape {}, this one is {} of shape {}", x.to_string(),
            name(inputs.type(1)), inputs.shape(1).to_string());
    const Shape pooled = pooled_shape(x);
    if (!inputs.has(2)) return {{inputs.type(0), pooled}};
    require(inputs.type(2) == DataType::int64 && inputs.shape(2) == Shape{x.rank()},
            "its input 2, the shape of the result, is int64 of shape ({}), this one is {} of shape {}", x.rank(),
            name(inputs.type(2)), inputs.shape(2).to_string());
    const Tensor* wanted = inputs.known(2);
    if (wanted == nullptr) return {{inputs.type(0), dynamic_shape(x.rank())}};
    std::vector<Index> extents;
    for (const std::int64_t extent : wanted->values<std::int64_t>()) {
      const auto axis = static_cast<int>(extents.size());
      require(axis < 2 ? extent == pooled[axis] : extent >= pooled[axis],
              "its input 2 asks for {} elements along axis {}, what was pooled has shape {}", extent, axis,
              pooled.to_string());
      extents.push_back(static_cast<Index>(extent));
    }
    return {{inputs.type(0), Shape(std::span<const Index>(extents))}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape pooled = pooled_shape(e.input().shape());
    const Shape& result = e.output().shape();
    const std::int64_t* indices = e.input(1).as<std::int64_t>();
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
      const T* x = floats.input().template as<T>();
      T* y = floats.output().template as<T>();
      std::fill_n(y, floats.output().count(), T{0});
      for (Index i = 0; i < floats.input().count(); ++i) {
        require(indices[i] >= 0 && indices[i] < pooled.count(),
                "its input 1 holds the index {} at element {}, what was pooled has {} elements", indices[i], i,
                pooled.count());
        y[place(static_cast<Index>(indices[i]), pooled, result)] = x[i];
      }
    });
  }

  friend bool operator==(const MaxUnpool&, const MaxUnpool&) = default;

 private:
  /// The element of `to` with the coordinates of element `element` of `from`, which lies at its beginning.
  static Index place(Index element, const Shape& from, const Shape& to) noexcept {
    Index result = 0;
    Index stride = 1;
    for (int axis = from.rank() - 1; axis >= 0; --axis) {
      result += element % from[axis] * stride;
      element /= from[axis];
      stride *= to[axis];
    }
    return result;
  }
};

/// Convolutions' transposes and pools beyond the first.
using Pools = OperatorList<ConvTranspose, GlobalLpPool, GlobalMaxPool, LpPool, MaxUnpool>;

}  // namespace condense::graph

#endif
