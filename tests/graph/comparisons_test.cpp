#include "condense/graph/operators/comparisons.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

struct Comparison {
  Operator op;
  std::function<bool(double, double)> holds;
};

const Comparison kComparisons[] = {
    {Equal{}, std::equal_to<>{}}, {Greater{}, std::greater<>{}},        {GreaterOrEqual{}, std::greater_equal<>{}},
    {Less{}, std::less<>{}},      {LessOrEqual{}, std::less_equal<>{}},
};

template <class T>
void expect_comparisons(float low, float high) {
  Random random(5);
  const Tensor a = random_tensor<T>({40, 30}, random, low, high);
  const Tensor b = random_tensor<T>({40, 1}, random, low, high);
  for (const Comparison& comparison : kComparisons) {
    const Tensor y = run(comparison.op, {a, b});
    for (Index i = 0; i < a.count(); ++i) {
      const auto left = static_cast<double>(a.data<T>()[i]);
      const auto right = static_cast<double>(b.data<T>()[i / 30]);
      ASSERT_EQ(y.data<bool>()[i], comparison.holds(left, right)) << comparison.op.type() << left << " " << right;
    }
  }
}

TEST(Comparisons, EqualTheDefinitionForEveryComputation) {
  expect_comparisons<float>(-1, 1);
  expect_comparisons<double>(-1, 1);
  expect_comparisons<Float16>(-2, 2);
  expect_comparisons<std::int8_t>(-3, 4);
  expect_comparisons<std::uint64_t>(0, 4);
}

TEST(Comparisons, DoNotGoThroughFloats) {
  const Tensor a = Tensor::scalar(std::numeric_limits<std::int64_t>::max());
  const Tensor b = Tensor::scalar(std::numeric_limits<std::int64_t>::max() - 1);
  EXPECT_EQ(run(Greater{}, {a, b}), Tensor::scalar(true));
  EXPECT_EQ(run(Equal{}, {a, b}), Tensor::scalar(false));
  const Tensor large = Tensor::scalar(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(run(Less{}, {Tensor::scalar(std::uint64_t{1}), large}), Tensor::scalar(true));
  const Tensor nan = Tensor::scalar(std::numeric_limits<float>::quiet_NaN());
  for (const Comparison& comparison : kComparisons) EXPECT_EQ(run(comparison.op, {nan, nan}), Tensor::scalar(false));
}

TEST(Logic, Golden) {
  const Tensor a = Tensor::of<bool>({2, 1}, {false, true});
  const Tensor b = Tensor::of<bool>({2}, {false, true});
  EXPECT_EQ(run(And{}, {a, b}), Tensor::of<bool>({2, 2}, {false, false, false, true}));
  EXPECT_EQ(run(Or{}, {a, b}), Tensor::of<bool>({2, 2}, {false, true, true, true}));
  EXPECT_EQ(run(Xor{}, {a, b}), Tensor::of<bool>({2, 2}, {false, true, true, false}));
  EXPECT_EQ(run(Equal{}, {a, b}), Tensor::of<bool>({2, 2}, {true, false, false, true}));
}

TEST(Where, ChoosesWithThreeShapes) {
  Random random(6);
  const Tensor a = random_tensor({4, 1, 300}, random);
  const Tensor b = random_tensor({5, 1}, random);
  Tensor condition(DataType::boolean, {4, 5, 300});
  for (bool& value : condition.mutable_values<bool>()) value = random.below(2) == 1;
  const Tensor y = run(Where{}, {condition, a, b});
  ASSERT_EQ(y.shape(), condition.shape());
  for (Index i = 0; i < y.count(); ++i) {
    const float left = a.data<float>()[i / 1500 * 300 + i % 300];
    ASSERT_EQ(y.data<float>()[i], condition.data<bool>()[i] ? left : b.data<float>()[i / 300 % 5]);
  }
  const Tensor one = Tensor::scalar(true);
  EXPECT_EQ(run(Where{}, {one, a, b}).shape(), condition.shape());
}

TEST(Where, TakesElementsOfEverySize) {
  const Tensor condition = Tensor::of<bool>({2}, {true, false});
  const auto expect = [&]<class T>(T a, T b) {
    EXPECT_EQ(run(Where{}, {condition, Tensor::scalar(a), Tensor::scalar(b)}), Tensor::of<T>({2}, {a, b}));
  };
  expect(true, false);
  expect(std::int8_t{-3}, std::int8_t{4});
  expect(BFloat16(1), BFloat16(2));
  expect(1.0, 2.0);
  expect(std::int64_t{1}, std::int64_t{-2});
}

TEST(Comparisons, RefuseWhatDoesNotFit) {
  const Tensor f = Tensor::scalar(1.0F);
  const Tensor t = Tensor::scalar(true);
  EXPECT_TRUE(throws<InvalidArgument>("its input 0 is boolean, this one is float32", [&] { run(And{}, {f, t}); }));
  EXPECT_TRUE(throws<InvalidArgument>("its input 1 is boolean, this one is float32", [&] { run(Equal{}, {t, f}); }));
  EXPECT_TRUE(throws<InvalidArgument>("its input 0 holds numbers of 8 bits or more, this one is boolean", [&] {
    run(Less{}, {t, t});
  }));
  EXPECT_TRUE(throws<InvalidArgument>("its input 0 is boolean, this one is float32", [&] { run(Where{}, {f, f, f}); }));
  EXPECT_TRUE(throws<InvalidArgument>("its inputs 1 and 2 are float32 and boolean", [&] { run(Where{}, {t, f, t}); }));
  const Tensor packed(DataType::int4, {});
  EXPECT_TRUE(throws<InvalidArgument>("this one is int4", [&] { run(Where{}, {t, packed, packed}); }));
}

}  // namespace
}  // namespace condense::graph
