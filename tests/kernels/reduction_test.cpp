#include <bit>
#include <cmath>
#include <limits>

#include "condense/calibrate/histogram.hpp"
#include "support/backends.hpp"
#include "support/kernel_data.hpp"

namespace condense::kernels {
namespace {

using Limits = std::numeric_limits<float>;

std::size_t size(Index count) { return static_cast<std::size_t>(count); }

class ReductionTest : public BackendTest<Reduction> {
 protected:
  const ReductionKernel& kernel() const { return kernels().reduction; }
};
CONDENSE_TEST_ALL_BACKENDS(ReductionTest);

/// Any float but a NaN: of all magnitudes, denormal ones, infinities and zeros of both signs too.
float any_number(Random& random) {
  const float value = std::bit_cast<float>(random.bits());
  if (random.below(16) == 0) return random.below(2) == 0 ? 0.0F : -0.0F;
  return std::isnan(value) ? -Limits::infinity() : value;
}

void expect_extent(const Extent& actual, std::vector<float> values) {
  Extent expected;
  if (std::any_of(values.begin(), values.end(), [](float v) { return std::isnan(v); })) {
    expected = {Limits::quiet_NaN(), Limits::quiet_NaN()};
  } else if (!values.empty()) {
    std::sort(values.begin(), values.end());
    expected = {values.front() == 0 ? 0.0F : values.front(), values.back() == 0 ? 0.0F : values.back()};
  }
  ASSERT_EQ(std::bit_cast<std::uint32_t>(actual.min), std::bit_cast<std::uint32_t>(expected.min)) << values.size();
  ASSERT_EQ(std::bit_cast<std::uint32_t>(actual.max), std::bit_cast<std::uint32_t>(expected.max)) << values.size();
}

TEST_P(ReductionTest, ExtentIsThatOfTheSortedValues) {
  Random random(1);
  for (Index count = 0; count <= 200; ++count) {
    for (const bool one_sign : {false, true}) {
      ShiftedMemory<float> values(count, count % 9);
      for (Index i = 0; i < count; ++i) values[i] = any_number(random);
      if (one_sign) {
        for (Index i = 0; i < count; ++i) values[i] = count % 2 == 0 ? -std::abs(values[i]) : std::abs(values[i]);
      }
      expect_extent(kernel().extent(values.data(), count), {values.data(), values.data() + count});
    }
  }
}

TEST_P(ReductionTest, ExtentReportsANanWhereverItIs) {
  Random random(2);
  for (const Index count : {1, 7, 8, 31, 32, 33, 64, 77, 200}) {
    ShiftedMemory<float> values(count, 3);
    for (Index place = 0; place < count; ++place) {
      for (const std::uint32_t pattern :
           {0x7FC00000U, 0xFFC00001U, 0x7F800001U, 0xFFFFFFFFU}) {  // a signalling one too
        for (Index i = 0; i < count; ++i) values[i] = any_number(random);
        std::memcpy(&values[place], &pattern, sizeof(pattern));
        expect_extent(kernel().extent(values.data(), count), {values.data(), values.data() + count});
      }
    }
  }
}

/// Calls `body(columns, column)` for matrices of many shapes, `column(c)` being the values of one column.
template <class Body>
void for_columns(Body&& body) {
  Random random(3);
  for (Index columns = 0; columns <= 70; ++columns) {
    for (const Index rows : {0, 1, 2, 3, 4, 5, 8, 9, 30}) {
      const Index stride = columns + rows % 3;
      ShiftedMemory<float> memory(rows == 0 ? 0 : (rows - 1) * stride + columns, columns % 5);
      for (Index i = 0; i < static_cast<Index>(memory.size()); ++i) memory[i] = any_number(random);
      if (columns > 3 && rows > 0) memory[(columns % rows) * stride + columns / 2] = Limits::quiet_NaN();
      body(ReductionColumns{memory.data(), rows, columns, stride}, [&](Index c) {
        std::vector<float> values;
        for (Index row = 0; row < rows; ++row) values.push_back(memory[row * stride + c]);
        return values;
      });
    }
  }
}

TEST_P(ReductionTest, ColumnExtentsAreThoseOfEachColumn) {
  for_columns([&](const ReductionColumns& matrix, auto&& column) {
    std::vector<float> minima(size(matrix.columns));
    std::vector<float> maxima(size(matrix.columns));
    kernel().column_extents(matrix, minima.data(), maxima.data());
    for (Index c = 0; c < matrix.columns; ++c) expect_extent({minima[size(c)], maxima[size(c)]}, column(c));
  });
}

double itself(float value) { return static_cast<double>(value); }
double absolute(float value) { return std::abs(static_cast<double>(value)); }
double square(float value) { return static_cast<double>(value) * static_cast<double>(value); }

/// Partial sum l is that of the elements l, l + 32, ...; then halves are added to halves.
template <class Term>
double reference_sum(const float* values, Index count, Term term) {
  std::vector<double> sums(32);
  for (Index i = 0; i < count; ++i) sums[size(i % 32)] += term(values[i]);
  for (; sums.size() > 1; sums.resize(sums.size() / 2)) {
    for (std::size_t l = 0; l < sums.size() / 2; ++l) sums[l] += sums[l + sums.size() / 2];
  }
  return sums[0];
}

/// The same bits, or both a NaN.
void expect_same(double actual, double expected) {
  if (std::isnan(expected)) {
    ASSERT_TRUE(std::isnan(actual)) << actual;
  } else {
    ASSERT_EQ(std::bit_cast<std::uint64_t>(actual), std::bit_cast<std::uint64_t>(expected));
  }
}

TEST_P(ReductionTest, SumsFollowTheOrderThatIsStatedBitForBit) {
  Random random(4);
  for (Index count = 0; count <= 200; ++count) {
    for (const bool extreme : {false, true}) {
      ShiftedMemory<float> values(count, count % 7);
      for (Index i = 0; i < count; ++i) values[i] = extreme ? any_number(random) : random.uniform(-3, 3);
      const float* data = values.data();
      expect_same(kernel().sum(data, count), reference_sum(data, count, itself));
      expect_same(kernel().sum_of_absolutes(data, count), reference_sum(data, count, absolute));
      expect_same(kernel().sum_of_squares(data, count), reference_sum(data, count, square));
    }
  }
}

TEST_P(ReductionTest, ErrorOfASumIsWithinTheBound) {
  constexpr Index kCount = 100'003;
  Random random(5);
  std::vector<float> values;
  long double sum = 0;
  long double magnitudes = 0;
  long double squares = 0;
  for (Index i = 0; i < kCount; ++i) {
    values.push_back(random.uniform(-1, 1.1F) * static_cast<float>(1 + i % 1000));
    const auto value = static_cast<long double>(values.back());
    sum += value;
    magnitudes += std::abs(value);
    squares += value * value;
  }
  const auto bound = 0x1p-53L * (kCount / 32 + 6);  // additions that an element goes through
  EXPECT_LE(std::abs(static_cast<long double>(kernel().sum(values.data(), kCount)) - sum), bound * magnitudes);
  EXPECT_LE(std::abs(static_cast<long double>(kernel().sum_of_absolutes(values.data(), kCount)) - magnitudes),
            bound * magnitudes);
  EXPECT_LE(std::abs(static_cast<long double>(kernel().sum_of_squares(values.data(), kCount)) - squares),
            bound * squares);
}

TEST_P(ReductionTest, ColumnsAreSummedUpFromTheFirstRowToTheLast) {
  for_columns([&](const ReductionColumns& matrix, auto&& column) {
    std::vector<double> sums(size(matrix.columns));
    std::vector<double> magnitudes(size(matrix.columns));
    std::vector<double> squares(size(matrix.columns));
    kernel().column_sums(matrix, sums.data());
    kernel().column_sums_of_absolutes(matrix, magnitudes.data());
    kernel().column_sums_of_squares(matrix, squares.data());
    for (Index c = 0; c < matrix.columns; ++c) {
      double expected_sum = 0;
      double expected_magnitude = 0;
      double expected_square = 0;
      for (const float value : column(c)) {
        expected_sum += itself(value);
        expected_magnitude += absolute(value);
        expected_square += square(value);
      }
      expect_same(sums[size(c)], expected_sum);
      expect_same(magnitudes[size(c)], expected_magnitude);
      expect_same(squares[size(c)], expected_square);
    }
  });
}

TEST_P(ReductionTest, CountsAreThoseOfTheFormula) {
  Random random(6);
  struct Bins {
    double origin;
    double inverse_width;
    std::int32_t first;
    std::int32_t bins;
  };
  for (const Bins& bins : {Bins{0, 1, -50, 100}, Bins{0, 0x1p5, -4000, 4096}, Bins{-7.3, 12.34567, 0, 200},
                           Bins{0.1, 1 / 0.3, 0, 1}, Bins{0, 0x1p-10, 0, 3}, Bins{-1e-3, 1e9, -2'000'000'000, 64}}) {
    for (Index count = 0; count <= 1200; count += count < 200 ? 1 : 331) {
      ShiftedMemory<float> values(count, count % 6);
      for (Index i = 0; i < count; ++i) {
        const auto kind = random.below(8);
        values[i] = i % 5 == 0  ? 0.0F
                    : kind == 0 ? std::bit_cast<float>(random.bits())  // now and then a NaN or an infinity
                    : kind == 1 ? static_cast<float>(random_integer(random, -60, 60))
                    : kind == 2 ? -Limits::denorm_min()
                    : kind == 3 ? Limits::quiet_NaN()
                                : random.uniform(-100, 100);
      }
      std::vector<std::uint64_t> expected(size(bins.bins), 5);
      std::vector<std::uint64_t> actual = expected;
      Index zeros = 0;
      for (Index i = 0; i < count; ++i) {
        const double position = std::floor((static_cast<double>(values[i]) - bins.origin) * bins.inverse_width);
        const double bin = std::isnan(position) ? 0 : std::clamp(position - bins.first, 0.0, bins.bins - 1.0);
        if (values[i] == 0) {
          ++zeros;
        } else {
          ++expected[static_cast<std::size_t>(bin)];
        }
      }
      const BinCounting counting{values.data(), count,     bins.origin,  bins.inverse_width,
                                 bins.first,    bins.bins, actual.data()};
      ASSERT_EQ(kernel().count_bins(counting), zeros) << count;
      ASSERT_EQ(actual, expected) << count << " values, origin " << bins.origin;
    }
  }
}

TEST_P(ReductionTest, CountsAreThoseOfTheCalibrationHistogram) {
  Random random(7);
  for (const float scale : {1.0F, 1e-3F, 5e6F, 1e-30F}) {
    std::vector<float> values;
    for (int i = 0; i < 20'000; ++i) values.push_back(std::max(random.uniform(-1, 1), -0.2F) * scale);
    values.push_back(0);
    values.push_back(-Limits::denorm_min());
    calibrate::Histogram histogram(256);
    histogram.observe(values);
    std::vector<std::uint64_t> counts(256);
    const Index zeros = kernel().count_bins({.values = values.data(),
                                             .count = static_cast<Index>(values.size()),
                                             .inverse_width = 1 / histogram.bin_width(),
                                             .first = histogram.first_bin(),
                                             .bins = 256,
                                             .counts = counts.data()});
    EXPECT_EQ(static_cast<std::uint64_t>(zeros), histogram.zeros());
    for (std::int32_t bin = histogram.first_bin(); bin <= histogram.last_bin(); ++bin) {
      ASSERT_EQ(counts[static_cast<std::size_t>(bin - histogram.first_bin())], histogram[bin]) << bin;
    }
  }
}

}  // namespace
}  // namespace condense::kernels
