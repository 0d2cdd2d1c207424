#ifndef CONDENSE_GRAPH_DETAIL_PRODUCT_HPP
#define CONDENSE_GRAPH_DETAIL_PRODUCT_HPP

#include <Eigen/Core>

#include <algorithm>

#include "condense/core/parallel.hpp"
#include "condense/core/tensor.hpp"

namespace condense::graph::detail {

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
  constexpr Index kBlockRows = 64;  // what packing b again for each block costs is a few hundredths of the product
  if (sizes.rows == 0 || sizes.columns == 0 || sizes.depth == 0) return;
  const auto multiply = [&](Index begin, Index end, const auto& left, const auto& right) {
    MatrixView<T> result(y + begin * sizes.columns, end - begin, sizes.columns);
    result.noalias() += (alpha * left) * right;
  };
  const auto with_right = [&](Index begin, Index end, const auto& left) {
    if (b.transposed) {
      multiply(begin, end, left, MatrixView<const T>(b.data, sizes.columns, sizes.depth).transpose());
    } else {
      multiply(begin, end, left, MatrixView<const T>(b.data, sizes.depth, sizes.columns));
    }
  };
  parallel_for(pool, sizes.rows, kBlockRows, [&](Index begin, Index end) {
    if (a.transposed) {
      with_right(begin, end,
                 MatrixView<const T>(a.data, sizes.depth, sizes.rows).middleCols(begin, end - begin).transpose());
    } else {
      with_right(begin, end, MatrixView<const T>(a.data + begin * sizes.depth, end - begin, sizes.depth));
    }
  });
}

}  // namespace condense::graph::detail

#endif
