#include <bit>
#include <limits>

#include "condense/quantize/affine.hpp"
#include "kernels/integer_rows.hpp"
#include "support/backends.hpp"

namespace condense::kernels {
namespace {

using Limits = std::numeric_limits<float>;

class QuantizeRowsTest : public BackendTest<Elementwise> {
 protected:
  /// Runs the kernel on rows (rows x columns) and compares each with `quantize_value` under the parameters
  /// `parameters(row)`.
  template <class Parameters>
  void expect_rows(const ShiftedMemory<float>& input, Index rows, Index columns, Index gap,
                   const quantize::IntegerType& type, Parameters&& parameters) const {
    const Index stride = columns + gap;
    const ElementType element = type.is_signed ? ElementType::int8 : ElementType::uint8;
    ShiftedMemory<std::uint8_t> codes(rows * stride, columns % 5);
    ShiftedMemory<std::uint8_t> expected(rows * stride);
    std::vector<float> scales(size(rows));
    std::vector<std::int32_t> zero_points(size(rows));
    kernels().elementwise.quantize_rows({.input = input.data(),
                                         .input_stride = stride,
                                         .rows = rows,
                                         .columns = columns,
                                         .type = element,
                                         .lowest = type.lowest(),
                                         .highest = type.highest(),
                                         .output = codes.data(),
                                         .output_stride = stride,
                                         .row_scales = scales.data(),
                                         .row_zero_points = zero_points.data()});
    for (Index row = 0; row < rows; ++row) {
      const quantize::Affine affine = parameters(row);
      ASSERT_EQ(scales[size(row)], affine.scale) << columns;
      ASSERT_EQ(zero_points[size(row)], affine.zero_point) << columns;
      for (Index c = 0; c < columns; ++c) {
        const std::int32_t code = quantize::quantize_value(input[row * stride + c], affine, type);
        expected[row * stride + c] = static_cast<std::uint8_t>(code);
      }
    }
    ASSERT_TRUE(std::equal(codes.data(), codes.data() + codes.size(), expected.data())) << columns;
  }

  /// What the numeric contract says of the numbers of a row, NaNs left out.
  static quantize::Affine affine_of(const float* values, Index count, const quantize::IntegerType& type) {
    quantize::Range range;
    for (Index i = 0; i < count; ++i) {
      if (std::isnan(values[i])) continue;
      range = {std::min(range.min, values[i]), std::max(range.max, values[i])};
    }
    return quantize::asymmetric(range, type);
  }

  static constexpr quantize::IntegerType kTypes[] = {quantize::kUint8, quantize::kInt8, quantize::kInt8Narrow,
                                                     quantize::IntegerType{7, false, false}};
};
CONDENSE_TEST_ALL_BACKENDS(QuantizeRowsTest);

TEST_P(QuantizeRowsTest, EachRowHasTheParametersOfItsRange) {
  for (Index columns = 0; columns <= 200; ++columns) {
    Random random(static_cast<std::uint64_t>(columns));
    const Index rows = 4;
    const Index gap = columns % 3;
    const quantize::IntegerType& type = kTypes[columns % 4];
    ShiftedMemory<float> input(rows * (columns + gap), columns % 7);
    for (Index i = 0; i < rows * (columns + gap); ++i) {
      const Index row = columns > 0 ? i / (columns + gap) : 0;
      // Of both signs, positive ones far from 0, negative ones, and nothing but a zero.
      input[i] = row == 3 ? -0.0F : random.uniform(row == 1 ? 5.0F : -3.0F, row == 2 ? -1.0F : 10.0F);
    }
    expect_rows(input, rows, columns, gap, type,
                [&](Index row) { return affine_of(input.data() + row * (columns + gap), columns, type); });
  }
}

TEST_P(QuantizeRowsTest, AnyFiniteNumbersAndNansGiveTheSameBytes) {
  Random random(1);
  for (const quantize::IntegerType& type : kTypes) {
    for (int exponent = -149; exponent <= 128; exponent += 3) {
      for (const Index columns : {1, 9, 33, 60}) {
        ShiftedMemory<float> input(6 * columns, 1);
        for (Index i = 0; i < 6 * columns; ++i) {
          const float value = std::bit_cast<float>(random.bits());
          const bool too_large = std::isinf(value) || std::abs(value) > std::ldexp(1.0, exponent);
          input[i] = too_large ? std::ldexp(random.uniform(-1, 1), exponent) : value;  // NaNs stay
        }
        expect_rows(input, 6, columns, 0, type,
                    [&](Index row) { return affine_of(&input[row * columns], columns, type); });
      }
    }
  }
}

TEST_P(QuantizeRowsTest, NextToAnInfinityTheScaleIsTheLargestFloat) {
  const float infinity = Limits::infinity();
  for (Index columns = 1; columns <= 70; ++columns) {
    ShiftedMemory<float> input(3 * columns, 2);
    for (Index i = 0; i < 3 * columns; ++i) input[i] = static_cast<float>(i);
    input[columns / 2] = infinity;
    input[columns + columns / 2] = -infinity;
    input[2 * columns] = -infinity;
    input[3 * columns - 1] = infinity;
    expect_rows(input, 3, columns, 0, quantize::kUint8, [&](Index row) {
      const bool goes_down = row == 1 || (row == 2 && columns > 1);
      return quantize::Affine{Limits::max(), goes_down ? 255 : 0};
    });
  }
}

}  // namespace
}  // namespace condense::kernels
