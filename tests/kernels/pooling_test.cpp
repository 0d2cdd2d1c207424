#include <cmath>
#include <limits>

#include "kernels/integer_rows.hpp"
#include "support/backends.hpp"

namespace condense::kernels {
namespace {

constexpr ElementType kCodes[] = {ElementType::uint8, ElementType::int8};

class PoolingTest : public BackendTest<Pooling> {
 protected:
  /// Calls `body(form, input)` for windows of many shapes; the last row of each is empty.
  template <class Body>
  static void for_inputs(Body&& body) {
    std::uint64_t seed = 0;
    for (const ElementType type : kCodes) {
      for (Index channels = 1; channels <= 70; channels += 3) {
        for (const Index taps : {1, 4, 9, 49}) {
          Random random(++seed);
          const RowsForm form{.rows = 1 + channels % 9,
                              .taps = taps,
                              .depth = channels,
                              .windows = true,
                              .shift = channels % 4,
                              .type = type,
                              .fill = seed % 4 == 0 ? Fill::extreme : Fill::random};
          IntegerRows input(form, random);
          input.empty_row(form.rows - 1);
          body(form, input);
        }
      }
    }
  }
};
CONDENSE_TEST_ALL_BACKENDS(PoolingTest);

TEST_P(PoolingTest, MaximumOfCodesIsTheLargestOrTheLowestBound) {
  for_inputs([&](const RowsForm& form, const IntegerRows& input) {
    const std::int32_t lowest = lowest_code(form.type) + static_cast<std::int32_t>(form.depth % 2) * 5;
    OutputRows output(form.rows, form.depth, 2, form.type, form.shift);
    kernels().pooling.maximum({.input = input.arguments(),
                               .type = form.type,
                               .lowest = lowest,
                               .output = output.data(),
                               .output_stride = output.stride()});
    const GemmEpilogue whole_range{.lowest = lowest_code(form.type), .highest = highest_code(form.type)};
    for (Index row = 0; row < form.rows; ++row) {
      for (Index c = 0; c < form.depth; ++c) {
        std::int64_t largest = lowest;
        for (Index tap = 0; tap < form.taps; ++tap) {
          if (!input.is_padding(row, tap)) largest = std::max(largest, input.at(row, tap, c));
        }
        output.expect(row, c, static_cast<float>(largest), whole_range);
      }
    }
    ASSERT_TRUE(output.matches()) << form.taps << " taps";
  });
}

TEST_P(PoolingTest, AverageOfCodesFollowsItsFormula) {
  for_inputs([&](const RowsForm& form, const IntegerRows& input) {
    Random random(static_cast<std::uint64_t>(form.depth));
    std::vector<float> multipliers;
    for (Index row = 0; row < form.rows; ++row)
      multipliers.push_back(random.uniform(0.3F, 1.7F) / static_cast<float>(form.taps));
    if (form.depth % 2 == 0) multipliers.assign(multipliers.size(), 0.5F);  // ties
    const GemmEpilogue bounds{.zero_point = lowest_code(form.type) + 100,
                              .lowest = lowest_code(form.type) + 30,
                              .highest = highest_code(form.type) - 20};
    const std::int32_t input_zero_point = lowest_code(form.type) + 121;
    OutputRows output(form.rows, form.depth, 3, form.type, form.shift);
    kernels().pooling.average({.input = input.arguments(),
                               .type = form.type,
                               .multipliers = multipliers.data(),
                               .input_zero_point = input_zero_point,
                               .zero_point = bounds.zero_point,
                               .lowest = bounds.lowest,
                               .highest = bounds.highest,
                               .output = output.data(),
                               .output_stride = output.stride()});
    for (Index row = 0; row < form.rows; ++row) {
      for (Index c = 0; c < form.depth; ++c) {
        std::int64_t sum = 0;
        for (Index tap = 0; tap < form.taps; ++tap) {
          if (!input.is_padding(row, tap)) sum += input.at(row, tap, c) - input_zero_point;
        }
        output.expect(row, c, static_cast<float>(sum) * multipliers[size(row)], bounds);
      }
    }
    ASSERT_TRUE(output.matches()) << form.taps << " taps";
  });
}

TEST_P(PoolingTest, PoolsFloats) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for_inputs([&](const RowsForm& form, const IntegerRows& codes) {
    // The pieces of each row as floats, laid out one after the other.
    std::vector<float> data;
    std::vector<std::int32_t> offsets;
    for (Index row = 0; row < form.rows; ++row) {
      for (Index tap = 0; tap < form.taps; ++tap) {
        offsets.push_back(codes.is_padding(row, tap) ? -1 : static_cast<std::int32_t>(data.size()));
        for (Index c = 0; c < form.depth; ++c) data.push_back(static_cast<float>(codes.at(row, tap, c)) - 101.0F);
      }
    }
    const ActivationRows input{
        .data = data.data(), .offsets = offsets.data(), .rows = form.rows, .taps = form.taps, .depth = form.depth};
    const std::vector<float> multipliers(size(form.rows), 0.25F);
    std::vector<float> largest(size(form.rows * form.depth));
    std::vector<float> mean(largest.size());
    PoolingArguments arguments{.input = input,
                               .type = ElementType::float32,
                               .multipliers = multipliers.data(),
                               .output = largest.data(),
                               .output_stride = form.depth};
    kernels().pooling.maximum(arguments);
    arguments.output = mean.data();
    kernels().pooling.average(arguments);
    for (Index row = 0; row < form.rows; ++row) {
      for (Index c = 0; c < form.depth; ++c) {
        float expected = -kInfinity;
        float sum = 0;  // of integers: exact in any order
        for (Index tap = 0; tap < form.taps; ++tap) {
          if (codes.is_padding(row, tap)) continue;
          const float value = static_cast<float>(codes.at(row, tap, c)) - 101.0F;
          expected = std::max(expected, value);
          sum += value;
        }
        ASSERT_EQ(largest[size(row * form.depth + c)], expected);
        ASSERT_EQ(mean[size(row * form.depth + c)], sum * 0.25F);
      }
    }
  });
}

TEST_P(PoolingTest, MaximumOfFloatsLeavesNaNsOut) {
  constexpr Index kChannels = 43;
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> data(3 * kChannels, kNaN);  // channels differ in the pieces that are numbers
  for (Index i = 0; i < 3 * kChannels; ++i) {
    if ((i % kChannels >> i / kChannels) % 2 != 0) data[size(i)] = static_cast<float>(i % 7) - 9;
  }
  const std::int32_t offsets[] = {0, kChannels, 2 * kChannels};
  std::vector<float> largest(kChannels);
  kernels().pooling.maximum(
      {.input = {.data = data.data(), .offsets = offsets, .rows = 1, .taps = 3, .depth = kChannels},
       .type = ElementType::float32,
       .output = largest.data(),
       .output_stride = kChannels});
  for (Index c = 0; c < kChannels; ++c) {
    float expected = -std::numeric_limits<float>::infinity();
    for (Index tap = 0; tap < 3; ++tap) {
      const float value = data[size(tap * kChannels + c)];
      if (!std::isnan(value)) expected = std::max(expected, value);
    }
    ASSERT_EQ(largest[size(c)], expected) << "channel " << c;
  }
}

}  // namespace
}  // namespace condense::kernels
