#include "condense/core/data_type.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace condense {
namespace {

struct Facts {
  DataType type;
  const char* name;
  int bits;
  bool is_signed;
  bool is_float;
  bool is_packed;
  bool is_quantized;
};

constexpr Facts kFacts[] = {
    {DataType::float32, "float32", 32, true, true, false, false},
    {DataType::float64, "float64", 64, true, true, false, false},
    {DataType::float16, "float16", 16, true, true, false, false},
    {DataType::bfloat16, "bfloat16", 16, true, true, false, false},
    {DataType::int8, "int8", 8, true, false, false, true},
    {DataType::uint8, "uint8", 8, false, false, false, true},
    {DataType::int4, "int4", 4, true, false, true, true},
    {DataType::uint4, "uint4", 4, false, false, true, true},
    {DataType::int2, "int2", 2, true, false, true, true},
    {DataType::uint2, "uint2", 2, false, false, true, true},
    {DataType::int16, "int16", 16, true, false, false, false},
    {DataType::uint16, "uint16", 16, false, false, false, false},
    {DataType::int32, "int32", 32, true, false, false, false},
    {DataType::uint32, "uint32", 32, false, false, false, false},
    {DataType::uint64, "uint64", 64, false, false, false, false},
    {DataType::int64, "int64", 64, true, false, false, false},
    {DataType::boolean, "boolean", 8, false, false, false, false},
};

TEST(DataType, HasTheFactsOfItsName) {
  for (const Facts& expected : kFacts) {
    SCOPED_TRACE(expected.name);
    EXPECT_EQ(name(expected.type), expected.name);
    EXPECT_EQ(bits(expected.type), expected.bits);
    EXPECT_EQ(is_signed(expected.type), expected.is_signed);
    EXPECT_EQ(is_float(expected.type), expected.is_float);
    EXPECT_EQ(is_packed(expected.type), expected.is_packed);
    EXPECT_EQ(is_quantized(expected.type), expected.is_quantized);
  }
}

TEST(DataType, CountsBytesRoundedUpToWholeOnes) {
  for (const Facts& facts : kFacts) {
    SCOPED_TRACE(facts.name);
    for (Index count = 0; count <= 40; ++count) {
      EXPECT_EQ(bytes(facts.type, count), static_cast<std::size_t>((count * facts.bits + 7) / 8));
    }
  }
}

TEST(DataType, CountsTheBytesOfTheLargestShapeWithoutOverflow) {
  const auto count = static_cast<std::size_t>(Shape::kMaximumCount);
  EXPECT_EQ(bytes(DataType::float64, Shape::kMaximumCount), count * 8);
  EXPECT_EQ(bytes(DataType::float32, Shape::kMaximumCount), count * 4);
  EXPECT_EQ(bytes(DataType::int8, Shape::kMaximumCount), count);
  EXPECT_EQ(bytes(DataType::int2, Shape::kMaximumCount), count / 4 + 1);
}

TEST(DataType, OfAnElementHasItsSize) {
  EXPECT_EQ(data_type_of<float>, DataType::float32);
  EXPECT_EQ(data_type_of<double>, DataType::float64);
  EXPECT_EQ(data_type_of<Float16>, DataType::float16);
  EXPECT_EQ(data_type_of<BFloat16>, DataType::bfloat16);
  EXPECT_EQ(data_type_of<std::int8_t>, DataType::int8);
  EXPECT_EQ(data_type_of<std::uint8_t>, DataType::uint8);
  EXPECT_EQ(data_type_of<std::int16_t>, DataType::int16);
  EXPECT_EQ(data_type_of<std::uint16_t>, DataType::uint16);
  EXPECT_EQ(data_type_of<std::int32_t>, DataType::int32);
  EXPECT_EQ(data_type_of<std::uint32_t>, DataType::uint32);
  EXPECT_EQ(data_type_of<std::uint64_t>, DataType::uint64);
  EXPECT_EQ(data_type_of<std::int64_t>, DataType::int64);
  EXPECT_EQ(data_type_of<bool>, DataType::boolean);
  EXPECT_EQ(bytes(data_type_of<Float16>, 1), sizeof(Float16));
  EXPECT_EQ(bytes(data_type_of<BFloat16>, 1), sizeof(BFloat16));
  EXPECT_EQ(bytes(data_type_of<bool>, 1), sizeof(bool));
}

TEST(DataType, RefusesOtherTypesAsElements) {
  static_assert(!Element<char>);
  static_assert(!Element<long double>);
  static_assert(!Element<const float>);
  static_assert(Element<Float16>);
}

}  // namespace
}  // namespace condense
