#ifndef CONDENSE_TRAIN_GRADIENTS_REDUCTIONS_HPP
#define CONDENSE_TRAIN_GRADIENTS_REDUCTIONS_HPP

#include <cmath>

#include "condense/graph/operators/reductions.hpp"
#include "condense/train/detail/backward.hpp"
#include "condense/train/detail/elementwise.hpp"

namespace condense::train {

namespace detail {

/// The axes that a reduction is over. Refuses their gradient.
template <class Op>
graph::reference::AxisSet reduced_axes(const Op& op, const Backward& b) {
  refuse(b, 1, "the axes");
  const std::vector<Index> axes = b.has(1) ? graph::reference::integers(b.input(1)) : std::vector<Index>{};
  return graph::reference::axis_set(b.input_shape(), axes, op.noop_with_empty_axes);
}

/// dx = dy `Gradient<Op>::slope(x, y, count)` of a reduction with the result y of the `count` elements that meet with
/// x.
template <class Op>
struct ReductionSlope {
  static constexpr Reads kReads = Reads::everything;

  static std::vector<Tensor> backward(const Op& op, const Backward& b) {
    const Shape& shape = b.input_shape();
    const Shape kept = graph::reference::reduced_shape(shape, reduced_axes(op, b), true);
    Tensor gradient = b.like_input();
    if (gradient.count() == 0) return {gradient};
    const graph::reference::Broadcast broadcast(shape, kept, shape);
    graph::with_float_type(gradient.type(), [&]<class T>() {
      const auto count = static_cast<T>(shape.count() / kept.count());
      const T* x = b.input().data<T>();
      const T* y = b.output().data<T>();
      const T* dy = b.output_gradient().data<T>();
      T* dx = gradient.mutable_data<T>();
      parallel_for(b.pool, shape.count(), graph::reference::kElementwiseGrain, [&](Index begin, Index end) {
        broadcast.for_each_run(begin, end, [&](Index first, Index, Index k, Index length, Index, Index stride) {
          for (Index i = first; i < first + length; ++i, k += stride) {
            dx[i] = dy[k] * Gradient<Op>::slope(x[i], y[k], count);
          }
        });
      });
    });
    return {gradient};
  }
};

/// Calls `body.operator()<T>(result, reduced, first, dx)` for every element of the result of a reduction: the elements
/// that meet there are those at first + reduced.offset(i) of x, in row-major order, and their gradient belongs at the
/// same places of dx, which is zeros.
template <class Op, class Body>
Tensor differentiate_reduction(const Op& op, const Backward& b, Body&& body) {
  const graph::reference::Reduction loops(b.input_shape(), reduced_axes(op, b));
  Tensor gradient = zeros(b, b.output_gradient().type(), b.input_shape());
  if (gradient.count() == 0) return gradient;
  graph::with_float_type(gradient.type(), [&]<class T>() {
    T* dx = gradient.mutable_data<T>();
    const Index grain = std::max<Index>(1, graph::reference::kElementwiseGrain / loops.reduced.count());
    parallel_for(b.pool, loops.kept.count(), grain, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) body.template operator()<T>(i, loops.reduced, loops.kept.offset(i), dx);
    });
  });
  return gradient;
}

/// dy goes to the first of the elements that meet which the result is equal to.
template <class Op>
struct ReductionChoice {
  static constexpr Reads kReads = Reads::everything;

  static std::vector<Tensor> backward(const Op& op, const Backward& b) {
    return {differentiate_reduction(
        op, b, [&]<class T>(Index result, const graph::reference::Reduction::Loops& reduced, Index first, T* dx) {
          const T* x = b.input().data<T>() + first;
          const T y = b.output().data<T>()[result];
          for (Index i = 0; i < reduced.count(); ++i) {
            const Index place = reduced.offset(i);
            if (x[place] != y) continue;
            dx[first + place] = b.output_gradient().data<T>()[result];
            return;
          }
        })};
  }
};

}  // namespace detail

/// The cumulative sum of dy from the other end.
template <>
struct Gradient<graph::CumSum> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::CumSum& op, const Backward& b) {
    detail::refuse(b, 1, "the axis");
    const graph::CumSum backwards{.exclusive = op.exclusive, .reverse = !op.reverse};
    return {detail::evaluate(b, backwards, {&b.output_gradient(), &b.input(1)})};
  }
};

/// Slope 1 above 0, -1 below, 0 at 0.
template <>
struct Gradient<graph::ReduceL1> : detail::ReductionSlope<graph::ReduceL1> {
  template <class T>
  static T slope(T x, T, T) {
    return x > 0 ? T{1} : x < 0 ? T{-1} : T{0};
  }
};

/// Slope x / y; 0 if y is.
template <>
struct Gradient<graph::ReduceL2> : detail::ReductionSlope<graph::ReduceL2> {
  template <class T>
  static T slope(T x, T y, T) {
    return y == 0 ? T{0} : x / y;
  }
};

/// Slope 1 / exp(y).
template <>
struct Gradient<graph::ReduceLogSum> : detail::ReductionSlope<graph::ReduceLogSum> {
  template <class T>
  static T slope(T, T y, T) {
    return std::exp(-y);
  }
};

/// Slope exp(x - y), the softmax; 0 where x is -infinity.
template <>
struct Gradient<graph::ReduceLogSumExp> : detail::ReductionSlope<graph::ReduceLogSumExp> {
  template <class T>
  static T slope(T x, T y, T) {
    return x == -std::numeric_limits<T>::infinity() ? T{0} : std::exp(x - y);
  }
};

/// dy goes to the largest element, of equal ones to the first.
template <>
struct Gradient<graph::ReduceMax> : detail::ReductionChoice<graph::ReduceMax> {};

/// Slope 1 / count.
template <>
struct Gradient<graph::ReduceMean> : detail::ReductionSlope<graph::ReduceMean> {
  template <class T>
  static T slope(T, T, T count) {
    return T{1} / count;
  }
};

/// dy goes to the least element, of equal ones to the first.
template <>
struct Gradient<graph::ReduceMin> : detail::ReductionChoice<graph::ReduceMin> {};

/// dx = dy times the product of all other elements that meet, without a division, so that zeros are no exception.
template <>
struct Gradient<graph::ReduceProd> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::ReduceProd& op, const Backward& b) {
    return {detail::differentiate_reduction(
        op, b, [&]<class T>(Index result, const graph::reference::Reduction::Loops& reduced, Index first, T* dx) {
          const T* x = b.input().data<T>() + first;
          T* to = dx + first;
          T before = b.output_gradient().data<T>()[result];
          for (Index i = 0; i < reduced.count(); ++i) {
            const Index place = reduced.offset(i);
            to[place] = before;
            before *= x[place];
          }
          T after = 1;
          for (Index i = reduced.count(); i-- > 0;) {
            const Index place = reduced.offset(i);
            to[place] *= after;
            after *= x[place];
          }
        })};
  }
};

/// Slope 1.
template <>
struct Gradient<graph::ReduceSum> : detail::ReductionSlope<graph::ReduceSum> {
  template <class T>
  static T slope(T, T, T) {
    return T{1};
  }
};

/// Slope 2 x.
template <>
struct Gradient<graph::ReduceSumSquare> : detail::ReductionSlope<graph::ReduceSumSquare> {
  template <class T>
  static T slope(T x, T, T) {
    return T{2} * x;
  }
};

}  // namespace condense::train

#endif
