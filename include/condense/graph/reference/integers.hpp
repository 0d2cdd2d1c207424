#ifndef CONDENSE_GRAPH_REFERENCE_INTEGERS_HPP
#define CONDENSE_GRAPH_REFERENCE_INTEGERS_HPP

#include <algorithm>
#include <vector>

#include "condense/graph/reference/requirements.hpp"

namespace condense::graph::reference {

/// The elements of a tensor of int64 or int32.
inline std::vector<Index> integers(DataType type, const std::byte* data, Index count) {
  std::vector<Index> result(static_cast<std::size_t>(count));
  if (type == DataType::int64) {
    std::copy_n(reinterpret_cast<const std::int64_t*>(data), count, result.begin());
  } else {
    require(type == DataType::int32, "int64 or int32 is needed here, not {}", name(type));
    std::copy_n(reinterpret_cast<const std::int32_t*>(data), count, result.begin());
  }
  return result;
}
inline std::vector<Index> integers(const Tensor& tensor) {
  return integers(tensor.type(), tensor.raw(), tensor.count());
}
inline std::vector<Index> integers(const InputBuffer& buffer) {
  return integers(buffer.type.type, buffer.data, buffer.count());
}

/// The elements of input i as positions in [0, extent); a negative one counts from the end. Throws for any other.
inline std::vector<Index> positions(const InputBuffer& indices, std::size_t i, Index extent) {
  std::vector<Index> result = integers(indices);
  for (std::size_t k = 0; k < result.size(); ++k) {
    require(result[k] >= -extent && result[k] < extent,
            "its input {} holds the index {} at {}, which an extent of {} does not have", i, result[k], k, extent);
    if (result[k] < 0) result[k] += extent;
  }
  return result;
}

/// The shape whose extents are the integers of input i. Throws unless they are 0 or more.
inline Shape shape_in(const Tensor& extents, std::size_t i) {
  const std::vector<Index> values = integers(extents);
  for (std::size_t k = 0; k < values.size(); ++k) {
    require(values[k] >= 0, "its input {}, the shape, holds {} at {}; the least is 0", i, values[k], k);
  }
  return Shape(std::span<const Index>(values));
}

/// Distinct axes of a tensor of `rank` dimensions; a negative one counts from the back. Throws unless they are that.
inline std::vector<int> distinct_axes(std::span<const Index> axes, Index rank) {
  std::vector<int> result;
  for (const Index axis : axes) {
    require(axis >= -rank && axis < rank, "it has no axis {}, there are {} dimensions", axis, rank);
    result.push_back(static_cast<int>(axis < 0 ? axis + rank : axis));
    require(std::ranges::count(result, result.back()) == 1, "its axis {} is named twice", axis);
  }
  return result;
}

/// 0, 1, ..., rank - 1.
inline std::vector<Index> all_axes(int rank) {
  std::vector<Index> axes;
  for (int axis = 0; axis < rank; ++axis) axes.push_back(axis);
  return axes;
}

/// Elements that lie between neighbours along each axis of a row-major tensor.
inline std::array<Index, kMaximumRank> strides_of(const Shape& shape) {
  std::array<Index, kMaximumRank> strides{};
  Index stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/// The shape made of lists of extents, one after the other.
inline Shape joined(std::initializer_list<std::span<const Index>> parts) {
  std::vector<Index> extents;
  for (const std::span<const Index> part : parts) extents.insert(extents.end(), part.begin(), part.end());
  return Shape(std::span<const Index>(extents));
}

/// The bits of an element of any type of that width.
template <class Bits>
struct [[gnu::may_alias]] Word {
  Bits bits;
};

/// Calls `body.operator()<T>()` with the `Word` as wide as the elements of an unpacked type: moving elements needs four
/// instantiations and not one for each type.
template <class Body>
decltype(auto) with_word(DataType type, Body&& body) {
  switch (bits(type)) {
    case 8: return body.template operator()<Word<std::uint8_t>>();
    case 16: return body.template operator()<Word<std::uint16_t>>();
    case 32: return body.template operator()<Word<std::uint32_t>>();
    case 64: return body.template operator()<Word<std::uint64_t>>();
    default: throw Unsupported(fmt::format("it does not move single elements of {}; cast first", name(type)));
  }
}

}  // namespace condense::graph::reference

#endif
