#ifndef CONDENSE_KERNELS_SPARSE_GEMM_DETAIL_SPARSE_PANELS_HPP
#define CONDENSE_KERNELS_SPARSE_GEMM_DETAIL_SPARSE_PANELS_HPP

#include <algorithm>
#include <cstring>
#include <limits>

#include "condense/kernels/gemm/gemm.hpp"

namespace condense::kernels::detail {

/// How the steps of packed sparse weights say which activations they meet.
enum class SparseIndices : std::uint32_t {
  each,    ///< A byte for each weight.
  shared,  ///< A byte for each of the weights of a column: those of all columns of a step meet the same activations.
  two_of_four,  ///< 2 bits for each weight: every aligned 4 elements of a column have at most 2.
  one_of_four,  ///< The same with 1.
};

/// Sparse weights for an instruction that permutes activations in a register.
///
/// K is cut into blocks of `kBlock` elements that no piece of a row ends within, but for the last block of a piece. A
/// register, or two where `kLooksAhead`, holds one block of a row and the one behind it: the even block in the lower
/// half of what indices count, the odd one in the upper half. A step takes `kElements` weights of each of `kColumns`
/// columns, a lane of the vector for each column, from anywhere in the two blocks; a permutation brings each weight the
/// activation that it meets, and the sums of products of a lane are the column's. Before the first block is left, as
/// many steps are made as the column with most weights in it needs; the others use theirs for what they have in the
/// next block. Of 90 % zeros at random 16 columns of 4 elements, blocks of 64, need 2.2 steps a block of the 16 that a
/// dense product has, where 1.6 would do if all columns were equally full; without looking ahead it were 2.9.
///
/// In memory: a `Header`; where sums start if activations are flipped, `kStart` times the sum of each column's weights;
/// where each panel of columns and its weights begin; then of each panel the number of steps of each block, the
/// indices, and the weights, each from a multiple of 64 bytes on.
template <Index kColumns, Index kElements, Index kBlock, bool kLooksAhead, bool kHasPatterns, int kStart = -128>
struct SparsePanels {
  static constexpr Index kPanelColumns = kColumns;
  static constexpr Index kBlockElements = kBlock;
  static constexpr Index kStepWeights = kColumns * kElements;
  static_assert((kLooksAhead ? 2 * kBlock : kBlock) <= 256);

  /// Tells apart what different instruction sets pack.
  static constexpr auto kForm =
      static_cast<std::uint32_t>(kColumns | kElements << 8 | kBlock << 16 | (kLooksAhead ? 1 : 0) << 30);

  struct Header {
    std::uint32_t indices = 0;  ///< A `SparseIndices`.
    std::uint32_t panels = 0;
    std::uint32_t blocks = 0;  ///< Of each panel.
    std::uint32_t form = kForm;
  };

  /// One panel of packed weights.
  struct Panel {
    const std::uint8_t* steps = nullptr;  ///< (blocks)
    const std::uint8_t* indices = nullptr;
    const std::int8_t* weights = nullptr;  ///< (steps, columns, kElements)
  };

  static Index blocks_of_piece(const WeightShape& shape) noexcept { return (shape.depth + kBlock - 1) / kBlock; }
  static Index blocks(const WeightShape& shape) noexcept { return shape.taps * blocks_of_piece(shape); }
  static Index panels(const WeightShape& shape) noexcept { return (shape.columns + kColumns - 1) / kColumns; }

  /// Bytes of the indices of a step.
  static constexpr Index index_bytes(SparseIndices indices) noexcept {
    switch (indices) {
      case SparseIndices::each: return kStepWeights;
      case SparseIndices::shared: return kElements;
      default: return kStepWeights / 4;
    }
  }

  static std::size_t packed_bytes(const WeightShape& shape, const std::int8_t* codes) noexcept {
    const SparseIndices indices = best_indices(shape, codes);
    Index bytes = first_panel(shape);
    for (Index panel = 0; panel < panels(shape); ++panel) {
      bytes += panel_bytes(shape, indices, count_steps(shape, codes, panel, indices));
    }
    return static_cast<std::size_t>(bytes);
  }

  static void pack(const WeightShape& shape, const std::int8_t* codes, std::byte* packed) noexcept {
    const SparseIndices indices = best_indices(shape, codes);
    std::memset(packed, 0, static_cast<std::size_t>(first_panel(shape)));
    const Header header{static_cast<std::uint32_t>(indices), static_cast<std::uint32_t>(panels(shape)),
                        static_cast<std::uint32_t>(blocks(shape))};
    std::memcpy(packed, &header, sizeof(header));
    const Index extent = shape.taps * shape.depth;
    for (Index column = 0; column < shape.columns; ++column) {
      std::int32_t sum = 0;
      for (Index k = 0; k < extent; ++k) sum += codes[column * extent + k];
      const std::int32_t start = kStart * sum;
      std::memcpy(packed + starts_at() + column * Index{sizeof(start)}, &start, sizeof(start));
    }
    Index at = first_panel(shape);
    for (Index panel = 0; panel < panels(shape); ++panel) {
      const Index steps = count_steps(shape, codes, panel, indices);
      const Index bytes = panel_bytes(shape, indices, steps);
      write_place(shape, panel, {at, at + bytes - round_up(steps * kStepWeights)}, packed);
      std::memset(packed + at, 0, static_cast<std::size_t>(bytes));
      write_panel(shape, codes, panel, indices, packed + at);
      at += bytes;
    }
    write_place(shape, panels(shape), {at, at}, packed);
  }

  /// Indices need no test: whatever they are, a permutation finds something in its registers.
  static bool is_packed(const WeightShape& shape, const std::byte* packed, std::size_t bytes) noexcept {
    const Index size = static_cast<Index>(std::min<std::size_t>(bytes, std::numeric_limits<Index>::max()));
    if (size < first_panel(shape)) return false;
    const Header header = header_of(packed);
    const bool exists = header.indices == 0 || (kHasPatterns && header.indices < 4);
    if (!exists || header.form != kForm) return false;
    if (Index{header.panels} != panels(shape) || Index{header.blocks} != blocks(shape)) return false;
    const auto indices = static_cast<SparseIndices>(header.indices);
    Index at = first_panel(shape);
    for (Index panel = 0; panel < panels(shape); ++panel) {
      const Place place = place_of(shape, panel, packed);
      if (place.panel != at || size - at < blocks(shape)) return false;
      Index steps = 0;
      for (Index block = 0; block < blocks(shape); ++block) steps += std::to_integer<Index>(packed[at + block]);
      at += panel_bytes(shape, indices, steps);
      if (at > size || place.weights != at - round_up(steps * kStepWeights)) return false;
    }
    return place_of(shape, panels(shape), packed).panel == at;
  }

  static Header header_of(const std::byte* packed) noexcept {
    Header header;
    std::memcpy(&header, packed, sizeof(header));
    return header;
  }

  /// Where the sums of flipped activations start, for whole panels.
  static const std::int32_t* flipped_starts(const std::byte* packed) noexcept {
    return reinterpret_cast<const std::int32_t*>(packed + starts_at());
  }

  /// Bytes of packed weights.
  static Index size_of(const WeightShape& shape, const std::byte* packed) noexcept {
    return place_of(shape, panels(shape), packed).panel;
  }

  static Panel panel_at(const WeightShape& shape, Index panel, const std::byte* packed) noexcept {
    const Place place = place_of(shape, panel, packed);
    return {.steps = reinterpret_cast<const std::uint8_t*>(packed + place.panel),
            .indices = reinterpret_cast<const std::uint8_t*>(packed + place.panel + round_up(blocks(shape))),
            .weights = reinterpret_cast<const std::int8_t*>(packed + place.weights)};
  }

 private:
  static constexpr Index round_up(Index bytes) noexcept { return (bytes + 63) / 64 * 64; }
  static constexpr Index starts_at() noexcept { return round_up(sizeof(Header)); }
  static Index positions_at(const WeightShape& shape) noexcept {
    return starts_at() + round_up(panels(shape) * kColumns * Index{sizeof(std::int32_t)});
  }
  static Index first_panel(const WeightShape& shape) noexcept {
    return positions_at(shape) + round_up((panels(shape) + 1) * Index{sizeof(Place)});
  }
  static Index panel_bytes(const WeightShape& shape, SparseIndices indices, Index steps) noexcept {
    return round_up(blocks(shape)) + round_up(steps * index_bytes(indices)) + round_up(steps * kStepWeights);
  }

  /// Where a panel and its weights begin; for the number of panels, where the last one ends.
  struct Place {
    std::int64_t panel = 0;
    std::int64_t weights = 0;
  };
  static Place place_of(const WeightShape& shape, Index panel, const std::byte* packed) noexcept {
    Place place;
    std::memcpy(&place, packed + positions_at(shape) + panel * Index{sizeof(place)}, sizeof(place));
    return place;
  }
  static void write_place(const WeightShape& shape, Index panel, const Place& place, std::byte* packed) noexcept {
    std::memcpy(packed + positions_at(shape) + panel * Index{sizeof(place)}, &place, sizeof(place));
  }

  /// The weights of a panel; zero beyond the last column.
  struct PanelCodes {
    const std::int8_t* codes;
    Index extent;
    Index columns;

    PanelCodes(const WeightShape& shape, const std::int8_t* all, Index panel) noexcept
        : codes(all + panel * kColumns * shape.taps * shape.depth),
          extent(shape.taps * shape.depth),
          columns(std::min(kColumns, shape.columns - panel * kColumns)) {}

    std::int8_t at(Index column, Index k) const noexcept {
      return column < columns ? codes[column * extent + k] : std::int8_t{0};
    }
    bool has_any(Index k) const noexcept {
      for (Index column = 0; column < columns; ++column) {
        if (at(column, k) != 0) return true;
      }
      return false;
    }
  };

  /// Calls `visit(block, step of the block, lane, element, k, index)` for each weight of a panel that is stored, and
  /// `count(block, steps)` before those of each block. Shared indices have one lane, which stands for all.
  template <class Count, class Visit>
  static void walk(const WeightShape& shape, const PanelCodes& panel, SparseIndices indices, Count&& count,
                   Visit&& visit) noexcept {
    if (indices == SparseIndices::two_of_four || indices == SparseIndices::one_of_four) {
      return walk_pattern(shape, panel, indices == SparseIndices::two_of_four ? 2 : 1, count, visit);
    }
    const bool shares = indices == SparseIndices::shared;
    const Index lanes = shares ? 1 : kColumns;
    const auto is_stored = [&](Index lane, Index k) { return shares ? panel.has_any(k) : panel.at(lane, k) != 0; };
    const Index of_piece = blocks_of_piece(shape);
    const auto end_of = [&](Index block) {
      return block / of_piece * shape.depth + std::min(shape.depth, (block % of_piece + 1) * kBlock);
    };
    Index next[static_cast<std::size_t>(kColumns)] = {};  // of each lane, what is not stored yet
    Index first = 0;                                      // of the block
    for (Index block = 0; block < blocks(shape); ++block) {
      const Index end = end_of(block);
      const Index reach = kLooksAhead && block + 1 < blocks(shape) ? end_of(block + 1) : end;
      Index most = 0;
      for (Index lane = 0; lane < lanes; ++lane) {
        next[lane] = std::max(next[lane], first);
        Index stored = 0;
        for (Index k = next[lane]; k < end; ++k) stored += is_stored(lane, k) ? 1 : 0;
        most = std::max(most, stored);
      }
      const Index steps = (most + kElements - 1) / kElements;
      count(block, steps);
      for (Index lane = 0; lane < lanes && steps > 0; ++lane) {
        for (Index slot = 0; slot < steps * kElements && next[lane] < reach; ++next[lane]) {
          const Index k = next[lane];
          if (!is_stored(lane, k)) continue;
          const bool ahead = k >= end;
          const Index half = kLooksAhead ? (block + (ahead ? 1 : 0)) % 2 : 0;
          visit(block, slot / kElements, lane, slot % kElements, k, half * kBlock + (k - (ahead ? end : first)));
          ++slot;
        }
      }
      first = end;
    }
  }

  /// Of the weights of patterns, which steps take where they are: `kept` of each 4 elements.
  template <class Count, class Visit>
  static void walk_pattern(const WeightShape& shape, const PanelCodes& panel, Index kept, Count&& count,
                           Visit&& visit) noexcept {
    const Index of_step = kElements / kept * 4;  // elements of K
    for (Index tap = 0, block = 0; tap < shape.taps; ++tap) {
      for (Index first = 0; first < shape.depth; first += kBlock, ++block) {
        const Index elements = std::min(kBlock, shape.depth - first);
        count(block, (elements + of_step - 1) / of_step);
        for (Index lane = 0; lane < kColumns; ++lane) {
          for (Index four = 0; four < elements; four += 4) {
            Index element = four % of_step / 4 * kept;
            for (Index k = four; k < std::min(four + 4, elements); ++k) {
              const Index of_column = tap * shape.depth + first + k;
              if (panel.at(lane, of_column) == 0) continue;
              visit(block, four / of_step, lane, element++, of_column, k % 4);
            }
          }
        }
      }
    }
  }

  static bool has_pattern(const WeightShape& shape, const std::int8_t* codes, Index kept) noexcept {
    const Index pieces = shape.columns * shape.taps;
    for (Index piece = 0; piece < pieces; ++piece, codes += shape.depth) {
      for (Index four = 0; four < shape.depth; four += 4) {
        Index stored = 0;
        for (Index k = four; k < std::min(four + 4, shape.depth); ++k) stored += codes[k] != 0 ? 1 : 0;
        if (stored > kept) return false;
      }
    }
    return true;
  }

  static Index count_steps(const WeightShape& shape, const std::int8_t* codes, Index panel,
                           SparseIndices indices) noexcept {
    Index steps = 0;
    walk(
        shape, PanelCodes(shape, codes, panel), indices, [&](Index, Index of_block) { steps += of_block; },
        [](auto...) {});
    return steps;
  }
  static Index count_steps(const WeightShape& shape, const std::int8_t* codes, SparseIndices indices) noexcept {
    Index steps = 0;
    for (Index panel = 0; panel < panels(shape); ++panel) steps += count_steps(shape, codes, panel, indices);
    return steps;
  }

  /// Those with the fewest steps, and of about as many the shortest.
  static SparseIndices best_indices(const WeightShape& shape, const std::int8_t* codes) noexcept {
    if constexpr (!kHasPatterns) return SparseIndices::each;
    const auto score = [&](SparseIndices indices) {  // a step takes about twice as long as reading 64 bytes of indices
      return count_steps(shape, codes, indices) * (4 * kStepWeights + index_bytes(indices));
    };
    SparseIndices best = SparseIndices::each;
    Index least = score(best);
    const auto consider = [&](SparseIndices indices) {
      const Index of_these = score(indices);
      if (of_these >= least) return;
      best = indices;
      least = of_these;
    };
    consider(SparseIndices::shared);
    if (has_pattern(shape, codes, 2)) consider(SparseIndices::two_of_four);
    if (has_pattern(shape, codes, 1)) consider(SparseIndices::one_of_four);
    return best;
  }

  static void write_panel(const WeightShape& shape, const std::int8_t* codes, Index number, SparseIndices indices,
                          std::byte* out) noexcept {
    const PanelCodes panel(shape, codes, number);
    const Index steps = count_steps(shape, codes, number, indices);
    std::byte* index_out = out + round_up(blocks(shape));
    std::byte* weight_out = index_out + round_up(steps * index_bytes(indices));
    Index before = 0;  // steps of earlier blocks
    Index of_block = 0;
    const auto count = [&](Index block, Index steps_of_block) {
      before += of_block;
      of_block = steps_of_block;
      out[block] = static_cast<std::byte>(steps_of_block);
    };
    const auto store = [&](Index, Index step, Index lane, Index element, Index k, Index index) {
      const Index at = before + step;
      std::byte* weights = weight_out + at * kStepWeights;
      switch (indices) {
        case SparseIndices::shared:
          index_out[at * kElements + element] = static_cast<std::byte>(index);
          for (Index column = 0; column < kColumns; ++column) {
            weights[column * kElements + element] = static_cast<std::byte>(panel.at(column, k));
          }
          return;
        case SparseIndices::each:
          index_out[at * kStepWeights + lane * kElements + element] = static_cast<std::byte>(index);
          break;
        default: index_out[at * kColumns + lane] |= static_cast<std::byte>(index << (2 * element));
      }
      weights[lane * kElements + element] = static_cast<std::byte>(panel.at(lane, k));
    };
    walk(shape, panel, indices, count, store);
  }
};

}  // namespace condense::kernels::detail

#endif
