#include "condense/quantize/coded_tensor.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "condense/core/random.hpp"

namespace condense::quantize {
namespace {

CodedSize expect_round_trip(const Tensor& tensor) {
  BitWriter out;
  out.write(1, 3);  // tensors begin anywhere
  const std::uint64_t begin = out.bits();
  const CodedSize size = write_tensor(out, tensor);
  EXPECT_GE(static_cast<double>(out.bits() - begin) / 8, size.coded_bytes);
  EXPECT_LE(size.entropy_bytes, size.coded_bytes);
  BitReader in(out.bytes(), "tensor");
  in.read(3);
  EXPECT_TRUE(read_tensor(in, tensor.bytes()) == tensor);
  in.require_end();
  if (tensor.bytes() > 0) {
    BitReader bounded(out.bytes(), "tensor");
    bounded.read(3);
    EXPECT_THROW(read_tensor(bounded, tensor.bytes() - 1), FormatError);
  }
  return size;
}

/// Weights of which a share is kept, on as many levels.
Tensor sparse_weights(const Shape& shape, double kept, std::uint32_t levels, std::uint64_t seed) {
  Tensor weights(DataType::float32, shape);
  Random random(seed);
  for (float& weight : weights.mutable_values<float>()) {
    if (random.uniform() >= kept) continue;
    weight = static_cast<float>(random.below(levels) + 1) * (random.below(2) == 0 ? 0.137F : -0.0713F);
  }
  return weights;
}

TEST(CodedTensor, EveryDensityAndShapeRoundTrips) {
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{1}, Shape{7}, Shape{5, 3}, Shape{0, 4}, Shape{4, 3, 2, 2},
                             Shape{1, 9}, Shape{9, 1}, Shape{40, 60}}) {
    for (const double kept : {0.0, 0.01, 0.1, 0.5, 1.0}) {
      for (const std::uint32_t levels : {1U, 2U, 9U, 1000U}) expect_round_trip(sparse_weights(shape, kept, levels, 5));
    }
  }
}

TEST(CodedTensor, EveryTypeAndPatternRoundTrips) {
  Random random(3);
  for (int type = 0; type <= static_cast<int>(DataType::boolean); ++type) {
    for (const Index count : {1, 5, 64, 301}) {
      for (const std::uint32_t patterns : {2U, 256U}) {
        Tensor tensor(static_cast<DataType>(type), {count});
        std::byte* raw = tensor.mutable_raw();
        for (std::size_t i = 0; i < tensor.bytes(); ++i) raw[i] = static_cast<std::byte>(random.below(patterns));
        expect_round_trip(tensor);
      }
    }
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  expect_round_trip(
      Tensor::of<float>({8}, {-0.0F, nan, -nan, 1e-42F, std::numeric_limits<float>::infinity(), 0, 0, 0}));
}

TEST(CodedTensor, TakesTheCheapestWay) {
  EXPECT_EQ(expect_round_trip(sparse_weights({100, 100}, 0.05, 8, 1)).coding, TensorCoding::sparse);
  EXPECT_EQ(expect_round_trip(sparse_weights({100, 100}, 0.9, 8, 1)).coding, TensorCoding::dense);
  Tensor noise(DataType::float32, {1000});
  Random random(2);
  for (float& value : noise.mutable_values<float>()) value = random.normal();
  EXPECT_EQ(expect_round_trip(noise).coding, TensorCoding::raw);
}

TEST(CodedTensor, CostsNearlyItsEntropy) {
  const CodedSize size = expect_round_trip(sparse_weights({300, 784}, 0.08, 16, 9));
  EXPECT_EQ(size.elements, 300 * 784);
  EXPECT_NEAR(static_cast<double>(size.kept), 0.08 * 300 * 784, 500);
  EXPECT_EQ(size.levels, 32);
  EXPECT_LT(size.coded_bytes, 1.02 * size.entropy_bytes + 100);
  // Independent positions cost H(p) a place, levels that are equally frequent log2(32) bits each.
  const double p = static_cast<double>(size.kept) / static_cast<double>(size.elements);
  const double positions = -(p * std::log2(p) + (1 - p) * std::log2(1 - p)) * static_cast<double>(size.elements) / 8;
  const double values = static_cast<double>(size.kept) * 5 / 8;
  EXPECT_NEAR(size.entropy_bytes, positions + values + 32 * 4, 0.03 * size.entropy_bytes);
  EXPECT_GT(size.packed_bytes, size.coded_bytes);
}

TEST(CodedTensor, ColumnsThatNobodyReadsAreOneGap) {
  Tensor weights = sparse_weights({64, 256}, 0.5, 4, 4);
  float* weight = weights.mutable_data<float>();
  for (Index i = 0; i < weights.count(); ++i) weight[i] = i % 256 % 16 == 0 ? weight[i] : 0;
  Tensor turned(DataType::float32, {256, 64});
  for (Index i = 0; i < weights.count(); ++i) turned.mutable_data<float>()[i % 256 * 64 + i / 256] = weight[i];
  EXPECT_NEAR(expect_round_trip(weights).coded_bytes, expect_round_trip(turned).coded_bytes, 16);
}

TEST(CodedTensor, LevelsOfFloat16TakeTwoBytes) {
  Tensor halves(DataType::float32, {64, 64});
  Tensor floats = halves;
  for (Index i = 0; i < halves.count(); ++i) {
    halves.mutable_data<float>()[i] = static_cast<float>(i % 32) / 64;
    floats.mutable_data<float>()[i] = static_cast<float>(i % 32) / 60;
  }
  EXPECT_NEAR(expect_round_trip(floats).coded_bytes - expect_round_trip(halves).coded_bytes, 31 * 2, 3);
}

TEST(CodedTensor, AnyBytesAreReadOrRefused) {
  // Every truncation and every flipped bit: a tensor within the bound, or a FormatError.
  for (const double kept : {0.1, 0.9, 1.0}) {
    BitWriter out;
    write_tensor(out, sparse_weights({12, 10}, kept, kept == 1.0 ? 100000 : 3, 8));
    const auto read = [](std::span<const std::byte> bytes) {
      BitReader in(bytes, "tensor");
      try {
        EXPECT_LE(read_tensor(in, 4096).bytes(), 4096U);
      } catch (const FormatError&) {
      }
    };
    for (std::size_t size = 0; size < out.bytes().size(); ++size) {
      const std::vector<std::byte> part(out.bytes().begin(), out.bytes().begin() + static_cast<std::ptrdiff_t>(size));
      BitReader in(part, "tensor");
      EXPECT_THROW(read_tensor(in, 4096), FormatError) << size;
    }
    for (std::uint64_t bit = 0; bit < out.bits(); ++bit) {
      std::vector<std::byte> bytes = out.bytes();
      bytes[static_cast<std::size_t>(bit / 8)] ^= static_cast<std::byte>(1U << (bit % 8));
      read(bytes);
    }
    Random random(4);
    for (int round = 0; round < 2000; ++round) {
      std::vector<std::byte> bytes = out.bytes();
      for (int i = 0; i < 4; ++i)
        bytes[random.below(static_cast<std::uint32_t>(bytes.size()))] = static_cast<std::byte>(random.below(256));
      read(bytes);
    }
  }
}

TEST(CodedTensor, HugeTensorsAreRefusedBeforeMemoryIsTaken) {
  BitWriter out;
  out.write(0, 5);  // float32
  out.write_number(1);
  out.write_number(std::uint64_t{1} << 50);
  out.write(2, 2);
  BitReader in(out.bytes(), "tensor");
  try {
    read_tensor(in, std::size_t{1} << 30);
    FAIL();
  } catch (const FormatError& error) {
    EXPECT_NE(std::string(error.what()).find("4503599627370496 bytes"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace condense::quantize
