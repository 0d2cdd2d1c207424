#ifndef CONDENSE_LINALG_PRODUCT_IPP
#define CONDENSE_LINALG_PRODUCT_IPP

#include <Eigen/Core>
#include <algorithm>

#include "condense/core/inline.hpp"
#include "condense/linalg/product.hpp"

namespace condense::linalg {

namespace detail {

template <class T, class Visit>
void with_factor(const Factor<T>& factor, Visit&& visit) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Stored = Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>;
  const Eigen::OuterStride<> stride(factor.stride);
  if (factor.transposed) {
    visit(Stored(factor.data, factor.columns, factor.rows, stride).transpose());
  } else {
    visit(Stored(factor.data, factor.rows, factor.columns, stride));
  }
}

template <class T>
void add_product(T alpha, const Factor<T>& a, const Factor<T>& b, T* y, Index stride) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  if (a.rows == 0 || a.columns == 0 || b.columns == 0) return;
  Eigen::Map<Matrix, 0, Eigen::OuterStride<>> result(y, a.rows, b.columns, Eigen::OuterStride<>(stride));
  with_factor(a, [&](const auto& left) {
    with_factor(b, [&](const auto& right) { result.noalias() += (alpha * left) * right; });
  });
}

template <class T>
void multiply(const Factor<T>& a, const Factor<T>& b, T* y, Index stride) {
  for (Index row = 0; row < a.rows; ++row) std::fill_n(y + row * stride, b.columns, T{0});
  add_product(T{1}, a, b, y, stride);
}

}  // namespace detail

CONDENSE_INLINE void add_product(float alpha, const Factor<float>& a, const Factor<float>& b, float* y, Index stride) {
  detail::add_product(alpha, a, b, y, stride);
}
CONDENSE_INLINE void add_product(double alpha, const Factor<double>& a, const Factor<double>& b, double* y,
                                 Index stride) {
  detail::add_product(alpha, a, b, y, stride);
}
CONDENSE_INLINE void multiply(const Factor<float>& a, const Factor<float>& b, float* y, Index stride) {
  detail::multiply(a, b, y, stride);
}
CONDENSE_INLINE void multiply(const Factor<double>& a, const Factor<double>& b, double* y, Index stride) {
  detail::multiply(a, b, y, stride);
}

}  // namespace condense::linalg

#endif
