#include <limits>

#include "condense/core/aligned_bytes.hpp"
#include "kernels/float_rows.hpp"
#include "support/backends.hpp"

namespace condense::kernels {
namespace {

class SparseFloatGemm : public BackendTest<FloatSparseGemm> {
 protected:
  const FloatSparseGemmKernel& kernel() const { return kernels().float_sparse_gemm; }

  /// Runs a product with random weights of a density, and compares it with sums in float64 within the bound that
  /// `FloatGemm` states.
  testing::AssertionResult agrees(const RowsForm& form, Index columns, double density, std::uint64_t seed = 1) const;
};
CONDENSE_TEST_ALL_BACKENDS(SparseFloatGemm);

testing::AssertionResult SparseFloatGemm::agrees(const RowsForm& form, Index columns, double density,
                                                 std::uint64_t seed) const {
  Random random(seed);
  const FloatWeightShape shape{.columns = columns, .taps = form.taps, .depth = form.depth};
  const Index extent = form.taps * form.depth;
  const FloatRows input(form, random);
  std::vector<float> weights(size(columns * extent), 0.0F);
  std::vector<float> bias(size(columns));
  for (float& w : weights) {
    if (random.uniform(0, 1) < static_cast<float>(density)) w = random.uniform(-1, 1);
  }
  for (float& b : bias) b = random.uniform(-1, 1);
  AlignedBytes packed(kernel().packed_bytes(shape, weights.data()));
  kernel().pack(shape, weights.data(), packed.data());
  if (!kernel().is_packed(shape, packed.data(), packed.size())) return testing::AssertionFailure() << "is not packed";
  const Index stride = columns + 3;
  ShiftedMemory<float> output(form.rows * stride, form.shift);
  const float untouched = form.rows > 0 ? output[columns] : 0;
  constexpr float kHigh = 2.5F;
  kernel().run({.input = input.arguments(),
                .weights = shape,
                .packed_weights = packed.data(),
                .bias = bias.data(),
                .low = -4,
                .high = kHigh,
                .output = output.data(),
                .output_stride = stride});
  for (Index row = 0; row < form.rows; ++row) {
    for (Index column = 0; column < columns; ++column) {
      double sum = bias[size(column)];
      double magnitude = std::abs(sum);
      for (Index k = 0; k < extent; ++k) {
        const double product =
            double{input.at(row, k / form.depth, k % form.depth)} * double{weights[size(column * extent + k)]};
        sum += product;
        magnitude += std::abs(product);
      }
      const double expected = std::clamp(sum, -4.0, double{kHigh});
      const double actual = output[row * stride + column];
      const double bound = static_cast<double>(extent + 3) * 0x1p-24 * magnitude;
      if (!(std::abs(actual - expected) <= bound)) {
        return testing::AssertionFailure()
               << "row " << row << " column " << column << ": " << actual << " instead of " << expected << " ("
               << form.rows << " x " << columns << " x " << extent << ")";
      }
    }
    if (std::memcmp(&output[row * stride + columns], &untouched, sizeof(float)) != 0) {
      return testing::AssertionFailure() << "wrote beyond row " << row;
    }
  }
  return testing::AssertionSuccess();
}

TEST_P(SparseFloatGemm, AgreesForAllSmallShapes) {
  std::uint64_t seed = 0;
  for (Index rows = 0; rows <= 70; rows += 1 + rows / 6) {
    for (const Index columns : {1, 3, 8, 16, 21}) {
      const RowsForm form{.rows = rows, .depth = 13 + columns, .gap = rows % 3, .shift = rows % 2};
      ASSERT_TRUE(agrees(form, columns, 0.3, seed++));
    }
  }
}

TEST_P(SparseFloatGemm, AgreesForEveryDensityAndDepth) {
  for (const double density : {0.0, 0.1, 0.5, 1.0}) {
    for (const Index depth : {1, 3, 15, 16, 17, 127, 128, 129, 300}) {
      ASSERT_TRUE(agrees({.rows = 18, .depth = depth}, 9, density));
    }
  }
}

TEST_P(SparseFloatGemm, ReadsWindowsThroughOffsetsAndPadding) {
  for (const Index taps : {1, 2, 9}) {
    for (const Index depth : {1, 5, 16, 60}) {
      ASSERT_TRUE(agrees({.rows = 37, .taps = taps, .depth = depth, .windows = true}, 10, 0.2));
    }
  }
}

TEST_P(SparseFloatGemm, TakesMoreColumnsThanItsSumsHold) { ASSERT_TRUE(agrees({.rows = 3, .depth = 150}, 515, 0.1)); }

TEST_P(SparseFloatGemm, LeavesOutWhatMeetsZerosOnly) {
  const FloatWeightShape shape{.columns = 1, .depth = 2};
  const std::vector<float> weights{0.0F, 2.0F};
  AlignedBytes packed(kernel().packed_bytes(shape, weights.data()));
  kernel().pack(shape, weights.data(), packed.data());
  const std::vector<float> row{std::numeric_limits<float>::infinity(), 3.0F};
  const float bias = 1;
  float result = 0;
  kernel().run({.input = {.data = row.data(), .rows = 1, .depth = 2, .row_stride = 2},
                .weights = shape,
                .packed_weights = packed.data(),
                .bias = &bias,
                .low = -100,
                .high = 100,
                .output = &result,
                .output_stride = 1});
  EXPECT_EQ(result, 7.0F);
}

TEST_P(SparseFloatGemm, RefusesBytesThatWouldLeaveMemory) {
  Random random(6);
  const FloatWeightShape shape{.columns = 300, .depth = 150};
  std::vector<float> weights(300 * 150, 0.0F);
  for (float& w : weights) w = random.below(10) == 0 ? 1.0F : 0.0F;
  AlignedBytes packed(kernel().packed_bytes(shape, weights.data()));
  kernel().pack(shape, weights.data(), packed.data());
  for (std::size_t bytes = 0; bytes < packed.size(); bytes += 61) {
    EXPECT_FALSE(kernel().is_packed(shape, packed.data(), bytes)) << bytes;
  }
  FloatWeightShape other = shape;
  other.depth = 20;
  EXPECT_FALSE(kernel().is_packed(other, packed.data(), packed.size()));
  other = shape;
  other.columns = 700;
  EXPECT_FALSE(kernel().is_packed(other, packed.data(), packed.size()));

  const std::vector<float> row(150, 1.0F);
  const std::vector<float> bias(300, 0.0F);
  std::vector<float> result(300);
  for (int i = 0; i < 1000; ++i) {  // whatever is accepted can be run
    AlignedBytes changed(packed.size());
    std::copy_n(packed.data(), packed.size(), changed.data());
    changed.data()[random.below(4096)] = static_cast<std::byte>(random.below(256));
    if (!kernel().is_packed(shape, changed.data(), changed.size())) continue;
    kernel().run({.input = {.data = row.data(), .rows = 1, .depth = 150, .row_stride = 150},
                  .weights = shape,
                  .packed_weights = changed.data(),
                  .bias = bias.data(),
                  .low = -1e30F,
                  .high = 1e30F,
                  .output = result.data(),
                  .output_stride = 300});
  }
}

}  // namespace
}  // namespace condense::kernels
