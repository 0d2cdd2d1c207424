#include "kernels/integer_rows.hpp"
#include "support/backends.hpp"

namespace condense::kernels {
namespace {

/// Where a kernel adds two products before it widens them, these are the sums that only just fit, or do not: constant
/// codes at the ends of their range, and weights that are the lowest, or just above, in turn or throughout.
struct Pattern {
  ElementType type = ElementType::uint8;
  int code = 0;
  int even_weight = 0;
  int odd_weight = 0;
};

std::vector<Pattern> patterns() {
  std::vector<Pattern> all;
  for (const ElementType type : {ElementType::uint8, ElementType::int8}) {
    for (const int code : {lowest_code(type), highest_code(type)}) {
      for (const int even : {-128, -127, 127}) {
        for (const int odd : {-128, -127, 127}) all.push_back({type, code, even, odd});
      }
    }
  }
  return all;
}

class ExtremePairsOfGemm : public BackendTest<Gemm> {};
CONDENSE_TEST_ALL_BACKENDS(ExtremePairsOfGemm);

TEST_P(ExtremePairsOfGemm, AreExact) {
  constexpr Index kRows = 5;
  constexpr Index kColumns = 19;
  const std::vector<std::int32_t> bias(size(kColumns), 0);
  const std::vector<float> multipliers(size(kColumns), 1);
  for (const Pattern& pattern : patterns()) {
    for (const Index depth : {1, 2, 3, 8, 16, 31, 32, 33, 64, 130}) {
      const WeightShape shape{.columns = kColumns, .depth = depth};
      std::vector<std::int8_t> weights(size(kColumns * depth));
      std::int64_t sum = 0;
      for (Index i = 0; i < kColumns * depth; ++i) {
        const int weight = i % depth % 2 == 0 ? pattern.even_weight : pattern.odd_weight;
        weights[size(i)] = static_cast<std::int8_t>(weight);
        if (i < depth) sum += std::int64_t{weight} * pattern.code;
      }
      Tensor packed(DataType::uint8, Shape{static_cast<Index>(kernels().gemm.packed_bytes(shape))});
      kernels().gemm.pack(shape, {.codes = weights.data()}, packed.mutable_raw());
      const std::vector<std::uint8_t> input(size(kRows * depth), static_cast<std::uint8_t>(pattern.code));
      std::vector<float> output(size(kRows * kColumns));
      kernels().gemm.run(
          {.input = {.data = input.data(), .rows = kRows, .depth = depth, .row_stride = depth},
           .input_type = pattern.type,
           .weights = shape,
           .packed_weights = packed.raw(),
           .epilogue = {.bias = bias.data(), .multipliers = multipliers.data(), .low = -3e9F, .high = 3e9F},
           .output = output.data(),
           .output_type = ElementType::float32,
           .output_stride = kColumns});
      for (const float value : output) {
        ASSERT_EQ(value, static_cast<float>(sum)) << "depth " << depth << ", codes " << pattern.code << ", weights "
                                                  << pattern.even_weight << " and " << pattern.odd_weight;
      }
    }
  }
}

class ExtremePairsOfDepthwise : public BackendTest<Depthwise> {};
CONDENSE_TEST_ALL_BACKENDS(ExtremePairsOfDepthwise);

TEST_P(ExtremePairsOfDepthwise, AreExact) {
  for (const Pattern& pattern : patterns()) {
    for (const Index taps : {1, 2, 3, 9, 25}) {
      for (const Index channels : {5, 16, 70}) {
        std::vector<std::int8_t> weights(size(taps * channels));
        std::int64_t sum = 0;
        for (Index tap = 0; tap < taps; ++tap) {
          const int weight = tap % 2 == 0 ? pattern.even_weight : pattern.odd_weight;
          sum += std::int64_t{weight} * pattern.code;
          std::fill_n(weights.begin() + tap * channels, channels, static_cast<std::int8_t>(weight));
        }
        const DepthwiseKernel& kernel = kernels().depthwise;
        Tensor packed(DataType::uint8, Shape{static_cast<Index>(kernel.packed_bytes(channels, taps))});
        kernel.pack(channels, taps, weights.data(), packed.mutable_raw());
        const std::vector<std::uint8_t> input(size(channels), static_cast<std::uint8_t>(pattern.code));
        const std::vector<std::int32_t> offsets(size(taps), 0);
        const std::vector<std::int32_t> bias(size(channels), 0);
        const std::vector<float> multipliers(size(channels), 1);
        std::vector<float> output(size(channels));
        kernel.run({.input = {.data = input.data(),
                              .offsets = offsets.data(),
                              .padding = input.data(),
                              .rows = 1,
                              .taps = taps,
                              .depth = channels},
                    .input_type = pattern.type,
                    .packed_weights = packed.raw(),
                    .epilogue = {.bias = bias.data(), .multipliers = multipliers.data(), .low = -3e9F, .high = 3e9F},
                    .output = output.data(),
                    .output_type = ElementType::float32,
                    .output_stride = channels});
        for (const float value : output) {
          ASSERT_EQ(value, static_cast<float>(sum)) << taps << " taps, codes " << pattern.code << ", weights "
                                                    << pattern.even_weight << " and " << pattern.odd_weight;
        }
      }
    }
  }
}

}  // namespace
}  // namespace condense::kernels
