#ifndef CONDENSE_KERNELS_SPARSE_GEMM_DETAIL_SPARSE_TILES_HPP
#define CONDENSE_KERNELS_SPARSE_GEMM_DETAIL_SPARSE_TILES_HPP

#include "condense/kernels/detail/rows.hpp"
#include "condense/kernels/gemm/detail/tiled.hpp"
#include "condense/kernels/sparse_gemm/detail/sparse_panels.hpp"
#include "condense/kernels/sparse_gemm/sparse_gemm.hpp"

namespace condense::kernels::detail {

/// A few rows times one panel of sparse weights.
template <class Panels>
struct SparseTile {
  const GemmArguments* product = nullptr;
  Index row = 0;  ///< The first one, and how many.
  Index rows = 0;
  typename Panels::Panel panel{};
  SparseIndices indices = SparseIndices::each;
  std::uint8_t flip = 0;                ///< What activations are to be xored with.
  const std::int32_t* start = nullptr;  ///< Where sums start; null for zeros.
  std::int32_t* sums = nullptr;         ///< (rows, columns of a panel)
};

/// The blocks of K of a tile's rows, one after the other; rows beyond the last repeat it.
template <class Panels, unsigned kHeight>
struct SparseBlocks {
  const std::uint8_t* rows[kHeight];  ///< Where the piece of each row begins, and the block in it.
  Index first = 0;

  explicit SparseBlocks(const SparseTile<Panels>& tile) noexcept
      : tile_(tile), depth_(tile.product->input.depth), taps_(tile.product->input.taps) {
    std::fill_n(rows, kHeight, static_cast<const std::uint8_t*>(tile.product->input.data));
  }

  Index count() const noexcept { return Panels::blocks(tile_.product->weights); }

  /// Goes to the next block; the number of its elements, 0 beyond the last.
  Index next() noexcept {
    if (tap_ >= 0 && first + kBlock < depth_) {
      first += kBlock;
      return depth_ - first;
    }
    if (tap_ + 1 >= taps_ || depth_ == 0) return 0;
    ++tap_;
    first = 0;
    const ActivationRows& input = tile_.product->input;
    const auto* data = static_cast<const std::uint8_t*>(input.data);
    if (input.offsets == nullptr) {
      spread_rows(data + tile_.row * input.row_stride, input.row_stride, tile_.rows, rows);
    } else {
      const auto* padding = static_cast<const std::uint8_t*>(input.padding);
      const std::int32_t* offsets = input.offsets + tile_.row * taps_ + tap_;
#pragma GCC unroll 8
      for (unsigned r = 0; r < kHeight; ++r) {
        rows[r] = *offsets < 0 ? padding : data + *offsets;
        if (Index{r} + 1 < tile_.rows) offsets += taps_;
      }
    }
    return depth_;
  }

 private:
  static constexpr Index kBlock = Panels::kBlockElements;
  const SparseTile<Panels>& tile_;
  Index depth_;
  Index taps_;
  Index tap_ = -1;
};

/// The sparse integer product by tiles of registers, the same for all instruction sets. `Micro` multiplies one tile:
///
///   using Panels;                    a `SparsePanels`
///   static constexpr Index kRows;    most rows of a tile
///   static constexpr Index kLanes;   vectors of a panel, as `GemmTile::lanes` counts them
///   static constexpr bool kFlipsSigned;  whether signed codes are flipped to unsigned ones, otherwise unsigned to
///   signed static void multiply(const SparseTile<Panels>&) noexcept;  writes the sums static void finish(const
///   GemmTile&) noexcept;              the epilogue of as many columns as a panel has
template <class Micro>
struct TiledSparseGemm : Micro::Panels {
  using Panels = typename Micro::Panels;

  static void run(const GemmArguments& g) noexcept {
    constexpr Index kColumns = Panels::kPanelColumns;
    alignas(64) std::int32_t sums[static_cast<std::size_t>(Micro::kRows * kColumns)];
    const auto indices = static_cast<SparseIndices>(Panels::header_of(g.packed_weights).indices);
    const bool flipped = g.input_type == (Micro::kFlipsSigned ? ElementType::int8 : ElementType::uint8);
    const Index most = rows_at_once(g);
    for (Index first = 0; first < g.input.rows; first += most) {
      const Index end = std::min(first + most, g.input.rows);
      for (Index panel = 0; panel < Panels::panels(g.weights); ++panel) {
        SparseTile<Panels> tile{.product = &g,
                                .panel = Panels::panel_at(g.weights, panel, g.packed_weights),
                                .indices = indices,
                                .flip = static_cast<std::uint8_t>(flipped ? 0x80 : 0),
                                .sums = sums};
        if (flipped) tile.start = Panels::flipped_starts(g.packed_weights) + panel * kColumns;
        for (tile.row = first; tile.row < end; tile.row += tile.rows) {
          tile.rows = std::min(Micro::kRows, end - tile.row);
          Micro::multiply(tile);
          GemmTile done;
          done.product = &g;
          done.row = tile.row;
          done.rows = tile.rows;
          done.column = panel * kColumns;
          done.lanes = Micro::kLanes;
          done.sums = sums;
          done.stride = kColumns;
          Micro::finish(done);
        }
      }
    }
  }

 private:
  static constexpr Index kNear = 24 * 1024;  ///< Bytes of activations that the first-level cache keeps beside weights.
  static constexpr Index kFarWeights = 1 << 19;  ///< Bytes of weights that come from beyond the second-level cache.

  /// Rows that meet all panels while they are near; where weights are far, they are read once for all rows.
  static Index rows_at_once(const GemmArguments& g) noexcept {
    if (Panels::size_of(g.weights, g.packed_weights) > kFarWeights) return std::max<Index>(g.input.rows, 1);
    const Index row = std::max<Index>(g.input.taps * g.input.depth, 1);
    return std::max<Index>(2, kNear / row / Micro::kRows) * Micro::kRows;
  }
};

}  // namespace condense::kernels::detail

#endif
