#ifndef CONDENSE_KERNELS_FLOAT_SPARSE_GEMM_DETAIL_SPARSE_ROWS_HPP
#define CONDENSE_KERNELS_FLOAT_SPARSE_GEMM_DETAIL_SPARSE_ROWS_HPP

#include "condense/kernels/float_sparse_gemm/detail/sparse_columns.hpp"

namespace condense::kernels::detail {

/// Sparse float products after Elsen, Dukhan, Gale and Simonyan, "Fast Sparse ConvNets" (CVPR 2020), section 3: a
/// weight is broadcast to a vector of positions, here rows, so that nothing depends on where the zeros are but which
/// vectors are loaded. A block of K of a tile of rows is transposed into the first-level cache, where all columns use
/// it; sums, of up to `kColumns` columns by a tile of rows, wait in the second-level one. `Micro` has
///
///   static constexpr Index kLane;     rows of a vector
///   static constexpr Index kVectors;  most vectors of a tile, a power of two
///   static void transpose(const float* const* rows, Index count, float* out, Index stride) noexcept;
///                                     out[k * stride + r] = rows[r][k] for k below count, of kLane rows
///   template <unsigned kVectors>
///   static void multiply(const float* activations, const SparseColumns::Block&, Index columns, float* sums) noexcept;
///                                     adds to the sums of kVectors vectors for each column
///   static void finish(const float* sums, Index stride, Index columns, Index rows, const FloatGemmArguments&,
///                      Index row, Index column) noexcept;
template <class Micro>
struct SparseFloatRows : SparseColumns {
  static void run(const FloatGemmArguments& g) noexcept {
    alignas(64) Scratch scratch;
    for (Index column = 0; column < g.weights.columns; column += kColumns) {
      const Index columns = std::min(kColumns, g.weights.columns - column);
      for (Index row = 0; row < g.input.rows; row += kRows) {
        const Index rows = std::min(kRows, g.input.rows - row);
        run_tile<Micro::kVectors>(g, {row, rows, column, columns}, scratch);
      }
    }
  }

 private:
  static constexpr Index kLane = Micro::kLane;
  static constexpr Index kRows = kLane * Micro::kVectors;

  /// 100 KiB of stack with AVX-512, elsewhere half of it.
  struct Scratch {
    alignas(64) float activations[static_cast<std::size_t>(kBlock * kRows)];  // (elements of K, rows)
    alignas(64) float sums[static_cast<std::size_t>(kColumns * kRows)];       // (columns, rows)
    float joined[static_cast<std::size_t>(kLane * kBlock)];
  };

  struct Tile {
    Index row;
    Index rows;
    Index column;
    Index columns;
  };

  /// With as few vectors as there have to be.
  template <Index kVectors>
  static void run_tile(const FloatGemmArguments& g, const Tile& tile, Scratch& scratch) noexcept {
    if constexpr (kVectors > 1) {
      if (tile.rows <= kVectors / 2 * kLane) return run_tile<kVectors / 2>(g, tile, scratch);
    }
    constexpr Index kStride = kVectors * kLane;
    for (Index i = 0; i < tile.columns; ++i) {
      std::fill_n(scratch.sums + i * kStride, kStride, g.bias[tile.column + i]);
    }
    for (Index block = 0; block < blocks_of_column(g.weights); ++block) {
      stage(g, tile.row, tile.rows, block * kBlock, kStride, scratch);
      Micro::template multiply<static_cast<unsigned>(kVectors)>(
          scratch.activations, block_at(g.weights, tile.column, block, g.packed_weights), tile.columns, scratch.sums);
    }
    Micro::finish(scratch.sums, kStride, tile.columns, tile.rows, g, tile.row, tile.column);
  }

  /// Transposes the elements of K from `first` on of some rows; vectors are filled by repeating the last row.
  static void stage(const FloatGemmArguments& g, Index row, Index rows, Index first, Index stride,
                    Scratch& scratch) noexcept {
    const ActivationRows& input = g.input;
    const Index count = std::min(kBlock, input.taps * input.depth - first);
    const auto* data = static_cast<const float*>(input.data);
    const auto* padding = static_cast<const float*>(input.padding);
    const auto piece = [&](Index r, Index tap) {
      if (input.offsets == nullptr) return data + r * input.row_stride;
      const std::int32_t offset = input.offsets[r * input.taps + tap];
      return offset < 0 ? padding : data + offset;
    };
    for (Index vector = 0; vector < rows; vector += kLane) {
      const float* from[static_cast<std::size_t>(kLane)];
      for (Index r = 0; r < kLane; ++r) {
        const Index at = row + std::min(vector + r, rows - 1);
        const Index tap = first / input.depth;
        if (first + count <= (tap + 1) * input.depth) {
          from[r] = piece(at, tap) + (first - tap * input.depth);
          continue;
        }
        float* joined = scratch.joined + r * kBlock;
        for (Index k = first; k < first + count;) {
          const Index of_piece = k % input.depth;
          const Index length = std::min(input.depth - of_piece, first + count - k);
          std::copy_n(piece(at, k / input.depth) + of_piece, length, joined + (k - first));
          k += length;
        }
        from[r] = joined;
      }
      Micro::transpose(from, count, scratch.activations + vector, stride);
    }
  }
};

}  // namespace condense::kernels::detail

#endif
