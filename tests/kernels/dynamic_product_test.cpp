#include "condense/kernels/dynamic_product.hpp"

#include "condense/core/tensor.hpp"
#include "kernels/integer_rows.hpp"
#include "support/backends.hpp"

namespace condense::kernels {
namespace {

/// A product of random rows, some of them of one sign or zero, with random weights.
struct Case {
  Index rows;
  Index depth;
  Index columns;
  int bits = 8;
  Index group_size = 0;

  std::vector<float> input{};
  std::vector<std::int8_t> codes{};
  std::vector<float> scales{};
  std::vector<std::int32_t> column_sums{};
  std::vector<float> bias{};

  WeightShape shape() const { return {.columns = columns, .depth = depth, .bits = bits, .group_size = group_size}; }

  void fill(std::uint64_t seed) {
    Random random(seed);
    for (Index row = 0; row < rows; ++row) {
      const float low = row % 3 == 1 ? 0.0F : -2.0F;
      for (Index k = 0; k < depth; ++k) input.push_back(row % 5 == 4 ? 0.0F : random.uniform(low, 3));
    }
    const int limit = (1 << (bits - 1)) - 1;
    column_sums.assign(size(columns), 0);
    for (Index i = 0; i < columns * depth; ++i) {
      codes.push_back(static_cast<std::int8_t>(random_integer(random, -limit, limit)));
      column_sums[size(i / depth)] += codes.back();
    }
    for (Index i = 0; i < columns * shape().groups(); ++i) scales.push_back(random.uniform(0.5F, 1) / 64);
    for (Index i = 0; i < columns; ++i) bias.push_back(random.uniform(-1, 1));
  }

  std::vector<float> run_on(const KernelSet& kernels) const {
    Tensor packed(DataType::uint8, Shape{static_cast<Index>(kernels.gemm.packed_bytes(shape()))});
    kernels.gemm.pack(shape(), {.codes = codes.data(), .multipliers = scales.data()}, packed.mutable_raw());
    std::vector<float> output(size(rows * columns));
    const DynamicProduct product{.input = input.data(),
                                 .input_stride = depth,
                                 .rows = rows,
                                 .weights = shape(),
                                 .packed_weights = packed.raw(),
                                 .multipliers = scales.data(),
                                 .column_sums = column_sums.data(),
                                 .bias = bias.data(),
                                 .low = -1e30F,
                                 .high = 1e30F,
                                 .output = output.data(),
                                 .output_stride = columns};
    std::vector<std::int32_t> scratch(scratch_bytes(product) / 4 + 1);
    run(product, kernels.elementwise, kernels.gemm, reinterpret_cast<std::byte*>(scratch.data()));
    return output;
  }
};

class DynamicProductTest : public BackendTest<Gemm> {};
CONDENSE_TEST_ALL_BACKENDS(DynamicProductTest);

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Index rows : {1, 2, 7, 49, 100}) {
    for (const Index depth : {5, 64, 300}) {
      all.push_back({.rows = rows, .depth = depth, .columns = 37});
      all.push_back({.rows = rows, .depth = depth, .columns = 70, .bits = 4, .group_size = 32});
    }
  }
  for (Case& c : all) c.fill(static_cast<std::uint64_t>(&c - all.data()));
  return all;
}

TEST_P(DynamicProductTest, GivesTheBytesOfTheDefinition) {
  const KernelSet scalar = KernelSet::select("scalar");
  for (const Case& c : cases()) {
    const std::vector<float> expected = c.run_on(scalar);
    const std::vector<float> actual = c.run_on(kernels());
    ASSERT_EQ(std::memcmp(actual.data(), expected.data(), actual.size() * sizeof(float)), 0)
        << c.rows << " x " << c.columns << " x " << c.depth << ", groups of " << c.group_size;
  }
}

TEST_P(DynamicProductTest, IsWithinHalfAStepOfEachActivation) {
  for (const Case& c : cases()) {
    const std::vector<float> actual = c.run_on(kernels());
    for (Index row = 0; row < c.rows; ++row) {
      float min = 0;
      float max = 0;
      for (Index k = 0; k < c.depth; ++k) {
        min = std::min(min, c.input[size(row * c.depth + k)]);
        max = std::max(max, c.input[size(row * c.depth + k)]);
      }
      const double step = c.group_size == 0 ? (max - min) / 255.0 : std::max(max, -min) / 127.0;
      for (Index column = 0; column < c.columns; ++column) {
        double exact = c.bias[size(column)];
        double weight = 0;
        for (Index k = 0; k < c.depth; ++k) {
          const Index slice = c.group_size == 0 ? column : column * c.shape().groups() + k / c.group_size;
          const double w = double{c.scales[size(slice)]} * c.codes[size(column * c.depth + k)];
          exact += w * c.input[size(row * c.depth + k)];
          weight += std::abs(w);
        }
        // Rounding moves an activation by half a step, the zero point by another half where it is not on a code; and
        // the float arithmetic behind it by less than 1e-5 of the magnitudes.
        const double tolerance = 1.01 * step * weight + 1e-5 * (weight * 3 + 1);
        ASSERT_NEAR(actual[size(row * c.columns + column)], exact, tolerance) << row << ", " << column;
      }
    }
  }
}

}  // namespace
}  // namespace condense::kernels
