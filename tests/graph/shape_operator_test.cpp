#include <gtest/gtest.h>

#include <vector>

#include "condense/graph/operators/concat.hpp"
#include "condense/graph/operators/flatten.hpp"
#include "condense/graph/operators/reshape.hpp"
#include "graph/run.hpp"

namespace condense::graph {
namespace {

/// A packed tensor of the given codes.
Tensor packed(DataType type, const Shape& shape, const std::vector<std::uint8_t>& codes) {
  Tensor tensor(type, shape);
  pack_codes(codes, bits(type), {tensor.mutable_raw(), tensor.bytes()});
  return tensor;
}

Tensor extents(std::initializer_list<std::int64_t> values) {
  return Tensor::of<std::int64_t>({static_cast<Index>(values.size())}, values);
}

TEST(Flatten, SplitsTheAxesAtItsAxis) {
  const Tensor x = counting<float>({2, 3, 4}, 0);
  const auto shape = [&](Index axis) { return run(Flatten{.axis = axis}, {x}).shape(); };
  EXPECT_EQ(shape(0), (Shape{1, 24}));
  EXPECT_EQ(shape(1), (Shape{2, 12}));
  EXPECT_EQ(shape(2), (Shape{6, 4}));
  EXPECT_EQ(shape(3), (Shape{24, 1}));
  EXPECT_EQ(shape(-1), (Shape{6, 4}));
  EXPECT_EQ(shape(-3), (Shape{1, 24}));
  EXPECT_EQ(run(Flatten{}, {x}), x.reshaped({2, 12}));
}

TEST(Reshape, ReadsTheExtentsAsOnnxSays) {
  const Tensor x = counting<float>({2, 3, 4}, 0);
  EXPECT_EQ(run(Reshape{}, {x, extents({4, 6})}), x.reshaped({4, 6}));
  EXPECT_EQ(run(Reshape{}, {x, extents({-1})}), x.reshaped({24}));
  EXPECT_EQ(run(Reshape{}, {x, extents({0, -1})}), x.reshaped({2, 12}));
  EXPECT_EQ(run(Reshape{}, {x, extents({-1, 0, 2})}), x.reshaped({4, 3, 2}));
  EXPECT_EQ(run(Reshape{.allowzero = true}, {Tensor(DataType::float32, {0, 3}), extents({3, 4, 0})}).shape(),
            (Shape{3, 4, 0}));
  EXPECT_EQ(run(Reshape{}, {Tensor::scalar(1.0F), extents({1, 1})}).shape(), (Shape{1, 1}));
  EXPECT_EQ(run(Reshape{}, {filled({1}, 2), Tensor(DataType::int64, Shape{0})}), Tensor::scalar(2.0F));
}

TEST(StructuralOperators, TakeEveryType) {
  for (int t = 0; t <= static_cast<int>(DataType::boolean); ++t) {
    const auto type = static_cast<DataType>(t);
    SCOPED_TRACE(name(type));
    Tensor x(type, {3, 5});
    for (std::size_t i = 0; i < x.bytes(); ++i) x.mutable_raw()[i] = static_cast<std::byte>(i % 2);
    EXPECT_EQ(run(Flatten{.axis = 0}, {x}), x.reshaped({1, 15}));
    EXPECT_EQ(run(Reshape{}, {x, extents({5, 3})}), x.reshaped({5, 3}));
    EXPECT_EQ(run(Concat{}, {x}), x);
    EXPECT_EQ(run(Concat{.axis = 1}, {x, x}).shape(), (Shape{3, 10}));
  }
}

TEST(Concat, JoinsAlongEachAxis) {
  const Tensor a = Tensor::of<float>({2, 1}, {1, 2});
  const Tensor b = Tensor::of<float>({2, 2}, {3, 4, 5, 6});
  EXPECT_EQ(run(Concat{.axis = 1}, {a, b}), Tensor::of<float>({2, 3}, {1, 3, 4, 2, 5, 6}));
  EXPECT_EQ(run(Concat{.axis = -1}, {b, a}), Tensor::of<float>({2, 3}, {3, 4, 1, 5, 6, 2}));
  EXPECT_EQ(run(Concat{.axis = 0}, {b, b}), Tensor::of<float>({4, 2}, {3, 4, 5, 6, 3, 4, 5, 6}));
  EXPECT_EQ(run(Concat{}, {Tensor::of<std::int64_t>({1}, {7}), Tensor::of<std::int64_t>({2}, {8, 9})}),
            Tensor::of<std::int64_t>({3}, {7, 8, 9}));
  EXPECT_EQ(run(Concat{.axis = 1}, {Tensor(DataType::float32, {2, 0}), a}), a);
}

/// Packed rows that do not begin at a byte, against a concatenation of the codes one by one.
TEST(Concat, JoinsPackedCodesThatShareBytes) {
  Random random(13);
  for (const DataType type : {DataType::int4, DataType::uint4, DataType::int2, DataType::uint2}) {
    for (int i = 0; i < 50; ++i) {
      SCOPED_TRACE(fmt::format("{} case {}", name(type), i));
      const Index rows = random_index(random, 1, 4);
      const Index widths[] = {random_index(random, 0, 9), random_index(random, 1, 9), random_index(random, 1, 9)};
      std::vector<std::vector<std::uint8_t>> codes(3);
      std::vector<Tensor> parts;
      for (std::size_t part = 0; part < 3; ++part) {
        for (Index c = 0; c < rows * widths[part]; ++c) {
          codes[part].push_back(static_cast<std::uint8_t>(random.below(1U << bits(type))));
        }
        parts.push_back(packed(type, {rows, widths[part]}, codes[part]));
      }
      std::vector<std::uint8_t> joined;
      for (Index row = 0; row < rows; ++row) {
        for (std::size_t part = 0; part < 3; ++part) {
          const auto first = codes[part].begin() + row * widths[part];
          joined.insert(joined.end(), first, first + widths[part]);
        }
      }
      const Tensor expected = packed(type, {rows, widths[0] + widths[1] + widths[2]}, joined);
      ASSERT_EQ(run(Concat{.axis = 1}, {parts[0], parts[1], parts[2]}), expected);
    }
  }
}

}  // namespace
}  // namespace condense::graph
