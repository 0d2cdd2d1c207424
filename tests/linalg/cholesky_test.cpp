#include "condense/linalg/cholesky.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "condense/core/random.hpp"

namespace condense::linalg {
namespace {

using Matrix = std::vector<double>;

/// A positive definite matrix: a sum of outer products of random vectors.
Matrix random_gram(Index n, std::uint64_t seed) {
  Random random(seed);
  Matrix gram(static_cast<std::size_t>(n * n), 0.0);
  std::vector<double> x(static_cast<std::size_t>(n));
  for (Index sample = 0; sample < 2 * n; ++sample) {
    for (double& value : x) value = static_cast<double>(random.normal());
    for (std::size_t i = 0; i < gram.size(); ++i) gram[i] += x[i / x.size()] * x[i % x.size()];
  }
  return gram;
}

Matrix product(const Matrix& a, const Matrix& b, Index rows, Index depth, Index columns, bool transpose_a = false) {
  Matrix result(static_cast<std::size_t>(rows * columns), 0.0);
  for (Index i = 0; i < rows; ++i) {
    for (Index k = 0; k < depth; ++k) {
      const double left = a[static_cast<std::size_t>(transpose_a ? k * rows + i : i * depth + k)];
      for (Index j = 0; j < columns; ++j) {
        result[static_cast<std::size_t>(i * columns + j)] += left * b[static_cast<std::size_t>(k * columns + j)];
      }
    }
  }
  return result;
}

TEST(InverseUpperFactor, MultipliesToTheInverse) {
  for (const Index n : {1, 2, 3, 17, 60}) {
    const Matrix a = random_gram(n, static_cast<std::uint64_t>(n));
    Matrix u = a;
    ASSERT_TRUE(inverse_upper_factor(u.data(), n));
    for (Index row = 0; row < n; ++row) {
      for (Index column = 0; column < row; ++column) EXPECT_EQ(u[static_cast<std::size_t>(row * n + column)], 0);
    }
    const Matrix identity = product(product(u, u, n, n, n, true), a, n, n, n);
    for (Index i = 0; i < n * n; ++i) {
      EXPECT_NEAR(identity[static_cast<std::size_t>(i)], i / n == i % n ? 1 : 0, 1e-10) << n;
    }
  }
}

TEST(SolvePositiveDefinite, LeavesNoResidual) {
  for (const Index n : {1, 2, 5, 40}) {
    const Matrix a = random_gram(n, 100 + static_cast<std::uint64_t>(n));
    Random random(3);
    Matrix b(static_cast<std::size_t>(n * 3));
    for (double& value : b) value = static_cast<double>(random.normal());
    Matrix work = a;
    Matrix x = b;
    ASSERT_TRUE(solve_positive_definite(work.data(), n, x.data(), 3));
    const Matrix again = product(a, x, n, n, 3);
    for (std::size_t i = 0; i < b.size(); ++i) EXPECT_NEAR(again[i], b[i], 1e-10) << n;
  }
}

TEST(Cholesky, SaysWhereAMatrixIsNotPositiveDefinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<Matrix> bad{{1, 2, 2, 1},     {1, 1, 1, 1},   {0, 0, 0, 0},
                                {1, nan, nan, 1}, {nan, 0, 0, 1}, {-1, 0, 0, -1}};
  for (const Matrix& matrix : bad) {
    Matrix copy = matrix;
    EXPECT_FALSE(inverse_upper_factor(copy.data(), 2));
    copy = matrix;
    Matrix right{1, 2};
    EXPECT_FALSE(solve_positive_definite(copy.data(), 2, right.data(), 1));
  }
}

TEST(Cholesky, TakesAMatrixOfNoRows) {
  EXPECT_TRUE(inverse_upper_factor(nullptr, 0));
  EXPECT_TRUE(solve_positive_definite(nullptr, 0, nullptr, 0));
}

}  // namespace
}  // namespace condense::linalg
