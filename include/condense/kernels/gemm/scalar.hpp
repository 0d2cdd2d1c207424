#ifndef CONDENSE_KERNELS_GEMM_SCALAR_HPP
#define CONDENSE_KERNELS_GEMM_SCALAR_HPP

#include <algorithm>
#include <cmath>
#include <cstring>

#include "condense/core/packing.hpp"
#include "condense/core/rounding.hpp"
#include "condense/core/wrapping.hpp"
#include "condense/kernels/gemm/gemm.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// The definition of the integer product: plain loops, which a compiler turns into widening products of 16 bits.
///
/// Codes that share a sum, those of a column or of one of its groups, are a run. Weights are row-major, packed low bits
/// first, and every run starts on a byte. A tile of rows and columns walks along a run in blocks: the weights of a
/// block are unpacked once for all rows of the tile, the activations once for all its columns, both to 16 bits.
template <>
struct Gemm<simd::Scalar> {
  static std::size_t packed_bytes(const WeightShape& shape) noexcept {
    return terms_bytes(shape) + static_cast<std::size_t>(shape.columns) * column_bytes(shape);
  }

  static void pack(const WeightShape& shape, const WeightValues& weights, std::byte* packed) noexcept {
    std::memset(packed, 0, packed_bytes(shape));
    std::byte* terms_at = packed;
    packed += terms_bytes(shape);
    const auto mask = static_cast<std::uint8_t>((1U << shape.bits) - 1);
    const Index codes_per_byte = 8 / shape.bits;
    for (Index column = 0; column < shape.columns; ++column) {
      for_runs(shape, [&](Index index, Index first, Index count, std::size_t) {
        const std::int8_t* codes = weights.codes + column * shape.taps * shape.depth + first;
        const Index slice = column * shape.groups() + index;
        RunTerms terms;
        if (shape.has_zero_points) terms.zero_point = weights.zero_points[slice];
        if (shape.group_size != 0) terms.multiplier = weights.multipliers[slice];
        for (Index k = 0; k < count; ++k) terms.sum += codes[k] - terms.zero_point;
        if (terms_bytes(shape) > 0) std::memcpy(terms_at + slice * Index{sizeof(terms)}, &terms, sizeof(terms));
        for (Index k = 0; k < count; ++k) {
          const auto code = static_cast<std::uint8_t>(static_cast<std::uint8_t>(codes[k]) & mask);
          packed[k / codes_per_byte] |=
              static_cast<std::byte>(code << (static_cast<int>(k % codes_per_byte) * shape.bits));
        }
        packed += run_bytes(count, shape.bits);
      });
    }
  }

  static void run(const GemmArguments& arguments) noexcept {
    if (arguments.input_type == ElementType::int8) {
      run_for<std::int8_t>(arguments);
    } else {
      run_for<std::uint8_t>(arguments);
    }
  }

 private:
  static constexpr Index kTileRows = 32;
  static constexpr Index kTileColumns = 16;
  static constexpr Index kBlock = 256;  ///< Elements of a run at a time: the unpacked weights of a tile take 8 KiB.
  static constexpr Index kStep = 16;    ///< Blocks are filled up with zeros to a multiple of this.

  /// What goes with a run of codes in groups or with zero points; those of all runs lie before the codes.
  struct RunTerms {
    float multiplier = 1;
    std::int32_t sum = 0;  ///< Of the weights.
    std::int32_t zero_point = 0;
  };

  static std::size_t terms_bytes(const WeightShape& shape) noexcept {
    if (shape.group_size == 0 && !shape.has_zero_points) return 0;
    return sizeof(RunTerms) * static_cast<std::size_t>(shape.columns * shape.groups());
  }
  static RunTerms terms_of(const GemmArguments& g, Index column, Index run) noexcept {
    RunTerms terms;
    if (terms_bytes(g.weights) == 0) return terms;
    const Index slice = column * g.weights.groups() + run;
    std::memcpy(&terms, g.packed_weights + slice * Index{sizeof(terms)}, sizeof(terms));
    return terms;
  }

  /// Sums of a tile, and what a block of it multiplies.
  struct Tile {
    std::int32_t sums[kTileRows][kTileColumns];
    float values[kTileRows][kTileColumns];  ///< With groups: what those so far add up to.
    std::int16_t weights[kTileColumns][kBlock];
    std::int16_t activations[2][kBlock];
  };

  static std::size_t run_bytes(Index count, int bits) noexcept {
    return condense::packed_bytes(static_cast<std::size_t>(count), bits);
  }

  /// Calls `body(index, first, count, offset)` for the runs of a column: elements [first, first + count), which are
  /// packed `offset` bytes from the column's start.
  template <class Body>
  static void for_runs(const WeightShape& shape, Body&& body) noexcept {
    const Index whole = shape.taps * shape.depth;
    if (shape.group_size == 0) return body(Index{0}, Index{0}, whole, std::size_t{0});
    Index index = 0;
    std::size_t offset = 0;
    for (Index piece = 0; piece < whole; piece += shape.depth) {
      for (Index first = 0; first < shape.depth; first += shape.group_size) {
        const Index count = std::min(shape.group_size, shape.depth - first);
        body(index++, piece + first, count, offset);
        offset += run_bytes(count, shape.bits);
      }
    }
  }

  static std::size_t column_bytes(const WeightShape& shape) noexcept {
    std::size_t bytes = 0;
    for_runs(shape, [&](Index, Index, Index count, std::size_t) { bytes += run_bytes(count, shape.bits); });
    return bytes;
  }

  /// Unpacks `count` codes of `Bits` bits and takes the zero point from them; zeros follow up to a multiple of `kStep`.
  template <int Bits>
  static void unpack(const std::byte* packed, Index count, std::int32_t zero_point, std::int16_t* out) noexcept {
    constexpr Index kCodes = 8 / Bits;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(packed);
    for (Index i = 0; i < (count + kCodes - 1) / kCodes; ++i) {
      for (Index j = 0; j < kCodes; ++j) {
        const auto raised = static_cast<std::int16_t>(static_cast<std::uint16_t>(bytes[i] << (16 - Bits - Bits * j)));
        out[i * kCodes + j] = static_cast<std::int16_t>(raised >> (16 - Bits));
      }
    }
    const auto zero = static_cast<std::int8_t>(zero_point);  // that of changed weights may be any number
    if (zero != 0) {
      for (Index i = 0; i < count; ++i) out[i] = static_cast<std::int16_t>(out[i] - zero);
    }
    std::fill(out + count, out + (count + kStep - 1) / kStep * kStep, std::int16_t{0});
  }

  /// Elements [first, first + count) of a row, across its pieces; zeros follow up to a multiple of `kStep`.
  template <class Activation>
  static void widen(const ActivationRows& input, Index row, Index first, Index count, std::int16_t* out) noexcept {
    const auto* data = static_cast<const Activation*>(input.data);
    const Index end = (count + kStep - 1) / kStep * kStep;
    std::fill(out + count, out + end, std::int16_t{0});
    while (count > 0) {
      const Index tap = first / input.depth;
      const Index within = first % input.depth;
      const Index piece = std::min(count, input.depth - within);
      const Activation* a = data + row * input.row_stride;
      if (input.offsets != nullptr) {
        const std::int32_t offset = input.offsets[row * input.taps + tap];
        a = offset < 0 ? static_cast<const Activation*>(input.padding) : data + offset;
      }
      for (Index k = 0; k < piece; ++k) out[k] = a[within + k];
      out += piece;
      first += piece;
      count -= piece;
    }
  }

  /// Adds the products of `Rows` rows and two columns over `count` elements, a multiple of `kStep`, to their sums.
  template <Index Rows>
  static void add_products(Tile& tile, Index row, Index column, Index count) noexcept {
    const std::int16_t* a0 = tile.activations[0];
    const std::int16_t* a1 = tile.activations[Rows - 1];
    const std::int16_t* w0 = tile.weights[column];
    const std::int16_t* w1 = tile.weights[column + 1];
    std::int32_t s00 = 0;
    std::int32_t s01 = 0;
    std::int32_t s10 = 0;
    std::int32_t s11 = 0;
    for (Index k = 0; k < count; ++k) {
      s00 += std::int32_t{a0[k]} * std::int32_t{w0[k]};
      s01 += std::int32_t{a0[k]} * std::int32_t{w1[k]};
      if constexpr (Rows == 2) {
        s10 += std::int32_t{a1[k]} * std::int32_t{w0[k]};
        s11 += std::int32_t{a1[k]} * std::int32_t{w1[k]};
      }
    }
    const auto add_to = [](std::int32_t& sum, std::int32_t term) { sum = wrapping_sum(sum, term); };
    add_to(tile.sums[row][column], s00);
    add_to(tile.sums[row][column + 1], s01);
    if constexpr (Rows == 2) {
      add_to(tile.sums[row + 1][column], s10);
      add_to(tile.sums[row + 1][column + 1], s11);
    }
  }

  template <class Activation>
  static void run_for(const GemmArguments& g) noexcept {
    Tile tile;
    for (Index row = 0; row < g.input.rows; row += kTileRows) {
      for (Index column = 0; column < g.weights.columns; column += kTileColumns) {
        run_tile<Activation>(g, row, std::min(kTileRows, g.input.rows - row), column,
                             std::min(kTileColumns, g.weights.columns - column), tile);
      }
    }
  }

  template <class Activation>
  static void run_tile(const GemmArguments& g, Index row, Index rows, Index column, Index columns,
                       Tile& tile) noexcept {
    const WeightShape& shape = g.weights;
    const std::size_t stride = column_bytes(shape);
    const bool grouped = shape.group_size != 0;
    const std::byte* packed = g.packed_weights + terms_bytes(shape) + static_cast<std::size_t>(column) * stride;
    for (Index r = 0; r < rows; ++r) {
      std::fill_n(tile.sums[r], kTileColumns, 0);
      if (!grouped) continue;
      for (Index c = 0; c < columns; ++c) {
        tile.values[r][c] = g.epilogue.row_scales != nullptr ? 0.0F : g.epilogue.float_bias[column + c];
      }
    }
    for_runs(shape, [&](Index index, Index first, Index count, std::size_t offset) {
      for (Index k = 0; k < count; k += kBlock) {
        const Index block = std::min(kBlock, count - k);
        for (Index c = 0; c < columns + columns % 2; ++c) {  // an odd last column is computed twice
          const Index source = std::min(c, columns - 1);
          const std::byte* run = packed + static_cast<std::size_t>(source) * stride + offset + run_bytes(k, shape.bits);
          const std::int32_t zero_point = terms_of(g, column + source, index).zero_point;
          if (shape.bits == 8) unpack<8>(run, block, zero_point, tile.weights[c]);
          if (shape.bits == 4) unpack<4>(run, block, zero_point, tile.weights[c]);
          if (shape.bits == 2) unpack<2>(run, block, zero_point, tile.weights[c]);
        }
        add_block<Activation>(g.input, row, rows, columns, first + k, block, tile);
      }
      if (!grouped) return;
      for (Index c = 0; c < columns; ++c) {
        const RunTerms terms = terms_of(g, column + c, index);
        for (Index r = 0; r < rows; ++r) {
          const std::int32_t shift = wrapping_product(g.epilogue.input_zero_point, terms.sum);
          const std::int32_t sum = wrapping_difference(tile.sums[r][c], shift);
          tile.values[r][c] = std::fma(static_cast<float>(sum), terms.multiplier, tile.values[r][c]);
          tile.sums[r][c] = 0;
        }
      }
    });
    for (Index r = 0; r < rows; ++r) {
      for (Index c = 0; c < columns; ++c) {
        const Index index = (row + r) * g.output_stride + column + c;
        if (g.output_type == ElementType::int32) {
          static_cast<std::int32_t*>(g.output)[index] = wrapping_sum(tile.sums[r][c], g.epilogue.bias[column + c]);
        } else {
          store(g, index,
                grouped ? finished(g.epilogue, row + r, column + c, tile.values[r][c])
                        : scaled(g.epilogue, row + r, column + c, tile.sums[r][c]));
        }
      }
    }
  }

  /// The real value of a sum.
  static float scaled(const GemmEpilogue& e, Index row, Index column, std::int32_t sum) noexcept {
    if (e.row_scales == nullptr) {
      return static_cast<float>(wrapping_sum(sum, e.bias[column])) * e.multipliers[column];
    }
    const std::int32_t shift =
        e.row_zero_points != nullptr ? wrapping_product(e.row_zero_points[row], e.column_sums[column]) : 0;
    return std::fma(static_cast<float>(wrapping_difference(sum, shift)), e.row_scales[row] * e.multipliers[column],
                    e.float_bias[column]);
  }

  /// The real value of what the groups add up to.
  static float finished(const GemmEpilogue& e, Index row, Index column, float value) noexcept {
    return e.row_scales == nullptr ? value : std::fma(value, e.row_scales[row], e.float_bias[column]);
  }

  /// The products of one block, for two rows at a time.
  template <class Activation>
  static void add_block(const ActivationRows& input, Index row, Index rows, Index columns, Index first, Index count,
                        Tile& tile) noexcept {
    const Index filled = (count + kStep - 1) / kStep * kStep;
    for (Index r = 0; r < rows; r += 2) {
      widen<Activation>(input, row + r, first, count, tile.activations[0]);
      if (r + 1 < rows) {
        widen<Activation>(input, row + r + 1, first, count, tile.activations[1]);
        for (Index c = 0; c < columns; c += 2) add_products<2>(tile, r, c, filled);
      } else {
        for (Index c = 0; c < columns; c += 2) add_products<1>(tile, r, c, filled);
      }
    }
  }

  static void store(const GemmArguments& g, Index index, float value) noexcept {
    const GemmEpilogue& e = g.epilogue;
    if (g.output_type == ElementType::float32) {
      static_cast<float*>(g.output)[index] = std::min(std::max(value, e.low), e.high);
    } else {
      const std::int32_t code = round_to_code(value, e.zero_point, e.lowest, e.highest);
      static_cast<std::uint8_t*>(g.output)[index] = static_cast<std::uint8_t>(code);
    }
  }
};

}  // namespace condense::kernels

#endif
