#include "condense/quantize/quantize.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "condense/quantize/additive_powers_of_two.hpp"
#include "condense/quantize/uniform.hpp"
#include "quantize/formats.hpp"
#include "support/throws.hpp"

namespace condense::quantize {
namespace {

Tensor weight_tensor(const Shape& shape, std::uint64_t seed) {
  return Tensor::of<float>(shape, std::span<const float>(weights(static_cast<std::size_t>(shape.count()), seed)));
}

/// A slice is quantised apart from all others: gathered into a tensor of its own, it gets the same parameters, integers
/// and reals as it has in the whole.
template <class S>
void expect_slices_on_their_own(const Tensor& values, const S& scheme, const Granularity& granularity) {
  const QuantizedTensor whole = quantize(values, scheme, granularity);
  const Tensor reals = dequantize(whole);
  const ScaleLayout layout(values.shape(), granularity);
  for (Index slice = 0; slice < layout.scale_count(); ++slice) {
    std::vector<Index> elements;
    std::vector<float> gathered;
    layout.for_each([&](Index element, Index scale) {
      if (scale != slice) return;
      elements.push_back(element);
      gathered.push_back(values.values<float>()[static_cast<std::size_t>(element)]);
    });
    const QuantizedTensor alone = quantize(std::span<const float>(gathered), scheme);
    EXPECT_EQ(alone.parameters.affine(0), whole.parameters.affine(slice)) << granularity.name() << ", " << slice;
    const Tensor alone_reals = dequantize(alone);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      EXPECT_EQ(alone.integer(static_cast<Index>(i)), whole.integer(elements[i])) << granularity.name();
      EXPECT_EQ(alone_reals.values<float>()[i], reals.data<float>()[elements[i]]) << granularity.name();
    }
  }
}

TEST(Quantize, TreatsEachSliceAsATensorOfItsOwn) {
  const Tensor values = weight_tensor({3, 7, 4}, 11);
  for (const Granularity granularity :
       {Granularity::per_channel(0), Granularity::per_channel(1), Granularity::per_channel(-1),
        Granularity::per_group(1, 3), Granularity::per_group(0, 2), Granularity::per_group(2, 4),
        Granularity::per_group(1, 100)}) {
    expect_slices_on_their_own(values, UniformSymmetric<4>{}, granularity);
    expect_slices_on_their_own(values, UniformAsymmetric<3>{}, granularity);
    expect_slices_on_their_own(values, AdditivePowersOfTwo<4>{}, granularity);
  }
}

TEST(Quantize, GoldenRowsWithARaggedLastGroup) {
  const Tensor values = Tensor::of<float>({2, 5}, {7, -3, 14, 2, -70, 0, 0, 3.5F, -1.75F, 1});
  const QuantizedTensor quantized = quantize(values, UniformSymmetric<4>{}, Granularity::per_group(1, 2));
  EXPECT_EQ(quantized.parameters.scales, (std::vector<float>{1, 2, 10, 1, 0.5F, 1.0F / 7}));
  EXPECT_TRUE(quantized.parameters.zero_points.empty());
  std::vector<std::int32_t> integers;
  for (Index i = 0; i < quantized.count(); ++i) integers.push_back(quantized.integer(i));
  EXPECT_EQ(integers, (std::vector<std::int32_t>{7, -3, 7, 1, -7, 0, 0, 7, -4, 7})) << "-3.5 to even";
}

TEST(Quantize, TakesEigenTensorsMapsMatricesAndVectors) {
  Eigen::Tensor<float, 2, Eigen::RowMajor> tensor(3, 4);
  for (Index i = 0; i < tensor.size(); ++i) tensor.data()[i] = static_cast<float>(i - 5);
  const QuantizedTensor expected = quantize(tensor, UniformSymmetric<8>{}, Granularity::per_channel());
  EXPECT_EQ(expected.shape, (Shape{3, 4}));
  EXPECT_EQ(expected.parameters.scales, (std::vector<float>{5.0F / 127, 2.0F / 127, 6.0F / 127}));

  const Eigen::TensorMap<const Eigen::Tensor<float, 2, Eigen::RowMajor>> map(tensor.data(), 3, 4);
  EXPECT_EQ(quantize(map, UniformSymmetric<8>{}, Granularity::per_channel()), expected);
  const Eigen::Map<Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> matrix(tensor.data(), 3, 4);
  EXPECT_EQ(quantize(matrix, UniformSymmetric<8>{}, Granularity::per_channel()), expected);
  EXPECT_EQ(quantize(Tensor::of(tensor), UniformSymmetric<8>{}, Granularity::per_channel()), expected);
  const Eigen::VectorXf vector = matrix.row(1).transpose();
  EXPECT_EQ(quantize(vector, UniformSymmetric<8>{}).shape, Shape{4});
  EXPECT_EQ(dequantize(expected).matrix<float>()(2, 3), 6.0F / 127 * 127);
}

TEST(Quantize, SaturatesOutsideGivenRangesInfinitiesIncluded) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Tensor values = Tensor::of<float>({6}, {-kInfinity, -3, -1, 0.5F, 9, kInfinity});
  const std::vector<Range> ranges{{-1, 1}};
  const UniformSymmetric<3> scheme;
  const QuantizedTensor quantized = quantize(values, scheme, quantization_parameters(scheme, {}, ranges));
  std::vector<std::int32_t> integers;
  for (Index i = 0; i < 6; ++i) integers.push_back(quantized.integer(i));
  EXPECT_EQ(integers, (std::vector<std::int32_t>{-3, -3, -3, 2, 3, 3}));
}

TEST(Quantize, RefusesWhatIsNotFiniteAndNamesTheElement) {
  std::vector<float> x = weights(12, 1);
  x[9] = std::numeric_limits<float>::quiet_NaN();
  const Tensor values = Tensor::of<float>({3, 4}, std::span<const float>(x));
  const UniformSymmetric<8> scheme;
  EXPECT_TRUE(
      throws<InvalidArgument>("element 9 of a tensor of shape (3 x 4) is nan", [&] { quantize(values, scheme); }));
  EXPECT_TRUE(throws<InvalidArgument>("element 9 of a tensor of shape (3 x 4) is NaN",
                                      [&] { quantize(values, scheme, {.type = scheme.type(), .granularity = {}}); }));
  EXPECT_TRUE(throws<InvalidArgument>("element 9", [&] { fake_quantize(values, scheme); }));
  x[9] = -std::numeric_limits<float>::infinity();
  EXPECT_TRUE(throws<InvalidArgument>("element 9 of a tensor of shape (12) is -inf",
                                      [&] { quantize(std::span<const float>(x), scheme); }));
}

TEST(Quantize, RefusesParametersThatDoNotFit) {
  const Tensor values = weight_tensor({3, 4}, 2);
  const UniformSymmetric<8> scheme;
  QuantizationParameters parameters{.type = kInt8Narrow, .granularity = Granularity::per_channel(0)};
  EXPECT_TRUE(throws<InvalidArgument>("3 scales per channel (axis 0), 1 are given",
                                      [&] { quantize(values, scheme, parameters); }));
  parameters = {.type = kInt4, .granularity = {}};
  EXPECT_TRUE(throws<InvalidArgument>("the parameters are for int4, the scheme gives int8 narrow",
                                      [&] { quantize(values, scheme, parameters); }));
  parameters = {.type = kInt8Narrow, .granularity = {}, .scales = {0}};
  EXPECT_TRUE(throws<InvalidArgument>("scale 0 is 0", [&] { quantize(values, scheme, parameters); }));
  EXPECT_TRUE(throws<InvalidArgument>("[-", [&] { quantize(values, UniformSymmetric<8>{.is_signed = false}); }));
  EXPECT_TRUE(throws<InvalidArgument>("axis 2", [&] { quantize(values, scheme, Granularity::per_channel(2)); }));
  EXPECT_TRUE(throws<InvalidArgument>("(0 x 4)", [&] { quantize(Tensor(DataType::float32, {0, 4}), scheme); }));
}

TEST(Quantize, GivesAScaleOfOneToASliceOfZeros) {
  const Tensor values = Tensor::of<float>({2, 2}, {0, 0, 3, -1});
  const QuantizedTensor quantized = quantize(values, UniformSymmetric<2>{}, Granularity::per_channel());
  EXPECT_EQ(quantized.parameters.scales, (std::vector<float>{1, 3}));
  EXPECT_EQ(dequantize(quantized), Tensor::of<float>({2, 2}, {0, 0, 3, 0}));
}

TEST(QuantizationParameters, KeepZeroPointsOnlyIfOneIsNotZero) {
  const UniformAsymmetric<8> scheme;
  const std::vector<Range> positive{{0, 1}, {0, 2}};
  EXPECT_TRUE(quantization_parameters(scheme, Granularity::per_channel(), positive).zero_points.empty());
  const std::vector<Range> mixed{{0, 1}, {-1, 0}};
  EXPECT_EQ(quantization_parameters(scheme, Granularity::per_channel(), mixed).zero_points,
            (std::vector<std::int32_t>{0, 255}));
}

}  // namespace
}  // namespace condense::quantize
