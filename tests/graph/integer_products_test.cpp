#include "condense/graph/operators/integer_products.hpp"

#include <gtest/gtest.h>

#include "condense/graph/operators/mat_mul.hpp"
#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

template <class T>
Tensor codes(const Shape& shape, Random& random) {
  Tensor tensor(data_type_of<T>, shape);
  for (T& value : tensor.template mutable_values<T>()) value = static_cast<T>(random.below(256));
  return tensor;
}

/// codes - zero points in double, where element i of the codes has the zero point `which(i)`.
template <class T, class Which>
Tensor centred(const Tensor& tensor, const Tensor& zero_points, Which&& which) {
  Tensor result(DataType::float64, tensor.shape());
  for (Index i = 0; i < tensor.count(); ++i) {
    result.mutable_data<double>()[i] =
        static_cast<double>(tensor.data<T>()[i]) - static_cast<double>(zero_points.data<T>()[which(i)]);
  }
  return result;
}

Tensor to_double(const Tensor& sums) {
  Tensor result(DataType::float64, sums.shape());
  std::copy_n(sums.data<std::int32_t>(), sums.count(), result.mutable_data<double>());
  return result;
}

/// Sums of integers below 2^53 are exact in double, whatever the extremes.
TEST(MatMulInteger, IsTheExactProductForEveryKindOfZeroPoint) {
  Random random(91);
  const Tensor a = codes<std::uint8_t>({2, 3, 40}, random);
  const Tensor b = codes<std::int8_t>({40, 5}, random);
  const auto scalar = [](Index) { return Index{0}; };
  const Tensor a_zero = codes<std::uint8_t>({}, random);
  const Tensor b_zero = codes<std::int8_t>({1}, random);
  EXPECT_EQ(to_double(run(MatMulInteger{}, {a, b, a_zero, b_zero}, ThreadPool(2))),
            run(MatMul{}, {centred<std::uint8_t>(a, a_zero, scalar), centred<std::int8_t>(b, b_zero, scalar)}));
  const Tensor rows = codes<std::uint8_t>({3}, random);
  const Tensor columns = codes<std::int8_t>({5}, random);
  const Tensor expected = run(MatMul{}, {centred<std::uint8_t>(a, rows, [](Index i) { return i / 40 % 3; }),
                                         centred<std::int8_t>(b, columns, [](Index i) { return i % 5; })});
  EXPECT_EQ(to_double(run(MatMulInteger{}, {a, b, rows, columns})), expected);
  const Tensor stacked = codes<std::uint8_t>({2, 3, 1}, random);
  EXPECT_EQ(to_double(run(MatMulInteger{}, {a, b, stacked})),
            run(MatMul{}, {centred<std::uint8_t>(a, stacked, [](Index i) { return i / 40; }),
                           centred<std::int8_t>(b, Tensor::scalar<std::int8_t>(0), scalar)}));
}

TEST(MatMulInteger, IsExactAtTheLargestDepth) {
  Tensor a(DataType::uint8, {1, 33025});
  std::ranges::fill(a.mutable_values<std::uint8_t>(), std::uint8_t{255});
  const Tensor zero = Tensor::scalar<std::uint8_t>(0);
  const Tensor low = Tensor::scalar<std::uint8_t>(255);
  const Tensor column = Tensor(DataType::uint8, {33025, 1});
  EXPECT_EQ(run(MatMulInteger{}, {a, column, zero, low}), Tensor::of<std::int32_t>({1, 1}, {-33025 * 65025}));
  EXPECT_TRUE(throws<InvalidArgument>("it sums 33026 products", [&] {
    run(MatMulInteger{}, {Tensor(DataType::uint8, {1, 33026}), Tensor(DataType::uint8, {33026, 1})});
  }));
}

/// The ONNX operator page's example, and parameters for rows and columns against the formula.
TEST(QLinearMatMul, RequantisesBySumTimesMultiplier) {
  Random random(92);
  const Tensor a = codes<std::int8_t>({3, 20}, random);
  const Tensor b = codes<std::int8_t>({20, 4}, random);
  const Tensor a_scale = random_tensor({3}, random, 0.01F, 0.1F);
  const Tensor b_scale = random_tensor({4}, random, 0.01F, 0.1F);
  const Tensor y_scale = random_tensor({3}, random, 1, 4);
  const Tensor a_zero = codes<std::int8_t>({3}, random);
  const Tensor b_zero = codes<std::int8_t>({4}, random);
  const Tensor y_zero = codes<std::uint8_t>({3}, random);
  const Tensor y = run(QLinearMatMul{}, {a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero}, ThreadPool(2));
  const Tensor sums = run(MatMulInteger{}, {a, b, a_zero, b_zero});
  ASSERT_EQ(y.type(), DataType::uint8);
  for (Index i = 0; i < 12; ++i) {
    const float multiplier =
        (a_scale.data<float>()[i / 4] * b_scale.data<float>()[i % 4]) / y_scale.data<float>()[i / 4];
    const float real = static_cast<float>(sums.data<std::int32_t>()[i]) * multiplier;
    const double code = std::nearbyint(real) + static_cast<double>(y_zero.data<std::uint8_t>()[i / 4]);
    ASSERT_EQ(static_cast<double>(y.data<std::uint8_t>()[i]), std::clamp(code, 0.0, 255.0));
  }
}

/// Against a convolution in double of the codes less their zero points: padding is the zero point, which is 0 there.
TEST(IntegerConvolutions, AreTheConvolutionOfWhatTheCodesStandFor) {
  Random random(93);
  const Tensor x = codes<std::uint8_t>({2, 4, 6, 7}, random);
  const Tensor w = codes<std::int8_t>({6, 2, 3, 2}, random);
  const Tensor x_zero = codes<std::uint8_t>({}, random);
  const Tensor w_zero = codes<std::int8_t>({6}, random);
  const Conv conv{.strides = {2, 1}, .dilations = {1, 2}, .pads = {1, 0, 2, 1}, .group = 2};
  const Tensor expected = run(conv, {centred<std::uint8_t>(x, x_zero, [](Index) { return Index{0}; }),
                                     centred<std::int8_t>(w, w_zero, [](Index i) { return i / 12; })});
  const ConvInteger op{.strides = conv.strides, .dilations = conv.dilations, .pads = conv.pads, .group = 2};
  const Tensor sums = run(op, {x, w, x_zero, w_zero}, ThreadPool(2));
  EXPECT_EQ(to_double(sums), expected);

  const QLinearConv quantized{.strides = conv.strides, .dilations = conv.dilations, .pads = conv.pads, .group = 2};
  const Tensor w_scale = random_tensor({6}, random, 0.01F, 0.02F);
  const Tensor bias = Tensor::of<std::int32_t>({6}, {0, 1000, -5000, 7, 20000, -1});
  const Tensor y = run(quantized,
                       {x, Tensor::scalar(0.5F), x_zero, w, w_scale, w_zero, Tensor::scalar(3.0F),
                        Tensor::scalar<std::int8_t>(-3), bias},
                       ThreadPool(2));
  const Index positions = sums.count() / 12;
  for (Index i = 0; i < sums.count(); ++i) {
    const Index channel = i / positions % 6;
    const float multiplier = (0.5F * w_scale.data<float>()[channel]) / 3.0F;
    const float real =
        static_cast<float>(sums.data<std::int32_t>()[i] + bias.data<std::int32_t>()[channel]) * multiplier;
    ASSERT_EQ(static_cast<double>(y.data<std::int8_t>()[i]),
              std::clamp(std::nearbyint(static_cast<double>(real)) - 3, -128.0, 127.0));
  }
}

TEST(DynamicQuantizeLinear, Golden) {
  const std::vector<Tensor> y =
      run_all(DynamicQuantizeLinear{}, {Tensor::of<float>({6}, {0, 2, -3, -2.5F, 1.34F, 0.5F})});
  EXPECT_EQ(y[0], Tensor::of<std::uint8_t>({6}, {153, 255, 0, 26, 221, 179}));
  EXPECT_EQ(y[1], Tensor::scalar(5.0F / 255.0F));
  EXPECT_EQ(y[2], Tensor::scalar<std::uint8_t>(153));
  const std::vector<Tensor> zeros = run_all(DynamicQuantizeLinear{}, {filled({3}, 0)});
  EXPECT_EQ(zeros[0], Tensor::of<std::uint8_t>({3}, {0, 0, 0}));
  EXPECT_EQ(zeros[1], Tensor::scalar(1.0F));
  EXPECT_EQ(run_all(DynamicQuantizeLinear{}, {Tensor(DataType::float32, {0})})[2], Tensor::scalar<std::uint8_t>(0));
}

TEST(IntegerProducts, RefuseWhatDoesNotFit) {
  const Tensor a(DataType::uint8, {2, 3});
  const Tensor b(DataType::uint8, {3, 4});
  const Tensor s = Tensor::scalar(1.0F);
  const Tensor z = Tensor::scalar<std::uint8_t>(0);
  const auto refuses = [](std::string_view part, const Operator& op,
                          std::initializer_list<std::optional<Tensor>> inputs) {
    EXPECT_TRUE(throws<InvalidArgument>(part, [&] { run(op, inputs); }));
  };
  refuses("the inner extents are 3 and 2", MatMulInteger{}, {a, a});
  refuses("its input 0 is int8 or uint8, this one is float32", MatMulInteger{}, {filled({2, 3}, 1), b});
  refuses("its input 2, a zero point, is int8, the codes are uint8", MatMulInteger{},
          {a, b, Tensor::scalar<std::int8_t>(0)});
  refuses("its input 3 is a scalar or has the extents that broadcast to (3 x 4), this one is (5)", MatMulInteger{},
          {a, b, z, Tensor(DataType::uint8, {5})});
  refuses("its inputs 0 and 3 of shapes (2 x 3) and (2 x 3)", QLinearMatMul{}, {a, s, z, a, s, z, s, z});
  refuses("its input 6 is a scalar or has the extents that broadcast to (2 x 4)", QLinearMatMul{},
          {a, s, z, b, s, z, filled({3}, 1), z});
  const Tensor image(DataType::uint8, {1, 2, 3});
  const Tensor kernel(DataType::uint8, {4, 2, 2});
  refuses("its input 3 has shape (3); it is a scalar or one for each of 4", ConvInteger{},
          {image, kernel, z, Tensor(DataType::uint8, {3})});
  refuses("its input 8, the bias, is int32 of shape (4)", QLinearConv{},
          {image, s, z, kernel, s, z, s, z, filled({4}, 1)});
  refuses("its input 0 has 2 channels, its input 3 of shape (4 x 3 x 2) in 1 groups takes 3", QLinearConv{},
          {image, s, z, Tensor(DataType::uint8, {4, 3, 2}), s, z, s, z});
}

}  // namespace
}  // namespace condense::graph
