#include "condense/runtime/detail/index_map.hpp"

#include <gtest/gtest.h>

#include "condense/core/random.hpp"
#include "condense/graph/operators.hpp"

namespace condense::runtime::detail {
namespace {

/// The maps of an operator on a tensor of the given shape.
std::vector<IndexMap> maps_of(const graph::Operator& op, const Shape& shape, const std::vector<Tensor>& others = {}) {
  graph::Graph graph;
  std::vector<graph::Value> inputs{graph.input("x", DataType::float32, shape)};
  std::vector<const Tensor*> arguments;
  for (const Tensor& other : others) {
    inputs.push_back(graph.constant(fmt::format("c{}", inputs.size()), other));
    arguments.push_back(&other);
  }
  graph.output(graph.add(op, inputs));
  return index_maps(graph.nodes().front(), shape, arguments);
}

Tensor longs(std::initializer_list<std::int64_t> values) {
  return Tensor::of<std::int64_t>(Shape{static_cast<Index>(values.size())}, values);
}

/// What the pieces copy.
IndexMap expanded(const Pieces& pieces) {
  IndexMap map;
  for (std::size_t i = 0; i < pieces.sources.size(); ++i) {
    const Index begin = static_cast<Index>(map.size());
    const Index length = pieces.length > 0 ? pieces.length : pieces.ends[i] - begin;
    const std::int32_t source = pieces.sources[i];
    EXPECT_TRUE(source != kFilled || length <= pieces.longest_filled);
    for (Index k = 0; k < length; ++k) {
      map.push_back(source == kFilled ? kFilled : source + static_cast<std::int32_t>(k));
    }
  }
  return map;
}

TEST(IndexMaps, AreWhatTheOperatorDoesToNumbersOfElements) {
  EXPECT_EQ(maps_of(graph::Transpose{.perm = {1, 0}}, {2, 3}).front(), (IndexMap{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(maps_of(graph::Gather{}, {3, 2}, {longs({2, 0})}).front(), (IndexMap{4, 5, 0, 1}));
  EXPECT_EQ(maps_of(graph::Expand{}, {2, 1}, {longs({2, 3})}).front(), (IndexMap{0, 0, 0, 1, 1, 1}));
  const auto halves = maps_of(graph::Split{.axis = 1}, {2, 4}, {longs({1, 3})});
  ASSERT_EQ(halves.size(), 2U);
  EXPECT_EQ(halves[1], (IndexMap{1, 2, 3, 5, 6, 7}));
}

TEST(IndexMaps, KnowPaddingWhateverItsValue) {
  const IndexMap expected{kFilled, 0, 1, kFilled, kFilled};
  EXPECT_EQ(maps_of(graph::Pad{}, {2}, {longs({1, 2})}).front(), expected);
  EXPECT_EQ(maps_of(graph::Pad{}, {2}, {longs({1, 2}), Tensor::scalar(3.0F)}).front(), expected);
  EXPECT_EQ(maps_of(graph::Pad{.mode = graph::PadMode::reflect}, {3}, {longs({2, 1})}).front(),
            (IndexMap{2, 1, 0, 1, 2, 1}));
}

TEST(IndexMaps, ChangeWithTheOrderInMemory) {
  const Shape shape{2, 3, 4, 5};
  const MemoryOrder first(shape, false);
  const MemoryOrder last(shape, true);
  const IndexMap same = maps_of(graph::Identity{}, shape).front();
  EXPECT_TRUE(is_identity(in_memory(same, first, first), shape.count()));
  EXPECT_TRUE(is_identity(in_memory(same, last, last), shape.count()));
  EXPECT_FALSE(is_identity(in_memory(same, last, first), shape.count()));
  // (n, c, h, w) to (n, h, w, c) is how images lie channels last.
  const IndexMap to_last = maps_of(graph::Transpose{.perm = {0, 2, 3, 1}}, shape).front();
  EXPECT_TRUE(is_identity(in_memory(to_last, last, first), shape.count()));
  EXPECT_FALSE(is_identity(same, shape.count() + 1));
}

TEST(IndexMaps, OfChannelsLastImagesHavePiecesOfAllChannels) {
  const Shape shape{1, 24, 4, 5};
  const Shape doubled{1, 24, 8, 10};
  const IndexMap map =
      maps_of(graph::Resize{.nearest_mode = graph::NearestMode::floor}, shape,
              {Tensor(DataType::float32, Shape{0}), Tensor(DataType::float32, Shape{0}), longs({1, 24, 8, 10})})
          .front();
  EXPECT_EQ(equal_pieces(map).length, 1);
  const Pieces pieces = equal_pieces(in_memory(map, MemoryOrder(shape, true), MemoryOrder(doubled, true)));
  EXPECT_EQ(pieces.length, 24);
  EXPECT_EQ(pieces.sources.size(), 80U);
}

TEST(EqualPieces, AreTheLongestThatFit) {
  EXPECT_EQ(equal_pieces({4, 5, 6, 7, 0, 1}).length, 2);
  EXPECT_EQ(equal_pieces({4, 5, 6, kFilled, kFilled, kFilled}).length, 3);
  EXPECT_EQ(equal_pieces({4, 5, 6, 7}).length, 4);
  EXPECT_EQ(equal_pieces({4, 4}).length, 1);
  EXPECT_EQ(equal_pieces({3}).length, 1);
}

TEST(Pieces, CopyWhatTheMapSays) {
  Random random(5);
  for (int trial = 0; trial < 500; ++trial) {
    IndexMap map;
    for (auto runs = 1 + random.below(6); runs > 0; --runs) {
      const auto start = static_cast<std::int32_t>(random.below(40)) - 8;
      const auto length = static_cast<std::int32_t>(1 + random.below(5)) * (trial % 2 == 0 ? 4 : 1);
      for (std::int32_t k = 0; k < length; ++k) map.push_back(start < 0 ? kFilled : start + k);
    }
    ASSERT_EQ(expanded(equal_pieces(map)), map);
    ASSERT_EQ(expanded(longest_pieces(map, 3)), map);
    EXPECT_LE(longest_pieces(map, 1000).sources.size(), equal_pieces(map).sources.size());
  }
}

TEST(TranspositionOf, FindsNeighbouringGroupsOfAxesThatChangePlaces) {
  const auto of = [](const std::vector<Index>& perm, const Shape& shape) {
    return transposition_of(equal_pieces(maps_of(graph::Transpose{.perm = perm}, shape).front()), shape.count());
  };
  EXPECT_EQ(of({1, 0}, {3, 4}), (Transposition{.batch = 1, .rows = 3, .columns = 4, .cell = 1}));
  EXPECT_EQ(of({0, 2, 1}, {5, 3, 4}), (Transposition{.batch = 5, .rows = 3, .columns = 4, .cell = 1}));
  EXPECT_EQ(of({0, 2, 1, 3}, {2, 3, 4, 6}), (Transposition{.batch = 2, .rows = 3, .columns = 4, .cell = 6}));
  EXPECT_EQ(of({0, 3, 1, 2}, {2, 3, 4, 6}), (Transposition{.batch = 2, .rows = 12, .columns = 6, .cell = 1}));
  EXPECT_EQ(of({3, 0, 1, 2}, {2, 3, 4, 6}), (Transposition{.batch = 1, .rows = 24, .columns = 6, .cell = 1}));
  EXPECT_EQ(of({1, 0}, {2, 2}), (Transposition{.batch = 1, .rows = 2, .columns = 2, .cell = 1}));
  EXPECT_FALSE(of({2, 1, 0}, {3, 4, 5}));
  EXPECT_FALSE(of({0, 1}, {3, 4}));
}

TEST(TranspositionOf, FindsNothingInOtherMoves) {
  const auto none = [](const IndexMap& map, Index source_count) {
    return !transposition_of(equal_pieces(map), source_count);
  };
  EXPECT_TRUE(none({0, 2, 1, 3}, 6));  // a part
  EXPECT_TRUE(none({0, 2, 1, 2}, 4));  // one twice
  EXPECT_TRUE(none({1, 3, 0, 2}, 4));  // begins elsewhere
  EXPECT_TRUE(none({0, kFilled, 1, kFilled}, 4));
}

}  // namespace
}  // namespace condense::runtime::detail
