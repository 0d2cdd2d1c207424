#include "condense/graph/operators/resize.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "graph/moved.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

Tensor floats(std::initializer_list<float> values) {
  return Tensor::of<float>({static_cast<Index>(values.size())}, values);
}

constexpr CoordinateTransformation kTransformations[] = {
    CoordinateTransformation::half_pixel,         CoordinateTransformation::half_pixel_symmetric,
    CoordinateTransformation::pytorch_half_pixel, CoordinateTransformation::align_corners,
    CoordinateTransformation::asymmetric,         CoordinateTransformation::tf_half_pixel_for_nn};

/// The interpolated value of a vector at a position, straight from the definition of its kernel.
double interpolated(const Resize& op, const std::vector<float>& x, double position, double scale) {
  const double stretch = op.antialias && scale < 1 ? 1 / scale : 1;
  const auto kernel = [&](double t) {
    const double a = static_cast<double>(op.cubic_coeff_a);
    t = std::abs(t) / stretch;
    if (op.mode == ResizeMode::linear) return t < 1 ? 1 - t : 0;
    if (t <= 1) return (a + 2) * t * t * t - (a + 3) * t * t + 1;
    return t < 2 ? a * t * t * t - 5 * a * t * t + 8 * a * t - 4 * a : 0;
  };
  const auto last = static_cast<Index>(x.size()) - 1;
  double sum = 0;
  double weights = 0;
  for (Index i = -30; i <= last + 30; ++i) {
    if (op.exclude_outside && (i < 0 || i > last)) continue;
    const double weight = kernel(position - static_cast<double>(i));
    sum += weight * static_cast<double>(x[static_cast<std::size_t>(std::clamp<Index>(i, 0, last))]);
    weights += weight;
  }
  return sum / weights;
}

double source(CoordinateTransformation transformation, double i, double scale, double input, double output) {
  const double length = scale * input;
  switch (transformation) {
    case CoordinateTransformation::half_pixel_symmetric:
      return input / 2 - input / 2 * output / length + (i + 0.5) / scale - 0.5;
    case CoordinateTransformation::align_corners: return i * (input - 1) / (length - 1);
    case CoordinateTransformation::asymmetric: return i / scale;
    case CoordinateTransformation::tf_half_pixel_for_nn: return (i + 0.5) / scale;
    default: return (i + 0.5) / scale - 0.5;
  }
}

TEST(Resize, InterpolatesAsItsKernelSays) {
  Random random(1);
  for (const CoordinateTransformation transformation : kTransformations) {
    for (int i = 0; i < 60; ++i) {
      Resize op{.antialias = i % 2 == 0, .coordinate_transformation_mode = transformation};
      op.mode = i % 3 == 0 ? ResizeMode::cubic : ResizeMode::linear;
      op.cubic_coeff_a = i % 5 == 0 ? -0.5F : -0.75F;
      op.exclude_outside = transformation == CoordinateTransformation::half_pixel && i % 4 < 2;
      const Index extent = random_index(random, 2, 9);
      const float scale = random.uniform(0.3F, 3);
      const Tensor x = random_tensor({extent}, random);
      const Tensor y = run(op, {x, std::nullopt, floats({scale})});
      const auto length = static_cast<Index>(std::floor(scale * static_cast<float>(extent)));
      ASSERT_EQ(y.shape(), Shape{length});
      const std::vector<float> values(x.values<float>().begin(), x.values<float>().end());
      for (Index k = 0; k < length; ++k) {
        const double at = source(transformation, static_cast<double>(k), static_cast<double>(scale),
                                 static_cast<double>(extent), static_cast<double>(length));
        ASSERT_NEAR(static_cast<double>(y.data<float>()[k]), interpolated(op, values, at, static_cast<double>(scale)),
                    2e-5)
            << name_of(transformation) << " case " << i;
      }
    }
  }
}

TEST(Resize, IsSeparableOverTheAxes) {
  Random random(2);
  for (const ResizeMode mode : {ResizeMode::nearest, ResizeMode::linear, ResizeMode::cubic}) {
    Resize op;
    op.mode = mode;
    const Tensor x = random_tensor({2, 3, 5, 7}, random);
    const Tensor both = run(op, {x, std::nullopt, floats({1, 1, 2.5F, 0.7F})}, ThreadPool(2));
    op.axes = {-1};
    const Tensor columns = run(op, {x, std::nullopt, floats({0.7F})});
    op.axes = {2};
    expect_near(run(op, {columns, std::nullopt, floats({2.5F})}), both, 1e-5);
    EXPECT_EQ(both.shape(), (Shape{2, 3, 12, 4}));
  }
}

TEST(Resize, TakesTheNearestElementAsItsModeSays) {
  const Tensor x = Tensor::of<std::int8_t>({4}, {0, 1, 2, 3});
  const auto nearest = [&](NearestMode mode) {
    return run(Resize{.coordinate_transformation_mode = CoordinateTransformation::asymmetric, .nearest_mode = mode},
               {x, std::nullopt, floats({2})});
  };
  EXPECT_EQ(nearest(NearestMode::floor), Tensor::of<std::int8_t>({8}, {0, 0, 1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(nearest(NearestMode::ceil), Tensor::of<std::int8_t>({8}, {0, 1, 1, 2, 2, 3, 3, 3}));
  EXPECT_EQ(nearest(NearestMode::round_prefer_floor), Tensor::of<std::int8_t>({8}, {0, 0, 1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(nearest(NearestMode::round_prefer_ceil), Tensor::of<std::int8_t>({8}, {0, 1, 1, 2, 2, 3, 3, 3}));
}

TEST(Resize, RepeatsElementsOfEveryWidth) {
  Random random(3);
  for (const DataType type : kTypeOfEachWidth) {
    const Tensor x = random_bytes(type, {2, 3, 4, 5}, random);
    EXPECT_EQ(run(Resize{}, {x, std::nullopt, std::nullopt, list({2, 3, 8, 15})}),
              moved(x, {2, 3, 8, 15}, [](const Position& at) {
                return Position{at[0], at[1], at[2] / 2, at[3] / 3};
              }));
  }
}

TEST(Resize, KeepsTheAspectRatioIfAsked) {
  const Tensor x = filled({1, 1, 4, 8}, 3);
  const auto shape = [&](AspectRatioPolicy policy) {
    return run(Resize{.axes = {2, 3}, .keep_aspect_ratio_policy = policy},
               {x, std::nullopt, std::nullopt, list({7, 9})})
        .shape();
  };
  EXPECT_EQ(shape(AspectRatioPolicy::stretch), (Shape{1, 1, 7, 9}));
  EXPECT_EQ(shape(AspectRatioPolicy::not_larger), (Shape{1, 1, 5, 9}));
  EXPECT_EQ(shape(AspectRatioPolicy::not_smaller), (Shape{1, 1, 7, 14}));
}

TEST(Resize, CropsAndExtrapolates) {
  const Tensor x = counting<float>({5}, 0);
  for (const ResizeMode mode : {ResizeMode::nearest, ResizeMode::linear, ResizeMode::cubic}) {
    Resize op{.coordinate_transformation_mode = CoordinateTransformation::tf_crop_and_resize, .extrapolation_value = 9};
    op.mode = mode;
    EXPECT_EQ(run(op, {x, floats({-0.25F, 1.25F}), std::nullopt, list({7})}), floats({9, 0, 1, 2, 3, 4, 9}));
    EXPECT_EQ(run(op, {x, floats({0.25F, 0.75F}), std::nullopt, list({1})}), floats({2}));
    EXPECT_EQ(run(op, {x, floats({1, 0}), std::nullopt, list({5})}), floats({4, 3, 2, 1, 0}));
  }
}

TEST(Resize, DropsTheFractionOfIntegers) {
  Resize op{.coordinate_transformation_mode = CoordinateTransformation::align_corners};
  op.mode = ResizeMode::linear;
  EXPECT_EQ(run(op, {Tensor::of<std::uint8_t>({2}, {0, 255}), std::nullopt, std::nullopt, list({5})}),
            Tensor::of<std::uint8_t>({5}, {0, 63, 127, 191, 255}));
  EXPECT_EQ(run(op, {list({0, Index{1} << 40}), std::nullopt, std::nullopt, list({3})}),
            list({0, Index{1} << 39, Index{1} << 40}));
}

TEST(Resize, RefusesWhatHasNoSize) {
  const Tensor x = filled({2, 3}, 0);
  const auto refuses = [&](const Resize& op, const std::optional<Tensor>& roi, const std::optional<Tensor>& scales,
                           const std::optional<Tensor>& sizes, const char* part) {
    return throws<InvalidArgument>(part, [&] { run(op, {x, roi, scales, sizes}); });
  };
  const std::optional<Tensor> none;
  EXPECT_TRUE(refuses({}, none, none, none, "none is given"));
  EXPECT_TRUE(refuses({}, none, floats({1, 1}), list({2, 3}), "both are given"));
  EXPECT_TRUE(refuses({}, none, floats({1}), none, "its input 2 has shape (1) instead of (2)"));
  EXPECT_TRUE(refuses({}, none, floats({1, 0}), none, "scales axis 1 of extent 3 by 0"));
  EXPECT_TRUE(refuses({}, none, floats({1, NAN}), none, "by nan"));
  EXPECT_TRUE(refuses({}, none, none, list({2, -3}), "makes axis 1 -3 long"));
  EXPECT_TRUE(refuses({.antialias = true}, none, floats({1, 1}), none, "needs mode linear or cubic"));
  EXPECT_TRUE(refuses({.axes = {2}}, none, floats({1}), none, "it has no axis 2"));
  EXPECT_TRUE(refuses({.coordinate_transformation_mode = CoordinateTransformation::tf_crop_and_resize}, none,
                      floats({1, 1}), none, "needs its input 1, a region of 4 entries"));
  EXPECT_TRUE(throws<InvalidArgument>("its axis 0 of extent 0 cannot become 2", [&] {
    run(Resize{}, {filled({0}, 0), none, none, list({2})});
  }));
}

}  // namespace
}  // namespace condense::graph
