#include "condense/graph/operators/layout.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "graph/moved.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

TEST(Transpose, PutsEveryElementInItsPlace) {
  Random random(1);
  for (int i = 0; i < 150; ++i) {
    const int rank = static_cast<int>(random_index(random, 0, 6));
    const Shape shape = random_shape(rank, i % 10 == 0 ? 0 : 1, rank > 3 ? 4 : 40, random);
    const Tensor x = random_bytes(kTypeOfEachWidth[i % 4], shape, random);
    std::vector<Index> perm(static_cast<std::size_t>(rank));
    std::iota(perm.begin(), perm.end(), Index{0});
    for (std::size_t k = perm.size(); k > 1; --k) {
      std::swap(perm[k - 1], perm[random.below(static_cast<std::uint32_t>(k))]);
    }
    std::vector<Index> extents;
    for (const Index axis : perm) extents.push_back(shape[static_cast<int>(axis)]);
    const Tensor expected = moved(x, Shape(std::span<const Index>(extents)), [&](const Position& at) {
      Position from(at.size());
      for (std::size_t k = 0; k < at.size(); ++k) from[static_cast<std::size_t>(perm[k])] = at[k];
      return from;
    });
    ASSERT_EQ(run(Transpose{.perm = perm}, {x}), expected) << shape.to_string();
  }
}

TEST(Transpose, ReversesTheAxesOnItsOwnAndWithThreads) {
  Random random(2);
  const Tensor x = random_bytes(DataType::float32, {3, 70, 200}, random);
  const Tensor expected = moved(x, {200, 70, 3}, [](const Position& at) { return Position{at[2], at[1], at[0]}; });
  EXPECT_EQ(run(Transpose{}, {x}), expected);
  EXPECT_EQ(run(Transpose{}, {x}, ThreadPool(3)), expected);
  EXPECT_EQ(run(Transpose{.perm = {-1, 1, 0}}, {x}), expected);
}

TEST(SqueezeAndUnsqueeze, RemoveAndAddAxesOfExtentOne) {
  const Tensor x = counting<float>({2, 1, 3, 1}, 0);
  EXPECT_EQ(run(Squeeze{}, {x}), x.reshaped({2, 3}));
  EXPECT_EQ(run(Squeeze{}, {x, list({-1})}), x.reshaped({2, 1, 3}));
  EXPECT_EQ(run(Squeeze{}, {x, list({3, 1})}), x.reshaped({2, 3}));
  EXPECT_EQ(run(Squeeze{}, {x, list({})}), x);
  EXPECT_EQ(run(Squeeze{}, {filled({1}, 4)}), Tensor::scalar(4.0F));
  EXPECT_EQ(run(Unsqueeze{}, {x.reshaped({2, 3}), list({-1, 1})}), x);
  EXPECT_EQ(run(Unsqueeze{}, {x.reshaped({2, 3}), list({3, 1})}), x);
  EXPECT_EQ(run(Unsqueeze{}, {Tensor::scalar(4.0F), list({0})}), filled({1}, 4));
  EXPECT_EQ(run(Squeeze{}, {Tensor(DataType::int4, {1, 3})}).shape(), (Shape{3}));
}

TEST(Expand, RepeatsAsBroadcastingDoes) {
  Random random(3);
  for (int i = 0; i < 60; ++i) {
    const int rank = static_cast<int>(random_index(random, 0, 4));
    const Shape result = random_shape(4, 1, 6, random);
    std::vector<Index> from;
    std::vector<Index> wanted(result.begin(), result.end());
    for (int axis = 4 - rank; axis < 4; ++axis) {
      from.push_back(random.below(2) == 0 ? 1 : result[axis]);
      if (from.back() == result[axis] && random.below(2) == 0) wanted[static_cast<std::size_t>(axis)] = 1;
    }
    const Tensor x = random_bytes(kTypeOfEachWidth[i % 4], Shape(std::span<const Index>(from)), random);
    const Tensor expected = moved(x, result, [&](const Position& at) {
      Position source;
      for (std::size_t k = 0; k < from.size(); ++k)
        source.push_back(from[k] == 1 ? 0 : at[at.size() - from.size() + k]);
      return source;
    });
    ASSERT_EQ(run(Expand{}, {x, list(wanted)}), expected);
  }
  EXPECT_EQ(run(Expand{}, {filled({3, 1}, 2), list({2})}), filled({3, 2}, 2));
  EXPECT_EQ(run(Expand{}, {filled({3, 1}, 2), list({0})}).shape(), (Shape{3, 0}));
}

TEST(Tile, RepeatsTheWholeTensor) {
  Random random(4);
  for (int i = 0; i < 60; ++i) {
    const int rank = static_cast<int>(random_index(random, 0, 4));
    const Tensor x = random_bytes(kTypeOfEachWidth[i % 4], random_shape(rank, 1, 5, random), random);
    const Shape repeats = random_shape(rank, i % 10 == 0 ? 0 : 1, 4, random);
    std::vector<Index> extents;
    for (int axis = 0; axis < rank; ++axis) extents.push_back(x.shape()[axis] * repeats[axis]);
    const Tensor expected = moved(x, Shape(std::span<const Index>(extents)), [&](const Position& at) {
      Position source = at;
      for (std::size_t k = 0; k < at.size(); ++k) source[k] %= x.shape()[static_cast<int>(k)];
      return source;
    });
    ASSERT_EQ(run(Tile{}, {x, list({repeats.begin(), repeats.end()})}), expected);
  }
}

TEST(DepthToSpace, SplitsTheChannelIndexAsItsModeSays) {
  Random random(5);
  for (int i = 0; i < 24; ++i) {
    const Index b = i % 3 + 1;
    const Index depth = random_index(random, 1, 3);
    const Tensor x = random_bytes(kTypeOfEachWidth[i % 4], {2, depth * b * b, 3, 4}, random);
    const Shape result{2, depth, 3 * b, 4 * b};
    const auto from = [&](bool crd) {
      return moved(x, result, [&](const Position& at) {
        const Index row = at[2] % b;
        const Index column = at[3] % b;
        const Index channel = crd ? (at[1] * b + row) * b + column : (row * b + column) * depth + at[1];
        return Position{at[0], channel, at[2] / b, at[3] / b};
      });
    };
    const Tensor dcr = run(DepthToSpace{.blocksize = b}, {x});
    EXPECT_EQ(dcr, from(false));
    EXPECT_EQ(run(DepthToSpace{.blocksize = b, .mode = DepthToSpaceMode::crd}, {x}), from(true));
    EXPECT_EQ(run(SpaceToDepth{.blocksize = b}, {dcr}), x);
  }
}

TEST(Trilu, KeepsOneSideOfItsDiagonal) {
  Random random(6);
  const Index extremes[] = {std::numeric_limits<Index>::min(), std::numeric_limits<Index>::max()};
  for (const DataType type : kTypeOfEachWidth) {
    const Tensor x = random_bytes(type, {2, 4, 5}, random);
    for (Index k = -7; k <= 7; ++k) {
      for (const bool upper : {false, true}) {
        const Tensor expected = moved(x, x.shape(), [&](const Position& at) {
          return (upper ? at[2] >= at[1] + k : at[2] <= at[1] + k) ? at : Position{};
        });
        EXPECT_EQ(run(Trilu{.upper = upper}, {x, Tensor::scalar<std::int64_t>(k)}), expected);
      }
    }
    EXPECT_EQ(run(Trilu{}, {x}), run(Trilu{}, {x, Tensor::scalar<std::int64_t>(0)}));
    const Tensor zeros(type, x.shape());
    EXPECT_EQ(run(Trilu{}, {x, Tensor::scalar<std::int64_t>(extremes[0])}), x);
    EXPECT_EQ(run(Trilu{}, {x, Tensor::scalar<std::int64_t>(extremes[1])}), zeros);
    EXPECT_EQ(run(Trilu{.upper = false}, {x, Tensor::scalar<std::int64_t>(extremes[0])}), zeros);
    EXPECT_EQ(run(Trilu{.upper = false}, {x, Tensor::scalar<std::int64_t>(extremes[1])}), x);
  }
  EXPECT_EQ(run(Trilu{}, {Tensor(DataType::float32, {3, 0})}).shape(), (Shape{3, 0}));
}

TEST(LayoutOperators, RefuseWhatDoesNotFit) {
  const auto refuses = [](const Operator& op, std::initializer_list<std::optional<Tensor>> inputs, const char* part) {
    return throws<InvalidArgument>(part, [&] { run(op, inputs); });
  };
  const Tensor x = filled({2, 3, 4, 6}, 0);
  EXPECT_TRUE(refuses(Transpose{.perm = {0, 1, 2}}, {x}, "its attribute perm has 3 entries"));
  EXPECT_TRUE(refuses(Transpose{.perm = {0, 1, 2, 2}}, {x}, "its axis 2 is named twice"));
  EXPECT_TRUE(refuses(Transpose{.perm = {0, 1, 2, 4}}, {x}, "it has no axis 4"));
  EXPECT_TRUE(refuses(Transpose{}, {Tensor(DataType::int4, {2, 2})}, "this one is int4"));
  EXPECT_TRUE(refuses(Squeeze{}, {x, list({1})}, "removes axis 1 of its input 0, which has shape (2 x 3 x 4 x 6)"));
  EXPECT_TRUE(refuses(Unsqueeze{}, {x, list({5})}, "it has no axis 5"));
  EXPECT_TRUE(refuses(Unsqueeze{}, {x, list({0, 1, 2, 3, 4})}, "would have 9 dimensions"));
  EXPECT_TRUE(refuses(Expand{}, {x, list({5, 1})}, "do not broadcast: 4 and 5"));
  EXPECT_TRUE(refuses(Expand{}, {x, list({-1})}, "holds -1 at 0"));
  EXPECT_TRUE(refuses(Tile{}, {x, list({1, 2})}, "its input 1 has 2 repeats"));
  EXPECT_TRUE(refuses(Tile{}, {x, list({1, 1, 1, -2})}, "repeats axis 3 -2 times"));
  EXPECT_TRUE(refuses(Tile{}, {x, list({1, 1, 1, Index{1} << 61})}, "too often"));
  EXPECT_TRUE(refuses(DepthToSpace{.blocksize = 2}, {x}, "has 3 channels, which blocks of 2 x 2 do not divide"));
  EXPECT_TRUE(refuses(DepthToSpace{.blocksize = Index{1} << 32}, {x}, "its attribute blocksize is 4294967296"));
  EXPECT_TRUE(refuses(SpaceToDepth{.blocksize = 4}, {x}, "has 4 x 6 pixels, which blocks of 4 x 4 do not divide"));
  EXPECT_TRUE(refuses(SpaceToDepth{.blocksize = 0}, {x}, "its attribute blocksize is 0"));
  EXPECT_TRUE(refuses(Trilu{}, {filled({3}, 0)}, "this one has shape (3)"));
}

}  // namespace
}  // namespace condense::graph
