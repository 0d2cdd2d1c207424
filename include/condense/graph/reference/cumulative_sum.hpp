#ifndef CONDENSE_GRAPH_REFERENCE_CUMULATIVE_SUM_HPP
#define CONDENSE_GRAPH_REFERENCE_CUMULATIVE_SUM_HPP

#include "condense/graph/reference/elementwise.hpp"

namespace condense::graph::reference {

/// y[i] = x[0] + ... + x[i] along an axis, without x[i] if `exclusive`, from the other end if `reverse`. Elements are
/// computed as C and added as `Sum`.
template <class C, class Sum>
void cumulative_sum(const Evaluation& e, int axis, bool exclusive, bool reverse) {
  const InputBuffer& x = e.input();
  const OutputBuffer& y = e.output();
  const Shape& shape = y.shape();
  const Index extent = shape[axis];
  const Index inner = shape.count(axis + 1, shape.rank());
  if (y.count() == 0) return;

  // A task has the sums of up to kChunk neighbouring vectors, and reads and writes them a row at a time.
  const Index width = std::min(inner, kChunk);
  const Index tasks_per_slice = (inner + width - 1) / width;
  parallel_for(e.pool, shape.count(0, axis) * tasks_per_slice, [&](Index task) {
    const Index column = task % tasks_per_slice * width;
    const Index count = std::min(width, inner - column);
    const Index slice = task / tasks_per_slice * extent * inner + column;
    Sum sums[kChunk];
    std::fill_n(sums, count, Sum{0});
    for (Index i = 0; i < extent; ++i) {
      const Index first = slice + (reverse ? extent - 1 - i : i) * inner;
      C converted[kChunk];
      const C* from = read_elements<C>(x.type.type, x.data, first, count, converted);
      write_elements<C>(y.type.type, y.data, first, count, [&](C* to) {
        for (Index j = 0; j < count; ++j) {
          const Sum before = sums[j];
          sums[j] += static_cast<Sum>(from[j]);
          to[j] = static_cast<C>(exclusive ? before : sums[j]);
        }
      });
    }
  });
}

}  // namespace condense::graph::reference

#endif
