#include "kernels/integer_rows.hpp"
#include "support/backends.hpp"

namespace condense::kernels {
namespace {

class IntegerDepthwise : public BackendTest<Depthwise> {
 protected:
  struct Case {
    RowsForm input{};
    ElementType output = ElementType::uint8;
    Index output_gap = 0;
    bool clamp = false;
    std::uint64_t seed = 1;
  };

  testing::AssertionResult equal(const Case& test) const {
    Random random(test.seed);
    const RowsForm& form = test.input;
    const Index channels = form.depth;
    const IntegerRows input(form, random);
    std::vector<std::int8_t> weights(size(form.taps * channels));
    for (std::int8_t& w : weights) w = static_cast<std::int8_t>(pick(random, form.fill, -128, 127));
    const DepthwiseKernel& kernel = kernels().depthwise;
    Tensor packed(DataType::uint8, Shape{static_cast<Index>(kernel.packed_bytes(channels, form.taps))});
    kernel.pack(channels, form.taps, weights.data(), packed.mutable_raw());

    std::vector<std::int32_t> bias(size(channels));
    std::vector<float> multipliers(size(channels));
    for (std::int32_t& b : bias) b = random_integer(random, -3000, 3000);
    for (float& m : multipliers) m = random.uniform(0.002F, 0.03F);
    const GemmEpilogue epilogue{.bias = bias.data(),
                                .multipliers = multipliers.data(),
                                .zero_point = lowest_code(test.output) + 119,
                                .lowest = lowest_code(test.output) + (test.clamp ? 60 : 0),
                                .highest = highest_code(test.output) - (test.clamp ? 50 : 0),
                                .low = test.clamp ? -11.25F : -1e30F,
                                .high = test.clamp ? 17.5F : 1e30F};
    OutputRows output(form.rows, channels, test.output_gap, test.output, form.shift);
    kernel.run({.input = input.arguments(),
                .input_type = form.type,
                .packed_weights = packed.raw(),
                .epilogue = epilogue,
                .output = output.data(),
                .output_type = test.output,
                .output_stride = output.stride()});
    for (Index row = 0; row < form.rows; ++row) {
      for (Index c = 0; c < channels; ++c) {
        std::int64_t sum = bias[size(c)];
        for (Index tap = 0; tap < form.taps; ++tap) sum += input.at(row, tap, c) * weights[size(tap * channels + c)];
        output.expect(row, c, static_cast<float>(sum) * multipliers[size(c)], epilogue);
      }
    }
    return output.matches() << " (" << form.rows << " rows, " << form.taps << " taps, " << channels << " channels)";
  }
};
CONDENSE_TEST_ALL_BACKENDS(IntegerDepthwise);

constexpr ElementType kCodes[] = {ElementType::uint8, ElementType::int8};
constexpr ElementType kOutputs[] = {ElementType::uint8, ElementType::int8, ElementType::float32};

TEST_P(IntegerDepthwise, IsExactForAllSmallShapes) {
  std::uint64_t seed = 0;
  for (Index rows = 0; rows <= 9; ++rows) {
    for (Index channels = 1; channels <= 70; channels += 3) {
      for (const Index taps : {1, 3, 9, 25}) {
        const RowsForm form{.rows = rows, .taps = taps, .depth = channels, .windows = true, .type = kCodes[seed % 2]};
        ASSERT_TRUE(equal({.input = form, .output = kOutputs[seed % 3], .clamp = seed % 5 == 0, .seed = seed}));
        ++seed;
      }
    }
  }
}

TEST_P(IntegerDepthwise, IsExactForManyRowsAndChannels) {
  std::uint64_t seed = 0;
  for (const Index rows : {1, 2, 63, 65, 130}) {
    for (const Index channels : {16, 32, 48, 64, 95, 97, 127, 128, 144, 160}) {
      const RowsForm form{
          .rows = rows, .taps = 2 + channels % 5, .depth = channels, .windows = true, .type = kCodes[seed % 2]};
      ASSERT_TRUE(equal({.input = form, .output = kOutputs[seed % 3], .output_gap = 3, .seed = seed}));
      ++seed;
    }
  }
}

TEST_P(IntegerDepthwise, SharesTheColumnsOfNeighbouringWindows) {
  std::uint64_t seed = 0;
  for (const Index line : {1, 2, 3, 7, 40}) {
    for (const Index stride : {1, 2, 3}) {
      for (const Index channels : {5, 16, 32, 64, 70, 97, 144}) {
        const RowsForm form{.rows = 1 + static_cast<Index>(seed * 37 % 130),
                            .taps = 9,
                            .depth = channels,
                            .windows = true,
                            .type = kCodes[seed % 2],
                            .line = line,
                            .stride = stride};
        ASSERT_TRUE(equal({.input = form, .output = kOutputs[seed % 3], .output_gap = 1, .seed = seed}));
        ++seed;
      }
    }
  }
}

TEST_P(IntegerDepthwise, KeepsExtremeProductsExact) {
  for (const ElementType type : kCodes) {
    for (const Index taps : {1, 2, 9, 121}) {
      const RowsForm form{.rows = 8, .taps = taps, .depth = 101, .windows = true, .type = type, .fill = Fill::extreme};
      ASSERT_TRUE(equal({.input = form, .output = ElementType::float32, .seed = 5}));
    }
  }
}

TEST_P(IntegerDepthwise, TakesMisalignedOperandsAndLeavesTheGapsAlone) {
  for (const Index shift : {1, 2, 3, 5, 13}) {
    for (const ElementType output : kOutputs) {
      const RowsForm form{.rows = 5, .taps = 9, .depth = 48 + shift, .windows = true, .shift = shift};
      ASSERT_TRUE(equal({.input = form, .output = output, .output_gap = shift, .seed = 9}));
    }
  }
}

TEST_P(IntegerDepthwise, SeesNothingButPaddingInAnEmptyWindow) {
  Random random(4);
  const RowsForm form{.rows = 2, .taps = 9, .depth = 20, .windows = true};
  IntegerRows input(form, random);
  input.empty_row(1);
  const std::vector<std::int8_t> weights(size(form.taps * form.depth), 1);
  const DepthwiseKernel& kernel = kernels().depthwise;
  Tensor packed(DataType::uint8, Shape{static_cast<Index>(kernel.packed_bytes(form.depth, form.taps))});
  kernel.pack(form.depth, form.taps, weights.data(), packed.mutable_raw());
  const std::vector<std::int32_t> bias(size(form.depth), -7);
  const std::vector<float> multipliers(size(form.depth), 1.0F);
  std::vector<float> output(size(2 * form.depth));
  kernel.run({.input = input.arguments(),
              .packed_weights = packed.raw(),
              .epilogue = {.bias = bias.data(), .multipliers = multipliers.data(), .low = -1e9F, .high = 1e9F},
              .output = output.data(),
              .output_type = ElementType::float32,
              .output_stride = form.depth});
  for (Index c = 0; c < form.depth; ++c) {
    EXPECT_EQ(output[size(form.depth + c)], static_cast<float>(9 * input.at(1, 0, c) - 7)) << c;
  }
}

}  // namespace
}  // namespace condense::kernels
