#include "condense/graph/operators/conv_transpose.hpp"

#include <gtest/gtest.h>

#include "condense/graph/operators/conv.hpp"
#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

TEST(ConvTranspose, Golden) {
  const Tensor x = counting<float>({1, 1, 3, 3}, 0);
  const Tensor w = filled({1, 2, 3, 3}, 1);
  const Tensor y = run(ConvTranspose{}, {x, w});
  ASSERT_EQ(y.shape(), (Shape{1, 2, 5, 5}));
  const Tensor plane = Tensor::of<float>(
      {5, 5}, {0, 1, 3, 3, 2, 3, 8, 15, 12, 7, 9, 21, 36, 27, 15, 9, 20, 33, 24, 13, 6, 13, 21, 15, 8});
  for (Index i = 0; i < 50; ++i) ASSERT_EQ(y.data<float>()[i], plane.data<float>()[i % 25]);
}

/// <conv(x), y> = <x, transposed(y)> for all x and y is what makes it the transpose, for every attribute. Exact: the
/// products of small integers.
TEST(ConvTranspose, IsTheTransposeOfConv) {
  Random random(41);
  for (int i = 0; i < 200; ++i) {
    SCOPED_TRACE(i);
    const int spatial = 1 + i % 3;
    const Index group = random_index(random, 1, 3);
    const Index in = random_index(random, 1, 3);
    const Index out = random_index(random, 1, 3);
    Conv conv{.group = group};
    std::vector<Index> image{2, group * in};
    std::vector<Index> kernel{group * out, in};
    std::vector<Index> ends;
    for (int axis = 0; axis < spatial; ++axis) {
      conv.strides.push_back(random_index(random, 1, 3));
      conv.dilations.push_back(random_index(random, 1, 2));
      conv.pads.push_back(random_index(random, 0, 2));
      ends.push_back(random_index(random, 0, 2));
      kernel.push_back(random_index(random, 1, 3));
      image.push_back(random_index(random, 6, 9));
    }
    conv.pads.insert(conv.pads.end(), ends.begin(), ends.end());
    const auto integers = [&](const Shape& shape) {
      Tensor tensor(DataType::float64, shape);
      for (double& value : tensor.mutable_values<double>()) value = static_cast<double>(random_index(random, -9, 9));
      return tensor;
    };
    const Tensor x = integers(Shape(std::span<const Index>(image)));
    const Tensor w = integers(Shape(std::span<const Index>(kernel)));
    const Tensor convolved = run(conv, {x, w});
    const Tensor y = integers(convolved.shape());
    ConvTranspose op{.strides = conv.strides, .dilations = conv.dilations, .pads = conv.pads, .group = group};
    for (int axis = 0; axis < spatial; ++axis) {  // what the strides leave over at the end of the images
      const auto k = static_cast<std::size_t>(axis);
      const Index reach = conv.dilations[k] * (kernel[k + 2] - 1) + 1;
      op.output_padding.push_back((image[k + 2] + conv.pads[k] + ends[k] - reach) % conv.strides[k]);
    }
    const Tensor back = run(op, {y, w}, ThreadPool(2));
    ASSERT_EQ(back.shape().to_string(), x.shape().to_string());
    double left = 0;
    double right = 0;
    for (Index k = 0; k < y.count(); ++k) left += convolved.data<double>()[k] * y.data<double>()[k];
    for (Index k = 0; k < x.count(); ++k) right += back.data<double>()[k] * x.data<double>()[k];
    ASSERT_EQ(left, right);
  }
}

TEST(ConvTranspose, CutsOffWhatTheWantedShapeLeavesOver) {
  const Tensor x = Tensor::of<float>({1, 1, 2}, {1, 10});
  const Tensor w = Tensor::of<float>({1, 1, 4}, {1, 2, 3, 4});
  const Tensor b = Tensor::of<float>({1}, {0.5F});
  EXPECT_EQ(run(ConvTranspose{.strides = {2}}, {x, w}), Tensor::of<float>({1, 1, 6}, {1, 2, 13, 24, 30, 40}));
  EXPECT_EQ(run(ConvTranspose{.strides = {2}, .pads = {1, 2}}, {x, w, b}),
            Tensor::of<float>({1, 1, 3}, {2.5F, 13.5F, 24.5F}));
  EXPECT_EQ(run(ConvTranspose{.strides = {2}, .output_shape = {5}}, {x, w}),
            Tensor::of<float>({1, 1, 5}, {2, 13, 24, 30, 40}));
  EXPECT_EQ(run(ConvTranspose{.strides = {2}, .output_shape = {5}, .auto_pad = AutoPad::same_upper}, {x, w}),
            Tensor::of<float>({1, 1, 5}, {1, 2, 13, 24, 30}));
  EXPECT_EQ(run(ConvTranspose{.strides = {2}, .auto_pad = AutoPad::same_lower}, {x, w}),
            Tensor::of<float>({1, 1, 4}, {2, 13, 24, 30}));
  EXPECT_EQ(run(ConvTranspose{.strides = {2}, .output_padding = {1}}, {x, w}),
            Tensor::of<float>({1, 1, 7}, {1, 2, 13, 24, 30, 40, 0}));
  EXPECT_EQ(run(ConvTranspose{.strides = {2}, .output_shape = {8}}, {x, w}),
            Tensor::of<float>({1, 1, 8}, {1, 2, 13, 24, 30, 40, 0, 0}));
}

TEST(ConvTranspose, TakesEmptyBatches) {
  const Tensor none(DataType::float32, {0, 2, 3, 3});
  EXPECT_EQ(run(ConvTranspose{}, {none, filled({2, 3, 2, 2}, 1)}).shape(), (Shape{0, 3, 4, 4}));
}

TEST(ConvTranspose, RefusesWhatDoesNotFit) {
  const Tensor x = filled({1, 4, 3, 3}, 1);
  const Tensor w = filled({4, 2, 3, 3}, 1);
  const auto refuses = [&](std::string_view part, const ConvTranspose& op,
                           std::initializer_list<std::optional<Tensor>> inputs) {
    EXPECT_TRUE(throws<InvalidArgument>(part, [&] { run(op, inputs); }));
  };
  refuses("its input 0 has 4 channels, its weights (3 x 2 x 3 x 3) take 3", {}, {x, filled({3, 2, 3, 3}, 1)});
  refuses("which 3 groups do not divide", {.group = 3}, {x, w});
  refuses("its attribute group is 0", {.group = 0}, {x, w});
  refuses("its input 2, the bias, has shape (3) instead of (2)", {}, {x, w, filled({3}, 1)});
  refuses("its pads cut 6 elements off spatial axis 0, which has 5", {.pads = {3, 0, 3, 0}}, {x, w});
  refuses("its attribute output_padding holds -1", {.output_padding = {0, -1}}, {x, w});
  refuses("its attribute strides holds 1099511627776", {.strides = {Index{1} << 40, 1}}, {x, w});
  refuses("its attribute output_shape has 1 entries instead of 2", {.output_shape = {5}}, {x, w});
  refuses("they have shapes (1 x 4 x 3 x 3) and (4 x 2 x 3)", {}, {x, filled({4, 2, 3}, 1)});
}

}  // namespace
}  // namespace condense::graph
