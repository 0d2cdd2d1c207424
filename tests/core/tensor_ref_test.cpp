#include <gtest/gtest.h>

#include <type_traits>
#include <vector>

#include "condense/core/tensor.hpp"
#include "support/throws.hpp"

namespace condense {
namespace {

using RowMajorMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// What a primitive looks like.
float weighted_sum(TensorRef<const float> values) {
  float sum = 0;
  float weight = 1;
  for (const float value : values.values()) sum += weight++ * value;
  return sum;
}

Shape shape_of(TensorRef<const float> values) { return values.shape(); }

void negate(TensorRef<float> values) {
  for (float& value : values.values()) value = -value;
}

TEST(TensorRef, TakesATensor) {
  Tensor tensor = Tensor::of<float>(Shape{2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(weighted_sum(tensor), 30);
  EXPECT_EQ(shape_of(tensor), (Shape{2, 2}));
  const Tensor copy = tensor;
  negate(tensor);
  EXPECT_EQ(tensor, Tensor::of<float>(Shape{2, 2}, {-1, -2, -3, -4}));
  EXPECT_EQ(copy, Tensor::of<float>(Shape{2, 2}, {1, 2, 3, 4}));
  EXPECT_TRUE(throws<InvalidArgument>("holds int8", [] { weighted_sum(Tensor(DataType::int8, Shape{1})); }));
}

TEST(TensorRef, TakesEigenTensorsAndMapsOfAnyRank) {
  Eigen::Tensor<float, 4, Eigen::RowMajor> tensor(1, 2, 1, 2);
  tensor.setValues({{{{1, 2}}, {{3, 4}}}});
  EXPECT_EQ(weighted_sum(tensor), 30);
  EXPECT_EQ(shape_of(tensor), (Shape{1, 2, 1, 2}));
  negate(tensor);
  EXPECT_EQ(tensor(0, 1, 0, 1), -4);

  const Tensor owner = Tensor::of<float>(Shape{4}, {1, 2, 3, 4});
  EXPECT_EQ(weighted_sum(owner.view<float, 1>()), 30);
  Eigen::Tensor<float, 0, Eigen::RowMajor> scalar;
  scalar() = 5;
  EXPECT_EQ(shape_of(scalar), Shape{});
  Eigen::Tensor<float, 2, Eigen::RowMajor, int> narrow_index(3, 2);
  EXPECT_EQ(shape_of(narrow_index), (Shape{3, 2}));
}

TEST(TensorRef, TakesRowMajorMatricesMapsAndRefs) {
  RowMajorMatrix matrix(2, 2);
  matrix << 1, 2, 3, 4;
  EXPECT_EQ(weighted_sum(matrix), 30);
  EXPECT_EQ(shape_of(matrix), (Shape{2, 2}));
  const RowMajorMatrix& constant = matrix;
  EXPECT_EQ(weighted_sum(constant), 30);
  EXPECT_EQ(weighted_sum(Eigen::Map<const RowMajorMatrix>(matrix.data(), 4, 1)), 30);
  EXPECT_EQ(weighted_sum(Eigen::Ref<const RowMajorMatrix>(matrix)), 30);
  negate(matrix);
  EXPECT_EQ(matrix(1, 1), -4);
}

TEST(TensorRef, TakesVectorsOfEitherOrientation) {
  Eigen::VectorXf column(4);
  column << 1, 2, 3, 4;
  const Eigen::RowVectorXf row = column.transpose();
  EXPECT_EQ(weighted_sum(column), 30);
  EXPECT_EQ(weighted_sum(row), 30);
  EXPECT_EQ(shape_of(column), Shape{4});
  EXPECT_EQ(shape_of(row), Shape{4});
  EXPECT_EQ(shape_of(column.segment(1, 2)), Shape{2});
  EXPECT_EQ(weighted_sum(column.segment(1, 2)), 8);
}

TEST(TensorRef, TakesWholeRowsOfAMatrix) {
  RowMajorMatrix matrix(3, 2);
  matrix << 9, 9, 1, 2, 3, 4;
  EXPECT_EQ(weighted_sum(matrix.bottomRows(2)), 30);
  EXPECT_EQ(weighted_sum(matrix.row(1)), 5);
}

TEST(TensorRef, RefusesStridedViews) {
  RowMajorMatrix matrix = RowMajorMatrix::Zero(3, 4);
  std::vector<float> values(12);
  EXPECT_TRUE(throws<InvalidArgument>("strided view", [&] { weighted_sum(matrix.leftCols(2)); }));
  EXPECT_TRUE(throws<InvalidArgument>("strided view", [&] { weighted_sum(matrix.col(1)); }));
  EXPECT_TRUE(throws<InvalidArgument>("copy it into a contiguous one", [&] {
    weighted_sum(Eigen::Map<const Eigen::VectorXf, 0, Eigen::InnerStride<2>>(values.data(), 6));
  }));
  EXPECT_TRUE(throws<InvalidArgument>("strided view", [&] {
    weighted_sum(
        Eigen::Map<const RowMajorMatrix, 0, Eigen::OuterStride<>>(values.data(), 3, 2, Eigen::OuterStride<>(4)));
  }));
}

TEST(TensorRef, TakesSpansAndRawData) {
  const std::vector<float> values{1, 2, 3, 4};
  EXPECT_EQ(weighted_sum(std::span<const float>(values)), 30);
  EXPECT_EQ(shape_of({values.data(), Shape{2, 2}}), (Shape{2, 2}));
}

TEST(TensorRef, AWritableOneIsAlsoReadableButNotTheReverse) {
  Tensor tensor = Tensor::of<float>(Shape{4}, {1, 2, 3, 4});
  const TensorRef<float> writable = tensor;
  EXPECT_EQ(weighted_sum(writable), 30);
  static_assert(std::is_convertible_v<TensorRef<float>, TensorRef<const float>>);
  static_assert(!std::is_convertible_v<TensorRef<const float>, TensorRef<float>>);
  static_assert(!std::is_convertible_v<const Tensor&, TensorRef<float>>);
  static_assert(std::is_convertible_v<Tensor&, TensorRef<const float>>);
}

}  // namespace
}  // namespace condense
