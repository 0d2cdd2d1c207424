#include "condense/core/shape.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "support/throws.hpp"

namespace condense {
namespace {

constexpr Index kLargest = std::numeric_limits<Index>::max();

TEST(Shape, OfNoDimensionsIsAScalar) {
  const Shape scalar{};
  EXPECT_EQ(scalar.rank(), 0);
  EXPECT_EQ(scalar.count(), 1);
  EXPECT_EQ(scalar.to_string(), "()");
}

TEST(Shape, CountsElementsOfAnyRangeOfAxes) {
  const Shape shape{2, 3, 5, 7};
  EXPECT_EQ(shape.count(), 210);
  EXPECT_EQ(shape.count(0, 2), 6);
  EXPECT_EQ(shape.count(2, 4), 35);
  EXPECT_EQ(shape.count(1, 1), 1);
  EXPECT_EQ((Shape{4, 0, 6}).count(), 0);
}

TEST(Shape, AxisCountsFromTheBackWhenNegative) {
  const Shape shape{2, 3, 5};
  for (int axis = 0; axis < 3; ++axis) {
    EXPECT_EQ(shape.axis(axis), axis);
    EXPECT_EQ(shape.axis(axis - 3), axis);
  }
  EXPECT_TRUE(throws<InvalidArgument>("axis 3 does not exist in the shape", [&] { shape.axis(3); }));
  EXPECT_TRUE(throws<InvalidArgument>("axis -4", [&] { shape.axis(-4); }));
}

TEST(Shape, PrintsDynamicDimensionsAsQuestionMarks) {
  EXPECT_EQ((Shape{kDynamic, 3, 32, 32}).to_string(), "(? x 3 x 32 x 32)");
}

TEST(Shape, RefusesToCountADynamicDimension) {
  const Shape shape{kDynamic, 3};
  EXPECT_FALSE(shape.is_concrete());
  EXPECT_TRUE(shape.with(0, 8).is_concrete());
  EXPECT_EQ(shape.count(1, 2), 3);
  EXPECT_TRUE(throws<InvalidArgument>("(? x 3)", [&] { (void)shape.count(); }));
}

TEST(Shape, WithReplacesOneExtent) {
  const Shape shape{2, 3, 5};
  EXPECT_EQ(shape.with(-1, 9), (Shape{2, 3, 9}));
  EXPECT_EQ(shape, (Shape{2, 3, 5}));
}

TEST(Shape, EqualsOnlyTheSameExtents) {
  EXPECT_EQ((Shape{2, 3}), (Shape{2, 3}));
  EXPECT_NE((Shape{2, 3}), (Shape{3, 2}));
  EXPECT_NE((Shape{2, 3}), (Shape{2, 3, 1}));
  EXPECT_NE(Shape{}, Shape{0});
}

TEST(Shape, RefusesExtentsBelowDynamic) {
  EXPECT_TRUE(throws<InvalidArgument>("dimension 1 is -2", [] { (Shape{4, -2}); }));
  EXPECT_TRUE(throws<InvalidArgument>("-92233", [] { (Shape{std::numeric_limits<Index>::min()}); }));
}

TEST(Shape, RefusesMoreThanEightDimensions) {
  const std::vector<Index> eight(8, 1);
  const std::vector<Index> nine(9, 1);
  EXPECT_EQ(Shape(eight).rank(), 8);
  EXPECT_TRUE(throws<InvalidArgument>("this shape has 9", [&] { (void)Shape(nine); }));
}

TEST(Shape, RefusesCountsWhoseBytesCannotBeAddressed) {
  EXPECT_EQ((Shape{Shape::kMaximumCount}).count(), Shape::kMaximumCount);
  EXPECT_THROW((Shape{Shape::kMaximumCount + 1}), InvalidArgument);
  EXPECT_THROW((Shape{kLargest}), InvalidArgument);
  EXPECT_TRUE(throws<InvalidArgument>("dimension 1 of extent 2147483648", [] {
    (Shape{Index{1} << 32, Index{1} << 31});
  }));
}

TEST(Shape, RefusesProductsThatOverflowEvenBesideAZeroExtent) {
  EXPECT_THROW((Shape{0, Index{1} << 32, Index{1} << 32}), InvalidArgument);  // count(1, 3) would overflow
  EXPECT_THROW((Shape{kDynamic, Index{1} << 32, Index{1} << 32}), InvalidArgument);
}

}  // namespace
}  // namespace condense
