#include "condense/graph/operators/conv.hpp"

#include <gtest/gtest.h>

#include "graph/naive_convolution.hpp"
#include "graph/run.hpp"

namespace condense::graph {
namespace {

Tensor ones() { return filled({1, 1, 3, 3}, 1); }

/// The examples of the ONNX operator page: x counts from 0, the weights are ones.
TEST(Conv, GoldenWithPadding) {
  const Tensor x = counting<float>({1, 1, 5, 5}, 0);
  EXPECT_EQ(run(Conv{.pads = {1, 1, 1, 1}}, {x, ones()}),
            Tensor::of<float>({1, 1, 5, 5}, {12,  21, 27, 33,  24,  33,  54,  63, 72,  51,  63,  99, 108,
                                             117, 81, 93, 144, 153, 162, 111, 72, 111, 117, 123, 84}));
  EXPECT_EQ(run(Conv{}, {x, ones()}), Tensor::of<float>({1, 1, 3, 3}, {54, 63, 72, 99, 108, 117, 144, 153, 162}));
}

TEST(Conv, GoldenWithStrides) {
  const Tensor x = counting<float>({1, 1, 7, 5}, 0);
  EXPECT_EQ(run(Conv{.strides = {2, 2}, .pads = {1, 1, 1, 1}}, {x, ones()}),
            Tensor::of<float>({1, 1, 4, 3}, {12, 27, 24, 63, 108, 81, 123, 198, 141, 112, 177, 124}));
  EXPECT_EQ(run(Conv{.strides = {2, 2}}, {x, ones()}), Tensor::of<float>({1, 1, 3, 2}, {54, 72, 144, 162, 234, 252}));
  EXPECT_EQ(run(Conv{.strides = {2, 2}, .pads = {1, 0, 1, 0}}, {x, ones()}),
            Tensor::of<float>({1, 1, 4, 2}, {21, 33, 99, 117, 189, 207, 171, 183}));
}

TEST(Conv, GoldenWithSameLowerPadding) {
  EXPECT_EQ(run(Conv{.strides = {2, 2}, .auto_pad = AutoPad::same_lower}, {counting<float>({1, 1, 5, 5}, 0), ones()}),
            Tensor::of<float>({1, 1, 3, 3}, {12, 27, 24, 63, 108, 81, 72, 117, 84}));
}

TEST(Conv, SamePaddingPutsTheOddPixelWhereItsNameSays) {
  const Tensor x = Tensor::of<float>({1, 1, 1, 4}, {1, 2, 3, 4});
  const Tensor w = Tensor::of<float>({1, 1, 1, 2}, {10, 1});
  EXPECT_EQ(run(Conv{.auto_pad = AutoPad::same_upper}, {x, w}), Tensor::of<float>({1, 1, 1, 4}, {12, 23, 34, 40}));
  EXPECT_EQ(run(Conv{.auto_pad = AutoPad::same_lower}, {x, w}), Tensor::of<float>({1, 1, 1, 4}, {1, 12, 23, 34}));
  EXPECT_EQ(run(Conv{.auto_pad = AutoPad::valid}, {x, w}), Tensor::of<float>({1, 1, 1, 3}, {12, 23, 34}));
}

TEST(Conv, TakesSignals) {
  const Tensor x = Tensor::of<float>({1, 2, 4}, {1, 2, 3, 4, 10, 20, 30, 40});
  const Tensor w = Tensor::of<float>({1, 2, 2}, {1, 1, 1, -1});
  EXPECT_EQ(run(Conv{}, {x, w}), Tensor::of<float>({1, 1, 3}, {-7, -5, -3}));
  EXPECT_EQ(run(Conv{.pads = {1, 0}}, {x, w, Tensor::of<float>({1}, {0.5F})}),
            Tensor::of<float>({1, 1, 4}, {-8.5F, -6.5F, -4.5F, -2.5F}));
}

struct Case {
  NaiveConvolution naive;
  Shape images;
  Shape weights;
  bool with_bias = false;
};

Case random_case(Random& random, bool depthwise) {
  const Index group = depthwise ? random_index(random, 1, 6) : random_index(random, 1, 3);
  const Index in = depthwise ? 1 : random_index(random, 1, 5);
  const Index out = depthwise ? random_index(random, 1, 2) : random_index(random, 1, 4);
  Case c;
  c.naive.group = group;
  std::array<Index, 2> kernel{};
  std::array<Index, 2> input{};
  for (std::size_t i = 0; i < 2; ++i) {
    kernel[i] = random_index(random, 1, 5);
    c.naive.stride[i] = random_index(random, 1, 3);
    c.naive.dilation[i] = random_index(random, 1, 3);
    c.naive.pads[i] = random_index(random, 0, 3);
    c.naive.pads[i + 2] = random_index(random, 0, 3);
    const Index reach = (kernel[i] - 1) * c.naive.dilation[i] + 1 - c.naive.pads[i] - c.naive.pads[i + 2];
    input[i] = std::max<Index>(1, reach) + random_index(random, 0, i == 1 ? 40 : 12);
  }
  c.images = {random_index(random, 1, 3), group * in, input[0], input[1]};
  c.weights = {group * out, in, kernel[0], kernel[1]};
  c.with_bias = random.below(2) == 0;
  return c;
}

/// Sums of at most 5 * 25 products of numbers below 1: 126 roundings of a sum below 126.
constexpr double kFloatTolerance = 126.0 * 126.0 * 0x1p-24;

template <class T>
void compare(const Case& c, Random& random, double tolerance) {
  const Tensor x = random_tensor<T>(c.images, random);
  const Tensor w = random_tensor<T>(c.weights, random);
  const Tensor b = random_tensor<T>({c.weights[0]}, random);
  const NaiveConvolution& n = c.naive;
  const Conv op{.strides = {n.stride[0], n.stride[1]},
                .dilations = {n.dilation[0], n.dilation[1]},
                .pads = {n.pads.begin(), n.pads.end()},
                .group = n.group};
  const Tensor y = c.with_bias ? run(op, {x, w, b}) : run(op, {x, w});
  expect_near<T>(y, n.operator()<T>(x, w, c.with_bias ? &b : nullptr), tolerance);
}

TEST(Conv, EqualsTheDefinitionOverSeededCases) {
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    compare<float>(random_case(random, false), random, kFloatTolerance);
    if (HasFatalFailure()) return;
  }
}

TEST(Conv, EqualsTheDefinitionOverSeededDepthwiseCases) {
  Random random(2);
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    compare<float>(random_case(random, true), random, kFloatTolerance);
    if (HasFatalFailure()) return;
  }
}

TEST(Conv, EqualsTheDefinitionInDouble) {
  Random random(3);
  for (int i = 0; i < 100; ++i) {
    SCOPED_TRACE(i);
    compare<double>(random_case(random, i % 2 == 0), random, 126.0 * 126.0 * 0x1p-53);
    if (HasFatalFailure()) return;
  }
}

/// Large enough that rows are unfolded in several blocks, and planes are copied in several.
TEST(Conv, EqualsTheDefinitionOnLargeImages) {
  Random random(4);
  compare<float>({.naive = {.pads = {1, 1, 1, 1}}, .images = {1, 12, 70, 90}, .weights = {5, 12, 3, 3}}, random,
                 kFloatTolerance);
  compare<float>({.naive = {.pads = {1, 1, 1, 1}, .group = 2}, .images = {1, 2, 130, 150}, .weights = {2, 1, 3, 3}},
                 random, kFloatTolerance);
  compare<float>({.naive = {.stride = {2, 2}, .pads = {2, 1, 2, 2}, .group = 2},
                  .images = {1, 2, 131, 150},
                  .weights = {2, 1, 5, 5}},
                 random, kFloatTolerance);
  compare<float>({.naive = {.pads = {0, 0, 0, 0}}, .images = {1, 20, 60, 61}, .weights = {9, 20, 1, 1}}, random,
                 kFloatTolerance);
}

TEST(Conv, AnEmptyBatchGivesAnEmptyResult) {
  const Tensor y = run(Conv{}, {Tensor(DataType::float32, {0, 1, 5, 5}), ones()});
  EXPECT_EQ(y.shape(), (Shape{0, 1, 3, 3}));
}

}  // namespace
}  // namespace condense::graph
