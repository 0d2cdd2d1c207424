#include "condense/graph/operators/selection.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "graph/moved.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

TEST(Compress, KeepsTheSlicesWhoseConditionHolds) {
  Random random(1);
  const Tensor x = random_bytes(DataType::float16, {3, 4, 2}, random);
  const Tensor condition = Tensor::of<bool>({3}, {false, true, true});
  for (const Index axis : {Index{0}, Index{1}, Index{-2}}) {
    const int along = x.shape().axis(axis);
    const Tensor expected = moved(x, x.shape().with(along, 2), [&](Position at) {
      ++at[static_cast<std::size_t>(along)];
      return at;
    });
    EXPECT_EQ(run(Compress{.axis = axis}, {x, condition}), expected);
  }
  EXPECT_EQ(run(Compress{}, {list({7, 8, 9, 10}).reshaped({2, 2}), condition}), list({8, 9}));
  EXPECT_EQ(run(Compress{.axis = 0}, {x, Tensor(DataType::boolean, Shape{0})}).shape(), (Shape{0, 4, 2}));
}

TEST(NonZero, NamesEveryPlaceInRowMajorOrder) {
  Random random(2);
  for (int rank = 0; rank <= 4; ++rank) {
    Tensor x = random_tensor(random_shape(rank, 1, 12, random), random);
    for (float& value : x.mutable_values<float>()) value = value < 0 ? -0.0F : value > 0.9F ? NAN : value;
    std::vector<std::vector<Index>> rows(static_cast<std::size_t>(rank));
    Index count = 0;
    for_each_position(x.shape(), [&](const Position& at) {
      if (x.data<float>()[offset_of(x.shape(), at)] == 0) return;
      ++count;
      for (std::size_t axis = 0; axis < at.size(); ++axis) rows[axis].push_back(at[axis]);
    });
    std::vector<Index> all;
    for (const auto& row : rows) all.insert(all.end(), row.begin(), row.end());
    EXPECT_EQ(run(NonZero{}, {x}), list(all).reshaped({rank, count}));
  }
  EXPECT_EQ(run(NonZero{}, {Tensor::of<bool>({3}, {false, true, true})}), Tensor::of<std::int64_t>({1, 2}, {1, 2}));
  EXPECT_EQ(run(NonZero{}, {Tensor(DataType::float32, {2, 0})}).shape(), (Shape{2, 0}));
}

TEST(Unique, FindsEveryRowOnce) {
  Random random(3);
  for (int i = 0; i < 40; ++i) {
    const Shape shape = random_shape(3, 1, i % 4 == 0 ? 2 : 5, random);
    const int along = i % 3;
    const bool sorted = random.below(2) == 0;
    Tensor x(DataType::int8, shape);
    for (std::int8_t& value : x.mutable_values<std::int8_t>())
      value = static_cast<std::int8_t>(random_index(random, -1, 0));
    std::vector<std::vector<int>> slices(static_cast<std::size_t>(shape[along]));
    for_each_position(shape, [&](const Position& at) {
      slices[static_cast<std::size_t>(at[static_cast<std::size_t>(along)])].push_back(
          x.data<std::int8_t>()[offset_of(shape, at)]);
    });
    std::map<std::vector<int>, Index> counts;
    std::vector<std::vector<int>> distinct;
    for (const auto& slice : slices) {
      if (++counts[slice] == 1) distinct.push_back(slice);
    }
    if (sorted) std::ranges::sort(distinct);
    std::vector<Index> first, inverse, count;
    for (const auto& slice : distinct) {
      first.push_back(std::ranges::find(slices, slice) - slices.begin());
      count.push_back(counts[slice]);
    }
    for (const auto& slice : slices) inverse.push_back(std::ranges::find(distinct, slice) - distinct.begin());
    const std::vector<Tensor> outputs = run_all(Unique{.axis = along - 3, .sorted = sorted}, {x});
    EXPECT_EQ(outputs[0], moved(x, shape.with(along, static_cast<Index>(first.size())), [&](Position at) {
                Index& i_along = at[static_cast<std::size_t>(along)];
                i_along = first[static_cast<std::size_t>(i_along)];
                return at;
              }));
    EXPECT_EQ(outputs[1], list(first));
    EXPECT_EQ(outputs[2], list(inverse));
    EXPECT_EQ(outputs[3], list(count));
  }
}

TEST(Unique, TakesAllNanForOneAndKeepsItLast) {
  const Tensor x = Tensor::of<float>({2, 3}, {NAN, 2, -0.0F, 0, NAN, 1});
  const std::vector<Tensor> sorted = run_all(Unique{}, {x});
  EXPECT_EQ(sorted[1], list({2, 5, 1, 0}));
  EXPECT_EQ(sorted[2], list({3, 2, 0, 0, 3, 1}));
  EXPECT_EQ(sorted[3], list({2, 1, 1, 2}));
  EXPECT_EQ(run_all(Unique{.sorted = false}, {x})[1], list({0, 1, 2, 5}));
  EXPECT_EQ(run(Unique{}, {Tensor(DataType::float32, {0, 2})}).shape(), Shape{0});
}

TEST(TopK, OrdersByValueAndThenByIndex) {
  Random random(4);
  for (int i = 0; i < 60; ++i) {
    const Shape shape = random_shape(3, 1, 6, random);
    const int axis = i % 3;
    const bool largest = random.below(2) == 0;
    const Index k = random_index(random, 0, shape[axis]);
    Tensor x(DataType::int16, shape);
    for (std::int16_t& value : x.mutable_values<std::int16_t>()) {
      value = static_cast<std::int16_t>(random_index(random, -2, 2));
    }
    const std::vector<Tensor> outputs =
        run_all(TopK{.axis = axis, .largest = largest}, {x, list({k})}, ThreadPool(1 + i % 2));
    const auto value = [&](Position at, Index index) {
      at[static_cast<std::size_t>(axis)] = index;
      return x.data<std::int16_t>()[offset_of(shape, at)];
    };
    ASSERT_EQ(outputs[0].shape(), shape.with(axis, k));
    for_each_position(outputs[0].shape(), [&](const Position& at) {
      const Index offset = offset_of(outputs[0].shape(), at);
      const Index index = outputs[1].data<std::int64_t>()[offset];
      EXPECT_EQ(outputs[0].data<std::int16_t>()[offset], value(at, index));
      Index before = 0;  // how many come before it in the order is its place
      for (Index other = 0; other < shape[axis]; ++other) {
        const int difference = value(at, other) - value(at, index);
        before += (largest ? difference > 0 : difference < 0) || (difference == 0 && other < index) ? 1 : 0;
      }
      EXPECT_EQ(before, at[static_cast<std::size_t>(axis)]);
    });
  }
}

TEST(TopK, TakesNanForTheLargest) {
  const Tensor x = Tensor::of<float>({5}, {1, NAN, INFINITY, NAN, -2});
  EXPECT_EQ(run_all(TopK{}, {x, list({4})})[1], list({1, 3, 2, 0}));
  EXPECT_EQ(run_all(TopK{.largest = false}, {x, list({4})})[1], list({4, 0, 2, 1}));
}

TEST(SelectionOperators, RefuseWhatDoesNotFit) {
  const auto refuses = [](const Operator& op, std::initializer_list<std::optional<Tensor>> inputs, const char* part) {
    return throws<InvalidArgument>(part, [&] { run(op, inputs); });
  };
  const Tensor x = filled({2, 3}, 0);
  EXPECT_TRUE(refuses(Compress{.axis = 0}, {x, Tensor(DataType::boolean, {3})}, "holds 3 conditions"));
  EXPECT_TRUE(refuses(Compress{}, {x, filled({2}, 1)}, "the conditions, is boolean; this one is float32"));
  EXPECT_TRUE(refuses(NonZero{}, {Tensor(DataType::int4, {3})}, "this one is int4"));
  EXPECT_TRUE(refuses(Unique{.axis = 2}, {x}, "axis 2 does not exist"));
  EXPECT_TRUE(refuses(TopK{}, {x, list({4})}, "asks for the first 4 of 3 along axis 1"));
  EXPECT_TRUE(refuses(TopK{}, {x, list({-1})}, "asks for the first -1 of 3"));
  EXPECT_TRUE(refuses(TopK{}, {x, list({1, 1})}, "this one has shape (2)"));
}

}  // namespace
}  // namespace condense::graph
