#ifndef CONDENSE_KERNELS_GEMM_DETAIL_TILED_HPP
#define CONDENSE_KERNELS_GEMM_DETAIL_TILED_HPP

#include <algorithm>
#include <utility>

#include "condense/kernels/detail/pieces.hpp"
#include "condense/kernels/detail/rows.hpp"
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

  const void* first = nullptr;  ///< Row, if rows lie in line, and from one to the next.
  Index input_stride = 0;
  const void* const* pieces = nullptr;   ///< (rows, taps): each of whole steps; rows beyond the last repeat it.
  Index taps = 1;                        ///< Pieces of each row in the stretch.
  Index steps = 0;                       ///< Of a piece, or of a group.
  Index groups = 0;                      ///< Of the stretch, 0 without groups.
  std::uint32_t flip = 0;                ///< What 4 activations are to be xored with.
  const std::int8_t* weights = nullptr;  ///< (steps, columns of the panel, Micro::kStep)
  const std::int8_t* ahead = nullptr;    ///< What a tile may ask for, a line of the cache in each step; null for none.
  const std::uint8_t* plan = nullptr;    ///< Of a `Micro` that plans: how the weights are arranged; null for as above.

  const std::int32_t* start = nullptr;  ///< Where sums start; null for zeros.
  Index row_start = 0;                  ///< From the start of one row, and of one group, to that of the next.
  Index group_start = 0;
  std::int32_t* sums = nullptr;  ///< (rows, columns)

  const float* multipliers = nullptr;        ///< (groups, columns of the panel), as the next
  const std::int8_t* zero_points = nullptr;  ///< Of packed weights; null if they have none.
  std::int32_t factor = 0;                   ///< Of packed weights: what sums start from, times the sum of the weights.
  float* values = nullptr;                   ///< (rows, columns): what the groups add up to.
  Index stride = 0;                          ///< From one row of sums or values to the next.

  /// A row of the tile; those beyond the last repeat it, so that few heights of tiles do for all.
  Index row_at(Index r) const noexcept { return r < rows ? r : rows - 1; }

  const void* piece(Index r, Index tap = 0) const noexcept { return pieces[r * taps + tap]; }

  /// Whether a tap adds nothing to any row.
  bool skips(Index tap) const noexcept { return piece(0, tap) == nullptr; }
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
///   static constexpr Index kFewestSteps;  of a piece that is read in place rather than copied, if not 1: what looking
///                                    it up costs beside the products. On x86 pieces of 1 step are worth it: 3x3 of
///                                    28x28x1 to 32 takes 4.1 us in place, 5.1 us copied
///   static constexpr std::optional<ElementType> kFlipped;  the type of codes that its instruction takes only when the
///                                    sign is flipped, that is with 128 added to or taken from each
///   static void multiply(const GemmTile&) noexcept;         writes the sums
///   static void multiply_groups(const GemmTile&) noexcept;  adds to the values
///   static void finish(const GemmTile&) noexcept;           the epilogue: sums, or with groups values, to the output
///   static void multiply_and_finish(const GemmTile&) noexcept;  both, if it can do better than one after the other
///   static bool reads_in_line(const GemmTile&) noexcept;    whether that does without the pieces, rows being in line
///   static void multiply_packed_groups(const GemmTile&) noexcept;  multiply_groups from packed weights of 4 bits, if
///                                    it has a quicker form for a few rows: kPackedRows, an even number of lanes;
///                                    kPacksZeroPoints and kPacksFactors say whether it takes these
///   static constexpr bool kCopiesAll;  whether all rows are copied, if not where activations are wider than codes;
///                                    `copy` then flips the sign of what is kFlipped
///   static constexpr bool kPlans;    if it arranges weights at packing as their values allow: those of 8 bits without
///                                    groups, and it takes no others but 8 bits with groups. It then has
///   static constexpr Index kSpread;  activations beside those of a copied row, which `spread` makes of them
///   static void arrange(std::byte* codes, Index steps, Index lanes, std::byte* plan, std::int32_t* starts) noexcept;
///                                    a panel's codes of one stretch; a plan that begins with 0 leaves them. Adds to
///                                    the starts of flipped sums
///   static void spread(Activation* row, Index steps, bool flipped) noexcept;
///   static void start_groups(const GemmTile&, std::int32_t* starts) noexcept;  factor times the sum of the weights of
///                                                                             each group and column
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
  using Panels::is_planned;
  using Panels::is_staged;
  using Panels::kCopiedRow;
  using Panels::kCopiesAll;
  using Panels::kFlip;
  using Panels::kLane;
  using Panels::kPlans;
  using Panels::kStep;
  using Panels::kStretch;
  using Panels::plan_bytes;
  using Panels::steps_of;
  using Panels::stretch_at;
  using Panels::term_bytes;
  using Panels::terms_of;
  using typename Panels::Activation;
  using typename Panels::Stretch;
  using typename Panels::Terms;
  using Staging<Micro>::stage;

  /// Rows and columns that are multiplied stretch by stretch. Staged rows are staged for many columns; of others many
  /// share the weights that are unpacked.
  struct Block {
    Index rows;
    Index columns;
  };
  static constexpr Block kStaged{48 / Micro::kRows * Micro::kRows, 128};
  static constexpr Block kInPlace{120 / Micro::kRows * Micro::kRows, 64};
  static constexpr Index kBlockSums = std::max(kStaged.rows * kStaged.columns, kInPlace.rows* kInPlace.columns);
  static_assert(kStaged.columns % Micro::kPanel == 0 && kInPlace.columns % Micro::kPanel == 0);

  static constexpr Index kFewRows = 48;            ///< That are multiplied in less time than their weights are read.
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
    alignas(64) Pieces pieces;
    const bool skips = padding_is(g.input, static_cast<Activation>(is_flipped(g) ? 0x80 : 0));  // zeros, as multiplied
    const Index bytes = column_bytes(g.weights);
    for_panels(g.weights, 0, g.weights.columns, [&](Index column, Index lanes) {
      const std::byte* panel = g.packed_weights + column * bytes;
      GemmTile tile = tile_in(g, column, lanes);
      tile.pieces = pieces;
      tile.taps = g.input.taps;
      tile.steps = g.weights.depth / kStep;
      tile.weights = reinterpret_cast<const std::int8_t*>(panel + lanes * kLane * term_bytes(g.weights));
      if (is_flipped(g)) tile.start = terms_of(g.weights, panel, lanes * kLane).flipped_starts;
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
        if (g.input.offsets == nullptr) {
          tile.first = static_cast<const Activation*>(g.input.data) + row * g.input.row_stride;
          tile.input_stride = g.input.row_stride;
        }
        if (!reads_in_line(tile)) find_pieces<Micro, Activation>(g.input, tile.taps, row, rows, most, skips, pieces);
        multiply_and_finish(tile);
        if (tile.ahead != nullptr) tile.ahead += tile.taps * tile.steps * kCacheLine;
      });
    });
  }

  using Pieces = const void * [kMostPieces * Micro::kRows];

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
    tile.flip = is_flipped(g) && !kCopiesAll ? 0x80808080U : 0;
    return tile;
  }

  /// What stretches are multiplied from, and the sums and values that later ones go on with. 100 to 140 KiB of stack.
  struct Scratch {
    alignas(64) Activation activations[static_cast<std::size_t>(kStaged.rows * kCopiedRow)];
    alignas(64) std::int8_t codes[static_cast<std::size_t>(Micro::kPanel * kStretch)];
    alignas(64) std::int32_t starts[static_cast<std::size_t>(Micro::kPanel * kStretch / kStep)];
    alignas(64) std::int32_t sums[static_cast<std::size_t>(kBlockSums)];
    alignas(64) float values[static_cast<std::size_t>(kBlockSums)];
    alignas(64) Pieces pieces;
  };

  /// K in stretches, for blocks of rows and columns.
  static void run_stretches(const GemmArguments& g) noexcept {
    Scratch scratch;
    const Index whole = g.weights.taps * g.weights.depth;
    const Index bytes = column_bytes(g.weights);
    const bool staged = is_staged(g.weights);
    const bool grouped = g.weights.group_size != 0;
    const bool once = !grouped && whole <= kStretch;  // nothing is kept for later stretches
    const Block most_of = staged ? kStaged : kInPlace;
    const Block block{most_of.rows, once ? g.weights.columns : most_of.columns};
    for (Index row = 0; row < g.input.rows; row += block.rows) {
      const Index rows = std::min(block.rows, g.input.rows - row);
      for (Index column = 0; column < g.weights.columns; column += block.columns) {
        if (grouped) start_values(g, rows, column, most_of.columns, scratch.values);
        for_stretches(g.weights, [&](const Stretch& stretch) {
          if (staged) stage(g, row, rows, stretch, scratch.activations);
          [[maybe_unused]] bool spread = false;
          for_panels(g.weights, column, column + block.columns, [&](Index first, Index lanes) {
            const Index offset = once ? 0 : first - column;
            GemmTile tile = tile_in(g, first, lanes);
            const bool packed = multiplies_packed(g, stretch, rows, lanes);
            place_weights(g, stretch, g.packed_weights + first * bytes, packed, scratch, tile);
            const ActivationRows input = rows_of(g, stretch, staged ? scratch.activations : nullptr, tile);
            if constexpr (kPlans) {
              if (tile.plan != nullptr && !std::exchange(spread, true)) {
                for (Index r = 0; r < rows; ++r) {
                  Micro::spread(scratch.activations + r * kCopiedRow, tile.steps, is_flipped(g));
                }
              }
            }
            const Index most = most_rows(lanes, grouped);
            for_tiles(rows, most, [&](Index r, Index count) {
              GemmTile part = tile;
              part.row = row + r;
              part.rows = count;
              part.pieces = scratch.pieces;
              const Index of_input = staged ? r : row + r;
              find_pieces<Micro, Activation>(input, tile.taps, of_input, count, most, false, scratch.pieces);
              part.sums = scratch.sums + r * most_of.columns + offset;
              part.values = scratch.values + r * most_of.columns + offset;
              part.stride = most_of.columns;
              multiply(part, stretch, packed, stretch.first + stretch.elements == whole);
            });
          });
        });
      }
    }
  }

  /// Whether `Micro` has a form for packed weights. One that plans takes weights of 8 bits only.
  static constexpr bool kHasPackedRows = !kPlans && requires { Micro::kPackedRows; };

  static bool multiplies_packed(const GemmArguments& g, const Stretch& stretch, Index rows, Index lanes) noexcept {
    if constexpr (kHasPackedRows) {
      return g.weights.bits == 4 && rows <= Micro::kPackedRows && lanes % 2 == 0 && stretch.groups > 0 &&
             stretch.begins && stretch.ends && (!g.weights.has_zero_points || Micro::kPacksZeroPoints) &&
             (factor_of(g) == 0 || Micro::kPacksFactors);
    }
    return false;
  }

  static std::int32_t factor_of(const GemmArguments& g) noexcept {
    return (is_flipped(g) ? kFlip : 0) - g.epilogue.input_zero_point;
  }

  static void place_weights(const GemmArguments& g, const Stretch& stretch, const std::byte* panel, bool packed,
                            Scratch& scratch, GemmTile& tile) noexcept {
    const Index width = tile.lanes * kLane;
    const Terms terms = terms_of(g.weights, panel, width);
    panel += width * stretch_at(g.weights, stretch);
    if (is_planned(g.weights) && *panel != std::byte{0}) tile.plan = reinterpret_cast<const std::uint8_t*>(panel);
    panel += width * plan_bytes(g.weights);
    tile.weights = reinterpret_cast<const std::int8_t*>(panel);
    tile.groups = stretch.groups;
    tile.steps = steps_of(stretch.group_elements);
    if (terms.zero_points != nullptr) tile.zero_points = terms.zero_points + stretch.group * width;
    if constexpr (!kPlans) {
      if (g.weights.bits < 8 && !packed) {
        Micro::unpack(panel, g.weights.bits, stretch.steps * tile.lanes, scratch.codes);
        if (tile.zero_points != nullptr) subtract_zero_points(tile, stretch, scratch.codes);
        tile.weights = scratch.codes;
      }
    }
    if (g.weights.group_size == 0) {
      if (is_flipped(g)) tile.start = terms.flipped_starts;
      return;
    }
    tile.multipliers = terms.multipliers + stretch.group * width;
    tile.factor = factor_of(g);
    if (packed || tile.factor == 0 || !stretch.begins) return;
    if (stretch.ends) {
      Micro::start_groups(tile, scratch.starts);
    } else {
      const std::int32_t* sums = terms.weight_sums + stretch.group * width;
      for (Index c = 0; c < width; ++c) scratch.starts[c] = tile.factor * sums[c];
    }
    tile.start = scratch.starts;
    tile.group_start = width;
  }

  static void subtract_zero_points(const GemmTile& tile, const Stretch& stretch, std::int8_t* codes) noexcept {
    constexpr Index kVector = kLane * kStep;
    const std::int8_t* zero_points = tile.zero_points;
    for (Index group = 0; group < std::max<Index>(stretch.groups, 1); ++group) {
      const Index steps = steps_of(stretch.group_elements);
      for (Index lane = 0; lane < tile.lanes; ++lane, zero_points += kLane) {
        std::int8_t zeros[static_cast<std::size_t>(kVector)];
        for (Index i = 0; i < kVector; ++i) zeros[i] = zero_points[i / kStep];
        for (Index step = 0; step < steps; ++step) {
          std::int8_t* vector = codes + ((group * steps + step) * tile.lanes + lane) * kVector;
          for (Index i = 0; i < kVector; ++i) vector[i] = static_cast<std::int8_t>(vector[i] - zeros[i]);
        }
      }
    }
  }

  /// The rows of a stretch: where they were copied to, or the pieces, or the part of one, that it takes of each.
  static ActivationRows rows_of(const GemmArguments& g, const Stretch& stretch, const Activation* copied,
                                GemmTile& tile) noexcept {
    tile.steps = steps_of(stretch.group_elements);
    if (copied != nullptr) return {.data = copied, .row_stride = kCopiedRow};
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
    if constexpr (kHasPackedRows) {
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

  static bool reads_in_line(const GemmTile& tile) noexcept {
    if constexpr (requires { Micro::reads_in_line(tile); }) return tile.first != nullptr && Micro::reads_in_line(tile);
    return false;
  }

  static void multiply_and_finish(const GemmTile& tile) noexcept {
    if constexpr (requires { Micro::multiply_and_finish(tile); }) {
      Micro::multiply_and_finish(tile);
    } else {
      Micro::multiply(tile);
      Micro::finish(tile);
    }
  }

  static void start_values(const GemmArguments& g, Index rows, Index column, Index columns, float* values) noexcept {
    const Index count = std::min(columns, g.weights.columns - column);
    for (Index row = 0; row < rows; ++row, values += columns) {
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
