#include "condense/quantize/distortion.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "quantize/formats.hpp"
#include "support/throws.hpp"

namespace condense::quantize {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Distortion, GoldenNumbers) {
  const Tensor x = Tensor::of<float>({2, 2}, {3, -4, 0, 12});
  const Tensor y = Tensor::of<float>({2, 2}, {3, -2, 1, 12});
  const Distortion measured = distortion(x, y);
  EXPECT_EQ(measured.count(), 4);
  EXPECT_DOUBLE_EQ(measured.mean_squared_error(), 5.0 / 4);
  EXPECT_DOUBLE_EQ(measured.sqnr_decibels(), 10 * std::log10(169.0 / 5));
  EXPECT_DOUBLE_EQ(measured.cosine_similarity(), 161 / (13 * std::sqrt(158.0)));
  EXPECT_EQ(measured.maximum_absolute_error(), 2);
}

TEST(Distortion, IsInfiniteWhereThereIsNoNoiseOrNoSignal) {
  struct Row {
    float x;
    float y;
    double sqnr;
    double cosine;
  };
  for (const Row& row : {Row{2, 2, kInfinity, 1}, Row{0, 0, kInfinity, 1}, Row{0, 3, -kInfinity, 0}, Row{3, 0, 0, 0},
                         Row{3, -3, 10 * std::log10(0.25), -1}, Row{3, 6, 0, 1}}) {
    Distortion measured;
    measured.add(row.x, row.y);
    EXPECT_DOUBLE_EQ(measured.sqnr_decibels(), row.sqnr) << row.x << ", " << row.y;
    EXPECT_DOUBLE_EQ(measured.cosine_similarity(), row.cosine) << row.x << ", " << row.y;
  }
}

TEST(Distortion, MergedEqualsTheWhole) {
  const std::vector<float> x = weights(3001, 1);
  const std::vector<float> y = weights(3001, 2);
  const auto of = [&](std::size_t begin, std::size_t end) {
    Distortion part;
    for (std::size_t i = begin; i < end; ++i) part.add(x[i], y[i]);
    return part;
  };
  const Distortion whole = of(0, 3001);
  for (const std::size_t cut : std::vector<std::size_t>{0, 1, 1500, 3001}) {
    Distortion merged = of(0, cut);
    merged.merge(of(cut, 3001));
    EXPECT_EQ(merged.count(), whole.count());
    EXPECT_NEAR(merged.mean_squared_error() / whole.mean_squared_error(), 1, 1e-13);
    EXPECT_NEAR(merged.sqnr_decibels(), whole.sqnr_decibels(), 1e-12);
    EXPECT_NEAR(merged.cosine_similarity(), whole.cosine_similarity(), 1e-13);
    EXPECT_EQ(merged.maximum_absolute_error(), whole.maximum_absolute_error());
  }
}

TEST(Distortion, IsFiniteAtTheEndsOfTheFloats) {
  Distortion measured;
  measured.add(std::numeric_limits<float>::max(), 0);
  measured.add(0, std::numeric_limits<float>::denorm_min());
  EXPECT_TRUE(std::isfinite(measured.mean_squared_error()));
  EXPECT_EQ(measured.maximum_absolute_error(), std::numeric_limits<float>::max());
}

TEST(Distortion, TakesEigenTensors) {
  Eigen::Tensor<float, 3, Eigen::RowMajor> x(2, 3, 4);
  x.setConstant(2);
  const Eigen::Tensor<float, 3, Eigen::RowMajor> y = x * 0.5F;
  EXPECT_DOUBLE_EQ(distortion(x, y).mean_squared_error(), 1);
}

TEST(Distortion, RefusesWhatCannotBeCompared) {
  const Tensor x = Tensor::of<float>({2, 2}, {3, -4, 0, 12});
  EXPECT_TRUE(throws<InvalidArgument>("(2 x 2) cannot be compared with one of shape (4)",
                                      [&] { distortion(x, x.reshaped({4})); }));
  EXPECT_TRUE(throws<InvalidArgument>("(0)", [] { distortion(Tensor(), Tensor()); }));
  Tensor y = x;
  y.mutable_data<float>()[3] = std::nanf("");
  EXPECT_TRUE(throws<InvalidArgument>("element 3 is 12 in the reference and nan", [&] { distortion(x, y); }));
  EXPECT_TRUE(throws<InvalidArgument>("element 3 is nan in the reference and 12", [&] { distortion(y, x); }));
  const Distortion nothing;
  EXPECT_TRUE(throws<InvalidArgument>("nothing was measured", [&] { nothing.mean_squared_error(); }));
  EXPECT_TRUE(throws<InvalidArgument>("nothing was measured", [&] { nothing.sqnr_decibels(); }));
  EXPECT_TRUE(throws<InvalidArgument>("nothing was measured", [&] { nothing.cosine_similarity(); }));
  EXPECT_EQ(nothing.maximum_absolute_error(), 0);
}

}  // namespace
}  // namespace condense::quantize
