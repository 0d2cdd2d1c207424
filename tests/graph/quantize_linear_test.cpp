#include "condense/graph/operators/quantize_linear.hpp"

#include <gtest/gtest.h>

#include "condense/graph/operators/dequantize_codebook.hpp"
#include "condense/graph/operators/dequantize_linear.hpp"
#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

constexpr DataType kCodeTypes[] = {DataType::int8,  DataType::uint8, DataType::int4,
                                   DataType::uint4, DataType::int2,  DataType::uint2};

/// Element i of an integer tensor, read in a way of its own.
int code_at(const Tensor& tensor, Index i) {
  const int width = bits(tensor.type());
  const int per_byte = 8 / width;
  const int byte = std::to_integer<int>(tensor.raw()[i / per_byte]);
  const int code = (byte >> (i % per_byte * width)) & ((1 << width) - 1);
  return is_signed(tensor.type()) && code >= 1 << (width - 1) ? code - (1 << width) : code;
}

Tensor codes_of(DataType type, const Shape& shape, Random& random) {
  Tensor tensor(type, shape);
  std::vector<std::uint8_t> codes;
  for (Index i = 0; i < tensor.count(); ++i) codes.push_back(static_cast<std::uint8_t>(random.below(1U << bits(type))));
  pack_codes(codes, bits(type), {tensor.mutable_raw(), tensor.bytes()});
  return tensor;
}

TEST(QuantizeLinear, Golden) {
  const Tensor x = Tensor::of<float>({6}, {0, 2, 3, 1000, -254, -1000});
  EXPECT_EQ(run(QuantizeLinear{}, {x, Tensor::scalar(2.0F), Tensor::scalar<std::uint8_t>(128)}),
            Tensor::of<std::uint8_t>({6}, {128, 129, 130, 255, 1, 0}));
  const Tensor channels = Tensor::of<float>(
      {1, 3, 3, 2}, {-162, 10, -100, 232, -20, -50, -76, 0, 0, 252, 32, -44, 245, -485, -960, -270, -375, -470});
  EXPECT_EQ(run(QuantizeLinear{},
                {channels, Tensor::of<float>({3}, {2, 4, 5}), Tensor::of<std::uint8_t>({3}, {84, 24, 196})}),
            Tensor::of<std::uint8_t>({1, 3, 3, 2},
                                     {3, 89, 34, 200, 74, 59, 5, 24, 24, 87, 32, 13, 245, 99, 4, 142, 121, 102}));
}

TEST(DequantizeLinear, Golden) {
  EXPECT_EQ(run(DequantizeLinear{}, {Tensor::of<std::uint8_t>({4}, {0, 3, 128, 255}), Tensor::scalar(2.0F),
                                     Tensor::scalar<std::uint8_t>(128)}),
            Tensor::of<float>({4}, {-256, -250, 0, 254}));
}

TEST(QuantizeLinear, ItsTypeIsThatOfTheZeroPointThenTheAttributeThenUint8) {
  const Tensor x = Tensor::of<float>({2}, {-3, 300});
  const Tensor scale = Tensor::scalar(1.0F);
  EXPECT_EQ(run(QuantizeLinear{}, {x, scale}), Tensor::of<std::uint8_t>({2}, {0, 255}));
  EXPECT_EQ(run(QuantizeLinear{.output_dtype = DataType::int8}, {x, scale}), Tensor::of<std::int8_t>({2}, {-3, 127}));
  EXPECT_EQ(run(QuantizeLinear{}, {x, scale, Tensor::scalar<std::int8_t>(1)}), Tensor::of<std::int8_t>({2}, {-2, 127}));
}

TEST(DequantizeLinear, TakesBiases) {
  const std::int32_t least = std::numeric_limits<std::int32_t>::min();
  EXPECT_EQ(run(DequantizeLinear{.axis = 0},
                {Tensor::of<std::int32_t>({2}, {1000, least}), Tensor::of<float>({2}, {0.5F, 1})}),
            Tensor::of<float>({2}, {500, -0x1p31F}));
  EXPECT_EQ(run(DequantizeLinear{}, {Tensor::of<std::int32_t>({1}, {least}), Tensor::scalar(1.0F), Tensor::scalar(5)}),
            Tensor::of<float>({1}, {-0x1p31F}));
}

struct Layout {
  Shape scale_shape;
  Index block_size;
};

/// Every type and granularity: the operators against the formula, with the scale found by hand.
TEST(QuantizeLinear, EqualsTheFormulaForEveryTypeAndLayout) {
  Random random(14);
  const Shape shape{3, 7, 5};
  const Layout layouts[] = {{{}, 0}, {{1}, 0}, {{7}, 0}, {{3, 3, 5}, 3}, {{3, 1, 5}, 9}};
  for (const DataType type : kCodeTypes) {
    for (const Layout& layout : layouts) {
      SCOPED_TRACE(fmt::format("{}, scales {}", name(type), layout.scale_shape.to_string()));
      const Tensor x = random_tensor(shape, random, -2, 2);
      const Tensor scale = random_tensor(layout.scale_shape, random, 0.01F, 0.5F);
      const Tensor zero_point = codes_of(type, layout.scale_shape, random);
      const Tensor y = run(QuantizeLinear{.axis = -2, .block_size = layout.block_size}, {x, scale, zero_point});
      const Tensor back = run(DequantizeLinear{.axis = 1, .block_size = layout.block_size}, {y, scale, zero_point});
      ASSERT_EQ(y.type(), type);
      for (Index i = 0; i < x.count(); ++i) {
        const Index channel = i / 5 % 7;
        Index s = 0;
        if (layout.block_size > 0) {
          s = (i / 35 * layout.scale_shape[1] + channel / layout.block_size) * 5 + i % 5;
        } else if (scale.count() > 1) {
          s = channel;
        }
        const quantize::Affine affine{scale.data<float>()[s], code_at(zero_point, s)};
        ASSERT_EQ(code_at(y, i), quantize::quantize_value(x.data<float>()[i], affine, quantize::integer_type(type)));
        ASSERT_EQ(back.data<float>()[i], static_cast<float>(code_at(y, i) - affine.zero_point) * affine.scale);
      }
    }
  }
}

/// Every code survives the way to a real and back.
TEST(QuantizeLinear, UndoesDequantizeLinear) {
  Random random(15);
  for (const DataType type : kCodeTypes) {
    const Tensor codes = codes_of(type, {301}, random);
    const Tensor scale = Tensor::scalar(0.37F);
    const Tensor zero_point = codes_of(type, {}, random);
    EXPECT_EQ(run(QuantizeLinear{}, {run(DequantizeLinear{}, {codes, scale, zero_point}), scale, zero_point}), codes)
        << name(type);
  }
}

TEST(QuantizeLinear, PadsTheLastByteWithZeros) {
  const Tensor y = run(QuantizeLinear{.output_dtype = DataType::int2}, {filled({5}, -1), Tensor::scalar(1.0F)});
  EXPECT_EQ(std::to_integer<int>(y.raw()[1]), 3);
}

TEST(DequantizeCodebook, LooksUpAndScales) {
  Random random(16);
  for (const DataType type : {DataType::uint8, DataType::uint4, DataType::uint2}) {
    const Tensor codes = codes_of(type, {4, 6}, random);
    const Tensor levels = random_tensor({Index{1} << bits(type)}, random);
    const Tensor scale = random_tensor({4}, random);
    const Tensor y = run(DequantizeCodebook{.axis = 0}, {codes, levels, scale});
    for (Index i = 0; i < y.count(); ++i) {
      ASSERT_EQ(y.data<float>()[i], levels.data<float>()[code_at(codes, i)] * scale.data<float>()[i / 6]);
    }
  }
  const Tensor codes = Tensor::of<std::uint8_t>({2, 2}, {0, 1, 2, 1});
  EXPECT_EQ(run(DequantizeCodebook{.block_size = 2},
                {codes, Tensor::of<std::int8_t>({3}, {-4, 0, 64}), Tensor::of<float>({2, 1}, {0.5F, 2})}),
            Tensor::of<float>({2, 2}, {-2, 0, 128, 0}));
}

TEST(DequantizeCodebook, RefusesACodeBeyondItsLevels) {
  const Tensor codes = Tensor::of<std::uint8_t>({3}, {0, 1, 3});
  const Tensor levels = Tensor::of<float>({3}, {1, 2, 4});
  Graph graph;
  const Value book = graph.constant("levels", levels);
  const Value scale = graph.constant("scale", Tensor::scalar(1.0F));
  EXPECT_TRUE(
      throws<InvalidArgument>("node 'look' (DequantizeCodebook): its input 0 holds the code 3 at element 2", [&] {
        graph.add(DequantizeCodebook{}, {graph.constant("codes", codes), book, scale}, "look");
      }));
  graph.output(graph.add(DequantizeCodebook{}, {graph.input("x", DataType::uint8, {3}), book, scale}));
  EXPECT_TRUE(throws<InvalidArgument>("its codebook has 3 levels", [&] { evaluate(graph, {codes}); }));
}

}  // namespace
}  // namespace condense::graph
