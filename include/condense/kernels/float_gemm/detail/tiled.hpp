#ifndef CONDENSE_KERNELS_FLOAT_GEMM_DETAIL_TILED_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_DETAIL_TILED_HPP

#include <limits>
#include <utility>

#include "condense/kernels/detail/pieces.hpp"
#include "condense/kernels/detail/rows.hpp"
#include "condense/kernels/float_gemm/detail/weight_panels.hpp"

namespace condense::kernels::detail {

/// A stretch of K: elements [first, first + depth) of some pieces.
struct FloatStretch {
  Index tap = 0;
  Index taps = 0;
  Index first = 0;
  Index depth = 0;
};

/// The scales of a panel's runs, and their zero points behind them.
struct FloatTerms {
  const std::byte* first = nullptr;
  Index stride = 0;  ///< In bytes from one run to the next: 0 where all have the same.
};

/// One tile of a float product: a few rows times the columns of a panel, its sums held in registers.
struct FloatTile {
  const FloatGemmArguments* product = nullptr;
  FloatStretch stretch;
  Index row = 0;  ///< First of the output, and how many.
  Index rows = 0;
  Index column = 0;                    ///< First of the panel; columns beyond the output are padding.
  const void* const* found = nullptr;  ///< The pieces of the stretch, (rows, taps).
  const std::byte* weights = nullptr;  ///< The units of the stretch.
  FloatTerms terms;                    ///< Of integers.
  Index run = 0;                       ///< Elements that share a scale; `stretch.depth` of floats.
  const float* start = nullptr;        ///< Where sums start, for row 0 of the output.
  Index start_stride = 0;
  float low = 0;
  float high = 0;

  Index columns() const noexcept { return product->weights.columns - column; }

  /// The pieces `tap` of the rows of the tile, as far as they are in the stretch.
  template <unsigned Rows>
  [[gnu::always_inline]] void pieces(Index tap, const float* (&piece)[Rows]) const noexcept {
    // Otherwise GCC 12 keeps all that the lookups share in registers, across the products, and the products in memory.
    asm("" ::: "memory");
    pieces_of_tap(found, stretch.taps, tap, piece);
  }

  /// The rows themselves, if they lie in line.
  template <unsigned Rows>
  [[gnu::always_inline]] void rows_in_line(const float* (&piece)[Rows]) const noexcept {
    const ActivationRows& input = product->input;
    const auto* data = static_cast<const float*>(input.data) + stretch.first;
    spread_rows(data + row * input.row_stride, input.row_stride, rows, piece);
  }

  /// Whether a tap adds nothing to any row.
  bool skips(Index tap) const noexcept { return found[tap] == nullptr; }

  /// What the sums of the rows start from.
  template <unsigned Rows>
  [[gnu::always_inline]] void starts(const float* (&starts)[Rows]) const noexcept {
    spread_rows(start + row * start_stride, start_stride, rows, starts);
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
///   template <unsigned Rows, unsigned Lanes, WeightCoding> static void multiply(const FloatTile&) noexcept;
///   template <unsigned Lanes>                                  the same from float32, if it is quicker where all kRows
///   static void multiply_in_line(const FloatTile&) noexcept;   rows are there, in line: by 1 to 4 % of few steps
///   template <unsigned Lanes, WeightCoding>                    the values of `steps` elements of a run, in whole units
///   static void decode(const std::byte* units, const FloatTerms&, Index steps, float* values) noexcept;
///
/// Weights lie so that a product reads them in line from the first to the last. Few rows are bound by that reading, and
/// decode weights in registers, integers only a few rows of them. Of many rows, as many at a time as fit the
/// second-level cache meet a panel before the next one comes; then integers are decoded to floats before, a stretch of
/// K of a panel that fits the first-level cache, and the sums rest in the output between two stretches. So is the last
/// panel, if it is narrow: there are fewer versions of `multiply` then.
template <class Micro>
struct TiledFloatGemm : FloatWeightPanels<Micro> {
  static void run(const FloatGemmArguments& g) noexcept {
    const FloatWeightShape& shape = g.weights;
    const bool is_float32 = shape.type == WeightType::float32;
    const bool in_registers = !is_integer(shape.type) || g.input.rows <= kFewRows;
    const Index wide = std::min(shape.columns, Panels::round_up(shape.columns, kLane) / kPanel * kPanel);
    const Index direct = is_float32 ? shape.columns : in_registers ? wide : 0;
    if (direct > 0) {
      for_blocks(g, shape.taps * shape.depth, [&](Index begin, Index end) {
        for (Index tap = 0; tap < shape.taps; tap += kMostPieces) {
          run_columns({tap, std::min(kMostPieces, shape.taps - tap), 0, shape.depth}, g, begin, end, 0, direct);
        }
      });
    }
    if (direct < shape.columns) {
      for_blocks(g, std::min(shape.taps * shape.depth, kStretch), [&](Index begin, Index end) {
        for_stretches(
            shape, [&](const FloatStretch& stretch) { decode_columns(stretch, g, begin, end, direct, shape.columns); });
      });
    }
  }

 private:
  using Panels = FloatWeightPanels<Micro>;
  using Panels::kLane;
  using Panels::kPanel;
  using Panels::lanes_at;
  using Heights = typename Micro::Heights;
  static constexpr Index kTileRows = Micro::kRows;
  static constexpr Index kFewRows = 4;                 ///< Of integers that are decoded in registers.
  static constexpr Index kBlockElements = 128 * 1024;  ///< Of a stretch of a block of rows: 512 KiB.
  static constexpr Index kStretch = 256;               ///< Elements of K that are decoded at a time: whole units.
  static constexpr Index kMostOfUnit = 16;             ///< What may be written behind the last element of a run.
  static constexpr float kUnbounded = std::numeric_limits<float>::infinity();

  /// The versions of `Micro`; null where none is needed.
  using Multiply = void (*)(const FloatTile&) noexcept;
  using Decode = void (*)(const std::byte*, const FloatTerms&, Index, float*) noexcept;
  struct Versions {
    Multiply multiply[Micro::kLanes][Heights::size()];
    Multiply multiply_in_line[Micro::kLanes];
    Decode decode[Micro::kLanes];
  };

  template <WeightCoding kCoding, unsigned Lanes, unsigned Rows>
  static constexpr Multiply multiply_version() noexcept {
    constexpr bool kInRegisters = Lanes == Micro::kLanes && (!is_integer(kCoding.type) || Rows <= kFewRows);
    if constexpr (kCoding.type == WeightType::float32 || kInRegisters) {
      return &Micro::template multiply<Rows, Lanes, kCoding>;
    } else {
      return nullptr;
    }
  }
  template <WeightCoding kCoding, unsigned Lanes>
  static constexpr Multiply in_line_version() noexcept {
    if constexpr (kCoding.type == WeightType::float32 && requires { &Micro::template multiply_in_line<Lanes>; }) {
      return &Micro::template multiply_in_line<Lanes>;
    } else {
      return nullptr;
    }
  }
  template <WeightCoding kCoding, unsigned Lanes>
  static constexpr Decode decode_version() noexcept {
    constexpr bool kIsNarrow = Lanes < Micro::kLanes;
    if constexpr (is_integer(kCoding.type) || (kCoding.type != WeightType::float32 && kIsNarrow)) {
      return &Micro::template decode<Lanes, kCoding>;
    } else {
      return nullptr;
    }
  }
  template <WeightCoding kCoding, unsigned... Rows, unsigned... Lane>
  static constexpr Versions versions(std::integer_sequence<unsigned, Rows...>,
                                     std::integer_sequence<unsigned, Lane...>) noexcept {
    Versions result{{}, {in_line_version<kCoding, Lane + 1>()...}, {decode_version<kCoding, Lane + 1>()...}};
    const auto fill = [&]<unsigned Lanes>(std::integral_constant<unsigned, Lanes>) {
      Index height = 0;
      ((result.multiply[Lanes - 1][height++] = multiply_version<kCoding, Lanes, Rows>()), ...);
    };
    (fill(std::integral_constant<unsigned, Lane + 1>{}), ...);
    return result;
  }
  template <WeightCoding kCoding>
  static constexpr Versions kVersions =
      versions<kCoding>(Heights{}, std::make_integer_sequence<unsigned, Micro::kLanes>{});

  static const Versions& versions_for(const FloatWeightShape& shape) noexcept {
    switch (shape.type) {
      case WeightType::float32: return kVersions<WeightCoding{WeightType::float32}>;
      case WeightType::float16: return kVersions<WeightCoding{WeightType::float16}>;
      case WeightType::bfloat16: return kVersions<WeightCoding{WeightType::bfloat16}>;
      case WeightType::int8: return integer_versions<WeightType::int8>(shape);
      case WeightType::int4: return integer_versions<WeightType::int4>(shape);
      default: return integer_versions<WeightType::int2>(shape);
    }
  }
  template <WeightType kType>
  static const Versions& integer_versions(const FloatWeightShape& shape) noexcept {
    return shape.has_zero_points ? kVersions<WeightCoding{kType, true}> : kVersions<WeightCoding{kType, false}>;
  }

  /// Calls `body(begin, end)` for blocks of rows of nearly the same size, whole tiles but for the last, of which
  /// `depth` elements each fit the second-level cache.
  template <class Body>
  static void for_blocks(const FloatGemmArguments& g, Index depth, Body&& body) noexcept {
    const Index rows = g.input.rows;
    const Index most = std::max(kBlockElements / std::max<Index>(depth, 1), kTileRows);
    const Index blocks = (rows + most - 1) / most;
    const auto start_of = [&](Index block) {
      return std::min(rows, Panels::round_up(rows * block / blocks, kTileRows));
    };
    for (Index block = 0; block < blocks; ++block) body(start_of(block), start_of(block + 1));
  }

  /// A tile without rows and columns.
  static FloatTile tile_of(const FloatStretch& s, const FloatGemmArguments& g) noexcept {
    const bool is_last = s.tap + s.taps == g.weights.taps && s.first + s.depth == g.weights.depth;
    FloatTile tile;
    tile.product = &g;
    tile.stretch = s;
    tile.low = is_last ? g.low : -kUnbounded;
    tile.high = is_last ? g.high : kUnbounded;
    return tile;
  }
  /// Bytes of a column: all of them, its units, and from the terms of one run to those of the next.
  struct ColumnBytes {
    Index all = 0;
    Index units = 0;
    Index terms = 0;

    explicit ColumnBytes(const FloatWeightShape& shape) noexcept
        : all(Panels::column_bytes(shape)),
          units(Panels::code_bytes(shape)),
          terms(shape.group_size == 0 ? 0 : Panels::term_bytes(shape)) {}
  };
  static void start_panel(FloatTile& tile, const ColumnBytes& bytes, Index column, Index lanes) noexcept {
    const FloatGemmArguments& g = *tile.product;
    const bool is_first = tile.stretch.tap == 0 && tile.stretch.first == 0;
    tile.column = column;
    tile.start = (is_first ? g.bias : g.output) + column;
    tile.start_stride = is_first ? 0 : g.output_stride;
    tile.weights = g.packed_weights + column * bytes.all;
    tile.terms = {.first = tile.weights + lanes * kLane * bytes.units, .stride = lanes * kLane * bytes.terms};
  }
  /// Taps of padding are skipped where weights are floats; other ones are bound by more than their products.
  static void multiply_rows(FloatTile& tile, Index begin, Index end, const Versions& versions, Index lanes) noexcept {
    const FloatStretch& s = tile.stretch;
    alignas(64) const void* pieces[static_cast<std::size_t>(kMostPieces * kTileRows)];
    tile.found = pieces;
    ActivationRows input = tile.product->input;
    const bool skips = tile.product->weights.type == WeightType::float32 && padding_is(input, 0.0F);
    input.data = static_cast<const float*>(input.data) + s.first;
    if (input.padding != nullptr) input.padding = static_cast<const float*>(input.padding) + s.first;
    if (input.offsets != nullptr) input.offsets += s.tap;
    const Multiply in_line = input.offsets == nullptr ? versions.multiply_in_line[lanes - 1] : nullptr;
    for (tile.row = begin; tile.row < end; tile.row += tile.rows) {
      tile.rows = rows_of_tile(end - tile.row);
      if (in_line != nullptr && tile.rows == kTileRows) {
        in_line(tile);
        continue;
      }
      find_pieces<Micro, float>(input, s.taps, tile.row, tile.rows, kTileRows, skips, pieces);
      versions.multiply[lanes - 1][version_for(tile.rows, Heights{})](tile);
    }
  }

  /// The columns [column, last) of the rows [begin, end), over some taps, of weights as they lie.
  static void run_columns(const FloatStretch& s, const FloatGemmArguments& g, Index begin, Index end, Index column,
                          Index last) noexcept {
    const Versions& versions = versions_for(g.weights);
    const ColumnBytes bytes(g.weights);
    FloatTile tile = tile_of(s, g);
    tile.run = Panels::run_elements(g.weights);
    for (Index lanes = 0; column < last; column += lanes * kLane) {
      lanes = lanes_at(g.weights.columns, column);
      start_panel(tile, bytes, column, lanes);
      tile.terms.first += s.tap * g.weights.groups_per_tap() * tile.terms.stride;
      tile.weights += Panels::unit_of(g.weights, s.tap, 0) * lanes * kLane * unit_bytes(g.weights.type);
      multiply_rows(tile, begin, end, versions, lanes);
    }
  }

  /// The same over a stretch of K, of weights that are decoded before.
  static void decode_columns(const FloatStretch& s, const FloatGemmArguments& g, Index begin, Index end, Index column,
                             Index last) noexcept {
    const Versions& versions = versions_for(g.weights);
    const ColumnBytes bytes(g.weights);
    alignas(64) float values[(kStretch + kMostOfUnit) * kPanel];
    FloatTile tile = tile_of(s, g);
    tile.run = s.depth;
    for (Index lanes = 0; column < last; column += lanes * kLane) {
      lanes = lanes_at(g.weights.columns, column);
      start_panel(tile, bytes, column, lanes);
      decode(tile, lanes, versions.decode[lanes - 1], values);
      tile.weights = reinterpret_cast<const std::byte*>(values);
      multiply_rows(tile, begin, end, kVersions<WeightCoding{}>, lanes);
    }
  }

  /// Calls `body` for all stretches in order: some whole pieces, or of a long one some whole runs or a part of a long
  /// run.
  template <class Body>
  static void for_stretches(const FloatWeightShape& shape, Body&& body) noexcept {
    const Index depth = shape.depth;
    if (depth <= kStretch) {
      const Index taps = std::min(kMostPieces, kStretch / std::max<Index>(depth, 1));
      for (Index tap = 0; tap < shape.taps; tap += taps) body({tap, std::min(taps, shape.taps - tap), 0, depth});
      return;
    }
    const Index run = Panels::run_elements(shape);
    for (Index tap = 0; tap < shape.taps; ++tap) {
      for (Index first = 0, elements = 0; first < depth; first += elements) {
        elements = run < kStretch ? kStretch / run * run : std::min(kStretch, run - first % run);
        elements = std::min(elements, depth - first);
        body({tap, 1, first, elements});
      }
    }
  }

  /// Writes the values of a stretch of a panel, (taps, depth, columns).
  static void decode(const FloatTile& tile, Index lanes, Decode version, float* values) noexcept {
    const FloatWeightShape& shape = tile.product->weights;
    const FloatStretch& s = tile.stretch;
    const Index run = Panels::run_elements(shape);
    for (Index tap = s.tap; tap < s.tap + s.taps; ++tap) {
      for (Index k = s.first, elements = 0; k < s.first + s.depth; k += elements) {
        elements = std::min(run - k % run, s.first + s.depth - k);
        FloatTerms terms = tile.terms;
        terms.first += (tap * shape.groups_per_tap() + k / run) * terms.stride;
        version(tile.weights + Panels::unit_of(shape, tap, k) * lanes * kLane * unit_bytes(shape.type), terms, elements,
                values);
        values += elements * lanes * kLane;
      }
    }
  }

  /// Rows of the next tile when `rest` are left. What is more than one tile and less than two is shared by two tiles of
  /// about the same height, because a low one is slow.
  static Index rows_of_tile(Index rest) noexcept {
    if (rest >= 2 * kTileRows) return kTileRows;
    return rest <= kTileRows ? rest : height_for((rest + 1) / 2, Heights{});
  }
  template <unsigned... Rows>
  static Index height_for(Index rows, std::integer_sequence<unsigned, Rows...>) noexcept {
    return std::min({rows <= Rows ? Index{Rows} : kTileRows...});
  }

  /// The lowest tile that has the rows.
  template <unsigned... Rows>
  static Index version_for(Index rows, std::integer_sequence<unsigned, Rows...>) noexcept {
    return (Index{rows > Index{Rows}} + ...);
  }
};

}  // namespace condense::kernels::detail

#endif
