#include "condense/quantize/mixed_precision.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "quantize/formats.hpp"
#include "support/throws.hpp"

namespace condense::quantize {
namespace {

/// int8/channel, with the first layer in 4 bits and the last one in floats.
Assignment assignment() {
  return {.default_format = NumberFormat::parse("int8/channel"),
          .overrides = {{"first", NumberFormat::parse("int4/group16")}, {"last", NumberFormat{}}}};
}

std::vector<LayerWeights> layers() { return {{"first", {8, 32}}, {"middle", {16, 8, 3, 3}}, {"last", {10, 16}}}; }

TEST(StorageBytes, AreThoseOfTheQuantizedTensorForEveryFormat) {
  const Shape shape{4, 3, 7};
  for (NumberFormat format : all_formats()) {
    for (const Granularity granularity : {Granularity::per_tensor(), Granularity::per_channel(1),
                                          Granularity::per_group(2, 3), Granularity::per_group(0, 4)}) {
      format.granularity = granularity;
      std::vector<float> values = weights(84, 5, holds_negative_values(format));
      if (format.scheme == SchemeKind::asymmetric) values[0] = -1;  // a zero point that is not 0
      const QuantizedTensor tensor = quantize(Tensor::of<float>(shape, std::span<const float>(values)), format);
      if (format.scheme == SchemeKind::asymmetric && tensor.parameters.zero_points.empty()) {
        EXPECT_LT(tensor.bytes(), storage_bytes(format, shape)) << format.name();
        continue;
      }
      EXPECT_EQ(storage_bytes(format, shape), tensor.bytes()) << format.name();
    }
  }
}

TEST(StorageBytes, GoldenRows) {
  EXPECT_EQ(storage_bytes(NumberFormat{}, {10, 10}), 400U);
  EXPECT_EQ(storage_bytes(NumberFormat::parse("int8"), {10, 10}), 104U);
  EXPECT_EQ(storage_bytes(NumberFormat::parse("uint4/channel"), {10, 10}), 50U + 40 + 5);
  EXPECT_EQ(storage_bytes(NumberFormat::parse("binary/group4"), {10, 10}), 13U + 4 * 30);
  EXPECT_EQ(storage_bytes(NumberFormat::parse("log2-4"), {10, 10}), 50U + 4 + 4 * 15);
}

TEST(Assignment, GivesTheOverrideOrTheDefault) {
  EXPECT_EQ(assignment().format("first").name(), "int4/group16");
  EXPECT_EQ(assignment().format("last").name(), "float32");
  EXPECT_EQ(assignment().format("middle").name(), "int8/channel");
  EXPECT_EQ(assignment().format("fir").name(), "int8/channel");
  EXPECT_EQ(assignment(), assignment());
}

TEST(Assignment, RefusesAnOverrideOfALayerThatIsNotThere) {
  const std::vector<std::string> names{"first", "middle", "last"};
  EXPECT_NO_THROW(validate(assignment(), names));
  Assignment misspelt = assignment();
  misspelt.overrides["midle"] = NumberFormat::parse("apot4");
  EXPECT_TRUE(throws<InvalidArgument>("\"midle\" = apot4", [&] { validate(misspelt, names); }));
  EXPECT_TRUE(throws<InvalidArgument>("first, middle, last", [&] { validate(misspelt, names); }));
}

TEST(Assignment, AddsUpTheBytesOfItsLayers) {
  const std::size_t first = 8 * 32 / 2 + 8 * 2 * 4;
  const std::size_t middle = 16 * 72 + 16 * 4;
  const std::size_t last = 160 * 4;
  EXPECT_EQ(storage_bytes(assignment(), layers()), first + middle + last);
  EXPECT_DOUBLE_EQ(bits_per_weight(assignment(), layers()),
                   8.0 * static_cast<double>(first + middle + last) / (256 + 1152 + 160));
  EXPECT_DOUBLE_EQ(bits_per_weight({}, layers()), 32);
  EXPECT_EQ(storage_bytes(assignment(), {}), 0U);
}

TEST(BitsPerWeight, NeedWeights) {
  const std::vector<LayerWeights> empty{{"first", {0, 4}}, {"second", {0}}};
  EXPECT_TRUE(throws<InvalidArgument>("2 layers", [&] { bits_per_weight(assignment(), empty); }));
  EXPECT_TRUE(throws<InvalidArgument>("0 layers", [] { bits_per_weight(assignment(), {}); }));
}

TEST(WithScheme, RefusesFormatsWithoutAScheme) {
  const auto nothing = [](const auto&) {};
  EXPECT_TRUE(throws<InvalidArgument>("float32", [&] { with_scheme(NumberFormat{}, nothing); }));
  NumberFormat format = NumberFormat::parse("int8");
  format.bits = 32;
  EXPECT_TRUE(throws<InvalidArgument>("not 32", [&] { with_scheme(format, nothing); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 1", [&] { with_scheme(NumberFormat::parse("apot1"), nothing); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 0.5", [&] { with_scheme(NumberFormat::parse("log0.5-4"), nothing); }));
  EXPECT_TRUE(
      throws<InvalidArgument>("above 1, not inf", [&] { with_scheme(NumberFormat::parse("loginf-4"), nothing); }));
}

TEST(FakeQuantize, LeavesFloatsAsTheyAre) {
  const Tensor values = Tensor::of<float>({2, 2}, {1, -2, 3.3F, 1e-9F});
  EXPECT_EQ(fake_quantize(values, NumberFormat{}), values);
}

}  // namespace
}  // namespace condense::quantize
