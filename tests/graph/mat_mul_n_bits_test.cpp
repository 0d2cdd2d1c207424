#include "condense/graph/operators/mat_mul_n_bits.hpp"

#include <gtest/gtest.h>

#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

Tensor bytes_of(const Shape& shape, Random& random) {
  Tensor tensor(DataType::uint8, shape);
  for (std::uint8_t& value : tensor.mutable_values<std::uint8_t>())
    value = static_cast<std::uint8_t>(random.below(256));
  return tensor;
}

/// The code at a place of a row of bytes, the first in the lowest bits.
int code_at(const std::uint8_t* row, Index i, Index bits) {
  const Index per_byte = 8 / bits;
  return (row[i / per_byte] >> (i % per_byte * bits)) & ((1 << bits) - 1);
}

enum class ZeroPoints { none, packed, in_float };

TEST(MatMulNBits, EqualsTheProductWithUnpackedWeights) {
  Random random(95);
  for (const Index bits : {2, 4, 8}) {
    for (const Index k : {16, 32, 40, 80, 100}) {
      for (const ZeroPoints kind : {ZeroPoints::none, ZeroPoints::packed, ZeroPoints::in_float}) {
        SCOPED_TRACE(fmt::format("{} bits, K = {}", bits, k));
        constexpr Index kBlock = 16;
        const Index n = 70;
        const Index blocks = (k + kBlock - 1) / kBlock;
        const Index zero_bytes = (blocks * bits + 7) / 8;
        const Tensor a = random_tensor({2, 3, k}, random);
        const Tensor codes = bytes_of({n, blocks, kBlock * bits / 8}, random);
        const Tensor scale = random_tensor({n, blocks}, random, 0.01F, 0.1F);
        const Tensor bias = random_tensor({n}, random);
        std::optional<Tensor> zero;
        if (kind == ZeroPoints::packed) zero = bytes_of({n, zero_bytes}, random);
        if (kind == ZeroPoints::in_float) zero = random_tensor({n, blocks}, random, 0, 3);
        const MatMulNBits op{.k = k, .n = n, .bits = bits, .block_size = kBlock};
        const Tensor y = run(op, {a, codes, scale, zero, std::nullopt, bias}, ThreadPool(2));
        ASSERT_EQ(y.shape(), (Shape{2, 3, n}));
        for (Index row = 0; row < 6; ++row) {
          for (Index column = 0; column < n; ++column) {
            double sum = static_cast<double>(bias.data<float>()[column]);
            double magnitude = 1;
            for (Index i = 0; i < k; ++i) {
              const Index block = column * blocks + i / kBlock;
              double zero_point = static_cast<double>(1 << (bits - 1));
              if (kind == ZeroPoints::packed) {
                zero_point = code_at(zero->data<std::uint8_t>() + column * zero_bytes, i / kBlock, bits);
              } else if (kind == ZeroPoints::in_float) {
                zero_point = static_cast<double>(zero->data<float>()[block]);
              }
              const int code = code_at(codes.data<std::uint8_t>() + block * kBlock * bits / 8, i % kBlock, bits);
              const double term = (code - zero_point) * static_cast<double>(scale.data<float>()[block]) *
                                  static_cast<double>(a.data<float>()[row * k + i]);
              sum += term;
              magnitude += std::abs(term);
            }
            // k + 3 roundings of sums no larger than the sum of the magnitudes.
            ASSERT_NEAR(static_cast<double>(y.data<float>()[row * n + column]), sum,
                        static_cast<double>(k + 3) * magnitude * 0x1p-24);
          }
        }
      }
    }
  }
}

TEST(MatMulNBits, TakesHalvesAndFlattenedParameters) {
  const Tensor codes = Tensor::of<std::uint8_t>({8}, {0x98, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88});
  Tensor a(DataType::float16, {1, 16});
  a.mutable_data<Float16>()[1] = Float16(3.0F);
  const Tensor scale = Tensor::of<Float16>({1}, {Float16(0.5F)});
  EXPECT_EQ(run(MatMulNBits{.k = 16, .n = 1, .block_size = 16}, {a, codes, scale}),
            Tensor::of<Float16>({1, 1}, {Float16(1.5F)}));
}

TEST(MatMulNBits, RefusesWhatDoesNotFit) {
  const Tensor a = filled({2, 32}, 1);
  const Tensor codes(DataType::uint8, {3, 1, 16});
  const Tensor scale = filled({3, 1}, 1);
  const auto refuses = [&](std::string_view part, const MatMulNBits& op, const Tensor& b) {
    EXPECT_TRUE(throws<InvalidArgument>(part, [&] { run(op, {a, b, scale}); }));
  };
  refuses("bits is 2, 4 or 8, not 3", {.k = 32, .n = 3, .bits = 3}, codes);
  refuses("16 or more, not 24", {.k = 32, .n = 3, .block_size = 24}, codes);
  refuses("16 or more, not 8", {.k = 32, .n = 3, .block_size = 8}, codes);
  refuses("K and N are 32 and 0", {.k = 32}, codes);
  refuses("other than K = 64 elements", {.k = 64, .n = 3}, codes);
  refuses("is uint8 with 48 elements, this one is uint8 of shape (3 x 1 x 8)", {.k = 32, .n = 3},
          Tensor(DataType::uint8, {3, 1, 8}));
  const MatMulNBits op{.k = 32, .n = 3};
  EXPECT_TRUE(throws<InvalidArgument>("its input 3, the zero points, has 3 elements, this one has shape (2)", [&] {
    run(op, {a, codes, scale, Tensor(DataType::uint8, {2})});
  }));
  EXPECT_TRUE(throws<Unsupported>("g_idx", [&] {
    run(op, {a, codes, scale, std::nullopt, Tensor(DataType::int32, {32})});
  }));
}

}  // namespace
}  // namespace condense::graph
