#include "condense/graph/reference/im2col.hpp"

#include <gtest/gtest.h>

#include "graph/run.hpp"

namespace condense::graph {
namespace {

Window random_window(Random& random) {
  const std::vector<Index> strides{random_index(random, 1, 3), random_index(random, 1, 3)};
  const std::vector<Index> dilations{random_index(random, 1, 3), random_index(random, 1, 3)};
  const std::vector<Index> kernel{random_index(random, 1, 4), random_index(random, 1, 4)};
  std::vector<Index> pads;
  for (int i = 0; i < 4; ++i) pads.push_back(random_index(random, 0, 4));
  return make_window({1, 1, random_index(random, 10, 14), random_index(random, 10, 14)}, kernel,
                     {.strides = strides, .dilations = dilations, .pads = pads});
}

TEST(Im2col, HoldsWhatEachTapSees) {
  Random random(17);
  for (int i = 0; i < 100; ++i) {
    SCOPED_TRACE(i);
    const Window window = random_window(random);
    const Index rows = window.height.input;
    const Index width = window.width.input;
    const Tensor image = random_tensor({2, rows, width}, random);
    std::vector<float> columns(static_cast<std::size_t>(2 * window.taps() * window.positions()), -7);
    reference::im2col(image.data<float>(), 2, window, columns.data());
    std::size_t entry = 0;
    for (Index channel = 0; channel < 2; ++channel) {
      for (Index tap = 0; tap < window.taps(); ++tap) {
        for (Index position = 0; position < window.positions(); ++position, ++entry) {
          const Index row = window.height.source(position / window.width.output, tap / window.width.kernel);
          const Index column = window.width.source(position % window.width.output, tap % window.width.kernel);
          const bool inside = row >= 0 && row < rows && column >= 0 && column < width;
          ASSERT_EQ(columns[entry], inside ? image.data<float>()[(channel * rows + row) * width + column] : 0);
        }
      }
    }
  }
}

/// The law of a transpose: <im2col(x), y> = <x, col2im(y)>. Exact on small integers.
TEST(Col2im, IsTheTransposeOfIm2col) {
  Random random(18);
  for (int i = 0; i < 100; ++i) {
    SCOPED_TRACE(i);
    const Window window = random_window(random);
    std::vector<double> image(static_cast<std::size_t>(2 * window.height.input * window.width.input));
    std::vector<double> weights(static_cast<std::size_t>(2 * window.taps() * window.positions()));
    for (double& value : image) value = static_cast<double>(random.below(100));
    for (double& value : weights) value = static_cast<double>(random.below(100));
    std::vector<double> columns(weights.size());
    std::vector<double> back(image.size());
    reference::im2col(image.data(), 2, window, columns.data());
    reference::col2im(weights.data(), 2, window, back.data());
    double left = 0;
    double right = 0;
    for (std::size_t k = 0; k < columns.size(); ++k) left += columns[k] * weights[k];
    for (std::size_t k = 0; k < image.size(); ++k) right += image[k] * back[k];
    ASSERT_EQ(left, right);
  }
}

TEST(Im2col, BlocksOfRowsAreColumnsOfTheWhole) {
  Random random(19);
  const Window window = random_window(random);
  const Tensor image = random_tensor({1, window.height.input, window.width.input}, random);
  const Index width = window.width.output;
  std::vector<float> whole(static_cast<std::size_t>(window.taps() * window.positions()));
  reference::im2col(image.data<float>(), 1, window, whole.data());
  for (Index row = 0; row < window.height.output; ++row) {
    std::vector<float> part(static_cast<std::size_t>(window.taps() * width));
    reference::im2col(image.data<float>(), 1, window, row, 1, part.data());
    const MatrixView<const float> all(whole.data(), window.taps(), window.positions());
    EXPECT_EQ((MatrixView<const float>(part.data(), window.taps(), width)), all.middleCols(row * width, width));
  }
}

}  // namespace
}  // namespace condense::graph
