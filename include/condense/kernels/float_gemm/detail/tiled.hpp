#ifndef CONDENSE_KERNELS_FLOAT_GEMM_DETAIL_TILED_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_DETAIL_TILED_HPP

#include <algorithm>
#include <utility>

#include "condense/kernels/detail/rows.hpp"
#include "condense/kernels/float_gemm/float_gemm.hpp"

namespace condense::kernels::detail {

/// One tile of a float product: a few rows times the columns of a panel, its sums held in registers.
struct FloatTile {
  const FloatGemmArguments* product = nullptr;
  Index row = 0;  ///< First of the output, and how many.
  Index rows = 0;
  Index column = 0;                ///< First of the panel; columns beyond the output are padding.
  const float* weights = nullptr;  ///< (taps * depth, columns of the panel)

  Index columns() const noexcept { return product->columns - column; }

  /// The pieces `tap` of the rows of the tile.
  template <unsigned Rows>
  [[gnu::always_inline]] void pieces(Index tap, const float* (&piece)[Rows]) const noexcept {
    // Otherwise GCC 12 keeps all that the lookups share in registers, across the products, and the products in memory.
    asm("" ::: "memory");
    const ActivationRows& input = product->input;
    const auto* data = static_cast<const float*>(input.data);
    if (input.offsets == nullptr) return spread_rows(data + row * input.row_stride, input.row_stride, rows, piece);
    const std::int32_t* offsets[Rows];
    spread_rows(input.offsets + row * input.taps + tap, input.taps, rows, offsets);
    const Pieces<float> pieces(input, 0);
#pragma GCC unroll 16
    for (unsigned r = 0; r < Rows; ++r) piece[r] = pieces.at(*offsets[r]);
  }

  /// Where the sums of the rows go.
  template <unsigned Rows>
  [[gnu::always_inline]] void outputs(float* (&output)[Rows]) const noexcept {
    spread_rows(product->output + row * product->output_stride + column, product->output_stride, rows, output);
  }

  /// Asks for the lines that the sums go to, before they are there: 3 % at 1024^3, whose rows are 4 KiB apart.
  template <unsigned Rows>
  [[gnu::always_inline]] void prefetch_outputs(Index width) const noexcept {
    float* output[Rows];
    outputs(output);
#pragma GCC unroll 16
    for (unsigned r = 0; r < Rows; ++r) {
      for (Index c = 0; c < width; c += 16) __builtin_prefetch(output[r] + c, 1);
    }
  }
};

/// The float product by tiles of registers: packing, blocking and odd shapes, the same for all instruction sets.
/// `Micro` multiplies one tile:
///
///   static constexpr Index kRows;                              most rows of a tile
///   static constexpr Index kLane;                              columns of a vector
///   static constexpr unsigned kLanes;                          vectors of a panel
///   using Heights = std::integer_sequence<unsigned, 1, ...>;   rows of the tiles there are, up to kRows
///   template <unsigned Rows, unsigned Lanes> static void multiply(const FloatTile&) noexcept;
///
/// Weights lie in panels of kLanes vectors of columns, element of K by element, so that a product reads them in line
/// from the first to the last; the last panel may have fewer vectors. Few rows are bound by that reading. Of many, as
/// many at a time as fit the second-level cache meet a panel before the next one comes.
template <class Micro>
struct TiledFloatGemm {
  static std::size_t packed_bytes(Index columns, Index k) noexcept {
    return static_cast<std::size_t>(round_up(columns, kLane) * k) * sizeof(float);
  }

  static void pack(Index columns, Index k, const float* weights, std::byte* packed) noexcept {
    auto* out = reinterpret_cast<float*>(packed);
    for (Index first = 0, end = 0; first < columns; first = end) {
      end = first + lanes_at(columns, first) * kLane;
      for (Index i = 0; i < k; ++i) {
        for (Index c = first; c < end; ++c) *out++ = c < columns ? weights[c * k + i] : 0.0F;
      }
    }
  }

  static void run(const FloatGemmArguments& g) noexcept {
    const Index k = g.input.taps * g.input.depth;
    const Index most = std::max(kBlockElements / std::max<Index>(k, 1), kTileRows);
    const Index blocks = (g.input.rows + most - 1) / most;
    for (Index block = 0; block < blocks; ++block) {
      const Index begin = block_begin(g.input.rows, blocks, block);
      const Index end = block_begin(g.input.rows, blocks, block + 1);
      for (Index column = 0, lanes = 0; column < g.columns; column += lanes * kLane) {
        lanes = lanes_at(g.columns, column);
        FloatTile tile{.product = &g, .column = column};
        tile.weights = reinterpret_cast<const float*>(g.packed_weights) + column * k;
        for (tile.row = begin; tile.row < end; tile.row += tile.rows) {
          tile.rows = rows_of_tile(end - tile.row);
          multiply<Micro::kLanes>(tile, lanes);
        }
      }
    }
  }

 private:
  static constexpr Index kTileRows = Micro::kRows;
  static constexpr Index kLane = Micro::kLane;
  static constexpr Index kBlockElements = 128 * 1024;  ///< Of a block of rows: 512 KiB.

  static constexpr Index round_up(Index value, Index multiple) noexcept {
    return (value + multiple - 1) / multiple * multiple;
  }
  static Index lanes_at(Index columns, Index column) noexcept {
    return std::min<Index>(Micro::kLanes, (columns - column + kLane - 1) / kLane);
  }

  /// Blocks of nearly the same size, whole tiles but for the last.
  static Index block_begin(Index rows, Index blocks, Index block) noexcept {
    return std::min(rows, round_up(rows * block / blocks, kTileRows));
  }

  /// Rows of the next tile when `rest` are left. What is more than one tile and less than two is shared by two tiles of
  /// about the same height, because a low one is slow.
  static Index rows_of_tile(Index rest) noexcept {
    if (rest >= 2 * kTileRows) return kTileRows;
    return rest <= kTileRows ? rest : height_for((rest + 1) / 2, typename Micro::Heights{});
  }
  template <unsigned... Rows>
  static Index height_for(Index rows, std::integer_sequence<unsigned, Rows...>) noexcept {
    return std::min({rows <= Rows ? Index{Rows} : kTileRows...});
  }

  /// Multiplies with the lowest tile that has the rows, `lanes` vectors wide.
  template <unsigned Lanes>
  static void multiply(const FloatTile& tile, Index lanes) noexcept {
    if constexpr (Lanes > 1) {
      if (lanes < Lanes) return multiply<Lanes - 1>(tile, lanes);
    }
    multiply_height<Lanes>(tile, typename Micro::Heights{});
  }
  template <unsigned Lanes, unsigned... Rows>
  static void multiply_height(const FloatTile& tile, std::integer_sequence<unsigned, Rows...>) noexcept {
    const Index height = height_for(tile.rows, typename Micro::Heights{});
    ((height == Index{Rows} ? Micro::template multiply<Rows, Lanes>(tile) : void()), ...);
  }
};

}  // namespace condense::kernels::detail

#endif
