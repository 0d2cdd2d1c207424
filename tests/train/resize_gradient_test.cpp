#include <gtest/gtest.h>

#include "condense/graph/operators/resize.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::normal_values;

using graph::CoordinateTransformation;
using graph::ResizeMode;

void check_scales(const graph::Resize& op, const Shape& shape, std::initializer_list<float> scales) {
  const Tensor none(DataType::float32, {0});
  expect_gradients_agree(op, {normal_values(shape, 1), none, Tensor::of<float>({shape.rank()}, scales)});
}

TEST(ResizeGradient, AgreesForEveryModeAndTransformation) {
  using enum CoordinateTransformation;
  for (const ResizeMode mode : {ResizeMode::nearest, ResizeMode::linear, ResizeMode::cubic}) {
    for (const auto transformation :
         {half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric, tf_half_pixel_for_nn}) {
      const graph::Resize op{.coordinate_transformation_mode = transformation, .mode = mode};
      check_scales(op, {1, 2, 3, 4}, {1, 1, 2, 1.6F});
      check_scales(op, {1, 2, 5, 6}, {1, 1, 0.5F, 0.7F});
    }
  }
}

TEST(ResizeGradient, AgreesForSizesOfSomeAxes) {
  const Tensor none(DataType::float32, {0});
  for (const ResizeMode mode : {ResizeMode::nearest, ResizeMode::linear}) {
    const graph::Resize op{.axes = {-1, 1}, .mode = mode};
    expect_gradients_agree(op, {normal_values({2, 3, 4}, 1), none, none, testing::integers({6, 2})});
  }
}

TEST(ResizeGradient, AgreesForKernelsWithoutAliasesAndWithoutTheOutside) {
  check_scales({.antialias = true, .mode = ResizeMode::linear}, {1, 1, 6, 7}, {1, 1, 0.4F, 0.5F});
  check_scales({.exclude_outside = true, .mode = ResizeMode::cubic}, {1, 1, 4, 5}, {1, 1, 1.5F, 0.8F});
}

TEST(ResizeGradient, IsZeroOutsideARegion) {
  const Tensor region = Tensor::of<float>({4}, {-0.5F, 0.25F, 1.25F, 0.75F});
  for (const ResizeMode mode : {ResizeMode::nearest, ResizeMode::linear}) {
    const graph::Resize op{.coordinate_transformation_mode = CoordinateTransformation::tf_crop_and_resize,
                           .extrapolation_value = 3,
                           .mode = mode};
    expect_gradients_agree(op, {normal_values({4, 5}, 1), region, Tensor::of<float>({2}, {1.5F, 1})});
  }
}

TEST(ResizeGradient, RefusesTheScales) {
  const Tensor none(DataType::float32, {0});
  const std::string message =
      testing::refusal_of(graph::Resize{}, {normal_values({4}, 1), none, Tensor::of<float>({1}, {2})}, 2);
  EXPECT_NE(message.find("its input 2, the scales"), std::string::npos) << message;
}

}  // namespace
}  // namespace condense::train
