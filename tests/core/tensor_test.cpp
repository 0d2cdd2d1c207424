#include "condense/core/tensor.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "support/throws.hpp"

namespace condense {
namespace {

constexpr DataType kAllTypes[] = {
    DataType::float32, DataType::float64, DataType::float16, DataType::bfloat16, DataType::int8,
    DataType::uint8,   DataType::int4,    DataType::uint4,   DataType::int2,     DataType::uint2,
    DataType::int32,   DataType::int64,   DataType::boolean,
};

Tensor counting(const Shape& shape) {
  Tensor tensor(DataType::float32, shape);
  float next = 0;
  for (float& value : tensor.mutable_values<float>()) value = next++;
  return tensor;
}

TEST(Tensor, IsEmptyByDefault) {
  const Tensor tensor;
  EXPECT_EQ(tensor.type(), DataType::float32);
  EXPECT_EQ(tensor.shape(), Shape{0});
  EXPECT_EQ(tensor.bytes(), 0U);
  EXPECT_TRUE(tensor.values<float>().empty());
}

TEST(Tensor, IsZeroAndAlignedInEveryType) {
  for (const DataType type : kAllTypes) {
    for (Index count = 0; count < 70; ++count) {
      const Tensor tensor(type, Shape{count});
      ASSERT_EQ(tensor.bytes(), bytes(type, count));
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(tensor.raw()) % Tensor::kAlignment, 0U);
      for (std::size_t i = 0; i < tensor.bytes(); ++i) ASSERT_EQ(tensor.raw()[i], std::byte{0});
    }
  }
}

TEST(Tensor, HoldsTheGivenValuesInRowMajorOrder) {
  const Tensor tensor = Tensor::of<float>(Shape{2, 3}, {1, 2, 3, 4, 5, 6});
  const auto matrix = tensor.matrix<float>();
  EXPECT_EQ(matrix.rows(), 2);
  EXPECT_EQ(matrix.cols(), 3);
  EXPECT_EQ(matrix(1, 0), 4);
  EXPECT_EQ(Tensor::scalar<std::int64_t>(-7).values<std::int64_t>()[0], -7);
  EXPECT_EQ(Tensor::scalar(true).shape().rank(), 0);
}

TEST(Tensor, RefusesTheWrongNumberOfValues) {
  EXPECT_TRUE(throws<InvalidArgument>("(2 x 3) holds 6 values, 5 are given", [] {
    Tensor::of<float>(Shape{2, 3}, {1, 2, 3, 4, 5});
  }));
}

TEST(Tensor, RefusesADynamicShape) {
  EXPECT_TRUE(throws<InvalidArgument>("(? x 3)", [] { Tensor(DataType::float32, Shape{kDynamic, 3}); }));
}

TEST(Tensor, CopiesShareTheBufferUntilOneIsWritten) {
  const Tensor original = counting(Shape{4});
  Tensor copy = original;
  EXPECT_EQ(copy.raw(), original.raw());
  copy.mutable_values<float>()[2] = 9;
  EXPECT_NE(copy.raw(), original.raw());
  EXPECT_EQ(original.values<float>()[2], 2);
  EXPECT_EQ(copy.values<float>()[2], 9);
  EXPECT_EQ(copy.values<float>()[3], 3);
}

TEST(Tensor, EveryWayToWriteTakesACopyOfItsOwn) {
  const Tensor original = counting(Shape{2, 2});
  Tensor raw = original;
  raw.mutable_raw()[0] = std::byte{1};
  Tensor data = original;
  data.mutable_data<float>()[0] = 5;
  Tensor view = original;
  view.mutable_view<float, 2>()(0, 0) = 5;
  Tensor matrix = original;
  matrix.mutable_matrix<float>()(0, 0) = 5;
  EXPECT_EQ(original, counting(Shape{2, 2}));
}

TEST(Tensor, WritesInPlaceWhenItIsTheOnlyOwner) {
  Tensor tensor = counting(Shape{4});
  const std::byte* before = tensor.raw();
  { const Tensor copy = tensor; }
  tensor.mutable_values<float>()[0] = 1;
  EXPECT_EQ(tensor.raw(), before);
}

TEST(Tensor, ReshapedSharesTheElements) {
  const Tensor tensor = counting(Shape{2, 6});
  Tensor reshaped = tensor.reshaped(Shape{3, 4});
  EXPECT_EQ(reshaped.raw(), tensor.raw());
  EXPECT_EQ((reshaped.view<float, 2>()(2, 1)), 9);
  reshaped.mutable_values<float>()[0] = 5;
  EXPECT_EQ(tensor.values<float>()[0], 0);
  EXPECT_TRUE(throws<InvalidArgument>("(2 x 6) cannot be reshaped to (5)", [&] { tensor.reshaped(Shape{5}); }));
}

TEST(Tensor, ViewsHaveItsExtents) {
  const Tensor tensor = counting(Shape{2, 3, 4});
  const auto view = tensor.view<float, 3>();
  EXPECT_EQ(view.dimension(2), 4);
  EXPECT_EQ(view(1, 2, 3), 23);
  EXPECT_EQ(tensor.matrix<float>(2).rows(), 6);
  EXPECT_EQ(tensor.matrix<float>(0).rows(), 1);
  EXPECT_EQ(tensor.matrix<float>(0).cols(), 24);
  EXPECT_EQ(tensor.matrix<float>(3).cols(), 1);
}

TEST(Tensor, RefusesAnotherTypeRankOrNumberOfAxes) {
  Tensor tensor = counting(Shape{2, 3});
  EXPECT_TRUE(
      throws<InvalidArgument>("holds float32, it was asked for as int8", [&] { (void)tensor.data<std::int8_t>(); }));
  EXPECT_TRUE(throws<InvalidArgument>("float64", [&] { tensor.mutable_values<double>(); }));
  EXPECT_TRUE(throws<InvalidArgument>("(2 x 3), it was asked for with rank 3", [&] { tensor.view<float, 3>(); }));
  EXPECT_TRUE(throws<InvalidArgument>("no first 3 axes", [&] { tensor.matrix<float>(3); }));
  EXPECT_TRUE(throws<InvalidArgument>("no first -1 axes", [&] { tensor.mutable_matrix<float>(-1); }));
}

TEST(Tensor, PackedTypesAreReadAsBytesOnly) {
  Tensor tensor(DataType::int4, Shape{5});
  EXPECT_EQ(tensor.bytes(), 3U);
  tensor.mutable_raw()[2] = std::byte{0x0F};
  EXPECT_TRUE(throws<InvalidArgument>("holds int4", [&] { (void)tensor.data<std::int8_t>(); }));
  EXPECT_EQ(tensor, Tensor(tensor));
  EXPECT_NE(tensor, Tensor(DataType::int4, Shape{5}));
  EXPECT_EQ(Tensor(DataType::uint2, Shape{3, 3}).bytes(), 3U);
}

TEST(Tensor, EqualsOnlyTheSameTypeShapeAndBytes) {
  const Tensor tensor = counting(Shape{2, 2});
  EXPECT_EQ(tensor, counting(Shape{2, 2}));
  EXPECT_NE(tensor, tensor.reshaped(Shape{4}));
  EXPECT_NE(Tensor(DataType::int8, Shape{4}), Tensor(DataType::uint8, Shape{4}));
  EXPECT_NE(Tensor::scalar(0.0F), Tensor::scalar(-0.0F));
  EXPECT_EQ(Tensor(DataType::float32, Shape{0, 3}), Tensor(DataType::float32, Shape{0, 3}));
}

TEST(Tensor, CopiesARowMajorEigenTensor) {
  Eigen::Tensor<float, 3, Eigen::RowMajor> source(2, 1, 3);
  source.setValues({{{1, 2, 3}}, {{4, 5, 6}}});
  EXPECT_EQ(Tensor::of(source), Tensor::of<float>(Shape{2, 1, 3}, {1, 2, 3, 4, 5, 6}));
  Eigen::Tensor<double, 0, Eigen::RowMajor> scalar;
  scalar() = 2.5;
  EXPECT_EQ(Tensor::of(scalar), Tensor::scalar(2.5));
}

}  // namespace
}  // namespace condense
