#ifndef CONDENSE_KERNELS_ELEMENTWISE_NEON_HPP
#define CONDENSE_KERNELS_ELEMENTWISE_NEON_HPP

#if defined(__aarch64__)

#include "condense/kernels/detail/neon.hpp"
#include "condense/kernels/elementwise/elementwise.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// Elementwise kernels, 16 codes at a time.
template <>
struct Elementwise<simd::Neon> {
  static void add(const AddArguments& arguments) noexcept {
    const Differences a(arguments.a);
    const Differences b(arguments.b);
    const Store store(arguments.output);
    detail::neon::for_vectors(arguments.count, [&](Index first, auto count) {
      const detail::neon::Floats x = a.floats(first, count);
      detail::neon::Floats sum = b.floats(first, count);
#pragma GCC unroll 4
      for (Index i = 0; i < 4; ++i) {
        const float32x4_t product = vmulq_n_f32(sum.part[i], arguments.b_multiplier);
        sum.part[i] = vfmaq_n_f32(product, x.part[i], arguments.a_multiplier);  // both products are exact
      }
      store(first, sum, count);
    });
  }

  static void multiply(const MultiplyArguments& arguments) noexcept {
    const Differences a(arguments.a);
    const Differences b(arguments.b);
    const Store store(arguments.output);
    detail::neon::for_vectors(arguments.count, [&](Index first, auto count) {
      const int16x8x2_t x = a.words(first, count);
      const int16x8x2_t y = b.words(first, count);
      detail::neon::Floats product;
#pragma GCC unroll 4
      for (Index i = 0; i < 2; ++i) {
        const int32x4_t low = vmull_s16(vget_low_s16(x.val[i]), vget_low_s16(y.val[i]));
        const int32x4_t high = vmull_high_s16(x.val[i], y.val[i]);
        product.part[2 * i] = vmulq_n_f32(vcvtq_f32_s32(low), arguments.multiplier);
        product.part[2 * i + 1] = vmulq_n_f32(vcvtq_f32_s32(high), arguments.multiplier);
      }
      store(first, product, count);
    });
  }

  /// The table stays in 16 registers. A quarter of it is looked up at a time; an index outside the quarter leaves the
  /// result as it is.
  static void lookup(const std::uint8_t* input, const std::uint8_t* table, Index count, std::uint8_t* output) noexcept {
    const uint8x16x4_t first_quarter = vld1q_u8_x4(table);
    const uint8x16x4_t second_quarter = vld1q_u8_x4(table + 64);
    const uint8x16x4_t third_quarter = vld1q_u8_x4(table + 128);
    const uint8x16x4_t fourth_quarter = vld1q_u8_x4(table + 192);
    detail::neon::for_vectors(count, [&](Index first, auto lanes) {
      const uint8x16_t index = detail::neon::load_bytes(input + first, lanes);
      uint8x16_t found = vqtbl4q_u8(first_quarter, index);
      found = vqtbx4q_u8(found, second_quarter, vsubq_u8(index, vdupq_n_u8(64)));
      found = vqtbx4q_u8(found, third_quarter, vsubq_u8(index, vdupq_n_u8(128)));
      found = vqtbx4q_u8(found, fourth_quarter, vsubq_u8(index, vdupq_n_u8(192)));
      detail::neon::store_bytes(output + first, found, lanes);
    });
  }

  static void quantize(const float* input, float scale, const CodeOutput& output, Index count) noexcept {
    const Store store(output);
    const float32x4_t divisor = vdupq_n_f32(scale);
    detail::neon::for_vectors(count, [&](Index first, auto lanes) {
      detail::neon::Floats values = detail::neon::load_floats(input + first, lanes);
#pragma GCC unroll 4
      for (float32x4_t& v : values.part) v = vdivq_f32(v, divisor);
      store(first, values, lanes);
    });
  }

  static void dequantize(const Codes& input, float scale, Index count, float* output) noexcept {
    const Differences codes(input);
    detail::neon::for_vectors(count, [&](Index first, auto lanes) {
      detail::neon::Floats values = codes.floats(first, lanes);
#pragma GCC unroll 4
      for (float32x4_t& v : values.part) v = vmulq_n_f32(v, scale);
      detail::neon::store_floats(output + first, values, lanes);
    });
  }

  static void requantize(const Codes& input, float multiplier, const CodeOutput& output, Index count) noexcept {
    const Differences codes(input);
    const Store store(output);
    detail::neon::for_vectors(count, [&](Index first, auto lanes) {
      detail::neon::Floats values = codes.floats(first, lanes);
#pragma GCC unroll 4
      for (float32x4_t& v : values.part) v = vmulq_n_f32(v, multiplier);
      store(first, values, lanes);
    });
  }

  static void quantize_rows(const QuantizeRowsArguments& arguments) noexcept {
    detail::quantize_rows(arguments, &with_zero, &quantize);
  }

 private:
  /// The differences of codes to their zero point. Signed codes are made unsigned, and so is their zero point, which
  /// leaves the differences as they were.
  struct Differences {
    const std::uint8_t* data;
    uint8x16_t flip;
    uint8x8_t zero_point;

    explicit Differences(const Codes& codes) noexcept
        : data(static_cast<const std::uint8_t*>(codes.data)),
          flip(vdupq_n_u8(codes.type == ElementType::int8 ? 0x80 : 0)),
          zero_point(veor_u8(vdup_n_u8(static_cast<std::uint8_t>(codes.zero_point)), vget_low_u8(flip))) {}

    int16x8x2_t words(Index first, Index count) const noexcept {
      const uint8x16_t codes = veorq_u8(detail::neon::load_bytes(data + first, count), flip);
      return {{vreinterpretq_s16_u16(vsubl_u8(vget_low_u8(codes), zero_point)),
               vreinterpretq_s16_u16(vsubl_u8(vget_high_u8(codes), zero_point))}};
    }

    detail::neon::Floats floats(Index first, Index count) const noexcept {
      const int16x8x2_t differences = words(first, count);
      return detail::neon::floats_of(differences.val[0], differences.val[1]);
    }
  };

  /// A NaN is left out, being neither less nor greater; the minimum of a signalling one and a number would be a NaN.
  /// The zeros behind the last value change nothing.
  static void with_zero(const float* values, Index count, float& min, float& max) noexcept {
    float32x4_t smallest = vdupq_n_f32(0);
    float32x4_t largest = vdupq_n_f32(0);
    detail::neon::for_vectors(count, [&](Index first, auto lanes) {
      const detail::neon::Floats x = detail::neon::load_floats(values + first, lanes);
#pragma GCC unroll 4
      for (const float32x4_t& v : x.part) {
        smallest = vbslq_f32(vcltq_f32(v, smallest), v, smallest);
        largest = vbslq_f32(vcgtq_f32(v, largest), v, largest);
      }
    });
    min = vminvq_f32(smallest);
    max = vmaxvq_f32(largest);
  }

  /// Rounds values to codes and stores them.
  struct Store {
    std::uint8_t* data;
    detail::neon::Requantize requantize;

    explicit Store(const CodeOutput& output) noexcept
        : data(static_cast<std::uint8_t*>(output.data)), requantize(output.zero_point, output.lowest, output.highest) {}

    void operator()(Index first, const detail::neon::Floats& values, Index count) const noexcept {
      detail::neon::store_bytes(data + first, requantize.bytes(values), count);
    }
  };
};

}  // namespace condense::kernels

#endif
#endif
