#ifndef CONDENSE_LINALG_PRODUCT_HPP
#define CONDENSE_LINALG_PRODUCT_HPP

#include "condense/core/aligned_bytes.hpp"
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

/// A right factor made ready for products with `rows` rows in all, however they are divided. It reads the factor's
/// elements while it is made, and, where `rows` are too few for packing to pay, while it is used.
template <class T>
class RightFactor {
 public:
  RightFactor(const Factor<T>& factor, Index rows);

  const Factor<T>& factor() const noexcept { return factor_; }
  const std::byte* packed() const noexcept { return packed_.data(); }
  bool is_packed() const noexcept { return packed_.size() > 0; }

 private:
  Factor<T> factor_;
  AlignedBytes packed_;
};

template <>
RightFactor<float>::RightFactor(const Factor<float>& factor, Index rows);
template <>
RightFactor<double>::RightFactor(const Factor<double>& factor, Index rows);

/// y += alpha * a * b, where y is row-major (a.rows x b.columns) with `stride` elements from one row to the next, and
/// a.columns is b.rows. On one thread.
///
/// Products of floats run on the kernels of this machine's best backend, those of doubles on Eigen's. The order of the
/// sums depends on the sizes and the backend alone.
void add_product(float alpha, const Factor<float>& a, const RightFactor<float>& b, float* y, Index stride);
void add_product(double alpha, const Factor<double>& a, const RightFactor<double>& b, double* y, Index stride);

/// The same with a right factor that is used once.
template <class T>
void add_product(T alpha, const Factor<T>& a, const Factor<T>& b, T* y, Index stride) {
  add_product(alpha, a, RightFactor<T>(b, a.rows), y, stride);
}

/// y = a * b, likewise.
void multiply(const Factor<float>& a, const Factor<float>& b, float* y, Index stride);
void multiply(const Factor<double>& a, const Factor<double>& b, double* y, Index stride);

}  // namespace condense::linalg

#ifndef CONDENSE_COMPILED
#include "condense/linalg/product.ipp"
#endif

#endif
