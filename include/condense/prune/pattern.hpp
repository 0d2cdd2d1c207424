#ifndef CONDENSE_PRUNE_PATTERN_HPP
#define CONDENSE_PRUNE_PATTERN_HPP

#include <string>

#include "condense/prune/keep.hpp"

namespace condense::prune {

/// Which elements of a weight matrix (outputs x inputs) may be pruned apart from each other.
struct Pattern {
  enum class Kind { layer, rows, global, n_of_m, blocks };

  Kind kind = Kind::layer;
  Index n = 0;  ///< For n_of_m: of `m` consecutive inputs `n` are kept.
  Index m = 0;
  Index block_rows = 1;  ///< For blocks.
  Index block_columns = 1;

  /// Any elements; the scores of one layer are compared with each other.
  static constexpr Pattern unstructured() noexcept { return {}; }
  /// Any elements; the scores of one output are compared with each other.
  static constexpr Pattern per_row() noexcept { return {.kind = Kind::rows}; }
  /// Any elements; the scores of all layers are compared with each other.
  static constexpr Pattern global() noexcept { return {.kind = Kind::global}; }
  static constexpr Pattern n_of_m(Index n, Index m) noexcept { return {.kind = Kind::n_of_m, .n = n, .m = m}; }
  static constexpr Pattern blocks(Index rows, Index columns) noexcept {
    return {.kind = Kind::blocks, .block_rows = rows, .block_columns = columns};
  }

  /// "unstructured", "unstructured per row", "unstructured global", "2:4", "blocks of 4 x 1".
  std::string name() const {
    switch (kind) {
      case Kind::layer: return "unstructured";
      case Kind::rows: return "unstructured per row";
      case Kind::global: return "unstructured global";
      case Kind::n_of_m: return fmt::format("{}:{}", n, m);
      case Kind::blocks: return fmt::format("blocks of {} x {}", block_rows, block_columns);
    }
    return {};
  }

  /// Throws unless its numbers are in their domains.
  void validate() const {
    require(kind != Kind::n_of_m || (n >= 1 && n <= m),
            "n of m consecutive elements are kept with 1 <= n <= m, not {} of {}", n, m);
    require(block_rows >= 1 && block_columns >= 1, "a block has 1 row and column or more, not {} x {}", block_rows,
            block_columns);
  }

  friend constexpr bool operator==(const Pattern&, const Pattern&) = default;
};

/// The mask of one matrix of scores (outputs x inputs) under a pattern. With n_of_m the sparsity says how many are kept
/// while it grows: ceil(m (1 - sparsity)), but `n` at least. `global` is that of a single layer here;
/// several have `keep_highest_of_all`.
inline Mask keep_by_pattern(TensorRef<const float> scores, const Pattern& pattern, double sparsity) {
  pattern.validate();
  require(scores.shape().rank() == 2, "scores (outputs x inputs) are needed, these have shape {}",
          scores.shape().to_string());
  switch (pattern.kind) {
    case Pattern::Kind::rows: return keep_highest_of_rows(scores, sparsity);
    case Pattern::Kind::blocks: return keep_blocks(scores, {pattern.block_rows, pattern.block_columns}, sparsity);
    case Pattern::Kind::n_of_m: {
      const double wanted = std::ceil(static_cast<double>(pattern.m) * (1 - checked_sparsity(sparsity)) - 1e-9);
      return keep_n_of_m(scores, std::max(pattern.n, static_cast<Index>(wanted)), pattern.m);
    }
    case Pattern::Kind::layer:
    case Pattern::Kind::global: break;
  }
  return keep_highest(scores, sparsity);
}

}  // namespace condense::prune

#endif
