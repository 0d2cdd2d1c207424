#include <bit>
#include <limits>

#include "condense/quantize/affine.hpp"
#include "kernels/integer_rows.hpp"
#include "support/backends.hpp"

namespace condense::kernels {
namespace {

constexpr ElementType kCodes[] = {ElementType::uint8, ElementType::int8};

/// The number that a byte stands for.
std::int32_t value_of(std::uint8_t byte, ElementType type) {
  return type == ElementType::int8 ? std::int32_t{static_cast<std::int8_t>(byte)} : std::int32_t{byte};
}

class ElementwiseTest : public BackendTest<Elementwise> {
 protected:
  /// Calls `body(a, b, output, a_bytes, b_bytes, actual)` with all 65536 pairs of bytes for many choices of types, zero
  /// points and bounds; `body` runs the kernel into `output` and compares `actual`.
  template <class Body>
  static void for_all_pairs(Body&& body) {
    std::vector<std::uint8_t> a_bytes;
    std::vector<std::uint8_t> b_bytes;
    for (int i = 0; i < 65536; ++i) {
      a_bytes.push_back(static_cast<std::uint8_t>(i / 256));
      b_bytes.push_back(static_cast<std::uint8_t>(i % 256));
    }
    std::vector<std::uint8_t> actual(a_bytes.size());
    int which = 0;
    for (const ElementType a_type : kCodes) {
      for (const ElementType b_type : kCodes) {
        for (const ElementType type : kCodes) {
          const int bound = ++which % 3 == 0 ? 40 : 0;
          const Codes a{a_bytes.data(), a_type, a_type == ElementType::int8 ? 0 : 255 - which};
          const Codes b{b_bytes.data(), b_type, b_type == ElementType::int8 ? -128 : 113 + which};
          const CodeOutput output{actual.data(), type, lowest_code(type) + 100 + which, lowest_code(type) + bound,
                                  highest_code(type) - bound};
          body(a, b, output, a_bytes, b_bytes, actual);
        }
      }
    }
  }
};
CONDENSE_TEST_ALL_BACKENDS(ElementwiseTest);

TEST_P(ElementwiseTest, AddsAllPairsOfCodesWithOneRounding) {
  for (const auto& [first, second] : {std::pair{0.7310F, 1.2345F}, {0.5F, 0.5F}, {1.0F, 0.015625F}, {0.0123F, 3.21F}}) {
    const float a_multiplier = short_multiplier(first);
    const float b_multiplier = short_multiplier(second);
    for_all_pairs([&](const Codes& a, const Codes& b, const CodeOutput& output, const auto& a_bytes,
                      const auto& b_bytes, const auto& actual) {
      kernels().elementwise.add({a, b, a_multiplier, b_multiplier, output, 65536});
      for (std::size_t i = 0; i < actual.size(); ++i) {
        // Exact in double, so that the conversion to float is the one rounding.
        const double sum = double{a_multiplier} * (value_of(a_bytes[i], a.type) - a.zero_point) +
                           double{b_multiplier} * (value_of(b_bytes[i], b.type) - b.zero_point);
        ASSERT_EQ(value_of(actual[i], output.type),
                  reference_code(static_cast<float>(sum), output.zero_point, output.lowest, output.highest));
      }
    });
  }
}

TEST_P(ElementwiseTest, MultipliesAllPairsOfCodes) {
  for (const float multiplier : {0.013F, 0.5F, 0.0625F, 1.0F}) {
    for_all_pairs([&](const Codes& a, const Codes& b, const CodeOutput& output, const auto& a_bytes,
                      const auto& b_bytes, const auto& actual) {
      kernels().elementwise.multiply({a, b, multiplier, output, 65536});
      for (std::size_t i = 0; i < actual.size(); ++i) {
        const std::int32_t product =
            (value_of(a_bytes[i], a.type) - a.zero_point) * (value_of(b_bytes[i], b.type) - b.zero_point);
        ASSERT_EQ(value_of(actual[i], output.type), reference_code(static_cast<float>(product) * multiplier,
                                                                   output.zero_point, output.lowest, output.highest));
      }
    });
  }
}

TEST_P(ElementwiseTest, HandlesEveryLengthAndMisalignment) {
  Random random(8);
  std::uint8_t table[256];
  for (std::uint8_t& entry : table) entry = static_cast<std::uint8_t>(random.below(256));
  for (Index count = 0; count <= 200; ++count) {
    const Index shift = count % 17;
    ShiftedMemory<std::uint8_t> a(count, shift);
    ShiftedMemory<std::uint8_t> b(count, shift + 1);
    ShiftedMemory<float> reals(count, shift);
    ShiftedMemory<std::uint8_t> codes(count + 1, shift + 2);  // one more, which has to stay
    ShiftedMemory<float> floats(count + 1, shift);
    for (Index i = 0; i < count; ++i) {
      a[i] = static_cast<std::uint8_t>(random.below(256));
      b[i] = static_cast<std::uint8_t>(random.below(256));
      reals[i] = random.uniform(-20, 20);
    }
    const std::uint8_t guard = codes[count];
    const float float_guard = floats[count];
    const CodeOutput output{codes.data(), ElementType::uint8, 128, 0, 255};
    const auto check = [&](auto&& expected) {
      for (Index i = 0; i < count; ++i) ASSERT_EQ(int{codes[i]}, int{expected(i)}) << i << " of " << count;
      ASSERT_EQ(codes[count], guard) << count;
    };
    const ElementwiseKernel& kernel = kernels().elementwise;
    kernel.add({{a.data(), ElementType::uint8, 3}, {b.data(), ElementType::uint8, 200}, 0.5F, 0.25F, output, count});
    check([&](Index i) {
      return reference_code(0.5F * static_cast<float>(a[i] - 3) + 0.25F * static_cast<float>(b[i] - 200), 128, 0, 255);
    });
    kernel.multiply({{a.data(), ElementType::int8, 3}, {b.data(), ElementType::uint8, 9}, 0.125F, output, count});
    check([&](Index i) {
      const std::int32_t product = (value_of(a[i], ElementType::int8) - 3) * (int{b[i]} - 9);
      return reference_code(static_cast<float>(product) * 0.125F, 128, 0, 255);
    });
    kernel.lookup(a.data(), table, count, codes.data());
    check([&](Index i) { return table[a[i]]; });
    kernel.quantize(reals.data(), 0.1F, output, count);
    check([&](Index i) { return reference_code(reals[i] / 0.1F, 128, 0, 255); });
    kernel.requantize({a.data(), ElementType::int8, 7}, 0.625F, output, count);
    check([&](Index i) {
      return reference_code(static_cast<float>(value_of(a[i], ElementType::int8) - 7) * 0.625F, 128, 0, 255);
    });
    kernel.dequantize({a.data(), ElementType::int8, -5}, 0.3F, count, floats.data());
    for (Index i = 0; i < count; ++i) {
      ASSERT_EQ(floats[i], static_cast<float>(value_of(a[i], ElementType::int8) + 5) * 0.3F);
    }
    ASSERT_EQ(std::memcmp(&floats[count], &float_guard, sizeof(float)), 0);
  }
}

TEST_P(ElementwiseTest, LooksUpEveryByte) {
  std::uint8_t input[256];
  std::uint8_t table[256];
  std::uint8_t output[256];
  for (std::size_t i = 0; i < 256; ++i) {
    input[i] = static_cast<std::uint8_t>(i);
    table[i] = static_cast<std::uint8_t>(i * 37 + 11);
  }
  kernels().elementwise.lookup(input, table, 256, output);
  EXPECT_TRUE(std::equal(std::begin(table), std::end(table), std::begin(output)));
}

/// Ties, their neighbours, and the ends of the floats.
std::vector<float> interesting_floats(float scale) {
  std::vector<float> values;
  const auto add = [&](float value) {
    for (const float v : {value, std::nextafter(value, -INFINITY), std::nextafter(value, INFINITY)}) {
      values.push_back(v);
      values.push_back(-v);
    }
  };
  for (int half = 0; half <= 2 * 400; ++half) add(static_cast<float>(half) / 2 * scale);
  using Limits = std::numeric_limits<float>;
  for (const float value : {0.0F, Limits::min(), Limits::denorm_min(), Limits::max(), 0x1p31F, 0x1p24F, 1e9F})
    add(value);
  for (const float value : {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(), -Limits::quiet_NaN()}) {
    values.push_back(value);
  }
  Random random(2);
  for (int i = 0; i < 20'000; ++i) values.push_back(std::bit_cast<float>(random.bits()));
  return values;
}

TEST_P(ElementwiseTest, QuantizesEveryFloatAsTheContractSays) {
  for (const float scale : {1.0F, 0.5F, 0.0173F, 3.7F, 1e-30F, 1e30F}) {
    const std::vector<float> values = interesting_floats(scale);
    for (const DataType storage : {DataType::uint8, DataType::int8, DataType::uint4, DataType::int4}) {
      const quantize::IntegerType integers = quantize::integer_type(storage);
      for (const std::int32_t zero_point : {integers.lowest(), integers.lowest() + 5, integers.highest()}) {
        const ElementType type = is_signed(storage) ? ElementType::int8 : ElementType::uint8;
        std::vector<std::uint8_t> codes(values.size());
        kernels().elementwise.quantize(values.data(), scale,
                                       {codes.data(), type, zero_point, integers.lowest(), integers.highest()},
                                       static_cast<Index>(values.size()));
        for (std::size_t i = 0; i < values.size(); ++i) {
          ASSERT_EQ(value_of(codes[i], type), quantize::quantize_value(values[i], {scale, zero_point}, integers))
              << values[i] << " scale " << scale << " zero point " << zero_point;
        }
      }
    }
  }
}

TEST_P(ElementwiseTest, DequantizesEveryCodeWithEveryZeroPoint) {
  std::uint8_t codes[256];
  for (std::size_t i = 0; i < 256; ++i) codes[i] = static_cast<std::uint8_t>(i);
  for (const ElementType type : kCodes) {
    for (std::int32_t zero_point = lowest_code(type); zero_point <= highest_code(type); ++zero_point) {
      float reals[256];
      kernels().elementwise.dequantize({codes, type, zero_point}, 0.0371F, 256, reals);
      for (std::size_t i = 0; i < 256; ++i) {
        ASSERT_EQ(reals[i], quantize::dequantize_value(value_of(codes[i], type), {0.0371F, zero_point}));
      }
    }
  }
}

TEST_P(ElementwiseTest, RequantizesEveryCodeWithEveryZeroPoint) {
  std::uint8_t codes[256];
  for (std::size_t i = 0; i < 256; ++i) codes[i] = static_cast<std::uint8_t>(i);
  for (const ElementType from : kCodes) {
    for (const ElementType to : kCodes) {
      for (const float multiplier : {0.5F, 1.0F, 0.7310F, 2.75F, 1e-10F, 1e10F}) {
        for (std::int32_t zero_point = lowest_code(from); zero_point <= highest_code(from); ++zero_point) {
          const std::int32_t shift = zero_point - lowest_code(from);  // also the place of the zero point of the output
          const std::int32_t lowest = lowest_code(to) + shift % 30;
          const std::int32_t highest = highest_code(to) - shift % 7;
          const std::int32_t output_zero = lowest_code(to) + 255 - shift;
          std::uint8_t actual[256];
          kernels().elementwise.requantize({codes, from, zero_point}, multiplier,
                                           {actual, to, output_zero, lowest, highest}, 256);
          for (std::size_t i = 0; i < 256; ++i) {
            const float value = static_cast<float>(value_of(codes[i], from) - zero_point) * multiplier;
            ASSERT_EQ(value_of(actual[i], to), reference_code(value, output_zero, lowest, highest));
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace condense::kernels
