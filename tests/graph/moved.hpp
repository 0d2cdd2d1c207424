#ifndef CONDENSE_TESTS_GRAPH_MOVED_HPP
#define CONDENSE_TESTS_GRAPH_MOVED_HPP

#include <cstring>

#include "condense/core/random.hpp"
#include "graph/run.hpp"

namespace condense::graph {

using Position = std::vector<Index>;

/// One type of each width, since operators that move elements tell types by nothing else.
inline constexpr DataType kTypeOfEachWidth[] = {DataType::uint8, DataType::float16, DataType::float32, DataType::int64};

/// A tensor of random bytes.
inline Tensor random_bytes(DataType type, const Shape& shape, Random& random) {
  Tensor tensor(type, shape);
  for (std::size_t i = 0; i < tensor.bytes(); ++i) tensor.mutable_raw()[i] = static_cast<std::byte>(random.bits());
  return tensor;
}

/// Extents in [low, high].
inline Shape random_shape(int rank, Index low, Index high, Random& random) {
  std::vector<Index> extents;
  for (int axis = 0; axis < rank; ++axis) extents.push_back(random_index(random, low, high));
  return Shape(std::span<const Index>(extents));
}

/// An int64 vector.
inline Tensor list(const std::vector<Index>& values) {
  Tensor tensor(DataType::int64, Shape{static_cast<Index>(values.size())});
  std::copy(values.begin(), values.end(), tensor.mutable_data<std::int64_t>());
  return tensor;
}

/// Calls `body(position)` for every position of a tensor, in row-major order.
template <class Body>
void for_each_position(const Shape& shape, Body&& body) {
  for (Index i = 0; i < shape.count(); ++i) {
    Position position(static_cast<std::size_t>(shape.rank()));
    Index rest = i;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      position[static_cast<std::size_t>(axis)] = rest % shape[axis];
      rest /= shape[axis];
    }
    body(position);
  }
}

inline Index offset_of(const Shape& shape, const Position& position) {
  EXPECT_EQ(static_cast<int>(position.size()), shape.rank());
  Index offset = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const Index i = position[static_cast<std::size_t>(axis)];
    EXPECT_TRUE(i >= 0 && i < shape[axis]);
    offset = offset * shape[axis] + i;
  }
  return offset;
}

/// The tensor of that shape, each element of which is the one of x at `source(position)`; zero where that is empty but
/// x has axes.
template <class Source>
Tensor moved(const Tensor& x, const Shape& shape, Source&& source) {
  Tensor result(x.type(), shape);
  const std::size_t width = bytes(x.type(), 1);
  std::byte* to = result.mutable_raw();
  for_each_position(shape, [&](const Position& position) {
    const Position from = source(position);
    if (from.size() == static_cast<std::size_t>(x.shape().rank())) {
      std::memcpy(to, x.raw() + static_cast<std::size_t>(offset_of(x.shape(), from)) * width, width);
    }
    to += width;
  });
  return result;
}

}  // namespace condense::graph

#endif
