#include "condense/graph/operators/unary_math.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "condense/graph/operators/cast.hpp"
#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Function {
  Operator op;
  double (*value)(double);
  float low;
  float high;
};

const Function kFunctions[] = {
    {Acos{}, [](double x) { return std::acos(x); }, -1, 1},
    {Acosh{}, [](double x) { return std::log(x + std::sqrt(x * x - 1)); }, 1.1F, 9},
    {Asin{}, [](double x) { return std::asin(x); }, -1, 1},
    {Asinh{}, [](double x) { return std::log(x + std::sqrt(x * x + 1)); }, -2, 9},
    {Atan{}, [](double x) { return std::atan2(x, 1.0); }, -9, 9},
    {Atanh{}, [](double x) { return 0.5 * std::log((1 + x) / (1 - x)); }, -0.9F, 0.9F},
    {Ceil{}, [](double x) { return -std::floor(-x); }, -9, 9},
    {Cos{}, [](double x) { return 1 - 2 * std::sin(x / 2) * std::sin(x / 2); }, -9, 9},
    {Cosh{}, [](double x) { return (std::exp(x) + std::exp(-x)) / 2; }, -3, 3},
    {Erf{}, [](double x) { return 1 - std::erfc(x); }, -3, 3},
    {Exp{}, [](double x) { return std::pow(2.718281828459045, x); }, -3, 3},
    {Floor{}, [](double x) { return -std::ceil(-x); }, -9, 9},
    {Log{}, [](double x) { return std::log2(x) * 0.6931471805599453; }, 0.1F, 9},
    {Reciprocal{}, [](double x) { return 1 / x; }, 0.1F, 9},
    {Sin{}, [](double x) { return 2 * std::sin(x / 2) * std::cos(x / 2); }, -9, 9},
    {Sinh{}, [](double x) { return (std::exp(x) - std::exp(-x)) / 2; }, -3, 3},
    {Sqrt{}, [](double x) { return std::pow(x, 0.5); }, 0, 9},
    {Tan{}, [](double x) { return std::sin(x) / std::cos(x); }, -1.4F, 1.4F},
    {Tanh{}, [](double x) { return 1 - 2 / (std::exp(2 * x) + 1); }, -3, 3},
};

/// In float32, float64 and both halves, whose results are those of float32 rounded once.
TEST(UnaryMath, EqualsTheDefinitionOnFloats) {
  Random random(1);
  for (const Function& f : kFunctions) {
    SCOPED_TRACE(f.op.type());
    const Tensor x = random_tensor({3, 500}, random, f.low, f.high);
    const Tensor y = run(f.op, {x});
    const Tensor wide = run(f.op, {run(Cast{.to = DataType::float64}, {x})});
    for (Index i = 0; i < x.count(); ++i) {
      const double expected = f.value(static_cast<double>(x.data<float>()[i]));
      ASSERT_NEAR(static_cast<double>(y.data<float>()[i]), expected, 2e-6 * (1 + std::abs(expected)));
      ASSERT_NEAR(wide.data<double>()[i], expected, 1e-12 * (1 + std::abs(expected)));
    }
    for (const DataType half : {DataType::float16, DataType::bfloat16}) {
      const Tensor narrow = run(Cast{.to = half}, {x});
      const Tensor widened = run(Cast{}, {narrow});
      ASSERT_EQ(run(f.op, {narrow}), run(Cast{.to = half}, {run(f.op, {widened})}));
    }
  }
}

TEST(Round, TakesTheEvenOneOfTwo) {
  const Tensor x = Tensor::of<float>({8}, {0.5F, 1.5F, 2.5F, -0.5F, -1.5F, 2.4F, -2.6F, kInfinity});
  const Tensor y = run(Round{}, {x});
  const float expected[] = {0, 2, 2, 0, -2, 2, -3, kInfinity};
  for (Index i = 0; i < 8; ++i) EXPECT_EQ(y.data<float>()[i], expected[i]);
}

TEST(UnaryMath, HoldsAtTheEndsOfIntegers) {
  const Tensor x = Tensor::of<std::int8_t>({4}, {-128, -1, 0, 127});
  EXPECT_EQ(run(Abs{}, {x}), Tensor::of<std::int8_t>({4}, {-128, 1, 0, 127}));
  EXPECT_EQ(run(Neg{}, {x}), Tensor::of<std::int8_t>({4}, {-128, 1, 0, -127}));
  EXPECT_EQ(run(Sign{}, {x}), Tensor::of<std::int8_t>({4}, {-1, -1, 0, 1}));
  EXPECT_EQ(run(BitwiseNot{}, {x}), Tensor::of<std::int8_t>({4}, {127, 0, -1, -128}));
  EXPECT_EQ(run(Erf{}, {x}), Tensor::of<std::int8_t>({4}, {-1, 0, 0, 1}));
  const std::int64_t lowest = std::numeric_limits<std::int64_t>::lowest();
  EXPECT_EQ(run(Abs{}, {Tensor::scalar(lowest)}), Tensor::scalar(lowest));
  EXPECT_EQ(run(Neg{}, {Tensor::scalar(lowest)}), Tensor::scalar(lowest));
  const std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(run(Abs{}, {Tensor::scalar(highest)}), Tensor::scalar(highest));
  EXPECT_EQ(run(Sign{}, {Tensor::scalar(highest)}), Tensor::scalar(std::uint64_t{1}));
  EXPECT_EQ(run(BitwiseNot{}, {Tensor::scalar(highest)}), Tensor::scalar(std::uint64_t{0}));
  EXPECT_EQ(run(Abs{}, {Tensor::of<float>({2}, {-2.5F, 2.5F})}), Tensor::of<float>({2}, {2.5F, 2.5F}));
  EXPECT_EQ(run(Neg{}, {Tensor::of<float>({2}, {-2.5F, 2.5F})}), Tensor::of<float>({2}, {2.5F, -2.5F}));
}

TEST(UnaryMath, AsksFloatsAndBooleans) {
  const Tensor x = Tensor::of<float>({4}, {-kInfinity, 1, kNan, kInfinity});
  EXPECT_EQ(run(IsInf{}, {x}), Tensor::of<bool>({4}, {true, false, false, true}));
  EXPECT_EQ(run(IsInf{.detect_negative = false}, {x}), Tensor::of<bool>({4}, {false, false, false, true}));
  EXPECT_EQ(run(IsInf{.detect_positive = false}, {x}), Tensor::of<bool>({4}, {true, false, false, false}));
  EXPECT_EQ(run(IsNaN{}, {x}), Tensor::of<bool>({4}, {false, false, true, false}));
  EXPECT_EQ(run(IsNaN{}, {run(Cast{.to = DataType::float16}, {x})}), run(IsNaN{}, {x}));
  EXPECT_EQ(run(Not{}, {Tensor::of<bool>({2}, {true, false})}), Tensor::of<bool>({2}, {false, true}));
  EXPECT_TRUE(std::isnan(run(Sign{}, {x}).data<float>()[2]));
}

TEST(UnaryMath, TakesScalarsAndNothing) {
  EXPECT_EQ(run(Exp{}, {Tensor::scalar(0.0F)}), Tensor::scalar(1.0F));
  EXPECT_EQ(run(Exp{}, {Tensor(DataType::float32, {2, 0})}).shape(), (Shape{2, 0}));
}

TEST(UnaryMath, RefusesOtherTypes) {
  const auto refuses = [](const Operator& op, DataType type, std::string_view message) {
    return throws<InvalidArgument>(message, [&] { run(op, {Tensor(type, {2})}); });
  };
  EXPECT_TRUE(refuses(Sin{}, DataType::int32, "its input 0 is a float tensor, this one is int32"));
  EXPECT_TRUE(refuses(IsInf{}, DataType::int32, "its input 0 is a float tensor, this one is int32"));
  EXPECT_TRUE(refuses(Abs{}, DataType::int4, "its input 0 holds numbers of 8 bits or more, this one is int4"));
  EXPECT_TRUE(refuses(Neg{}, DataType::uint8, "its input 0 holds signed numbers, this one is uint8"));
  EXPECT_TRUE(refuses(Not{}, DataType::uint8, "its input 0 is boolean, this one is uint8"));
  EXPECT_TRUE(refuses(BitwiseNot{}, DataType::float32, "its input 0 holds integers of 8 bits or more"));
}

}  // namespace
}  // namespace condense::graph
