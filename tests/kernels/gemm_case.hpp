#ifndef CONDENSE_TESTS_KERNELS_GEMM_CASE_HPP
#define CONDENSE_TESTS_KERNELS_GEMM_CASE_HPP

#include "condense/kernels/kernel_set.hpp"
#include "kernels/integer_rows.hpp"

namespace condense::kernels {

/// One integer product and how its operands lie in memory.
struct GemmCase {
  RowsForm input{};
  Index columns = 1;
  int bits = 8;
  int magnitude = 0;      ///< Not 0: of most weights.
  int outlier_every = 0;  ///< Not 0: one of so many weights has the largest magnitude that the bits allow.
  Index group_size = 0;
  bool zero_points = false;  ///< Of the weights.
  ElementType output = ElementType::uint8;
  Index output_gap = 0;
  bool clamp = false;  ///< To a part of the output's range.
  bool row_scales = false;
  bool row_zero_points = false;  ///< With row scales.
  std::uint64_t seed = 1;
};

/// Runs a product and compares every byte with the definition: exact sums in 64 bits, then the epilogue's formula.
inline testing::AssertionResult equals_reference(const GemmKernel& kernel, const GemmCase& test) {
  Random random(test.seed);
  const RowsForm& form = test.input;
  const WeightShape shape{test.columns, form.taps, form.depth, test.bits, test.group_size, test.zero_points};
  const Index whole = form.taps * form.depth;
  const IntegerRows input(form, random);

  const int limit = 1 << (test.bits - 1);
  std::vector<std::int8_t> codes(size(test.columns * whole));
  std::vector<std::int8_t> zero_points(size(test.columns * shape.groups()), 0);
  for (std::int8_t& c : codes) {
    const bool is_outlier =
        test.outlier_every != 0 && random.below(static_cast<std::uint32_t>(test.outlier_every)) == 0;
    const bool is_small = test.magnitude != 0 && !is_outlier;
    c = static_cast<std::int8_t>(is_small ? pick(random, form.fill, -test.magnitude, test.magnitude)
                                          : pick(random, is_outlier ? Fill::extreme : form.fill, -limit, limit - 1));
  }
  for (std::int8_t& z : zero_points) {
    if (test.zero_points) z = static_cast<std::int8_t>(pick(random, form.fill, -limit, limit - 1));
  }
  std::vector<std::int32_t> weights(codes.begin(), codes.end());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Index piece = static_cast<Index>(i) / form.depth;
    const Index within = static_cast<Index>(i) % form.depth;
    const Index group =
        test.group_size == 0 ? piece / form.taps : piece * shape.groups_per_tap() + within / test.group_size;
    weights[i] -= zero_points[size(group)];
  }

  // Multipliers that spread the sums over about twice the range of the codes.
  const float spread = 300.0F / (128.0F * static_cast<float>(limit) * std::sqrt(static_cast<float>(whole) / 3.0F));
  std::vector<std::int32_t> bias(size(test.columns));
  std::vector<float> float_bias(size(test.columns));
  std::vector<float> multipliers(zero_points.size());
  const std::int32_t input_zero_point = test.row_scales ? 0 : random_integer(random, -128, 255);
  for (std::int32_t& b : bias) b = random_integer(random, -20 * limit, 20 * limit);
  for (float& b : float_bias) b = random.uniform(-40, 40);
  for (float& m : multipliers) m = spread * random.uniform(0.25F, 1.0F);

  std::vector<float> row_scales(size(form.rows));
  std::vector<std::int32_t> row_zero_points(size(form.rows));
  std::vector<std::int32_t> column_sums(size(test.columns));
  for (float& s : row_scales) s = random.uniform(0.5F, 2.0F);
  for (std::int32_t& z : row_zero_points) z = random_integer(random, -128, 255);
  for (Index i = 0; i < test.columns * whole; ++i) column_sums[size(i / whole)] += weights[size(i)];

  Tensor packed(DataType::uint8, Shape{static_cast<Index>(kernel.packed_bytes(shape))});
  kernel.pack(shape, {codes.data(), multipliers.data(), zero_points.data()}, packed.mutable_raw());

  GemmEpilogue epilogue{.bias = bias.data(),
                        .multipliers = multipliers.data(),
                        .float_bias = float_bias.data(),
                        .input_zero_point = input_zero_point,
                        .row_scales = test.row_scales ? row_scales.data() : nullptr,
                        .row_zero_points = test.row_zero_points ? row_zero_points.data() : nullptr,
                        .column_sums = column_sums.data(),
                        .zero_point = lowest_code(test.output) + random_integer(random, 90, 160),
                        .lowest = lowest_code(test.output) + (test.clamp ? 60 : 0),
                        .highest = highest_code(test.output) - (test.clamp ? 50 : 0),
                        .low = test.clamp ? -11.25F : -1e30F,
                        .high = test.clamp ? 17.5F : 1e30F};
  OutputRows output(form.rows, test.columns, test.output_gap, test.output, form.shift);
  kernel.run({.input = input.arguments(),
              .input_type = form.type,
              .weights = shape,
              .packed_weights = packed.raw(),
              .epilogue = epilogue,
              .output = output.data(),
              .output_type = test.output,
              .output_stride = output.stride()});

  for (Index row = 0; row < form.rows; ++row) {
    for (Index column = 0; column < test.columns; ++column) {
      std::int64_t sum = 0;
      std::int64_t weight_sum = 0;
      float value = test.row_scales ? 0.0F : float_bias[size(column)];
      for (Index tap = 0, group = column * shape.groups(); tap < form.taps; ++tap) {
        for (Index k = 0; k < form.depth; ++k) {
          const std::int32_t weight = weights[size((column * form.taps + tap) * form.depth + k)];
          sum += input.at(row, tap, k) * weight;
          weight_sum += weight;
          const bool ends = test.group_size != 0 && ((k + 1) % test.group_size == 0 || k + 1 == form.depth);
          if (!ends) continue;
          value = std::fma(static_cast<float>(sum - input_zero_point * weight_sum), multipliers[size(group)], value);
          sum = 0;
          weight_sum = 0;
          ++group;
        }
      }
      const auto multiplier = multipliers[size(column)];
      if (test.output == ElementType::int32) {
        output.expect(row, column, static_cast<std::int32_t>(sum + bias[size(column)]));
        continue;
      }
      if (test.row_scales && test.group_size != 0) {
        value = std::fma(value, row_scales[size(row)], float_bias[size(column)]);
      } else if (test.row_scales) {
        if (test.row_zero_points) sum -= std::int64_t{row_zero_points[size(row)]} * column_sums[size(column)];
        const float scale = row_scales[size(row)] * multiplier;
        value = std::fma(static_cast<float>(sum), scale, float_bias[size(column)]);
      } else if (test.group_size == 0) {
        value = static_cast<float>(sum + bias[size(column)]) * multiplier;
      }
      output.expect(row, column, value, epilogue);
    }
  }
  return output.matches() << " (" << form.rows << " x " << test.columns << " x " << form.taps << " x " << form.depth
                          << ", " << test.bits << " bits, groups of " << test.group_size
                          << (test.zero_points ? ", zero points)" : ")");
}

}  // namespace condense::kernels

#endif
