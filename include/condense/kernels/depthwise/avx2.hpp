#ifndef CONDENSE_KERNELS_DEPTHWISE_AVX2_HPP
#define CONDENSE_KERNELS_DEPTHWISE_AVX2_HPP

#if defined(__x86_64__)

#include "condense/kernels/depthwise/detail/tiled.hpp"
#include "condense/kernels/detail/avx2.hpp"

namespace condense::kernels {

namespace detail {

/// Two taps of 32 channels, or of 16 channels of two rows: 2 loads, 6 unpacks, the last four of which widen to 16 bits,
/// and 4 VPMADDWD for 64 products. Of 16 bits, unlike of 8, no sum of two products saturates.
struct DepthwiseAvx2 {
  using Weight = std::int16_t;
  static constexpr Index kChannels = 32;
  static constexpr unsigned kTaps = 2;

  template <unsigned Rows, bool Whole>
  CONDENSE_TARGET_AVX2 __attribute__((noinline)) static void run(const DepthwiseArguments& d, const DepthwiseTile& tile,
                                                                 const std::byte* packed) noexcept {
    const GemmEpilogue& e = d.epilogue;
    const bool is_signed = d.input_type == ElementType::int8;
    const __m256i flip = _mm256_set1_epi8(is_signed ? -128 : 0);
    const __m256i zero = _mm256_setzero_si256();
    const avx2::Requantize requantize(e.zero_point, e.lowest, e.highest);
    const auto* w = reinterpret_cast<const __m256i*>(packed);
    __m256i starts[4];
    __m256i multipliers[4];
    load_by_fours<Rows>(e.bias + tile.channel, tile.channels, starts);
    load_by_fours<Rows>(e.multipliers + tile.channel, tile.channels, multipliers);
#pragma GCC unroll 4
    for (unsigned v = 0; v < 4; ++v) {
      if (is_signed) starts[v] = _mm256_sub_epi32(starts[v], _mm256_loadu_si256(w + v));
    }

    const Pieces<std::uint8_t> pieces(d.input, tile.channel);
    const Index taps = d.input.taps;
    for (Index row = 0; row < tile.rows; row += Rows) {
      const std::int32_t* offsets[Rows];
      spread_rows(d.input.offsets + (tile.row + row) * taps, taps, tile.rows - row, offsets);
      __m256i sums[4];
#pragma GCC unroll 4
      for (unsigned v = 0; v < 4; ++v) sums[v] = starts[v];
      const __m256i* weights = w + 4;
      for (Index tap = 0; tap < taps; tap += kTaps, weights += 4) {
        __m256i a[2];
#pragma GCC unroll 2
        for (unsigned t = 0; t < kTaps; ++t) {
          // Behind the last tap its piece stands in, with weights of zero.
          const Index at = std::min(tap + t, taps - 1);
          a[t] = _mm256_xor_si256(
              load<Rows, Whole>(pieces.at(offsets[0][at]), pieces.at(offsets[Rows - 1][at]), tile.channels), flip);
        }
        const __m256i low = _mm256_unpacklo_epi8(a[0], a[1]);
        const __m256i high = _mm256_unpackhi_epi8(a[0], a[1]);
        add_products(_mm256_unpacklo_epi8(low, zero), weights, sums[0]);
        add_products(_mm256_unpackhi_epi8(low, zero), weights + 1, sums[1]);
        add_products(_mm256_unpacklo_epi8(high, zero), weights + 2, sums[2]);
        add_products(_mm256_unpackhi_epi8(high, zero), weights + 3, sums[3]);
      }

      __m256 values[4];
#pragma GCC unroll 4
      for (unsigned v = 0; v < 4; ++v) {
        values[v] = _mm256_mul_ps(_mm256_cvtepi32_ps(sums[v]), _mm256_castsi256_ps(multipliers[v]));
      }
      Index at[Rows];
#pragma GCC unroll 2
      for (unsigned r = 0; r < Rows; ++r) {
        at[r] = (tile.row + std::min(row + r, tile.rows - 1)) * d.output_stride + tile.channel;
      }
      if (d.output_type == ElementType::float32) {
        store_floats<Rows>(d, at, tile.channels, values);
      } else {
        auto* out = static_cast<std::uint8_t*>(d.output);
        store<Rows, Whole>(out + at[0], out + at[Rows - 1], tile.channels,
                           requantize.bytes_by_fours(values[0], values[1], values[2], values[3]));
      }
    }
  }

  CONDENSE_TARGET_AVX2 __attribute__((always_inline)) static void add_products(__m256i activations,
                                                                               const __m256i* weights,
                                                                               __m256i& sums) noexcept {
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(activations, _mm256_loadu_si256(weights)));
  }

  /// 32 channels of a row, or up to 16 of one and of another.
  template <unsigned Rows, bool Whole>
  CONDENSE_TARGET_AVX2 __attribute__((always_inline)) static __m256i load(const std::uint8_t* row,
                                                                          const std::uint8_t* other,
                                                                          Index channels) noexcept {
    if constexpr (Rows == 1) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row));
    const __m128i low = avx2::load_bytes16(row, Whole ? 16 : channels);
    const __m128i high = avx2::load_bytes16(other, Whole ? 16 : channels);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
  }

  template <unsigned Rows, bool Whole>
  CONDENSE_TARGET_AVX2 __attribute__((always_inline)) static void store(std::uint8_t* row, std::uint8_t* other,
                                                                        Index channels, __m256i codes) noexcept {
    if constexpr (Rows == 1) return _mm256_storeu_si256(reinterpret_cast<__m256i*>(row), codes);
    avx2::store_bytes16(row, _mm256_castsi256_si128(codes), Whole ? 16 : channels);
    avx2::store_bytes16(other, _mm256_extracti128_si256(codes, 1), Whole ? 16 : channels);
  }

  template <unsigned Rows>
  CONDENSE_TARGET_AVX2 static void store_floats(const DepthwiseArguments& d, const Index (&at)[Rows], Index channels,
                                                const __m256 (&values)[4]) noexcept {
    const __m256 low = _mm256_set1_ps(d.epilogue.low);
    const __m256 high = _mm256_set1_ps(d.epilogue.high);
    __m256 clamped[4];
#pragma GCC unroll 4
    for (unsigned v = 0; v < 4; ++v) clamped[v] = _mm256_min_ps(high, _mm256_max_ps(low, values[v]));
    const __m256 in_line[4] = {
        _mm256_permute2f128_ps(clamped[0], clamped[1], 0x20), _mm256_permute2f128_ps(clamped[2], clamped[3], 0x20),
        _mm256_permute2f128_ps(clamped[0], clamped[1], 0x31), _mm256_permute2f128_ps(clamped[2], clamped[3], 0x31)};
#pragma GCC unroll 4
    for (unsigned v = 0; v < 4; ++v) {
      const unsigned first = 8 * (Rows == 1 ? v : v % 2);  // of the row
      float* out = static_cast<float*>(d.output) + at[Rows == 1 ? 0 : v / 2] + first;
      avx2::store_floats(out, in_line[v], channels - first);
    }
  }

  /// Values of 32 channels, or twice those of 16, in the order of the sums.
  template <unsigned Rows>
  CONDENSE_TARGET_AVX2 static void load_by_fours(const void* values, Index channels, __m256i (&fours)[4]) noexcept {
    __m256i in_line[4];
#pragma GCC unroll 4
    for (unsigned v = 0; v < 4; ++v) {
      const unsigned first = 8 * (Rows == 1 ? v : v % 2);
      in_line[v] = _mm256_maskload_epi32(static_cast<const int*>(values) + first, avx2::first_lanes(channels - first));
    }
    fours[0] = _mm256_permute2x128_si256(in_line[0], in_line[2], 0x20);
    fours[1] = _mm256_permute2x128_si256(in_line[0], in_line[2], 0x31);
    fours[2] = _mm256_permute2x128_si256(in_line[1], in_line[3], 0x20);
    fours[3] = _mm256_permute2x128_si256(in_line[1], in_line[3], 0x31);
  }
};

/// Eight vectors of sums, of two rows or four: a load of weights serves so many FMAs, each of which loads its
/// activations.
struct FloatDepthwiseAvx2 {
  static constexpr Index kLane = 8;

  template <unsigned Lanes, bool Whole>
  CONDENSE_TARGET_AVX2 __attribute__((noinline)) static void run(const FloatDepthwiseArguments& d,
                                                                 const DepthwiseTile& tile) noexcept {
    constexpr unsigned kRows = Lanes == 4 ? 2 : 4;
    const Index taps = d.input.taps;
    const __m256i mask = avx2::first_lanes(tile.channels);
    const __m256 low = _mm256_set1_ps(d.low);
    const __m256 high = _mm256_set1_ps(d.high);
    const Pieces<float> pieces(d.input, tile.channel);
    for (Index row = 0; row < tile.rows; row += kRows) {
      const std::int32_t* offsets[kRows];
      spread_rows(d.input.offsets + (tile.row + row) * taps, taps, tile.rows - row, offsets);
      __m256 sums[kRows][Lanes];
#pragma GCC unroll 4
      for (unsigned v = 0; v < Lanes; ++v) {
        const __m256 bias = load<Whole>(d.bias + tile.channel + kLane * v, mask);
#pragma GCC unroll 4
        for (unsigned r = 0; r < kRows; ++r) sums[r][v] = bias;
      }

      const float* w = d.weights + tile.channel;
      for (Index tap = 0; tap < taps; ++tap, w += d.input.depth) {
        __m256 weights[Lanes];
#pragma GCC unroll 4
        for (unsigned v = 0; v < Lanes; ++v) weights[v] = load<Whole>(w + kLane * v, mask);
#pragma GCC unroll 4
        for (unsigned r = 0; r < kRows; ++r) {
          const float* piece = pieces.at(offsets[r][tap]);
#pragma GCC unroll 4
          for (unsigned v = 0; v < Lanes; ++v) {
            sums[r][v] = _mm256_fmadd_ps(load<Whole>(piece + kLane * v, mask), weights[v], sums[r][v]);
          }
        }
      }

      float* output[kRows];
      spread_rows(d.output + (tile.row + row) * d.output_stride + tile.channel, d.output_stride, tile.rows - row,
                  output);
#pragma GCC unroll 4
      for (unsigned r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (unsigned v = 0; v < Lanes; ++v) {
          const __m256 value = _mm256_min_ps(high, _mm256_max_ps(low, sums[r][v]));
          if constexpr (Whole) {
            _mm256_storeu_ps(output[r] + kLane * v, value);
          } else {
            _mm256_maskstore_ps(output[r] + kLane * v, mask, value);
          }
        }
      }
    }
  }

 private:
  template <bool Whole>
  CONDENSE_TARGET_AVX2 __attribute__((always_inline)) static __m256 load(const float* data, __m256i mask) noexcept {
    return Whole ? _mm256_loadu_ps(data) : _mm256_maskload_ps(data, mask);
  }
};

}  // namespace detail

/// 32 channels at a time.
template <>
struct Depthwise<simd::Avx2> : detail::TiledDepthwise<detail::DepthwiseAvx2> {};

template <>
struct FloatDepthwise<simd::Avx2> : detail::TiledFloatDepthwise<detail::FloatDepthwiseAvx2> {};

}  // namespace condense::kernels

#endif
#endif
