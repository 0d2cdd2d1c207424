#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_PRODUCT_PAIR_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_PRODUCT_PAIR_HPP

#include "condense/runtime/detail/steps/float_product.hpp"
#include "condense/runtime/detail/steps/integer_product.hpp"

namespace condense::runtime::detail {

/// A depthwise product and the pointwise one that alone reads it: rows go from the first to the second one through a
/// piece of memory that stays in the first-level cache, and what is between them has no place in the arena. The results
/// are those of two steps.
template <class ProductStep>
struct ProductPairStep {
  static constexpr std::string_view kKind =
      std::same_as<ProductStep, FloatProductStep> ? "float product pair" : "integer product pair";
  static constexpr std::size_t kPieceBytes = 32768;

  ProductStep first{};   ///< Writes no buffer.
  ProductStep second{};  ///< Reads no activations.

  static void fields(auto& s, auto&& visit) { visit(s.first, s.second); }

  /// Rows of the first product, whole tiles, that a piece holds.
  static Index rows_of_piece(const ProductStep& first) noexcept {
    const auto row = static_cast<Index>(first.output_bytes()) * std::max<Index>(first.product.all_columns(), 1);
    return static_cast<Index>(kPieceBytes) / row / kTileRows * kTileRows;
  }

  void check(const BufferSizes& buffers) const {
    const ProductExtents& a = first.product;
    const ProductExtents& b = second.product;
    first.input.check(buffers, a, ProductStep::kInputBytes);
    first.check_weights(buffers);
    second.check_weights(buffers);
    second.check_output(buffers);
    require(!first.output.exists() && !second.input.values.exists() && !second.input.offsets.exists(),
            "a pair of products has a buffer between them");
    require(a.images == b.images && a.rows == b.rows && b.groups == 1 && b.taps == 1 && b.depth == a.all_columns(),
            "a pair of products does not fit together");
    require(rows_of_piece(first) > 0, "rows of {} elements are too long for a pair", a.all_columns());
    if constexpr (std::same_as<ProductStep, IntegerProductStep>) {
      require(first.output_type == second.input_type && !first.sum && !first.tail.exists(),
              "a pair of products does not fit together");
      if (first.table.exists()) buffers.require_readable(first.table, 256, 1);
    } else {
      require(!first.tail.residual.exists(), "the first one of a pair of products has a sum");
      first.tail.check(buffers, 0);
    }
  }

  void run(const Execution& e) const {
    const ProductExtents& p = second.product;
    const Index channels = p.depth;
    const Index columns = p.columns;
    const Index most = rows_of_piece(first);
    for_row_blocks(e.pool, p, [&](Index image, Index begin, Index rows) {
      alignas(64) std::byte piece[kPieceBytes];
      for (Index row = begin; row < begin + rows; row += most) {
        const Index count = std::min(most, begin + rows - row);
        multiply_rows(first, e, image, row, count, piece, channels);
        first.finish(e, piece, 0, count * channels);
        const Index start = (image * p.rows + row) * columns;
        std::byte* out = e.at<std::byte>(second.output) + static_cast<std::size_t>(start) * second.output_bytes();
        second.multiply_group(e, {.data = piece, .rows = count, .depth = channels, .row_stride = channels}, 0, out,
                              columns);
        second.finish(e, out, start, count * columns);
      }
    });
  }
};

}  // namespace condense::runtime::detail

#endif
