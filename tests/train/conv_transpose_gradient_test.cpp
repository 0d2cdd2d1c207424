#include <gtest/gtest.h>

#include "condense/graph/operators/conv_transpose.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::normal_values;

using graph::AutoPad;
using graph::ConvTranspose;

void check(const ConvTranspose& op, const Shape& images, const Shape& weights) {
  const std::vector<Tensor> inputs = {normal_values(images, 1), normal_values(weights, 2),
                                      normal_values({weights[1] * op.group}, 3)};
  expect_gradients_agree(op, inputs);
  expect_gradients_agree(op, {inputs[0], inputs[1]});
}

TEST(ConvTransposeGradient, AgreesForStridesDilationsAndPads) {
  check({}, {2, 3, 4, 3}, {3, 2, 3, 2});
  check({.strides = {2, 3}, .dilations = {2, 1}, .pads = {1, 0, 2, 1}}, {2, 2, 3, 4}, {2, 3, 3, 2});
  check({.strides = {2, 2}, .pads = {1, 1, 1, 1}, .output_padding = {1, 1}}, {1, 2, 3, 3}, {2, 2, 3, 3});
  check({}, {2, 3, 3, 2}, {3, 4, 1, 1});
}

TEST(ConvTransposeGradient, AgreesForShapesThatAreAskedFor) {
  check({.strides = {2, 2}, .output_shape = {7, 5}}, {1, 2, 3, 3}, {2, 2, 3, 3});
  check({.strides = {3, 3}, .output_shape = {12, 11}}, {1, 2, 3, 3}, {2, 2, 3, 3});  // larger than what is reached
  check({.strides = {2, 2}, .auto_pad = AutoPad::same_upper}, {1, 2, 3, 3}, {2, 2, 3, 3});
  check({.strides = {2, 2}, .auto_pad = AutoPad::same_lower}, {1, 2, 3, 3}, {2, 2, 3, 3});
}

TEST(ConvTransposeGradient, AgreesForGroupsAndSingleChannels) {
  check({.group = 2}, {2, 4, 3, 3}, {4, 3, 2, 2});
  check({.strides = {2, 2}, .pads = {1, 1, 1, 1}, .output_padding = {1, 1}, .group = 3}, {2, 3, 3, 3}, {3, 1, 3, 3});
  check({.strides = {3, 2}, .dilations = {1, 2}, .output_padding = {2, 1}, .group = 2}, {1, 2, 3, 4}, {2, 1, 2, 3});
  check({.strides = {3, 3}, .group = 2}, {1, 2, 3, 2}, {2, 1, 2, 2});
}

TEST(ConvTransposeGradient, AgreesForSignalsAndVolumes) {
  check({.strides = {2}, .pads = {1, 0}}, {2, 3, 5}, {3, 2, 3});
  check({.strides = {1, 2, 2}, .pads = {0, 1, 0, 1, 0, 1}}, {1, 2, 2, 3, 2}, {2, 2, 2, 3, 2});
  check({.group = 2}, {1, 2, 2, 2, 3}, {2, 1, 2, 2, 2});
}

TEST(ConvTransposeGradient, IsTheSameOnAnyNumberOfThreads) {
  const std::vector<Tensor> inputs = {normal_values({7, 4, 6, 6}, 1), normal_values({4, 4, 3, 3}, 2),
                                      normal_values({4}, 3)};
  testing::expect_threads_agree(testing::graph_of(ConvTranspose{.strides = {2, 2}}, inputs), inputs);
}

}  // namespace
}  // namespace condense::train
