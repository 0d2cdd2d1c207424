#ifndef CONDENSE_KERNELS_DEPTHWISE_AVX512_VNNI_HPP
#define CONDENSE_KERNELS_DEPTHWISE_AVX512_VNNI_HPP

#if defined(__x86_64__)

#include "condense/kernels/depthwise/detail/tiled.hpp"
#include "condense/kernels/depthwise/detail/windows.hpp"
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

  /// What the sums of a tile start from, and what becomes of them.
  template <unsigned Rows, bool Whole>
  struct Ends {
    const DepthwiseArguments& arguments;
    Index channel;
    __mmask64 mask;
    __m512i flip;  ///< What activations are to be xored with.
    __m512i starts[4];
    __m512i multipliers[4];
    avx512::Requantize requantize;

    CONDENSE_TARGET_AVX512_VNNI Ends(const DepthwiseArguments& d, const DepthwiseTile& tile,
                                     const std::byte* packed) noexcept
        : arguments(d),
          channel(tile.channel),
          mask(~__mmask64{0} >> (64 - tile.channels)),
          flip(_mm512_set1_epi8(d.input_type == ElementType::int8 ? -128 : 0)),
          requantize(d.epilogue.zero_point, d.epilogue.lowest, d.epilogue.highest) {
      load_by_fours<Rows>(d.epilogue.bias + channel, mask, starts);
      load_by_fours<Rows>(d.epilogue.multipliers + channel, mask, multipliers);
      if (d.input_type != ElementType::int8) return;
#pragma GCC unroll 4
      for (unsigned v = 0; v < 4; ++v) starts[v] = _mm512_sub_epi32(starts[v], _mm512_loadu_si512(packed + 64 * v));
    }

    /// Writes to `row` of the output and, of two rows, to `other`.
    CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) void finish(Index row, Index other,
                                                                           const __m512i (&sums)[4]) const noexcept {
      __m512 values[4];
#pragma GCC unroll 4
      for (unsigned v = 0; v < 4; ++v) {
        values[v] = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[v]), _mm512_castsi512_ps(multipliers[v]));
      }
      row = row * arguments.output_stride + channel;
      other = other * arguments.output_stride + channel;
      if (arguments.output_type == ElementType::float32) {
        store_floats<Rows>(arguments, {row, other}, mask, values);
      } else {
        auto* out = static_cast<std::uint8_t*>(arguments.output);
        const __m512i codes = requantize.bytes_by_fours(values[0], values[1], values[2], values[3]);
        store<Rows, Whole>(out + row, out + other, mask, codes);
      }
    }
  };

  template <unsigned Rows, bool Whole>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((noinline)) static void run(const DepthwiseArguments& d,
                                                                        const DepthwiseTile& tile,
                                                                        const std::byte* packed) noexcept {
    const Ends<Rows, Whole> ends(d, tile, packed);
    const Pieces<std::uint8_t> pieces(d.input, tile.channel);
    const Index taps = d.input.taps;
    for (Index row = 0; row < tile.rows; row += Rows) {
      const std::int32_t* offsets[Rows];
      spread_rows(d.input.offsets + (tile.row + row) * taps, taps, tile.rows - row, offsets);
      __m512i sums[4];
#pragma GCC unroll 4
      for (unsigned v = 0; v < 4; ++v) sums[v] = ends.starts[v];
      const std::byte* w = packed + 256;
      for (Index tap = 0; tap < taps; tap += kTaps, w += 256) {
        __m512i a[4];
#pragma GCC unroll 4
        for (unsigned t = 0; t < kTaps; ++t) {
          // Behind the last tap its piece stands in, with weights of zero.
          const Index at = std::min(tap + t, taps - 1);
          a[t] = _mm512_xor_si512(
              load<Rows, Whole>(pieces.at(offsets[0][at]), pieces.at(offsets[Rows - 1][at]), ends.mask), ends.flip);
        }
        __m512i fours[4];
        interleave(a, fours);
#pragma GCC unroll 4
        for (unsigned v = 0; v < 4; ++v) add_products(sums[v], fours[v], _mm512_loadu_si512(w + 64 * v));
      }
      ends.finish(tile.row + row, tile.row + std::min(row + 1, tile.rows - 1), sums);
    }
  }

  /// Windows of 3 x 3, whose packed weights lie by columns. Where windows continue each other, the loads of a column
  /// serve all that it is in: at a stride of 1 a window takes 3 loads, 8 unpacks and 12 VPDPBUSD.
  template <unsigned Rows, bool Whole>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((noinline)) static void run_square(const DepthwiseArguments& d,
                                                                               const DepthwiseTile& tile,
                                                                               const std::byte* packed) noexcept {
    const Ends<Rows, Whole> ends(d, tile, packed);
    WindowWalk<std::uint8_t, Rows> walk(d.input, tile);
    while (walk.steps > 0) {
      if (walk.template continues_at<2>(1)) {
        run_line<2>(ends, packed + 256, walk);
      } else {
        run_line<1>(ends, packed + 256, walk);
      }
    }
  }

 private:
  /// A window and those that continue it.
  template <unsigned kShared, unsigned Rows, bool Whole>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static void run_line(
      const Ends<Rows, Whole>& ends, const std::byte* packed, WindowWalk<std::uint8_t, Rows>& walk) noexcept {
    __m512i weights[3][4];
    __m512i sums[3][4];  // of this window, of the next one, and of the one after
#pragma GCC unroll 4
    for (unsigned v = 0; v < 4; ++v) {
#pragma GCC unroll 3
      for (unsigned column = 0; column < 3; ++column) {
        weights[column][v] = _mm512_loadu_si512(packed + 256 * column + 64 * v);
      }
      sums[0][v] = sums[1][v] = ends.starts[v];
    }
    add_column<0, kShared>(ends, walk, weights, sums);
    if constexpr (kShared == 2) add_column<1, kShared>(ends, walk, weights, sums);
    do {
#pragma GCC unroll 4
      for (unsigned v = 0; v < 4; ++v) sums[2][v] = ends.starts[v];
      if constexpr (kShared == 1) add_column<1, kShared>(ends, walk, weights, sums);
      add_column<2, kShared>(ends, walk, weights, sums);
      ends.finish(walk.row, walk.other, sums[0]);
#pragma GCC unroll 4
      for (unsigned v = 0; v < 4; ++v) {
        sums[0][v] = sums[3 - kShared][v];
        sums[1][v] = sums[2][v];
      }
      walk.next();
    } while (walk.template continues_at<kShared>(0));
  }

  /// Adds the products of a column of the walk's window, here and in the windows that begin with it.
  template <unsigned kColumn, unsigned kShared, unsigned Rows, bool Whole>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static void add_column(
      const Ends<Rows, Whole>& ends, const WindowWalk<std::uint8_t, Rows>& walk, const __m512i (&weights)[3][4],
      __m512i (&sums)[3][4]) noexcept {
    __m512i a[4];
#pragma GCC unroll 3
    for (unsigned line = 0; line < 3; ++line) {
      const unsigned tap = 3 * line + kColumn;
      a[line] = _mm512_xor_si512(load<Rows, Whole>(walk.piece(tap), walk.other_piece(tap), ends.mask), ends.flip);
    }
    a[3] = a[2];  // with weights of zero
    __m512i fours[4];
    interleave(a, fours);
#pragma GCC unroll 4
    for (unsigned v = 0; v < 4; ++v) {
      add_products(sums[0][v], fours[v], weights[kColumn][v]);
      if constexpr (kShared == 2 && kColumn > 0) add_products(sums[1][v], fours[v], weights[kColumn - 1][v]);
      if constexpr (kColumn == 2) add_products(sums[2][v], fours[v], weights[0][v]);
    }
  }

  /// The codes of four pieces, those of a channel together.
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static void interleave(const __m512i (&a)[4],
                                                                                    __m512i (&fours)[4]) noexcept {
    const __m512i low01 = _mm512_unpacklo_epi8(a[0], a[1]);
    const __m512i high01 = _mm512_unpackhi_epi8(a[0], a[1]);
    const __m512i low23 = _mm512_unpacklo_epi8(a[2], a[3]);
    const __m512i high23 = _mm512_unpackhi_epi8(a[2], a[3]);
    fours[0] = _mm512_unpacklo_epi16(low01, low23);
    fours[1] = _mm512_unpackhi_epi16(low01, low23);
    fours[2] = _mm512_unpacklo_epi16(high01, high23);
    fours[3] = _mm512_unpackhi_epi16(high01, high23);
  }

  /// vpdpbusd. Through the intrinsic, GCC 12 copies sums into other registers and back.
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static void add_products(__m512i& sums,
                                                                                      __m512i activations,
                                                                                      __m512i weights) noexcept {
    asm("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(activations), "v"(weights));
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
  CONDENSE_TARGET_AVX512_VNNI static void store_floats(const DepthwiseArguments& d, const Index (&at)[2],
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
          store<Whole>(output[r] + kLane * v, mask, _mm512_min_ps(high, _mm512_max_ps(low, sums[r][v])));
        }
      }
    }
  }

  /// Windows of 3 x 3, whose weights fit the registers. Where windows continue each other, a load of activations serves
  /// all that it is in: at a stride of 1 a vector of sums takes 3 loads and 9 FMAs.
  template <unsigned Lanes, bool Whole>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((noinline)) static void run_square(const FloatDepthwiseArguments& d,
                                                                               const DepthwiseTile& tile) noexcept {
    WindowWalk<float, 1> walk(d.input, tile);
    while (walk.steps > 0) {
      if (walk.template continues_at<2>(1)) {
        run_line<2, Lanes, Whole>(d, tile, walk);
      } else {
        run_line<1, Lanes, Whole>(d, tile, walk);
      }
    }
  }

 private:
  /// A window and those that continue it.
  template <unsigned kShared, unsigned Lanes, bool Whole>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static void run_line(const FloatDepthwiseArguments& d,
                                                                                  const DepthwiseTile& tile,
                                                                                  WindowWalk<float, 1>& walk) noexcept {
    const __mmask16 mask = avx512::first_lanes(tile.channels);
    const __m512 low = _mm512_set1_ps(d.low);
    const __m512 high = _mm512_set1_ps(d.high);
    __m512 bias[Lanes];
    __m512 weights[9][Lanes];
    __m512 sums[3][Lanes];  // of this window, of the next one, and of the one after
#pragma GCC unroll 2
    for (unsigned v = 0; v < Lanes; ++v) {
      const Index channel = tile.channel + kLane * v;
      sums[0][v] = sums[1][v] = bias[v] = load<Whole>(d.bias + channel, mask);
#pragma GCC unroll 9
      for (unsigned tap = 0; tap < 9; ++tap) {
        weights[tap][v] = load<Whole>(d.weights + tap * d.input.depth + channel, mask);
      }
    }
    add_column<0, kShared, Lanes, Whole>(walk, mask, weights, sums);
    if constexpr (kShared == 2) add_column<1, kShared, Lanes, Whole>(walk, mask, weights, sums);
    do {
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) sums[2][v] = bias[v];
      if constexpr (kShared == 1) add_column<1, kShared, Lanes, Whole>(walk, mask, weights, sums);
      add_column<2, kShared, Lanes, Whole>(walk, mask, weights, sums);
      float* out = d.output + walk.row * d.output_stride + tile.channel;
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) {
        store<Whole>(out + kLane * v, mask, _mm512_min_ps(high, _mm512_max_ps(low, sums[0][v])));
        sums[0][v] = sums[3 - kShared][v];
        sums[1][v] = sums[2][v];
      }
      walk.next();
    } while (walk.template continues_at<kShared>(0));
  }

  /// Adds the products of a column of the walk's window, here and in the windows that begin with it.
  template <unsigned kColumn, unsigned kShared, unsigned Lanes, bool Whole>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static void add_column(const WindowWalk<float, 1>& walk,
                                                                                    __mmask16 mask,
                                                                                    const __m512 (&weights)[9][Lanes],
                                                                                    __m512 (&sums)[3][Lanes]) noexcept {
#pragma GCC unroll 3
    for (unsigned tap = kColumn; tap < 9; tap += 3) {
      const float* piece = walk.piece(tap);
#pragma GCC unroll 2
      for (unsigned v = 0; v < Lanes; ++v) {
        const __m512 a = load<Whole>(piece + kLane * v, mask);
        sums[0][v] = _mm512_fmadd_ps(a, weights[tap][v], sums[0][v]);
        if constexpr (kShared == 2 && kColumn > 0) sums[1][v] = _mm512_fmadd_ps(a, weights[tap - 1][v], sums[1][v]);
        if constexpr (kColumn == 2) sums[2][v] = _mm512_fmadd_ps(a, weights[tap - 2][v], sums[2][v]);
      }
    }
  }

  template <bool Whole>
  CONDENSE_TARGET_AVX512_VNNI __attribute__((always_inline)) static void store(float* data, __mmask16 mask,
                                                                               __m512 values) noexcept {
    if constexpr (Whole) {
      _mm512_storeu_ps(data, values);
    } else {
      _mm512_mask_storeu_ps(data, mask, values);
    }
  }

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
