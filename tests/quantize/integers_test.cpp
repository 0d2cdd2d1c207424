// What a graph keeps of a quantised tensor: its integers or indices, scales and zero points as tensors.

#include <gtest/gtest.h>

#include <vector>

#include "condense/quantize/quantized_tensor.hpp"
#include "condense/quantize/with_scheme.hpp"
#include "quantize/formats.hpp"
#include "support/throws.hpp"

namespace condense::quantize {
namespace {

Tensor values_for(const NumberFormat& format) {
  return Tensor::of<float>({3, 7}, weights(21, 8, holds_negative_values(format)));
}

/// The element of a tensor of at most 8 bits.
std::int32_t element(const Tensor& tensor, Index i) {
  return from_code(packed_code(tensor.raw(), static_cast<std::size_t>(i), bits(tensor.type())),
                   integer_type(tensor.type()));
}

TEST(Integers, ComeBackAsTheSameQuantizedTensorForEveryUniformFormat) {
  for (NumberFormat format : uniform_formats()) {
    for (const Granularity granularity : {Granularity::per_tensor(), Granularity::per_group(1, 4)}) {
      format.granularity = granularity;
      const QuantizedTensor tensor = quantize(values_for(format), format);
      const Tensor held = integers(tensor);
      EXPECT_EQ(held.type(), tensor.parameters.type.storage()) << format.name();
      EXPECT_EQ(held.shape(), tensor.shape);
      for (Index i = 0; i < tensor.count(); ++i) EXPECT_EQ(element(held, i), tensor.integer(i)) << format.name();
      EXPECT_EQ(quantized_tensor(held, tensor.parameters), tensor) << format.name();
    }
  }
}

TEST(Integers, OfACodebookAreItsLevelsWhereTheseAreInt8) {
  for (const NumberFormat& format : codebook_formats()) {
    const QuantizedTensor tensor = quantize(values_for(format), format);
    if (!integer_levels(tensor.levels)) {
      EXPECT_TRUE(throws<Unsupported>(fmt::format("{} levels up to {}", tensor.levels.size(), tensor.levels.back()),
                                      [&] { integers(tensor); }))
          << format.name();
      continue;
    }
    const Tensor held = integers(tensor);
    EXPECT_EQ(held.type(), DataType::int8);
    for (Index i = 0; i < tensor.count(); ++i) {
      const float real = static_cast<float>(held.data<std::int8_t>()[i]) * tensor.parameters.scales[0];
      EXPECT_EQ(real, dequantize(tensor).data<float>()[i]) << format.name();
    }
  }
}

TEST(Indices, AndLevelsAndScalesGiveTheReals) {
  for (const NumberFormat& format : codebook_formats()) {
    const QuantizedTensor tensor = quantize(values_for(format), format);
    const Tensor held = indices(tensor);
    EXPECT_EQ(held.type(), tensor.parameters.type.storage()) << format.name();
    EXPECT_EQ(held.shape(), tensor.shape);
    const Tensor reals = dequantize(tensor);
    for (Index i = 0; i < tensor.count(); ++i) {
      const float level = tensor.levels[static_cast<std::size_t>(element(held, i))];
      EXPECT_EQ(level * tensor.parameters.scales[0], reals.data<float>()[i]) << format.name();
    }
  }
}

TEST(Indices, ArePackedWithTheLowerIndexInTheLowerBits) {
  QuantizedTensor tensor{.shape = {3},
                         .parameters = {.type = {3, false, false}, .granularity = {}},
                         .codes = {std::byte{0b01'000'111}, std::byte{1}},  // 7, 0, 5
                         .levels = {-8, -4, -2, -1, 1, 2, 4, 8}};
  const Tensor held = indices(tensor);
  EXPECT_EQ(held.type(), DataType::uint4);
  EXPECT_EQ(held.raw()[0], std::byte{0x07});
  EXPECT_EQ(held.raw()[1], std::byte{0x05});
}

TEST(Indices, AreRefusedWithoutACodebook) {
  const QuantizedTensor tensor = quantize(values_for({}), NumberFormat::parse("int4"));
  EXPECT_TRUE(throws<InvalidArgument>("int4 narrow has no codebook", [&] { indices(tensor); }));
}

TEST(QuantizedTensor, RefusesIntegersThatItsTypeDoesNotHold) {
  const Tensor held = Tensor::of<std::int8_t>({3}, {1, -128, 2});
  EXPECT_TRUE(throws<InvalidArgument>("element 1 is -128, which int8 narrow",
                                      [&] { quantized_tensor(held, {.type = kInt8Narrow, .granularity = {}}); }));
  EXPECT_TRUE(throws<InvalidArgument>("element 1 is -128, which int5", [&] {
    quantized_tensor(held, {.type = {5, true, false}, .granularity = {}});
  }));
  EXPECT_TRUE(throws<InvalidArgument>("int4 are held as int4, the tensor holds int8",
                                      [&] { quantized_tensor(held, {.type = kInt4, .granularity = {}}); }));
  EXPECT_TRUE(throws<InvalidArgument>(
      "holds float32", [&] { quantized_tensor(Tensor(DataType::float32, {3}), {.type = kInt8, .granularity = {}}); }));
  EXPECT_TRUE(throws<InvalidArgument>("element 0 is 0, which binary", [&] {
    quantized_tensor(Tensor(DataType::int2, {4}), {.type = kBinary, .granularity = {}});
  }));
  EXPECT_TRUE(throws<InvalidArgument>(
      "3 scales", [&] { quantized_tensor(held, {.type = kInt8, .granularity = Granularity::per_channel()}); }));
}

TEST(ScaleTensor, HasTheShapeOfOnnx) {
  const Shape shape{2, 5};
  QuantizationParameters parameters{.type = kUint4, .granularity = {}, .scales = {0.5F}, .zero_points = {}};
  EXPECT_EQ(scale_tensor(parameters, shape), Tensor::scalar(0.5F));
  EXPECT_EQ(zero_point_tensor(parameters, shape), Tensor(DataType::uint4, {})) << "zeros where there are none";
  parameters.granularity = Granularity::per_channel(0);
  parameters.scales = {1, 2};
  parameters.zero_points = {3, 15};
  EXPECT_EQ(scale_tensor(parameters, shape), Tensor::of<float>({2}, {1, 2}));
  const Tensor zero_points = zero_point_tensor(parameters, shape);
  EXPECT_EQ(zero_points.type(), DataType::uint4);
  EXPECT_EQ(zero_points.raw()[0], std::byte{0xF3});
  parameters.granularity = Granularity::per_group(1, 2);
  parameters.scales = {1, 2, 3, 4, 5, 6};
  parameters.zero_points = {};
  EXPECT_EQ(scale_tensor(parameters, shape), Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(throws<InvalidArgument>("6 are given", [&] { scale_tensor(parameters, {3, 5}); }));
}

}  // namespace
}  // namespace condense::quantize
