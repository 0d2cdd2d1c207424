#include "condense/graph/operators/shape_queries.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "graph/moved.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

TEST(ShapeOf, ClipsItsAxesToThoseOfTheInput) {
  const Tensor x(DataType::int4, {2, 3, 5});
  const std::vector<Index> extents = {2, 3, 5};
  for (Index start = -5; start <= 5; ++start) {
    for (Index end = -5; end <= 5; ++end) {
      std::vector<Index> expected;
      for (Index axis = 0; axis < 3; ++axis) {
        if (axis >= (start < 0 ? start + 3 : start) && axis < (end < 0 ? end + 3 : end)) {
          expected.push_back(extents[static_cast<std::size_t>(axis)]);
        }
      }
      EXPECT_EQ(run(ShapeOf{.start = start, .end = end}, {x}), list(expected)) << start << " " << end;
    }
  }
  EXPECT_EQ(run(ShapeOf{}, {x}), list(extents));
  EXPECT_EQ(run(ShapeOf{}, {Tensor::scalar(1.0F)}), list({}));
  EXPECT_EQ(run(Size{}, {x}), Tensor::scalar<std::int64_t>(30));
}

TEST(ShapeOf, IsKnownWithoutTheValuesOfItsInput) {
  const InputTypes::Input input{{DataType::float32, {4, 7}}, nullptr};
  const std::optional<InputTypes::Input> inputs[] = {input};
  const Node node{"node", ShapeOf{}, {}, {}};
  const std::vector<TensorType> types = infer_node(node, inputs);
  ASSERT_EQ(known_outputs(node, inputs, types).size(), 1U);
  EXPECT_EQ(known_outputs(node, inputs, types)[0], list({4, 7}));
}

TEST(ConstantOfShape, RepeatsItsValueOfAnyType) {
  EXPECT_EQ(run(ConstantOfShape{}, {list({2, 3})}), filled({2, 3}, 0));
  EXPECT_EQ(run(ConstantOfShape{.value = Tensor::of<float>({1}, {1.5F})}, {list({})}), Tensor::scalar(1.5F));
  EXPECT_EQ(run(ConstantOfShape{.value = Tensor::scalar<std::int64_t>(-7)}, {list({2})}), list({-7, -7}));
  Tensor code(DataType::int4, Shape{1});
  code.mutable_raw()[0] = std::byte{0x9};
  const Tensor codes = run(ConstantOfShape{.value = code}, {list({3})});
  EXPECT_EQ(codes.raw()[0], std::byte{0x99});
  EXPECT_EQ(codes.raw()[1], std::byte{0x09});
  EXPECT_EQ(Operator(ConstantOfShape{.value = code}), Operator(ConstantOfShape{.value = code}));
  EXPECT_FALSE(Operator(ConstantOfShape{.value = code}) == Operator(ConstantOfShape{}));
}

TEST(Range, CountsUpAndDownToItsLimit) {
  for (std::int64_t delta = -4; delta <= 4; ++delta) {
    for (std::int64_t limit = -6; delta != 0 && limit <= 6; ++limit) {
      std::vector<Index> expected;
      for (std::int64_t i = 1; delta > 0 ? i < limit : i > limit; i += delta) expected.push_back(i);
      const auto scalar = [](std::int64_t value) { return Tensor::scalar(value); };
      EXPECT_EQ(run(Range{}, {scalar(1), scalar(limit), scalar(delta)}), list(expected));
    }
  }
  EXPECT_EQ(run(Range{}, {Tensor::scalar(0.5F), Tensor::scalar(2.0F), Tensor::scalar(0.5F)}),
            Tensor::of<float>({3}, {0.5F, 1, 1.5F}));
  EXPECT_EQ(run(Range{}, {Tensor::scalar(Float16(3)), Tensor::scalar(Float16(1)), Tensor::scalar(Float16(-1))}),
            Tensor::of<Float16>({2}, {Float16(3), Float16(2)}));
}

TEST(Range, SpansAllIntegersWithoutOverflow) {
  using Limits = std::numeric_limits<std::int64_t>;
  const auto run_from = [](std::int64_t start, std::int64_t limit, std::int64_t delta) {
    return run(Range{}, {Tensor::scalar(start), Tensor::scalar(limit), Tensor::scalar(delta)});
  };
  EXPECT_EQ(run_from(Limits::min(), Limits::max(), Limits::max()), list({Limits::min(), -1, Limits::max() - 1}));
  EXPECT_EQ(run_from(Limits::max(), Limits::min(), Limits::min()), list({Limits::max(), -1}));
}

TEST(EyeLike, HasOnesOnItsDiagonal) {
  for (Index k = -6; k <= 6; ++k) {
    const Tensor y = run(EyeLike{.dtype = DataType::int32, .k = k}, {Tensor(DataType::int4, {3, 5})});
    for_each_position(y.shape(), [&](const Position& at) {
      EXPECT_EQ(y.data<std::int32_t>()[at[0] * 5 + at[1]], at[1] == at[0] + k ? 1 : 0) << k;
    });
  }
  using Limits = std::numeric_limits<Index>;
  EXPECT_EQ(run(EyeLike{.k = Limits::min()}, {filled({2, 2}, 3)}), filled({2, 2}, 0));
  EXPECT_EQ(run(EyeLike{.k = Limits::max()}, {filled({2, 2}, 3)}), filled({2, 2}, 0));
}

TEST(Identity, KeepsEveryType) {
  Random random(1);
  for (const DataType type : {DataType::int4, DataType::uint2, DataType::float64, DataType::boolean}) {
    Tensor x(type, {3, 3});
    x.mutable_raw()[1] = std::byte{1};
    EXPECT_EQ(run(Identity{}, {x}), x);
  }
  EXPECT_EQ(run(CastLike{}, {list({1, -2}), filled({}, 9)}), Tensor::of<float>({2}, {1, -2}));
}

TEST(ShapeQueries, RefuseWhatHasNoShape) {
  const auto refuses = [](const Operator& op, std::initializer_list<std::optional<Tensor>> inputs, const char* part) {
    return throws<InvalidArgument>(part, [&] { run(op, inputs); });
  };
  EXPECT_TRUE(refuses(ConstantOfShape{}, {list({2, -3})}, "holds -3 at 1"));
  EXPECT_TRUE(refuses(ConstantOfShape{}, {filled({1}, 2)}, "is int64 or int32, this one is float32"));
  EXPECT_TRUE(refuses(ConstantOfShape{.value = filled({2}, 2)}, {list({2})}, "this one has shape (2)"));
  EXPECT_TRUE(refuses(Range{}, {filled({}, 1), filled({}, 5), filled({}, 0)}, "no number of steps leads from 1 to 5"));
  EXPECT_TRUE(refuses(Range{}, {filled({}, 1), filled({2}, 5), filled({}, 1)}, "this one has shape (2)"));
  EXPECT_TRUE(refuses(Range{}, {filled({}, 0), filled({}, 1e38F), filled({}, 1e-10F)}, "it would count"));
  EXPECT_TRUE(refuses(EyeLike{}, {filled({2}, 0)}, "this one has shape (2)"));
  EXPECT_TRUE(refuses(EyeLike{.dtype = DataType::int4}, {filled({2, 2}, 0)}, "not int4"));
}

}  // namespace
}  // namespace condense::graph
