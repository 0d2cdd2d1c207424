#ifndef CONDENSE_KERNELS_GEMM_DETAIL_TILED_HPP
#define CONDENSE_KERNELS_GEMM_DETAIL_TILED_HPP

#include <algorithm>

#include "condense/kernels/gemm/detail/staging.hpp"

namespace condense::kernels::detail {

inline constexpr Index kCacheLine = 64;

/// One tile of a product: a few rows times the columns of a panel, over a stretch of K, its sums held in registers.
struct GemmTile {
  const GemmArguments* product = nullptr;
  Index row = 0;  ///< First of the output, and how many.
  Index rows = 0;
  Index column = 0;  ///< First of the panel, and vectors of columns; those beyond the output are padding.
  Index lanes = 0;

  const void* const* pieces = nullptr;   ///< (taps, Micro::kRows): each of whole steps; rows beyond the last repeat it.
  Index taps = 1;                        ///< Pieces of each row in the stretch.
  Index steps = 0;                       ///< Of a piece, or of a group.
  Index groups = 0;                      ///< Of the stretch, 0 without groups.
  std::uint32_t flip = 0;                ///< What 4 activations are to be xored with.
  const std::int8_t* weights = nullptr;  ///< (steps, columns of the panel, Micro::kStep)
  const std::int8_t* ahead = nullptr;    ///< What a tile may ask for, a line of the cache in each step; null for none.

  const std::int32_t* start = nullptr;  ///< Where sums start; null for zeros.
  Index row_start = 0;                  ///< From the start of one row, and of one group, to that of the next.
  Index group_start = 0;
  std::int32_t* sums = nullptr;        ///< (rows, columns)
  const float* multipliers = nullptr;  ///< (groups, columns of the panel)
  float* values = nullptr;             ///< (rows, columns): what the groups add up to.
  Index stride = 0;                    ///< From one row of sums or values to the next.

  /// A row of the tile; those beyond the last repeat it, so that few heights of tiles do for all.
  Index row_at(Index r) const noexcept { return r < rows ? r : rows - 1; }
};

/// The integer product by tiles of registers: packing, blocking and odd shapes, the same for all instruction sets.
/// `Micro` multiplies one tile:
///
///   using Activation;                what it reads: std::uint8_t for codes as they are, std::int16_t for widened ones
///   static constexpr Index kRows;    most rows of a tile; fewer of one with more lanes, if there is
///   static Index rows_of(Index lanes, bool grouped) noexcept;
///   static constexpr Index kLane;    columns of a vector
///   static constexpr Index kPanel;   columns of a panel: kLane times a power of two
///   static constexpr Index kStep;    neighbouring elements of K that one instruction sums up
///   static constexpr std::optional<ElementType> kFlipped;  the type of codes that its instruction takes only when the
///                                    sign is flipped, that is with 128 added to or taken from each
///   static void multiply(const GemmTile&) noexcept;         writes the sums
///   static void multiply_groups(const GemmTile&) noexcept;  adds to the values
///   static void finish(const GemmTile&) noexcept;           the epilogue: sums, or with groups values, to the output
///   static void multiply_and_finish(const GemmTile&) noexcept;  both, if it can do better than one after the other
///   static void multiply_packed_groups(const GemmTile&) noexcept;  the same from packed weights of 4 bits, if it has a
///                                    quicker form for a few rows: kPackedRows, and an even number of lanes
///   static void unpack(const std::byte* packed, int bits, Index vectors, std::int8_t* codes) noexcept;
///   template <class Code> static void copy(const Code* codes, Index count, Activation* out) noexcept;
///
/// Rows are read in place where every piece and group is a whole number of steps; otherwise stretches of K are staged:
/// copied in line and filled up with zeros, for a block of rows at a time. Weights of less than 8 bits are unpacked a
/// stretch of a panel at a time. Both stay in the first-level cache while they are used many times.
template <class Micro>
struct TiledGemm : Staging<Micro> {
  static void run(const GemmArguments& g) noexcept {
    if (in_stretches(g.weights)) {
      run_stretches(g);
    } else {
      run_whole(g);
    }
  }

 private:
  using Panels = WeightPanels<Micro>;
  using Panels::code_bytes;
  using Panels::column_bytes;
  using Panels::for_panels;
  using Panels::for_stretches;
  using Panels::in_stretches;
  using Panels::is_flipped;
  using Panels::is_staged;
  using Panels::kLane;
  using Panels::kStep;
  using Panels::kStretch;
  using Panels::kTaps;
  using Panels::steps_of;
  using Panels::term_bytes;
  using Panels::terms_of;
  using typename Panels::Activation;
  using typename Panels::Stretch;
  using typename Panels::Terms;
  using Staging<Micro>::stage;

  static constexpr Index kBlockRows = 48 / Micro::kRows * Micro::kRows;  ///< Rows and columns that share a stretch.
  static constexpr Index kBlockColumns = 128;
  static_assert(kBlockColumns % Micro::kPanel == 0);

  static constexpr Index kFewRows = 48;
  static constexpr Index kLargePanel = 16 * 1024;  ///< Bytes that the first-level cache does not keep.

  /// Calls `multiply` with tiles of rows [first, first + rows) that differ in height by at most one.
  template <class Multiply>
  static void for_tiles(Index rows, Index most, Multiply&& multiply) noexcept {
    const Index tiles = (rows + most - 1) / most;
    const Index height = tiles > 0 ? rows / tiles : 0;
    Index higher = tiles > 0 ? rows % tiles : 0;
    for (Index row = 0; row < rows; --higher) {
      const Index tile_rows = height + (higher > 0 ? 1 : 0);
      multiply(row, tile_rows);
      row += tile_rows;
    }
  }

  /// K as a whole, rows in place.
  static void run_whole(const GemmArguments& g) noexcept {
    alignas(64) std::int32_t sums[static_cast<std::size_t>(Micro::kRows * Micro::kPanel)];
    Pieces pieces;
    const Index bytes = column_bytes(g.weights);
    for_panels(g.weights, 0, g.weights.columns, [&](Index column, Index lanes) {
      const std::byte* panel = g.packed_weights + column * bytes;
      GemmTile tile = tile_in(g, column, lanes);
      tile.pieces = pieces;
      tile.taps = g.input.taps;
      tile.steps = g.weights.depth / kStep;
      tile.weights = reinterpret_cast<const std::int8_t*>(panel + lanes * kLane * term_bytes(g.weights));
      tile.start = terms_of(g, panel, lanes * kLane).starts;
      tile.sums = sums;
      tile.stride = Micro::kPanel;
      const Index most = most_rows(lanes, false);
      // Of few rows every panel comes from memory once; while it is multiplied, the next one is asked for: 6 % at
      // 32x4096x4096. After the last one nothing is there, and asking for it does nothing.
      const Index panel_bytes = lanes * kLane * tile.taps * tile.steps * kStep;
      if (g.input.rows <= kFewRows && panel_bytes >= kLargePanel) tile.ahead = tile.weights + panel_bytes;
      for_tiles(g.input.rows, most, [&](Index row, Index rows) {
        tile.row = row;
        tile.rows = rows;
        find_pieces(g.input, tile.taps, row, rows, most, pieces);
        multiply_and_finish(tile);
        if (tile.ahead != nullptr) tile.ahead += tile.taps * tile.steps * kCacheLine;
      });
    });
  }

  using Pieces = const void * [kTaps * Micro::kRows];

  /// Where the pieces of a tile's rows begin; rows beyond the last repeat it, up to the height of any tile.
  static void find_pieces(const ActivationRows& input, Index taps, Index row, Index rows, Index most,
                          Pieces& pieces) noexcept {
    const auto* data = static_cast<const Activation*>(input.data);
    if (input.offsets == nullptr) {
      const Activation* piece = data + row * input.row_stride;
      for (Index r = 0; r < most; ++r) {
        pieces[r] = piece;
        if (r + 1 < rows) piece += input.row_stride;
      }
      return;
    }
    for (Index r = 0; r < most; ++r) {
      const std::int32_t* offsets = input.offsets + (row + std::min(r, rows - 1)) * input.taps;
      for (Index tap = 0; tap < taps; ++tap) {
        pieces[tap * Micro::kRows + r] = offsets[tap] < 0 ? input.padding : data + offsets[tap];
      }
    }
  }

  /// The most rows of a tile.
  static Index most_rows(Index lanes, bool grouped) noexcept {
    if constexpr (requires { Micro::rows_of(lanes, grouped); }) return Micro::rows_of(lanes, grouped);
    return Micro::kRows;
  }

  static GemmTile tile_in(const GemmArguments& g, Index column, Index lanes) noexcept {
    GemmTile tile;
    tile.product = &g;
    tile.column = column;
    tile.lanes = lanes;
    tile.flip = is_flipped(g) ? 0x80808080U : 0;
    return tile;
  }

  /// What stretches are multiplied from, and the sums and values that later ones go on with. About 80 KiB of stack.
  struct Scratch {
    alignas(64) Activation activations[static_cast<std::size_t>(kBlockRows * kStretch)];
    alignas(64) std::int8_t codes[static_cast<std::size_t>(Micro::kPanel * kStretch)];
    alignas(64) std::int32_t sums[static_cast<std::size_t>(kBlockRows * kBlockColumns)];
    alignas(64) float values[static_cast<std::size_t>(kBlockRows * kBlockColumns)];
    Pieces pieces;
  };

  /// K in stretches, for blocks of rows and columns.
  static void run_stretches(const GemmArguments& g) noexcept {
    Scratch scratch;
    const Index whole = g.weights.taps * g.weights.depth;
    const Index bytes = column_bytes(g.weights);
    const bool staged = is_staged(g.weights);
    const bool grouped = g.weights.group_size != 0;
    const bool once = !grouped && whole <= kStretch;  // nothing is kept for later stretches
    const Index block = once ? g.weights.columns : kBlockColumns;
    for (Index row = 0; row < g.input.rows; row += kBlockRows) {
      const Index rows = std::min(kBlockRows, g.input.rows - row);
      for (Index column = 0; column < g.weights.columns; column += block) {
        if (grouped) start_values(g, rows, column, scratch.values);
        for_stretches(g.weights, [&](const Stretch& stretch) {
          if (staged) stage(g, row, rows, stretch, scratch.activations);
          for_panels(g.weights, column, column + block, [&](Index first, Index lanes) {
            const Index offset = once ? 0 : first - column;
            GemmTile tile = tile_in(g, first, lanes);
            const bool packed = multiplies_packed(g, stretch, rows, lanes);
            place_weights(g, stretch, g.packed_weights + first * bytes, packed ? nullptr : scratch.codes, tile);
            const ActivationRows input = rows_of(g, stretch, staged ? scratch.activations : nullptr, tile);
            const Index most = most_rows(lanes, grouped);
            for_tiles(rows, most, [&](Index r, Index count) {
              GemmTile part = tile;
              part.row = row + r;
              part.rows = count;
              part.pieces = scratch.pieces;
              find_pieces(input, tile.taps, staged ? r : row + r, count, most, scratch.pieces);
              part.sums = scratch.sums + r * kBlockColumns + offset;
              part.values = scratch.values + r * kBlockColumns + offset;
              part.stride = kBlockColumns;
              multiply(part, stretch, packed, stretch.first + stretch.elements == whole);
            });
          });
        });
      }
    }
  }

  static bool multiplies_packed(const GemmArguments& g, const Stretch& stretch, Index rows, Index lanes) noexcept {
    if constexpr (requires { Micro::kPackedRows; }) {
      return g.weights.bits == 4 && rows <= Micro::kPackedRows && lanes % 2 == 0 && stretch.groups > 0 &&
             stretch.begins && stretch.ends;
    }
    return false;
  }

  static void place_weights(const GemmArguments& g, const Stretch& stretch, const std::byte* panel, std::int8_t* codes,
                            GemmTile& tile) noexcept {
    const Index width = tile.lanes * kLane;
    const std::byte* packed = panel + width * (term_bytes(g.weights) + code_bytes(g.weights, stretch.step));
    tile.weights = reinterpret_cast<const std::int8_t*>(packed);
    if (g.weights.bits < 8 && codes != nullptr) {
      Micro::unpack(packed, g.weights.bits, stretch.steps * tile.lanes, codes);
      tile.weights = codes;
    }
    const Terms terms = terms_of(g, panel, width);
    if (terms.starts != nullptr) tile.start = terms.starts + stretch.group * width;
    if (terms.multipliers != nullptr) tile.multipliers = terms.multipliers + stretch.group * width;
    tile.group_start = width;
    tile.groups = stretch.groups;
  }

  /// The rows of a stretch: where they were copied to, or the pieces, or the part of one, that it takes of each.
  static ActivationRows rows_of(const GemmArguments& g, const Stretch& stretch, const Activation* copied,
                                GemmTile& tile) noexcept {
    tile.steps = steps_of(stretch.group_elements);
    if (copied != nullptr) return {.data = copied, .row_stride = kStretch};
    const Index within = stretch.first % g.input.depth;
    if (stretch.groups == 0 && stretch.elements > g.input.depth) {
      tile.taps = stretch.elements / g.input.depth;
      tile.steps = g.input.depth / kStep;
    }
    ActivationRows rows = g.input;
    rows.data = static_cast<const Activation*>(g.input.data) + within;
    if (rows.offsets != nullptr) rows.offsets += stretch.first / g.input.depth;
    if (rows.padding != nullptr) rows.padding = static_cast<const Activation*>(g.input.padding) + within;
    return rows;
  }

  static void multiply(GemmTile& tile, const Stretch& stretch, bool packed, bool last) noexcept {
    if constexpr (requires { Micro::kPackedRows; }) {
      if (packed) {
        Micro::multiply_packed_groups(tile);
        if (last) Micro::finish(tile);
        return;
      }
    }
    if (!stretch.begins) {
      tile.start = tile.sums;
      tile.row_start = tile.stride;
      tile.group_start = 0;
    }
    if (stretch.groups == 0 && last) return multiply_and_finish(tile);
    if (stretch.groups == 0 || !stretch.ends) return Micro::multiply(tile);
    Micro::multiply_groups(tile);
    if (last) Micro::finish(tile);
  }

  static void multiply_and_finish(const GemmTile& tile) noexcept {
    if constexpr (requires { Micro::multiply_and_finish(tile); }) {
      Micro::multiply_and_finish(tile);
    } else {
      Micro::multiply(tile);
      Micro::finish(tile);
    }
  }

  static void start_values(const GemmArguments& g, Index rows, Index column, float* values) noexcept {
    const Index count = std::min(kBlockColumns, g.weights.columns - column);
    for (Index row = 0; row < rows; ++row, values += kBlockColumns) {
      if (g.epilogue.row_scales != nullptr) {
        std::fill_n(values, count, 0.0F);
      } else {
        std::copy_n(g.epilogue.float_bias + column, count, values);
      }
    }
  }
};

}  // namespace condense::kernels::detail

#endif
