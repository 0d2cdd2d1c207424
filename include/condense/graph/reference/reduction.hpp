#ifndef CONDENSE_GRAPH_REFERENCE_REDUCTION_HPP
#define CONDENSE_GRAPH_REFERENCE_REDUCTION_HPP

#include <array>

#include "condense/graph/reference/elementwise.hpp"
#include "condense/graph/reference/integers.hpp"

namespace condense::graph::reference {

/// Which axes of a shape are reduced.
using AxisSet = std::array<bool, kMaximumRank>;

/// The axes that a list names: all if it is empty, unless that stands for none. Throws unless they exist and differ.
inline AxisSet axis_set(const Shape& shape, std::span<const Index> axes, bool none_if_empty) {
  AxisSet result{};
  if (axes.empty() && !none_if_empty) result.fill(true);
  for (const int axis : distinct_axes(axes, shape.rank())) result[static_cast<std::size_t>(axis)] = true;
  return result;
}

/// The shape with reduced axes of extent 1, or without them.
inline Shape reduced_shape(const Shape& shape, const AxisSet& reduced, bool keepdims) {
  std::array<Index, kMaximumRank> extents{};
  std::size_t rank = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const bool is_reduced = reduced[static_cast<std::size_t>(axis)];
    if (!is_reduced || keepdims) extents[rank++] = is_reduced ? 1 : shape[axis];
  }
  return Shape(std::span<const Index>(extents.data(), rank));
}

/// Which elements of a tensor meet in one element of its reduction: loops over the kept axes and over the reduced ones,
/// innermost first, with their strides in the tensor. Neighbouring axes of one kind are one loop. Without heap storage.
class Reduction {
 public:
  struct Loop {
    Index extent = 1;
    Index stride = 1;
  };

  /// Loops of one kind; element i of their index space lies at `offset(i)`.
  class Loops {
   public:
    Index count() const noexcept { return count_; }
    const Loop& inner() const noexcept { return loops_[0]; }

    Index offset(Index i) const noexcept {
      Index result = 0;
      for (std::size_t loop = 0; loop < size_; ++loop) {
        result += i % loops_[loop].extent * loops_[loop].stride;
        i /= loops_[loop].extent;
      }
      return result;
    }

   private:
    friend Reduction;

    std::array<Loop, kMaximumRank> loops_{};
    std::size_t size_ = 0;
    Index count_ = 1;
  };

  Reduction(const Shape& shape, const AxisSet& is_reduced) {
    Loops* last = nullptr;
    Index stride = 1;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      const Index extent = shape[axis];
      if (extent == 1) continue;
      Loops& loops = is_reduced[static_cast<std::size_t>(axis)] ? reduced : kept;
      if (last == &loops) {
        loops.loops_[loops.size_ - 1].extent *= extent;
      } else {
        loops.loops_[loops.size_++] = {extent, stride};
      }
      last = &loops;
      loops.count_ *= extent;
      stride *= extent;
    }
  }

  Loops kept;
  Loops reduced;

  /// Whether the elements that meet are neighbours, at least those of the innermost loop.
  bool reduces_neighbours() const noexcept { return reduced.count() > 1 && reduced.inner().stride == 1; }
};

/// Reduces input 0, read as C: every element of the output is `start` after its `add(x)` for the elements that meet
/// there, in row-major order, and then `result()`.
template <class C, class Accumulator>
void evaluate_reduction_as(const Evaluation& e, const AxisSet& is_reduced, const Accumulator& start) {
  using Result = decltype(start.result());
  const InputBuffer& x = e.input();
  const OutputBuffer& y = e.output();
  const Reduction loops(x.shape(), is_reduced);
  const auto read = [&](Index first, Index count, C* converted) {
    return read_elements<C>(x.type.type, x.data, first, count, converted);
  };
  // Elements that meet are added one row of results after the other, or else each on its own: both read what is
  // contiguous.
  const auto reduce = [&](Index begin, Index count, Accumulator* sums) {
    C converted[kChunk];
    std::fill_n(sums, count, start);
    if (loops.reduces_neighbours()) {
      const Index run = loops.reduced.inner().extent;
      for (Index i = 0; i < count; ++i) {
        for (Index done = 0; done < loops.reduced.count(); done += run) {
          const Index first = loops.kept.offset(begin + i) + loops.reduced.offset(done);
          for (Index part = 0; part < run; part += kChunk) {
            const Index length = std::min(kChunk, run - part);
            const C* from = read(first + part, length, converted);
            for (Index j = 0; j < length; ++j) sums[i].add(from[j]);
          }
        }
      }
      return;
    }
    const Index row = loops.kept.inner().extent;
    for (Index i = 0; i < count;) {
      const Index length = std::min(row - (begin + i) % row, count - i);
      const Index first = loops.kept.offset(begin + i);
      for (Index done = 0; done < loops.reduced.count(); ++done) {
        const C* from = read(first + loops.reduced.offset(done), length, converted);
        for (Index j = 0; j < length; ++j) sums[i + j].add(from[j]);
      }
      i += length;
    }
  };
  const Index least = loops.reduces_neighbours() ? 1 : 64;
  const Index grain = std::clamp(kElementwiseGrain / std::max<Index>(1, loops.reduced.count()), least, kChunk);
  parallel_for(e.pool, y.count(), grain, [&](Index begin, Index end) {
    Accumulator sums[kChunk];
    reduce(begin, end - begin, sums);
    write_elements<Result>(y.type.type, y.data, begin, end - begin, [&](Result* to) {
      for (Index i = 0; i < end - begin; ++i) to[i] = sums[i].result();
    });
  });
}

/// A tensor of numbers, or also of booleans, and optionally the axes to reduce; the output has the type of the tensor.
inline std::vector<TensorType> infer_reduction(const InputTypes& inputs, bool keepdims, bool none_if_empty,
                                               bool takes_booleans = false) {
  inputs.require_count(1, 2);
  if (!takes_booleans || inputs.type(0) != DataType::boolean) inputs.require_number(0);
  const Shape& shape = inputs.shape(0);
  if (!inputs.has(1)) return {{inputs.type(0), reduced_shape(shape, axis_set(shape, {}, none_if_empty), keepdims)}};
  require_integer_vector(inputs, 1);
  const Index count = inputs.shape(1)[0];
  require(count <= shape.rank(), "its input 1 names {} axes, its input 0 has shape {}", count, shape.to_string());
  if (const Tensor* axes = inputs.known(1)) {
    const AxisSet set = axis_set(shape, integers(*axes), none_if_empty);
    return {{inputs.type(0), reduced_shape(shape, set, keepdims)}};
  }
  if (count == 0) return {{inputs.type(0), reduced_shape(shape, axis_set(shape, {}, none_if_empty), keepdims)}};
  return {{inputs.type(0), dynamic_shape(keepdims ? shape.rank() : shape.rank() - count)}};
}

/// Reduces input 0 over the axes in input 1 into what `make.operator()<C>()` gives.
template <class Make>
void evaluate_reduction(const Evaluation& e, bool none_if_empty, Make&& make) {
  const std::vector<Index> axes = e.has(1) ? integers(e.input(1)) : std::vector<Index>{};
  const AxisSet is_reduced = axis_set(e.input().shape(), axes, none_if_empty);
  with_computation_type(e.input().type.type,
                        [&]<class C>() { evaluate_reduction_as<C>(e, is_reduced, make.template operator()<C>()); });
}

}  // namespace condense::graph::reference

#endif
