#ifndef CONDENSE_KERNELS_DEPTHWISE_AVX512_VNNI_HPP
#define CONDENSE_KERNELS_DEPTHWISE_AVX512_VNNI_HPP

#if defined(__x86_64__)

#include "condense/kernels/depthwise/detail/tiled.hpp"
#include "condense/kernels/detail/avx512.hpp"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace condense::kernels {

namespace detail {

/// Four taps of 64 channels, or of 32 channels of two rows: 4 loads, 8 unpacks and 4 VPDPBUSD for 256 products.
struct DepthwiseAvx512 {
  using Weight = std::int8_t;
  static constexpr Index kChannels = 64;
  static constexpr unsigned kTaps = 4;

  template <unsigned Rows, bool Whole>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((noinline)) static void run(const DepthwiseArguments& d,
                                                                        const DepthwiseTile& tile,
                                                                        const std::byte* packed) noexcept {
    const GemmEpilogue& e = d.epilogue;
    const bool is_signed = d.input_type == ElementType::int8;
    const __mmask64 mask = ~__mmask64{0} >> (64 - tile.channels);
    const __m512i flip = _mm512_set1_epi8(is_signed ? -128 : 0);
    const avx512::Requantize requantize(e.zero_point, e.lowest, e.highest);
    __m512i starts[4];
    __m512i multipliers[4];
    load_by_fours<Rows>(e.bias + tile.channel, mask, starts);
    load_by_fours<Rows>(e.multipliers + tile.channel, mask, multipliers);
#pragma GCC unroll 4
    for (unsigned v = 0; v < 4; ++v) {
      if (is_signed) starts[v] = _mm512_sub_epi32(starts[v], _mm512_loadu_si512(packed + 64 * v));
    }

    const Pieces<std::uint8_t> pieces(d.input, tile.channel);
    const Index taps = d.input.taps;
    for (Index row = 0; row < tile.rows; row += Rows) {
      const std::int32_t* offsets[Rows];
      spread_rows(d.input.offsets + (tile.row + row) * taps, taps, tile.rows - row, offsets);
      __m512i sums[4];
#pragma GCC unroll 4
      for (unsigned v = 0; v < 4; ++v) sums[v] = starts[v];
      const std::byte* w = packed + 256;
      for (Index tap = 0; tap < taps; tap += kTaps, w += 256) {
        __m512i a[4];
#pragma GCC unroll 4
        for (unsigned t = 0; t < kTaps; ++t) {
          // Behind the last tap its piece stands in, with weights of zero.
          const Index at = std::min(tap + t, taps - 1);
          a[t] = _mm512_xor_si512(load<Rows, Whole>(pieces.at(offsets[0][at]), pieces.at(offsets[Rows - 1][at]), mask),
                                  flip);
        }
        const __m512i low01 = _mm512_unpacklo_epi8(a[0], a[1]);
        const __m512i high01 = _mm512_unpackhi_epi8(a[0], a[1]);
        const __m512i low23 = _mm512_unpacklo_epi8(a[2], a[3]);
        const __m512i high23 = _mm512_unpackhi_epi8(a[2], a[3]);
        sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_unpacklo_epi16(low01, low23), _mm512_loadu_si512(w));
        sums[1] = _mm512_dpbusd_epi32(sums[1], _mm512_unpackhi_epi16(low01, low23), _mm512_loadu_si512(w + 64));
        sums[2] = _mm512_dpbusd_epi32(sums[2], _mm512_unpacklo_epi16(high01, high23), _mm512_loadu_si512(w + 128));
        sums[3] = _mm512_dpbusd_epi32(sums[3], _mm512_unpackhi_epi16(high01, high23), _mm512_loadu_si512(w + 192));
      }

      __m512 values[4];
#pragma GCC unroll 4
      for (unsigned v = 0; v < 4; ++v) {
        values[v] = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[v]), _mm512_castsi512_ps(multipliers[v]));
      }
      Index at[Rows];
#pragma GCC unroll 2
      for (unsigned r = 0; r < Rows; ++r) {
        at[r] = (tile.row + std::min(row + r, tile.rows - 1)) * d.output_stride + tile.channel;
      }
      if (d.output_type == ElementType::float32) {
        store_floats<Rows>(d, at, mask, values);
      } else {
        auto* out = static_cast<std::uint8_t*>(d.output);
        const __m512i codes = requantize.bytes_by_fours(values[0], values[1], values[2], values[3]);
        store<Rows, Whole>(out + at[0], out + at[Rows - 1], mask, codes);
      }
    }
  }

  /// 64 channels of a row, or up to 32 of one and of another.
  template <unsigned Rows, bool Whole>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static __m512i load(const std::uint8_t* row,
                                                                                 const std::uint8_t* other,
                                                                                 __mmask64 mask) noexcept {
    if constexpr (Rows == 1) return _mm512_loadu_si512(row);
    const auto half = static_cast<__mmask32>(mask);
    const __m256i low =
        Whole ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row)) : _mm256_maskz_loadu_epi8(half, row);
    const __m256i high =
        Whole ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(other)) : _mm256_maskz_loadu_epi8(half, other);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
  }

  template <unsigned Rows, bool Whole>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static void store(std::uint8_t* row, std::uint8_t* other,
                                                                               __mmask64 mask, __m512i codes) noexcept {
    if constexpr (Rows == 1) return _mm512_storeu_si512(row, codes);
    const __m256i low = _mm512_castsi512_si256(codes);
    const __m256i high = _mm512_extracti64x4_epi64(codes, 1);
    if constexpr (Whole) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(row), low);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(other), high);
    } else {
      _mm256_mask_storeu_epi8(row, static_cast<__mmask32>(mask), low);
      _mm256_mask_storeu_epi8(other, static_cast<__mmask32>(mask), high);
    }
  }

  template <unsigned Rows>
  CONDENSE_TARGET_AVX512_VNNI static void store_floats(const DepthwiseArguments& d, const Index (&at)[Rows],
                                                       __mmask64 mask, const __m512 (&values)[4]) noexcept {
    const __m512 low = _mm512_set1_ps(d.epilogue.low);
    const __m512 high = _mm512_set1_ps(d.epilogue.high);
    __m512i in_line[4];
#pragma GCC unroll 4
    for (unsigned v = 0; v < 4; ++v) {
      in_line[v] = _mm512_castps_si512(_mm512_min_ps(high, _mm512_max_ps(low, values[v])));
    }
    transpose(in_line);
#pragma GCC unroll 4
    for (unsigned v = 0; v < 4; ++v) {
      const unsigned within = Rows == 1 ? v : v % 2;  // of the row
      float* out = static_cast<float*>(d.output) + at[Rows == 1 ? 0 : v / 2] + 16 * within;
      _mm512_mask_storeu_epi32(out, static_cast<__mmask16>(mask >> (16 * within)), in_line[v]);
    }
  }

  /// Values of 64 channels, or twice those of 32, in the order of the sums.
  template <unsigned Rows>
  CONDENSE_TARGET_AVX512_VNNI static void load_by_fours(const void* values, __mmask64 mask,
                                                        __m512i (&fours)[4]) noexcept {
#pragma GCC unroll 4
    for (unsigned v = 0; v < 4; ++v) {
      const unsigned within = Rows == 1 ? v : v % 2;
      const auto lanes = static_cast<__mmask16>(mask >> (16 * within));
      fours[v] = _mm512_maskz_loadu_epi32(lanes, static_cast<const std::int32_t*>(values) + 16 * within);
    }
    transpose(fours);
  }

  /// Swaps the 4 x 4 fours: of channels in line, vector v gets the v-th four of every 16, and the other way round.
  CONDENSE_TARGET_AVX512_VNNI static void transpose(__m512i (&fours)[4]) noexcept {
    const __m512i front01 = _mm512_shuffle_i32x4(fours[0], fours[1], 0x44);
    const __m512i back01 = _mm512_shuffle_i32x4(fours[0], fours[1], 0xEE);
    const __m512i front23 = _mm512_shuffle_i32x4(fours[2], fours[3], 0x44);
    const __m512i back23 = _mm512_shuffle_i32x4(fours[2], fours[3], 0xEE);
    fours[0] = _mm512_shuffle_i32x4(front01, front23, 0x88);
    fours[1] = _mm512_shuffle_i32x4(front01, front23, 0xDD);
    fours[2] = _mm512_shuffle_i32x4(back01, back23, 0x88);
    fours[3] = _mm512_shuffle_i32x4(back01, back23, 0xDD);
  }
};

/// Four rows of up to 64 channels: a load of weights serves four FMAs, each of which loads its activations.
///
/// Whole vectors are loaded and stored without masks, which cost up to half of the speed where they come from L3.
struct FloatDepthwiseAvx512 {
  static constexpr Index kLane = 16;

  template <unsigned Lanes, bool Whole>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((noinline)) static void run(const FloatDepthwiseArguments& d,
                                                                        const DepthwiseTile& tile) noexcept {
    constexpr unsigned kRows = 4;
    const Index taps = d.input.taps;
    const __mmask16 mask = avx512::first_lanes(tile.channels);
    const __m512 low = _mm512_set1_ps(d.low);
    const __m512 high = _mm512_set1_ps(d.high);
    const Pieces<float> pieces(d.input, tile.channel);
    for (Index row = 0; row < tile.rows; row += kRows) {
      const std::int32_t* offsets[kRows];
      spread_rows(d.input.offsets + (tile.row + row) * taps, taps, tile.rows - row, offsets);
      __m512 sums[kRows][Lanes];
#pragma GCC unroll 4
      for (unsigned v = 0; v < Lanes; ++v) {
        const __m512 bias = load<Whole>(d.bias + tile.channel + kLane * v, mask);
#pragma GCC unroll 4
        for (unsigned r = 0; r < kRows; ++r) sums[r][v] = bias;
      }

      const float* w = d.weights + tile.channel;
      for (Index tap = 0; tap < taps; ++tap, w += d.input.depth) {
        __m512 weights[Lanes];
#pragma GCC unroll 4
        for (unsigned v = 0; v < Lanes; ++v) weights[v] = load<Whole>(w + kLane * v, mask);
#pragma GCC unroll 4
        for (unsigned r = 0; r < kRows; ++r) {
          const float* piece = pieces.at(offsets[r][tap]);
#pragma GCC unroll 4
          for (unsigned v = 0; v < Lanes; ++v) {
            sums[r][v] = _mm512_fmadd_ps(load<Whole>(piece + kLane * v, mask), weights[v], sums[r][v]);
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
          const __m512 value = _mm512_min_ps(high, _mm512_max_ps(low, sums[r][v]));
          if constexpr (Whole) {
            _mm512_storeu_ps(output[r] + kLane * v, value);
          } else {
            _mm512_mask_storeu_ps(output[r] + kLane * v, mask, value);
          }
        }
      }
    }
  }

 private:
  template <bool Whole>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static __m512 load(const float* data,
                                                                                __mmask16 mask) noexcept {
    return Whole ? _mm512_loadu_ps(data) : _mm512_maskz_loadu_ps(mask, data);
  }
};

}  // namespace detail

/// 64 channels at a time.
template <>
struct Depthwise<simd::Avx512Vnni> : detail::TiledDepthwise<detail::DepthwiseAvx512> {};

template <>
struct FloatDepthwise<simd::Avx512Vnni> : detail::TiledFloatDepthwise<detail::FloatDepthwiseAvx512> {};

}  // namespace condense::kernels

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
#endif
