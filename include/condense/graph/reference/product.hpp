#ifndef CONDENSE_GRAPH_REFERENCE_PRODUCT_HPP
#define CONDENSE_GRAPH_REFERENCE_PRODUCT_HPP

#include "condense/core/parallel.hpp"
#include "condense/linalg/product.hpp"

namespace condense::graph::reference {

/// Extents of a product of matrices: (rows x depth) * (depth x columns).
struct ProductSizes {
  Index rows = 0;
  Index columns = 0;
  Index depth = 0;
};

/// A row-major factor, stored transposed if so marked.
template <class T>
struct Factor {
  const T* data = nullptr;
  bool transposed = false;
};

/// y (rows x columns) += alpha * a * b. The rows are split into blocks that depend on the sizes alone.
template <class T>
void add_product(const ProductSizes& sizes, T alpha, const Factor<T>& a, const Factor<T>& b, T* y,
                 const ThreadPool& pool) {
  constexpr Index kBlockRows = 64;
  if (sizes.rows == 0 || sizes.columns == 0 || sizes.depth == 0) return;
  const linalg::Factor<T> right{b.data, sizes.depth, sizes.columns, b.transposed ? sizes.depth : sizes.columns,
                                b.transposed};
  const linalg::RightFactor<T> prepared(right, sizes.rows);
  parallel_for(pool, sizes.rows, kBlockRows, [&](Index begin, Index end) {
    const T* first = a.data + begin * (a.transposed ? 1 : sizes.depth);
    const Index stride = a.transposed ? sizes.rows : sizes.depth;
    linalg::add_product(alpha, {first, end - begin, sizes.depth, stride, a.transposed}, prepared,
                        y + begin * sizes.columns, sizes.columns);
  });
}

}  // namespace condense::graph::reference

#endif
