#ifndef CONDENSE_KERNELS_ELEMENTWISE_SCALAR_HPP
#define CONDENSE_KERNELS_ELEMENTWISE_SCALAR_HPP

#include "condense/core/rounding.hpp"
#include "condense/kernels/elementwise/elementwise.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// The definition of the elementwise kernels.
template <>
struct Elementwise<simd::Scalar> {
  static void add(const AddArguments& arguments) noexcept {
    with_codes(arguments.a, [&](const auto* a) {
      with_codes(arguments.b, [&](const auto* b) {
        store(arguments.output, arguments.count, [&](Index i) {
          return arguments.a_multiplier * static_cast<float>(a[i] - arguments.a.zero_point) +
                 arguments.b_multiplier * static_cast<float>(b[i] - arguments.b.zero_point);
        });
      });
    });
  }

  static void multiply(const MultiplyArguments& arguments) noexcept {
    with_codes(arguments.a, [&](const auto* a) {
      with_codes(arguments.b, [&](const auto* b) {
        store(arguments.output, arguments.count, [&](Index i) {
          const std::int32_t product = (a[i] - arguments.a.zero_point) * (b[i] - arguments.b.zero_point);
          return static_cast<float>(product) * arguments.multiplier;
        });
      });
    });
  }

  static void lookup(const std::uint8_t* input, const std::uint8_t* table, Index count, std::uint8_t* output) noexcept {
    for (Index i = 0; i < count; ++i) output[i] = table[input[i]];
  }

  static void quantize(const float* input, float scale, const CodeOutput& output, Index count) noexcept {
    store(output, count, [&](Index i) { return input[i] / scale; });
  }

  static void dequantize(const Codes& input, float scale, Index count, float* output) noexcept {
    with_codes(input, [&](const auto* codes) {
      for (Index i = 0; i < count; ++i) output[i] = static_cast<float>(codes[i] - input.zero_point) * scale;
    });
  }

  static void requantize(const Codes& input, float multiplier, const CodeOutput& output, Index count) noexcept {
    with_codes(input, [&](const auto* codes) {
      store(output, count, [&](Index i) { return static_cast<float>(codes[i] - input.zero_point) * multiplier; });
    });
  }

  static void quantize_rows(const QuantizeRowsArguments& arguments) noexcept {
    const auto with_zero = [](const float* values, Index count, float& min, float& max) {
      for (Index i = 0; i < count; ++i) {
        min = values[i] < min ? values[i] : min;
        max = values[i] > max ? values[i] : max;
      }
    };
    detail::quantize_rows(arguments, with_zero, &quantize);
  }

 private:
  template <class Body>
  static void with_codes(const Codes& codes, Body&& body) noexcept {
    if (codes.type == ElementType::int8) {
      body(static_cast<const std::int8_t*>(codes.data));
    } else {
      body(static_cast<const std::uint8_t*>(codes.data));
    }
  }

  template <class Value>
  static void store(const CodeOutput& output, Index count, Value&& value) noexcept {
    auto* codes = static_cast<std::uint8_t*>(output.data);
    for (Index i = 0; i < count; ++i) {
      codes[i] = static_cast<std::uint8_t>(round_to_code(value(i), output.zero_point, output.lowest, output.highest));
    }
  }
};

}  // namespace condense::kernels

#endif
