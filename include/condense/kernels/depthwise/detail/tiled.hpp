#ifndef CONDENSE_KERNELS_DEPTHWISE_DETAIL_TILED_HPP
#define CONDENSE_KERNELS_DEPTHWISE_DETAIL_TILED_HPP

#include <algorithm>
#include <cstring>

#include "condense/kernels/depthwise/depthwise.hpp"
#include "condense/kernels/detail/rows.hpp"

namespace condense::kernels::detail {

/// Some rows and channels of a depthwise convolution.
struct DepthwiseTile {
  Index row = 0;  ///< First of the output, and how many.
  Index rows = 0;
  Index channel = 0;  ///< First, and how many.
  Index channels = 0;
};

/// Rows of a tile: few enough that their pieces stay in the first-level cache from tap to tap, enough that what belongs
/// to the channels is loaded once for many.
inline constexpr Index kDepthwiseTileRows = 64;

/// The integer depthwise convolution by tiles of channels: packing and odd numbers of channels, the same for all
/// instruction sets. `Micro` has
///
///   using Weight;                      a weight as it multiplies
///   static constexpr Index kChannels;  most of a tile: four vectors of sums
///   static constexpr unsigned kTaps;   neighbouring products that one instruction sums up
///   template <unsigned Rows, bool Whole> static void run(const DepthwiseArguments&, const DepthwiseTile&,
///                                                        const std::byte* packed) noexcept;
///
/// Where no more than half the channels are left, or not enough for a tile in all, a tile has half of them for each of
/// two rows (`Rows`). The last tile begins so early that it is whole, and does some channels once more; only where half
/// a tile has more channels than there are at all, it has fewer.
///
/// Pieces are loaded as they lie, kTaps at a time, and interleaved within 128 bits by unpacking. That leaves the sums
/// in an order which the packs of the epilogue undo: of every 16 channels, the first vector has the first 4, the second
/// one the next 4, and so on.
///
/// Weights lie by tiles, in that order, kTaps of a channel together, with zeros behind the last tap. A tile begins with
/// 128 times the sum of each channel's weights, which is too much in the sums of signed codes: their sign is flipped,
/// since the instructions take unsigned ones.
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
          put(packed + kSumBytes, (tap / kTaps * kChannels + place) * kTaps + tap % kTaps, weight);
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
          Micro::template run<1, true>(d, tile, packed);
        } else if (count == width(2)) {
          Micro::template run<2, true>(d, tile, packed);
        } else {
          Micro::template run<2, false>(d, tile, packed);
        }
        packed += tile_bytes(d.input.taps);
      });
    }
  }

 private:
  static constexpr Index kChannels = Micro::kChannels;
  static constexpr unsigned kTaps = Micro::kTaps;
  static constexpr std::size_t kSumBytes = static_cast<std::size_t>(kChannels) * sizeof(std::int32_t);

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
///
/// for Lanes = 4, 2 and 1 vectors of channels, and for less than a vector, which is not Whole.
template <class Micro>
struct TiledFloatDepthwise {
  static void run(const FloatDepthwiseArguments& d) noexcept {
    DepthwiseTile tile;
    for (; tile.row < d.input.rows; tile.row += kDepthwiseTileRows) {
      tile.rows = std::min(kDepthwiseTileRows, d.input.rows - tile.row);
      tile.channel = 0;
      run_whole<4>(d, tile);
      run_whole<2>(d, tile);
      run_whole<1>(d, tile);
      tile.channels = d.input.depth - tile.channel;
      if (tile.channels > 0) Micro::template run<1, false>(d, tile);
    }
  }

 private:
  /// All tiles of `Lanes` vectors that there are from the tile's channel on; moves it behind them.
  template <unsigned Lanes>
  static void run_whole(const FloatDepthwiseArguments& d, DepthwiseTile& tile) noexcept {
    tile.channels = Lanes * Micro::kLane;
    for (; tile.channel + tile.channels <= d.input.depth; tile.channel += tile.channels) {
      Micro::template run<Lanes, true>(d, tile);
    }
  }
};

}  // namespace condense::kernels::detail

#endif
