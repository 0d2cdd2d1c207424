#ifndef CONDENSE_KERNELS_DEPTHWISE_NEON_HPP
#define CONDENSE_KERNELS_DEPTHWISE_NEON_HPP

#if defined(__aarch64__)

#include <cstring>

#include "condense/kernels/depthwise/depthwise.hpp"
#include "condense/kernels/detail/neon.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// Products of signed bytes are added in pairs of taps within 16 bits and then to sums of 32 bits: 8 instructions for
/// 16 channels of two taps, where widening the factors takes 12.
///
/// A pair overflows only if all four factors are -128: 2 * 128 * 128 = 2^15. So taps are taken in pairs unless some
/// channel has two weights of -128 in one, which `pack` finds out. Unsigned activations have their highest bit flipped,
/// a = a' + 128, and sums start at 128 times the sum of the weights.
template <>
struct Depthwise<simd::Neon> {
  static std::size_t packed_bytes(Index channels, Index taps) noexcept {
    return sizeof(Header) +
           static_cast<std::size_t>(padded(channels) * (taps + static_cast<Index>(sizeof(std::int32_t))));
  }

  static void pack(Index channels, Index taps, const std::int8_t* weights, std::byte* packed) noexcept {
    std::memset(packed, 0, packed_bytes(channels, taps));
    Header header{.has_pairs = 1};
    std::byte* starts = packed + sizeof(Header);
    std::byte* rows = starts + static_cast<std::size_t>(padded(channels)) * sizeof(std::int32_t);
    for (Index c = 0; c < channels; ++c) {
      std::int32_t sum = 0;
      for (Index tap = 0; tap < taps; ++tap) {
        const std::int8_t weight = weights[tap * channels + c];
        sum += weight;
        rows[tap * padded(channels) + c] = static_cast<std::byte>(weight);
        if (tap % 2 == 1 && weight == -128 && weights[(tap - 1) * channels + c] == -128) header.has_pairs = 0;
      }
      sum *= 128;
      std::memcpy(starts + static_cast<std::size_t>(c) * sizeof(sum), &sum, sizeof(sum));
    }
    std::memcpy(packed, &header, sizeof(header));
  }

  static void run(const DepthwiseArguments& d) noexcept {
    Header header;
    std::memcpy(&header, d.packed_weights, sizeof(header));
    const Index paired_taps = header.has_pairs != 0 ? d.input.taps / 2 * 2 : 0;
    const Store store(d);
    for (Index row = 0; row < d.input.rows; ++row) {
      detail::neon::for_tiles(d.input.depth, [&](Index channel, auto vectors, auto lanes) {
        run_tile<vectors>(d, row, channel, paired_taps, lanes, store);
      });
    }
  }

 private:
  struct alignas(16) Header {
    std::int64_t has_pairs = 0;  ///< Whether taps may be taken in pairs; any number from a file is safe.
  };

  static constexpr Index padded(Index channels) noexcept {
    return (channels + detail::neon::kLanes - 1) / detail::neon::kLanes * detail::neon::kLanes;
  }

  /// The epilogue for 16 channels.
  struct Store {
    const DepthwiseArguments& d;
    detail::neon::Requantize requantize;

    explicit Store(const DepthwiseArguments& arguments) noexcept
        : d(arguments), requantize(d.epilogue.zero_point, d.epilogue.lowest, d.epilogue.highest) {}

    template <class Lanes>
    void operator()(Index row, Index channel, const detail::neon::Sums& sums, Lanes lanes) const noexcept {
      const detail::neon::Sums bias = detail::neon::load_sums(d.epilogue.bias + channel, lanes);
      detail::neon::Floats values = detail::neon::load_floats(d.epilogue.multipliers + channel, lanes);
#pragma GCC unroll 4
      for (Index i = 0; i < 4; ++i) {
        const float32x4_t sum = vcvtq_f32_s32(vaddq_s32(sums.part[i], bias.part[i]));
        values.part[i] = vmulq_f32(sum, values.part[i]);
      }
      const Index index = row * d.output_stride + channel;
      if (d.output_type == ElementType::float32) {
        values = detail::neon::clamp(values, d.epilogue.low, d.epilogue.high);
        detail::neon::store_floats(static_cast<float*>(d.output) + index, values, lanes);
      } else {
        detail::neon::store_bytes(static_cast<std::uint8_t*>(d.output) + index, requantize.bytes(values), lanes);
      }
    }
  };

  template <Index kVectors, class Lanes>
  static void run_tile(const DepthwiseArguments& d, Index row, Index channel, Index paired_taps, Lanes lanes,
                       const Store& store) noexcept {
    const bool is_unsigned = d.input_type == ElementType::uint8;
    const Index stride = padded(d.input.depth);
    const std::byte* starts = d.packed_weights + sizeof(Header);
    const auto* weights = reinterpret_cast<const std::int8_t*>(starts + stride * 4) + channel;
    const uint8x16_t flip = vdupq_n_u8(is_unsigned ? 0x80 : 0);
    const auto codes = [&](const std::uint8_t* piece, Index v) {
      return vreinterpretq_s8_u8(veorq_u8(detail::neon::load_bytes(piece + v * detail::neon::kLanes, lanes), flip));
    };
    detail::neon::Array<detail::neon::Sums, kVectors> sums;
    const auto add = [&](Index v, int16x8_t front, int16x8_t back) {
      sums[v].part[0] = vaddw_s16(sums[v].part[0], vget_low_s16(front));
      sums[v].part[1] = vaddw_high_s16(sums[v].part[1], front);
      sums[v].part[2] = vaddw_s16(sums[v].part[2], vget_low_s16(back));
      sums[v].part[3] = vaddw_high_s16(sums[v].part[3], back);
    };

#pragma GCC unroll 4
    for (Index v = 0; v < kVectors; ++v) {
      const auto* start = reinterpret_cast<const std::int32_t*>(starts) + channel + v * detail::neon::kLanes;
      sums[v] = is_unsigned ? detail::neon::load_sums(start, detail::neon::kLanes) : detail::neon::Sums{};
    }
    Index tap = 0;
    for (; tap < paired_taps; tap += 2, weights += 2 * stride) {
      const std::uint8_t* first = piece_of(d.input, row, tap) + channel;
      const std::uint8_t* second = piece_of(d.input, row, tap + 1) + channel;
#pragma GCC unroll 4
      for (Index v = 0; v < kVectors; ++v) {
        const int8x16_t a = codes(first, v);
        const int8x16_t b = codes(second, v);
        const int8x16_t w = vld1q_s8(weights + v * detail::neon::kLanes);
        const int8x16_t x = vld1q_s8(weights + v * detail::neon::kLanes + stride);
        add(v, vmlal_s8(vmull_s8(vget_low_s8(a), vget_low_s8(w)), vget_low_s8(b), vget_low_s8(x)),
            vmlal_high_s8(vmull_high_s8(a, w), b, x));
      }
    }
    for (; tap < d.input.taps; ++tap, weights += stride) {
      const std::uint8_t* piece = piece_of(d.input, row, tap) + channel;
#pragma GCC unroll 4
      for (Index v = 0; v < kVectors; ++v) {
        const int8x16_t a = codes(piece, v);
        const int8x16_t w = vld1q_s8(weights + v * detail::neon::kLanes);
        add(v, vmull_s8(vget_low_s8(a), vget_low_s8(w)), vmull_high_s8(a, w));
      }
    }
#pragma GCC unroll 4
    for (Index v = 0; v < kVectors; ++v) store(row, channel + v * detail::neon::kLanes, sums[v], lanes);
  }

  static const std::uint8_t* piece_of(const ActivationRows& input, Index row, Index tap) noexcept {
    const std::int32_t offset = input.offsets[row * input.taps + tap];
    return offset < 0 ? static_cast<const std::uint8_t*>(input.padding)
                      : static_cast<const std::uint8_t*>(input.data) + offset;
  }
};

/// Tiles of four rows and 16 channels, so that a load of weights serves four multiplications.
template <>
struct FloatDepthwise<simd::Neon> {
  static void run(const FloatDepthwiseArguments& d) noexcept {
    Index row = 0;
    for (; row + 4 <= d.input.rows; row += 4) run_rows<4>(d, row);
    for (; row < d.input.rows; ++row) run_rows<1>(d, row);
  }

 private:
  template <Index kRows>
  static void run_rows(const FloatDepthwiseArguments& d, Index row) noexcept {
    const Index taps = d.input.taps;
    const Index channels = d.input.depth;
    detail::neon::for_vectors(channels, [&](Index channel, auto lanes) {
      const auto* data = static_cast<const float*>(d.input.data);
      const auto* padding = static_cast<const float*>(d.input.padding);
      const std::int32_t* offsets = d.input.offsets + row * taps;
      const float* weights = d.weights + channel;
      detail::neon::Array<detail::neon::Floats, kRows> sums;
#pragma GCC unroll 4
      for (detail::neon::Floats& sum : sums) sum = detail::neon::load_floats(d.bias + channel, lanes);
      for (Index tap = 0; tap < taps; ++tap, ++offsets, weights += channels) {
        const detail::neon::Floats w = detail::neon::load_floats(weights, lanes);
#pragma GCC unroll 4
        for (Index r = 0; r < kRows; ++r) {
          const std::int32_t offset = offsets[r * taps];
          const float* piece = (offset < 0 ? padding : data + offset) + channel;
          const detail::neon::Floats a = detail::neon::load_floats(piece, lanes);
#pragma GCC unroll 4
          for (Index i = 0; i < 4; ++i) sums[r].part[i] = vfmaq_f32(sums[r].part[i], a.part[i], w.part[i]);
        }
      }
#pragma GCC unroll 4
      for (Index r = 0; r < kRows; ++r) {
        detail::neon::store_floats(d.output + (row + r) * d.output_stride + channel,
                                   detail::neon::clamp(sums[r], d.low, d.high), lanes);
      }
    });
  }
};

}  // namespace condense::kernels

#endif
#endif
