#ifndef CONDENSE_KERNELS_DEPTHWISE_SCALAR_HPP
#define CONDENSE_KERNELS_DEPTHWISE_SCALAR_HPP

#include <algorithm>
#include <cstring>

#include "condense/core/rounding.hpp"
#include "condense/core/wrapping.hpp"
#include "condense/kernels/depthwise/depthwise.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

namespace detail {

/// Channels that one pass over the taps keeps in registers.
inline constexpr Index kDepthwiseTile = 16;

/// sums[c] = sum over the taps of input * weight, for `count` channels from `channel`; all of a full tile is unrolled.
template <class Activation, class Weight, class Sum>
void depthwise_sums(const ActivationRows& input, Index row, const Weight* weights, Index channel, Index count,
                    Sum* sums) noexcept {
  std::fill_n(sums, kDepthwiseTile, Sum{0});
  for (Index tap = 0; tap < input.taps; ++tap) {
    const std::int32_t offset = input.offsets[row * input.taps + tap];
    const Activation* a = (offset < 0 ? static_cast<const Activation*>(input.padding)
                                      : static_cast<const Activation*>(input.data) + offset) +
                          channel;
    const Weight* w = weights + tap * input.depth + channel;
    if (count == kDepthwiseTile) {
      for (Index c = 0; c < kDepthwiseTile; ++c) sums[c] += static_cast<Sum>(a[c]) * static_cast<Sum>(w[c]);
    } else {
      for (Index c = 0; c < count; ++c) sums[c] += static_cast<Sum>(a[c]) * static_cast<Sum>(w[c]);
    }
  }
}

}  // namespace detail

/// The definition of the integer depthwise convolution; weights stay (taps x channels).
template <>
struct Depthwise<simd::Scalar> {
  static std::size_t packed_bytes(Index channels, Index taps) noexcept {
    return static_cast<std::size_t>(channels * taps);
  }

  static void pack(Index channels, Index taps, const std::int8_t* weights, std::byte* packed) noexcept {
    std::memcpy(packed, weights, packed_bytes(channels, taps));
  }

  static void run(const DepthwiseArguments& arguments) noexcept {
    if (arguments.input_type == ElementType::int8) {
      run_for<std::int8_t>(arguments);
    } else {
      run_for<std::uint8_t>(arguments);
    }
  }

 private:
  template <class Activation>
  static void run_for(const DepthwiseArguments& d) noexcept {
    const GemmEpilogue& e = d.epilogue;
    const auto* weights = reinterpret_cast<const std::int8_t*>(d.packed_weights);
    std::uint32_t sums[detail::kDepthwiseTile];  // modulo 2^32, so that nothing overflows
    for (Index row = 0; row < d.input.rows; ++row) {
      for (Index channel = 0; channel < d.input.depth; channel += detail::kDepthwiseTile) {
        const Index count = std::min(detail::kDepthwiseTile, d.input.depth - channel);
        detail::depthwise_sums<Activation>(d.input, row, weights, channel, count, sums);
        for (Index c = 0; c < count; ++c) {
          const std::int32_t sum = wrapping_sum(static_cast<std::int32_t>(sums[c]), e.bias[channel + c]);
          const float value = static_cast<float>(sum) * e.multipliers[channel + c];
          const Index index = row * d.output_stride + channel + c;
          if (d.output_type == ElementType::float32) {
            static_cast<float*>(d.output)[index] = std::min(std::max(value, e.low), e.high);
          } else {
            static_cast<std::uint8_t*>(d.output)[index] =
                static_cast<std::uint8_t>(round_to_code(value, e.zero_point, e.lowest, e.highest));
          }
        }
      }
    }
  }
};

template <>
struct FloatDepthwise<simd::Scalar> {
  static void run(const FloatDepthwiseArguments& d) noexcept {
    float sums[detail::kDepthwiseTile];
    for (Index row = 0; row < d.input.rows; ++row) {
      for (Index channel = 0; channel < d.input.depth; channel += detail::kDepthwiseTile) {
        const Index count = std::min(detail::kDepthwiseTile, d.input.depth - channel);
        detail::depthwise_sums<float>(d.input, row, d.weights, channel, count, sums);
        float* out = d.output + row * d.output_stride + channel;
        for (Index c = 0; c < count; ++c) out[c] = std::min(std::max(sums[c] + d.bias[channel + c], d.low), d.high);
      }
    }
  }
};

}  // namespace condense::kernels

#endif
