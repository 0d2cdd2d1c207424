#include "condense/graph/operators/binary_math.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <class T>
Tensor vector(std::initializer_list<T> values) {
  return Tensor::of<T>({static_cast<Index>(values.size())}, values);
}

TEST(Sub, SubtractsAndWraps) {
  EXPECT_EQ(run(Sub{}, {vector<float>({3, 5}), Tensor::scalar(1.5F)}), vector<float>({1.5F, 3.5F}));
  EXPECT_EQ(run(Sub{}, {vector<std::uint8_t>({3, 5}), vector<std::uint8_t>({4, 1})}), vector<std::uint8_t>({255, 4}));
}

/// All pairs of int8, against the operations of C.
TEST(IntegerDivision, EqualsTheDefinitionOnAllPairsOfInt8) {
  Tensor a(DataType::int8, {256, 1});
  Tensor b(DataType::int8, {256});
  for (int i = 0; i < 256; ++i) {
    a.mutable_data<std::int8_t>()[i] = static_cast<std::int8_t>(i - 128);
    b.mutable_data<std::int8_t>()[i] = static_cast<std::int8_t>(i - 128);
  }
  const Tensor quotients = run(Div{}, {a, b});
  const Tensor remainders = run(Mod{.fmod = true}, {a, b});
  const Tensor modulos = run(Mod{}, {a, b});
  for (int i = 0; i < 256; ++i) {
    for (int j = 0; j < 256; ++j) {
      const int x = i - 128;
      const int y = j - 128;
      const Index at = 256 * i + j;
      const int quotient = y == 0 ? 0 : x / y;
      const int remainder = y == 0 ? 0 : x % y;
      const int modulo = y == 0 ? 0 : static_cast<int>(x - y * std::floor(static_cast<double>(x) / y));
      ASSERT_EQ(quotients.data<std::int8_t>()[at], static_cast<std::int8_t>(quotient)) << x << " / " << y;
      ASSERT_EQ(remainders.data<std::int8_t>()[at], remainder) << x << " fmod " << y;
      ASSERT_EQ(modulos.data<std::int8_t>()[at], modulo) << x << " mod " << y;
    }
  }
}

TEST(IntegerDivision, HoldsAtTheEnds) {
  const std::int64_t lowest = std::numeric_limits<std::int64_t>::lowest();
  const Tensor ends = vector<std::int64_t>({lowest, lowest, 7});
  const Tensor divisors = vector<std::int64_t>({-1, 0, 0});
  EXPECT_EQ(run(Div{}, {ends, divisors}), vector<std::int64_t>({lowest, 0, 0}));
  EXPECT_EQ(run(Mod{}, {ends, divisors}), vector<std::int64_t>({0, 0, 0}));
  EXPECT_EQ(run(Div{}, {vector<std::uint64_t>({~std::uint64_t{0}}), vector<std::uint64_t>({2})}),
            vector<std::uint64_t>({~std::uint64_t{0} / 2}));
}

TEST(Mod, OfFloatsHasTheSignOfTheDividend) {
  const Tensor x = vector<float>({-4.5F, 4.5F, 7});
  const Tensor y = vector<float>({2, -2, 2.5F});
  EXPECT_EQ(run(Mod{.fmod = true}, {x, y}), vector<float>({-0.5F, 0.5F, 2}));
  EXPECT_TRUE(throws<InvalidArgument>("its attribute fmod is 0, which takes integers; its input 0 is float32", [&] {
    run(Mod{}, {x, y});
  }));
}

TEST(Pow, HasTheTypeOfTheBase) {
  EXPECT_EQ(run(Pow{}, {vector<float>({1, 2, 3}), vector<std::int32_t>({4, -1, 3})}), vector<float>({1, 0.5F, 27}));
  EXPECT_EQ(run(Pow{}, {vector<float>({4, 9}), Tensor::scalar(0.5F)}), vector<float>({2, 3}));
  EXPECT_EQ(run(Pow{}, {vector<double>({4, 9}), Tensor::scalar<std::uint64_t>(2)}), vector<double>({16, 81}));
  EXPECT_EQ(run(Pow{}, {vector<std::int32_t>({4, 10}), vector<float>({0.5F, 1.5F})}), vector<std::int32_t>({2, 31}));
  EXPECT_EQ(run(Pow{}, {vector<std::int64_t>({3, -2, 7}), vector<std::int64_t>({39, 63, 0})}),
            vector<std::int64_t>({4052555153018976267, std::numeric_limits<std::int64_t>::lowest(), 1}));
  EXPECT_EQ(run(Pow{}, {vector<std::int32_t>({1, -1, -1, 2, 0}), vector<std::int64_t>({-5, -5, -4, -1, -1})}),
            vector<std::int32_t>({1, -1, 1, 0, 0}));
  EXPECT_EQ(run(Pow{}, {vector<std::uint8_t>({3}), vector<std::uint8_t>({6})}), vector<std::uint8_t>({729 % 256}));
}

TEST(BitShift, PushesBitsOut) {
  const Tensor x = vector<std::uint8_t>({1, 200, 16, 255});
  const Tensor places = vector<std::uint8_t>({7, 1, 8, 255});
  EXPECT_EQ(run(BitShift{}, {x, places}), vector<std::uint8_t>({128, 144, 0, 0}));
  EXPECT_EQ(run(BitShift{.direction = ShiftDirection::right}, {x, places}), vector<std::uint8_t>({0, 100, 0, 0}));
  EXPECT_EQ(run(BitShift{}, {vector<std::uint64_t>({1, 1}), vector<std::uint64_t>({63, 64})}),
            vector<std::uint64_t>({std::uint64_t{1} << 63, 0}));
  EXPECT_TRUE(throws<InvalidArgument>("its input 0 holds unsigned integers, this one is int8", [] {
    run(BitShift{}, {vector<std::int8_t>({1}), vector<std::int8_t>({1})});
  }));
}

TEST(Bitwise, WorksOnEveryBit) {
  const Tensor a = vector<std::int16_t>({0b1100, -1});
  const Tensor b = vector<std::int16_t>({0b1010, 0x1234});
  EXPECT_EQ(run(BitwiseAnd{}, {a, b}), vector<std::int16_t>({0b1000, 0x1234}));
  EXPECT_EQ(run(BitwiseOr{}, {a, b}), vector<std::int16_t>({0b1110, -1}));
  EXPECT_EQ(run(BitwiseXor{}, {a, b}), vector<std::int16_t>({0b0110, ~0x1234}));
  EXPECT_TRUE(throws<InvalidArgument>("its input 0 holds integers of 8 bits or more, this one is float32", [] {
    run(BitwiseAnd{}, {vector<float>({1}), vector<float>({1})});
  }));
}

/// Against sums of pairs, over shapes that need all of the inputs to be known.
TEST(Variadic, BroadcastsAllInputs) {
  Random random(4);
  const Tensor a = random_tensor({5, 1, 700}, random);
  const Tensor b = random_tensor({3, 1}, random);
  const Tensor c = random_tensor({}, random);
  const Tensor sum = run(Sum{}, {a, b, c});
  const Tensor mean = run(Mean{}, {a, b, c});
  const Tensor most = run(Max{}, {a, b, c});
  const Tensor least = run(Min{}, {a, b, c});
  ASSERT_EQ(sum.shape(), (Shape{5, 3, 700}));
  for (Index i = 0; i < sum.count(); ++i) {
    const float x = a.data<float>()[i / 2100 * 700 + i % 700];
    const float y = b.data<float>()[i / 700 % 3];
    const float z = *c.data<float>();
    ASSERT_EQ(sum.data<float>()[i], x + y + z);
    ASSERT_EQ(mean.data<float>()[i], (x + y + z) / 3);
    ASSERT_EQ(most.data<float>()[i], std::max({x, y, z}));
    ASSERT_EQ(least.data<float>()[i], std::min({x, y, z}));
  }
}

TEST(Variadic, TakesOneInputAndOtherTypes) {
  EXPECT_EQ(run(Max{}, {vector<std::uint64_t>({~std::uint64_t{0}, 1}), vector<std::uint64_t>({2, 3})}),
            vector<std::uint64_t>({~std::uint64_t{0}, 3}));
  EXPECT_EQ(run(Min{}, {vector<std::int8_t>({-128, 1}), Tensor::scalar<std::int8_t>(0)}),
            vector<std::int8_t>({-128, 0}));
  EXPECT_EQ(run(Sum{}, {vector<float>({1, 2})}), vector<float>({1, 2}));
  EXPECT_EQ(run(Sum{}, {Tensor(DataType::float32, {0, 2}), Tensor(DataType::float32, {1, 2})}).shape(), (Shape{0, 2}));
  for (const Operator& op : {Operator(Max{}), Operator(Min{})}) {
    const Tensor y = run(op, {vector<float>({kNan, 1}), vector<float>({1, kNan})});
    EXPECT_TRUE(std::isnan(y.data<float>()[0]) && std::isnan(y.data<float>()[1])) << op.type();
  }
}

TEST(Variadic, RefusesWhatDoesNotFit) {
  const Tensor x = vector<float>({1, 2});
  EXPECT_TRUE(throws<InvalidArgument>("it takes 1 input or more, none is given", [] { run(Max{}, {}); }));
  EXPECT_TRUE(
      throws<InvalidArgument>("its input 2 of shape (3) does not broadcast with those before it, of shape (2)", [&] {
        run(Sum{}, {x, x, vector<float>({1, 2, 3})});
      }));
  EXPECT_TRUE(throws<InvalidArgument>("its input 1 is float64", [&] { run(Sum{}, {x, vector<double>({1})}); }));
  EXPECT_TRUE(throws<InvalidArgument>("its inputs are float tensors, they are int8",
                                      [] { run(Mean{}, {vector<std::int8_t>({1})}); }));
}

}  // namespace
}  // namespace condense::graph
