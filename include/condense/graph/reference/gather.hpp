#ifndef CONDENSE_GRAPH_REFERENCE_GATHER_HPP
#define CONDENSE_GRAPH_REFERENCE_GATHER_HPP

#include <cstring>

#include "condense/graph/reference/elementwise.hpp"
#include "condense/graph/reference/integers.hpp"

namespace condense::graph::reference {

/// y = x[..., positions, ...]: the slices of x at some positions of axis `along`, which are within it. Elements are of
/// an unpacked type.
inline void gather_slices(DataType type, const Shape& shape, int along, const std::byte* x,
                          std::span<const Index> positions, std::byte* y, const ThreadPool& pool) {
  const Index extent = shape[along];
  const Index outer = shape.count(0, along);
  const Index inner = shape.count(along + 1, shape.rank());
  const auto count = static_cast<Index>(positions.size());
  if (outer == 0 || inner == 0 || count == 0) return;
  const Index grain = std::max<Index>(1, kElementwiseGrain / inner);
  with_word(type, [&]<class T>() {
    const T* from = reinterpret_cast<const T*>(x);
    T* to = reinterpret_cast<T*>(y);
    parallel_for(pool, outer * count, grain, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        const Index first = (i / count * extent + positions[static_cast<std::size_t>(i % count)]) * inner;
        if (inner == 1) {
          to[i] = from[first];
        } else {
          std::memcpy(to + i * inner, from + first, static_cast<std::size_t>(inner) * sizeof(T));
        }
      }
    });
  });
}

}  // namespace condense::graph::reference

#endif
