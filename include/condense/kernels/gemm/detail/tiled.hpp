#ifndef CONDENSE_KERNELS_GEMM_DETAIL_TILED_HPP
#define CONDENSE_KERNELS_GEMM_DETAIL_TILED_HPP

#include <algorithm>
#include <cstring>
#include <optional>
#include <type_traits>

#include "condense/kernels/gemm/gemm.hpp"

namespace condense::kernels::detail {

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

/// Copies bytes, few of them quickly: `memcpy` is a call, which takes longer than a window's piece of some channels.
inline void copy_bytes(const void* from, Index count, void* to) noexcept {
  const auto* in = static_cast<const std::byte*>(from);
  auto* out = static_cast<std::byte*>(to);
  const auto copy = [&](auto chunk, Index at) { std::memcpy(out + at, in + at, sizeof(chunk)); };
  struct Sixteen {
    std::uint64_t halves[2];
  };
  if (count >= 16) {
    for (Index i = 0; i + 16 < count; i += 16) copy(Sixteen{}, i);
    copy(Sixteen{}, count - 16);
  } else if (count >= 8) {
    copy(std::uint64_t{}, 0);
    copy(std::uint64_t{}, count - 8);
  } else if (count >= 4) {
    copy(std::uint32_t{}, 0);
    copy(std::uint32_t{}, count - 4);
  } else {
    for (Index i = 0; i < count; ++i) out[i] = in[i];
  }
}

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
/// Weights lie in panels: for every kStep elements of K, those of all columns of the panel, each kLane * kStep bytes a
/// vector. Of 4 and 2 bits, 2 and 4 vectors share the bytes of one: the first has the lowest bits. A panel begins with
/// what its sums start from and, with groups, are multiplied by.
///
/// Rows are read in place where every piece and group is a whole number of steps; otherwise stretches of K are staged:
/// copied in line and filled up with zeros, for a block of rows at a time. Weights of less than 8 bits are unpacked a
/// stretch of a panel at a time. Both stay in the first-level cache while they are used many times.
template <class Micro>
struct TiledGemm {
  static constexpr Index kTileRows = Micro::kRows;

  static std::size_t packed_bytes(const WeightShape& shape) noexcept {
    return static_cast<std::size_t>(round_up(shape.columns, kLane) * column_bytes(shape));
  }

  static void pack(const WeightShape& shape, const WeightValues& weights, std::byte* packed) noexcept {
    std::memset(packed, 0, packed_bytes(shape));
    for_panels(shape, 0, shape.columns, [&](Index column, Index lanes) {
      std::byte* panel = packed + column * column_bytes(shape);
      const Index width = lanes * kLane;
      for (Index c = column; c < std::min(column + width, shape.columns); ++c) {
        pack_terms(shape, weights, c, panel + (c - column) * 4, width * 4);
        for_stretches(shape, [&](const Stretch& stretch) {
          pack_codes(shape, weights.codes + c * shape.taps * shape.depth, c - column, width, stretch,
                     panel + width * (term_bytes(shape) + code_bytes(shape, stretch.step)));
        });
      }
    });
  }

  static void run(const GemmArguments& g) noexcept {
    if (in_stretches(g.weights)) {
      run_stretches(g);
    } else {
      run_whole(g);
    }
  }

 private:
  using Activation = typename Micro::Activation;
  static constexpr Index kLane = Micro::kLane;
  static constexpr Index kStep = Micro::kStep;
  static constexpr bool kFlips = Micro::kFlipped.has_value();

  static constexpr Index kStretch = 256;  ///< Most elements of K that are staged at a time.
  static constexpr Index kBlockRows = 48 / Micro::kRows * Micro::kRows;  ///< Rows and columns that share them.
  static constexpr Index kBlockColumns = 128;
  static constexpr Index kTaps = 64;  ///< Most pieces of a row that are multiplied at a time.
  static_assert(kBlockColumns % Micro::kPanel == 0 && kStretch % (4 * kStep) == 0);

  static constexpr Index round_up(Index value, Index multiple) noexcept {
    return (value + multiple - 1) / multiple * multiple;
  }

  /// Whether rows have to be copied. Pieces of few elements are: looking them up costs more than they do.
  static bool is_staged(const WeightShape& shape) noexcept {
    return sizeof(Activation) != 1 || shape.depth % kStep != 0 || (shape.taps > 1 && shape.depth < 4 * kStep) ||
           (shape.group_size < shape.depth && shape.group_size % kStep != 0);
  }

  /// Whether K is taken in stretches that go through the cache.
  static bool in_stretches(const WeightShape& shape) noexcept {
    return shape.bits < 8 || shape.group_size != 0 || shape.taps > kTaps || is_staged(shape);
  }
  static bool is_flipped(const GemmArguments& g) noexcept { return Micro::kFlipped == g.input_type; }

  /// Calls `body(first column, lanes)` for the panels of columns [first, end): full ones, then halves of the last.
  template <class Body>
  static void for_panels(const WeightShape& shape, Index first, Index end, Body&& body) noexcept {
    end = std::min(end, shape.columns);
    for (Index lanes = Micro::kPanel / kLane; first < end; first += lanes * kLane) {
      while (lanes > (end - first + kLane - 1) / kLane) lanes /= 2;
      body(first, lanes);
    }
  }

  // ---- K

  /// Elements of K that are packed and multiplied together: with groups some whole ones, or a part of a long one.
  struct Stretch {
    Index first = 0;  ///< Element of a row, its pieces in line.
    Index elements = 0;
    Index step = 0;  ///< Where it lies among the packed steps of its column.
    Index steps = 0;
    Index group = 0;  ///< With groups: the first one, how many, and elements of each in the stretch.
    Index groups = 0;
    Index group_elements = 0;
    bool begins = true;  ///< The sums; false for a later part of a column or group.
    bool ends = true;
  };

  /// Calls `body` with all stretches in order.
  template <class Body>
  static void for_stretches(const WeightShape& shape, Body&& body) noexcept {
    const Index whole = shape.taps * shape.depth;
    const Index in_bytes = 8 / shape.bits;  // vectors of few bits come in whole bytes
    Stretch s;
    const auto emit = [&](Index groups, Index elements) {
      s.elements = groups == 0 ? elements : groups * elements;
      s.groups = groups;
      s.group_elements = elements;
      s.steps = round_up(std::max<Index>(groups, 1) * steps_of(elements), in_bytes);
      body(static_cast<const Stretch&>(s));
      s.first += s.elements;
      s.step += s.steps;
      if (s.ends) s.group += groups;
    };
    const auto emit_part = [&](Index groups, Index done, Index size, Index whole_size) {
      s.begins = done == 0;
      s.ends = done + size == whole_size;
      emit(groups, size);
    };
    if (shape.group_size == 0) {
      for (Index first = 0; first < whole;) {
        Index most = whole;
        if (is_staged(shape)) {
          most = kStretch;
        } else if (in_stretches(shape)) {  // whole pieces, or a part of one
          most = shape.depth <= kStretch ? kStretch / shape.depth * shape.depth
                                         : std::min(kStretch, shape.depth - first % shape.depth);
        }
        most = std::min(most, whole - first);
        emit_part(0, first, most, whole);
        first += most;
      }
      return;
    }
    for (Index tap = 0; tap < shape.taps; ++tap) {
      for (Index left = shape.depth; left > 0;) {
        const Index size = std::min(shape.group_size, left);
        const Index room = kStretch / round_up(size, kStep);
        const Index groups = std::clamp<Index>(room, 1, left / size);
        for (Index part = 0; part < (room == 0 ? size : 1); part += kStretch) {
          emit_part(groups, part, room == 0 ? std::min(kStretch, size - part) : size, size);
        }
        left -= groups * size;
      }
    }
  }

  static Index steps_of(Index elements) noexcept { return (elements + kStep - 1) / kStep; }

  // ---- Packed weights

  /// Bytes of a column: what its sums start from and are multiplied by, and its codes up to a step.
  static Index term_bytes(const WeightShape& shape) noexcept {
    return shape.group_size == 0 ? (kFlips ? 4 : 0) : shape.groups() * (kFlips ? 12 : 8);
  }
  static Index code_bytes(const WeightShape& shape, Index steps) noexcept { return steps * kStep * shape.bits / 8; }
  static Index column_bytes(const WeightShape& shape) noexcept {
    Index steps = 0;
    for_stretches(shape, [&](const Stretch& stretch) { steps = stretch.step + stretch.steps; });
    return term_bytes(shape) + code_bytes(shape, steps);
  }

  /// The terms of a panel, (groups, columns of the panel): multipliers, what sums of codes start from, and what sums of
  /// flipped codes start from.
  struct Terms {
    const float* multipliers = nullptr;
    const std::int32_t* starts = nullptr;
  };
  static Terms terms_of(const GemmArguments& g, const std::byte* panel, Index width) noexcept {
    const bool flipped = is_flipped(g);
    if (g.weights.group_size == 0) return {nullptr, flipped ? reinterpret_cast<const std::int32_t*>(panel) : nullptr};
    const Index slice = g.weights.groups() * width;
    const auto* terms = reinterpret_cast<const std::int32_t*>(panel);
    return {reinterpret_cast<const float*>(panel), terms + (flipped ? 2 : 1) * slice};
  }

  /// Writes the terms of a column: one word each, a row of the panel apart.
  static void pack_terms(const WeightShape& shape, const WeightValues& weights, Index column, std::byte* out,
                         Index row_bytes) noexcept {
    const auto put = [&](Index row, auto word) { std::memcpy(out + row * row_bytes, &word, sizeof(word)); };
    const Index groups = shape.groups();
    const Index whole = shape.taps * shape.depth;
    const std::int8_t* codes = weights.codes + column * whole;
    const std::int32_t flip = Micro::kFlipped == ElementType::int8 ? -128 : 128;
    for (Index group = 0; group < groups; ++group) {
      Index count = whole;
      if (shape.group_size != 0) {
        count = std::min(shape.group_size, shape.depth - group % shape.groups_per_tap() * shape.group_size);
      }
      std::int32_t sum = 0;
      for (Index k = 0; k < count; ++k) sum += codes[k];
      codes += count;
      if (shape.group_size == 0) {
        if (kFlips) put(0, flip * sum);
        continue;
      }
      const Index slice = column * groups + group;
      const std::int32_t correction = weights.corrections != nullptr ? weights.corrections[slice] : 0;
      put(group, weights.multipliers[slice]);
      put(groups + group, correction);
      if (kFlips) put(2 * groups + group, correction + flip * sum);
    }
  }

  /// Writes a column's codes of one stretch into the panel's, `column` counted from the panel's first.
  static void pack_codes(const WeightShape& shape, const std::int8_t* codes, Index column, Index width,
                         const Stretch& stretch, std::byte* out) noexcept {
    const Index planes = 8 / shape.bits;
    const auto mask = static_cast<std::uint8_t>((1U << shape.bits) - 1);
    for (Index e = 0; e < stretch.elements; ++e) {
      const Index group = e / stretch.group_elements;
      const Index within = e % stretch.group_elements;
      const Index step = group * steps_of(stretch.group_elements) + within / kStep;
      const Index vector = step * (width / kLane) + column / kLane;
      const Index byte = vector / planes * kLane * kStep + column % kLane * kStep + within % kStep;
      const auto code = static_cast<std::uint8_t>(static_cast<std::uint8_t>(codes[stretch.first + e]) & mask);
      out[byte] |= static_cast<std::byte>(code << (static_cast<int>(vector % planes) * shape.bits));
    }
  }

  // ---- Products

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
      for_tiles(g.input.rows, most, [&](Index row, Index rows) {
        tile.row = row;
        tile.rows = rows;
        find_pieces(g.input, tile.taps, row, rows, most, pieces);
        multiply_and_finish(tile);
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

  /// What stretches are multiplied from, and the sums and values that later ones go on with. About 76 KiB of stack.
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

  /// Copies the activations of a stretch: each group from a step on, zeros between (which meet weights of zero).
  static void stage(const GemmArguments& g, Index row, Index rows, const Stretch& stretch, Activation* out) noexcept {
    const bool whole = stretch.elements == g.input.taps * g.input.depth;
    if (whole && stretch.groups == 0 && g.input.offsets != nullptr && g.input.depth <= 4) {
      const bool is_signed = g.input_type == ElementType::int8 && sizeof(Activation) > 1;
      return is_signed ? stage_windows<std::int8_t>(g.input, row, rows, out)
                       : stage_windows<std::uint8_t>(g.input, row, rows, out);
    }
    const Index padded = steps_of(stretch.group_elements) * kStep;
    const bool in_line = padded == stretch.group_elements;
    const Index copies = in_line ? 1 : std::max<Index>(stretch.groups, 1);
    const Index count = stretch.elements / copies;
    for (Index r = 0; r < rows; ++r, out += kStretch) {
      for (Index copy = 0; copy < copies; ++copy) {
        Activation* to = out + copy * padded;
        if (g.input_type == ElementType::int8 && sizeof(Activation) > 1) {
          copy_elements<std::int8_t>(g.input, row + r, stretch.first + copy * count, count, to);
        } else {
          copy_elements<std::uint8_t>(g.input, row + r, stretch.first + copy * count, count, to);
        }
        if (!in_line) std::fill(to + count, to + padded, Activation{0});
      }
    }
  }

  /// Copies whole rows whose pieces have 1 to 4 elements: the first layer of images, whose products take less time than
  /// a loop over such a piece.
  template <class Code>
  static void stage_windows(const ActivationRows& input, Index row, Index rows, Activation* out) noexcept {
    const auto copy = [&](auto depth) {
      const auto* data = static_cast<const Code*>(input.data);
      const auto* padding = static_cast<const Code*>(input.padding);
      const std::int32_t* offset = input.offsets + row * input.taps;
      const Index last = (steps_of(input.taps * depth.value) - 1) * kStep;
      for (Index r = 0; r < rows; ++r, out += kStretch) {
        Activation* to = out;
        for (Index k = 0; k < kStep; ++k) to[last + k] = 0;
        for (Index tap = 0; tap < input.taps; ++tap, ++offset, to += depth.value) {
          const Code* from = *offset < 0 ? padding : data + *offset;
          for (int k = 0; k < depth.value; ++k) to[k] = static_cast<Activation>(from[k]);
        }
      }
    };
    if (input.depth == 1) return copy(std::integral_constant<int, 1>{});
    if (input.depth == 2) return copy(std::integral_constant<int, 2>{});
    if (input.depth == 3) return copy(std::integral_constant<int, 3>{});
    copy(std::integral_constant<int, 4>{});
  }

  /// Copies elements [first, first + count) of a row, its pieces in line.
  template <class Code>
  static void copy_elements(const ActivationRows& input, Index row, Index first, Index count,
                            Activation* out) noexcept {
    const auto* data = static_cast<const Code*>(input.data);
    if (input.offsets == nullptr) {
      Micro::copy(data + row * input.row_stride + first, count, out);
      return;
    }
    const std::int32_t* offsets = input.offsets + row * input.taps;
    const auto piece = [&](Index tap) {
      return offsets[tap] < 0 ? static_cast<const Code*>(input.padding) : data + offsets[tap];
    };
    if (count == input.taps * input.depth) {
      for (Index tap = 0; tap < input.taps; ++tap, out += input.depth) Micro::copy(piece(tap), input.depth, out);
      return;
    }
    while (count > 0) {
      Index tap = first / input.depth;
      const Index within = first % input.depth;
      Index length = input.depth - within;
      const Code* from = piece(tap);
      // Neighbours in an image are copied at once.
      for (; offsets[tap] >= 0 && length < count && offsets[tap + 1] == offsets[tap] + input.depth; ++tap) {
        length += input.depth;
      }
      length = std::min(length, count);
      Micro::copy(from + within, length, out);
      out += length;
      first += length;
      count -= length;
    }
  }
};

}  // namespace condense::kernels::detail

#endif
