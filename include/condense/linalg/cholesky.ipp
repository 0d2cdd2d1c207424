#ifndef CONDENSE_LINALG_CHOLESKY_IPP
#define CONDENSE_LINALG_CHOLESKY_IPP

#include <Eigen/Cholesky>
#include <cmath>
#include <limits>

#include "condense/core/inline.hpp"
#include "condense/linalg/cholesky.hpp"

namespace condense::linalg {

namespace detail {

/// Cholesky's lower factor of a symmetric matrix in its place; false if it is not positive definite.
inline bool factorize_lower(Eigen::Ref<Eigen::MatrixXd> matrix) {
  const double largest = matrix.diagonal().maxCoeff();
  const double least = static_cast<double>(matrix.rows()) * std::numeric_limits<double>::epsilon() * largest;
  if (!(largest > 0) || !std::isfinite(largest)) return false;
  const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>, Eigen::Lower> factor(matrix);
  if (factor.info() != Eigen::Success) return false;
  for (Index i = 0; i < matrix.rows(); ++i) {
    if (!(matrix(i, i) * matrix(i, i) > least)) return false;
  }
  return true;
}

}  // namespace detail

CONDENSE_INLINE bool inverse_upper_factor(double* matrix, Index n) {
  if (n == 0) return true;
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::Map<RowMajor> result(matrix, n, n);
  Eigen::MatrixXd lower = result.reverse();  // with rows and columns in reverse the upper factor is a lower one
  if (!detail::factorize_lower(lower)) return false;
  Eigen::MatrixXd inverse = Eigen::MatrixXd::Identity(n, n);
  lower.triangularView<Eigen::Lower>().solveInPlace(inverse);
  result = inverse.reverse();
  return true;
}

CONDENSE_INLINE bool solve_positive_definite(double* matrix, Index n, double* right, Index columns) {
  if (n == 0) return true;
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::Map<Eigen::MatrixXd> lower(matrix, n, n);  // symmetric: row-major and column-major are the same
  Eigen::Map<RowMajor> solution(right, n, columns);
  if (!detail::factorize_lower(lower)) return false;
  lower.triangularView<Eigen::Lower>().solveInPlace(solution);
  lower.triangularView<Eigen::Lower>().transpose().solveInPlace(solution);
  return true;
}

}  // namespace condense::linalg

#endif
