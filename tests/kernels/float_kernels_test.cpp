#include "kernels/float_rows.hpp"
#include "support/backends.hpp"

namespace condense::kernels {
namespace {

class FloatGemmTest : public BackendTest<FloatGemm> {
 protected:
  void expect_close(const RowsForm& form, Index columns, Index gap, float low, float high, std::uint64_t seed) const {
    Random random(seed);
    const FloatRows input(form, random);
    const Index whole = form.taps * form.depth;
    std::vector<float> weights(size(columns * whole));
    std::vector<float> bias(size(columns));
    for (float& w : weights) w = random.uniform(-1, 1);
    for (float& b : bias) b = random.uniform(-3, 3);
    const FloatGemmKernel& kernel = kernels().float_gemm;
    const FloatWeightShape shape{.columns = columns, .taps = form.taps, .depth = form.depth};
    Tensor packed(DataType::uint8, Shape{static_cast<Index>(kernel.packed_bytes(shape))});
    kernel.pack(shape, {.floats = weights.data()}, packed.mutable_raw());
    ShiftedMemory<float> output(form.rows * (columns + gap), form.shift);
    const float untouched = output.size() > 0 ? output[0] : 0;
    kernel.run({.input = input.arguments(),
                .weights = shape,
                .packed_weights = packed.raw(),
                .bias = bias.data(),
                .low = low,
                .high = high,
                .output = output.data(),
                .output_stride = columns + gap});
    for (Index row = 0; row < form.rows; ++row) {
      for (Index column = 0; column < columns; ++column) {
        Sum sum;
        sum.add(bias[size(column)]);
        for (Index k = 0; k < whole; ++k) {
          sum.add(input.at(row, k / form.depth, k % form.depth) * weights[size(column * whole + k)]);
        }
        const double expected = std::clamp<double>(sum.value, low, high);
        ASSERT_NEAR(output[row * (columns + gap) + column], expected, sum.tolerance(whole))
            << form.rows << " x " << columns << " x " << form.taps << " x " << form.depth << " at " << row << ", "
            << column;
      }
      for (Index i = columns; i < columns + gap; ++i) {
        ASSERT_EQ(std::memcmp(&output[row * (columns + gap) + i], &untouched, sizeof(float)), 0);
      }
    }
  }
};
CONDENSE_TEST_ALL_BACKENDS(FloatGemmTest);

TEST_P(FloatGemmTest, IsWithinTheRoundingOfASumForAllSmallShapes) {
  std::uint64_t seed = 0;
  for (Index rows = 0; rows <= 9; ++rows) {
    for (Index columns = 1; columns <= 40; columns += 2) {
      expect_close({.rows = rows, .depth = 1 + columns * 7 % 23}, columns, 0, -kUnbounded, kUnbounded, ++seed);
    }
  }
}

TEST_P(FloatGemmTest, ReadsWindowsClampsAndLeavesTheGapsAlone) {
  std::uint64_t seed = 0;
  for (const Index taps : {1, 2, 9}) {
    for (const Index depth : {1, 3, 8, 17, 64}) {
      for (const Index shift : {0, 1, 3}) {
        expect_close({.rows = 7, .taps = taps, .depth = depth, .windows = true, .shift = shift}, 19, shift, -1.5F,
                     2.25F, ++seed);
      }
    }
  }
  expect_close({.rows = 70, .depth = 1000, .gap = 3}, 65, 2, 0, kUnbounded, ++seed);
}

TEST_P(FloatGemmTest, SkipsPaddingOfZerosAndNoOther) {
  std::uint64_t seed = 0;
  for (const Index line : {1, 7, 14}) {  // of 1: six of nine taps are padding everywhere
    for (const int padding : {0, 1}) {
      for (const Index rows : {1, 5, 29}) {
        const RowsForm form{.rows = rows, .taps = 9, .depth = 5, .windows = true, .line = line, .padding = padding};
        for (const Index columns : {8, 24, 70}) expect_close(form, columns, 0, -kUnbounded, kUnbounded, ++seed);
      }
    }
  }
}

TEST_P(FloatGemmTest, TakesLongWindows) {
  const RowsForm form{.rows = 13, .taps = 150, .depth = 3, .windows = true};
  expect_close(form, 40, 1, -1.5F, 2.25F, 1);
}

TEST_P(FloatGemmTest, SplitsRowsAndColumnsOfAnyNumberIntoTiles) {
  std::uint64_t seed = 0;
  for (Index rows = 10; rows <= 30; ++rows) {
    for (const Index columns : {1, 8, 16, 17, 33, 64, 70}) {
      const Index depth = 1 + (rows + columns) % 9;
      expect_close({.rows = rows, .depth = depth, .gap = 1}, columns, 1, -1, 1, ++seed);
      expect_close({.rows = rows, .taps = 4, .depth = depth, .windows = true}, columns, 0, -kUnbounded, 1, ++seed);
    }
  }
}

TEST_P(FloatGemmTest, SplitsRowsThatFillNoCacheIntoBlocks) {
  expect_close({.rows = 95, .depth = 3000}, 37, 0, -kUnbounded, kUnbounded, 1);
  expect_close({.rows = 61, .taps = 9, .depth = 300, .windows = true}, 20, 0, -kUnbounded, kUnbounded, 2);
}

TEST_P(FloatGemmTest, PacksMatricesInAnyOrder) {
  Random random(5);
  const FloatGemmKernel& kernel = kernels().float_gemm;
  for (const Index columns : {1, 7, 8, 16, 31, 32, 33, 64, 70}) {
    for (const Index depth : {1, 2, 19, 64}) {
      const FloatWeightShape shape{.columns = columns, .depth = depth};
      std::vector<float> by_column(size(columns * depth));  // (columns x depth)
      for (float& w : by_column) w = random.uniform(-1, 1);
      const Index line = columns + 3;
      std::vector<float> by_depth(size(depth * line));  // (depth x columns), with gaps
      for (Index c = 0; c < columns; ++c) {
        for (Index k = 0; k < depth; ++k) by_depth[size(k * line + c)] = by_column[size(c * depth + k)];
      }
      const std::size_t bytes = kernel.packed_bytes(shape);
      std::vector<std::byte> expected(bytes);
      kernel.pack(shape, {.floats = by_column.data()}, expected.data());
      std::vector<std::byte> packed(bytes, std::byte{0xA5});
      kernel.pack_matrix(shape, {by_column.data(), 1, depth}, packed.data());
      ASSERT_EQ(packed, expected) << columns << " x " << depth;
      packed.assign(bytes, std::byte{0xA5});
      kernel.pack_matrix(shape, {by_depth.data(), line, 1}, packed.data());
      ASSERT_EQ(packed, expected) << columns << " x " << depth;
    }
  }
}

class FloatDepthwiseTest : public BackendTest<FloatDepthwise> {
 protected:
  void expect_close(const RowsForm& form, Index gap, float low, float high, std::uint64_t seed) const {
    Random random(seed);
    const FloatRows input(form, random);
    const Index channels = form.depth;
    std::vector<float> weights(size(form.taps * channels));
    std::vector<float> bias(size(channels));
    for (float& w : weights) w = random.uniform(-1, 1);
    for (float& b : bias) b = random.uniform(-1, 1);
    ShiftedMemory<float> output(form.rows * (channels + gap), form.shift);
    const float untouched = output[0];
    kernels().float_depthwise.run({.input = input.arguments(),
                                   .weights = weights.data(),
                                   .bias = bias.data(),
                                   .low = low,
                                   .high = high,
                                   .output = output.data(),
                                   .output_stride = channels + gap});
    for (Index row = 0; row < form.rows; ++row) {
      for (Index c = 0; c < channels; ++c) {
        Sum sum;
        sum.add(bias[size(c)]);
        for (Index tap = 0; tap < form.taps; ++tap) {
          sum.add(input.at(row, tap, c) * weights[size(tap * channels + c)]);
        }
        ASSERT_NEAR(output[row * (channels + gap) + c], std::clamp<double>(sum.value, low, high),
                    sum.tolerance(form.taps))
            << form.rows << " rows, " << form.taps << " taps, " << channels << " channels at " << row << ", " << c;
      }
      for (Index i = channels; i < channels + gap; ++i) {
        ASSERT_EQ(std::memcmp(&output[row * (channels + gap) + i], &untouched, sizeof(float)), 0);
      }
    }
  }
};
CONDENSE_TEST_ALL_BACKENDS(FloatDepthwiseTest);

TEST_P(FloatDepthwiseTest, IsWithinTheRoundingOfASum) {
  std::uint64_t seed = 0;
  for (Index channels = 1; channels <= 70; channels += 3) {
    for (const Index taps : {1, 9, 25}) {
      for (const Index shift : {0, 1}) {
        const float low = seed % 2 == 0 ? -kUnbounded : -1.0F;
        const float high = seed % 3 == 0 ? kUnbounded : 1.5F;
        const RowsForm form{.rows = 6, .taps = taps, .depth = channels, .windows = true, .shift = shift};
        expect_close(form, shift * 3, low, high, ++seed);
      }
    }
  }
}

TEST_P(FloatDepthwiseTest, SplitsManyRowsAndChannelsIntoTiles) {
  std::uint64_t seed = 0;
  for (const Index rows : {1, 2, 3, 63, 65, 130}) {
    for (const Index channels : {48, 96, 127, 144}) {
      const RowsForm form{.rows = rows, .taps = 4, .depth = channels, .windows = true};
      expect_close(form, 2, -1.25F, 1.5F, ++seed);
    }
  }
}

TEST_P(FloatDepthwiseTest, SharesTheColumnsOfNeighbouringWindows) {
  std::uint64_t seed = 0;
  for (const Index line : {1, 2, 3, 7, 40}) {
    for (const Index stride : {1, 2, 3}) {
      for (const Index channels : {5, 16, 33, 70}) {
        const Index rows = 1 + static_cast<Index>(seed * 37 % 130);
        const RowsForm form{
            .rows = rows, .taps = 9, .depth = channels, .windows = true, .line = line, .stride = stride};
        expect_close(form, 1, -1.25F, kUnbounded, ++seed);
      }
    }
  }
}

}  // namespace
}  // namespace condense::kernels
