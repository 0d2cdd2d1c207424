#include "condense/runtime/detail/output_phases.hpp"

#include <gtest/gtest.h>

#include "condense/core/random.hpp"
#include "condense/graph/operators/conv_transpose.hpp"

namespace condense::runtime::detail {
namespace {

std::vector<int> random_integers(Index count, Random& random) {
  std::vector<int> values(static_cast<std::size_t>(count));
  for (int& value : values) value = static_cast<int>(random.below(15)) - 7;
  return values;
}

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// A transposed convolution of one image (positions x channels): every pixel adds its multiple of the kernel.
std::vector<int> scatter(const graph::Window& w, const TransposedExtents& e, const std::vector<int>& image,
                         const std::vector<int>& weights) {
  std::vector<int> result(at(w.pixels() * e.groups * e.out), 0);
  for (Index y = 0; y < w.height.output; ++y) {
    for (Index x = 0; x < w.width.output; ++x) {
      for (Index i = 0; i < w.height.kernel; ++i) {
        for (Index j = 0; j < w.width.kernel; ++j) {
          const Index line = w.height.source(y, i);
          const Index column = w.width.source(x, j);
          if (line < 0 || line >= w.height.input || column < 0 || column >= w.width.input) continue;
          for (Index in = 0; in < e.groups * e.in; ++in) {
            for (Index out = 0; out < e.out; ++out) {
              result[at((line * w.width.input + column) * e.groups * e.out + in / e.in * e.out + out)] +=
                  image[at((y * w.width.output + x) * e.groups * e.in + in)] *
                  weights[at(((in * e.out + out) * w.height.kernel + i) * w.width.kernel + j)];
            }
          }
        }
      }
    }
  }
  return result;
}

/// The same by the products. Every element has to be written once.
std::vector<int> by_phases(const graph::Window& w, const TransposedExtents& e, const std::vector<int>& image,
                           const std::vector<int>& weights) {
  constexpr int kUnset = 1 << 30;
  std::vector<int> result(at(w.pixels() * e.groups * e.out), kUnset);
  for (const OutputPhase& phase : output_phases(w, e)) {
    const Index columns = phase.joined_lines * phase.positions * e.out;
    const Index of_line = e.groups * columns / phase.joined_lines;
    for (Index row = 0; row < phase.lines * phase.line_rows; ++row) {
      for (Index column = 0; column < e.groups * columns; ++column) {
        int sum = 0;
        for (Index tap = 0; tap < phase.taps; ++tap) {
          const Index from = phase.offsets.empty() ? row * e.groups * e.in : phase.offsets[at(row * phase.taps + tap)];
          for (Index in = 0; from >= 0 && in < e.in; ++in) {
            sum += image[at(from + column / columns * e.in + in)] *
                   weights[at(phase.weights[at((column * phase.taps + tap) * e.in + in)])];
          }
        }
        int& element = result.at(at(phase.first + row / phase.line_rows * phase.line_stride +
                                    row % phase.line_rows * phase.row_stride +
                                    column / of_line * w.width.input * e.out + column % of_line));
        EXPECT_EQ(element, kUnset);
        element = sum;
      }
    }
  }
  return result;
}

TEST(OutputPhases, MakeUpEveryTransposedConvolution) {
  Random random(3);
  int count = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    const auto one_to = [&](std::uint32_t most) { return static_cast<Index>(1 + random.below(most)); };
    const auto up_to = [&](std::uint32_t most) { return static_cast<Index>(random.below(most + 1)); };
    const TransposedExtents extents{.groups = trial % 3 == 0 ? one_to(3) : 1, .in = one_to(3), .out = one_to(3)};
    graph::ConvTranspose op{.strides = {one_to(4), one_to(4)},
                            .dilations = {one_to(2), one_to(3)},
                            .pads = {up_to(2), up_to(2), up_to(2), up_to(2)},
                            .output_padding = {up_to(1), up_to(2)},
                            .group = extents.groups};
    const Shape images{1, extents.groups * extents.in, one_to(5), one_to(6)};
    const Shape weights{images[1], extents.out, one_to(5), one_to(5)};
    graph::Window window;
    try {
      window = op.window(images, weights);
    } catch (const InvalidArgument&) {
      continue;  // the pads cut off more than there is
    }
    const std::vector<int> image = random_integers(images.count(), random);
    const std::vector<int> filters = random_integers(weights.count(), random);
    ASSERT_EQ(by_phases(window, extents, image, filters), scatter(window, extents, image, filters)) << trial;
    ++count;
  }
  EXPECT_GT(count, 2000);
}

TEST(OutputPhases, AreLinesOfOneProductWhereTheKernelIsAsLongAsItsStride) {
  const graph::ConvTranspose op{.strides = {2, 2}};
  const auto phases = output_phases(op.window({1, 6, 5, 7}, {6, 5, 2, 2}), {.in = 6, .out = 5});
  ASSERT_EQ(phases.size(), 2U);
  EXPECT_EQ(phases[0].positions, 2);
  EXPECT_EQ(phases[0].taps, 1);
  EXPECT_TRUE(phases[0].offsets.empty());
  EXPECT_EQ(phases[1].first, 2 * 7 * 5);
  EXPECT_EQ(phases[1].row_stride, 2 * 5);
  const auto few = output_phases(op.window({1, 6, 5, 7}, {6, 4, 2, 2}), {.in = 6, .out = 4});
  ASSERT_EQ(few.size(), 1U);
  EXPECT_EQ(few[0].joined_lines, 2);
}

TEST(OutputPhases, HaveAPartOfTheKernelEach) {
  const graph::ConvTranspose op{.strides = {2, 2}, .pads = {1, 1, 1, 1}, .output_padding = {1, 1}};
  const graph::Window window = op.window({1, 1, 4, 4}, {1, 1, 3, 3});
  std::vector<Index> taps;
  for (const OutputPhase& phase : output_phases(window, {.in = 1, .out = 1})) taps.push_back(phase.taps);
  EXPECT_EQ(taps, (std::vector<Index>{1, 2, 2, 4}));
}

TEST(AxisPhases, HaveNoTapsWhereTheStrideIsBeyondTheKernel) {
  const auto phases = axis_phases({.input = 8, .output = 3, .kernel = 1, .stride = 3});
  ASSERT_EQ(phases.size(), 3U);
  EXPECT_EQ(phases[0].taps, std::vector<Index>{0});
  EXPECT_EQ(phases[0].count, 3);
  EXPECT_TRUE(phases[1].taps.empty());
  EXPECT_EQ(phases[2].count, 2);
}

}  // namespace
}  // namespace condense::runtime::detail
