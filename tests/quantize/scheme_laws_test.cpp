// What `Scheme` promises, for every scheme, every number of bits, and every code.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "condense/quantize/with_scheme.hpp"
#include "quantize/formats.hpp"

namespace condense::quantize {
namespace {

/// A scheme whose type is erased, its lowest and highest integer, and parameters for a range around 0.
struct AnyScheme {
  std::function<std::int32_t(float, const Affine&)> encode;
  std::function<float(std::int32_t, const Affine&)> decode;
  std::function<Affine(Range)> parameters;
  std::vector<std::int32_t> integers;  ///< All of them, ascending.
};

AnyScheme any_scheme(const NumberFormat& format) {
  return with_scheme(format, [](const auto& scheme) {
    AnyScheme any{.encode = [scheme](float x, const Affine& affine) { return scheme.encode(x, affine); },
                  .decode = [scheme](std::int32_t q, const Affine& affine) { return scheme.decode(q, affine); },
                  .parameters = [scheme](Range range) { return scheme.parameters(range); },
                  .integers = {}};
    const auto levels = static_cast<std::int32_t>(scheme.levels().size());
    const std::int32_t highest = levels > 0 ? levels - 1 : scheme.type().highest();
    for (std::int32_t q = scheme.type().lowest(); q <= highest; ++q) {
      if (q != 0 || !scheme.type().is_binary()) any.integers.push_back(q);
    }
    return any;
  });
}

std::vector<Range> ranges(const NumberFormat& format) {
  if (!holds_negative_values(format)) return {{0, 1}, {0, 0.037F}, {0.5F, 1234.5F}};
  return {{-1, 1}, {-0.037F, 0.021F}, {-3, 1234.5F}, {-7, -2}};
}

/// Values in and around a range, dense near 0, ascending.
std::vector<float> sweep(Range range) {
  std::vector<float> values;
  const float width = std::max(std::abs(range.min), std::abs(range.max));
  for (int i = -600; i <= 600; ++i) values.push_back(width * static_cast<float>(i) / 500);
  for (int i = 0; i < 40; ++i) {
    values.push_back(std::ldexp(width, -i));
    values.push_back(-std::ldexp(width, -i));
  }
  std::ranges::sort(values);
  return values;
}

TEST(EveryScheme, EncodesWhatItDecodedToTheSameInteger) {
  for (const NumberFormat& format : all_formats()) {
    const AnyScheme scheme = any_scheme(format);
    for (const Range range : ranges(format)) {
      const Affine affine = scheme.parameters(range);
      for (const std::int32_t q : scheme.integers) {
        ASSERT_EQ(scheme.encode(scheme.decode(q, affine), affine), q) << format.name() << ", scale " << affine.scale;
      }
    }
  }
}

TEST(EveryScheme, IsMonotoneAndSaturates) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const NumberFormat& format : all_formats()) {
    const AnyScheme scheme = any_scheme(format);
    for (const Range range : ranges(format)) {
      const Affine affine = scheme.parameters(range);
      for (std::size_t i = 1; i < scheme.integers.size(); ++i) {
        ASSERT_LT(scheme.decode(scheme.integers[i - 1], affine), scheme.decode(scheme.integers[i], affine))
            << format.name();
      }
      std::int32_t previous = scheme.integers.front();
      for (const float x : sweep(range)) {
        const std::int32_t q = scheme.encode(x, affine);
        ASSERT_GE(q, previous) << format.name() << " at " << x;
        previous = q;
      }
      for (const float huge : {std::numeric_limits<float>::max(), kInfinity}) {
        EXPECT_EQ(scheme.encode(huge, affine), scheme.integers.back()) << format.name();
        EXPECT_EQ(scheme.encode(-huge, affine), scheme.integers.front()) << format.name();
      }
    }
  }
}

TEST(EveryScheme, TakesTheNearestOfAllLevelsUnlessItRoundsTheLogarithm) {
  for (const NumberFormat& format : all_formats()) {
    if (format.rounding == LogarithmicRounding::log_domain) continue;
    const AnyScheme scheme = any_scheme(format);
    for (const Range range : ranges(format)) {
      const Affine affine = scheme.parameters(range);
      for (const float x : sweep(range)) {
        const double error = std::abs(double{x} - double{scheme.decode(scheme.encode(x, affine), affine)});
        double least = std::numeric_limits<double>::infinity();
        for (const std::int32_t q : scheme.integers) {
          least = std::min(least, std::abs(double{x} - double{scheme.decode(q, affine)}));
        }
        // A quotient and a level are rounded to 24 bits each; where x is a tie, either level is as good up to that.
        ASSERT_LE(error, least + 0x1p-22 * std::abs(double{x})) << format.name() << " at " << x;
      }
    }
  }
}

TEST(EveryScheme, RepresentsZeroExactlyIfItHasOne) {
  for (const NumberFormat& format : all_formats()) {
    const bool binary = format.scheme == SchemeKind::symmetric && format.is_signed && format.bits == 1;
    const AnyScheme scheme = any_scheme(format);
    for (const Range range : ranges(format)) {
      const Affine affine = scheme.parameters(range);
      for (const float zero : {0.0F, -0.0F}) {
        const float decoded = scheme.decode(scheme.encode(zero, affine), affine);
        if (binary || !format.with_zero) {
          EXPECT_GT(decoded, 0) << format.name() << ": without a zero it counts as positive";
        } else {
          EXPECT_EQ(decoded, 0) << format.name();
        }
      }
    }
  }
}

TEST(EveryScheme, FakeQuantizesToTheBitsOfADequantizedTensor) {
  for (NumberFormat format : all_formats()) {
    for (const Granularity granularity :
         {Granularity::per_tensor(), Granularity::per_channel(), Granularity::per_group(1, 8)}) {
      format.granularity = granularity;
      const Tensor values = Tensor::of<float>({5, 21}, weights(105, 3, holds_negative_values(format)));
      const QuantizedTensor quantized = quantize(values, format);
      EXPECT_NO_THROW(validate(quantized)) << format.name();
      const Tensor reals = dequantize(quantized);
      EXPECT_EQ(fake_quantize(values, format), reals) << format.name();
      EXPECT_EQ(with_scheme(format, [&](const auto& scheme) { return quantize(reals, scheme, quantized.parameters); }),
                quantized)
          << format.name() << ": the reals of a quantised tensor have its codes";
    }
  }
}

}  // namespace
}  // namespace condense::quantize
