#include "condense/graph/operators/indexing.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "graph/moved.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

/// Indices into an axis, from both of its ends.
Tensor random_indices(const Shape& shape, Index extent, Random& random) {
  Tensor tensor(DataType::int64, shape);
  for (std::int64_t& value : tensor.mutable_values<std::int64_t>()) value = random_index(random, -extent, extent - 1);
  return tensor;
}

Index index_at(const Tensor& indices, const Position& at, Index extent) {
  const Index index = indices.data<std::int64_t>()[offset_of(indices.shape(), at)];
  return index < 0 ? index + extent : index;
}

TEST(Gather, PutsTheIndicesInPlaceOfTheAxis) {
  Random random(1);
  for (int i = 0; i < 60; ++i) {
    const Tensor x = random_bytes(kTypeOfEachWidth[i % 4], random_shape(3, 1, 5, random), random);
    const int axis = i % 3;
    const int rank = i % 4;
    const Tensor indices = random_indices(random_shape(rank, 1, 4, random), x.shape()[axis], random);
    const auto extents = x.shape().extents();
    const auto along = static_cast<std::size_t>(axis);
    const Shape shape =
        reference::joined({extents.first(along), indices.shape().extents(), extents.subspan(along + 1)});
    const Tensor expected = moved(x, shape, [&](const Position& at) {
      const Position chosen(at.begin() + axis, at.begin() + axis + rank);
      Position from(at.begin(), at.begin() + axis);
      from.push_back(index_at(indices, chosen, x.shape()[axis]));
      from.insert(from.end(), at.begin() + axis + rank, at.end());
      return from;
    });
    ASSERT_EQ(run(Gather{.axis = axis}, {x, indices}), expected);
    ASSERT_EQ(run(Gather{.axis = axis - 3}, {x, indices}, ThreadPool(2)), expected);
  }
  EXPECT_EQ(run(Gather{}, {filled({0, 2}, 1), list({})}).shape(), (Shape{0, 2}));
}

TEST(GatherElements, TakesOneElementForEachIndex) {
  Random random(2);
  for (int i = 0; i < 60; ++i) {
    const int axis = i % 3;
    const Shape data = random_shape(3, 1, 5, random);
    Shape shape = data.with(axis, random_index(random, 0, 6));
    for (int other = 0; other < 3; ++other) {
      if (other != axis) shape = shape.with(other, random_index(random, 1, data[other]));
    }
    const Tensor x = random_bytes(kTypeOfEachWidth[i % 4], data, random);
    const Tensor indices = random_indices(shape, data[axis], random);
    const Tensor expected = moved(x, shape, [&](const Position& at) {
      Position from = at;
      from[static_cast<std::size_t>(axis)] = index_at(indices, at, data[axis]);
      return from;
    });
    ASSERT_EQ(run(GatherElements{.axis = axis}, {x, indices}), expected);
  }
}

TEST(GatherND, FollowsTuplesBehindItsBatch) {
  Random random(3);
  for (Index batch_dims = 0; batch_dims <= 2; ++batch_dims) {
    for (Index tuple = 1; tuple <= 4 - batch_dims; ++tuple) {
      const Tensor x = random_bytes(DataType::float32, {2, 3, 3, 3}, random);
      const Tensor indices = random_indices({2, 3, 5, tuple}, batch_dims == 0 ? 2 : 3, random);
      const Shape shape = reference::joined(
          {Shape{2, 3, 5}.extents(), x.shape().extents().subspan(static_cast<std::size_t>(batch_dims + tuple))});
      const Tensor expected = moved(x, shape, [&](const Position& at) {
        Position from(at.begin(), at.begin() + batch_dims);
        for (Index k = 0; k < tuple; ++k) {
          from.push_back(index_at(indices, {at[0], at[1], at[2], k}, x.shape()[static_cast<int>(batch_dims + k)]));
        }
        from.insert(from.end(), at.begin() + 3, at.end());
        return from;
      });
      ASSERT_EQ(run(GatherND{.batch_dims = batch_dims}, {x, indices}), expected);
    }
  }
}

float combined(ScatterReduction reduction, float a, float b) {
  switch (reduction) {
    case ScatterReduction::add: return a + b;
    case ScatterReduction::mul: return a * b;
    case ScatterReduction::max: return std::max(a, b);
    case ScatterReduction::min: return std::min(a, b);
    default: return b;
  }
}

constexpr ScatterReduction kReductions[] = {ScatterReduction::none, ScatterReduction::add, ScatterReduction::mul,
                                            ScatterReduction::max, ScatterReduction::min};

TEST(ScatterElements, AppliesItsUpdatesInOrder) {
  Random random(4);
  for (const ScatterReduction reduction : kReductions) {
    for (int axis = 0; axis < 3; ++axis) {
      const Tensor x = random_tensor({3, 4, 5}, random);
      const Tensor updates = random_tensor({2, 4, 3}, random);
      const Tensor indices = random_indices(updates.shape(), x.shape()[axis], random);
      Tensor expected = x;
      const float* update = updates.data<float>();
      for_each_position(updates.shape(), [&](Position at) {
        at[static_cast<std::size_t>(axis)] = index_at(indices, at, x.shape()[axis]);
        float& y = expected.mutable_data<float>()[offset_of(x.shape(), at)];
        y = combined(reduction, y, *update++);
      });
      EXPECT_EQ(run(ScatterElements{.axis = axis, .reduction = reduction}, {x, indices, updates}), expected);
    }
  }
}

TEST(ScatterND, AppliesItsUpdatesInOrder) {
  Random random(5);
  for (const ScatterReduction reduction : kReductions) {
    for (Index tuple = 1; tuple <= 3; ++tuple) {
      const Tensor x = random_tensor({3, 3, 3}, random);
      const Tensor indices = random_indices({2, 4, tuple}, 3, random);
      const auto slice = x.shape().extents().subspan(static_cast<std::size_t>(tuple));
      const Tensor updates = random_tensor(reference::joined({Shape{2, 4}.extents(), slice}), random);
      Tensor expected = x;
      const float* update = updates.data<float>();
      for_each_position(updates.shape(), [&](const Position& at) {
        Position to;
        for (Index k = 0; k < tuple; ++k) to.push_back(index_at(indices, {at[0], at[1], k}, 3));
        to.insert(to.end(), at.begin() + 2, at.end());
        float& y = expected.mutable_data<float>()[offset_of(x.shape(), to)];
        y = combined(reduction, y, *update++);
      });
      EXPECT_EQ(run(ScatterND{.reduction = reduction}, {x, indices, updates}), expected);
    }
  }
}

TEST(Scatter, ReducesOtherTypes) {
  const auto add = [](const Tensor& x, const Tensor& update) {
    return run(ScatterElements{.reduction = ScatterReduction::add}, {x, list({0}), update});
  };
  EXPECT_EQ(add(Tensor::of<std::int8_t>({1}, {127}), Tensor::of<std::int8_t>({1}, {1})),
            Tensor::of<std::int8_t>({1}, {-128}));
  EXPECT_EQ(add(Tensor::of<bool>({1}, {true}), Tensor::of<bool>({1}, {true})), Tensor::of<bool>({1}, {true}));
  EXPECT_EQ(add(Tensor::of<Float16>({1}, {Float16(1)}), Tensor::of<Float16>({1}, {Float16(2)})),
            Tensor::of<Float16>({1}, {Float16(3)}));
  for (const auto reduction : {ScatterReduction::max, ScatterReduction::min}) {
    const Tensor y = run(ScatterElements{.reduction = reduction},
                         {Tensor::of<float>({2}, {NAN, 1}), list({0, 1}), Tensor::of<float>({2}, {1, NAN})});
    EXPECT_TRUE(std::isnan(y.data<float>()[0]) && std::isnan(y.data<float>()[1]));
  }
}

TEST(OneHot, SetsOneElementForEachIndex) {
  const Tensor values = Tensor::of<float>({2}, {2, 5});
  const Tensor indices = list({1, -1, 3, -4}).reshaped({2, 2});
  for (Index axis = -3; axis <= 2; ++axis) {
    const int along = static_cast<int>(axis < 0 ? axis + 3 : axis);
    const Tensor y = run(OneHot{.axis = axis}, {indices, Tensor::scalar(3.0F), values});
    EXPECT_EQ(y.shape()[along], 3);
    for_each_position(y.shape(), [&](Position at) {
      const Index position = at[static_cast<std::size_t>(along)];
      const float actual = y.data<float>()[offset_of(y.shape(), at)];
      at.erase(at.begin() + along);
      const Index index = indices.data<std::int64_t>()[offset_of(indices.shape(), at)];
      EXPECT_EQ(actual, index == position || index + 3 == position ? 5 : 2);
    });
  }
  EXPECT_EQ(run(OneHot{}, {filled({}, 1.9F), list({2}), list({0, 1})}), list({0, 1}));
}

TEST(IndexOperators, RefuseIndicesThatDoNotExist) {
  const auto refuses = [](const Operator& op, std::initializer_list<std::optional<Tensor>> inputs, const char* part) {
    return throws<InvalidArgument>(part, [&] { run(op, inputs); });
  };
  const Tensor x = filled({2, 3}, 0);
  const Tensor index = Tensor::of<std::int64_t>({1, 2}, {0, 3});
  EXPECT_TRUE(refuses(Gather{}, {x, list({0, 2})}, "holds the index 2 at 1, which an extent of 2 does not have"));
  EXPECT_TRUE(refuses(Gather{}, {x, list({-3})}, "holds the index -3 at 0"));
  EXPECT_TRUE(refuses(Gather{.axis = 2}, {x, list({0})}, "axis 2 does not exist"));
  EXPECT_TRUE(refuses(Gather{}, {x, filled({1}, 0)}, "its input 1 is int64 or int32"));
  EXPECT_TRUE(refuses(GatherElements{.axis = 1}, {x, index}, "holds the index 3 at 1"));
  EXPECT_TRUE(refuses(GatherElements{}, {x, list({0})}, "these have shapes (2 x 3) and (1)"));
  EXPECT_TRUE(refuses(GatherElements{}, {x, Tensor(DataType::int64, {1, 4})}, "is larger than its input 0"));
  EXPECT_TRUE(refuses(GatherND{}, {x, index}, "holds the index 3 in its tuple 0, which an extent of 3 does not have"));
  EXPECT_TRUE(refuses(GatherND{}, {x, list({0, 0, 0})}, "holds tuples of 3 indices"));
  EXPECT_TRUE(refuses(GatherND{.batch_dims = 1}, {x, index}, "differ in batch dimension 0"));
  EXPECT_TRUE(refuses(GatherND{.batch_dims = 2}, {x, index}, "do not have 2 batch dimensions"));
  EXPECT_TRUE(refuses(ScatterElements{.axis = 1}, {x, index, filled({1, 2}, 0)}, "holds the index 3 at 1"));
  EXPECT_TRUE(refuses(ScatterElements{}, {x, index, filled({2, 2}, 0)}, "its input 2, the updates, has shape (2 x 2)"));
  EXPECT_TRUE(refuses(ScatterND{}, {x, index, filled({1}, 0)}, "holds the index 3 in its tuple 0"));
  EXPECT_TRUE(refuses(ScatterND{}, {x, index, filled({2}, 0)}, "has shape (2) instead of (1)"));
  EXPECT_TRUE(refuses(OneHot{}, {list({0}), list({-1}), x}, "has shape (2 x 3) instead of (2)"));
  EXPECT_TRUE(refuses(OneHot{}, {list({0}), list({-1}), filled({2}, 0)}, "the depth, is -1"));
}

}  // namespace
}  // namespace condense::graph
