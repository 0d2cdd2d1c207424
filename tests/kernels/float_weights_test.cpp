#include "condense/core/data_type.hpp"
#include "condense/kernels/float_gemm/detail/weight_bits.hpp"
#include "kernels/float_rows.hpp"
#include "support/backends.hpp"

namespace condense::kernels {
namespace {

constexpr WeightType kCompressed[] = {WeightType::float16, WeightType::bfloat16, WeightType::int8, WeightType::int4,
                                      WeightType::int2};
constexpr WeightType kIntegers[] = {WeightType::int8, WeightType::int4, WeightType::int2};

TEST(WeightBits, AreThoseOfTheNearestHalf) {
  const auto expect_nearest = [](float value) {
    const auto half = Eigen::numext::bit_cast<std::uint16_t>(Float16(value));
    const auto bfloat = Eigen::numext::bit_cast<std::uint16_t>(BFloat16(value));
    ASSERT_EQ(detail::float16_bits(value), half) << value;
    ASSERT_EQ(detail::bfloat16_bits(value), bfloat) << value;
  };
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<float>(Eigen::numext::bit_cast<Float16>(static_cast<std::uint16_t>(bits)));
    if (std::isnan(half)) {
      ASSERT_TRUE(std::isnan(detail::float16_value(bits)));
      ASSERT_TRUE(std::isnan(detail::float16_value(detail::float16_bits(half))));
    } else {
      ASSERT_EQ(detail::float16_value(bits), half);
      ASSERT_EQ(std::signbit(detail::float16_value(bits)), std::signbit(half));
      expect_nearest(half);
    }
    // A bfloat16, the middle between it and the next one, and their neighbours.
    for (const std::uint32_t low : {0U, 1U, 0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU}) {
      const auto value = std::bit_cast<float>(bits << 16 | low);
      if (std::isnan(value)) {
        ASSERT_TRUE(std::isnan(std::bit_cast<float>(detail::bfloat16_bits(value) << 16)));
      } else {
        expect_nearest(value);
      }
    }
    // The same for halves, whose steps are 2^13 of a float's.
    for (const std::uint32_t low : {0xFFFU, 0x1000U, 0x1001U}) {
      const auto value = std::bit_cast<float>((112U << 23) + (bits << 13 | low));
      if (!std::isnan(value)) expect_nearest(value);
    }
  }
  EXPECT_EQ(detail::float16_bits(65519.996F), 0x7BFFU);
  EXPECT_EQ(detail::float16_bits(65520), 0x7C00U);
}

/// Compressed weights, and what each stands for.
class Weights {
 public:
  Weights(const FloatWeightShape& shape, Random& random, Fill fill) : shape_(shape) {
    const int lowest = is_integer(shape.type) ? -(1 << (bits(shape.type) - 1)) : -1;
    const auto code = [&] { return static_cast<std::int8_t>(pick(random, fill, lowest, -lowest - 1)); };
    for (Index i = 0; i < shape.columns * shape.taps * shape.depth; ++i) {
      floats_.push_back(random.uniform(-1, 1));
      codes_.push_back(code());
    }
    for (Index i = 0; i < shape.columns * shape.groups(); ++i) {
      scales_.push_back(random.uniform(0.5F, 2));
      zero_points_.push_back(code());
    }
  }

  std::vector<float>& floats() { return floats_; }
  std::vector<std::int8_t>& codes() { return codes_; }
  std::vector<float>& scales() { return scales_; }
  std::vector<std::int8_t>& zero_points() { return zero_points_; }

  FloatWeightValues values() const {
    return {floats_.data(), codes_.data(), scales_.data(), shape_.has_zero_points ? zero_points_.data() : nullptr};
  }
  double at(Index column, Index tap, Index k) const {
    const std::size_t i = size((column * shape_.taps + tap) * shape_.depth + k);
    if (shape_.type == WeightType::float16) return static_cast<float>(Float16(floats_[i]));
    if (shape_.type == WeightType::bfloat16) return static_cast<float>(BFloat16(floats_[i]));
    const Index group = shape_.group_size == 0 ? 0 : tap * shape_.groups_per_tap() + k / shape_.group_size;
    const std::size_t slice = size(column * shape_.groups() + group);
    return static_cast<double>(codes_[i] - (shape_.has_zero_points ? zero_points_[slice] : 0)) * scales_[slice];
  }

 private:
  FloatWeightShape shape_;
  std::vector<float> floats_;
  std::vector<std::int8_t> codes_;
  std::vector<float> scales_;
  std::vector<std::int8_t> zero_points_;
};

class FloatWeightsTest : public BackendTest<FloatGemm> {
 protected:
  /// The product of rows and weights, with gaps of `gap` elements between its rows, which stay as they are.
  ShiftedMemory<float> product(const ActivationRows& input, const FloatWeightShape& shape, const Weights& weights,
                               const std::vector<float>& bias, float low, float high, Index gap = 0) const {
    const FloatGemmKernel& kernel = kernels().float_gemm;
    ShiftedMemory<std::byte> packed(static_cast<Index>(kernel.packed_bytes(shape)));
    kernel.pack(shape, weights.values(), packed.data());
    ShiftedMemory<float> output(input.rows * (shape.columns + gap));
    kernel.run({.input = input,
                .weights = shape,
                .packed_weights = packed.data(),
                .bias = bias.data(),
                .low = low,
                .high = high,
                .output = output.data(),
                .output_stride = shape.columns + gap});
    return output;
  }

  /// The bound of `FloatGemm`: one rounding more than a sum of products of floats has.
  void expect_close(const RowsForm& form, FloatWeightShape shape, std::uint64_t seed, Fill fill = Fill::random,
                    float low = -kUnbounded, float high = kUnbounded) const {
    shape.taps = form.taps;
    shape.depth = form.depth;
    Random random(seed);
    const FloatRows input(form, random);
    const Weights weights(shape, random, fill);
    std::vector<float> bias(size(shape.columns));
    for (float& b : bias) b = random.uniform(-3, 3);
    const Index gap = static_cast<Index>(seed % 3);
    const ShiftedMemory<float> output = product(input.arguments(), shape, weights, bias, low, high, gap);
    const ShiftedMemory<float> untouched(1);
    for (Index row = 0; row < form.rows; ++row) {
      const float* out = output.data() + row * (shape.columns + gap);
      for (Index column = 0; column < shape.columns; ++column) {
        Sum sum;
        sum.add(bias[size(column)]);
        for (Index tap = 0; tap < form.taps; ++tap) {
          for (Index k = 0; k < form.depth; ++k) sum.add(input.at(row, tap, k) * weights.at(column, tap, k));
        }
        ASSERT_NEAR(out[column], std::clamp<double>(sum.value, low, high), sum.tolerance(form.taps * form.depth + 1))
            << form.rows << " x " << shape.columns << " x " << form.taps << " x " << form.depth << " of "
            << bits(shape.type) << " bits in groups of " << shape.group_size << " at " << row << ", " << column;
      }
      for (Index i = 0; i < gap; ++i) ASSERT_EQ(std::memcmp(out + shape.columns + i, untouched.data(), 4), 0);
    }
  }
};
CONDENSE_TEST_ALL_BACKENDS(FloatWeightsTest);

TEST_P(FloatWeightsTest, AreWithinTheRoundingOfASumForAllSmallShapes) {
  std::uint64_t seed = 0;
  for (const WeightType type : kCompressed) {
    for (Index rows = 0; rows <= 14; ++rows) {
      for (Index columns = 1; columns <= 40; columns += 3) {
        const bool has_zero_points = is_integer(type) && (rows + columns) % 2 == 0;
        expect_close({.rows = rows, .depth = 1 + (rows + columns * 7) % 37, .gap = rows % 2},
                     {.columns = columns, .type = type, .has_zero_points = has_zero_points}, ++seed);
      }
    }
  }
}

TEST_P(FloatWeightsTest, HaveGroupsOfAnySize) {
  std::uint64_t seed = 0;
  for (const WeightType type : kIntegers) {
    for (const Index group : {1, 3, 8, 16, 17, 32, 100}) {
      for (const Index depth : {1, 16, 31, 96}) {
        for (const Index rows : {1, 3, 4, 7}) {
          ++seed;
          expect_close({.rows = rows, .depth = depth},
                       {.columns = 35, .type = type, .group_size = group, .has_zero_points = seed % 2 == 0}, seed);
        }
      }
    }
  }
}

TEST_P(FloatWeightsTest, MeetWindowsAndClamps) {
  std::uint64_t seed = 0;
  for (const WeightType type : kCompressed) {
    for (const Index taps : {2, 9, 90}) {
      for (const Index depth : {1, 3, 17, 64}) {
        for (const Index rows : {2, 13}) {
          ++seed;
          const Index group = is_integer(type) ? Index{16} * static_cast<Index>(seed % 3) : 0;
          expect_close({.rows = rows, .taps = taps, .depth = depth, .windows = true, .shift = rows % 2},
                       {.columns = 19, .type = type, .group_size = group, .has_zero_points = group == 32}, seed,
                       Fill::random, -1.5F, 2.25F);
        }
      }
    }
  }
}

/// Longer than what is decoded at a time, in groups that are shorter or longer than that, or do not divide it.
TEST_P(FloatWeightsTest, FillNoCache) {
  std::uint64_t seed = 0;
  for (const WeightType type : kCompressed) {
    for (const Index group : {0, 32, 48, 256, 300}) {
      if (group > 0 && !is_integer(type)) continue;
      const FloatWeightShape shape{
          .columns = 37, .type = type, .group_size = group, .has_zero_points = is_integer(type) && group % 32 != 0};
      expect_close({.rows = 31, .depth = 1100, .gap = 1}, shape, ++seed, Fill::extreme);
      expect_close({.rows = 5, .taps = 3, .depth = 700, .windows = true}, shape, ++seed, Fill::extreme, 0);
      expect_close({.rows = 2, .taps = 2, .depth = 700, .windows = true}, shape, ++seed, Fill::extreme);
    }
  }
  expect_close({.rows = 530, .depth = 400}, {.columns = 5, .type = WeightType::int4, .group_size = 64}, ++seed);
}

TEST_P(FloatWeightsTest, OfTheZeroPointAreExactlyZero) {
  for (const WeightType type : kIntegers) {
    for (const Index rows : {1, 6}) {
      const RowsForm form{.rows = rows, .depth = 70};
      const FloatWeightShape shape{.columns = 20, .depth = 70, .type = type, .group_size = 32, .has_zero_points = true};
      Random random(1);
      Weights weights(shape, random, Fill::extreme);
      for (Index column = 0; column < shape.columns; ++column) {
        for (Index k = 0; k < shape.depth; ++k) {
          weights.codes()[size(column * 70 + k)] = weights.zero_points()[size(column * 3 + k / 32)];
        }
      }
      const FloatRows input(form, random);
      const auto output =
          product(input.arguments(), shape, weights, std::vector<float>(20, 0.125F), -kUnbounded, kUnbounded);
      for (Index i = 0; i < rows * shape.columns; ++i) ASSERT_EQ(output[i], 0.125F);
    }
  }
}

/// Every half times 1: subnormals, infinities and NaNs among them, and floats that are rounded to them.
TEST_P(FloatWeightsTest, AreTheValuesOfAllHalves) {
  for (const WeightType type : {WeightType::float16, WeightType::bfloat16}) {
    for (const Index rows : {1, 5}) {
      const FloatWeightShape shape{.columns = 0x10000, .depth = 1, .type = type};
      Random random(1);
      Weights weights(shape, random, Fill::random);
      std::vector<float> expected;
      for (std::uint32_t i = 0; i < 0x10000; ++i) {
        const auto bits = static_cast<std::uint16_t>(i);
        expected.push_back(type == WeightType::float16 ? static_cast<float>(Eigen::numext::bit_cast<Float16>(bits))
                                                       : static_cast<float>(Eigen::numext::bit_cast<BFloat16>(bits)));
        weights.floats()[i] = expected[i] * (std::isnormal(expected[i]) ? 1.0001F : 1);
      }
      const std::vector<float> ones(size(rows), 1);
      const ActivationRows input{.data = ones.data(), .rows = rows, .depth = 1, .row_stride = 1};
      const auto output = product(input, shape, weights, std::vector<float>(0x10000, 0), -kUnbounded, kUnbounded);
      for (Index i = 0; i < rows * 0x10000; ++i) {
        const float wanted = expected[size(i % 0x10000)];
        if (std::isnan(wanted)) {
          ASSERT_TRUE(std::isnan(output[i])) << i;
        } else {
          ASSERT_EQ(output[i], wanted) << i;
        }
      }
    }
  }
}

TEST_P(FloatWeightsTest, TakeTheBytesOfTheirType) {
  const auto bytes = [&](WeightType type, Index group_size = 0, bool has_zero_points = false) {
    return kernels().float_gemm.packed_bytes({.columns = 64,
                                              .taps = 2,
                                              .depth = 96,
                                              .type = type,
                                              .group_size = group_size,
                                              .has_zero_points = has_zero_points});
  };
  constexpr std::size_t kCount = 64 * 2 * 96;
  EXPECT_EQ(bytes(WeightType::float32), kCount * 4);
  EXPECT_EQ(bytes(WeightType::float16), kCount * 2);
  EXPECT_EQ(bytes(WeightType::bfloat16), kCount * 2);
  EXPECT_EQ(bytes(WeightType::int8), kCount + 64 * 4);
  EXPECT_EQ(bytes(WeightType::int4, 32), kCount / 2 + 64 * 6 * 4);
  EXPECT_EQ(bytes(WeightType::int4, 32, true), kCount / 2 + 64 * 6 * 5);
  EXPECT_EQ(bytes(WeightType::int2, 48), kCount / 4 + 64 * 4 * 4);
}

}  // namespace
}  // namespace condense::kernels
