#include <bit>
#include <cmath>
#include <limits>

#include "support/backends.hpp"
#include "support/kernel_data.hpp"

namespace condense::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::size_t size(Index count) { return static_cast<std::size_t>(count); }

class FloatElementwiseTest : public BackendTest<FloatElementwise> {
 protected:
  std::vector<float> map(const FloatMap& function, const std::vector<float>& input) const {
    return map_with(kernels().float_elementwise, function, input);
  }
  static std::vector<float> map_with(const FloatElementwiseKernel& kernel, const FloatMap& function,
                                     const std::vector<float>& input) {
    std::vector<float> output(input.size());
    kernel.map({function, input.data(), output.data(), static_cast<Index>(input.size())});
    return output;
  }
  float map_one(const FloatMap& function, float x) const { return map(function, {x}).front(); }

  void pair(const FloatPairArguments& arguments) const { kernels().float_elementwise.pair(arguments); }
};
CONDENSE_TEST_ALL_BACKENDS(FloatElementwiseTest);

/// Floats of every sign and exponent, denormal ones too, and what is not finite.
std::vector<float> coarse_floats() {
  std::vector<float> values{0.0F, -0.0F, kInfinity, -kInfinity, kNan};
  Random random(1);
  for (std::uint32_t top = 0; top < 512; ++top) {
    for (int i = 0; i < 100; ++i) values.push_back(std::bit_cast<float>(top << 23 | (random.bits() & 0x7FFFFFU)));
  }
  for (int i = 0; i < 100'000; ++i) values.push_back(random.uniform(-20, 20));
  return values;
}

/// All functions, with parameters that fit.
std::vector<FloatMap> all_maps() {
  std::vector<FloatMap> maps;
  for (int i = 0; i < kFloatFunctions; ++i) maps.push_back({static_cast<FloatFunction>(i), 0.3F, 0.75F});
  maps.push_back({FloatFunction::clip, 0, kInfinity});
  maps.push_back({FloatFunction::clip, -kInfinity, 6});
  return maps;
}

/// Equal bytes, or two NaNs.
bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

TEST_P(FloatElementwiseTest, AllBackendsGiveTheSameBytes) {
  const std::vector<float> values = coarse_floats();
  const FloatElementwiseKernel scalar = KernelSet::select("scalar").float_elementwise;
  for (const FloatMap& function : all_maps()) {
    const std::vector<float> expected = map_with(scalar, function, values);
    const std::vector<float> actual = map(function, values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_TRUE(same(actual[i], expected[i]))
          << static_cast<int>(function.function) << " of " << values[i] << ": " << actual[i] << ", " << expected[i];
    }
  }
}

/// What a function is in exact arithmetic, and how many units in the last place it may be off.
struct Approximation {
  FloatMap map;
  double (*exact)(double);
  double units;
  double part_of_x = 0;  ///< What it may be off beside that, as a part of |x|.
};

double exact_sigmoid(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
double exact_softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

std::vector<Approximation> approximations() {
  return {
      {{FloatFunction::exponential}, [](double x) { return std::exp(x); }, 1.1},
      {{FloatFunction::logarithm}, [](double x) { return std::log(x); }, 1.1},
      {{FloatFunction::sigmoid}, exact_sigmoid, 2.5},
      {{FloatFunction::swish, 1}, [](double x) { return x * exact_sigmoid(x); }, 3.3},
      {{FloatFunction::swish, 0.5F}, [](double x) { return x * exact_sigmoid(0.5 * x); }, 3.3},
      {{FloatFunction::tanh}, [](double x) { return std::tanh(x); }, 2.6},
      {{FloatFunction::elu, 1}, [](double x) { return x < 0 ? std::expm1(x) : x; }, 2.5},
      {{FloatFunction::celu, 0.75F}, [](double x) { return x < 0 ? 0.75 * std::expm1(x / 0.75) : x; }, 2.5},
      {{FloatFunction::selu, 1.5F, 0.75F}, [](double x) { return 0.75 * (x > 0 ? x : 1.5 * std::expm1(x)); }, 2.5},
      {{FloatFunction::softplus}, exact_softplus, 2},
      {{FloatFunction::mish}, [](double x) { return x * std::tanh(exact_softplus(x)); }, 4.5},
      {{FloatFunction::error}, [](double x) { return std::erf(x); }, 2.3},
      {{FloatFunction::gelu}, [](double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); }, 7},
      {{FloatFunction::gelu_tanh},
       [](double x) {
         const double u = std::sqrt(8 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
         return x * exact_sigmoid(u);
       },
       3,
       0x1p-21},
  };
}

TEST_P(FloatElementwiseTest, IsAsNearToTheExactFunctionAsItSays) {
  const std::vector<float> values = coarse_floats();
  for (const Approximation& a : approximations()) {
    const std::vector<float> results = map(a.map, values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double exact = a.exact(static_cast<double>(values[i]));
      if (!std::isfinite(static_cast<float>(exact))) {
        ASSERT_TRUE(same(results[i], static_cast<float>(exact)))
            << static_cast<int>(a.map.function) << " of " << values[i] << ": " << results[i];
        continue;
      }
      const double unit = std::ldexp(1.0, std::ilogb(std::max(std::abs(exact), 0x1p-126)) - 23);
      const double size = std::min(std::abs(static_cast<double>(values[i])), 0x1p127);
      double tolerance = a.units * unit + a.part_of_x * size;
      if (std::abs(exact) < 0x1p-118) tolerance += std::abs(exact);
      ASSERT_NEAR(static_cast<double>(results[i]), exact, tolerance)
          << static_cast<int>(a.map.function) << " of " << values[i];
    }
  }
}

/// A function that is a formula of a few operations.
struct Formula {
  FloatMap map;
  float (*function)(float);
};

TEST_P(FloatElementwiseTest, FormulasAreExact) {
  const std::vector<Formula> formulas{
      {{FloatFunction::clip, -1.5F, 6}, [](float x) { return x < -1.5F ? -1.5F
                                                             : x > 6   ? 6
                                                                       : x; }},
      {{FloatFunction::clip, 0, kInfinity}, [](float x) { return x < 0 ? 0 : x; }},
      {{FloatFunction::leaky_relu, 0.1F}, [](float x) { return x < 0 ? 0.1F * x : x; }},
      {{FloatFunction::leaky_relu, 1.5F}, [](float x) { return x < 0 ? 1.5F * x : x; }},
      {{FloatFunction::thresholded_relu, 2}, [](float x) { return x <= 2 ? 0 : x; }},
      {{FloatFunction::shrink, 0.5F, 0.25F}, [](float x) { return x < -0.5F  ? x + 0.25F
                                                                  : x > 0.5F ? x - 0.25F
                                                                             : 0; }},
      {{FloatFunction::hard_sigmoid, 0.3F, 0.5F},
       [](float x) {
         const float line = std::fma(0.3F, x, 0.5F);
         return line < 0 ? 0 : line > 1 ? 1 : line;
       }},
      {{FloatFunction::hard_swish},
       [](float x) {
         const float gate = x / 6 + 0.5F;
         return x * (gate < 0 ? 0 : gate > 1 ? 1 : gate);
       }},
      {{FloatFunction::absolute}, [](float x) { return std::abs(x); }},
      {{FloatFunction::negate}, [](float x) { return -x; }},
      {{FloatFunction::sign}, [](float x) { return x > 0   ? 1
                                                   : x < 0 ? -1
                                                           : x; }},
      {{FloatFunction::square}, [](float x) { return x * x; }},
      {{FloatFunction::cube}, [](float x) { return x * x * x; }},
      {{FloatFunction::square_root}, [](float x) { return std::sqrt(x); }},
      {{FloatFunction::power_half}, [](float x) { return static_cast<float>(std::pow(static_cast<double>(x), 0.5)); }},
      {{FloatFunction::reciprocal}, [](float x) { return 1 / x; }},
      {{FloatFunction::floor}, [](float x) { return std::floor(x); }},
      {{FloatFunction::ceil}, [](float x) { return std::ceil(x); }},
      {{FloatFunction::round}, [](float x) { return std::nearbyint(x); }},
      {{FloatFunction::softsign}, [](float x) { return x / (1 + std::abs(x)); }},
  };
  const std::vector<float> values = coarse_floats();
  for (const Formula& formula : formulas) {
    const std::vector<float> results = map(formula.map, values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_TRUE(same(results[i], formula.function(values[i])))
          << static_cast<int>(formula.map.function) << " of " << values[i] << ": " << results[i];
    }
  }
}

TEST_P(FloatElementwiseTest, EndsOfTheFunctions) {
  EXPECT_EQ(map_one({FloatFunction::exponential}, 0), 1);
  EXPECT_EQ(map_one({FloatFunction::exponential}, -kInfinity), 0);
  EXPECT_EQ(map_one({FloatFunction::exponential}, -103), std::exp(-103.0F));  // the smallest denormal
  EXPECT_EQ(map_one({FloatFunction::exponential}, 88.8F), kInfinity);
  EXPECT_EQ(map_one({FloatFunction::logarithm}, 1), 0);
  EXPECT_EQ(map_one({FloatFunction::logarithm}, -0.0F), -kInfinity);
  EXPECT_EQ(map_one({FloatFunction::sigmoid}, 0), 0.5F);
  EXPECT_EQ(map_one({FloatFunction::sigmoid}, kInfinity), 1);
  EXPECT_EQ(map_one({FloatFunction::tanh}, -kInfinity), -1);
  EXPECT_TRUE(std::signbit(map_one({FloatFunction::tanh}, -0.0F)));
  EXPECT_EQ(map_one({FloatFunction::error}, kInfinity), 1);
  EXPECT_EQ(map_one({FloatFunction::gelu}, 100), 100);
  EXPECT_EQ(map_one({FloatFunction::mish}, kInfinity), kInfinity);
  EXPECT_EQ(map_one({FloatFunction::softplus}, kInfinity), kInfinity);
}

TEST_P(FloatElementwiseTest, MapsEveryLengthAndNothingBeyondItInPlaceToo) {
  for (Index count = 0; count <= 200; ++count) {
    Random random(static_cast<std::uint64_t>(count));
    ShiftedMemory<float> input(count, count % 5);
    ShiftedMemory<float> output(count + 3, count % 7);
    const std::vector<float> untouched(output.data(), output.data() + output.size());
    for (Index i = 0; i < count; ++i) input[i] = random.uniform(-4, 4);
    kernels().float_elementwise.map({{FloatFunction::leaky_relu, 0.5F}, input.data(), output.data(), count});
    for (Index i = 0; i < count; ++i) ASSERT_EQ(output[i], input[i] < 0 ? input[i] * 0.5F : input[i]);
    ASSERT_EQ(std::memcmp(&output[count], &untouched[size(count)], 3 * sizeof(float)), 0);
    kernels().float_elementwise.map({{FloatFunction::leaky_relu, 0.5F}, input.data(), input.data(), count});
    for (Index i = 0; i < count; ++i) ASSERT_EQ(input[i], output[i]);
  }
}

float reference_pair(FloatPair operation, float a, float b) {
  switch (operation) {
    case FloatPair::add: return a + b;
    case FloatPair::subtract: return a - b;
    case FloatPair::multiply: return a * b;
    case FloatPair::divide: return a / b;
    case FloatPair::minimum: return b < a || std::isnan(b) ? b : a;
    case FloatPair::maximum: return a < b || std::isnan(b) ? b : a;
    case FloatPair::leaky_relu: return a < 0 ? a * b : a;
  }
  return 0;
}

TEST_P(FloatElementwiseTest, PairsOfAllFloatsThatDiffer) {
  const std::vector<float> values = coarse_floats();
  const auto count = static_cast<Index>(values.size());
  const std::vector<float> others(values.rbegin(), values.rend());
  for (int i = 0; i < kFloatPairs; ++i) {
    const auto operation = static_cast<FloatPair>(i);
    for (const float number : {0.0F, -1.5F, kInfinity, kNan}) {
      std::vector<float> results(values.size());
      const FloatOperand repeated{.data = &number, .step = 0};
      pair({operation, {values.data()}, {others.data()}, results.data(), 0, 1, count});
      for (std::size_t k = 0; k < values.size(); ++k) {
        ASSERT_TRUE(same(results[k], reference_pair(operation, values[k], others[k]))) << values[k] << " " << others[k];
      }
      pair({operation, {values.data()}, repeated, results.data(), 0, 1, count});
      for (std::size_t k = 0; k < values.size(); ++k) {
        ASSERT_TRUE(same(results[k], reference_pair(operation, values[k], number))) << values[k] << " " << number;
      }
      pair({operation, repeated, {values.data()}, results.data(), 0, 1, count});
      for (std::size_t k = 0; k < values.size(); ++k) {
        ASSERT_TRUE(same(results[k], reference_pair(operation, number, values[k]))) << number << " " << values[k];
      }
    }
  }
}

TEST_P(FloatElementwiseTest, PairsOfRowsOfEveryLengthHoweverTheyRepeat) {
  constexpr Index kRows = 3;
  for (Index columns = 1; columns <= 70; ++columns) {
    Random random(static_cast<std::uint64_t>(columns));
    ShiftedMemory<float> a(kRows * (columns + 1), columns % 3);
    ShiftedMemory<float> b(kRows * (columns + 2), columns % 5);
    for (std::size_t i = 0; i < a.size(); ++i) a[static_cast<Index>(i)] = random.uniform(-4, 4);
    for (std::size_t i = 0; i < b.size(); ++i) b[static_cast<Index>(i)] = random.uniform(-4, 4);
    const FloatOperand rows{a.data(), columns + 1, 1};
    for (const FloatOperand& other :
         {FloatOperand{b.data(), columns + 2, 1}, FloatOperand{b.data(), 0, 1}, FloatOperand{b.data(), 1, 0}}) {
      for (const bool swapped : {false, true}) {
        ShiftedMemory<float> output(kRows * (columns + 3), columns % 7);
        const std::vector<float> untouched(output.data(), output.data() + output.size());
        const FloatOperand& left = swapped ? other : rows;
        const FloatOperand& right = swapped ? rows : other;
        pair({FloatPair::subtract, left, right, output.data(), columns + 3, kRows, columns});
        for (Index row = 0; row < kRows; ++row) {
          for (Index i = 0; i < columns; ++i) {
            ASSERT_EQ(output[row * (columns + 3) + i], left.data[row * left.row_stride + i * left.step] -
                                                           right.data[row * right.row_stride + i * right.step]);
          }
          ASSERT_EQ(std::memcmp(&output[row * (columns + 3) + columns], &untouched[size(row * (columns + 3) + columns)],
                                3 * sizeof(float)),
                    0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace condense::kernels
