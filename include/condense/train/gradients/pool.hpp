#ifndef CONDENSE_TRAIN_GRADIENTS_POOL_HPP
#define CONDENSE_TRAIN_GRADIENTS_POOL_HPP

#include <algorithm>
#include <limits>
#include <vector>

#include "condense/graph/operators/average_pool.hpp"
#include "condense/graph/operators/global_average_pool.hpp"
#include "condense/graph/operators/max_pool.hpp"
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
              if (source[from] > largest[position]) {
                largest[position] = source[from];
                winner[position] = from;
              }
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
      op.for_each_count(window, [&](Index count) {
        shares.push_back(count > 0 ? T{1} / static_cast<T>(count) : T{0});
      });
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

}  // namespace condense::train

#endif
