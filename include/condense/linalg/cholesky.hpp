#ifndef CONDENSE_LINALG_CHOLESKY_HPP
#define CONDENSE_LINALG_CHOLESKY_HPP

#include "condense/core/shape.hpp"

namespace condense::linalg {

/// Replaces a symmetric positive definite matrix A (n x n), row-major, by the upper triangular U with A^-1 = U^T U,
/// zeros below its diagonal.
///
/// U is the inverse of the upper factor V of A = V V^T, so A^-1 itself is never formed. Returns false, and leaves
/// `matrix` undefined, if A is not positive definite in the precision of its numbers: a pivot is below n * 2^-52 of the
/// largest element of its diagonal, or not a number. About n^3 / 2 multiplications.
bool inverse_upper_factor(double* matrix, Index n);

/// Solves A X = B for a symmetric positive definite A (n x n) and B (n x columns), all row-major: `right` becomes X,
/// `matrix` is overwritten. Returns false, and leaves both undefined, if A is not positive definite, in the same sense.
bool solve_positive_definite(double* matrix, Index n, double* right, Index columns);

}  // namespace condense::linalg

#ifndef CONDENSE_COMPILED
#include "condense/linalg/cholesky.ipp"
#endif

#endif
