#include "condense/core/aligned_bytes.hpp"
#include "kernels/integer_rows.hpp"
#include "support/backends.hpp"

namespace condense::kernels {
namespace {

/// Where weights are not zero.
enum class Pattern { scattered, two_of_four, one_of_four, columns_of_16, empty_columns };

struct SparseCase {
  RowsForm input{};
  Index columns = 1;
  double density = 0.1;
  Pattern pattern = Pattern::scattered;
  ElementType output = ElementType::uint8;
  Index output_gap = 0;
  bool row_scales = false;
  std::uint64_t seed = 1;
};

std::vector<std::int8_t> sparse_codes(const SparseCase& test, Random& random) {
  const Index depth = test.input.depth;
  const Index pieces = test.columns * test.input.taps;
  std::vector<std::int8_t> codes(size(pieces * depth), 0);
  const auto keeps = [&](double density) { return random.uniform(0, 1) < static_cast<float>(density); };
  for (Index piece = 0; piece < pieces; ++piece) {
    const Index column = piece / test.input.taps;
    for (Index k = 0; k < depth; ++k) {
      bool keep = false;
      switch (test.pattern) {
        case Pattern::scattered: keep = keeps(test.density); break;
        case Pattern::two_of_four: keep = (k * 5 + column * 3 + k / 4) % 4 < 2; break;
        case Pattern::one_of_four: keep = (k + column * 3 + k / 4) % 4 == 0; break;
        case Pattern::columns_of_16: keep = (column / 16 * 7 + k * 13) % 10 == 0; break;
        case Pattern::empty_columns: keep = column % 3 == 0 && keeps(test.density); break;
      }
      if (keep) codes[size(piece * depth + k)] = static_cast<std::int8_t>(pick(random, test.input.fill, -128, 127));
    }
  }
  return codes;
}

/// Runs a product and compares every byte with that of the scalar dense product.
testing::AssertionResult equals_dense(const SparseGemmKernel& kernel, const SparseCase& test) {
  Random random(test.seed);
  const RowsForm& form = test.input;
  const WeightShape shape{.columns = test.columns, .taps = form.taps, .depth = form.depth};
  const IntegerRows input(form, random);
  const std::vector<std::int8_t> codes = sparse_codes(test, random);
  std::vector<std::int32_t> bias(size(test.columns));
  std::vector<std::int32_t> column_sums(size(test.columns));
  std::vector<float> multipliers(size(test.columns));
  std::vector<float> row_scales(size(form.rows));
  std::vector<std::int32_t> row_zero_points(size(form.rows));
  for (std::int32_t& b : bias) b = random_integer(random, -2000, 2000);
  for (std::int32_t& s : column_sums) s = random_integer(random, -2000, 2000);
  for (float& m : multipliers) m = random.uniform(0.001F, 0.01F);
  for (float& s : row_scales) s = random.uniform(0.5F, 2.0F);
  for (std::int32_t& z : row_zero_points) z = random_integer(random, -128, 255);

  const GemmKernel dense = GemmKernel::of<simd::Scalar>();
  AlignedBytes dense_weights(dense.packed_bytes(shape));
  dense.pack(shape, {.codes = codes.data()}, dense_weights.data());
  AlignedBytes weights(kernel.packed_bytes(shape, codes.data()));
  kernel.pack(shape, codes.data(), weights.data());
  if (!kernel.is_packed(shape, weights.data(), weights.size())) return testing::AssertionFailure() << "is not packed";

  std::vector<std::byte> results[2];
  for (const bool is_dense : {true, false}) {
    OutputRows output(form.rows, test.columns, test.output_gap, test.output, form.shift);
    GemmArguments arguments{.input = input.arguments(),
                            .input_type = form.type,
                            .weights = shape,
                            .packed_weights = is_dense ? dense_weights.data() : weights.data(),
                            .epilogue = {.bias = bias.data(),
                                         .multipliers = multipliers.data(),
                                         .zero_point = lowest_code(test.output) + 120,
                                         .lowest = lowest_code(test.output),
                                         .highest = highest_code(test.output) - 20,
                                         .low = -30,
                                         .high = 40},
                            .output = output.data(),
                            .output_type = test.output,
                            .output_stride = output.stride()};
    if (test.row_scales) {
      arguments.epilogue.row_scales = row_scales.data();
      arguments.epilogue.row_zero_points = row_zero_points.data();
      arguments.epilogue.column_sums = column_sums.data();
      arguments.epilogue.float_bias = multipliers.data();
    }
    is_dense ? dense.run(arguments) : kernel.run(arguments);
    const auto* bytes = static_cast<const std::byte*>(output.data());
    const Index element = is_code(test.output) ? 1 : 4;
    results[is_dense ? 0 : 1].assign(bytes, bytes + form.rows * output.stride() * element);
  }
  if (results[0] == results[1]) return testing::AssertionSuccess();
  return testing::AssertionFailure() << form.rows << " x " << test.columns << " x " << form.taps << " x " << form.depth
                                     << ", density " << test.density << ", pattern " << static_cast<int>(test.pattern);
}

class SparseIntegerGemm : public BackendTest<SparseGemm> {
 protected:
  testing::AssertionResult equal(const SparseCase& test) const { return equals_dense(kernels().sparse_gemm, test); }
};
CONDENSE_TEST_ALL_BACKENDS(SparseIntegerGemm);

constexpr ElementType kCodes[] = {ElementType::uint8, ElementType::int8};
constexpr ElementType kOutputs[] = {ElementType::uint8, ElementType::int8, ElementType::float32, ElementType::int32};
constexpr Pattern kPatterns[] = {Pattern::scattered, Pattern::two_of_four, Pattern::one_of_four, Pattern::columns_of_16,
                                 Pattern::empty_columns};

TEST_P(SparseIntegerGemm, HasTheBytesOfTheDenseProductForAllSmallShapes) {
  std::uint64_t seed = 0;
  for (Index rows = 0; rows <= 9; ++rows) {
    for (const Index columns : {1, 3, 8, 16, 17, 40}) {
      for (const Pattern pattern : kPatterns) {
        const RowsForm form{.rows = rows, .depth = 29 + columns % 7, .shift = rows % 2, .type = kCodes[seed % 2]};
        ASSERT_TRUE(equal({.input = form,
                           .columns = columns,
                           .density = 0.2,
                           .pattern = pattern,
                           .output = kOutputs[seed % 4],
                           .output_gap = columns % 3,
                           .seed = seed}));
        ++seed;
      }
    }
  }
}

TEST_P(SparseIntegerGemm, HasThemForEveryDensityAndDepth) {
  for (const double density : {0.0, 0.02, 0.1, 0.5, 0.9, 1.0}) {
    for (const Index depth : {1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 300}) {
      for (const ElementType type : kCodes) {
        const RowsForm form{.rows = 5, .depth = depth, .type = type};
        ASSERT_TRUE(equal({.input = form, .columns = 21, .density = density, .output = type}));
      }
    }
  }
}

TEST_P(SparseIntegerGemm, HasThemForPatternsOfEveryDepth) {
  for (const Pattern pattern : kPatterns) {
    for (const Index depth : {3, 4, 7, 60, 64, 66, 192, 201}) {
      const RowsForm form{.rows = 13, .depth = depth, .type = kCodes[depth % 2]};
      ASSERT_TRUE(equal({.input = form, .columns = 35, .pattern = pattern}));
    }
  }
}

TEST_P(SparseIntegerGemm, ReadsWindowsThroughOffsetsAndPadding) {
  std::uint64_t seed = 0;
  for (const ElementType type : kCodes) {
    for (const Index taps : {1, 2, 9}) {
      for (const Index depth : {1, 8, 17, 64, 100}) {
        const RowsForm form{.rows = 19, .taps = taps, .depth = depth, .windows = true, .type = type};
        const Pattern pattern = kPatterns[seed % 5];
        ASSERT_TRUE(equal({.input = form,
                           .columns = 18,
                           .density = 0.3,
                           .pattern = pattern,
                           .output = kOutputs[seed % 3],
                           .seed = seed}));
        ++seed;
      }
    }
  }
}

TEST_P(SparseIntegerGemm, IsExactForExtremeCodes) {
  for (const ElementType type : kCodes) {
    for (const double density : {0.1, 1.0}) {
      const RowsForm form{.rows = 9, .depth = 700, .type = type, .fill = Fill::extreme};
      ASSERT_TRUE(equal({.input = form, .columns = 33, .density = density, .output = ElementType::int32}));
    }
  }
}

TEST_P(SparseIntegerGemm, TakesScalesAndZeroPointsOfRows) {
  const RowsForm form{.rows = 11, .depth = 90};
  ASSERT_TRUE(equal({.input = form, .columns = 20, .output = ElementType::float32, .row_scales = true}));
}

TEST_P(SparseIntegerGemm, RunsMoreRowsThanStayNear) {
  const RowsForm form{.rows = 101, .depth = 1100};
  ASSERT_TRUE(equal({.input = form, .columns = 49}));
}

TEST_P(SparseIntegerGemm, TakesFewerBytesTheMoreWeightsAreZero) {
  Random random(5);
  const SparseGemmKernel& kernel = kernels().sparse_gemm;
  SparseCase test{.input = {.depth = 512}, .columns = 64};
  const WeightShape shape{.columns = 64, .depth = 512};
  std::size_t before = 2 * 64 * 512 + 4096;
  for (const double density : {0.5, 0.2, 0.1, 0.05, 0.0}) {
    test.density = density;
    const std::size_t bytes = kernel.packed_bytes(shape, sparse_codes(test, random).data());
    EXPECT_LT(bytes, before) << density;
    before = bytes;
  }
}

TEST_P(SparseIntegerGemm, RefusesBytesThatWouldLeaveMemory) {
  Random random(6);
  const SparseGemmKernel& kernel = kernels().sparse_gemm;
  const SparseCase test{.input = {.taps = 2, .depth = 70}, .columns = 37};
  const WeightShape shape{.columns = 37, .taps = 2, .depth = 70};
  const std::vector<std::int8_t> codes = sparse_codes(test, random);
  AlignedBytes packed(kernel.packed_bytes(shape, codes.data()));
  kernel.pack(shape, codes.data(), packed.data());
  for (std::size_t bytes = 0; bytes < packed.size(); bytes += 13) {
    EXPECT_FALSE(kernel.is_packed(shape, packed.data(), bytes)) << bytes;
  }
  WeightShape other = shape;
  other.columns = 70;
  EXPECT_FALSE(kernel.is_packed(other, packed.data(), packed.size()));
  other = shape;
  other.depth = 200;
  EXPECT_FALSE(kernel.is_packed(other, packed.data(), packed.size()));

  // Whatever is accepted can be run.
  const std::vector<std::uint8_t> row(140, 3);
  const std::vector<std::int32_t> offsets{0, 70};
  const std::vector<std::int32_t> bias(37, 1);
  std::vector<std::int32_t> sums(37);
  for (int i = 0; i < 3000; ++i) {
    AlignedBytes changed(packed.size());
    std::copy_n(packed.data(), packed.size(), changed.data());
    changed.data()[random.below(static_cast<std::uint32_t>(packed.size()))] = static_cast<std::byte>(random.below(256));
    if (!kernel.is_packed(shape, changed.data(), changed.size())) continue;
    kernel.run({.input = {.data = row.data(), .offsets = offsets.data(), .rows = 1, .taps = 2, .depth = 70},
                .weights = shape,
                .packed_weights = changed.data(),
                .epilogue = {.bias = bias.data()},
                .output = sums.data(),
                .output_type = ElementType::int32,
                .output_stride = 37});
  }
}

}  // namespace
}  // namespace condense::kernels
