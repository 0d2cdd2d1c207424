#include "condense/quantize/quantized_tensor.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "condense/quantize/quantize.hpp"
#include "condense/quantize/with_scheme.hpp"
#include "quantize/formats.hpp"
#include "support/throws.hpp"

namespace condense::quantize {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

/// Integers of a type, with a scale of 1.
QuantizedTensor packed(const IntegerType& type, const std::vector<std::int32_t>& integers) {
  std::vector<std::uint8_t> codes;
  for (const std::int32_t integer : integers) codes.push_back(to_code(integer, type));
  QuantizedTensor result{.shape = {static_cast<Index>(integers.size())},
                         .parameters = {.type = type, .granularity = {}},
                         .codes = std::vector<std::byte>(packed_bytes(codes.size(), type.bits)),
                         .levels = {}};
  pack_codes(codes, type.bits, result.codes);
  return result;
}

TEST(Code, IsTheInverseOfItsIntegerForEveryIntegerOfEveryType) {
  for (int bits = 1; bits <= 8; ++bits) {
    for (const IntegerType type :
         {IntegerType{bits, true, false}, IntegerType{bits, false, false}, IntegerType{bits, bits >= 2, bits >= 2}}) {
      for (std::int32_t integer = type.lowest(); integer <= type.highest(); ++integer) {
        if (type.is_binary() && integer == 0) continue;
        EXPECT_LT(to_code(integer, type), 1 << bits) << type.name();
        EXPECT_EQ(from_code(to_code(integer, type), type), integer) << type.name();
      }
    }
  }
}

TEST(QuantizedTensor, StoresLowerIndicesInLowerBits) {
  EXPECT_EQ(packed(kInt4, {1, -2, 7}).codes, bytes_of({0xE1, 0x07}));
  EXPECT_EQ(packed(kUint4, {15, 0, 3, 10}).codes, bytes_of({0x0F, 0xA3}));
  EXPECT_EQ(packed(kTernary, {1, -1, 0, 1, -1}).codes, bytes_of({0b01'00'11'01, 0b11}));
  EXPECT_EQ(packed(kUint2, {3, 2, 1, 0}).codes, bytes_of({0b00'01'10'11}));
  EXPECT_EQ(packed(kBinary, {1, -1, -1, 1, 1, 1, -1, -1, 1}).codes, bytes_of({0b0011'1001, 1}));
  EXPECT_EQ(packed(kInt8, {-1, 2}).codes, bytes_of({0xFF, 2}));
  EXPECT_EQ(packed({3, false, false}, {7, 0, 5}).codes, bytes_of({0b01'000'111, 1}));
}

TEST(QuantizedTensor, CountsTheBytesOfAllThatDecodingNeeds) {
  for (const NumberFormat& format : all_formats()) {
    const Tensor values = Tensor::of<float>({6, 11}, weights(66, 4, holds_negative_values(format)));
    NumberFormat grouped = format;
    grouped.granularity = Granularity::per_group(1, 4);  // 3 groups of each row
    const QuantizedTensor tensor = quantize(values, grouped);
    const auto bits = static_cast<std::size_t>(format.bits);
    const std::size_t zero_points = tensor.parameters.zero_points.empty() ? 0 : (18 * bits + 7) / 8;
    EXPECT_EQ(tensor.bytes(), (66 * bits + 7) / 8 + 18 * 4 + zero_points + 4 * tensor.levels.size()) << format.name();
  }
}

TEST(QuantizedTensor, DecodesLevelsAndZeroPoints) {
  QuantizedTensor tensor = packed(kUint2, {0, 1, 2, 3});
  tensor.parameters.scales = {0.5F};
  tensor.parameters.zero_points = {1};
  EXPECT_EQ(dequantize(tensor), Tensor::of<float>({4}, {-0.5F, 0, 0.5F, 1}));
  tensor.parameters.zero_points.clear();
  tensor.levels = {-3, -1, 0, 8};
  EXPECT_EQ(dequantize(tensor), Tensor::of<float>({4}, {-1.5F, -0.5F, 0, 4}));
}

TEST(QuantizedTensor, RefusesContentThatDoesNotFitTogether) {
  const QuantizedTensor good = packed(kInt4Narrow, {1, -2, 7});
  EXPECT_NO_THROW(validate(good));
  const auto expect_refused = [&](std::string_view part, auto&& change) {
    QuantizedTensor tensor = good;
    change(tensor);
    EXPECT_TRUE(throws<InvalidArgument>(part, [&] { validate(tensor); }));
    EXPECT_TRUE(throws<InvalidArgument>(part, [&] { dequantize(tensor); }));
    EXPECT_TRUE(throws<InvalidArgument>(part, [&] { integers(tensor); }));
  };
  expect_refused("not 70", [](auto& t) { t.parameters.type.bits = 70; });
  expect_refused("not -1", [](auto& t) { t.parameters.type.bits = -1; });
  expect_refused("uint4 narrow", [](auto& t) { t.parameters.type.is_signed = false; });
  expect_refused("3 codes of 4 bits need 2 bytes, 1 are given", [](auto& t) { t.codes.pop_back(); });
  expect_refused("2 bytes, 3 are given", [](auto& t) { t.codes.push_back({}); });
  expect_refused("1152921504606846975 codes", [](auto& t) { t.shape = Shape{Shape::kMaximumCount}; });
  expect_refused("dynamic", [](auto& t) { t.shape = Shape{kDynamic}; });
  expect_refused("axis 1", [](auto& t) { t.parameters.granularity = Granularity::per_channel(1); });
  expect_refused("3 scales", [](auto& t) { t.parameters.granularity = Granularity::per_channel(0); });
  expect_refused("not -5", [](auto& t) { t.parameters.granularity = Granularity::per_group(0, -5); });
  expect_refused("0 are given", [](auto& t) { t.parameters.scales.clear(); });
  for (const float scale : {0.0F, -1.0F, std::numeric_limits<float>::infinity(), std::nanf(""), 1e-40F}) {
    expect_refused(fmt::format("scale 0 is {}", scale), [&](auto& t) { t.parameters.scales = {scale}; });
  }
  expect_refused("2 are given", [](auto& t) { t.parameters.zero_points = {0, 0}; });
  expect_refused("zero point 0 is 8, outside int4", [](auto& t) { t.parameters.zero_points = {8}; });
  expect_refused("element 1 is -8, outside [-7, 7]", [](auto& t) { t.codes[0] = std::byte{0x81}; });
  expect_refused("int4 narrow with 0 zero points", [](auto& t) { t.levels = {0, 1}; });
}

TEST(QuantizedTensor, RefusesIndicesAndLevelsOutsideACodebook) {
  QuantizedTensor tensor = packed(kUint4, {0, 2, 3});
  tensor.levels = {-1, 0, 1};
  EXPECT_TRUE(throws<InvalidArgument>("element 2 is 3, outside [0, 2]", [&] { validate(tensor); }));
  EXPECT_TRUE(throws<InvalidArgument>("element 2 is 3", [&] { indices(tensor); }));
  tensor.levels = {-1, 0, 1, 1};
  EXPECT_TRUE(throws<InvalidArgument>("level 3 of a codebook is 1", [&] { validate(tensor); }));
  tensor.levels = {-1, 0, 1, std::nanf("")};
  EXPECT_TRUE(throws<InvalidArgument>("level 3 of a codebook is nan", [&] { validate(tensor); }));
  tensor.levels = {1};
  EXPECT_TRUE(throws<InvalidArgument>("not 1", [&] { validate(tensor); }));
  tensor.levels = std::vector<float>(257);
  EXPECT_TRUE(throws<InvalidArgument>("not 257", [&] { validate(tensor); }));
  tensor.levels = {-1, 0, 1, 2};
  tensor.parameters.zero_points = {1};
  EXPECT_TRUE(throws<InvalidArgument>("uint4 with 1 zero points", [&] { validate(tensor); }));
}

}  // namespace
}  // namespace condense::quantize
