#include <gtest/gtest.h>

#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "graph/run.hpp"

namespace condense::graph {
namespace {

TEST(Gemm, Golden) {
  const Tensor a = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor b = Tensor::of<float>({3, 2}, {1, 0, 0, 1, 1, 1});
  const Tensor c = Tensor::of<float>({2}, {10, 20});
  EXPECT_EQ(run(Gemm{}, {a, b}), Tensor::of<float>({2, 2}, {4, 5, 10, 11}));
  EXPECT_EQ(run(Gemm{}, {a, b, c}), Tensor::of<float>({2, 2}, {14, 25, 20, 31}));
  EXPECT_EQ(run(Gemm{.alpha = 2, .beta = 0.5F}, {a, b, c}), Tensor::of<float>({2, 2}, {13, 20, 25, 32}));
}

/// y = alpha * a' * b' + beta * c in double; c's element (i, j) is given by a function.
template <class T, class C>
Tensor naive_gemm(const Gemm& op, const Tensor& a, const Tensor& b, C&& c) {
  const auto at = [](const Tensor& matrix, bool transposed, Index i, Index j) {
    return static_cast<double>(transposed ? matrix.matrix<T>()(j, i) : matrix.matrix<T>()(i, j));
  };
  const Index rows = a.shape()[op.trans_a ? 1 : 0];
  const Index depth = a.shape()[op.trans_a ? 0 : 1];
  const Index columns = b.shape()[op.trans_b ? 0 : 1];
  Tensor y(a.type(), Shape{rows, columns});
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) {
      double sum = 0;
      for (Index k = 0; k < depth; ++k) sum += at(a, op.trans_a, i, k) * at(b, op.trans_b, k, j);
      y.mutable_matrix<T>()(i, j) =
          static_cast<T>(static_cast<double>(op.alpha) * sum + static_cast<double>(op.beta) * c(i, j));
    }
  }
  return y;
}

template <class T>
void sweep_gemm(double tolerance) {
  Random random(5);
  for (int i = 0; i < 200; ++i) {
    SCOPED_TRACE(i);
    const Index rows = random_index(random, 1, i % 10 == 0 ? 150 : 20);
    const Index columns = random_index(random, 1, 30);
    const Index depth = random_index(random, 1, 40);
    const Gemm op{
        .alpha = random.uniform(-2, 2), .beta = random.uniform(-2, 2), .trans_a = i % 2 == 0, .trans_b = i % 4 < 2};
    const Tensor a = random_tensor<T>(op.trans_a ? Shape{depth, rows} : Shape{rows, depth}, random);
    const Tensor b = random_tensor<T>(op.trans_b ? Shape{columns, depth} : Shape{depth, columns}, random);
    const Shape shapes[] = {{}, {1}, {columns}, {1, columns}, {rows, 1}, {rows, columns}};
    const Shape& shape = shapes[random.below(6)];
    const Tensor c = random_tensor<T>(shape, random);
    const Tensor expected = naive_gemm<T>(op, a, b, [&](Index row, Index column) {
      const bool by_row = shape.rank() == 2 && shape[0] == rows;
      const bool by_column = shape.rank() >= 1 && shape[shape.rank() - 1] == columns;
      const Index width = by_column ? columns : 1;
      return static_cast<double>(c.data<T>()[(by_row ? row : 0) * width + (by_column ? column : 0)]);
    });
    expect_near<T>(run(op, {a, b, c}), expected, tolerance);
    if (testing::Test::HasFatalFailure()) return;
  }
}

/// 40 products below 2 and a bias below 2: 42 roundings of a sum below 82.
TEST(Gemm, EqualsTheDefinitionOverSeededCases) { sweep_gemm<float>(42 * 82 * 0x1p-24); }
TEST(Gemm, EqualsTheDefinitionInDouble) { sweep_gemm<double>(42 * 82 * 0x1p-53); }

TEST(Gemm, AnEmptyProductIsTheBias) {
  const Tensor c = Tensor::of<float>({2}, {1, 2});
  EXPECT_EQ(run(Gemm{}, {Tensor(DataType::float32, {2, 0}), Tensor(DataType::float32, {0, 2}), c}),
            Tensor::of<float>({2, 2}, {1, 2, 1, 2}));
  EXPECT_EQ(run(Gemm{}, {Tensor(DataType::float32, {0, 3}), Tensor(DataType::float32, {3, 2}), c}).shape(),
            (Shape{0, 2}));
}

TEST(MatMul, MultipliesVectorsAsNumpyDoes) {
  const Tensor v = Tensor::of<float>({2}, {1, 2});
  const Tensor m = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(run(MatMul{}, {v, v}), Tensor::scalar<float>(5));
  EXPECT_EQ(run(MatMul{}, {v, m}), Tensor::of<float>({3}, {9, 12, 15}));
  EXPECT_EQ(run(MatMul{}, {m, Tensor::of<float>({3}, {1, 0, 1})}), Tensor::of<float>({2}, {4, 10}));
}

/// The product at one batch index, with the operands' batch axes counted by hand.
TEST(MatMul, BroadcastsTheBatchAxes) {
  Random random(6);
  const Tensor a = random_tensor({3, 1, 4, 5}, random);
  const Tensor b = random_tensor({2, 5, 6}, random);
  const Tensor y = run(MatMul{}, {a, b});
  ASSERT_EQ(y.shape(), (Shape{3, 2, 4, 6}));
  for (Index i = 0; i < 3; ++i) {
    for (Index j = 0; j < 2; ++j) {
      const Eigen::MatrixXd expected = MatrixView<const float>(a.data<float>() + i * 20, 4, 5).cast<double>() *
                                       MatrixView<const float>(b.data<float>() + j * 30, 5, 6).cast<double>();
      const MatrixView<const float> actual(y.data<float>() + (i * 2 + j) * 24, 4, 6);
      EXPECT_LE((actual.cast<double>() - expected).cwiseAbs().maxCoeff(), 5 * 5 * 0x1p-24);
    }
  }
}

TEST(MatMul, AStackTimesAMatrixIsEachOfThemTimesTheMatrix) {
  Random random(7);
  const Tensor a = random_tensor({2, 3, 4}, random);
  const Tensor b = random_tensor({4, 5}, random);
  const Tensor v = random_tensor({4}, random);
  EXPECT_EQ(run(MatMul{}, {a, b}).reshaped({6, 5}), run(MatMul{}, {a.reshaped({6, 4}), b}));
  EXPECT_EQ(run(MatMul{}, {a, v}).shape(), (Shape{2, 3}));
  EXPECT_EQ(run(MatMul{}, {v, random_tensor({2, 4, 5}, random)}).shape(), (Shape{2, 5}));
}

}  // namespace
}  // namespace condense::graph
