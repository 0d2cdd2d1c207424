#include "condense/quantize/granularity.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <vector>

#include "condense/quantize/slice_ranges.hpp"
#include "support/throws.hpp"

namespace condense::quantize {
namespace {

/// The index of the scale of every element of a (2 x 5 x 3) tensor, as the layout gives it.
std::vector<Index> scales_of(const Shape& shape, const Granularity& granularity) {
  const ScaleLayout layout(shape, granularity);
  std::vector<Index> scales;
  layout.for_each([&](Index element, Index scale) {
    EXPECT_EQ(element, static_cast<Index>(scales.size())) << "row-major";
    scales.push_back(scale);
  });
  EXPECT_EQ(static_cast<Index>(scales.size()), shape.count());
  return scales;
}

TEST(ScaleLayout, MatchesTheDefinitionOfOnnxElementByElement) {
  const Shape shape{2, 5, 3};
  for (int axis = 0; axis < 3; ++axis) {
    for (Index group = 0; group <= 6; ++group) {  // 0: a channel
      const Granularity granularity = group == 0 ? Granularity::per_channel(axis) : Granularity::per_group(axis, group);
      std::vector<Index> expected;
      std::array<Index, 3> groups{2, 5, 3};  // the shape of the scales of groups
      auto& along = groups[static_cast<std::size_t>(axis)];
      if (group > 0) along = (along + group - 1) / group;
      for (Index i = 0; i < 2; ++i) {
        for (Index j = 0; j < 5; ++j) {
          for (Index k = 0; k < 3; ++k) {
            std::array<Index, 3> at{i, j, k};
            auto& position = at[static_cast<std::size_t>(axis)];
            if (group > 0) position /= group;
            expected.push_back(group == 0 ? position : (at[0] * groups[1] + at[1]) * groups[2] + at[2]);
          }
        }
      }
      EXPECT_EQ(scales_of(shape, granularity), expected) << granularity.name();
      EXPECT_EQ(ScaleLayout(shape, granularity).scale_shape(),
                group == 0 ? Shape{shape[axis]} : Shape(std::span<const Index>(groups)));
    }
  }
  EXPECT_EQ(scales_of(shape, Granularity::per_tensor()), std::vector<Index>(30, 0));
  EXPECT_EQ(ScaleLayout(shape, {}).scale_shape(), Shape{});
}

TEST(ScaleLayout, CutsARaggedLastGroup) {
  EXPECT_EQ(scales_of({2, 5}, Granularity::per_group(1, 2)), (std::vector<Index>{0, 0, 1, 1, 2, 3, 3, 4, 4, 5}));
  EXPECT_EQ(scales_of({5, 2}, Granularity::per_group(-2, 3)), (std::vector<Index>{0, 1, 0, 1, 0, 1, 2, 3, 2, 3}));
  EXPECT_EQ(scales_of({4}, Granularity::per_group(0, std::numeric_limits<Index>::max())), std::vector<Index>(4, 0));
}

TEST(ScaleLayout, CountsANegativeAxisFromTheBack) {
  EXPECT_EQ(scales_of({2, 3}, Granularity::per_channel(-1)), scales_of({2, 3}, Granularity::per_channel(1)));
}

TEST(ScaleLayout, HasNoElementsWhereTheShapeHasNone) {
  EXPECT_TRUE(scales_of({0, 3}, Granularity::per_channel(1)).empty());
  EXPECT_TRUE(scales_of({3, 0}, Granularity::per_group(1, 4)).empty());
}

TEST(ScaleLayout, RefusesAxesAndGroupsThatDoNotExist) {
  EXPECT_TRUE(throws<InvalidArgument>("axis 2", [] { ScaleLayout({2, 3}, Granularity::per_channel(2)); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 0", [] { ScaleLayout({2, 3}, Granularity::per_group(1, 0)); }));
  EXPECT_TRUE(throws<InvalidArgument>("not -4", [] { ScaleLayout({2, 3}, Granularity::per_group(1, -4)); }));
  EXPECT_TRUE(throws<InvalidArgument>("dynamic", [] { ScaleLayout({kDynamic, 3}, Granularity::per_tensor()); }));
}

TEST(Granularity, HasAName) {
  EXPECT_EQ(Granularity::per_tensor().name(), "per tensor");
  EXPECT_EQ(Granularity::per_channel(1).name(), "per channel (axis 1)");
  EXPECT_EQ(Granularity::per_group(1, 32).name(), "per group of 32 (axis 1)");
}

TEST(SliceRanges, AreTheExtremesOfEachSlice) {
  const Tensor values = Tensor::of<float>({2, 3}, {1, -2, 3, 4, 5, -6});
  EXPECT_EQ(slice_ranges(values), (std::vector<Range>{{-6, 5}}));
  EXPECT_EQ(slice_ranges(values, Granularity::per_channel(0)), (std::vector<Range>{{-2, 3}, {-6, 5}}));
  EXPECT_EQ(slice_ranges(values, Granularity::per_channel(1)), (std::vector<Range>{{1, 4}, {-2, 5}, {-6, 3}}));
  EXPECT_EQ(slice_ranges(values, Granularity::per_group(1, 2)),
            (std::vector<Range>{{-2, 1}, {3, 3}, {4, 5}, {-6, -6}}));
}

TEST(SliceRanges, RefusesWhatHasNoRangeAndNamesTheElement) {
  Eigen::VectorXf values = Eigen::VectorXf::Ones(10);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    values[7] = bad;
    EXPECT_TRUE(throws<InvalidArgument>("element 7 of a tensor of shape (10) is", [&] { slice_ranges(values); }));
    EXPECT_TRUE(throws<InvalidArgument>(fmt::format("{}", bad), [&] { slice_ranges(values); }));
  }
  EXPECT_TRUE(throws<InvalidArgument>("(3 x 0)", [] { slice_ranges(Tensor(DataType::float32, {3, 0})); }));
}

}  // namespace
}  // namespace condense::quantize
