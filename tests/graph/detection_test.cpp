#include "condense/graph/operators/detection.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "graph/moved.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

/// Ratio of intersection to union of two boxes of corners (y, x, y, x) in order.
float overlap(const float* a, const float* b) {
  const float height = std::max(0.0F, std::min(a[2], b[2]) - std::max(a[0], b[0]));
  const float width = std::max(0.0F, std::min(a[3], b[3]) - std::max(a[1], b[1]));
  const auto area = [](const float* box) { return (box[2] - box[0]) * (box[3] - box[1]); };
  return height * width / (area(a) + area(b) - height * width);
}

/// Laws that determine the result: what is kept does not overlap, and what is not overlaps a kept one of a higher
/// score.
TEST(NonMaxSuppression, KeepsTheBestOfThoseThatOverlap) {
  Random random(1);
  Tensor boxes(DataType::float32, {2, 30, 4});
  for (Index i = 0; i < 60; ++i) {
    float* box = boxes.mutable_data<float>() + 4 * i;
    box[0] = random.uniform();
    box[1] = random.uniform();
    box[2] = box[0] + random.uniform(0.1F, 0.5F);
    box[3] = box[1] + random.uniform(0.1F, 0.5F);
  }
  const Tensor scores = random_tensor({2, 3, 30}, random);
  const float most_overlap = 0.3F;
  const float least_score = -0.5F;
  const Tensor kept =
      run(NonMaxSuppression{}, {boxes, scores, list({30}), Tensor::scalar(most_overlap), Tensor::scalar(least_score)});
  for (Index group = 0; group < 6; ++group) {
    const float* box = boxes.data<float>() + group / 3 * 120;
    const float* score = scores.data<float>() + group * 30;
    std::vector<Index> order;
    for (Index row = 0; row < kept.shape()[0]; ++row) {
      const std::int64_t* entry = kept.data<std::int64_t>() + 3 * row;
      if (entry[0] * 3 + entry[1] == group) order.push_back(entry[2]);
    }
    EXPECT_TRUE(std::ranges::is_sorted(order, std::ranges::greater{}, [&](Index i) { return score[i]; }));
    for (Index i = 0; i < 30; ++i) {
      const bool is_kept = std::ranges::count(order, i) > 0;
      const bool loses = std::ranges::any_of(order, [&](Index other) {
        return other != i && score[other] > score[i] && overlap(box + 4 * other, box + 4 * i) > most_overlap;
      });
      EXPECT_EQ(is_kept, score[i] > least_score && !loses);
    }
  }
  const Tensor few = run(NonMaxSuppression{}, {boxes, scores, list({2}), Tensor::scalar(most_overlap)});
  EXPECT_EQ(few.shape(), (Shape{12, 3}));
  EXPECT_EQ(run(NonMaxSuppression{}, {boxes, scores}).shape(), (Shape{0, 3}));
}

TEST(NonMaxSuppression, ReadsCentresAndFlippedCorners) {
  const Tensor scores = Tensor::of<float>({1, 1, 3}, {0.5F, 0.9F, NAN});
  const Tensor corners = Tensor::of<float>({1, 3, 4}, {2, 4, 0, 0, 0, 0, 2, 4, 0, 0, 1, 1});
  const Tensor centres = Tensor::of<float>({1, 3, 4}, {2, 1, 4, 2, 2, 1, 4, 2, 0, 0, 1, 1});
  const Tensor expected = Tensor::of<std::int64_t>({1, 3}, {0, 0, 1});
  const Tensor ratio = Tensor::scalar(0.99F);
  EXPECT_EQ(run(NonMaxSuppression{}, {corners, scores, list({9}), ratio}), expected);
  EXPECT_EQ(run(NonMaxSuppression{.center_point_box = true}, {centres, scores, list({9}), ratio}), expected);
}

TEST(NonMaxSuppression, KeepsNothingOfNoBoxesWhateverTheNumberOfImagesAndClasses) {
  constexpr Index kMany = Index{1} << 29;
  const Tensor boxes(DataType::float32, {kMany, 0, 4});
  const Tensor scores(DataType::float32, {kMany, kMany, 0});
  EXPECT_EQ(run(NonMaxSuppression{}, {boxes, scores, list({5})}), Tensor(DataType::int64, {0, 3}));
}

/// Bilinear interpolation of a linear function is that function, wherever all four pixels are inside.
TEST(RoiAlign, AveragesALinearFunctionToItsValueInTheMiddleOfEachBin) {
  Tensor images(DataType::float32, {2, 3, 20, 24});
  for_each_position(images.shape(), [&](const Position& at) {
    images.mutable_data<float>()[offset_of(images.shape(), at)] =
        static_cast<float>(100 * at[0] + 10 * at[1] + 2 * at[2] - at[3]);
  });
  Random random(2);
  for (int i = 0; i < 30; ++i) {
    const bool shifts = i % 2 == 0;
    RoiAlign op{.output_height = 3, .output_width = 2, .sampling_ratio = i % 3, .spatial_scale = 0.5F};
    op.coordinate_transformation_mode = shifts ? RoiCoordinates::half_pixel : RoiCoordinates::output_half_pixel;
    const float x = random.uniform(4, 20);
    const float y = random.uniform(4, 18);
    const float width = random.uniform(3, 15);
    const float height = random.uniform(3, 12);
    const Tensor bins = run(op, {images, Tensor::of<float>({1, 4}, {x, y, x + width, y + height}), list({i % 2})});
    ASSERT_EQ(bins.shape(), (Shape{1, 3, 3, 2}));
    for_each_position(bins.shape(), [&](const Position& at) {
      const float row = y / 2 + height / 2 * (static_cast<float>(at[2]) + 0.5F) / 3 - (shifts ? 0.5F : 0);
      const float column = x / 2 + width / 2 * (static_cast<float>(at[3]) + 0.5F) / 2 - (shifts ? 0.5F : 0);
      const float expected = static_cast<float>(100 * (i % 2) + 10 * at[1]) + 2 * row - column;
      EXPECT_NEAR(bins.data<float>()[offset_of(bins.shape(), at)], expected, 1e-3F);
    });
  }
}

TEST(RoiAlign, TakesTheLargestWeightedPixelAndZerosOutside) {
  const Tensor image = Tensor::of<float>({1, 1, 2, 2}, {1, 2, 3, 8});
  RoiAlign op{.sampling_ratio = 1};
  op.coordinate_transformation_mode = RoiCoordinates::output_half_pixel;
  const Tensor middle = Tensor::of<float>({2, 4}, {0, 0, 1, 1, 50, 50, 51, 51});
  EXPECT_EQ(run(op, {image, middle, list({0, 0})}), Tensor::of<float>({2, 1, 1, 1}, {3.5F, 0}));
  op.mode = RoiAlignMode::max;
  EXPECT_EQ(run(op, {image, middle, list({0, 0})}), Tensor::of<float>({2, 1, 1, 1}, {2, 0}));
}

/// Its samples would take a thousand gigabytes.
TEST(RoiAlign, LooksAtNothingForImagesWithoutChannels) {
  constexpr Index kMany = Index{1} << 20;
  const RoiAlign op{.output_height = kMany, .output_width = kMany, .sampling_ratio = 65536};
  const Tensor region = Tensor::of<float>({1, 4}, {0, 0, 1, 1});
  EXPECT_EQ(run(op, {Tensor(DataType::float32, {1, 0, 2, 2}), region, list({0})}).shape(), (Shape{1, 0, kMany, kMany}));
}

Tensor grid_of_positions(const Shape& spatial, bool align_corners) {
  const int rank = spatial.rank();
  std::vector<Index> extents = {1};
  extents.insert(extents.end(), spatial.begin(), spatial.end());
  extents.push_back(rank);
  Tensor grid(DataType::float32, Shape(std::span<const Index>(extents)));
  for_each_position(grid.shape(), [&](const Position& at) {
    const int axis = rank - 1 - static_cast<int>(at.back());
    const auto position = static_cast<float>(at[static_cast<std::size_t>(axis) + 1]);
    const auto extent = static_cast<float>(spatial[axis]);
    grid.mutable_data<float>()[offset_of(grid.shape(), at)] =
        align_corners ? 2 * position / (extent - 1) - 1 : (2 * position + 1) / extent - 1;
  });
  return grid;
}

TEST(GridSample, ReproducesTheImageOnItsOwnGrid) {
  Random random(3);
  for (const Shape& spatial : {Shape{7}, Shape{4, 6}, Shape{3, 2, 5}}) {
    std::vector<Index> extents = {1, 2};
    extents.insert(extents.end(), spatial.begin(), spatial.end());
    const Tensor images = random_tensor(Shape(std::span<const Index>(extents)), random);
    for (const GridMode mode : {GridMode::nearest, GridMode::linear, GridMode::cubic}) {
      for (const bool align : {false, true}) {
        const GridSample op{.align_corners = align, .mode = mode, .padding_mode = GridPadding::border};
        expect_near(run(op, {images, grid_of_positions(spatial, align)}), images, 2e-5);
      }
    }
  }
}

/// One axis of the image with its padding written out, sampled there.
TEST(GridSample, PadsAsIfTheImageWentOn) {
  Random random(4);
  constexpr Index kExtent = 5;
  constexpr Index kMargin = 40;
  const Tensor image = random_tensor({1, 1, kExtent}, random);
  for (const GridPadding padding : {GridPadding::zeros, GridPadding::border, GridPadding::reflection}) {
    for (const bool align : {false, true}) {
      std::vector<double> extended;
      for (Index i = -kMargin; i < kExtent + kMargin; ++i) {
        Index from = i;
        while (padding == GridPadding::reflection && (from < 0 || from >= kExtent)) {
          const Index before = align ? -from : -1 - from;
          from = from < 0 ? before : (align ? 2 * (kExtent - 1) : 2 * kExtent - 1) - from;
        }
        const bool outside = from < 0 || from >= kExtent;
        const Index nearest = std::clamp<Index>(from, 0, kExtent - 1);
        extended.push_back(
            outside && padding == GridPadding::zeros ? 0.0 : static_cast<double>(image.data<float>()[nearest]));
      }
      for (int i = 0; i < 300; ++i) {
        const float x = random.uniform(-4, 4);
        const double unit = (static_cast<double>(x) + 1) / 2;
        const double position = (align ? unit * (kExtent - 1) : unit * kExtent - 0.5) + kMargin;
        const auto whole = static_cast<std::size_t>(std::floor(position));
        const double t = position - std::floor(position);
        const auto cubic = [](double d) {
          d = std::abs(d);
          return d <= 1 ? 1.25 * d * d * d - 2.25 * d * d + 1 : -0.75 * d * d * d + 3.75 * d * d - 6 * d + 3;
        };
        const double linear = extended[whole] * (1 - t) + extended[whole + 1] * t;
        double smooth = 0;
        for (std::size_t k = 0; k < 4; ++k) smooth += extended[whole + k - 1] * cubic(t + 1 - static_cast<double>(k));
        const auto sampled = [&](GridMode mode) {
          const GridSample op{.align_corners = align, .mode = mode, .padding_mode = padding};
          return static_cast<double>(run(op, {image, Tensor::of<float>({1, 1, 1}, {x})}).data<float>()[0]);
        };
        ASSERT_NEAR(sampled(GridMode::linear), linear, 1e-5);
        ASSERT_NEAR(sampled(GridMode::cubic), smooth, 1e-5);
        ASSERT_NEAR(sampled(GridMode::nearest), extended[t < 0.5 ? whole : whole + 1], 1e-6);
      }
    }
  }
}

TEST(GridSample, SurvivesPositionsThatAreNoNumbers) {
  const Tensor grid = Tensor::of<float>({1, 4, 1}, {NAN, INFINITY, -INFINITY, 1e38F});
  for (const GridMode mode : {GridMode::nearest, GridMode::linear, GridMode::cubic}) {
    for (const GridPadding padding : {GridPadding::zeros, GridPadding::border, GridPadding::reflection}) {
      const Tensor y = run(GridSample{.mode = mode, .padding_mode = padding}, {filled({1, 1, 3}, 2), grid});
      expect_near(y, filled({1, 1, 4}, padding == GridPadding::zeros ? 0 : 2), 1e-6);
    }
  }
}

TEST(DetectionOperators, RefuseWhatDoesNotFit) {
  const auto refuses = [](const Operator& op, std::initializer_list<std::optional<Tensor>> inputs, const char* part) {
    return throws<InvalidArgument>(part, [&] { run(op, inputs); });
  };
  const Tensor boxes = filled({1, 2, 4}, 0);
  const Tensor image = filled({1, 1, 4, 4}, 0);
  EXPECT_TRUE(refuses(NonMaxSuppression{}, {boxes, filled({1, 1, 3}, 0)}, "have shapes (1 x 2 x 4) and (1 x 1 x 3)"));
  EXPECT_TRUE(refuses(NonMaxSuppression{}, {boxes, filled({1, 1, 2}, 0), list({1}), Tensor::scalar(1.5F)}, "is 1.5"));
  EXPECT_TRUE(refuses(RoiAlign{}, {image, filled({1, 4}, 0), list({1})}, "holds the index 1 at 0"));
  EXPECT_TRUE(refuses(RoiAlign{}, {image, filled({1, 4}, NAN), list({0})}, "has the region 0 from nan to nan"));
  EXPECT_TRUE(refuses(RoiAlign{}, {image, Tensor::of<float>({1, 4}, {0, 0, 1, 1e30F}), list({0})}, "too large for 1"));
  EXPECT_TRUE(refuses(RoiAlign{.output_height = 0}, {image, filled({1, 4}, 0), list({0})}, "its result is 0 x 1"));
  EXPECT_TRUE(
      refuses(GridSample{}, {image, filled({1, 2, 2, 3}, 0)}, "have shapes (1 x 1 x 4 x 4) and (1 x 2 x 2 x 3)"));
  EXPECT_TRUE(refuses(GridSample{}, {filled({1, 1, 0, 4}, 0), filled({1, 2, 2, 2}, 0)}, "has no pixels"));
}

}  // namespace
}  // namespace condense::graph
