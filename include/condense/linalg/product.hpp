#ifndef CONDENSE_LINALG_PRODUCT_HPP
#define CONDENSE_LINALG_PRODUCT_HPP

#include "condense/core/shape.hpp"

namespace condense::linalg {

/// A factor of a product: a matrix of (rows x columns) as the product reads it. It is stored row-major with `stride`
/// elements from one row to the next, or, if `transposed`, as the row-major matrix (columns x rows).
template <class T>
struct Factor {
  const T* data = nullptr;
  Index rows = 0;
  Index columns = 0;
  Index stride = 0;
  bool transposed = false;
};

/// y += alpha * a * b, where y is row-major (a.rows x b.columns) with `stride` elements from one row to the next, and
/// a.columns is b.rows. The order of the sums depends on the sizes alone. On one thread.
void add_product(float alpha, const Factor<float>& a, const Factor<float>& b, float* y, Index stride);
void add_product(double alpha, const Factor<double>& a, const Factor<double>& b, double* y, Index stride);

/// y = a * b, likewise.
void multiply(const Factor<float>& a, const Factor<float>& b, float* y, Index stride);
void multiply(const Factor<double>& a, const Factor<double>& b, double* y, Index stride);

}  // namespace condense::linalg

#ifndef CONDENSE_COMPILED
#include "condense/linalg/product.ipp"
#endif

#endif
