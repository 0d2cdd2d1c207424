#include <gtest/gtest.h>

#include <limits>

#include "condense/graph/operators/reductions.hpp"
#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Tensor positions(const Shape& shape, std::initializer_list<std::int64_t> values) {
  return Tensor::of<std::int64_t>(shape, values);
}

TEST(ArgMax, FindsTheFirstOrTheLastOfEqualOnes) {
  const Tensor x = Tensor::of<float>({2, 3}, {2, 7, 7, 1, 1, 0});
  EXPECT_EQ(run(ArgMax{.axis = 1}, {x}), positions({2, 1}, {1, 0}));
  EXPECT_EQ(run(ArgMax{.axis = -1, .keepdims = false, .select_last_index = true}, {x}), positions({2}, {2, 1}));
  EXPECT_EQ(run(ArgMax{}, {x}), positions({1, 3}, {0, 0, 0}));
  EXPECT_EQ(run(ArgMin{.axis = 1}, {x}), positions({2, 1}, {0, 2}));
  EXPECT_EQ(run(ArgMin{.keepdims = false}, {x}), positions({3}, {1, 1, 1}));
}

/// Against a search element by element, for axes in all places and types of every computation.
template <class T>
void expect_positions() {
  Random random(9);
  const Tensor x = random_tensor<T>({6, 50, 7}, random, 0, 9);
  for (const Index axis : {0, 1, 2}) {
    const Index extent = x.shape()[static_cast<int>(axis)];
    const Index inner = x.shape().count(static_cast<int>(axis) + 1, 3);
    const Tensor most = run(ArgMax{.axis = axis}, {x});
    const Tensor least = run(ArgMin{.axis = axis, .select_last_index = true}, {x});
    for (Index i = 0; i < most.count(); ++i) {
      const T* first = x.data<T>() + i / inner * extent * inner + i % inner;
      Index highest = 0;
      Index lowest = 0;
      for (Index j = 0; j < extent; ++j) {
        if (first[j * inner] > first[highest * inner]) highest = j;
        if (first[j * inner] <= first[lowest * inner]) lowest = j;
      }
      ASSERT_EQ(most.data<std::int64_t>()[i], highest);
      ASSERT_EQ(least.data<std::int64_t>()[i], lowest);
    }
  }
}

TEST(ArgMax, EqualsTheDefinitionForEveryComputation) {
  expect_positions<float>();
  expect_positions<double>();
  expect_positions<BFloat16>();
  expect_positions<std::int8_t>();
  expect_positions<std::uint64_t>();
}

TEST(ArgMax, FindsNansAndRefusesNothing) {
  const Tensor x = Tensor::of<float>({4}, {1, kNan, kNan, 9});
  EXPECT_EQ(run(ArgMax{}, {x}), positions({1}, {1}));
  EXPECT_EQ(run(ArgMin{.select_last_index = true}, {x}), positions({1}, {2}));
  EXPECT_TRUE(throws<InvalidArgument>("its input 0 of shape (2 x 0) has no elements along its axis 1", [] {
    run(ArgMax{.axis = 1}, {Tensor(DataType::float32, {2, 0})});
  }));
  EXPECT_TRUE(throws<InvalidArgument>("axis 1 does not exist", [&] { run(ArgMax{.axis = 1}, {x}); }));
  EXPECT_EQ(run(ArgMax{}, {Tensor(DataType::float32, {2, 0})}).shape(), (Shape{1, 0}));
}

TEST(CumSum, Golden) {
  const Tensor x = Tensor::of<float>({4}, {1, 2, 3, 4});
  const Tensor axis = Tensor::scalar<std::int32_t>(0);
  EXPECT_EQ(run(CumSum{}, {x, axis}), Tensor::of<float>({4}, {1, 3, 6, 10}));
  EXPECT_EQ(run(CumSum{.exclusive = true}, {x, axis}), Tensor::of<float>({4}, {0, 1, 3, 6}));
  EXPECT_EQ(run(CumSum{.reverse = true}, {x, axis}), Tensor::of<float>({4}, {10, 9, 7, 4}));
  EXPECT_EQ(run(CumSum{.exclusive = true, .reverse = true}, {x, axis}), Tensor::of<float>({4}, {9, 7, 4, 0}));
  EXPECT_EQ(run(CumSum{}, {Tensor::of<std::uint8_t>({3}, {200, 100, 1}), axis}),
            Tensor::of<std::uint8_t>({3}, {200, 44, 45}));
}

TEST(CumSum, AddsAlongEveryAxis) {
  Random random(10);
  const Tensor x = random_tensor<std::int64_t>({3, 4, 1500}, random, -99, 99);
  for (const Index axis : {-3, 1, -1}) {
    const int along = x.shape().axis(axis);
    const Index extent = x.shape()[along];
    const Index inner = x.shape().count(along + 1, 3);
    const Tensor y = run(CumSum{}, {x, Tensor::of<std::int64_t>({1}, {axis})}, ThreadPool(2));
    for (Index i = 0; i < y.count(); ++i) {
      const Index before = i / inner % extent == 0 ? 0 : y.data<std::int64_t>()[i - inner];
      ASSERT_EQ(y.data<std::int64_t>()[i], before + x.data<std::int64_t>()[i]) << "axis " << axis << ", element " << i;
    }
  }
}

TEST(CumSum, RefusesAnAxisThatDoesNotExist) {
  const Tensor x(DataType::float32, {2, 0});
  const auto refuses = [&](const Tensor& axis, std::string_view message) {
    return throws<InvalidArgument>(message, [&] { run(CumSum{}, {x, axis}); });
  };
  EXPECT_TRUE(refuses(Tensor::scalar<std::int64_t>(2), "axis 2 does not exist in the shape (2 x 0)"));
  EXPECT_TRUE(refuses(Tensor(DataType::int64, {2}), "its input 1 is a scalar, this one has shape (2)"));
  EXPECT_TRUE(refuses(Tensor::scalar(0.0F), "its input 1 is int64 or int32, this one is float32"));
  EXPECT_EQ(run(CumSum{}, {x, Tensor::scalar<std::int64_t>(1)}).shape(), (Shape{2, 0}));
}

}  // namespace
}  // namespace condense::graph
