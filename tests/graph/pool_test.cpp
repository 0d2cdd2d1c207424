#include <gtest/gtest.h>

#include <limits>

#include "condense/graph/operators/average_pool.hpp"
#include "condense/graph/operators/global_average_pool.hpp"
#include "condense/graph/operators/max_pool.hpp"
#include "graph/run.hpp"

namespace condense::graph {
namespace {

/// The examples of the ONNX operator pages: 5 x 5 or 4 x 4 pixels that count from 1.
Tensor five() { return counting<float>({1, 1, 5, 5}, 1); }
Tensor four() { return counting<float>({1, 1, 4, 4}, 1); }

TEST(MaxPool, Golden) {
  EXPECT_EQ(run(MaxPool{.kernel_shape = {5, 5}, .pads = {2, 2, 2, 2}}, {five()}),
            Tensor::of<float>({1, 1, 5, 5}, {13, 14, 15, 15, 15, 18, 19, 20, 20, 20, 23, 24, 25,
                                             25, 25, 23, 24, 25, 25, 25, 23, 24, 25, 25, 25}));
  EXPECT_EQ(run(MaxPool{.kernel_shape = {2, 2}, .strides = {2, 2}}, {five()}),
            Tensor::of<float>({1, 1, 2, 2}, {7, 9, 17, 19}));
  EXPECT_EQ(run(MaxPool{.kernel_shape = {3, 3}, .strides = {2, 2}, .auto_pad = AutoPad::same_upper}, {five()}),
            Tensor::of<float>({1, 1, 3, 3}, {7, 9, 10, 17, 19, 20, 22, 24, 25}));
  EXPECT_EQ(run(MaxPool{.kernel_shape = {3, 3}, .strides = {2, 2}, .ceil_mode = true}, {four()}),
            Tensor::of<float>({1, 1, 2, 2}, {11, 12, 15, 16}));
  EXPECT_EQ(run(MaxPool{.kernel_shape = {2, 2}, .dilations = {2, 2}}, {four()}),
            Tensor::of<float>({1, 1, 2, 2}, {11, 12, 15, 16}));
}

TEST(AveragePool, Golden) {
  EXPECT_EQ(
      run(AveragePool{.kernel_shape = {5, 5}, .pads = {2, 2, 2, 2}}, {five()}),
      Tensor::of<float>({1, 1, 5, 5}, {7,  7.5F,  8,  8.5F,  9,  9.5F,  10, 10.5F, 11, 11.5F, 12, 12.5F, 13, 13.5F,
                                       14, 14.5F, 15, 15.5F, 16, 16.5F, 17, 17.5F, 18, 18.5F, 19}));
  expect_near(run(AveragePool{.kernel_shape = {5, 5}, .pads = {2, 2, 2, 2}, .count_include_pad = true}, {five()}),
              Tensor::of<float>({1, 1, 5, 5},
                                {2.52F, 3.6F, 4.8F,  4.08F, 3.24F, 4.56F,  6.4F,  8.4F,  7.04F, 5.52F, 7.2F,  10,   13,
                                 10.8F, 8.4F, 6.96F, 9.6F,  12.4F, 10.24F, 7.92F, 6.12F, 8.4F,  10.8F, 8.88F, 6.84F}),
              1e-6);
  EXPECT_EQ(run(AveragePool{.kernel_shape = {2, 2}, .strides = {2, 2}}, {five()}),
            Tensor::of<float>({1, 1, 2, 2}, {4, 6, 14, 16}));
  EXPECT_EQ(run(AveragePool{.kernel_shape = {3, 3}, .strides = {2, 2}, .auto_pad = AutoPad::same_upper}, {five()}),
            Tensor::of<float>({1, 1, 3, 3}, {4, 5.5F, 7, 11.5F, 13, 14.5F, 19, 20.5F, 22}));
  EXPECT_EQ(run(AveragePool{.kernel_shape = {3, 3}, .strides = {2, 2}, .ceil_mode = true}, {four()}),
            Tensor::of<float>({1, 1, 2, 2}, {6, 7.5F, 12, 13.5F}));
}

/// Along one axis of 4 with kernel 3, stride 2, pads 1 and 0, ceil mode: the last window sees 3 pixels and nothing that
/// counts beyond the padded input.
TEST(AveragePool, WhatLiesBeyondThePaddingNeverCounts) {
  const Tensor x = Tensor::of<float>({1, 1, 4}, {2, 4, 6, 8});
  AveragePool op{.kernel_shape = {3}, .strides = {2}, .pads = {1, 0}, .ceil_mode = true, .count_include_pad = true};
  EXPECT_EQ(run(op, {x}), Tensor::of<float>({1, 1, 2}, {2, 6}));
  op.pads = {1, 1};
  EXPECT_EQ(run(op, {x}), Tensor::of<float>({1, 1, 3}, {2, 6, 4}));  // the last: (8 + 0) / 2, not / 3
}

TEST(MaxPool, OfIntegersIgnoresThePadding) {
  const Tensor x = Tensor::of<std::int8_t>({1, 1, 3}, {-100, -50, -128});
  EXPECT_EQ(run(MaxPool{.kernel_shape = {2}, .pads = {1, 1}}, {x}),
            Tensor::of<std::int8_t>({1, 1, 4}, {-100, -50, -50, -128}));
  EXPECT_EQ(run(MaxPool{.kernel_shape = {2}}, {Tensor::of<std::uint8_t>({1, 1, 3}, {3, 200, 7})}),
            Tensor::of<std::uint8_t>({1, 1, 2}, {200, 200}));
}

TEST(Pools, AWindowInThePaddingGivesTheNeutralElement) {
  const Tensor x = Tensor::of<float>({1, 1, 1}, {-3});
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(run(MaxPool{.kernel_shape = {1}, .pads = {1, 1}}, {x}),
            Tensor::of<float>({1, 1, 3}, {-infinity, -3, -infinity}));
  EXPECT_EQ(run(AveragePool{.kernel_shape = {1}, .pads = {1, 1}}, {x}), Tensor::of<float>({1, 1, 3}, {0, -3, 0}));
}

struct Pooled {
  double largest = -std::numeric_limits<double>::infinity();
  double sum = 0;
  int inside = 0;
  int in_padding = 0;
};

/// One window by the definition, over a padded image whose pixels are asked for one by one.
Pooled pool_at(const Tensor& x, const MaxPool& op, Index image, Index channel, Index row, Index column) {
  const auto view = x.view<float, 4>();
  Pooled result;
  for (Index a = 0; a < op.kernel_shape[0]; ++a) {
    for (Index b = 0; b < op.kernel_shape[1]; ++b) {
      const Index i = row * op.strides[0] + a * op.dilations[0] - op.pads[0];
      const Index j = column * op.strides[1] + b * op.dilations[1] - op.pads[1];
      if (i >= x.shape()[2] + op.pads[2] || j >= x.shape()[3] + op.pads[3]) continue;
      ++result.in_padding;
      if (i < 0 || j < 0 || i >= x.shape()[2] || j >= x.shape()[3]) continue;
      ++result.inside;
      const auto pixel = static_cast<double>(view(image, channel, i, j));
      result.sum += pixel;
      result.largest = std::max(result.largest, pixel);
    }
  }
  return result;
}

TEST(Pools, EqualTheDefinitionOverSeededCases) {
  Random random(8);
  for (int i = 0; i < 200; ++i) {
    SCOPED_TRACE(i);
    const auto index = [&](Index low, Index high) { return random_index(random, low, high); };
    MaxPool op{.kernel_shape = {index(1, 4), index(1, 4)},
               .strides = {index(1, 3), index(1, 3)},
               .dilations = {index(1, 2), index(1, 2)},
               .pads = {index(0, 2), index(0, 2), index(0, 2), index(0, 2)},
               .ceil_mode = random.below(2) == 0};
    const Tensor x = random_tensor({index(1, 2), index(1, 3), index(7, 16), index(7, 16)}, random);
    AveragePool mean{.kernel_shape = op.kernel_shape,
                     .strides = op.strides,
                     .dilations = op.dilations,
                     .pads = op.pads,
                     .ceil_mode = op.ceil_mode};
    const Tensor largest = run(op, {x});
    const Tensor means = run(mean, {x});
    mean.count_include_pad = true;
    const Tensor padded_means = run(mean, {x});
    const Shape& shape = largest.shape();
    for (Index n = 0; n < shape[0]; ++n) {
      for (Index c = 0; c < shape[1]; ++c) {
        for (Index row = 0; row < shape[2]; ++row) {
          for (Index column = 0; column < shape[3]; ++column) {
            const Pooled expected = pool_at(x, op, n, c, row, column);
            const auto at = [&](const Tensor& y) { return static_cast<double>(y.view<float, 4>()(n, c, row, column)); };
            ASSERT_EQ(at(largest), expected.largest);
            ASSERT_NEAR(at(means), expected.inside > 0 ? expected.sum / expected.inside : 0, 1e-5);
            ASSERT_NEAR(at(padded_means), expected.in_padding > 0 ? expected.sum / expected.in_padding : 0, 1e-5);
          }
        }
      }
    }
  }
}

TEST(GlobalAveragePool, AveragesEachChannel) {
  EXPECT_EQ(run(GlobalAveragePool{}, {counting<float>({1, 2, 2, 2}, 1)}),
            Tensor::of<float>({1, 2, 1, 1}, {2.5F, 6.5F}));
  EXPECT_EQ(run(GlobalAveragePool{}, {counting<double>({1, 1, 3}, 1)}), Tensor::of<double>({1, 1, 1}, {2.0}));
}

}  // namespace
}  // namespace condense::graph
