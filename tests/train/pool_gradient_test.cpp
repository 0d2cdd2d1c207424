#include <gtest/gtest.h>

#include "condense/graph/operators/average_pool.hpp"
#include "condense/graph/operators/global_average_pool.hpp"
#include "condense/graph/operators/max_pool.hpp"
#include "condense/graph/operators/pools.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::normal_values;
using testing::spread_values;

TEST(MaxPoolGradient, AgreesWithDifferencesForEveryWindow) {
  expect_gradients_agree(graph::MaxPool{.kernel_shape = {2, 2}, .strides = {2, 2}}, {spread_values({2, 3, 4, 6}, 1)});
  expect_gradients_agree(graph::MaxPool{.kernel_shape = {3, 2}, .strides = {1, 2}, .pads = {1, 1, 0, 0}},
                         {spread_values({2, 2, 5, 5}, 2)});
  expect_gradients_agree(graph::MaxPool{.kernel_shape = {2, 2}, .strides = {3, 1}, .dilations = {2, 2}},
                         {spread_values({1, 2, 7, 5}, 3)});
  expect_gradients_agree(graph::MaxPool{.kernel_shape = {2, 2}, .strides = {2, 2}, .ceil_mode = true},
                         {spread_values({1, 2, 5, 5}, 4)});
  expect_gradients_agree(graph::MaxPool{.kernel_shape = {3}, .strides = {2}}, {spread_values({2, 2, 9}, 5)});
}

TEST(MaxPoolGradient, GivesAllToTheFirstOfEqualElements) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float32, {1, 1, 2, 2});
  g.output(g.add(graph::MaxPool{.kernel_shape = {2, 2}}, {x}));
  const Tensor same = Tensor::of<float>({1, 1, 2, 2}, {3, 3, 3, 3});
  ForwardPass pass(g, {&same, 1}, g.inputs());
  const Tensor dx = pass.backpropagate({{g.outputs()[0], Tensor::of<float>({1, 1, 1, 1}, {5})}})[0];
  EXPECT_EQ(dx, Tensor::of<float>({1, 1, 2, 2}, {5, 0, 0, 0}));
}

TEST(AveragePoolGradient, AgreesWithDifferencesForEveryWindow) {
  for (const bool include : {false, true}) {
    expect_gradients_agree(graph::AveragePool{.kernel_shape = {2, 2}, .strides = {2, 2}, .count_include_pad = include},
                           {normal_values({2, 3, 4, 6}, 1)});
    expect_gradients_agree(
        graph::AveragePool{
            .kernel_shape = {3, 2}, .strides = {1, 2}, .pads = {1, 1, 2, 0}, .count_include_pad = include},
        {normal_values({2, 2, 5, 5}, 2)});
    expect_gradients_agree(graph::AveragePool{.kernel_shape = {2, 2},
                                              .strides = {2, 2},
                                              .pads = {0, 0, 1, 1},
                                              .ceil_mode = true,
                                              .count_include_pad = include},
                           {normal_values({1, 2, 4, 5}, 3)});
  }
  expect_gradients_agree(graph::AveragePool{.kernel_shape = {2, 2}, .dilations = {2, 1}},
                         {normal_values({1, 2, 4, 4}, 4)});
  expect_gradients_agree(graph::AveragePool{.kernel_shape = {3}, .strides = {2}}, {normal_values({2, 2, 9}, 5)});
}

TEST(PoolGradients, AgreeWithDifferencesOnVolumes) {
  graph::MaxPool largest{.kernel_shape = {2, 3, 2}, .strides = {1, 2, 2}, .pads = {1, 1, 0, 0, 1, 1}};
  expect_gradients_agree(largest, {spread_values({2, 2, 3, 4, 5}, 6)});
  largest.outputs.count = 2;  // the indices have no gradient and change none
  expect_gradients_agree(largest, {spread_values({2, 2, 3, 4, 5}, 6)});
  for (const bool include : {false, true}) {
    expect_gradients_agree(
        graph::AveragePool{
            .kernel_shape = {2, 3, 2}, .strides = {1, 2, 2}, .pads = {1, 1, 0, 0, 1, 1}, .count_include_pad = include},
        {normal_values({2, 2, 3, 4, 5}, 7)});
  }
  expect_gradients_agree(graph::GlobalAveragePool{}, {normal_values({2, 2, 3, 4, 5}, 8)});
}

TEST(GlobalAveragePoolGradient, AgreesWithDifferences) {
  expect_gradients_agree(graph::GlobalAveragePool{}, {normal_values({2, 3, 4, 5}, 1)});
  expect_gradients_agree(graph::GlobalAveragePool{}, {normal_values({2, 3, 7}, 1)});
}

TEST(PoolGradient, AgreesWithDifferencesForVolumes) {
  const std::vector<Index> kernel = {2, 3, 2}, strides = {1, 2, 2}, pads = {1, 1, 0, 0, 1, 1};
  expect_gradients_agree(graph::MaxPool{.kernel_shape = kernel, .strides = strides, .pads = pads},
                         {spread_values({1, 2, 3, 4, 4}, 1)});
  expect_gradients_agree(graph::AveragePool{.kernel_shape = kernel, .strides = strides, .pads = pads},
                         {normal_values({1, 2, 3, 4, 4}, 1)});
  expect_gradients_agree(graph::LpPool{.kernel_shape = kernel, .strides = strides, .pads = pads},
                         {spread_values({1, 2, 3, 4, 4}, 1)});
}

TEST(GlobalMaxPoolGradient, AgreesWithDifferences) {
  expect_gradients_agree(graph::GlobalMaxPool{}, {spread_values({2, 3, 4, 5}, 1)});
  expect_gradients_agree(graph::GlobalMaxPool{}, {spread_values({2, 3, 7}, 2)});
}

TEST(LpPoolGradient, AgreesWithDifferencesForEveryNorm) {
  for (const Index p : {1, 2, 3, 4}) {
    Tensor x = spread_values({2, 2, 5, 6}, 1);  // at least 0.1 from 0, where roots of higher powers are steep
    for (double& value : x.mutable_values<double>()) value += value < 0 ? -0.1 : 0.1;
    expect_gradients_agree(graph::GlobalLpPool{p}, {x});
    expect_gradients_agree(graph::LpPool{.kernel_shape = {2, 3}, .strides = {2, 2}, .pads = {1, 0, 0, 1}, .p = p}, {x});
    expect_gradients_agree(graph::LpPool{.kernel_shape = {2, 2}, .dilations = {2, 3}, .p = p}, {x});
  }
}

TEST(MaxUnpoolGradient, AgreesWithDifferencesForIndicesThatRepeat) {
  const Tensor indices = Tensor::of<std::int64_t>({1, 1, 2, 2}, {5, 7, 13, 7});
  const graph::MaxUnpool op{.kernel_shape = {2, 2}, .strides = {2, 2}};
  expect_gradients_agree(op, {normal_values({1, 1, 2, 2}, 1), indices});
  expect_gradients_agree(op, {normal_values({1, 1, 2, 2}, 1), indices, Tensor::of<std::int64_t>({4}, {1, 1, 5, 6})});
}

}  // namespace
}  // namespace condense::train
