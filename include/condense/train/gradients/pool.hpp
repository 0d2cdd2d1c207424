#ifndef CONDENSE_TRAIN_GRADIENTS_POOL_HPP
#define CONDENSE_TRAIN_GRADIENTS_POOL_HPP

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "condense/graph/operators/average_pool.hpp"
#include "condense/graph/operators/cast.hpp"
#include "condense/graph/operators/global_average_pool.hpp"
#include "condense/graph/operators/max_pool.hpp"
#include "condense/graph/operators/pools.hpp"
#include "condense/train/detail/selection.hpp"
#include "condense/train/gradient.hpp"

namespace condense::train {

namespace detail {

/// Calls `body(begin, end)` for blocks of planes (image and channel) of the first input.
template <class Body>
void for_each_block_of_planes(const Backward& b, Body&& body) {
  const Shape& shape = b.input_shape();
  const Index plane = std::max<Index>(1, shape.count(2, shape.rank()));
  parallel_for(b.pool, shape.count(0, 2), std::max<Index>(1, graph::reference::kElementwiseGrain / plane), body);
}

}  // namespace detail

/// The gradient of a result goes to the element that won; of equal elements the first, row by row of the window.
template <>
struct Gradient<graph::MaxPool> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::MaxPool& op, const Backward& b) {
    Tensor gradient = b.like_input();
    graph::with_float_type(gradient.type(), [&]<class T>() {
      const graph::Window window = op.window(b.input_shape());
      const Index plane = window.pixels();
      const Index positions = window.positions();
      const T* x = b.input().data<T>();
      const T* dy = b.output_gradient().data<T>();
      T* dx = gradient.mutable_data<T>();
      detail::for_each_block_of_planes(b, [&](Index begin, Index end) {
        std::vector<T> largest(static_cast<std::size_t>(positions));
        std::vector<Index> winner(largest.size());
        for (Index p = begin; p < end; ++p) {
          std::ranges::fill(largest, -std::numeric_limits<T>::infinity());
          std::ranges::fill(winner, Index{-1});
          const T* source = x + p * plane;
          graph::reference::for_each_tap_run(window, [&](Index from, Index to, Index count) {
            for (Index i = 0; i < count; ++i, from += window.width.stride) {
              const auto position = static_cast<std::size_t>(to + i);
              const bool wins = source[from] > largest[position];  // no branch: it would be guessed wrong too often
              largest[position] = wins ? source[from] : largest[position];
              winner[position] = wins ? from : winner[position];
            }
          });
          T* target = dx + p * plane;
          std::fill_n(target, plane, T{0});
          for (Index i = 0; i < positions; ++i) {
            const Index won = winner[static_cast<std::size_t>(i)];
            if (won >= 0) target[won] += dy[p * positions + i];
          }
        }
      });
    });
    return {gradient};
  }
};

/// The gradient of a mean is shared equally by the elements that it is of.
template <>
struct Gradient<graph::AveragePool> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::AveragePool& op, const Backward& b) {
    Tensor gradient = b.like_input();
    graph::with_float_type(gradient.type(), [&]<class T>() {
      const graph::Window window = op.window(b.input_shape());
      const Index plane = window.pixels();
      const Index positions = window.positions();
      const T* dy = b.output_gradient().data<T>();
      T* dx = gradient.mutable_data<T>();
      std::vector<T> shares;
      op.for_each_count(window,
                        [&](Index count) { shares.push_back(count > 0 ? T{1} / static_cast<T>(count) : T{0}); });
      detail::for_each_block_of_planes(b, [&](Index begin, Index end) {
        for (Index p = begin; p < end; ++p) {
          const T* source = dy + p * positions;
          T* target = dx + p * plane;
          std::fill_n(target, plane, T{0});
          graph::reference::for_each_tap_run(window, [&](Index to, Index from, Index count) {
            for (Index i = from; i < from + count; ++i, to += window.width.stride) {
              target[to] += source[i] * shares[static_cast<std::size_t>(i)];
            }
          });
        }
      });
    });
    return {gradient};
  }
};

/// The gradient of the mean of a plane is shared equally by its elements.
template <>
struct Gradient<graph::GlobalAveragePool> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::GlobalAveragePool&, const Backward& b) {
    Tensor gradient = b.like_input();
    graph::with_float_type(gradient.type(), [&]<class T>() {
      const Index plane = b.input_shape().count(2, b.input_shape().rank());
      const T* dy = b.output_gradient().data<T>();
      T* dx = gradient.mutable_data<T>();
      detail::for_each_block_of_planes(b, [&](Index begin, Index end) {
        for (Index p = begin; p < end; ++p) std::fill_n(dx + p * plane, plane, dy[p] / static_cast<T>(plane));
      });
    });
    return {gradient};
  }
};

namespace detail {

/// The slope of (sum of |x|^p)^(1/p) = y in x: sign(x) (|x| / y)^(p - 1); 0 if y is.
template <class T>
T norm_slope(T x, T y, Index p) {
  if (y == 0) return T{0};
  const T sign = x > 0 ? T{1} : x < 0 ? T{-1} : T{0};
  if (p == 1) return sign;
  return p == 2 ? x / y : sign * std::pow(std::abs(x) / y, static_cast<T>(p - 1));
}

}  // namespace detail

/// The gradient of a result goes to the largest element of its channel, of equal ones to the first.
template <>
struct Gradient<graph::GlobalMaxPool> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::GlobalMaxPool&, const Backward& b) {
    Tensor gradient = detail::zeros(b, b.output_gradient().type(), b.input_shape());
    if (gradient.count() == 0) return {gradient};
    graph::with_float_type(gradient.type(), [&]<class T>() {
      const Index plane = b.input_shape().count(2, b.input_shape().rank());
      const T* x = b.input().data<T>();
      const T* dy = b.output_gradient().data<T>();
      T* dx = gradient.mutable_data<T>();
      detail::for_each_block_of_planes(b, [&](Index begin, Index end) {
        for (Index p = begin; p < end; ++p) {
          dx[std::max_element(x + p * plane, x + (p + 1) * plane) - x] = dy[p];
        }
      });
    });
    return {gradient};
  }
};

/// dx = dy sign(x) (|x| / y)^(p - 1).
template <>
struct Gradient<graph::GlobalLpPool> {
  static constexpr Reads kReads = Reads::everything;

  static std::vector<Tensor> backward(const graph::GlobalLpPool& op, const Backward& b) {
    Tensor gradient = b.like_input();
    graph::with_float_type(gradient.type(), [&]<class T>() {
      const Index plane = b.input_shape().count(2, b.input_shape().rank());
      const T* x = b.input().data<T>();
      const T* y = b.output().data<T>();
      const T* dy = b.output_gradient().data<T>();
      T* dx = gradient.mutable_data<T>();
      detail::for_each_block_of_planes(b, [&](Index begin, Index end) {
        for (Index p = begin; p < end; ++p) {
          for (Index i = p * plane; i < (p + 1) * plane; ++i) dx[i] = dy[p] * detail::norm_slope(x[i], y[p], op.p);
        }
      });
    });
    return {gradient};
  }
};

/// dx = the sum of dy sign(x) (|x| / y)^(p - 1) over the windows that see x.
template <>
struct Gradient<graph::LpPool> {
  static constexpr Reads kReads = Reads::everything;

  static std::vector<Tensor> backward(const graph::LpPool& op, const Backward& b) {
    Tensor gradient = detail::zeros(b, b.output_gradient().type(), b.input_shape());
    graph::with_float_type(gradient.type(), [&]<class T>() {
      const graph::Window window = op.window(b.input_shape());
      const T* x = b.input().data<T>();
      const T* y = b.output().data<T>();
      const T* dy = b.output_gradient().data<T>();
      T* dx = gradient.mutable_data<T>();
      detail::for_each_block_of_planes(b, [&](Index begin, Index end) {
        for (Index p = begin; p < end; ++p) {
          graph::reference::for_each_tap_run(window, [&](Index source, Index target, Index count) {
            Index from = p * window.pixels() + source;
            const Index to = p * window.positions() + target;
            for (Index i = to; i < to + count; ++i, from += window.width.stride) {
              dx[from] += dy[i] * detail::norm_slope(x[from], y[i], op.p);
            }
          });
        }
      });
    });
    return {gradient};
  }
};

/// dy at the place where an element went; 0 if another one took it.
template <>
struct Gradient<graph::MaxUnpool> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::MaxUnpool& op, const Backward& b) {
    detail::refuse(b, 1, "the indices");
    detail::refuse(b, 2, "the shape");
    // The operator moves floats only. Their numbers count from 1, since 0 stands for no element.
    Tensor numbers = b.memory.make(DataType::float64, b.input_shape());
    const std::span<double> values = numbers.mutable_values<double>();
    std::iota(values.begin(), values.end(), 1.0);
    const Tensor moved = detail::evaluate(b, op, {&numbers, &b.input(1), b.has(2) ? &b.input(2) : nullptr});
    const Tensor places = detail::evaluate(b, graph::Cast{DataType::int64}, {&moved});
    return {detail::gather_gradient(b, places, b.output_gradient(), b.input_shape(), 1)};
  }
};

}  // namespace condense::train

#endif
