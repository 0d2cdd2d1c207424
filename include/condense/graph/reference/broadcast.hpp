#ifndef CONDENSE_GRAPH_REFERENCE_BROADCAST_HPP
#define CONDENSE_GRAPH_REFERENCE_BROADCAST_HPP

#include <algorithm>
#include <array>
#include <functional>

#include "condense/graph/reference/elementwise.hpp"

namespace condense::graph::reference {

/// The shape that two shapes broadcast to, as NumPy and ONNX define it: aligned at the last axis, an extent of 1
/// repeats. Throws unless they do; the message speaks of the inputs 0 and 1.
inline Shape broadcast_shape(const Shape& a, const Shape& b) {
  std::array<Index, kMaximumRank> extents{};
  const int rank = std::max(a.rank(), b.rank());
  for (int axis = 1; axis <= rank; ++axis) {
    const Index left = axis <= a.rank() ? a[a.rank() - axis] : 1;
    const Index right = axis <= b.rank() ? b[b.rank() - axis] : 1;
    require(left == right || left == 1 || right == 1,
            "its inputs 0 and 1 of shapes {} and {} do not broadcast: {} and {}", a.to_string(), b.to_string(), left,
            right);
    extents[static_cast<std::size_t>(rank - axis)] = left == 1 ? right : left;
  }
  return Shape(std::span<const Index>(extents.data(), static_cast<std::size_t>(rank)));
}

/// Whether a shape broadcasts to `target`: it has no more dimensions, and every extent is 1 or that of the target.
inline bool broadcasts_to(const Shape& shape, const Shape& target) noexcept {
  bool fits = shape.rank() <= target.rank();
  for (int axis = 1; fits && axis <= shape.rank(); ++axis) {
    const Index extent = shape[shape.rank() - axis];
    fits = extent == 1 || extent == target[target.rank() - axis];
  }
  return fits;
}

/// How the elements of two broadcast operands meet: loops over the result with a stride in each operand, 0 where it
/// repeats. Neighbouring axes that both operands walk alike are one loop. Without heap storage.
class Broadcast {
 public:
  Broadcast(const Shape& a, const Shape& b, const Shape& result) {
    Index a_stride = 1;
    Index b_stride = 1;
    for (int axis = 1; axis <= result.rank(); ++axis) {
      const Index extent = result[result.rank() - axis];
      const Index a_extent = axis <= a.rank() ? a[a.rank() - axis] : 1;
      const Index b_extent = axis <= b.rank() ? b[b.rank() - axis] : 1;
      if (extent == 1) continue;
      append({extent, a_extent == 1 ? 0 : a_stride, b_extent == 1 ? 0 : b_stride});
      a_stride *= a_extent;
      b_stride *= b_extent;
    }
    if (loop_count_ == 0) append({1, 0, 0});
  }

  /// Calls `body(first, a, b, length, a_stride, b_stride)` for runs that cover the result's elements [begin, end):
  /// `first` of the result meets element `a` and `b` of the operands, and the strides are 0 or 1.
  template <class Body>
  void for_each_run(Index begin, Index end, Body&& body) const {
    const Loop& inner = loops_[0];
    while (begin < end) {
      Index rest = begin / inner.extent;
      const Index position = begin % inner.extent;
      Index a = position * inner.a_stride;
      Index b = position * inner.b_stride;
      for (std::size_t i = 1; i < loop_count_; ++i) {
        const Index index = rest % loops_[i].extent;
        rest /= loops_[i].extent;
        a += index * loops_[i].a_stride;
        b += index * loops_[i].b_stride;
      }
      const Index length = std::min(inner.extent - position, end - begin);
      body(begin, a, b, length, inner.a_stride, inner.b_stride);
      begin += length;
    }
  }

 private:
  struct Loop {
    Index extent = 1;
    Index a_stride = 0;
    Index b_stride = 0;
  };

  /// Adds the next outer loop; joins it to the last one if both operands go on where that one ends.
  void append(const Loop& loop) {
    if (loop_count_ > 0) {
      Loop& last = loops_[loop_count_ - 1];
      if (loop.a_stride == last.a_stride * last.extent && loop.b_stride == last.b_stride * last.extent) {
        last.extent *= loop.extent;
        return;
      }
    }
    loops_[loop_count_++] = loop;
  }

  std::array<Loop, kMaximumRank> loops_;  ///< Innermost first.
  std::size_t loop_count_ = 0;
};

/// Two inputs of numbers of one type; the output has their broadcast shape.
inline std::vector<TensorType> infer_binary(const InputTypes& inputs) {
  inputs.require_count(2, 2);
  inputs.require_number(0);
  inputs.require_same_type(1);
  return {{inputs.type(0), broadcast_shape(inputs.shape(0), inputs.shape(1))}};
}

/// A run of broadcast elements: element i of the result meets left[i * left_stride] and right[i * right_stride], where
/// the strides are 0 or 1.
template <class A, class B, class Result>
struct BroadcastRun {
  const A* left = nullptr;
  const B* right = nullptr;
  Result* results = nullptr;
  Index length = 0;
  Index left_stride = 1;
  Index right_stride = 1;
};

/// Maps broadcast elements that are computed as A and B to results that are computed as `Result`, by calls of
/// `body(run)`. All that does not depend on the function is compiled once and not once per operator.
template <class A, class B, class Result>
void map_broadcast(const Evaluation& e, const std::function<void(const BroadcastRun<A, B, Result>&)>& body) {
  const InputBuffer& a = e.input(0);
  const InputBuffer& b = e.input(1);
  const OutputBuffer& y = e.output();
  const Broadcast broadcast(a.shape(), b.shape(), y.shape());
  const auto run = [&](Index first, Index from_a, Index from_b, Index length, Index a_stride, Index b_stride) {
    A a_converted[kChunk];
    B b_converted[kChunk];
    const A* left = read_elements<A>(a.type.type, a.data, from_a, a_stride == 0 ? 1 : length, a_converted);
    const B* right = read_elements<B>(b.type.type, b.data, from_b, b_stride == 0 ? 1 : length, b_converted);
    write_elements<Result>(y.type.type, y.data, first, length, [&](Result* results) {
      body({left, right, results, length, a_stride, b_stride});
    });
  };
  parallel_for(e.pool, y.count(), kElementwiseGrain, [&](Index begin, Index end) {
    for (; begin < end; begin += kChunk) broadcast.for_each_run(begin, std::min(begin + kChunk, end), run);
  });
}

/// y = function(a, b) on broadcast elements that are computed as A and B; the results may be of another type, computed
/// as `Result`.
template <class A, class B, class Result, class Function>
void evaluate_binary_as(const Evaluation& e, Function&& function) {
  const auto body = [&](const BroadcastRun<A, B, Result>& run) {
    const auto [left, right, results, length, left_stride, right_stride] = run;
    if (left_stride == 1 && right_stride == 1) {
      for (Index i = 0; i < length; ++i) results[i] = function(left[i], right[i]);
    } else if (left_stride == 1) {
      for (Index i = 0; i < length; ++i) results[i] = function(left[i], *right);
    } else if (right_stride == 1) {
      for (Index i = 0; i < length; ++i) results[i] = function(*left, right[i]);
    } else {
      std::fill_n(results, length, function(*left, *right));
    }
  };
  map_broadcast<A, B, Result>(e, std::cref(body));
}

/// y = function(a, b) on broadcast numbers of one type.
template <class Function>
void evaluate_binary(const Evaluation& e, Function&& function) {
  with_computation_type(e.input().type.type, [&]<class C>() { evaluate_binary_as<C, C, C>(e, function); });
}

}  // namespace condense::graph::reference

#endif
