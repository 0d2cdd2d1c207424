#ifndef CONDENSE_GRAPH_REFERENCE_POOL_HPP
#define CONDENSE_GRAPH_REFERENCE_POOL_HPP

#include <algorithm>

#include "condense/graph/reference/elementwise.hpp"
#include "condense/graph/reference/im2col.hpp"
#include "condense/graph/window.hpp"

namespace condense::graph::reference {

/// Calls `body(source, result)` with the pixels and positions of every image and channel.
template <class T, class Body>
void for_each_plane(const Evaluation& e, const Window& window, Body&& body) {
  const Index plane = window.pixels();
  const T* x = e.input().as<T>();
  T* y = e.output().as<T>();
  const Index grain = std::max<Index>(1, kElementwiseGrain / std::max<Index>(1, plane));
  parallel_for(e.pool, e.input().shape().count(0, 2), grain, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) body(x + i * plane, y + i * window.positions());
  });
}

/// Calls `body(source, target, count)` for every output row and tap of one channel: `count` neighbouring positions from
/// `target` on see the pixels from `source` on, window.width.stride apart. Padding is left out.
template <class Body>
void for_each_tap_run(const Window& window, Body&& body) {
  const auto& [depth, height, width] = window;
  for (Index plane = 0; plane < depth.output; ++plane) {
    for (Index row = 0; row < height.output; ++row) {
      const Index target = (plane * height.output + row) * width.output;
      for (Index z = 0; z < depth.kernel; ++z) {
        const Index source_plane = depth.source(plane, z);
        if (source_plane < 0 || source_plane >= depth.input) continue;
        for (Index y = 0; y < height.kernel; ++y) {
          const Index source_row = height.source(row, y);
          if (source_row < 0 || source_row >= height.input) continue;
          const Index source = (source_plane * height.input + source_row) * width.input;
          for (Index x = 0; x < width.kernel; ++x) {
            const Interval inside = positions_inside(width, x);
            if (inside.begin >= inside.end) continue;
            body(source + width.source(inside.begin, x), target + inside.begin, inside.end - inside.begin);
          }
        }
      }
    }
  }
}

}  // namespace condense::graph::reference

#endif
