#include <gtest/gtest.h>

#include "condense/graph/operators/conv.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using graph::Conv;
using testing::expect_gradients_agree;
using testing::normal_values;

void check(const Conv& op, const Shape& images, const Shape& weights) {
  const std::vector<Tensor> inputs = {normal_values(images, 1), normal_values(weights, 2),
                                      normal_values({weights[0]}, 3)};
  expect_gradients_agree(op, inputs);
  expect_gradients_agree(op, {inputs[0], inputs[1]});
}

TEST(ConvGradient, AgreesWithDifferencesForAPlainKernel) { check({}, {2, 3, 5, 4}, {4, 3, 3, 2}); }

TEST(ConvGradient, AgreesWithDifferencesForAPointwiseKernel) {
  check({}, {3, 5, 3, 3}, {4, 5, 1, 1});
  check({.strides = {2, 2}}, {2, 3, 5, 4}, {4, 3, 1, 1});
  check({.pads = {1, 0, 0, 1}}, {2, 3, 3, 2}, {2, 3, 1, 1});
}

TEST(ConvGradient, AgreesWithDifferencesForStridesDilationsAndUnevenPads) {
  check({.strides = {2, 1}, .dilations = {1, 2}, .pads = {1, 0, 2, 3}}, {2, 2, 6, 5}, {3, 2, 3, 2});
  check({.strides = {3, 2}, .pads = {0, 1, 0, 0}}, {1, 2, 8, 6}, {2, 2, 2, 3});
}

TEST(ConvGradient, AgreesWithDifferencesForAutomaticPads) {
  check({.strides = {2, 2}, .auto_pad = graph::AutoPad::same_upper}, {1, 2, 5, 6}, {2, 2, 3, 3});
  check({.strides = {2, 2}, .auto_pad = graph::AutoPad::same_lower}, {1, 2, 5, 6}, {2, 2, 3, 3});
}

TEST(ConvGradient, AgreesWithDifferencesForVolumes) {
  check({}, {2, 2, 3, 4, 3}, {3, 2, 2, 3, 2});
  check({.strides = {1, 2, 2}, .dilations = {2, 1, 1}, .pads = {1, 0, 1, 0, 1, 2}}, {1, 2, 3, 4, 4}, {2, 2, 2, 2, 3});
  check({.pads = {1, 1, 1, 1, 1, 1}, .group = 3}, {2, 3, 3, 2, 3}, {3, 1, 3, 3, 3});  // one channel to a group
  check({}, {2, 3, 2, 2, 2}, {4, 3, 1, 1, 1});
}

TEST(ConvGradient, AgreesWithDifferencesForGroups) {
  check({.pads = {1, 1, 1, 1}, .group = 2}, {2, 4, 4, 3}, {6, 2, 3, 3});
}

TEST(ConvGradient, AgreesWithDifferencesForDepthwiseKernels) {
  check({.pads = {1, 1, 1, 1}, .group = 3}, {2, 3, 5, 4}, {3, 1, 3, 3});
  check({.strides = {2, 2}, .pads = {1, 1, 1, 1}, .group = 3}, {2, 3, 6, 5}, {3, 1, 3, 3});
  check({.strides = {3, 2}, .dilations = {2, 1}, .pads = {2, 0, 1, 3}, .group = 2}, {2, 2, 8, 7}, {2, 1, 2, 3});
  check({.pads = {2, 2, 2, 2}, .group = 2}, {1, 2, 5, 5}, {2, 1, 5, 5});
}

TEST(ConvGradient, AgreesWithDifferencesForDepthwiseKernelsThatMissPixels) {
  check({.strides = {3, 3}, .group = 2}, {1, 2, 7, 8}, {2, 1, 2, 2});
  check({.strides = {2, 2}, .dilations = {2, 2}, .group = 2}, {1, 2, 7, 8}, {2, 1, 2, 2});
}

TEST(ConvGradient, AgreesWithDifferencesForSeveralFiltersToAChannel) {
  check({.pads = {1, 1, 1, 1}, .group = 2}, {2, 2, 4, 4}, {6, 1, 3, 3});
}

TEST(ConvGradient, AgreesWithDifferencesForSignals) {
  check({.strides = {2}, .pads = {1, 2}}, {2, 3, 9}, {4, 3, 3});
  check({.pads = {1, 1}, .group = 3}, {2, 3, 7}, {3, 1, 3});
}

// More images than blocks of images, and images of more rows than are unfolded at once.
TEST(ConvGradient, AgreesWithDifferencesForManyImages) { check({}, {67, 1, 2, 2}, {5, 1, 2, 2}); }

TEST(ConvGradient, SumsRowsThatAreUnfoldedInParts) {
  constexpr Index kSide = 300;  // 9 taps times 300 columns: 48 rows of 300 are unfolded at a time
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float64, {1, 2, kSide, kSide});
  const graph::Value w = g.constant("w", Tensor(DataType::float64, {1, 2, 3, 3}));
  g.output(g.add(Conv{.pads = {1, 1, 1, 1}}, {x, w}));
  Tensor ones(DataType::float64, {1, 2, kSide, kSide}), seed(DataType::float64, {1, 1, kSide, kSide});
  for (double& value : ones.mutable_values<double>()) value = 1;
  for (double& value : seed.mutable_values<double>()) value = 1;
  const std::vector<graph::Value> wanted = {w};
  ForwardPass pass(g, {&ones, 1}, wanted);
  const Tensor gradient = pass.backpropagate({{g.outputs()[0], seed}})[0];
  // A tap counts the pixels that it sees: all but a row or column at the edges.
  for (Index y = 0; y < 3; ++y) {
    for (Index column = 0; column < 3; ++column) {
      const Index rows = kSide - (y == 1 ? 0 : 1), columns = kSide - (column == 1 ? 0 : 1);
      EXPECT_EQ(gradient.data<double>()[y * 3 + column], static_cast<double>(rows * columns));
    }
  }
}

}  // namespace
}  // namespace condense::train
