#ifndef CONDENSE_GRAPH_REFERENCE_BROADCAST_HPP
#define CONDENSE_GRAPH_REFERENCE_BROADCAST_HPP

#include <algorithm>
#include <array>
#include <type_traits>

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

/// Two inputs of one type, the output of their broadcast shape: floats and whole-byte integers.
inline std::vector<TensorType> infer_binary(const InputTypes& inputs) {
  inputs.require_count(2, 2);
  inputs.require_same_type(1);
  const DataType type = inputs.type(0);
  require(type == DataType::float32 || type == DataType::float64 || type == DataType::int64 ||
              type == DataType::int32 || type == DataType::int8 || type == DataType::uint8,
          "its input 0 is float32, float64, int64, int32, int8 or uint8, this one is {}", name(type));
  return {{type, broadcast_shape(inputs.shape(0), inputs.shape(1))}};
}

/// y = function(a, b) on broadcast elements of type T.
template <class T, class Function>
void evaluate_binary_as(const Evaluation& e, Function&& function) {
  const T* a = e.input(0).as<T>();
  const T* b = e.input(1).as<T>();
  T* y = e.output().as<T>();
  const Broadcast broadcast(e.input(0).shape(), e.input(1).shape(), e.output().shape());
  parallel_for(e.pool, e.output().count(), kElementwiseGrain, [&](Index begin, Index end) {
    broadcast.for_each_run(begin, end,
                           [&](Index first, Index from_a, Index from_b, Index length, Index a_stride, Index b_stride) {
                             const T* left = a + from_a;
                             const T* right = b + from_b;
                             T* result = y + first;
                             if (a_stride == 1 && b_stride == 1) {
                               for (Index i = 0; i < length; ++i) result[i] = function(left[i], right[i]);
                             } else if (a_stride == 1) {
                               for (Index i = 0; i < length; ++i) result[i] = function(left[i], *right);
                             } else if (b_stride == 1) {
                               for (Index i = 0; i < length; ++i) result[i] = function(*left, right[i]);
                             } else {
                               std::fill_n(result, length, function(*left, *right));
                             }
                           });
  });
}

/// y = function(a, b) on broadcast elements. Integers wrap: the function is given them as unsigned numbers of 32 bits
/// or more, in which that is defined, and the low bits of its result are kept.
template <class Function>
void evaluate_binary(const Evaluation& e, Function&& function) {
  const auto wrapping = [&]<class T>() {
    using Wide = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    evaluate_binary_as<T>(
        e, [&](T a, T b) { return static_cast<T>(function(static_cast<Wide>(a), static_cast<Wide>(b))); });
  };
  switch (e.output().type.type) {
    case DataType::int64: return wrapping.template operator()<std::int64_t>();
    case DataType::int32: return wrapping.template operator()<std::int32_t>();
    case DataType::int8: return wrapping.template operator()<std::int8_t>();
    case DataType::uint8: return wrapping.template operator()<std::uint8_t>();
    case DataType::float64: return evaluate_binary_as<double>(e, function);
    default: return evaluate_binary_as<float>(e, function);
  }
}

}  // namespace condense::graph::reference

#endif
