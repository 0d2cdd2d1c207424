#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_BROADCAST_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_BROADCAST_HPP

#include <algorithm>
#include <array>
#include <optional>

#include "condense/core/parallel.hpp"
#include "condense/runtime/detail/buffer_sizes.hpp"

namespace condense::runtime::detail {

/// Elements that one task of an elementwise step works on.
inline constexpr Index kElementsPerTask = 16384;

/// How an operand is read for a result (images x rows x columns): strides, 0 where it repeats.
struct RepeatedOperand {
  Index image_stride = 0;
  Index row_stride = 0;
  Index step = 1;  ///< 0 or 1

  static void fields(auto& o, auto&& visit) { visit(o.image_stride, o.row_stride, o.step); }
};

/// How the elements of two broadcast operands meet. The result lies in line.
struct BroadcastExtents {
  Index images = 1;
  Index rows = 1;
  Index columns = 0;
  RepeatedOperand a{};
  RepeatedOperand b{};

  static void fields(auto& e, auto&& visit) { visit(e.images, e.rows, e.columns, e.a, e.b); }

  Index count() const noexcept { return images * rows * columns; }

  void check(const BufferSizes& buffers, Reads from_a, Reads from_b, Writes to, std::size_t element_bytes) const {
    const Index elements = checked_product({images, rows, columns});
    require((a.step == 1 && (b.step == 0 || b.step == 1)) || (a.step == 0 && b.step == 1),
            "of the steps {} and {} one is 1, the other one 0 or 1", a.step, b.step);
    const auto reach = [](Index extent, Index stride) {
      return checked_product({std::max<Index>(extent - 1, 0), stride});
    };
    const auto reads = [&](const RepeatedOperand& operand) {
      if (elements == 0) return Index{0};
      return reach(images, operand.image_stride) + reach(rows, operand.row_stride) + reach(columns, operand.step) + 1;
    };
    buffers.require_readable(from_a, reads(a), element_bytes);
    buffers.require_readable(from_b, reads(b), element_bytes);
    buffers.require_writable(to, elements, element_bytes);
  }

  /// True if an operand lies as the result does.
  bool is_whole(const RepeatedOperand& operand) const noexcept {
    return operand.step == 1 && (rows == 1 || operand.row_stride == columns) &&
           (images == 1 || operand.image_stride == rows * columns);
  }

  /// The result may take the memory of an operand that lies as it does.
  InPlace in_place(Writes output, Reads from_a, Reads from_b) const {
    InPlace result{output};
    if (is_whole(a)) result.operands.push_back(from_a);
    if (is_whole(b)) result.operands.push_back(from_b);
    return result;
  }

  /// Rows, or a part of one, that lie in line in the result: where they begin there and in the operands.
  struct Block {
    Index output;
    Index a;
    Index b;
    Index rows;
    Index columns;
  };

  /// Calls `body(block)` for blocks of some `kElementsPerTask` elements on the pool.
  template <class Body>
  void for_blocks(const ThreadPool& pool, Body&& body) const {
    if (count() == 0) return;
    const auto divide_up = [](Index x, Index y) { return (x + y - 1) / y; };
    const Index block_columns = std::min(columns, kElementsPerTask);
    const Index block_rows = std::max<Index>(1, kElementsPerTask / block_columns);  // 1 if a row has several blocks
    const Index across = divide_up(columns, block_columns);
    const Index down = divide_up(rows, block_rows);
    parallel_for(pool, images * down * across, [&](Index task) {
      const Index column = task % across * block_columns;
      const Index row = task / across % down * block_rows;
      const Index image = task / across / down;
      const auto start = [&](const RepeatedOperand& operand) {
        return image * operand.image_stride + row * operand.row_stride + column * operand.step;
      };
      body(Block{.output = (image * rows + row) * columns + column,
                 .a = start(a),
                 .b = start(b),
                 .rows = std::min(block_rows, rows - row),
                 .columns = std::min(block_columns, columns - column)});
    });
  }
};

/// How operands meet whose shapes, of the rank of the result, broadcast to it; empty if that takes more than three
/// loops. Neighbouring axes that both operands walk alike are one loop.
inline std::optional<BroadcastExtents> broadcast_extents(const Shape& a, const Shape& b, const Shape& result) {
  struct Loop {
    Index extent = 1;
    Index a_stride = 0;
    Index b_stride = 0;
  };
  std::array<Loop, 3> loops{};  // innermost first
  std::size_t count = 0;
  Index a_stride = 1;
  Index b_stride = 1;
  for (int axis = result.rank() - 1; axis >= 0; --axis) {
    const Index extent = result[axis];
    if (extent == 1) continue;
    const Loop next{extent, a[axis] == 1 ? 0 : a_stride, b[axis] == 1 ? 0 : b_stride};
    a_stride *= a[axis];
    b_stride *= b[axis];
    Loop* last = count == 0 ? nullptr : &loops[count - 1];
    if (last != nullptr && next.a_stride == last->a_stride * last->extent &&
        next.b_stride == last->b_stride * last->extent) {
      last->extent *= extent;
      continue;
    }
    if (count == loops.size()) return {};
    loops[count++] = next;
  }
  if (count == 0) loops[0] = {1, 1, 1};
  return BroadcastExtents{.images = loops[2].extent,
                          .rows = loops[1].extent,
                          .columns = loops[0].extent,
                          .a = {loops[2].a_stride, loops[1].a_stride, loops[0].a_stride},
                          .b = {loops[2].b_stride, loops[1].b_stride, loops[0].b_stride}};
}

/// Both operands as they are.
inline BroadcastExtents same_extents(Index count) { return {.columns = count}; }

}  // namespace condense::runtime::detail

#endif
