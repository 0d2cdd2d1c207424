#ifndef CONDENSE_GRAPH_REFERENCE_MATRIX_STACK_HPP
#define CONDENSE_GRAPH_REFERENCE_MATRIX_STACK_HPP

#include "condense/graph/reference/broadcast.hpp"
#include "condense/graph/reference/product.hpp"

namespace condense::graph::reference {

/// The extents of a product of stacks of matrices as NumPy's `matmul` defines it: the last two axes are multiplied,
/// those before them broadcast, and a vector is a row on the left and a column on the right.
struct MatrixStacks {
  ProductSizes sizes;  ///< Of one product.
  Shape a_stack;
  Shape b_stack;
  Shape stack;
  Shape result;

  /// Throws unless the shapes, those of the inputs 0 and `b_input`, can be multiplied.
  MatrixStacks(const Shape& a, const Shape& b, std::size_t b_input) : a_stack(outer_axes(a)), b_stack(outer_axes(b)) {
    require(a.rank() >= 1 && b.rank() >= 1, "its inputs 0 and {} are vectors or matrices, they have shapes {} and {}",
            b_input, a.to_string(), b.to_string());
    const Index depth = a[a.rank() - 1];
    const Index b_depth = b[std::max(0, b.rank() - 2)];
    require(depth == b_depth,
            "its inputs 0 and {} of shapes {} and {} cannot be multiplied: the inner extents are {} and {}", b_input,
            a.to_string(), b.to_string(), depth, b_depth);
    sizes = {a.rank() >= 2 ? a[a.rank() - 2] : 1, b.rank() >= 2 ? b[b.rank() - 1] : 1, depth};
    stack = broadcast_shape(a_stack, b_stack);
    std::array<Index, kMaximumRank + 2> extents{};
    std::size_t rank = 0;
    for (const Index extent : stack) extents[rank++] = extent;
    if (a.rank() >= 2) extents[rank++] = sizes.rows;
    if (b.rank() >= 2) extents[rank++] = sizes.columns;
    result = Shape(std::span<const Index>(extents.data(), rank));
  }

  /// Calls `body(i, a, b)` for every matrix i of the result with the first elements of the factors.
  template <class Body>
  void for_each(const ThreadPool& pool, Body&& body) const {
    const Broadcast pairs(a_stack, b_stack, stack);
    parallel_for(pool, stack.count(), [&](Index i) {
      pairs.for_each_run(i, i + 1, [&](Index, Index a, Index b, Index, Index, Index) {
        body(i, a * sizes.rows * sizes.depth, b * sizes.depth * sizes.columns);
      });
    });
  }

 private:
  static Shape outer_axes(const Shape& shape) {
    return Shape(shape.extents().first(static_cast<std::size_t>(std::max(0, shape.rank() - 2))));
  }
};

}  // namespace condense::graph::reference

#endif
