#ifndef CONDENSE_KERNELS_DEPTHWISE_DETAIL_TILED_HPP
#define CONDENSE_KERNELS_DEPTHWISE_DETAIL_TILED_HPP

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "condense/kernels/depthwise/depthwise.hpp"
#include "condense/kernels/depthwise/detail/windows.hpp"

namespace condense::kernels::detail {

/// Rows of a tile: few enough that their pieces stay in the nearest caches from tap to tap and from one tile of
/// channels to the next, enough that what belongs to the channels is loaded once for many and lines are seldom
/// interrupted.
inline constexpr Index kDepthwiseTileRows = 96;

/// The integer depthwise convolution by tiles of channels: packing and odd numbers of channels, the same for all
/// instruction sets. `Micro` has
///
///   using Weight;                      a weight as it multiplies
///   static constexpr Index kChannels;  most of a tile: four vectors of sums
///   static constexpr unsigned kTaps;   neighbouring products that one instruction sums up
///   template <unsigned Rows, bool Whole> static void run(const DepthwiseArguments&, const DepthwiseTile&,
///                                                        const std::byte* packed) noexcept;
///   template <unsigned Rows, bool Whole> static void run_square(...) noexcept;  the same for windows of 3 x 3, if
///                                      kTaps is more than 2: a column of a window is a step then
///
/// Where no more than half the channels are left, or not enough for a tile in all, a tile has half of them for each of
/// two rows (`Rows`). The last tile begins so early that it is whole, and does some channels once more; only where half
/// a tile has more channels than there are at all, it has fewer.
///
/// Pieces are loaded as they lie, kTaps at a time, and interleaved within 128 bits by unpacking. That leaves the sums
/// in an order which the packs of the epilogue undo: of every 16 channels, the first vector has the first 4, the second
/// one the next 4, and so on.
///
/// Weights lie by tiles, in that order, kTaps of a channel together, with zeros behind the last tap; those of
/// `run_square` column by column. A tile begins with 128 times the sum of each channel's weights, which is too much in
/// the sums of signed codes: their sign is flipped, since the instructions take unsigned ones.
template <class Micro>
struct TiledDepthwise {
  static std::size_t packed_bytes(Index channels, Index taps) noexcept {
    std::size_t bytes = 0;
    for_tiles(channels, [&](Index, Index, Index) { bytes += tile_bytes(taps); });
    return bytes;
  }

  static void pack(Index channels, Index taps, const std::int8_t* weights, std::byte* packed) noexcept {
    std::memset(packed, 0, packed_bytes(channels, taps));
    for_tiles(channels, [&](Index first, Index count, Index rows) {
      for (Index slot = 0; slot < kChannels; ++slot) {
        const Index channel = slot % width(rows);
        if (channel >= count) continue;
        const Index place = slot / 4 % 4 * (kChannels / 4) + slot / 16 * 4 + slot % 4;
        std::int32_t sum = 0;
        for (Index tap = 0; tap < taps; ++tap) {
          const typename Micro::Weight weight = weights[tap * channels + first + channel];
          const auto [step, within] = place_of(tap, taps);
          put(packed + kSumBytes, (step * kChannels + place) * kTaps + within, weight);
          sum += 128 * weight;
        }
        put(packed, place, sum);
      }
      packed += tile_bytes(taps);
    });
  }

  static void run(const DepthwiseArguments& d) noexcept {
    DepthwiseTile tile;
    for (; tile.row < d.input.rows; tile.row += kDepthwiseTileRows) {
      tile.rows = std::min(kDepthwiseTileRows, d.input.rows - tile.row);
      const std::byte* packed = d.packed_weights;
      for_tiles(d.input.depth, [&](Index first, Index count, Index rows) {
        tile.channel = first;
        tile.channels = count;
        if (rows == 1) {
          run_tile<1, true>(d, tile, packed);
        } else if (count == width(2)) {
          run_tile<2, true>(d, tile, packed);
        } else {
          run_tile<2, false>(d, tile, packed);
        }
        packed += tile_bytes(d.input.taps);
      });
    }
  }

 private:
  static constexpr Index kChannels = Micro::kChannels;
  static constexpr unsigned kTaps = Micro::kTaps;
  static constexpr std::size_t kSumBytes = static_cast<std::size_t>(kChannels) * sizeof(std::int32_t);

  /// Whether weights lie by columns of windows.
  static constexpr bool is_square(Index taps) noexcept { return kTaps > 2 && taps == kSquareTaps; }

  /// The step that a tap belongs to, and its place there.
  static constexpr std::pair<Index, Index> place_of(Index tap, Index taps) noexcept {
    if (is_square(taps)) return {tap % 3, tap / 3};
    return {tap / kTaps, tap % kTaps};
  }

  template <unsigned Rows, bool Whole>
  static void run_tile(const DepthwiseArguments& d, const DepthwiseTile& tile, const std::byte* packed) noexcept {
    if constexpr (is_square(kSquareTaps)) {
      if (is_square(d.input.taps)) return Micro::template run_square<Rows, Whole>(d, tile, packed);
    }
    Micro::template run<Rows, Whole>(d, tile, packed);
  }

  static constexpr Index width(Index rows) noexcept { return kChannels / rows; }

  /// Calls `body(first channel, channels, rows)` for all tiles of channels.
  template <class Body>
  static void for_tiles(Index channels, const Body& body) noexcept {
    for (Index done = 0, rows = 0; done < channels; done += width(rows)) {
      rows = channels >= kChannels && channels - done > kChannels / 2 ? 1 : 2;
      const Index count = std::min(width(rows), channels);
      body(std::min(done, channels - count), count, rows);
    }
  }

  static std::size_t tile_bytes(Index taps) noexcept {
    const auto steps = static_cast<std::size_t>((taps + kTaps - 1) / kTaps);
    return kSumBytes + steps * static_cast<std::size_t>(kTaps * kChannels) * sizeof(typename Micro::Weight);
  }

  template <class T>
  static void put(std::byte* to, Index index, T value) noexcept {
    std::memcpy(to + static_cast<std::size_t>(index) * sizeof(T), &value, sizeof(T));
  }
};

/// The float depthwise convolution by tiles of channels. `Micro` has
///
///   static constexpr Index kLane;  channels of a vector
///   template <unsigned Lanes, bool Whole> static void run(const FloatDepthwiseArguments&,
///                                                         const DepthwiseTile&) noexcept;
///   template <unsigned Lanes, bool Whole> static void run_square(...) noexcept;  the same for windows of 3 x 3, if it
///                                  has a quicker form
///
/// for Lanes = 4 (not of `run_square`), 2 and 1 vectors of channels, and for less than a vector, which is not Whole.
template <class Micro>
struct TiledFloatDepthwise {
  static void run(const FloatDepthwiseArguments& d) noexcept {
    DepthwiseTile tile;
    for (; tile.row < d.input.rows; tile.row += kDepthwiseTileRows) {
      tile.rows = std::min(kDepthwiseTileRows, d.input.rows - tile.row);
      tile.channel = 0;
      if constexpr (requires { Micro::template run_square<1, true>; }) {
        if (d.input.taps == kSquareTaps) {
          run_tiles<2>(d, tile, [&](auto lanes, auto whole) { Micro::template run_square<lanes(), whole()>(d, tile); });
          continue;
        }
      }
      run_tiles<4>(d, tile, [&](auto lanes, auto whole) { Micro::template run<lanes(), whole()>(d, tile); });
    }
  }

 private:
  /// Calls `run(lanes, whole)` for tiles of `Lanes` vectors of the channels from the tile's first one on, then for
  /// those of fewer.
  template <unsigned Lanes, class Run>
  static void run_tiles(const FloatDepthwiseArguments& d, DepthwiseTile& tile, const Run& run) noexcept {
    tile.channels = Lanes * Micro::kLane;
    for (; tile.channel + tile.channels <= d.input.depth; tile.channel += tile.channels) {
      run(std::integral_constant<unsigned, Lanes>{}, std::true_type{});
    }
    if constexpr (Lanes > 1) {
      run_tiles<Lanes / 2>(d, tile, run);
    } else {
      tile.channels = d.input.depth - tile.channel;
      if (tile.channels > 0) run(std::integral_constant<unsigned, 1>{}, std::false_type{});
    }
  }
};

}  // namespace condense::kernels::detail

#endif
