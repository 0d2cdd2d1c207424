#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_INTERLEAVED_PRODUCTS_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_INTERLEAVED_PRODUCTS_HPP

#include "condense/runtime/detail/steps/float_product.hpp"
#include "condense/runtime/detail/steps/integer_product.hpp"

namespace condense::runtime::detail {

/// Where the rows of a product go: lines of `rows` each, in elements of the output.
struct OutputLines {
  Index first = 0;  ///< Where row 0 of image 0 goes.
  Index rows = 0;
  Index row_stride = 0;
  Index line_stride = 0;
  Index image_stride = 0;
  Index joined = 1;         ///< Lines that a row has columns of: the first ones of the first line, and so on.
  Index joined_stride = 0;  ///< From one of those lines to the next.

  static void fields(auto& l, auto&& visit) {
    visit(l.first, l.rows, l.row_stride, l.line_stride, l.image_stride, l.joined, l.joined_stride);
  }

  /// Throws unless the rows of a product can be written there.
  void check(const BufferSizes& buffers, const ProductExtents& p, Writes output, std::size_t element_bytes) const {
    require(joined >= 1 && p.all_columns() % joined == 0, "{} lines cannot be joined in {} columns", joined,
            p.all_columns());
    const Index columns = p.all_columns() / joined;
    require(rows > 0 && first >= 0 && row_stride >= columns, "lines of {} rows, {} elements apart, hold no rows of {}",
            rows, row_stride, columns);
    require(joined == 1 || (row_stride == columns && columns > 0 && joined_stride % columns == 0 &&
                            p.all_columns() <= kMostJoinedColumns),
            "{} joined lines of {} columns lie {} elements apart", joined, columns, joined_stride);
    const auto reach = [](Index count, Index stride) {
      return checked_product({std::max<Index>(count - 1, 0), stride});
    };
    const Index lines = (p.rows + rows - 1) / rows;
    const Index last = reach(p.images, image_stride) + reach(lines, line_stride) + reach(rows, row_stride) +
                       reach(joined, joined_stride);
    buffers.require_writable(output, checked_product({1, first}) + last + columns, element_bytes);
  }

  /// Joined lines are written through a place of this size on the stack.
  static constexpr Index kJoinedBytes = 16384;
  static constexpr Index kMostJoinedColumns = 256;

  Index place(Index image, Index row) const noexcept {
    return first + image * image_stride + row / rows * line_stride + row % rows * row_stride;
  }
};

/// Products whose results interleave: a transposed convolution, of the products that `output_phases` tells.
template <class ProductStep>
struct InterleavedProducts {
  static constexpr bool kOfIntegers = std::same_as<ProductStep, IntegerProductStep>;
  static constexpr std::string_view kKind = kOfIntegers ? "interleaved integer products" : "interleaved float products";

  static constexpr bool kWritesInParts = true;

  struct Part {
    ProductStep product{};
    OutputLines lines{};

    static void fields(auto& p, auto&& visit) { visit(p.product, p.lines); }
  };
  std::vector<Part> parts{};

  static void fields(auto& s, auto&& visit) { visit(s.parts); }

  void check(const BufferSizes& buffers) const {
    for (const Part& part : parts) {
      part.product.check(buffers);
      if constexpr (kOfIntegers) require(!part.product.sum, "nothing is added to products that interleave");
      part.lines.check(buffers, part.product.product, part.product.output, part.product.output_bytes());
    }
  }

  void run(const Execution& e) const {
    for (const Part& part : parts) {
      const OutputLines& lines = part.lines;
      const auto element = static_cast<Index>(part.product.output_bytes());
      const ProductExtents& p = part.product.product;
      for_row_blocks(e.pool, p.images, p.rows, [&](Index image, Index first, Index count) {
        for (const Index end = first + count; first < end; first += count) {
          count = std::min(end - first, lines.rows - first % lines.rows);
          std::byte* out = e.at<std::byte>(part.product.output) + lines.place(image, first) * element;
          if (lines.joined == 1) {
            multiply_rows(part.product, e, image, first, count, out, lines.row_stride);
          } else {
            count = std::min(count, OutputLines::kJoinedBytes / (p.all_columns() * element));
            multiply_joined(e, part, image, first, count, out);
          }
        }
      });
    }
  }

 private:
  /// Rows whose columns belong to several lines: these are taken apart.
  static void multiply_joined(const Execution& e, const Part& part, Index image, Index first, Index count,
                              std::byte* out) noexcept {
    alignas(64) std::byte joined[OutputLines::kJoinedBytes];
    const Index columns = part.product.product.all_columns();
    const Index of_line = columns / part.lines.joined;
    multiply_rows(part.product, e, image, first, count, joined, columns);
    e.kernels.layout.transpose({.input = joined,
                                .rows = count,
                                .columns = part.lines.joined,
                                .element_bytes = of_line * static_cast<Index>(part.product.output_bytes()),
                                .output = out,
                                .output_stride = part.lines.joined_stride / of_line});
  }
};

}  // namespace condense::runtime::detail

#endif
