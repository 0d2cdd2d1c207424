#include "condense/quantize/affine.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/throws.hpp"

namespace condense::quantize {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(IntegerType, HasTheBoundsAndTheNameOfItsBits) {
  struct Row {
    IntegerType type;
    int lowest;
    int highest;
    DataType storage;
    std::string_view name;
  };
  for (const Row& row :
       {Row{kInt8, -128, 127, DataType::int8, "int8"}, Row{kInt8Narrow, -127, 127, DataType::int8, "int8 narrow"},
        Row{kUint8, 0, 255, DataType::uint8, "uint8"}, Row{{5, true, false}, -16, 15, DataType::int8, "int5"},
        Row{kInt4, -8, 7, DataType::int4, "int4"}, Row{kInt4Narrow, -7, 7, DataType::int4, "int4 narrow"},
        Row{kUint4, 0, 15, DataType::uint4, "uint4"}, Row{{3, false, false}, 0, 7, DataType::uint4, "uint3"},
        Row{kInt2, -2, 1, DataType::int2, "int2"}, Row{kTernary, -1, 1, DataType::int2, "ternary"},
        Row{kUint2, 0, 3, DataType::uint2, "uint2"}, Row{{1, false, false}, 0, 1, DataType::uint2, "uint1"},
        Row{kBinary, -1, 1, DataType::int2, "binary"}}) {
    EXPECT_EQ(row.type.lowest(), row.lowest) << row.name;
    EXPECT_EQ(row.type.highest(), row.highest) << row.name;
    EXPECT_EQ(row.type.storage(), row.storage) << row.name;
    EXPECT_EQ(row.type.name(), row.name);
    EXPECT_NO_THROW(validate(row.type));
  }
  EXPECT_EQ(integer_type(DataType::int4), kInt4);
  EXPECT_EQ(integer_type(DataType::uint8), kUint8);
}

TEST(IntegerType, RefusesTypesThatDoNotExist) {
  EXPECT_TRUE(throws<InvalidArgument>("not 9", [] { validate(IntegerType{9, true, false}); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 0", [] { validate(IntegerType{0, true, false}); }));
  EXPECT_TRUE(throws<InvalidArgument>("uint4 narrow", [] { validate(IntegerType{4, false, true}); }));
  EXPECT_TRUE(throws<InvalidArgument>("binary", [] { validate(IntegerType{1, true, true}); }));
}

// The cases of the ONNX operator tests for QuantizeLinear and DynamicQuantizeLinear.
TEST(QuantizeValue, GivesTheCodesOfOnnx) {
  struct Row {
    std::string_view name;
    IntegerType type;
    Affine affine;
    std::vector<float> x;
    std::vector<std::int32_t> q;
  };
  const std::vector<Row> rows{
      {"quantizelinear", kUint8, {2, 128}, {0, 2, 3, 1000, -254, -1000}, {128, 129, 130, 255, 1, 0}},
      {"axis, channel 0", kUint8, {2, 84}, {-162, 10, -100, 232, -20, -50}, {3, 89, 34, 200, 74, 59}},
      {"axis, channel 1", kUint8, {4, 24}, {-76, 0, 0, 252, 32, -44}, {5, 24, 24, 87, 32, 13}},
      {"axis, channel 2", kUint8, {5, 196}, {245, -485, -960, -270, -375, -470}, {245, 99, 4, 142, 121, 102}},
      {"int4, row 0", kInt4, {2, 1}, {0, 2.5F, 4.8F, 8.6F}, {1, 2, 3, 5}},
      {"int4, row 1", kInt4, {3, 1}, {-30, -20, 6, 9}, {-8, -6, 3, 4}},
      {"int4, row 2", kInt4, {4, 1}, {12, 15, 16, 40}, {4, 5, 5, 7}},
      {"uint4, row 1", kUint4, {3, 1}, {-30, -20, 6, 9}, {0, 0, 3, 4}},
      {"half to even", kInt8, {2, 0}, {-5, -3, -1, 1, 3, 5, 7, 9}, {-2, -2, 0, 0, 2, 2, 4, 4}},
      {"the zero point after rounding", kInt8, {2, 1}, {-5, -3, -1, 1, 3, 5}, {-1, -1, 1, 1, 3, 3}},
      {"saturation",
       kInt8,
       {1, 0},
       {127.5F, 128, kInfinity, -128.5F, -129, -kInfinity},
       {127, 127, 127, -128, -128, -128}},
      {"narrow", kInt4Narrow, {1, 0}, {-9, -8, -7.5F, -6.5F, 7.5F, 9}, {-7, -7, -7, -6, 7, 7}},
      {"binary", kBinary, {3, 0}, {-100, -0.01F, -0.0F, 0, 0.01F, 100}, {-1, -1, 1, 1, 1, 1}},
      {"NaN", kInt8, {1, 0}, {kNan}, {-128}},
  };
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.x.size(); ++i) {
      EXPECT_EQ(quantize_value(row.x[i], row.affine, row.type), row.q[i]) << row.name << ": " << row.x[i];
    }
  }
}

TEST(Asymmetric, GivesTheParametersAndCodesOfOnnxDynamicQuantizeLinear) {
  struct Row {
    Range range;
    Affine affine;
    std::vector<float> x;
    std::vector<std::int32_t> q;
  };
  const std::vector<Row> rows{
      {{-3, 2}, {0.0196078438F, 153}, {0, 2, -3, -2.5F, 1.34F, 0.5F}, {153, 255, 0, 26, 221, 179}},
      {{-4, -1}, {0.0156862754F, 255}, {-1, -2.1F, -1.3F, -2.5F, -3.34F, -4}, {191, 121, 172, 96, 42, 0}},
      {{1, 4},
       {0.0156862754F, 0},
       {1, 2.1F, 1.3F, 2.5F, 3.34F, 4, 1.5F, 2.345F},
       {64, 134, 83, 159, 213, 255, 96, 149}},
  };
  for (const Row& row : rows) {
    const Affine affine = asymmetric(row.range, kUint8);
    EXPECT_EQ(affine, row.affine) << affine.scale << ", " << affine.zero_point;
    for (std::size_t i = 0; i < row.x.size(); ++i) EXPECT_EQ(quantize_value(row.x[i], affine, kUint8), row.q[i]);
  }
}

TEST(Affine, GoldenParameters) {
  EXPECT_EQ(symmetric({-1.27F, 0.5F}, kInt8Narrow), (Affine{1.27F / 127, 0}));
  EXPECT_EQ(symmetric({-0.5F, 3}, kTernary), (Affine{3, 0}));
  EXPECT_EQ(symmetric({-0.5F, 3}, kBinary), (Affine{3, 0}));
  EXPECT_EQ(symmetric({1, 30}, kUint4), (Affine{2, 0}));
  EXPECT_EQ(asymmetric({-8, 7}, kInt4), (Affine{1, 0}));
  EXPECT_EQ(asymmetric({0, 15}, kInt4), (Affine{1, -8}));
  EXPECT_EQ(asymmetric({5, 30}, kUint4), (Affine{2, 0})) << "widened to contain 0";
  EXPECT_EQ(asymmetric({-30, -5}, kUint4), (Affine{2, 15})) << "widened to contain 0";
  EXPECT_EQ(asymmetric({-1, 1}, kUint2), (Affine{2.0F / 3, 2})) << "1.5 to even";
}

TEST(Affine, GivesScaleOneToARangeOfZeroWidth) {
  EXPECT_EQ(symmetric({0, 0}, kInt8Narrow), Affine{});
  EXPECT_EQ(asymmetric({0, 0}, kUint8), Affine{});
  EXPECT_EQ(asymmetric({0, 0}, kInt8), Affine{});
  EXPECT_EQ(asymmetric({4, 4}, kUint4), (Affine{4.0F / 15, 0})) << "a constant that is not 0 has a width with 0";
}

TEST(Affine, KeepsScalesNormalAtTheEndsOfTheFloats) {
  constexpr float kSmallest = std::numeric_limits<float>::min();
  constexpr float kLargest = std::numeric_limits<float>::max();
  EXPECT_EQ(symmetric({0, std::numeric_limits<float>::denorm_min()}, kInt8).scale, kSmallest);
  EXPECT_EQ(asymmetric({-kSmallest, 0}, kUint8).scale, kSmallest);
  EXPECT_EQ(symmetric({-kLargest, 0}, kTernary).scale, kLargest);
  const Affine wide = asymmetric({-kLargest, kLargest}, kUint8);
  EXPECT_TRUE(std::isnormal(wide.scale));
  EXPECT_EQ(quantize_value(kLargest, wide, kUint8), 255);
  EXPECT_EQ(quantize_value(-kLargest, wide, kUint8), 0);
}

TEST(Affine, RefusesRangesThatNoScaleCovers) {
  EXPECT_TRUE(throws<InvalidArgument>("[nan, 1]", [] { symmetric({kNan, 1}, kInt8); }));
  EXPECT_TRUE(throws<InvalidArgument>("[0, inf]", [] { asymmetric({0, kInfinity}, kUint8); }));
  EXPECT_TRUE(throws<InvalidArgument>("[2, 1.5]", [] { asymmetric({2, 1.5F}, kUint8); }));
  EXPECT_TRUE(throws<InvalidArgument>("[-0.25, 1]", [] { symmetric({-0.25F, 1}, kUint8); }));
  EXPECT_TRUE(throws<InvalidArgument>("symmetric", [] { asymmetric({-1, 1}, kBinary); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 12", [] { symmetric({-1, 1}, {12, true, false}); }));
}

}  // namespace
}  // namespace condense::quantize
