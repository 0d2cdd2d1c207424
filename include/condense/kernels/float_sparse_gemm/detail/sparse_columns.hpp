#ifndef CONDENSE_KERNELS_FLOAT_SPARSE_GEMM_DETAIL_SPARSE_COLUMNS_HPP
#define CONDENSE_KERNELS_FLOAT_SPARSE_GEMM_DETAIL_SPARSE_COLUMNS_HPP

#include <algorithm>
#include <cstring>

#include "condense/kernels/float_sparse_gemm/float_sparse_gemm.hpp"

namespace condense::kernels::detail {

/// Sparse float weights, column by column: compressed rows, as they are called, of the transposed matrix, in blocks of
/// `kBlock` elements of K by `kColumns` columns. A weight has 4 bytes, its place in the block one.
///
/// In memory: where each block and its weights begin, those of the first columns first; then of each block the number
/// of weights of each column, the places, and the weights, each from a multiple of 64 bytes on.
struct SparseColumns {
  static constexpr Index kBlock = 128;
  static constexpr Index kColumns = 256;

  /// One block of packed weights; those of a column follow those of the one before.
  struct Block {
    const std::uint8_t* counts = nullptr;  ///< (columns)
    const std::uint8_t* places = nullptr;
    const float* weights = nullptr;
  };

  static Index extent(const FloatWeightShape& shape) noexcept { return shape.taps * shape.depth; }

  /// Blocks of one column.
  static Index blocks_of_column(const FloatWeightShape& shape) noexcept {
    return (extent(shape) + kBlock - 1) / kBlock;
  }

  static std::size_t packed_bytes(const FloatWeightShape& shape, const float* weights) noexcept {
    Index bytes = first_block(shape);
    for (Index block = 0; block < blocks(shape); ++block) {
      bytes += block_bytes(columns_of(shape, block), count_stored(shape, weights, block));
    }
    return static_cast<std::size_t>(bytes);
  }

  static void pack(const FloatWeightShape& shape, const float* weights, std::byte* packed) noexcept {
    std::memset(packed, 0, packed_bytes(shape, weights));
    Index at = first_block(shape);
    for (Index block = 0; block < blocks(shape); ++block) {
      const Index stored = count_stored(shape, weights, block);
      const Index bytes = block_bytes(columns_of(shape, block), stored);
      const Place place{at, at + bytes - round_up(stored * Index{sizeof(float)})};
      write_place(block, place, packed);
      std::byte* places = packed + at + round_up(columns_of(shape, block));
      std::byte* values = packed + place.weights;
      for_stored(shape, weights, block, [&](Index column, Index k, float weight) {
        packed[at + column] = static_cast<std::byte>(std::to_integer<int>(packed[at + column]) + 1);
        *places++ = static_cast<std::byte>(k);
        std::memcpy(values, &weight, sizeof(weight));
        values += sizeof(weight);
      });
      at += bytes;
    }
    write_place(blocks(shape), {at, at}, packed);
  }

  static bool is_packed(const FloatWeightShape& shape, const std::byte* packed, std::size_t bytes) noexcept {
    const auto size = static_cast<Index>(bytes);
    if (size < first_block(shape)) return false;
    Index at = first_block(shape);
    for (Index block = 0; block < blocks(shape); ++block) {
      const Place place = place_of(block, packed);
      const Index columns = columns_of(shape, block);
      if (place.block != at || size - at < columns) return false;
      Index stored = 0;
      for (Index column = 0; column < columns; ++column) stored += std::to_integer<Index>(packed[at + column]);
      const Index places = at + round_up(columns);
      at += block_bytes(columns, stored);
      if (at > size || place.weights != at - round_up(stored * Index{sizeof(float)})) return false;
      for (Index i = 0; i < stored; ++i) {
        if (std::to_integer<Index>(packed[places + i]) >= elements_of(shape, block)) return false;
      }
    }
    return place_of(blocks(shape), packed).block == at;
  }

  /// Block number `of_column` of some columns, which begin with a multiple of `kColumns`.
  static Block block_at(const FloatWeightShape& shape, Index column, Index of_column,
                        const std::byte* packed) noexcept {
    const Index block = column / kColumns * blocks_of_column(shape) + of_column;
    const Place place = place_of(block, packed);
    return {.counts = reinterpret_cast<const std::uint8_t*>(packed + place.block),
            .places = reinterpret_cast<const std::uint8_t*>(packed + place.block + round_up(columns_of(shape, block))),
            .weights = reinterpret_cast<const float*>(packed + place.weights)};
  }

 private:
  static constexpr Index round_up(Index bytes) noexcept { return (bytes + 63) / 64 * 64; }
  static Index first_block(const FloatWeightShape& shape) noexcept {
    return round_up((blocks(shape) + 1) * Index{sizeof(Place)});
  }
  static Index blocks(const FloatWeightShape& shape) noexcept {
    return (shape.columns + kColumns - 1) / kColumns * blocks_of_column(shape);
  }
  static Index columns_of(const FloatWeightShape& shape, Index block) noexcept {
    return std::min(kColumns, shape.columns - block / blocks_of_column(shape) * kColumns);
  }
  static Index elements_of(const FloatWeightShape& shape, Index block) noexcept {
    return std::min(kBlock, extent(shape) - block % blocks_of_column(shape) * kBlock);
  }
  static Index block_bytes(Index columns, Index stored) noexcept {
    return round_up(columns) + round_up(stored) + round_up(stored * Index{sizeof(float)});
  }

  /// Where a block and its weights begin; for the number of blocks, where the last one ends.
  struct Place {
    std::int64_t block = 0;
    std::int64_t weights = 0;
  };
  static Place place_of(Index block, const std::byte* packed) noexcept {
    Place place;
    std::memcpy(&place, packed + block * Index{sizeof(place)}, sizeof(place));
    return place;
  }
  static void write_place(Index block, const Place& place, std::byte* packed) noexcept {
    std::memcpy(packed + block * Index{sizeof(place)}, &place, sizeof(place));
  }

  /// Calls `visit(column, place, weight)` for the weights of a block that are not zero; NaN is not.
  template <class Visit>
  static void for_stored(const FloatWeightShape& shape, const float* weights, Index block, Visit&& visit) noexcept {
    const Index first = block % blocks_of_column(shape) * kBlock;
    weights += block / blocks_of_column(shape) * kColumns * extent(shape);
    for (Index column = 0; column < columns_of(shape, block); ++column) {
      const float* of_column = weights + column * extent(shape) + first;
      for (Index k = 0; k < elements_of(shape, block); ++k) {
        if (of_column[k] != 0) visit(column, k, of_column[k]);
      }
    }
  }
  static Index count_stored(const FloatWeightShape& shape, const float* weights, Index block) noexcept {
    Index stored = 0;
    for_stored(shape, weights, block, [&](auto...) { ++stored; });
    return stored;
  }
};

}  // namespace condense::kernels::detail

#endif
