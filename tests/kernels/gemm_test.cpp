#include "kernels/gemm_case.hpp"
#include "support/backends.hpp"

namespace condense::kernels {
namespace {

class IntegerGemm : public BackendTest<Gemm> {
 protected:
  testing::AssertionResult equal(const GemmCase& test) const { return equals_reference(kernels().gemm, test); }
};
CONDENSE_TEST_ALL_BACKENDS(IntegerGemm);

constexpr ElementType kCodes[] = {ElementType::uint8, ElementType::int8};
constexpr ElementType kOutputs[] = {ElementType::uint8, ElementType::int8, ElementType::float32};

TEST_P(IntegerGemm, IsExactForAllSmallShapes) {
  std::uint64_t seed = 0;
  for (const int bits : {8, 4, 2}) {
    for (Index rows = 0; rows <= 9; ++rows) {
      for (Index columns = 1; columns <= 40; columns += 2) {
        const RowsForm form{.rows = rows, .depth = 19 + columns % 7, .type = kCodes[seed % 2]};
        ASSERT_TRUE(
            equal({.input = form, .columns = columns, .bits = bits, .output = kOutputs[seed % 3], .seed = seed}));
        ++seed;
      }
    }
  }
}

TEST_P(IntegerGemm, IsExactForEveryDepth) {
  std::vector<Index> depths{127, 128, 129, 255, 256, 257, 511, 513, 1000};
  for (Index depth = 1; depth <= 70; ++depth) depths.push_back(depth);
  for (const int bits : {8, 4, 2}) {
    for (const ElementType type : kCodes) {
      for (const Index depth : depths) {
        const RowsForm form{.rows = 5, .depth = depth, .type = type};
        ASSERT_TRUE(equal(
            {.input = form, .columns = 7, .bits = bits, .output = type, .seed = static_cast<std::uint64_t>(depth)}));
      }
    }
  }
}

TEST_P(IntegerGemm, ReadsWindowsThroughOffsetsAndPadding) {
  std::uint64_t seed = 0;
  for (const int bits : {8, 4, 2}) {
    for (const ElementType type : kCodes) {
      for (const Index taps : {1, 2, 9, 25}) {
        for (const Index depth : {1, 3, 8, 17, 64}) {
          const RowsForm form{.rows = 7, .taps = taps, .depth = depth, .windows = true, .type = type};
          ASSERT_TRUE(equal({.input = form, .columns = 18, .bits = bits, .output = kOutputs[seed % 3], .seed = seed}));
          ++seed;
        }
      }
    }
  }
}

TEST_P(IntegerGemm, SkipsPaddingThatAddsNothingAndNoOther) {
  for (const Index line : {1, 7, 14}) {  // of 1: six of nine taps are padding everywhere
    for (const ElementType type : kCodes) {
      for (const int padding : {0x00, 0x80, 0x7F}) {
        for (const Index columns : {8, 24, 70}) {
          for (const Index rows : {1, 5, 29}) {
            const RowsForm input{
                .rows = rows, .taps = 9, .depth = 16, .windows = true, .type = type, .line = line, .padding = padding};
            ASSERT_TRUE(equal({.input = input, .columns = columns})) << "lines of " << line;
          }
        }
      }
    }
  }
}

TEST_P(IntegerGemm, AddsGroupsInOrderWithOneRoundingEach) {
  std::uint64_t seed = 0;
  for (const int bits : {8, 4, 2}) {
    for (const Index group_size : {1, 5, 16, 32, 300}) {
      for (const Index depth : {1, 16, 37, 64, 301}) {  // the last group is a shorter one, or the only one
        const RowsForm form{.rows = 6, .depth = depth, .type = kCodes[seed % 2]};
        ASSERT_TRUE(equal({.input = form,
                           .columns = 9,
                           .bits = bits,
                           .group_size = group_size,
                           .output = kOutputs[seed % 3],
                           .seed = seed}));
        ++seed;
      }
    }
  }
}

TEST_P(IntegerGemm, AddsGroupsOfEveryPieceOfAWindow) {
  std::uint64_t seed = 0;
  for (const int bits : {8, 4, 2}) {
    for (const Index group_size : {3, 8, 32}) {
      for (const Index depth : {3, 8, 20, 65}) {
        const RowsForm form{.rows = 5, .taps = 4, .depth = depth, .windows = true, .type = kCodes[seed % 2]};
        ASSERT_TRUE(equal({.input = form,
                           .columns = 17,
                           .bits = bits,
                           .group_size = group_size,
                           .output = kOutputs[seed % 3],
                           .seed = seed}));
        ++seed;
      }
    }
  }
}

TEST_P(IntegerGemm, KeepsExtremeProductsExactAtEveryDepth) {
  std::uint64_t seed = 0;
  for (const int bits : {8, 4, 2}) {
    for (const ElementType type : kCodes) {
      for (const Index depth : {1, 2, 3, 16, 33, 512, 4099}) {
        const RowsForm form{.rows = 3, .depth = depth, .type = type, .fill = Fill::extreme};
        ASSERT_TRUE(equal({.input = form, .columns = 5, .bits = bits, .output = ElementType::float32, .seed = ++seed}));
        ASSERT_TRUE(equal({.input = form,
                           .columns = 5,
                           .bits = bits,
                           .group_size = 32,
                           .output = ElementType::float32,
                           .seed = ++seed}));
      }
    }
  }
}

TEST_P(IntegerGemm, HoldsSumsUpToTheLimitsOfInt32) {
  constexpr Index kDepth = 65'793;  // the deepest with 255 * 128 * depth < 2^31
  for (const int weight : {-128, 127}) {
    const WeightShape shape{.columns = 1, .depth = kDepth};
    const std::vector<std::uint8_t> input(size(kDepth), 255);
    const std::vector<std::int8_t> weights(size(kDepth), static_cast<std::int8_t>(weight));
    Tensor packed(DataType::uint8, Shape{static_cast<Index>(kernels().gemm.packed_bytes(shape))});
    kernels().gemm.pack(shape, {.codes = weights.data()}, packed.mutable_raw());
    const std::int32_t bias = 0;
    const float multiplier = 1;
    float output = 0;
    kernels().gemm.run({.input = {.data = input.data(), .rows = 1, .depth = kDepth, .row_stride = kDepth},
                        .weights = shape,
                        .packed_weights = packed.raw(),
                        .epilogue = {.bias = &bias, .multipliers = &multiplier, .low = -3e9F, .high = 3e9F},
                        .output = &output,
                        .output_type = ElementType::float32,
                        .output_stride = 1});
    EXPECT_EQ(output, static_cast<float>(std::int64_t{255} * weight * kDepth));
  }
}

TEST_P(IntegerGemm, TakesMisalignedOperandsAndLeavesTheGapsAlone) {
  std::uint64_t seed = 0;
  for (const Index shift : {1, 2, 3, 5, 13}) {
    for (const ElementType output : kOutputs) {
      for (const bool windows : {false, true}) {
        const RowsForm form{
            .rows = 9, .taps = windows ? 3 : 1, .depth = 29, .windows = windows, .gap = shift + 1, .shift = shift};
        ASSERT_TRUE(equal({.input = form, .columns = 21, .output = output, .output_gap = shift, .seed = ++seed}));
        ASSERT_TRUE(equal({.input = form,
                           .columns = 21,
                           .bits = 4,
                           .group_size = 8,
                           .output = output,
                           .output_gap = shift,
                           .seed = ++seed}));
      }
    }
  }
}

TEST_P(IntegerGemm, ClampsToAPartOfTheRange) {
  std::uint64_t seed = 0;
  for (const ElementType output : kOutputs) {
    for (const Index group_size : {0, 8}) {
      const RowsForm form{.rows = 12, .depth = 40};
      ASSERT_TRUE(equal(
          {.input = form, .columns = 33, .group_size = group_size, .output = output, .clamp = true, .seed = ++seed}));
    }
  }
}

TEST_P(IntegerGemm, GivesRawSums) {
  std::uint64_t seed = 0;
  for (const int bits : {8, 4, 2}) {
    for (const ElementType type : kCodes) {
      for (const Index depth : {3, 64, 300}) {
        const RowsForm form{.rows = 11, .depth = depth, .type = type, .fill = Fill::extreme};
        ASSERT_TRUE(equal({.input = form, .columns = 83, .bits = bits, .output = ElementType::int32, .seed = ++seed}));
      }
    }
  }
}

TEST_P(IntegerGemm, TakesRowsWithScalesAndZeroPointsOfTheirOwn) {
  std::uint64_t seed = 0;
  for (const ElementType output : {ElementType::float32, ElementType::uint8}) {
    for (const ElementType type : kCodes) {
      for (const Index rows : {1, 5, 50}) {
        const RowsForm form{.rows = rows, .depth = 70, .type = type};
        GemmCase test{.input = form, .columns = 37, .output = output, .row_scales = true, .seed = ++seed};
        ASSERT_TRUE(equal(test));
        test.row_zero_points = true;
        ASSERT_TRUE(equal(test));
      }
    }
  }
}

TEST_P(IntegerGemm, TakesRowsWithScalesOfTheirOwnForWeightsInGroups) {
  std::uint64_t seed = 0;
  for (const int bits : {8, 4, 2}) {
    for (const Index rows : {1, 2, 9}) {
      const RowsForm form{.rows = rows, .depth = 160, .type = kCodes[rows % 2]};
      ASSERT_TRUE(equal({.input = form,
                         .columns = 70,
                         .bits = bits,
                         .group_size = 32,
                         .output = ElementType::float32,
                         .row_scales = true,
                         .seed = ++seed}));
    }
  }
}

TEST_P(IntegerGemm, TakesLongWindows) {
  std::uint64_t seed = 0;
  for (const int bits : {8, 4, 2}) {
    for (const Index depth : {5, 48, 96, 264, 516}) {  // windows that no kernel holds at once, in whole pieces or not
      for (const Index group_size : {0, 32, 300}) {
        const RowsForm form{.rows = 10, .taps = 9, .depth = depth, .windows = true, .type = kCodes[seed % 2]};
        ASSERT_TRUE(equal({.input = form,
                           .columns = 150,
                           .bits = bits,
                           .group_size = group_size,
                           .output = kOutputs[seed % 3],
                           .seed = seed}));
        ++seed;
      }
    }
  }
}

TEST_P(IntegerGemm, TakesZeroPointsFromWeights) {
  std::uint64_t seed = 0;
  for (const int bits : {4, 2}) {
    for (const Fill fill : {Fill::random, Fill::extreme}) {
      for (const Index group_size : {0, 5, 32, 300}) {
        for (const Index rows : {1, 2, 5, 7, 40, 60}) {
          for (const Index depth : {37, 320}) {
            const RowsForm form{.rows = rows, .depth = depth, .type = kCodes[seed % 2], .fill = fill};
            ASSERT_TRUE(equal({.input = form,
                               .columns = rows > 6 ? 83 : 70,
                               .bits = bits,
                               .group_size = group_size,
                               .zero_points = true,
                               .output = kOutputs[seed % 3],
                               .seed = seed}));
            ++seed;
          }
        }
      }
    }
  }
}

TEST_P(IntegerGemm, TakesZeroPointsFromTheWeightsOfWindows) {
  std::uint64_t seed = 0;
  for (const int bits : {4, 2}) {
    for (const Index group_size : {0, 8, 20}) {
      for (const Index depth : {3, 20, 65}) {
        const RowsForm form{.rows = 5, .taps = 4, .depth = depth, .windows = true, .type = kCodes[seed % 2]};
        ASSERT_TRUE(equal({.input = form,
                           .columns = 17,
                           .bits = bits,
                           .group_size = group_size,
                           .zero_points = true,
                           .output = kOutputs[seed % 3],
                           .seed = seed}));
        ++seed;
      }
    }
  }
}

TEST_P(IntegerGemm, IsExactForFewRowsOfLongColumns) {
  std::uint64_t seed = 0;
  for (const Index rows : {1, 3, 5, 8, 13, 32, 49}) {
    for (const ElementType output : {ElementType::int32, ElementType::uint8, ElementType::float32}) {
      const RowsForm form{.rows = rows, .depth = 512, .type = kCodes[seed % 2], .fill = Fill::extreme};
      ASSERT_TRUE(equal({.input = form, .columns = 150, .output = output, .seed = ++seed}));
    }
  }
}

// Products of small weights may be added up in 16 bits: of magnitude 32 those of four only just fit.
TEST_P(IntegerGemm, IsExactWhereSumsOfSmallWeightsOnlyJustFit) {
  std::uint64_t seed = 0;
  for (const int magnitude : {20, 32, 33, 64}) {
    for (const int outlier_every : {0, 300, 20}) {  // no, few and many quads that cannot be put together
      for (const Fill fill : {Fill::extreme, Fill::random}) {
        for (const Index depth : {4, 16, 30, 64, 256, 300, 518}) {
          const RowsForm form{
              .rows = 1 + static_cast<Index>(seed % 9), .depth = depth, .type = kCodes[seed % 2], .fill = fill};
          ASSERT_TRUE(equal({.input = form,
                             .columns = 17 + static_cast<Index>(seed % 5) * 8,
                             .magnitude = magnitude,
                             .outlier_every = outlier_every,
                             .output = seed % 3 == 0 ? ElementType::int32 : kOutputs[seed % 3],
                             .seed = seed}));
          ++seed;
        }
      }
    }
  }
}

TEST_P(IntegerGemm, IsExactForSmallWeightsOfWindowsAndManyRows) {
  std::uint64_t seed = 0;
  for (const ElementType type : kCodes) {
    for (const Index depth : {3, 16, 64, 100}) {
      const RowsForm form{.rows = 55, .taps = 9, .depth = depth, .windows = true, .type = type, .fill = Fill::extreme};
      ASSERT_TRUE(equal({.input = form,
                         .columns = 150,
                         .magnitude = 32,
                         .outlier_every = 200,
                         .output = ElementType::int32,
                         .seed = ++seed}));
    }
  }
}

TEST_P(IntegerGemm, HandlesManyRowsAndColumnsAtOnce) {
  for (const Index group_size : {0, 32}) {
    const RowsForm form{.rows = 131, .depth = 300};
    ASSERT_TRUE(equal(
        {.input = form, .columns = 67, .bits = 4, .group_size = group_size, .output = ElementType::int8, .seed = 3}));
  }
}

TEST_P(IntegerGemm, RoundsTiesToEvenAndSaturates) {
  // The activations are 0, so that every bias is a sum; halves of them are ties.
  std::vector<std::int32_t> bias;
  for (std::int32_t b = -700; b <= 700; ++b) bias.push_back(b);
  const auto columns = static_cast<Index>(bias.size());
  const WeightShape shape{.columns = columns, .depth = 1};
  const std::vector<std::int8_t> weights(bias.size(), 1);
  Tensor packed(DataType::uint8, Shape{static_cast<Index>(kernels().gemm.packed_bytes(shape))});
  kernels().gemm.pack(shape, {.codes = weights.data()}, packed.mutable_raw());
  const std::uint8_t input = 0;
  for (const ElementType type : kCodes) {
    for (const float multiplier : {0.5F, 1.5F, 0.25F}) {
      const std::vector<float> multipliers(bias.size(), multiplier);
      const GemmEpilogue epilogue{.bias = bias.data(),
                                  .multipliers = multipliers.data(),
                                  .zero_point = type == ElementType::int8 ? -3 : 117,
                                  .lowest = lowest_code(type),
                                  .highest = highest_code(type)};
      OutputRows output(1, columns, 0, type, 0);
      kernels().gemm.run({.input = {.data = &input, .rows = 1, .depth = 1, .row_stride = 1},
                          .weights = shape,
                          .packed_weights = packed.raw(),
                          .epilogue = epilogue,
                          .output = output.data(),
                          .output_type = type,
                          .output_stride = output.stride()});
      for (Index c = 0; c < columns; ++c) {
        output.expect(0, c, static_cast<float>(bias[size(c)]) * multiplier, epilogue);
      }
      EXPECT_TRUE(output.matches()) << multiplier;
    }
  }
}

}  // namespace
}  // namespace condense::kernels
